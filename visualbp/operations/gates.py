"""The way into a gated layer: the state that it starts from, and a gate's own part of what was computed for all gates
in one product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import OUTSIDE, Symbol
from visualbp.operations.terms import Draft, Element, one_term
from visualbp.operations.words import ShapeTexts, Told, Words


class StartState(Operation):
    """The state (B, units) before the first time step: 0. Of `x` (B, n) it takes the number of samples alone."""

    name = "start_state"
    constant_operands = frozenset({"x"})

    def __init__(self, units: int) -> None:
        self.units = units

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (shapes[0][0], self.units)

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        emit(output.fill, 0.0)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        return np.zeros_like(output)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        return r"\mathbf{0}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} starts from a state of 0, before the first time step."

    def shapes_text(self, shapes: ShapeTexts) -> str:
        return "=  0"

    glossary: ClassVar[Mapping[str, str]] = {"the state": "", "before the first time step": ""}

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        return Draft("0", Told("the state before the first time step is 0", "output == 0"), [])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        x = code.operands[0]
        return [f"{code.output} = np.zeros((len({x}), {self.units}), {x}.dtype)"]


class GatePart(Operation):
    """A gate's own part of values that hold the parts of all gates side by side, added up over its operands.

    Operands (B, count * units); the output (B, units) is the sum of their columns from place * units on. The other
    gates' parts do not depend on it: there the gradient is 0, and the gates' gradients are added up.
    """

    name = "gate_part"
    operands: ClassVar[tuple[str, ...]] = ("z",)

    def __init__(self, place: int, count: int) -> None:
        self.place, self.count = place, count

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        batch, columns = shapes[0]
        return (batch, columns // self.count)

    def _own(self, output: Shape) -> slice:
        """Return the columns that are this gate's."""
        return slice(self.place * output[1], (self.place + 1) * output[1])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        own = self._own(output.shape)
        first, *others = inputs
        emit(np.copyto, output, first[:, own])
        for other in others:
            emit(np.add, output, other[:, own], output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(result.fill, 0.0)
        emit(np.copyto, result[:, self._own(output.shape)], upstream)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        own = self._own(output.shape)
        return np.sum([t[:, own] for t in tangents if t is not None] or [np.zeros_like(output)], axis=0)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        before = self.place * output.shape[0]
        place = f"j + {before}" if before else "j"
        return f"{output.at('j')} = {' + '.join(symbol.at(place) for symbol in operands)}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        before = self.place * output.shape[0]
        return f"{result.at('j')} = {upstream.at(f'j - {before}' if before else 'j')}{OUTSIDE}"

    # -- in words ----------------------------------------------------------------------------------------------------

    @property
    def _part(self) -> str:
        return f"part {self.place + 1} of {self.count}"

    def sentence(self, words: Words) -> str:
        if len(words.sources) == 1:
            return f"{words.layer} takes {self._part} out of {words.sources[0]}: {words.result}."
        return f"{words.layer} adds up {self._part} of {' and of '.join(words.sources)}: {words.result}."

    def vjp_sentence(self, words: Words) -> str:
        return f"goes back to {self._part} of {words.source}, and the other parts get 0 from here"

    glossary: ClassVar[Mapping[str, str]] = {
        **{"the gate's own part": "inputs", "taken over": "=", "what comes back to the gate's own part": "upstream"},
        **{"column belongs": "", "part": "", "another gate's": "at[1] // output.shape[1] != place"},
    }

    # -- where each number came from ---------------------------------------------------------------------------------

    def _within(self, element: Element, unit: int) -> int:
        """Return where the gate's unit lies in an operand."""
        return self.place * (element.array(0).shape[1] // self.count) + unit

    def terms(self, element: Element) -> Draft:
        sample, unit = element.index
        factors = [
            element.input(operand, (sample, self._within(element, unit))) for operand in range(len(element.layers))
        ]
        own = "[at[0], place * output.shape[1] + at[1]]"
        rule = Told("the gate's own part, taken over", f"output == inputs[0]{own}")
        if len(factors) > 1:
            rule = Told("the gate's own part, added up", f"output == sum(inputs){own}")
        formula = " + ".join(factor.symbol for factor in factors)
        return Draft(formula, rule, [one_term(factor) for factor in factors])

    def vjp_terms(self, element: Element) -> Draft:
        sample, column = element.index
        units = element.array(0).shape[1] // self.count
        if column // units != self.place:
            rule = Told(
                "this column belongs to part {part}, another gate's",
                "result == 0 and part == at[1] // output.shape[1] + 1",
                part=column // units + 1,
            )
            return Draft("0", rule, [])
        upstream = element.upstream((sample, column % units))
        rule = Told(
            "what comes back to the gate's own part, unchanged",
            "result == upstream[at[0], at[1] % output.shape[1]]",
        )
        return Draft(upstream.symbol, rule, [one_term(upstream)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def _columns(self, code: NumpyCode) -> str:
        own = self._own(code.output_shape)
        return f"{own.start}:{own.stop}"

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        parts = " + ".join(f"{operand}[:, {self._columns(code)}]" for operand in code.operands)
        return [f"{code.output} = {parts}" + (".copy()" if len(code.operands) == 1 else "")]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [
            f"{code.result} = np.zeros_like({code.operands[code.operand]})",
            f"{code.result}[:, {self._columns(code)}] = {code.upstream}",
        ]
