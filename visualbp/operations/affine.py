"""The affine rule z = W h + b, the matrix product at the heart of every layer with weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.number_words import Index, row_text, unraveled
from visualbp.operations.base import Emitter, Operation, as_rows
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol, over_rows, summed, transposed
from visualbp.operations.terms import Block, Draft, Element, one_term
from visualbp.operations.words import ShapeTexts, Words


class Affine(Operation):
    """z = x @ weight.T + bias, on the last axis of x.

    x (..., n_in), weight (n_out, n_in), bias (n_out), z (..., n_out). Source: the document, "Forward Pass", whose
    column form W h + b this is for each sample. Without a bias there are two operands.
    """

    name = "affine"
    operands = ("x", "weight", "bias")
    is_weighted = True
    weights_behind: ClassVar[Mapping[str, str]] = {"x": "weight"}

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (*shapes[0][:-1], shapes[1][0])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        x, weight, *bias = inputs
        z = as_rows(output)
        emit(np.dot, as_rows(x), weight.T, z)
        if bias:
            emit(np.add, z, bias[0].reshape(1, -1), z)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        x, weight = inputs[:2]
        delta = as_rows(upstream)
        match self.operand_name(operand):
            case "weight":
                emit(np.dot, delta.T, as_rows(x), result)
            case "bias":
                emit(np.dot, emit.ones(len(delta)), delta, result)
            case _:
                emit(np.dot, delta, weight, as_rows(result))

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        x, weight = inputs[:2]
        moved = np.zeros_like(output)
        if (x_tangent := tangents[0]) is not None:
            moved += x_tangent @ weight.T
        if (weight_tangent := tangents[1]) is not None:
            moved += x @ weight_tangent.T
        if len(tangents) > 2 and (bias_tangent := tangents[2]) is not None:
            moved += bias_tangent
        return moved

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output) * shapes[1][1]

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0 if self.operand_name(operand) == "bias" else size_of(output) * shapes[1][1]

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        return "" if operands[0].rows else self._product(operands)

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return f"{output.at(*operands[0].rows)} = {self._product(operands)}"

    def _product(self, operands: Sequence[Symbol]) -> str:
        x, weight, *bias = operands
        return f"{weight} {x.at(*x.rows)}" + (f" + {bias[0]}" if bias else "")

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        x, weight = operands[:2]
        places = over_rows(x)
        match self.operand_name(operand):
            case "weight":
                return f"{result} = {summed(*places)} {upstream.at(*places)} {transposed(x.at(*places))}"
            case "bias":
                return f"{result} = {summed(*places)} {upstream.at(*places)}"
            case _:
                return f"{result.at(*x.rows)} = {transposed(weight)} {upstream.at(*x.rows)}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        through = " and adds ".join(words.roles[1:])
        return f"{words.layer} takes {words.sources[0]} through {through}: {words.result}."

    def vjp_sentence(self, words: Words) -> str:
        name = self.operand_name(words.operand)
        if name == "x":
            return f"goes back through {words.roles[1]} to {words.source}"
        met = f"times {words.sources[0]}" if name == "weight" else ""
        positions = " and its positions" if words.axes > 1 else ""
        part = "" if words.time is None else "this time step's part of "
        return f"{met}, summed over the batch{positions}, is {part}{words.result}"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        x, weight, *bias = shapes.operands
        return f"=  {x} {weight}^T" + (f" + {bias[0]}" if bias else "")

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        x, weight = shapes.operands[:2]
        match self.operand_name(shapes.operand):
            case "weight":
                product = f"{shapes.upstream}^T {x}"
                return f"=  sum of {product} over {shapes.rows}" if shapes.axes > 1 else f"=  {product}"
            case "bias":
                return f"=  sum of {shapes.upstream} over {shapes.rows}"
            case _:
                return f"=  {shapes.upstream} {weight}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        """z_j = sum over i of W_ji x_i, + b_j."""
        *leading, unit = element.index
        row = tuple(leading)
        products = element.array(1)[unit].astype(np.float64) * element.array(0)[row]
        blocks = [
            Block(
                products,
                lambda i: (element.input(1, (unit, i)), element.input(0, (*row, i))),
                lambda i: f"input {i}",
            )
        ]
        formula = rf"\sum_{{i}} {element.indexed(1, f'{unit},i')} \, {element.indexed(0, 'i')}"
        rule = "the inputs, each times its weight, added up"
        if len(element.layers) > 2:
            blocks.append(one_term(element.input(2, (unit,)), label="bias"))
            formula += f" + {element.input_symbol(2, (unit,))}"
            rule += ", and the bias"
        return Draft(formula, rule, blocks)

    def vjp_terms(self, element: Element) -> Draft:
        if self.operand_name(element.operand) == "x":
            return self._terms_of_input(element)
        unit, delta = element.index[0], element.upstream_array()
        rows = delta.shape[:-1]
        signals = delta[..., unit].reshape(-1).astype(np.float64)

        def row_of(i: int) -> Index:
            return unraveled(i, rows)

        delta_unit = element.indexed_upstream(str(unit))
        rows_summed = r"\text{samples, positions}" if len(rows) > 1 else r"\text{samples}"
        if self.operand_name(element.operand) == "bias":
            return Draft(
                rf"\sum_{{{rows_summed}}} {delta_unit}",
                "the error signal of its unit, summed over the batch (what the loss divides by is in it already)",
                [
                    Block(
                        signals,
                        lambda i: (element.upstream((*row_of(i), unit)),),
                        lambda i: row_text(element.in_data(row_of(i))),
                    )
                ],
            )
        column = element.index[1]
        return Draft(
            rf"\sum_{{{rows_summed}}} {delta_unit} \, {element.indexed(0, str(column))}",
            "upstream x local: the error signal of its unit, times what came in through it, summed over the batch",
            [
                Block(
                    signals * element.array(0)[..., column].reshape(-1),
                    lambda i: (element.upstream((*row_of(i), unit)), element.input(0, (*row_of(i), column))),
                    lambda i: row_text(element.in_data(row_of(i))),
                )
            ],
        )

    def _terms_of_input(self, element: Element) -> Draft:
        *leading, column = element.index
        row = tuple(leading)
        weight = element.array(1)[:, column]
        return Draft(
            rf"\sum_{{k}} {element.indexed(1, f'k,{column}')} \, {element.indexed_upstream('k')}",
            "the error signals of the units that it feeds, each times the weight in between, added up",
            [
                Block(
                    weight.astype(np.float64) * element.upstream_array()[row],
                    lambda k: (element.input(1, (k, column)), element.upstream((*row, k))),
                    lambda k: f"unit {k}",
                )
            ],
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight, *bias = code.operands
        product = _back(f"{_rows(x, code.shapes[0])} @ {weight}.T", code.output_shape)
        return [f"{code.output} = {product}" + (f" + {bias[0]}" if bias else "")]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight = _rows(code.operands[0], code.shapes[0]), code.operands[1]
        delta = _rows(code.upstream, code.output_shape)
        match self.operand_name(code.operand):
            case "weight":
                return [f"{code.result} = {delta}.T @ {x}"]
            case "bias":
                return [f"{code.result} = np.ones(len({delta}), {delta}.dtype) @ {delta}"]
            case _:
                return [f"{code.result} = {_back(f'{delta} @ {weight}', code.shapes[0])}"]


def _rows(name: str, shape: Shape) -> str:
    """Return an array as a matrix: the product of a whole stack would round otherwise."""
    return name if len(shape) == 2 else f"{name}.reshape(-1, {shape[-1]})"


def _back(product: str, shape: Shape) -> str:
    """Return rows in the shape that they have."""
    return product if len(shape) == 2 else f"({product}).reshape(-1, {', '.join(map(str, shape[1:]))})"
