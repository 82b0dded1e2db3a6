"""The new state of a GRU: a mean of the old state and the candidate, weighted by the update gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import Draft, Element, Factor, constant, one_term
from visualbp.operations.words import ShapeTexts, Told, Words

UPDATE, CANDIDATE, STATE = range(3)


class UpdatedState(Operation):
    """h = (1 - u) * n + u * h_before, element by element; all of them (B, units).

    What comes back to h goes on to h_before times the update gate alone, through no weights and no slope: where the
    gate is near 1, an error signal is kept through many time steps. Source: PyTorch's GRU, whose z is u here. It is
    computed as n + u * (h_before - n), as PyTorch does.
    """

    name = "updated_state"
    operands: ClassVar[tuple[str, ...]] = ("update", "candidate", "h")

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        update, candidate, state = inputs
        emit(np.subtract, state, candidate, output)
        emit(np.multiply, update, output, output)
        emit(np.add, candidate, output, output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        update, candidate, state = inputs
        match self.operand_name(operand):
            case "update":
                emit(np.subtract, state, candidate, result)
                emit(np.multiply, upstream, result, result)
            case "candidate":
                emit(np.subtract, emit.constant(1.0), update, result)
                emit(np.multiply, upstream, result, result)
            case _:
                emit(np.multiply, upstream, update, result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        update, candidate, state = inputs
        slopes = (state - candidate, 1.0 - update, update)
        moved = np.zeros_like(output)
        for tangent, slope in zip(tangents, slopes, strict=True):
            if tangent is not None:
                moved += tangent * slope
        return moved

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output)

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output)

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        update, candidate, state = operands
        return rf"\left(1 - {update}\right) \odot {candidate} + {update} \odot {state}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        update, candidate, state = operands
        match self.operand_name(operand):
            case "update":
                return rf"{result} = {upstream} \odot \left({state} - {candidate}\right)"
            case "candidate":
                return rf"{result} = {upstream} \odot \left(1 - {update}\right)"
            case _:
                return rf"{result} = {upstream} \odot {update}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        update, candidate, state = words.sources
        return f"{words.layer} keeps {state} times {update}, and takes {candidate} times 1 minus it: {words.result}."

    def vjp_sentence(self, words: Words) -> str:
        update, candidate, state = words.sources
        match self.operand_name(words.operand):
            case "update":
                return f"times {state} minus {candidate} goes back to {words.source}"
            case "candidate":
                return f"times 1 minus {update} goes back to {words.source}"
            case _:
                return f"times {update} goes back to {words.source}"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        update, candidate, state = shapes.operands
        return f"=  (1 - {update}) * {candidate} + {update} * {state}"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        return f"=  {shapes.upstream} * {shapes.operands[UPDATE]}"

    glossary: ClassVar[Mapping[str, str]] = {
        **{"gate": "", "keeps": "*", "the state": "h", "for the rest": "1 - update *"},
        **{"what comes back to the state": "upstream", "how far the state is from": "h -"},
        **{"the candidate gives way": "", "kept": "h", "new": "candidate"},
    }

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        update, candidate, state = (element.input(operand, element.index) for operand in range(3))
        return Draft(
            rf"\left(1 - {update.symbol}\right) \cdot {candidate.symbol} + {update.symbol} \cdot {state.symbol}",
            Told(
                "what the update gate keeps of the state, and for the rest the candidate",
                "output == update * h + (1 - update) * candidate",
            ),
            [one_term(self._rest(element), candidate, label="new"), one_term(update, state, label="kept")],
        )

    def _rest(self, element: Element) -> Factor:
        update = element.input(UPDATE, element.index)
        symbol = rf"\left(1 - {update.symbol}\right)"
        words = Told("1 minus the update gate", "number == 1 - update")
        return element.derived(1.0 - update.number, symbol, UPDATE, element.index, words).called("1 − update")

    def vjp_terms(self, element: Element) -> Draft:
        upstream = element.upstream(element.index)
        match self.operand_name(element.operand):
            case "candidate":
                local, words, code = self._rest(element), "1 minus the update gate", "(1 - update)"
            case "h":
                local, words, code = element.input(UPDATE, element.index), "the update gate", "update"
            case _:
                return self._terms_of_update(element)
        return Draft(
            rf"{upstream.symbol} \cdot {local.symbol}",
            Told(
                f"upstream x local: what comes back to the state, times {words}",
                f"result == upstream * {code}",
            ),
            [one_term(upstream, local)],
        )

    def _terms_of_update(self, element: Element) -> Draft:
        upstream = element.upstream(element.index)
        state, candidate = (element.input(operand, element.index) for operand in (STATE, CANDIDATE))
        minus = constant(-1.0, "-1", Told("minus: the candidate gives way", "number == -1")).called("minus")
        return Draft(
            rf"{upstream.symbol} \cdot \left({state.symbol} - {candidate.symbol}\right)",
            Told(
                "upstream x local: what comes back to the state, times how far the state is from the candidate",
                "result == upstream * (h - candidate)",
            ),
            [one_term(upstream, state, label="kept"), one_term(minus, upstream, candidate, label="new")],
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        update, candidate, state = code.operands
        return [f"{code.output} = {candidate} + {update} * ({state} - {candidate})"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        update, candidate, state = code.operands
        match self.operand_name(code.operand):
            case "update":
                local = f"({state} - {candidate})"
            case "candidate":
                local = f"(1.0 - {update})"
            case _:
                local = update
        return [f"{code.result} = {code.upstream} * {local}"]
