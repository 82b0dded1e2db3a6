"""The hinge loss: 0 from a margin of 1 on, and linear below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array
from visualbp.operations.base import Emitter
from visualbp.operations.losses.base import Loss, emit_mean, losses
from visualbp.operations.losses.terms import (
    PREDICTION,
    Part,
    Product,
    target_part,
)
from visualbp.operations.numpy_code import NumpyCode


class Hinge(Loss):
    """mean(max(0, 1 - y p)) over the batch, with y either -1 or 1. The gradient is -y / N while y p < 1, else 0."""

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
        emit_mean(emit, margin, self.averaged_over(prediction.shape), output)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        emit(np.sign, emit.memory("margin", prediction.shape), result)
        emit(np.multiply, result, target, result)
        emit(np.multiply, result, emit.constant(-1.0 / self.averaged_over(prediction.shape)), result)

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        return inputs[0] * inputs[1] < 1

    def accuracy(self, prediction: Array, target: Array) -> float | None:
        return float(np.mean((prediction > 0) == (target > 0)))

    # -- where each number came from ---------------------------------------------------------------------------------

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        symbol = r"\max\left(0, 1 - {t} {p}\right)"
        short = Part(
            np.maximum(1.0 - target * prediction, 0.0),
            symbol,
            PREDICTION,
            "how far the margin falls short of 1",
            "shortfall",
        )
        return (Product(1.0 / count, r"\frac{1}{N}", (short,)),)

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        inside = Part(
            (target * prediction < 1.0) * 1.0,
            r"\left[{t} {p} < 1\right]",
            PREDICTION,
            "1 while the margin is short, else 0",
            "inside",
        )
        return (Product(-1.0 / count, r"-\frac{1}{N}", (target_part(target), inside)),)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        prediction, target = code.operands
        margin = code.kept("margin")
        return [
            f"{margin} = np.maximum(1.0 - {prediction} * {target}, 0.0)",
            self.mean_in_numpy(code, margin),
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [
            self.gradient_in_numpy(code, f"np.sign({code.kept('margin')}) * {code.operands[1]}", "-1.0"),
        ]


losses.register(Hinge)
