"""Between a sequence and its time steps: one step taken out of a sequence, and steps put together into one again.

A time step lies in memory by itself, in the lines of NumPy too: products of rows that lie apart may round otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.operations.base import Emitter, Operation, emit_copy
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import Draft, Element, one_term
from visualbp.operations.words import Words


class TimeSlice(Operation):
    """x[t]: what a sequence (B, T, ...) holds at one time step, (B, ...).

    Its gradient is 0 at all other steps. A plan does not add up T sequences of zeros, though: where one layer takes all
    steps apart, their gradients are gathered into the sequence's in one go.
    """

    name = "time_slice"

    def __init__(self, index: int) -> None:
        self.index = index

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (shapes[0][0], *shapes[0][2:])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        emit_copy(emit, output, inputs[0][:, self.index])

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(result.fill, 0.0)
        emit(np.copyto, result[:, self.index], upstream)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        return np.zeros_like(output) if tangent is None else np.array(tangent[:, self.index])

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return f"{output} = {operands[0].at(str(self.index))}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return rf"{result.at('t')} = \left[t = {self.index}\right] {upstream}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} takes time step {self.index} out of {words.sources[0]}."

    def vjp_sentence(self, words: Words) -> str:
        return f"goes back to time step {self.index} of {words.source} alone"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        sample, *rest = element.index
        factor = element.input(0, (sample, self.index, *rest))
        return Draft(factor.symbol, f"taken out of the sequence at time step {self.index}", [one_term(factor)])

    def vjp_terms(self, element: Element) -> Draft:
        sample, time, *rest = element.index
        if time != self.index:
            return Draft("0", f"this part of the gradient belongs to time step {self.index} alone", [])
        upstream = element.upstream((sample, *rest))
        return Draft(upstream.symbol, "what comes back at its time step, unchanged", [one_term(upstream)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.output} = {code.operands[0]}[:, {self.index}].copy()"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [
            f"{code.result} = np.zeros_like({code.operands[0]})",
            f"{code.result}[:, {self.index}] = {code.upstream}",
        ]


class Stack(Operation):
    """A sequence (B, T, ...) of its operands, each of them (B, ...); each gets its own step of the upstream."""

    name = "stack"
    operands = ("h",)
    output_in_any_order = True

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (shapes[0][0], len(shapes), *shapes[0][1:])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        for index, array in enumerate(inputs):
            emit_copy(emit, output[:, index], array)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit_copy(emit, result, upstream[:, operand])

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        moved = [np.zeros_like(x) if t is None else t for t, x in zip(tangents, inputs, strict=True)]
        return np.stack(moved, axis=1)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        shown = list(operands) if len(operands) <= 4 else [operands[0], operands[1], r"\ldots", operands[-1]]
        parts = r", \, ".join(shown)
        return rf"\left[{parts}\right]"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return f"{result} = {upstream.at(str(operand))}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        count = len(words.sources)
        if None in words.states:
            return f"{words.layer} puts {words.listed()} together, as {count} time steps."
        return f"{words.layer} puts the states of its {count} time steps together."

    def vjp_sentence(self, words: Words) -> str:
        return f"is taken apart; this time step goes back to {words.source}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        sample, time, *rest = element.index
        factor = element.input(time, (sample, *rest))
        return Draft(factor.symbol, f"taken over from time step {time}", [one_term(factor)])

    def vjp_terms(self, element: Element) -> Draft:
        sample, *rest = element.index
        upstream = element.upstream((sample, element.operand, *rest))
        words = f"what comes back at time step {element.operand}, unchanged"
        return Draft(upstream.symbol, words, [one_term(upstream)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.output} = np.stack([{', '.join(code.operands)}], axis=1)"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.result} = {code.upstream}[:, {code.operand}].copy()"]
