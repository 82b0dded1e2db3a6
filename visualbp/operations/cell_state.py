"""The memory of an LSTM: at each time step the cell forgets some of what it holds, and takes in some that is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import Draft, Element, one_term
from visualbp.operations.words import ShapeTexts, Told, Words

FORGET, CELL, INPUT, CANDIDATE = range(4)
PARTNERS = {FORGET: CELL, CELL: FORGET, INPUT: CANDIDATE, CANDIDATE: INPUT}
"""What each operand is multiplied with."""


class CellState(Operation):
    """c = f * c_before + i * g, element by element; all of them (B, units).

    What comes back to c goes on to c_before times the forget gate alone, through no weights and no slope: where the
    gate is near 1, an error signal is kept through many time steps. Source: PyTorch's LSTM.
    """

    name = "cell_state"
    operands: ClassVar[tuple[str, ...]] = ("forget", "cell", "input", "candidate")

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        forget, cell, let_in, candidate = inputs
        new = emit.memory("new", output.shape)
        emit(np.multiply, forget, cell, output)
        emit(np.multiply, let_in, candidate, new)
        emit(np.add, output, new, output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(np.multiply, upstream, inputs[PARTNERS[operand]], result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        moved = np.zeros_like(output)
        for operand, tangent in enumerate(tangents):
            if tangent is not None:
                moved += tangent * inputs[PARTNERS[operand]]
        return moved

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 2 * size_of(output)

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output)

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        forget, cell, let_in, candidate = operands
        return rf"{forget} \odot {cell} + {let_in} \odot {candidate}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return rf"{result} = {upstream} \odot {operands[PARTNERS[operand]]}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        forget, cell, let_in, candidate = words.sources
        return f"{words.layer} keeps {cell} times {forget}, and takes in {candidate} times {let_in}: {words.result}."

    def vjp_sentence(self, words: Words) -> str:
        return f"times {words.sources[PARTNERS[words.operand]]} goes back to {words.source}"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        forget, cell, let_in, candidate = shapes.operands
        return f"=  {forget} * {cell} + {let_in} * {candidate}"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        return f"=  {shapes.upstream} * {shapes.operands[PARTNERS[shapes.operand]]}"

    glossary: ClassVar[Mapping[str, str]] = {
        **{"gate": "", "keeps": "*", "lets in": "*", "what comes back to the cell": "upstream"},
        **{"kept": "forget cell", "taken in": "input candidate"},
    }

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        forget, cell, let_in, candidate = (element.input(operand, element.index) for operand in range(4))
        return Draft(
            rf"{forget.symbol} \cdot {cell.symbol} + {let_in.symbol} \cdot {candidate.symbol}",
            Told(
                "what the forget gate keeps of the cell, and what the input gate lets in of the candidate",
                "output == forget * cell + input * candidate",
            ),
            [one_term(forget, cell, label="kept"), one_term(let_in, candidate, label="taken in")],
        )

    def vjp_terms(self, element: Element) -> Draft:
        partner = PARTNERS[element.operand]
        name = self.operand_name(partner)
        upstream, local = element.upstream(element.index), element.input(partner, element.index)
        return Draft(
            rf"{upstream.symbol} \cdot {local.symbol}",
            Told(
                f"upstream x local: what comes back to the cell, times {{{name}}}",
                f"result == upstream * {name}",
                **{name: element.name(partner)},
            ),
            [one_term(upstream, local)],
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        forget, cell, let_in, candidate = code.operands
        return [f"{code.output} = {forget} * {cell} + {let_in} * {candidate}"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.result} = {code.upstream} * {code.operands[PARTNERS[code.operand]]}"]
