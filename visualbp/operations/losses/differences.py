"""Losses of the difference between a prediction and its target: squared, absolute, and Huber's between the two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.core.options import FloatOption
from visualbp.operations.base import Emitter
from visualbp.operations.losses.base import Loss, emit_mean, emit_mean_product, losses
from visualbp.operations.losses.terms import (
    PREDICTION,
    Part,
    Product,
    difference_part,
    prediction_part,
    target_part,
)
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol, exact
from visualbp.operations.words import Told


class MeanSquaredError(Loss):
    """mean((p - y)^2) over all elements of the batch, with the gradient 2 (p - y) / N."""

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
        emit_mean_product(emit, difference, difference, self.factor / self.averaged_over(prediction.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        difference = emit.memory("difference", prediction.shape)
        scale = 2.0 * self.factor / self.averaged_over(prediction.shape)
        emit(np.multiply, difference, emit.constant(scale), result)

    # -- where each number came from ---------------------------------------------------------------------------------

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        return (
            Product(
                1.0 / count, r"\frac{1}{N}", (difference_part(prediction, target), difference_part(prediction, target))
            ),
        )

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        return (
            Product(2.0 / count, r"\frac{2}{N}", (prediction_part(prediction),)),
            Product(-2.0 / count, r"-\frac{2}{N}", (target_part(target),)),
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        prediction, target = code.operands
        difference = code.kept("difference")
        return [
            f"{difference} = {prediction} - {target}",
            self.mean_product_in_numpy(code, difference, difference, repr(self.factor)),
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [
            self.gradient_in_numpy(code, code.kept("difference"), repr(2.0 * self.factor)),
        ]


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

    def count_in_numpy(self, code: NumpyCode) -> str:
        return f"len({code.operands[0]})"

    # -- where each number came from ---------------------------------------------------------------------------------

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        return (
            Product(
                0.5 / count, r"\frac{1}{2B}", (difference_part(prediction, target), difference_part(prediction, target))
            ),
        )

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        return (
            Product(1.0 / count, r"\frac{1}{B}", (prediction_part(prediction),)),
            Product(-1.0 / count, r"-\frac{1}{B}", (target_part(target),)),
        )


class MeanAbsoluteError(Loss):
    """mean(|p - y|) over all elements of the batch, with the gradient sign(p - y) / N: 0 where both are equal."""

    type_name, label = "mean_absolute_error", "Mean absolute error"
    description = "The mean of the absolute differences; outliers weigh less."
    formula, gradient_formula = r"\left|P - Y\right|", r"\, \text{sign}\left(P - Y\right)"
    pytorch = "functional.l1_loss(prediction, target)"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        prediction, target = inputs
        difference, size = emit.memory("difference", prediction.shape), emit.memory("size", prediction.shape)
        emit(np.subtract, prediction, target, difference)
        emit(np.absolute, difference, size)
        emit_mean(emit, size, self.averaged_over(prediction.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        emit(np.sign, emit.memory("difference", prediction.shape), result)
        emit(np.multiply, result, emit.constant(1.0 / self.averaged_over(prediction.shape)), result)

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        return np.sign(inputs[0] - inputs[1])  # where both are equal the gradient is 0, which is neither side's slope

    # -- where each number came from ---------------------------------------------------------------------------------

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        size = Part(
            np.abs(prediction - target),
            r"\left|{p} - {t}\right|",
            PREDICTION,
            Told("the size of prediction minus target", "number == np.abs(prediction - target)"),
            "size of error",
        )
        return (Product(1.0 / count, r"\frac{1}{N}", (size,)),)

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        symbol = r"\text{sign}\left({p} - {t}\right)"
        words = Told("the sign of prediction minus target", "number == np.sign(prediction - target)")
        sign = Part(np.sign(prediction - target), symbol, PREDICTION, words, "sign")
        return (Product(1.0 / count, r"\frac{1}{N}", (sign,)),)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        prediction, target = code.operands
        difference = code.kept("difference")
        return [
            f"{difference} = {prediction} - {target}",
            self.mean_in_numpy(code, f"np.abs({difference})"),
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [
            self.gradient_in_numpy(code, f"np.sign({code.kept('difference')})"),
        ]


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
        emit_mean(emit, value, self.averaged_over(prediction.shape), output)

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

    # -- where each number came from ---------------------------------------------------------------------------------

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        cut = self._cut_part(prediction, target)
        symbol = r"\left({p} - {t} - \frac{c}{2}\right)"
        other = Part(
            prediction - target - cut.numbers / 2.0,
            symbol,
            PREDICTION,
            "the difference less half of the cut one",
            "error less half",
        )
        return (Product(1.0 / count, r"\frac{1}{N}", (cut, other)),)

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        return (Product(1.0 / count, r"\frac{1}{N}", (self._cut_part(prediction, target),)),)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        prediction, target = code.operands
        difference, cut, limit = code.kept("difference"), code.kept("cut"), self.option_values["delta"]
        return [
            f"{difference} = {prediction} - {target}",
            f"{cut} = np.maximum(np.minimum({difference}, {limit!r}), {-limit!r})",
            self.mean_in_numpy(code, f"(({cut} * -0.5 + {difference}) * {cut})"),
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [
            self.gradient_in_numpy(code, code.kept("cut")),
        ]

    def _cut_part(self, p: Array, y: Array) -> Part:
        limit = self.option_values["delta"]
        symbol = r"\text{clip}\left({p} - {t}\right)"
        return Part(
            np.clip(p - y, -limit, limit),
            symbol,
            PREDICTION,
            f"prediction minus target, cut at {limit:g}",
            "error, cut",
        )


for _entry in (MeanSquaredError, HalfSquaredError, MeanAbsoluteError, Huber):
    losses.register(_entry)
