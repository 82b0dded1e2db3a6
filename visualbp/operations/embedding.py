"""The embedding: class indices looked up in a table of learnt rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.core.number_words import Index, row_text
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import SAMPLE, Symbol, summed
from visualbp.operations.terms import Block, Draft, Element, one_term
from visualbp.operations.words import NamedPlace, Saying, ShapeTexts, Told


def index_problem(indices: Array, vocabulary: int) -> str | None:
    """Return what is wrong with the first of `indices` that is no class of the vocabulary, or None."""
    wrong = np.argwhere(~((indices >= 0) & (indices < vocabulary) & (indices == np.floor(indices))))
    if not len(wrong):
        return None
    place = tuple(int(number) for number in wrong[0])
    where = f"sample {place[0]}" + (f", position {place[1]}" if len(place) > 1 else "")
    return f"takes class indices 0 to {vocabulary - 1}, and {where} is {indices[place]:g}"


def look_up(weight: Array, indices: Array, rows: Array, output: Array) -> None:
    """Put the row of `weight` for each of `indices` into `output`; `rows` (of integers) gets the indices themselves.

    Raises IndexError for an index that is no class: nothing is ever looked up in the wrong row.
    """
    np.copyto(rows, indices, "unsafe")
    if not (rows.min() >= 0 and rows.max() < len(weight) and np.array_equal(rows, indices)):
        raise IndexError(f"an embedding {index_problem(indices, len(weight))}")
    np.take(weight, rows, 0, output, "clip")


INDICES, TABLE = 0, 1


class Embedding(Operation):
    """h[b, t] = weight[x[b, t]]: the row of each class. The gradient of a row is the sum over the places it went to.

    x (B, T) class indices, which have no derivative; weight (vocabulary, units); h (B, T, units). Source: PyTorch's
    Embedding.
    """

    name = "embedding"
    operands = ("x", "weight")
    constant_operands = frozenset({"x"})
    is_weighted = True
    output_in_any_order = True

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (*shapes[0], shapes[1][1])

    def operand_problem(self, operand: int, array: Array, shapes: Sequence[Shape]) -> str | None:
        return index_problem(array, shapes[1][0]) if self.operand_name(operand) == "x" else None

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        indices, weight = inputs
        emit(look_up, weight, indices, emit.memory("rows", indices.shape, np.intp), output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        indices, weight = inputs
        units = weight.shape[1]
        rows = emit.memory("rows", indices.shape, np.intp).reshape(-1, 1)
        starts, places = emit.memory("starts", rows.shape, np.intp), emit.memory("places", (rows.size, units), np.intp)
        emit(np.multiply, rows, np.array(units, np.intp), starts)
        emit(np.add, starts, np.arange(units, dtype=np.intp).reshape(1, -1), places)
        emit(result.fill, 0.0)
        # On flat arrays add.at adds the same numbers in the same order, many times faster than row by row.
        emit(np.add.at, result.reshape(-1), places.reshape(-1), upstream.reshape(-1))

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[1]
        if tangent is None:
            return np.zeros_like(output)
        moved: Array = tangent[inputs[0].astype(np.intp)]
        return moved

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        x, weight = operands
        places = x.letters
        return f"{output.at(*places)} = {weight.at(x.at(*places))}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        places = (SAMPLE, *operands[0].letters)
        looked_up = rf"\left[{operands[0].at(*places)} = r\right]"
        return rf"{result.at('r')} = {summed(*places)} {looked_up} \, {upstream.at(*places)}"

    # -- in words ----------------------------------------------------------------------------------------------------

    saying = Saying(
        "{layer} looks up the row of W for each class in {x}.", "output == np.take(weight, x.astype(int), 0)"
    )
    vjp_sayings: ClassVar[Mapping[str, Saying]] = {
        "weight": Saying(
            "is added to the rows of W that were looked up: that is {result}",
            "result == (upstream.reshape(-1, weight.shape[1]).T @ np.eye(len(weight))[x.astype(int).ravel()]).T",
        )
    }

    def shapes_text(self, shapes: ShapeTexts) -> str:
        claim = "result[-1:] == weight[1:] and result[:-1] == x"
        return Told("=  rows of {weight} at {x}", claim, weight=shapes.operands[TABLE], x=shapes.operands[INDICES])

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        return Told("=  {upstream} added up by rows", "result[1:] == upstream[-1:]", upstream=shapes.upstream)

    glossary: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            (
                "looked up",
                "class",
                "row",
                "rows",
                "every place",
                "where",
                "was",
                "nowhere",
                "batch",
                "nothing comes back",
            ),
            "",
        ),
        **{"W": "weight", "looks up the row of W for each": "take weight"},
        **{"is added to the rows of W that were looked up": "* eye sum"},
    }

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        *leading, unit = element.index
        place = tuple(leading)
        row = int(element.array(INDICES)[place])
        factor = element.input(TABLE, (row, unit))
        chosen = element.input_symbol(INDICES, place)
        return Draft(
            rf"{element.indexed(TABLE, rf'{chosen}, {unit}')} = {factor.symbol}",
            Told(
                "looked up: the class at {place} is {row}, so it is row {row} of W",
                "output == weight[row][at[-1]] and row == x[place] and place == at[:-1]",
                place=NamedPlace(place, element.in_data(place)),
                row=row,
            ),
            [one_term(factor, label=f"class {row}")],
        )

    def vjp_terms(self, element: Element) -> Draft:
        row, unit = element.index
        places = np.argwhere(element.array(INDICES) == row)
        delta = element.upstream_array()

        def place(i: int) -> Index:
            return tuple(int(n) for n in places[i])

        nowhere = Told(
            "class {row} is nowhere in this batch, so nothing comes back to its row",
            "row == at[0] and row not in x and result == 0",
            row=row,
        )
        signals = delta[(*places.T, unit)].astype(np.float64)
        return Draft(
            rf"\sum_{{t : \, x_t = {row}}} {element.indexed_upstream(f't,{unit}')}",
            Told(
                "what comes back to every place where class {row} was looked up, added up",
                "result == upstream[x == row].sum(0)[at[-1]] and row == at[0]",
                row=row,
            ),
            [
                Block(
                    signals,
                    lambda i: (element.upstream((*place(i), unit)),),
                    lambda i: row_text(element.in_data(place(i))),
                )
            ],
            "" if len(places) else nowhere,
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight = code.operands
        return [f"{code.output} = {weight}[{x}.astype(int)]"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight = code.operands
        return [
            f"{code.result} = np.zeros_like({weight})",
            f"np.add.at({code.result}, {x}.astype(int), {code.upstream})",
        ]
