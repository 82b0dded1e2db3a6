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


def heads_of(array: Array, heads: int) -> Array:
    """Return a view (B, heads, T, d / heads) of (B, T, d)."""
    samples, positions, width = array.shape
    return array.reshape(samples, positions, heads, width // heads).transpose(0, 2, 1, 3)


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

    def equation(self, output: str, operands: Sequence[str]) -> str:
        query, key = operands
        return rf"{output} = \frac{{1}}{{\sqrt{{d_h}}}} \, {query} \left({key}\right)^{{T}}"

    def vjp_equation(self, operand: int, result: str, upstream: str, output: str, operands: Sequence[str]) -> str:
        query, key = operands
        if self.operand_name(operand) == "query":
            return rf"{result} = \frac{{1}}{{\sqrt{{d_h}}}} \, {upstream} \, {key}"
        return rf"{result} = \frac{{1}}{{\sqrt{{d_h}}}} \left({upstream}\right)^{{T}} {query}"


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

    def equation(self, output: str, operands: Sequence[str]) -> str:
        return rf"{output} = {operands[0]} \; \text{{where}} \; j \le i, \; -\infty \; \text{{elsewhere}}"

    def vjp_equation(self, operand: int, result: str, upstream: str, output: str, operands: Sequence[str]) -> str:
        return rf"{result} = {upstream} \; \text{{where}} \; j \le i, \; 0 \; \text{{elsewhere}}"


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

    def equation(self, output: str, operands: Sequence[str]) -> str:
        return rf"{output} = {operands[0]} \, {operands[1]}"

    def vjp_equation(self, operand: int, result: str, upstream: str, output: str, operands: Sequence[str]) -> str:
        attention, value = operands
        if self.operand_name(operand) == "attention":
            return rf"{result} = {upstream} \left({value}\right)^{{T}}"
        return rf"{result} = \left({attention}\right)^{{T}} {upstream}"
