"""Dropout: a seeded mask that switches units off during training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array
from visualbp.operations.base import Emitter, IterationContext, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol, exact
from visualbp.operations.terms import Draft, Element, Factor, one_term
from visualbp.operations.words import Words


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

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        return rf"\mathbf{{m}} \odot {operands[0]}"

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return rf"{super().equation(output, operands)}, \quad {self._mask_text}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return rf"{result} = \mathbf{{m}} \odot {upstream}, \quad {self._mask_text}"

    @property
    def _mask_text(self) -> str:
        return rf"m_{{i}} \in \left\{{0, \frac{{1}}{{1 - {exact(self.rate)}}}\right\}}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        what = f"drops some of {words.sources[0]} by the mask of this iteration"
        return f"{words.layer} {what}, and scales the others up."

    def vjp_sentence(self, words: Words) -> str:
        return f"goes back through the same mask to {words.source}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def _mask_factor(self, element: Element) -> Factor:
        number = float(element.kept("mask", element.array(0).shape)[element.index])
        words = "mask: dropped in this iteration" if number == 0 else "mask: kept, and scaled by 1 / (1 - rate)"
        return Factor(number, f"m_{{{','.join(map(str, element.index[1:]))}}}", meaning=words, word="mask")

    def terms(self, element: Element) -> Draft:
        x, mask = element.input(0, element.index), self._mask_factor(element)
        rule = "its input, times the mask of this iteration"
        return Draft(rf"{mask.symbol} \cdot {x.symbol}", rule, [one_term(mask, x)])

    def vjp_terms(self, element: Element) -> Draft:
        upstream, mask = element.upstream(element.index), self._mask_factor(element)
        rule = "upstream x local: what comes back, times the same mask as on the way forward"
        return Draft(rf"{mask.symbol} \cdot {upstream.symbol}", rule, [one_term(mask, upstream)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        x, mask = code.operands[0], code.kept("mask")
        return [
            f"{mask} = {code.generator}.random({x}.size).reshape({x}.shape) >= {self.rate!r}",
            f"{mask} = ({mask} * {1.0 / (1.0 - self.rate)!r}).astype({x}.dtype)",
            f"{code.output} = {x} * {mask}",
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.result} = {code.upstream} * {code.kept('mask')}"]
