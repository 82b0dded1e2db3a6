"""The affine rule z = W h + b, the matrix product at the heart of every layer with weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation, as_rows
from visualbp.operations.symbols import Symbol, over_rows, summed, transposed


class Affine(Operation):
    """z = x @ weight.T + bias, on the last axis of x.

    x (..., n_in), weight (n_out, n_in), bias (n_out), z (..., n_out). Source: the document, "Forward Pass", whose
    column form W h + b this is for each sample. Without a bias there are two operands.
    """

    name = "affine"
    operands = ("x", "weight", "bias")

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

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        x, weight, *bias = operands
        rows = x.rows
        return f"{output.at(*rows)} = {weight} {x.at(*rows)}" + (f" + {bias[0]}" if bias else "")

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
