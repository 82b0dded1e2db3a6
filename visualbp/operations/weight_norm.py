"""Weight normalisation: a weight made of a direction and a length for each output unit, learnt apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.number_words import Index, plain, quotient, unraveled
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import Block, Draft, Element, Factor, constant, exact_sum, one_term
from visualbp.operations.words import ShapeTexts, Words

DIRECTION, GAIN = 0, 1


def lengths(direction: Array) -> Array:
    """Return the Euclidean length of each output unit's direction, as a gain (n_out, 1, ...); squares that overflow or
    vanish are scaled."""
    rows = direction.reshape(len(direction), -1)
    largest = np.max(np.abs(rows), axis=1, keepdims=True)
    scaled = rows / np.where(largest > 0.0, largest, 1.0)
    found: Array = largest * np.sqrt(np.sum(scaled * scaled, axis=1, keepdims=True))
    return found.reshape(gain_shape(direction.shape))


def gain_shape(direction: Shape) -> Shape:
    """Return the shape of the gain for a direction: one number for each output unit, as PyTorch keeps it."""
    return (direction[0], *[1] * (len(direction) - 1))


def rescue_lengths(rows: Array, squares: Array, length: Array, unit: Array) -> None:
    """Do the lengths and unit directions again where squares overflowed, or are too small to be exact."""
    tiny = np.finfo(squares.dtype).tiny / np.finfo(squares.dtype).eps
    if tiny <= squares.min() and squares.max() < np.inf:
        return
    scale = np.max(np.abs(rows), axis=1, keepdims=True)
    scaled = rows / scale
    norm = np.sqrt(np.sum(scaled * scaled, axis=1, keepdims=True))
    np.multiply(scale, norm, out=length)
    np.divide(scaled, norm, out=unit)


def _length(element: Element, unit: int) -> float:
    return math.hypot(*element.array(DIRECTION)[unit].reshape(-1).astype(np.float64).tolist())


def _gain_index(element: Element, unit: int) -> Index:
    return (unit, *[0] * (len(element.index) - 1))


def _one_over_length(element: Element, index: Index) -> Factor:
    length = _length(element, index[0])
    symbol = rf"\frac{{1}}{{\left\lVert {element.indexed(DIRECTION, str(index[0]))} \right\rVert}}"
    words = f"one over the length of the direction of unit {index[0]}, {plain(length)}"
    return element.derived(quotient(1.0, length), symbol, DIRECTION, index, words).called("1 / length")


class WeightNorm(Operation):
    """weight = gain * direction / |direction|, a length for each output unit (PyTorch's weight_norm with dim 0).

    direction (n_out, ...), gain (n_out, 1, ...), weight (n_out, ...). The weight's gradient splits in two: its part
    along the direction moves the gain, its part across, scaled by gain / |direction|, turns the direction. Source:
    Salimans, Kingma 2016.
    """

    name = "weight_norm"
    operands = ("direction", "gain")
    is_weighted = True
    numpy_helpers = (
        """\
def lengths_and_units(rows):
    squares = np.vecdot(rows, rows)
    length = np.sqrt(squares).reshape(-1, 1)
    unit = rows / length
    tiny = np.finfo(rows.dtype).tiny / np.finfo(rows.dtype).eps
    if not tiny <= squares.min() or not squares.max() < np.inf:  # squares too large or small: scaled first
        scale = np.max(np.abs(rows), axis=1, keepdims=True)
        norm = np.sqrt(np.sum((rows / scale) ** 2, axis=1, keepdims=True))
        length, unit = scale * norm, rows / scale / norm
    return length, unit
""",
    )

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        direction, gain = inputs
        rows = direction.reshape(len(direction), -1)
        squares, length = emit.memory("squares", (len(rows),)), emit.memory("length", (len(rows), 1))
        unit = emit.memory("unit", rows.shape)
        emit(np.vecdot, rows, rows, squares)
        emit(np.sqrt, squares.reshape(-1, 1), length)
        emit(np.divide, rows, length, unit)
        emit(rescue_lengths, rows, squares, length, unit)
        emit(np.multiply, unit, gain.reshape(-1, 1), output.reshape(rows.shape))

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        gain = inputs[1].reshape(-1, 1)
        delta, unit = upstream.reshape(len(upstream), -1), emit.memory("unit", (len(gain), upstream.size // len(gain)))
        if self.operand_name(operand) == "gain":
            emit(np.vecdot, delta, unit, result.reshape(-1))
            return
        across, along = result.reshape(unit.shape), emit.memory("along", (len(unit), 1))
        factor = emit.memory("factor", (len(unit), 1))
        emit(np.vecdot, delta, unit, along.reshape(-1))
        emit(np.multiply, unit, along, across)
        emit(np.subtract, delta, across, across)
        emit(np.divide, gain, emit.memory("length", (len(unit), 1)), factor)
        emit(np.multiply, across, factor, across)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        direction, gain = inputs
        rows, length = direction.reshape(len(direction), -1), lengths(direction).reshape(-1, 1)
        unit, moved = rows / length, np.zeros((len(rows), rows.shape[1]), output.dtype)
        if (turn := tangents[0]) is not None:
            turn = turn.reshape(rows.shape)
            moved += gain.reshape(-1, 1) / length * (turn - unit * np.sum(turn * unit, axis=1, keepdims=True))
        if (gain_tangent := tangents[1]) is not None:
            moved += unit * gain_tangent.reshape(-1, 1)
        return moved.reshape(output.shape)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        """The square, the division by the length, and the gain: three for each element."""
        return 3 * size_of(output)

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return (1 if self.operand_name(operand) == "gain" else 3) * size_of(output)

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        direction, gain = (operand.at("i") for operand in operands)
        return rf"{output.at('i')} = {gain} \, \frac{{{direction}}}{{\left\lVert {direction} \right\rVert}}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        direction, gain = (symbol.at("i") for symbol in operands)
        unit, row = r"\hat{\mathbf{v}}_{i}", upstream.at("i")
        where = rf"\quad {unit} = \frac{{{direction}}}{{\left\lVert {direction} \right\rVert}}"
        along = rf"\left\langle {row}, {unit} \right\rangle"
        if self.operand_name(operand) == "gain":
            return f"{result.at('i')} = {along}, {where}"
        slope = rf"\frac{{{gain}}}{{\left\lVert {direction} \right\rVert}}"
        return rf"{result.at('i')} = {slope} \left({row} - {along} \, {unit}\right), {where}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} makes its W from W direction, brought to length 1, times W gain."

    def vjp_sentence(self, words: Words) -> str:
        if self.operand_name(words.operand) == "gain":
            return f"along the direction is {words.result}"
        return f"across the direction, times gain over length, is {words.result}"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        direction, gain = shapes.operands
        return f"=  {gain} * {direction}"

    glossary: ClassVar[Mapping[str, str]] = {"itself": "upstream gain", "along": "gain direction"}

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        gain = element.input(GAIN, _gain_index(element, element.index[0]))
        direction, inverse = element.input(DIRECTION, element.index), _one_over_length(element, element.index)
        return Draft(
            rf"{gain.symbol} \, {direction.symbol} \cdot {inverse.symbol}",
            "the gain of its unit, times the direction brought to length 1",
            [one_term(gain, direction, inverse)],
        )

    def vjp_terms(self, element: Element) -> Draft:
        unit = element.index[0]
        shape = element.array(DIRECTION).shape[1:]
        direction = element.array(DIRECTION)[unit].reshape(-1).astype(np.float64) / _length(element, unit)
        shares = element.upstream_array()[unit].reshape(-1) * direction

        def index_of(k: int) -> Index:
            return (unit, *unraveled(k, shape))

        def unit_factor(index: Index) -> Factor:
            symbol = rf"\hat{{v}}_{{{','.join(map(str, index))}}}"
            number = quotient(float(element.array(DIRECTION)[index]), _length(element, unit))
            return element.derived(number, symbol, DIRECTION, index, "the direction, brought to length 1").called(
                "direction"
            )

        upstream = element.indexed_upstream(f"{unit},k")
        if self.operand_name(element.operand) == "gain":
            return Draft(
                rf"\sum_{{k}} {upstream} \, \hat{{v}}_{{{unit},k}}",
                "what comes back to the weights of its unit, each times the direction: the part along it",
                [
                    Block(
                        shares,
                        lambda k: (element.upstream(index_of(k)), unit_factor(index_of(k))),
                        lambda k: f"weight {', '.join(map(str, index_of(k)))}",
                    )
                ],
            )
        own, gain = unit_factor(element.index), element.input(GAIN, _gain_index(element, unit))
        inverse, along = _one_over_length(element, element.index), exact_sum(shares)
        minus_along = constant(
            -along, r"-a", "minus the part of the weights' gradient that lies along the direction"
        ).called("− along")
        came = element.upstream(element.index)
        return Draft(
            rf"{gain.symbol} \cdot {inverse.symbol} \left({came.symbol} - a \, {own.symbol}\right), \;"
            rf" a = \sum_{{k}} {upstream} \, \hat{{v}}_{{{unit},k}}",
            "what comes back to its weight, less the part along the direction, which would only make it longer; times"
            " gain / length",
            [one_term(came, gain, inverse, label="itself"), one_term(minus_along, own, gain, inverse, label="along")],
            cancels=abs(own.number * gain.number * inverse.number) * float(np.abs(shares).sum()),
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        direction, gain = code.operands
        length, unit, rows = code.kept("length"), code.kept("unit"), f"{direction}.reshape(len({direction}), -1)"
        return [
            f"{length}, {unit} = lengths_and_units({rows})",
            f"{code.output} = ({unit} * {gain}.reshape(-1, 1)).reshape({direction}.shape)",
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        direction, gain = code.operands
        length, unit = code.kept("length"), code.kept("unit")
        delta = f"{code.upstream}.reshape(len({code.upstream}), -1)"
        if self.operand_name(code.operand) == "gain":
            return [f"{code.result} = np.vecdot({delta}, {unit}).reshape({gain}.shape)"]
        along, across = code.kept("along"), code.kept("across")
        return [
            f"{along} = np.vecdot({delta}, {unit}).reshape(-1, 1)",
            f"{across} = ({delta} - {unit} * {along}) * ({gain}.reshape(-1, 1) / {length})",
            f"{code.result} = {across}.reshape({direction}.shape)",
        ]
