"""The products of attention: scores of every pair of positions, and the mix of values.

Heads lie side by side in the last axis, as in PyTorch's MultiheadAttention: head i of (B, T, d) is
[..., i d / heads : (i + 1) d / heads].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.number_words import Index
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol, transposed
from visualbp.operations.terms import Block, Draft, Element, Factor, constant
from visualbp.operations.words import ShapeTexts, Words

QUERY, KEY = range(2)
ATTENTION, VALUE = range(2)

SPLIT_HEADS = """
def split_heads(x, heads):
    samples, positions, width = x.shape
    return x.reshape(samples, positions, heads, width // heads).transpose(0, 2, 1, 3)
"""
JOIN_HEADS = """
def join_heads(x):
    samples, heads, positions, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(samples, positions, heads * width)
"""


def heads_of(array: Array, heads: int) -> Array:
    """Return a view (B, heads, T, d / heads) of (B, T, d)."""
    samples, positions, width = array.shape
    return array.reshape(samples, positions, heads, width // heads).transpose(0, 2, 1, 3)


def columns_of(head: int, width: int, heads: int) -> range:
    """Return the columns of a head within the width d."""
    size = width // heads
    return range(head * size, (head + 1) * size)


def head_of_column(symbol: Symbol, heads: int) -> str:
    """Return in LaTeX which head column c of a value (T, d) belongs to."""
    return rf"\left\lfloor c / {symbol.shape[-1] // heads} \right\rfloor"


class Scores(Operation):
    """scores = query @ key.T / sqrt(d / heads), for each head: how well query i fits key j.

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

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} scores every pair of positions: query times key, over the root of a head's width."

    def vjp_sentence(self, words: Words) -> str:
        return f"times the {'keys' if words.operand == QUERY else 'queries'} goes back to {words.source}"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        query, key = shapes.operands
        return f"=  {query} {key}^T"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        query, key = shapes.operands
        return f"=  {shapes.upstream} {key}" if shapes.operand == QUERY else f"=  {shapes.upstream}^T {query}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        sample, head, asking, asked = element.index
        query, key = element.array(QUERY)[sample, asking], element.array(KEY)[sample, asked]
        columns, scale = columns_of(head, len(query), self.heads), self._scale_factor(len(query))
        part, place = slice(columns.start, columns.stop), element.indexed(QUERY, f"{asking},c")
        return Draft(
            rf"{scale.symbol} \sum_{{c}} {place} \, {element.indexed(KEY, f'{asked},c')}",
            f"how well the query of position {asking} fits the key of position {asked}"
            + (f", in head {head}" if self.heads > 1 else ""),
            [
                Block(
                    scale.number * query[part].astype(np.float64) * key[part],
                    lambda k: (
                        scale,
                        element.input(QUERY, (sample, asking, columns[k])),
                        element.input(KEY, (sample, asked, columns[k])),
                    ),
                    lambda k: f"feature {columns[k]}",
                )
            ],
        )

    def vjp_terms(self, element: Element) -> Draft:
        sample, position, column = element.index
        width = element.array(QUERY).shape[-1]
        head, scale = column // (width // self.heads), self._scale_factor(width)
        delta = element.upstream_array()[sample, head]
        to_query = element.operand == QUERY
        other = KEY if to_query else QUERY
        signals = (delta[position] if to_query else delta[:, position]).astype(np.float64)

        def pair(k: int) -> Index:
            return (sample, head, position, k) if to_query else (sample, head, k, position)

        place = f"{head},{position},k" if to_query else f"{head},k,{position}"
        words = "the keys of all positions" if to_query else "the queries of all positions"
        return Draft(
            rf"{scale.symbol} \sum_{{k}} {element.indexed_upstream(place)} \, {element.indexed(other, f'k,{column}')}",
            f"upstream x local: what comes back to its scores, times {words}",
            [
                Block(
                    scale.number * signals * element.array(other)[sample, :, column],
                    lambda k: (scale, element.upstream(pair(k)), element.input(other, (sample, k, column))),
                    lambda k: f"position {k}",
                )
            ],
        )

    def _scale_factor(self, width: int) -> Factor:
        """Return one over the root of a head's width."""
        of_head = width // self.heads
        symbol = rf"\frac{{1}}{{\sqrt{{{of_head}}}}}"
        return constant(1.0 / math.sqrt(of_head), symbol, f"one over the root of a head's width, {of_head}").called(
            "scale"
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    numpy_helpers = (SPLIT_HEADS, JOIN_HEADS)

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        query, key = (f"split_heads({operand}, {self.heads})" for operand in code.operands)
        scale = self._scale(code.shapes[QUERY][-1])
        return [f"{code.output} = {query} @ {key}.swapaxes(-1, -2) * {scale!r}  # over the root of a head's width"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        query, key = (f"split_heads({operand}, {self.heads})" for operand in code.operands)
        to_query = code.operand == QUERY
        product = f"{code.upstream} @ {key}" if to_query else f"{code.upstream}.swapaxes(-1, -2) @ {query}"
        return [f"{code.result} = join_heads({product}) * {self._scale(code.shapes[QUERY][-1])!r}"]


class Mix(Operation):
    """mix = attention @ value for each head: for every position, the values of all positions, weighted.

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

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} mixes the values: each position gathers those of the positions that it attends to."

    def vjp_sentence(self, words: Words) -> str:
        if words.operand == ATTENTION:
            return f"times the values goes back to {words.source}"
        return f"goes back to {words.source} as much as each position attended to it"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        attention, value = shapes.operands
        return f"=  {attention} {value}"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        attention, value = shapes.operands
        to_attention = shapes.operand == ATTENTION
        return f"=  {shapes.upstream} {value}^T" if to_attention else f"=  {attention}^T {shapes.upstream}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        sample, position, column = element.index
        value = element.array(VALUE)
        head = column // (value.shape[-1] // self.heads)
        shares = element.array(ATTENTION)[sample, head, position].astype(np.float64)
        share = element.indexed(ATTENTION, f"{head},{position},k")
        return Draft(
            rf"\sum_{{k}} {share} \, {element.indexed(VALUE, f'k,{column}')}",
            f"the values of all positions, each times how much position {position} attends to it",
            [
                Block(
                    shares * value[sample, :, column],
                    lambda k: (
                        element.input(ATTENTION, (sample, head, position, k)),
                        element.input(VALUE, (sample, k, column)),
                    ),
                    lambda k: f"position {k}",
                )
            ],
        )

    def vjp_terms(self, element: Element) -> Draft:
        return self._terms_of_attention(element) if element.operand == ATTENTION else self._terms_of_value(element)

    def _terms_of_attention(self, element: Element) -> Draft:
        sample, head, position, asked = element.index
        delta, value = element.upstream_array()[sample, position], element.array(VALUE)[sample, asked]
        columns = columns_of(head, len(value), self.heads)
        part = slice(columns.start, columns.stop)
        return Draft(
            rf"\sum_{{c}} {element.indexed_upstream(f'{position},c')} \, {element.indexed(VALUE, f'{asked},c')}",
            f"upstream x local: what comes back to the mix of position {position}, times the value of position {asked}",
            [
                Block(
                    delta[part].astype(np.float64) * value[part],
                    lambda k: (
                        element.upstream((sample, position, columns[k])),
                        element.input(VALUE, (sample, asked, columns[k])),
                    ),
                    lambda k: f"feature {columns[k]}",
                )
            ],
        )

    def _terms_of_value(self, element: Element) -> Draft:
        sample, asked, column = element.index
        head = column // (element.array(VALUE).shape[-1] // self.heads)
        shares = element.array(ATTENTION)[sample, head, :, asked].astype(np.float64)
        share = element.indexed(ATTENTION, f"{head},k,{asked}")
        return Draft(
            rf"\sum_{{k}} {share} \, {element.indexed_upstream(f'k,{column}')}",
            f"upstream x local: what comes back to every position, times how much it attends to position {asked}",
            [
                Block(
                    shares * element.upstream_array()[sample, :, column],
                    lambda k: (
                        element.input(ATTENTION, (sample, head, k, asked)),
                        element.upstream((sample, k, column)),
                    ),
                    lambda k: f"position {k}",
                )
            ],
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    numpy_helpers = (SPLIT_HEADS, JOIN_HEADS)

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        attention, value = code.operands
        return [f"{code.output} = join_heads({attention} @ split_heads({value}, {self.heads}))"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        attention, value = code.operands
        back = f"split_heads({code.upstream}, {self.heads})"
        if code.operand == ATTENTION:
            return [f"{code.result} = {back} @ split_heads({value}, {self.heads}).swapaxes(-1, -2)"]
        return [f"{code.result} = join_heads({attention}.swapaxes(-1, -2) @ {back})"]
