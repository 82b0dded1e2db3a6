"""Dropout: a seeded mask that switches units off during training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array
from visualbp.operations.base import Emitter, IterationContext, Operation
from visualbp.operations.symbols import Symbol, exact


def draw_mask(context: IterationContext, stream: int, rate: float, mask: Array, copies: int = 1) -> None:
    """Fill `mask` with 1 / (1 - rate) where a unit is kept, and 0 where it is dropped; keyed by (seed, iteration).

    Each of the `copies` of the batch gets the same mask.
    """
    masks = mask.reshape(copies, -1)
    kept = context.generator(stream).random(masks.shape[1]) >= rate
    np.multiply(kept, 1.0 / (1.0 - rate), out=masks)


class Dropout(Operation):
    """h = mask * x, with the mask scaled by 1 / (1 - rate), as PyTorch has it. Outside training h = x.

    Source: Srivastava and others 2014, in the inverted form.
    """

    name = "dropout"

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        mask = emit.memory("mask", output.shape)
        if emit.training:
            emit(draw_mask, emit.context, emit.stream, self.rate, mask, emit.copies)
        else:
            emit(mask.fill, 1.0)
        emit(np.multiply, inputs[0], mask, output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(np.multiply, upstream, emit.memory("mask", output.shape), result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        """The mask cannot be seen from here; where x is not 0 it is output / x, and where x is 0 it is taken as 1."""
        tangent = tangents[0]
        if tangent is None:
            return np.zeros_like(output)
        mask = np.divide(output, inputs[0], out=np.ones_like(output), where=inputs[0] != 0)
        moved: Array = mask * tangent
        return moved

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return rf"{output} = \mathbf{{m}} \odot {operands[0]}, \quad {self._mask_text}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return rf"{result} = \mathbf{{m}} \odot {upstream}, \quad {self._mask_text}"

    @property
    def _mask_text(self) -> str:
        return rf"m_{{i}} \in \left\{{0, \frac{{1}}{{1 - {exact(self.rate)}}}\right\}}"
