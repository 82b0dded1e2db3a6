"""The losses: each a scalar, the mean over the batch, with its gradient for the prediction. Semantics are PyTorch's.

A loss is the end of the graph: its upstream is dL/dL = 1, so its reverse-mode rule is dL / d prediction itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.options import FloatOption, Option
from visualbp.core.registry import Registry
from visualbp.operations.base import Emitter, IterationContext, as_rows, emit_row_maximum
from visualbp.operations.loss_equations import LossEquations
from visualbp.operations.symbols import Symbol, exact

LOG_FLOOR = -100.0
"""PyTorch's binary_cross_entropy clamps its logarithms there ..."""
PROBABILITY_FLOOR = float(np.float32(1e-12))
"""... and the product p (1 - p) in its gradient here; its constant is a float32, also for float64."""


class Loss(LossEquations):
    """A loss of a prediction and a target of the same shape."""

    type_name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    description: ClassVar[str] = ""
    options: ClassVar[tuple[Option, ...]] = ()
    target_kind: ClassVar[Literal["vector", "classes", "binary", "signs"]] = "vector"
    """What a target is: any vector; a class (an index, or a distribution over the last axis); 0 to 1; -1 or 1."""
    operands = ("prediction", "target")
    constant_operands = frozenset({"target"})

    def __init__(self, **options: Any) -> None:
        self.option_values = options

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.type_name

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return ()

    def averaged_over(self, shape: Shape) -> int:
        """Return the count that the sum is divided by: all elements of the batch, unless a loss says otherwise."""
        return size_of(shape)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        """Emit result = dL / d prediction."""
        raise TypeError(f"{self.type_name} has no gradient")

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        self.gradient(emit, inputs[0], inputs[1], result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        if tangent is None:
            return np.zeros((), output.dtype)
        emitter, result = Emitter(_NO_ITERATION, output.dtype, eager=True), np.zeros_like(inputs[0])
        with np.errstate(all="ignore"):
            self.forward(emitter, inputs, np.zeros((), output.dtype))
            self.gradient(emitter, inputs[0], inputs[1], result)
        return np.asarray(np.sum(result * tangent))

    def answer(self, prediction: Array) -> Array:
        """Return y_hat, what a prediction says: probabilities where it is logits, else the prediction itself."""
        return prediction

    def accuracy(self, prediction: Array, target: Array) -> float | None:
        """Return the share of right answers, or None where being right has no meaning."""
        return None


def _emit_mean(emit: Emitter, values: Array, count: int, output: Array) -> None:
    """Emit output = sum(values) / count, for each copy of the batch on its own."""
    if emit.copies == 1:
        emit(np.add.reduce, values.reshape(-1), 0, None, output)
    else:
        emit(np.add.reduce, values.reshape(emit.copies, -1), 1, None, output)
    emit(np.multiply, output, emit.constant(emit.copies / count), output)


def _emit_mean_product(emit: Emitter, one: Array, other: Array, factor: float, output: Array) -> None:
    """Emit output = factor * sum(one * other), for each copy of the batch on its own."""
    if emit.copies == 1:
        emit(np.dot, one.reshape(-1), other.reshape(-1), output)
    else:
        emit(np.vecdot, one.reshape(emit.copies, -1), other.reshape(emit.copies, -1), output)
    emit(np.multiply, output, emit.constant(factor * emit.copies), output)


class MeanSquaredError(Loss):
    type_name, label = "mean_squared_error", "Mean squared error"
    description = "The mean of the squared differences."
    formula, gradient_formula = r"\left(P - Y\right)^{2}", r"\left(P - Y\right)"
    gradient_factor = "2"
    factor: ClassVar[float] = 1.0
    pytorch = "functional.mse_loss(prediction, target)"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        prediction, target = inputs
        difference = emit.memory("difference", prediction.shape)
        emit(np.subtract, prediction, target, difference)
        _emit_mean_product(emit, difference, difference, self.factor / self.averaged_over(prediction.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        difference = emit.memory("difference", prediction.shape)
        scale = 2.0 * self.factor / self.averaged_over(prediction.shape)
        emit(np.multiply, difference, emit.constant(scale), result)


class HalfSquaredError(MeanSquaredError):
    """Half the sum over outputs, the mean over the batch alone: the loss of Mazur's worked example."""

    type_name, label = "half_squared_error", "Half squared error"
    description = "Half the sum of the squared differences of a sample."
    divisor, gradient_factor = "B", "1"
    formula = r"\frac{1}{2} \left(P - Y\right)^{2}"
    factor = 0.5
    pytorch = "0.5 * (prediction - target).square().sum() / len(prediction)"

    def averaged_over(self, shape: Shape) -> int:
        return shape[0]


class MeanAbsoluteError(Loss):
    type_name, label = "mean_absolute_error", "Mean absolute error"
    description = "The mean of the absolute differences; outliers weigh less."
    formula, gradient_formula = r"\left|P - Y\right|", r"\, \text{sign}\left(P - Y\right)"
    pytorch = "functional.l1_loss(prediction, target)"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        prediction, target = inputs
        difference, size = emit.memory("difference", prediction.shape), emit.memory("size", prediction.shape)
        emit(np.subtract, prediction, target, difference)
        emit(np.absolute, difference, size)
        _emit_mean(emit, size, self.averaged_over(prediction.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        emit(np.sign, emit.memory("difference", prediction.shape), result)
        emit(np.multiply, result, emit.constant(1.0 / self.averaged_over(prediction.shape)), result)

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        return np.sign(inputs[0] - inputs[1])  # where both are equal the gradient is 0, which is neither side's slope


class Huber(Loss):
    """d^2 / 2 up to delta, and delta (|d| - delta / 2) beyond. With c = d cut to +-delta both are c (d - c / 2)."""

    type_name, label = "huber", "Huber"
    description = "Squared for small differences, absolute for large ones."
    options = (FloatOption("delta", 1.0, "where it turns from squared to absolute", minimum=1e-9),)
    formula = r"H\left(P - Y\right)"
    gradient_formula = r"\, \max\left(-\Delta, \min\left(\Delta, P - Y\right)\right)"
    pytorch = "functional.huber_loss(prediction, target, delta={delta})"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        prediction, target = inputs
        difference, cut = emit.memory("difference", prediction.shape), emit.memory("cut", prediction.shape)
        emit(np.subtract, prediction, target, difference)
        emit(np.minimum, difference, emit.constant(self.option_values["delta"]), out=cut)
        emit(np.maximum, cut, emit.constant(-self.option_values["delta"]), out=cut)
        value = emit.memory("value", prediction.shape)
        emit(np.multiply, cut, emit.constant(-0.5), value)
        emit(np.add, value, difference, value)
        emit(np.multiply, value, cut, value)
        _emit_mean(emit, value, self.averaged_over(prediction.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        scale = emit.constant(1.0 / self.averaged_over(prediction.shape))
        emit(np.multiply, emit.memory("cut", prediction.shape), scale, result)

    def letters(self, prediction: Symbol) -> dict[str, float | str]:
        return {**super().letters(prediction), r"\Delta": exact(self.option_values["delta"])}

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        beyond = r"\Delta \left(\left|d\right| - \frac{\Delta}{2}\right)"
        rule = rf"H(d) = \frac{{1}}{{2}} d^{{2}} \text{{ if }} \left|d\right| \le \Delta \text{{ else }} {beyond}"
        return rf"{super().equation(output, operands)}, \quad {rule}"

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        difference, delta = inputs[0] - inputs[1], self.option_values["delta"]
        return (difference > delta).astype(np.int8) - (difference < -delta)


class BinaryCrossEntropy(Loss):
    """On probabilities. The clamps at LOG_FLOOR and PROBABILITY_FLOOR are PyTorch's."""

    type_name, label = "binary_cross_entropy", "Binary cross-entropy"
    description = "For a probability of yes; put a sigmoid before it."
    formula = r"\left(-Y \max(\log P, -100) - (1 - Y) \max(\log (1 - P), -100)\right)"
    gradient_formula = r"\frac{P - Y}{\max\left(P \odot (1 - P), 10^{-12}\right)}"
    target_kind = "binary"
    pytorch = "functional.binary_cross_entropy(prediction, target)"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        p, y = inputs
        yes, no, floor = emit.memory("yes", p.shape), emit.memory("no", p.shape), emit.constant(LOG_FLOOR)
        rest = emit.memory("rest", p.shape)
        emit(np.log, p, yes)
        emit(np.maximum, yes, floor, out=yes)
        emit(np.negative, p, no)
        emit(np.log1p, no, no)
        emit(np.maximum, no, floor, out=no)
        # (y - 1) log(1 - p) - y log p: for y of 0 or 1 one of both is exactly 0, and the other keeps all its digits
        emit(np.subtract, y, emit.constant(1.0), rest)
        emit(np.multiply, rest, no, no)
        emit(np.multiply, yes, y, yes)
        emit(np.subtract, no, yes, yes)
        _emit_mean(emit, yes, self.averaged_over(p.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        product = emit.memory("product", prediction.shape)
        emit(np.subtract, emit.constant(1.0), prediction, product)
        emit(np.multiply, product, prediction, product)
        emit(np.maximum, product, emit.constant(PROBABILITY_FLOOR), out=product)
        emit(np.subtract, prediction, target, result)
        emit(np.divide, result, product, result)
        emit(np.multiply, result, emit.constant(1.0 / self.averaged_over(prediction.shape)), result)

    def departs_from_derivative(self, inputs: Sequence[Array]) -> Array | None:
        p = inputs[0]
        return np.asarray(p * (1.0 - p) < PROBABILITY_FLOOR)

    def accuracy(self, prediction: Array, target: Array) -> float | None:
        return float(np.mean((prediction > 0.5) == (target > 0.5)))


class BinaryCrossEntropyWithLogits(Loss):
    """(max(z, 0) - z y) + log(1 + e^-|z|), which never overflows; its gradient is sigmoid(z) - y.

    Where z is far on the right side, both are as small as e^-|z|. They keep their digits because what is left of 0 or 1
    is computed by itself: sigmoid(z) is [z > 0] less, or plus, the tail e^-|z| / (1 + e^-|z|).
    """

    type_name, label = "binary_cross_entropy_with_logits", "Binary cross-entropy with logits"
    description = "Sigmoid and binary cross-entropy in one: stable, and its delta is y_hat - y."
    formula, gradient_formula = r"\left(-Y \log A - (1 - Y) \log (1 - A)\right)", r"\left(A - Y\right)"
    answer_formula = r"\text{sigmoid}\left(P\right)"
    target_kind = "binary"
    pytorch = "functional.binary_cross_entropy_with_logits(prediction, target)"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        z, y = inputs
        value, part, product, tail = (emit.memory(name, z.shape) for name in ("value", "part", "product", "tail"))
        emit(np.absolute, z, tail)
        emit(np.negative, tail, tail)
        emit(np.exp, tail, tail)
        emit(np.log1p, tail, value)
        emit(np.maximum, z, emit.constant(0.0), out=part)
        emit(np.multiply, z, y, product)
        emit(np.subtract, part, product, part)
        emit(np.add, value, part, value)
        _emit_mean(emit, value, self.averaged_over(z.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        tail, share = emit.memory("tail", prediction.shape), emit.memory("share", prediction.shape)
        emit(np.add, tail, emit.constant(1.0), share)
        emit(np.divide, tail, share, share)
        emit(np.sign, prediction, result)
        emit(np.multiply, share, result, share)
        emit(np.heaviside, prediction, emit.constant(0.5), result)
        emit(np.subtract, result, target, result)
        emit(np.subtract, result, share, result)
        emit(np.multiply, result, emit.constant(1.0 / self.averaged_over(prediction.shape)), result)

    def answer(self, prediction: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(1.0 / (1.0 + np.exp(-prediction)))

    def accuracy(self, prediction: Array, target: Array) -> float | None:
        return float(np.mean((prediction > 0) == (target > 0.5)))


class ClassLoss(Loss):
    """A loss over the classes of the last axis; averages over the batch, and over the positions of a sequence."""

    target_kind = "classes"
    divisor = "B T"

    def averaged_over(self, shape: Shape) -> int:
        return size_of(shape[:-1])

    def accuracy(self, prediction: Array, target: Array) -> float | None:
        return float(np.mean(prediction.argmax(-1) == target.argmax(-1)))


class SoftmaxCrossEntropy(ClassLoss):
    """On logits, fused: delta = (y_hat - y) / B, the document's closed form. `probability` is kept for people to see.

    A distribution's sum is multiplied in, so that the gradient is exact for targets that do not sum to 1, too.
    """

    type_name, label = "softmax_cross_entropy", "Softmax cross-entropy"
    description = "Softmax and cross-entropy in one; its delta is y_hat - y."
    formula, gradient_formula = r"\left(-Y \log A\right)", r"\left(A - Y\right)"
    answer_formula = r"\text{softmax}\left(P\right)"

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
        _emit_mean_product(emit, shifted, y, 1.0 / self.averaged_over(inputs[0].shape), output)

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


class CrossEntropy(ClassLoss):
    """On probabilities, after a softmax. Where y is 0 a class adds nothing, even at probability 0."""

    type_name, label = "cross_entropy", "Cross-entropy"
    description = "For probabilities; put a softmax before it."
    formula, gradient_formula = r"\left(-Y \log P\right)", r"\frac{Y}{P}"
    gradient_factor = "-1"
    pytorch = "-(target * torch.log(torch.where(target > 0, prediction, 1.0))).sum(-1).mean()"
    pytorch_of_classes = "-torch.log(prediction.gather(-1, target.unsqueeze(-1))).mean()"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        p, y = inputs
        value, absent = emit.memory("value", p.shape), emit.memory("absent", p.shape, bool)
        emit(np.equal, y, emit.constant(0.0), absent)
        emit(np.log, p, value)
        emit(np.multiply, value, y, value)
        emit(np.copyto, value, emit.constant(0.0), "same_kind", absent)
        emit(np.negative, value, value)
        _emit_mean(emit, value, self.averaged_over(p.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        absent = emit.memory("absent", prediction.shape, bool)
        emit(np.divide, target, prediction, result)
        emit(np.copyto, result, emit.constant(0.0), "same_kind", absent)
        emit(np.multiply, result, emit.constant(-1.0 / self.averaged_over(prediction.shape)), result)


class Hinge(Loss):
    type_name, label = "hinge", "Hinge"
    description = "For targets -1 and 1: pushes until the margin is 1."
    formula, gradient_formula = r"\max\left(0, 1 - Y P\right)", r"\, Y \odot \left[Y \odot P < 1\right]"
    gradient_factor = "-1"
    target_kind = "signs"
    pytorch = "torch.relu(1 - target * prediction).mean()"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        prediction, target = inputs
        margin = emit.memory("margin", prediction.shape)
        emit(np.multiply, prediction, target, margin)
        emit(np.subtract, emit.constant(1.0), margin, margin)
        emit(np.maximum, margin, emit.constant(0.0), out=margin)
        _emit_mean(emit, margin, self.averaged_over(prediction.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        emit(np.sign, emit.memory("margin", prediction.shape), result)
        emit(np.multiply, result, target, result)
        emit(np.multiply, result, emit.constant(-1.0 / self.averaged_over(prediction.shape)), result)

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        return inputs[0] * inputs[1] < 1

    def accuracy(self, prediction: Array, target: Array) -> float | None:
        return float(np.mean((prediction > 0) == (target > 0)))


_NO_ITERATION = IterationContext()

losses: Registry[type[Loss]] = Registry("loss")
for _entry in (
    MeanSquaredError,
    HalfSquaredError,
    MeanAbsoluteError,
    Huber,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    SoftmaxCrossEntropy,
    CrossEntropy,
    Hinge,
):
    losses.register(_entry)
