"""Losses over classes: cross-entropy on probabilities, and on logits with softmax in it; and the KL divergence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, as_rows, emit_row_maximum
from visualbp.operations.losses.base import Loss, emit_mean, emit_mean_product, losses
from visualbp.operations.losses.terms import (
    PREDICTION,
    TARGET,
    Part,
    Product,
    target_part,
)
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.words import Told

Y_HAT = r"\hat{y}"


class ClassLoss(Loss):
    """A loss over the classes of the last axis; averages over the batch, and over the positions of a sequence."""

    target_kind = "classes"
    divisor = "B T"

    def averaged_over(self, shape: Shape) -> int:
        return size_of(shape[:-1])

    def accuracy(self, prediction: Array, target: Array) -> float | None:
        return float(np.mean(prediction.argmax(-1) == target.argmax(-1)))

    def count_in_numpy(self, code: NumpyCode) -> str:
        prediction = code.operands[0]
        return f"len({prediction})" if len(code.shapes[0]) == 2 else f"({prediction}.size // {code.shapes[0][-1]})"


class SoftmaxCrossEntropy(ClassLoss):
    """On logits, fused: delta = (y_hat - y) / B, the document's closed form. `probability` is kept for people to see.

    A distribution's sum is multiplied in, so that the gradient is exact for targets that do not sum to 1, too.
    """

    type_name, label = "softmax_cross_entropy", "Softmax cross-entropy"
    description = "Softmax and cross-entropy in one; its delta is y_hat - y."
    formula, gradient_formula = r"\left(-Y \log A\right)", r"\left(A - Y\right)"
    answer_formula = r"\text{softmax}\left(P\right)"
    expects, delta_is_difference = "logits", True

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        z, y = as_rows(inputs[0]), as_rows(inputs[1])
        row, total = emit.memory("row", (len(z), 1)), emit.memory("total", (len(z), 1))
        shifted, probability = emit.memory("shifted", z.shape), as_rows(emit.memory("probability", inputs[0].shape))
        emit_row_maximum(emit, z, row)
        emit(np.subtract, z, row, shifted)
        emit(np.exp, shifted, probability)
        emit(np.dot, probability, emit.ones(z.shape[1]), row.reshape(-1))
        emit(np.divide, probability, row, probability)
        emit(np.log, row, row)
        emit(np.subtract, row, shifted, shifted)  # -log y_hat
        emit(np.dot, y, emit.ones(y.shape[1]), total.reshape(-1))
        emit_mean_product(emit, shifted, y, 1.0 / self.averaged_over(inputs[0].shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        y, delta = as_rows(target), as_rows(result)
        probability = as_rows(emit.memory("probability", prediction.shape))
        emit(np.multiply, probability, emit.memory("total", (len(y), 1)), delta)
        emit(np.subtract, delta, y, delta)
        emit(np.multiply, delta, emit.constant(1.0 / self.averaged_over(prediction.shape)), delta)

    def to_pytorch(self, shape: Shape, of_classes: bool) -> str:
        """PyTorch's own takes the classes from the second axis: the positions of a sequence become more samples."""
        if len(shape) == 1:
            return "functional.cross_entropy(prediction, target)"
        targets = "target.flatten()" if of_classes else "target.flatten(0, -2)"
        return f"functional.cross_entropy(prediction.flatten(0, -2), {targets})"

    def answer(self, prediction: Array) -> Array:
        with np.errstate(all="ignore"):
            shares = np.exp(prediction - prediction.max(-1, keepdims=True))
            return np.asarray(shares / shares.sum(-1, keepdims=True))

    # -- where each number came from ---------------------------------------------------------------------------------

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        logarithm = Part(
            _log_softmax(prediction),
            rf"\log {Y_HAT}",
            PREDICTION,
            "the logarithm of the predicted probability",
            "log probability",
        )
        return (Product(-1.0 / count, r"-\frac{1}{B}", (target_part(target), logarithm)),)

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        probability = Part(
            np.exp(_log_softmax(prediction)),
            Y_HAT,
            PREDICTION,
            "the predicted probability, softmax of z",
            "probability",
        )
        total = np.broadcast_to(target.sum(-1, keepdims=True), target.shape)
        parts: tuple[Part, ...] = (probability,)
        if not np.all(total == 1.0):
            parts += (
                Part(
                    total,
                    r"\sum_j y_j",
                    TARGET,
                    Told(
                        "the sum of the targets of the sample",
                        "number == np.broadcast_to(target.sum(-1, keepdims=True), target.shape)",
                    ),
                    "sum of targets",
                ),
            )
        return Product(1.0 / count, r"\frac{1}{B}", parts), Product(
            -1.0 / count, r"-\frac{1}{B}", (target_part(target),)
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        z, y = (self._rows(code, name) for name in code.operands)
        shifted, probability, total = code.kept("shifted"), code.kept("probability"), code.kept("total")
        ones = f"np.ones({code.shapes[0][-1]}, {code.operands[0]}.dtype)"
        return [
            f"{shifted} = {z} - {z}.max(axis=1, keepdims=True)",
            f"{probability} = np.exp({shifted})",
            f"{total} = ({probability} @ {ones})[:, None]",
            f"{probability} = {probability} / {total}",
            self.mean_product_in_numpy(code, f"(np.log({total}) - {shifted})", y),
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        y, probability = self._rows(code, code.operands[1]), code.kept("probability")
        sums = f"({y} @ np.ones({code.shapes[0][-1]}, {code.operands[0]}.dtype))[:, None]"
        reshaped = (
            "" if len(code.shapes[0]) == 2 else f"{code.result} = {code.result}.reshape({code.operands[0]}.shape)"
        )
        gradient = self.gradient_in_numpy(code, f"({probability} * {sums} - {y})")
        return [gradient, *([reshaped] if reshaped else [])]

    @staticmethod
    def _rows(code: NumpyCode, name: str) -> str:
        return name if len(code.shapes[0]) == 2 else f"{name}.reshape(-1, {code.shapes[0][-1]})"


class CrossEntropy(ClassLoss):
    """On probabilities, after a softmax. Where y is 0 a class adds nothing, even at probability 0."""

    type_name, label = "cross_entropy", "Cross-entropy"
    description = "For probabilities; put a softmax before it."
    formula, gradient_formula = r"\left(-Y \log P\right)", r"\frac{Y}{P}"
    gradient_factor = "-1"
    pytorch = "-(target * torch.log(torch.where(target > 0, prediction, 1.0))).sum(-1).mean()"
    pytorch_of_classes = "-torch.log(prediction.gather(-1, target.unsqueeze(-1))).mean()"
    expects = "probabilities"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        p, y = inputs
        value, absent = emit.memory("value", p.shape), emit.memory("absent", p.shape, bool)
        emit(np.equal, y, emit.constant(0.0), absent)
        emit(np.log, p, value)
        emit(np.multiply, value, y, value)
        emit(np.copyto, value, emit.constant(0.0), "same_kind", absent)
        emit(np.negative, value, value)
        emit_mean(emit, value, self.averaged_over(p.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        absent = emit.memory("absent", prediction.shape, bool)
        emit(np.divide, target, prediction, result)
        emit(np.copyto, result, emit.constant(0.0), "same_kind", absent)
        emit(np.multiply, result, emit.constant(-1.0 / self.averaged_over(prediction.shape)), result)

    # -- where each number came from ---------------------------------------------------------------------------------

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        words = Told("the logarithm of the prediction", "number == np.where(target != 0, np.log(prediction), 0)")
        logarithm = Part(
            np.where(target == 0.0, 0.0, np.log(prediction)), r"\log {p}", PREDICTION, words, "log prediction"
        )
        return (Product(-1.0 / count, r"-\frac{1}{B}", (target_part(target), logarithm)),)

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        words = Told("one over the prediction", "number == np.where(target != 0, 1 / prediction, 0)")
        inverse = Part(
            np.where(target == 0.0, 0.0, 1.0 / prediction), r"\frac{1}{{p}}", PREDICTION, words, "1 / prediction"
        )
        return (Product(-1.0 / count, r"-\frac{1}{B}", (target_part(target), inverse)),)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        p, y = code.operands
        return [
            self.mean_in_numpy(code, f"(-np.where({y} == 0.0, 0.0, np.log({p}) * {y}))"),
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        p, y = code.operands
        return [
            self.gradient_in_numpy(code, f"np.where({y} == 0.0, 0.0, {y} / {p})", "-1.0"),
        ]


class KullbackLeibler(CrossEntropy):
    """sum of y (log y - log p), the mean over the batch: how far probabilities p are from the distribution y.

    As PyTorch's KLDivLoss with reduction "batchmean", which divides by the samples also where each is a sequence. That
    one takes the logarithms of p; here the prediction is p itself, after a softmax, so that what a person sees and what
    the loss compares is the same. Targets are distributions over the last axis; a class index counts as the
    distribution that is sure of it. 0 log 0 is 0. The gradient is the cross-entropy's, for log y does not depend on p.
    """

    type_name, label = "kl_divergence", "KL divergence"
    description = "How far probabilities are from a target distribution; 0 where they agree. It follows a softmax."
    formula = r"Y \left(\log Y - \log P\right)"
    divisor = "B"
    pytorch = "functional.kl_div(torch.log(torch.where(target > 0, prediction, 1.0)), target, reduction='batchmean')"
    pytorch_of_classes = "-torch.log(prediction.gather(-1, target.unsqueeze(-1))).sum() / len(prediction)"

    def averaged_over(self, shape: Shape) -> int:
        return shape[0]

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        p, y = inputs
        value, own = emit.memory("value", p.shape), emit.memory("own", p.shape)
        absent = emit.memory("absent", p.shape, bool)
        emit(np.equal, y, emit.constant(0.0), absent)
        emit(np.log, p, value)
        emit(np.log, y, own)
        emit(np.subtract, own, value, value)
        emit(np.multiply, value, y, value)
        emit(np.copyto, value, emit.constant(0.0), "same_kind", absent)
        emit_mean(emit, value, self.averaged_over(p.shape), output)

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return rf"{super().equation(output, operands)}, \quad 0 \log 0 = 0"

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        difference = Part(
            np.where(target == 0.0, 0.0, np.log(target) - np.log(prediction)),
            r"\left(\log {t} - \log {p}\right)",
            PREDICTION,
            Told(
                "the logarithm of the target less that of the prediction",
                "number == np.where(target != 0, np.log(target) - np.log(prediction), 0)",
            ),
            "log difference",
        )
        return (Product(1.0 / count, r"\frac{1}{B}", (target_part(target), difference)),)

    def count_in_numpy(self, code: NumpyCode) -> str:
        return f"len({code.operands[0]})"

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        p, y = code.operands
        return [self.mean_in_numpy(code, f"np.where({y} == 0.0, 0.0, (np.log({y}) - np.log({p})) * {y})")]


def _log_softmax(z: Array) -> Array:
    shifted = z - z.max(-1, keepdims=True)
    logarithms: Array = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return logarithms


for _entry in (SoftmaxCrossEntropy, CrossEntropy, KullbackLeibler):
    losses.register(_entry)
