"""The steps of attention: scores of every pair of positions, the causal mask, and the mix of values.

Heads lie side by side in the last axis, as in PyTorch's MultiheadAttention: head i of (B, T, d) is
[..., i d / heads : (i + 1) d / heads].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.symbols import Symbol, transposed


def heads_of(array: Array, heads: int) -> Array:
    """Return a view (B, heads, T, d / heads) of (B, T, d)."""
    samples, positions, width = array.shape
    return array.reshape(samples, positions, heads, width // heads).transpose(0, 2, 1, 3)


def head_of_column(symbol: Symbol, heads: int) -> str:
    """Return in LaTeX which head column c of a value (T, d) belongs to."""
    return rf"\left\lfloor c / {symbol.shape[-1] // heads} \right\rfloor"


class Scores(Operation):
    """scores = query @ key.T / sqrt(d / heads), for each head: how much position i asks for position j.

    query, key (B, T, d), scores (B, heads, T, T). Source: Vaswani and others 2017, scaled dot products.
    """

    name = "scores"
    operands = ("query", "key")

    def __init__(self, heads: int = 1) -> None:
        self.heads = heads

    def _scale(self, width: int) -> float:
        return 1.0 / math.sqrt(width / self.heads)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        samples, positions, _ = shapes[0]
        return (samples, self.heads, positions, shapes[1][1])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        query, key = (heads_of(array, self.heads) for array in inputs)
        emit(np.matmul, query, key.swapaxes(-1, -2), output)
        emit(np.multiply, output, emit.constant(self._scale(inputs[0].shape[-1])), output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        query, key = (heads_of(array, self.heads) for array in inputs)
        back = heads_of(result, self.heads)
        if self.operand_name(operand) == "query":
            emit(np.matmul, upstream, key, back)
        else:
            emit(np.matmul, upstream.swapaxes(-1, -2), query, back)
        emit(np.multiply, result, emit.constant(self._scale(result.shape[-1])), result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        moved = np.zeros_like(output)
        for query, key in ((tangents[0], inputs[1]), (inputs[0], tangents[1])):
            if query is not None and key is not None:
                moved += heads_of(query, self.heads) @ heads_of(key, self.heads).swapaxes(-1, -2)
        return moved * np.asarray(self._scale(inputs[0].shape[-1]), output.dtype)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output) * (shapes[0][-1] // self.heads + 1)

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output) * (shapes[0][-1] // self.heads) + size_of(shapes[operand])

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        query, key = operands
        scale, width = self._scale_text(query), query.shape[-1] // self.heads
        if self.heads == 1:
            return rf"{output} = {scale} \, {query} {transposed(key)}"
        column = f"{width} a + k"
        products = rf"{query.at('i', column)} \, {key.at('j', column)}"
        return rf"{output.at('a', 'i', 'j')} = {scale} \sum_{{0 \le k < {width}}} {products}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        query, key = operands
        scale, to_query = self._scale_text(query), self.operand_name(operand) == "query"
        if self.heads == 1:
            return rf"{result} = {scale} \, {f'{upstream} {key}' if to_query else f'{transposed(upstream)} {query}'}"
        head = head_of_column(query, self.heads)
        if to_query:
            return rf"{result.at('i', 'c')} = {scale} \sum_{{j}} {upstream.at(head, 'i', 'j')} \, {key.at('j', 'c')}"
        return rf"{result.at('j', 'c')} = {scale} \sum_{{i}} {upstream.at(head, 'i', 'j')} \, {query.at('i', 'c')}"

    def _scale_text(self, query: Symbol) -> str:
        return rf"\frac{{1}}{{\sqrt{{{query.shape[-1] // self.heads}}}}}"


class CausalMask(Operation):
    """The scores (B, heads, T, T) of positions up to one's own; -inf for the positions after it.

    The softmax then gives these exactly 0, whatever the scores, and nothing goes back through them.
    """

    name = "mask"
    operands = ("scores",)
    minus_infinity_is_meant = True

    @staticmethod
    def closed(scores: Array) -> Array:
        """Return which pairs of positions (T, T) are closed: those where the asked one comes after the asking one."""
        return np.triu(np.ones(scores.shape[-2:], bool), 1)

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        emit(np.copyto, output, inputs[0])
        emit(np.copyto, output, emit.constant(-math.inf), "same_kind", self.closed(output))

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(np.copyto, result, upstream)
        emit(np.copyto, result, emit.constant(0.0), "same_kind", self.closed(result))

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        if tangent is None:
            return np.zeros_like(output)
        return np.where(self.closed(output), np.zeros((), output.dtype), tangent)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        places = ("a", "i", "j")
        return rf"{output.at(*places)} = {operands[0].at(*places)} \text{{ if }} j \le i \text{{ else }} -\infty"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        places = ("a", "i", "j")
        return rf"{result.at(*places)} = {upstream.at(*places)} \text{{ if }} j \le i \text{{ else }} 0"


class Mix(Operation):
    """mix = attention @ value for each head: what every position gathers from the others.

    attention (B, heads, T, T), value (B, T, d), mix (B, T, d), the heads side by side.
    """

    name = "mix"
    operands = ("attention", "value")

    def __init__(self, heads: int = 1) -> None:
        self.heads = heads

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (shapes[1][0], shapes[0][2], shapes[1][2])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        emit(np.matmul, inputs[0], heads_of(inputs[1], self.heads), heads_of(output, self.heads))

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        attention, value = inputs
        back = heads_of(upstream, self.heads)
        if self.operand_name(operand) == "attention":
            emit(np.matmul, back, heads_of(value, self.heads).swapaxes(-1, -2), result)
        else:
            emit(np.matmul, attention.swapaxes(-1, -2), back, heads_of(result, self.heads))

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        moved = np.zeros_like(output)
        for attention, value in ((tangents[0], inputs[1]), (inputs[0], tangents[1])):
            if attention is not None and value is not None:
                mixed = attention @ heads_of(value, self.heads)
                moved += mixed.transpose(0, 2, 1, 3).reshape(output.shape)
        return moved

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output) * shapes[0][-1]

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output) * shapes[0][-1]

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        attention, value = operands
        if self.heads == 1:
            return rf"{output} = {attention} \, {value}"
        head = head_of_column(value, self.heads)
        return rf"{output.at('i', 'c')} = \sum_{{j}} {attention.at(head, 'i', 'j')} \, {value.at('j', 'c')}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        attention, value = operands
        width, to_attention = value.shape[-1] // self.heads, self.operand_name(operand) == "attention"
        if self.heads == 1:
            return f"{result} = " + (
                f"{upstream} {transposed(value)}" if to_attention else f"{transposed(attention)} {upstream}"
            )
        if to_attention:
            column = f"{width} a + k"
            products = rf"{upstream.at('i', column)} \, {value.at('j', column)}"
            return rf"{result.at('a', 'i', 'j')} = \sum_{{0 \le k < {width}}} {products}"
        head = head_of_column(value, self.heads)
        return rf"{result.at('j', 'c')} = \sum_{{i}} {attention.at(head, 'i', 'j')} \, {upstream.at('i', 'c')}"
