"""Binary cross-entropy: on probabilities, and, together with the sigmoid, on logits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array
from visualbp.operations.base import Emitter
from visualbp.operations.losses.base import Loss, emit_mean, losses
from visualbp.operations.losses.terms import (
    PREDICTION,
    TARGET,
    Part,
    Product,
    difference_part,
    target_part,
)
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.words import Told

Y_HAT = r"\hat{y}"
LOG_FLOOR = -100.0
"""PyTorch's binary_cross_entropy clamps its logarithms there ..."""
PROBABILITY_FLOOR = float(np.float32(1e-12))
"""... and the product p (1 - p) in its gradient here; its constant is a float32, also for float64."""


class BinaryCrossEntropy(Loss):
    """On probabilities. The clamps at LOG_FLOOR and PROBABILITY_FLOOR are PyTorch's."""

    type_name, label = "binary_cross_entropy", "Binary cross-entropy"
    description = "For a probability of yes; put a sigmoid before it."
    formula = r"\left(-Y \max(\log P, -100) - (1 - Y) \max(\log (1 - P), -100)\right)"
    gradient_formula = r"\frac{P - Y}{\max\left(P \odot (1 - P), 10^{-12}\right)}"
    target_kind = "binary"
    pytorch = "functional.binary_cross_entropy(prediction, target)"
    expects = "probabilities"

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
        emit_mean(emit, yes, self.averaged_over(p.shape), output)

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

    # -- where each number came from ---------------------------------------------------------------------------------

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        return _cross(
            np.maximum(np.log(prediction), LOG_FLOOR),
            np.maximum(np.log1p(-prediction), LOG_FLOOR),
            target,
            count,
            "{p}",
        )

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        slope = 1.0 / np.maximum(prediction * (1.0 - prediction), PROBABILITY_FLOOR)
        symbol = r"\frac{1}{{p} (1 - {p})}"
        return (
            Product(
                1.0 / count,
                r"\frac{1}{N}",
                (
                    difference_part(prediction, target),
                    Part(slope, symbol, PREDICTION, "one over its variance", "1 / variance"),
                ),
            ),
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        p, y = code.operands
        yes, no = code.kept("yes"), code.kept("no")
        return [
            f"{yes} = np.maximum(np.log({p}), {LOG_FLOOR!r})",
            f"{no} = np.maximum(np.log1p(-{p}), {LOG_FLOOR!r})",
            self.mean_in_numpy(code, f"(({y} - 1.0) * {no} - {yes} * {y})"),
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        p, y = code.operands
        return [
            self.gradient_in_numpy(code, f"({p} - {y}) / np.maximum((1.0 - {p}) * {p}, {PROBABILITY_FLOOR!r})"),
        ]


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
    expects, delta_is_difference = "logits", True

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
        emit_mean(emit, value, self.averaged_over(z.shape), output)

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

    # -- where each number came from ---------------------------------------------------------------------------------

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        return _cross(-np.logaddexp(0.0, -prediction), -np.logaddexp(0.0, prediction), target, count, Y_HAT)

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        probability = Part(
            np.exp(-np.logaddexp(0.0, -prediction)),
            Y_HAT,
            PREDICTION,
            "the predicted probability, sigmoid of z",
            "probability",
        )
        return (
            Product(1.0 / count, r"\frac{1}{N}", (probability,)),
            Product(-1.0 / count, r"-\frac{1}{N}", (target_part(target),)),
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        z, y = code.operands
        tail = code.kept("tail")
        return [
            f"{tail} = np.exp(-np.abs({z}))",
            self.mean_in_numpy(code, f"(np.log1p({tail}) + (np.maximum({z}, 0.0) - {z} * {y}))"),
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        z, y = code.operands
        tail, share = code.kept("tail"), code.kept("share")
        return [
            f"{share} = {tail} / ({tail} + 1.0) * np.sign({z})",
            self.gradient_in_numpy(code, f"(np.heaviside({z}, 0.5) - {y} - {share})"),
        ]


def _cross(yes: Array, no: Array, y: Array, count: float, symbol: str) -> tuple[Product, ...]:
    scale, sign = -1.0 / count, r"-\frac{1}{N}"
    log_yes = Part(yes, rf"\log {symbol}", PREDICTION, "the logarithm of the probability of yes", "log of yes")
    log_no = Part(
        no, rf"\log\left(1 - {symbol}\right)", PREDICTION, "the logarithm of the probability of no", "log of no"
    )
    rest = Part(
        1.0 - y, r"\left(1 - {t}\right)", TARGET, Told("one minus the target", "number == 1 - target"), "1 − target"
    )
    return Product(scale, sign, (target_part(y), log_yes)), Product(scale, sign, (rest, log_no))


for _entry in (BinaryCrossEntropy, BinaryCrossEntropyWithLogits):
    losses.register(_entry)
