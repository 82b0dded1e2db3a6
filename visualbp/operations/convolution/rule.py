"""The convolution of images with filters, as matrix products.

Every window is copied into a column (im2col), so that the filters are one product with all columns; on the way back
the gradients of the columns are added where the windows were (col2im). Small images lie with the batch as their last
axis meanwhile: the numbers that one element of a filter meets are then long runs in memory, and both go at its speed.
No call of a rule loops over samples or pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.symbols import OUTSIDE, Symbol, slid, slid_back
from visualbp.operations.windows import windows_along, windows_of

COLUMNS_AT_ONCE = 2**17
"""Columns have about so many numbers at a time (or are those of one sample). More would fall out of the cache, which
costs more than making the columns again on the way back; and memory stays bounded for images of any size."""

LINE = 8
"""The numbers of a cache line: with fewer samples side by side than that, the batch is better not the last axis."""


@dataclass(frozen=True)
class Layout:
    """How images (B, channels, H, W) lie within a rule: `order` are their axes, the channels' first.

    `places` are the axes of rows and columns then.
    """

    order: tuple[int, int, int, int]

    @property
    def places(self) -> tuple[int, int]:
        return self.order.index(2), self.order.index(3)

    def shape(self, shape: Shape) -> Shape:
        return tuple(shape[axis] for axis in self.order)

    def cut(self, image: Array, rows: slice, columns: slice) -> Array:
        """Return a view of some rows and columns of an image that lies so."""
        parts = [slice(None)] * 4
        parts[self.places[0]], parts[self.places[1]] = rows, columns
        return image[tuple(parts)]


BATCH_LAST, BATCH_SECOND = Layout((1, 2, 3, 0)), Layout((1, 0, 2, 3))


def division(weight: Shape, z: Shape) -> tuple[list[slice], Layout]:
    """Return the samples in parts whose columns fit into COLUMNS_AT_ONCE (small images: in one), and their layout."""
    samples, width = z[0], z[3]
    count = COLUMNS_AT_ONCE // (size_of(weight[1:]) * size_of(z[2:]))
    if count < samples:
        count = max(1, count - count % LINE if count > LINE else count)
    parts = [slice(start, min(start + count, samples)) for start in range(0, samples, count)]
    return parts, BATCH_LAST if min(count, samples) >= LINE or width < LINE else BATCH_SECOND


class ConvolutionRule(Operation):
    """z[b, f] = bias[f] + sum over c of weight[f, c] slid over x[b, c] (the cross-correlation, as everywhere here).

    x (B, channels, H, W), weight (filters, channels, k, k), bias (filters), z (B, filters, H', W') with
    H' = floor((H + 2 padding - k) / stride) + 1; around the image are `padding` zeros. Source: PyTorch's Conv2d.
    Without a bias there are two operands.
    """

    name = "convolution"
    operands = ("x", "weight", "bias")
    is_weighted = True

    def __init__(self, stride: int = 1, padding: int = 0) -> None:
        self.stride, self.padding = stride, padding

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        (batch, _, height, width), (filters, _, kernel, _) = shapes[:2]
        rows = windows_along(height, kernel, self.stride, self.padding)
        return (batch, filters, rows, windows_along(width, kernel, self.stride, self.padding))

    # -- the layout within the rules -----------------------------------------------------------------------------------

    def _image(self, emit: Emitter, name: str, x: Array, layout: Layout) -> tuple[Array, Array]:
        """Return the memory of padded images in the rules' layout, and the part of it within the padding."""
        samples, channels, height, width = x.shape
        edge = self.padding
        image = emit.memory(name, layout.shape((samples, channels, height + 2 * edge, width + 2 * edge)))
        return image, layout.cut(image, slice(edge, edge + height), slice(edge, edge + width))

    @staticmethod
    def _columns(emit: Emitter, name: str, x: Array, weight: Array, z: Array, layout: Layout) -> Array:
        """Return the memory of columns (channels, k, k, *layout of batch, H', W')."""
        return emit.memory(name, (*weight.shape[1:], *layout.shape((len(x), 1, *z.shape[2:]))[1:]))

    def _emit_columns(self, emit: Emitter, x: Array, weight: Array, z: Array, layout: Layout) -> Array:
        """Emit the copying of every window of x into a column; return them, (channels k k, B H' W')."""
        image, inner = self._image(emit, "image", x, layout)
        columns = self._columns(emit, "columns", x, weight, z, layout)
        windows = windows_of(image, weight.shape[-1], self.stride, layout.places)
        emit(np.copyto, inner, x.transpose(layout.order))
        emit(np.copyto, columns, windows.transpose(0, 4, 5, 1, 2, 3))
        return columns.reshape(size_of(weight.shape[1:]), -1)

    @staticmethod
    def _emit_rows(emit: Emitter, upstream: Array, layout: Layout) -> Array:
        """Emit the copying of the upstream gradient into rows; return them, (filters, B H' W')."""
        rows = emit.memory("upstream", layout.shape(upstream.shape))
        emit(np.copyto, rows, upstream.transpose(layout.order))
        return rows.reshape(upstream.shape[1], -1)

    # -- the rules -----------------------------------------------------------------------------------------------------

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        x, weight, *bias = inputs
        filters = len(weight)
        parts, layout = division(weight.shape, output.shape)
        for part in parts:
            columns = self._emit_columns(emit, x[part], weight, output, layout)
            target = output[part].transpose(layout.order)
            sums = emit.memory("sums", target.shape)
            emit(np.dot, weight.reshape(filters, -1), columns, sums.reshape(filters, -1))
            if bias:
                emit(np.add, sums, bias[0].reshape(filters, 1, 1, 1), target)
            else:
                emit(np.copyto, target, sums)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        x, weight = inputs[:2]
        match self.operand_name(operand):
            case "weight":
                self._vjp_of_weight(emit, upstream, x, weight, result)
            case "bias":
                samples, filters, *places = upstream.shape
                total = emit.memory("total", (filters, size_of(tuple(places))))
                emit(np.dot, emit.ones(samples), upstream.reshape(samples, -1), total.reshape(-1))
                emit(np.dot, total, emit.ones(total.shape[1]), result)
            case _:
                self._vjp_of_x(emit, upstream, weight, result)

    def _vjp_of_weight(self, emit: Emitter, upstream: Array, x: Array, weight: Array, result: Array) -> None:
        """Emit result = sum over samples and places of upstream times the window that was under the filter."""
        gradient = result.reshape(len(weight), -1)
        parts, layout = division(weight.shape, upstream.shape)
        for number, part in enumerate(parts):
            rows = self._emit_rows(emit, upstream[part], layout)
            if len(parts) == 1:  # the columns of the forward rule are there still
                columns = self._columns(emit, "columns", x, weight, upstream, layout).reshape(gradient.shape[1], -1)
            else:
                columns = self._emit_columns(emit, x[part], weight, upstream, layout)
            if number == 0:
                emit(np.dot, rows, columns.T, gradient)
            else:
                addend = emit.memory("gradient part", gradient.shape)
                emit(np.dot, rows, columns.T, addend)
                emit(np.add, gradient, addend, gradient)

    def _vjp_of_x(self, emit: Emitter, upstream: Array, weight: Array, result: Array) -> None:
        """Emit result = upstream sent back through the filters; a pixel gets from every window that it was in."""
        (rows_of_windows, columns_of_windows), stride = upstream.shape[2:], self.stride
        parts, layout = division(weight.shape, upstream.shape)
        for part in parts:
            rows = self._emit_rows(emit, upstream[part], layout)
            columns = self._columns(emit, "column gradients", result[part], weight, upstream, layout)
            emit(np.dot, weight.reshape(len(weight), -1).T, rows, columns.reshape(-1, rows.shape[1]))
            image, inner = self._image(emit, "image gradient", result[part], layout)
            emit(image.fill, 0.0)
            for row, column in product(range(weight.shape[-1]), repeat=2):
                met = layout.cut(
                    image,
                    slice(row, row + stride * (rows_of_windows - 1) + 1, stride),
                    slice(column, column + stride * (columns_of_windows - 1) + 1, stride),
                )
                emit(np.add, met, columns[:, row, column], met)
            emit(np.copyto, result[part].transpose(layout.order), inner)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        x, weight = inputs[:2]
        moved = np.zeros_like(output)
        if (x_tangent := tangents[0]) is not None:
            moved += self._convolved(x_tangent, weight)
        if (weight_tangent := tangents[1]) is not None:
            moved += self._convolved(x, weight_tangent)
        if len(tangents) > 2 and (bias_tangent := tangents[2]) is not None:
            moved += bias_tangent.reshape(1, -1, 1, 1)
        return moved

    def _convolved(self, x: Array, weight: Array) -> Array:
        edge = (self.padding, self.padding)
        windows = windows_of(np.pad(x, ((0, 0), (0, 0), edge, edge)), weight.shape[-1], self.stride, (2, 3))
        return np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)

    # -- cost and notation ---------------------------------------------------------------------------------------------

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output) * size_of(shapes[1][1:])

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0 if self.operand_name(operand) == "bias" else size_of(output) * size_of(shapes[1][1:])

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        x, weight, *bias = operands
        met = x.at("c", *self._met())
        rule = rf"\sum_{{c, p, q}} {weight.at('f', 'c', 'p', 'q')} \, {met}"
        shift = f" + {bias[0].at('f')}" if bias else ""
        return f"{output.at('f', 'i', 'j')} = {rule}{shift}{self._outside()}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        x, weight = operands[:2]
        match self.operand_name(operand):
            case "weight":
                products = rf"{upstream.at('n', 'f', 'i', 'j')} \, {x.at('n', 'c', *self._met())}"
                return rf"{result.at('f', 'c', 'p', 'q')} = \sum_{{n, i, j}} {products}{self._outside()}"
            case "bias":
                return rf"{result.at('f')} = \sum_{{n, i, j}} {upstream.at('n', 'f', 'i', 'j')}"
            case _:
                within = [slid_back(self.stride, place, window, self.padding) for place, window in ("ui", "vj")]
                products = rf"{weight.at('f', 'c', *within)} \, {upstream.at('f', 'i', 'j')}"
                return rf"{result.at('c', 'u', 'v')} = \sum_{{f, i, j}} {products}{OUTSIDE}"

    def _met(self) -> tuple[str, str]:
        """Return the row and the column that a filter's row p and column q meet at the place i, j."""
        return slid(self.stride, "i", "p", self.padding), slid(self.stride, "j", "q", self.padding)

    def _outside(self) -> str:
        return OUTSIDE if self.padding else ""
