"""The convolution of images, or of sequences, with filters, as matrix products.

Every window is copied into a column (im2col), so that the filters are one product with all columns; on the way back
the gradients of the columns are added where the windows were (col2im). Small images lie with the batch as their last
axis meanwhile: the numbers that one element of a filter meets are then long runs in memory, and both go at its speed.
No call of a rule loops over samples or pixels. A sequence (channels, length) is an image of one axis: all that is said
here of rows and columns holds for as many axes as there are after the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.symbols import OUTSIDE, Symbol, slid, slid_back, summed
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

    order: tuple[int, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """The axes of rows and columns, or the one of the positions of a sequence."""
        return tuple(self.order.index(axis) for axis in range(2, len(self.order)))

    def shape(self, shape: Shape) -> Shape:
        """Return the shape of an image (B, channels, ...) that lies so."""
        return tuple(shape[axis] for axis in self.order)

    def cut(self, image: Array, within: Sequence[slice]) -> Array:
        """Return a view of some rows and columns of an image that lies so."""
        parts = [slice(None)] * image.ndim
        for axis, part in zip(self.places, within, strict=True):
            parts[axis] = part
        return image[tuple(parts)]


def division(weight: Shape, z: Shape) -> tuple[list[slice], Layout]:
    """Return the samples in parts whose columns fit into COLUMNS_AT_ONCE (small images: in one), and their layout."""
    samples, width, places = z[0], z[-1], range(2, len(z))
    count = COLUMNS_AT_ONCE // (size_of(weight[1:]) * size_of(z[2:]))
    if count < samples:
        count = max(1, count - count % LINE if count > LINE else count)
    parts = [slice(start, min(start + count, samples)) for start in range(0, samples, count)]
    batch_last = min(count, samples) >= LINE or width < LINE
    return parts, Layout((1, *places, 0) if batch_last else (1, 0, *places))


class Letters(NamedTuple):
    """The letters of equations, one for each axis of places: of windows, of places within one, of those in x."""

    windows: str
    within: str
    places: str

    @classmethod
    def of(cls, x: Symbol) -> Letters:
        """Return the letters for x (channels, ...): two for images, one for sequences."""
        axes = len(x.shape) - 1
        return cls("ij"[:axes], "pq"[:axes], "uv"[:axes])


class ConvolutionRule(Operation):
    """z[b, f] = bias[f] + sum over c of weight[f, c] slid over x[b, c] (the cross-correlation, as everywhere here).

    x (B, channels, H, W), weight (filters, channels, k, k), bias (filters), z (B, filters, H', W') with
    H' = floor((H + 2 padding - k) / stride) + 1; around the image are `padding` zeros. Of sequences x (B, channels, T),
    weight (filters, channels, k), z (B, filters, T'). Source: PyTorch's Conv2d and Conv1d. Without a bias there are two
    operands.
    """

    name = "convolution"
    operands = ("x", "weight", "bias")
    is_weighted = True

    def __init__(self, stride: int = 1, padding: int = 0) -> None:
        self.stride, self.padding = stride, padding

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        (batch, _, *lengths), (filters, *_, kernel) = shapes[:2]
        return (batch, filters, *(windows_along(length, kernel, self.stride, self.padding) for length in lengths))

    # -- the layout within the rules -----------------------------------------------------------------------------------

    def _image(self, emit: Emitter, name: str, x: Array, layout: Layout) -> tuple[Array, Array]:
        """Return the memory of padded images in the rules' layout, and the part of it within the padding."""
        samples, channels, *lengths = x.shape
        edge = self.padding
        image = emit.memory(name, layout.shape((samples, channels, *(length + 2 * edge for length in lengths))))
        return image, layout.cut(image, [slice(edge, edge + length) for length in lengths])

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
        emit(np.copyto, columns, windows.transpose(0, *range(x.ndim, windows.ndim), *range(1, x.ndim)))
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
                emit(np.add, sums, bias[0].reshape(filters, *(1,) * (x.ndim - 1)), target)
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
        parts, layout = division(weight.shape, upstream.shape)
        for part in parts:
            rows = self._emit_rows(emit, upstream[part], layout)
            columns = self._columns(emit, "column gradients", result[part], weight, upstream, layout)
            emit(np.dot, weight.reshape(len(weight), -1).T, rows, columns.reshape(-1, rows.shape[1]))
            image, inner = self._image(emit, "image gradient", result[part], layout)
            emit(image.fill, 0.0)
            for place in product(range(weight.shape[-1]), repeat=len(layout.places)):
                met = layout.cut(
                    image,
                    [
                        slice(start, start + self.stride * (windows - 1) + 1, self.stride)
                        for start, windows in zip(place, upstream.shape[2:], strict=True)
                    ],
                )
                share = np.moveaxis(columns, 0, len(place))[place]
                emit(np.add, met, share, met)
            emit(np.copyto, result[part].transpose(layout.order), inner)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        x, weight = inputs[:2]
        moved = np.zeros_like(output)
        if (x_tangent := tangents[0]) is not None:
            moved += self._convolved(x_tangent, weight)
        if (weight_tangent := tangents[1]) is not None:
            moved += self._convolved(x, weight_tangent)
        if len(tangents) > 2 and (bias_tangent := tangents[2]) is not None:
            moved += bias_tangent.reshape(-1, *(1,) * (x.ndim - 2))
        return moved

    def _convolved(self, x: Array, weight: Array) -> Array:
        places, within = tuple(range(2, x.ndim)), range(x.ndim, 2 * x.ndim - 2)
        padded = np.pad(x, ((0, 0), (0, 0), *((self.padding, self.padding) for _ in places)))
        windows = windows_of(padded, weight.shape[-1], self.stride, places)
        return np.moveaxis(np.tensordot(windows, weight, axes=((1, *within), (1, *places))), -1, 1)

    # -- cost and notation ---------------------------------------------------------------------------------------------

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output) * size_of(shapes[1][1:])

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0 if self.operand_name(operand) == "bias" else size_of(output) * size_of(shapes[1][1:])

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        x, weight, *bias = operands
        letters = Letters.of(x)
        rule = rf"{summed('c', *letters.within)} {weight.at('f', 'c', *letters.within)} \, {self._met(x, letters, 'c')}"
        shift = f" + {bias[0].at('f')}" if bias else ""
        return f"{output.at('f', *letters.windows)} = {rule}{shift}{self._outside()}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        x, weight = operands[:2]
        letters = Letters.of(x)
        over, signals = summed("n", *letters.windows), upstream.at("n", "f", *letters.windows)
        match self.operand_name(operand):
            case "weight":
                products = rf"{signals} \, {self._met(x, letters, 'n', 'c')}"
                return rf"{result.at('f', 'c', *letters.within)} = {over} {products}{self._outside()}"
            case "bias":
                return rf"{result.at('f')} = {over} {signals}"
            case _:
                within = [
                    slid_back(self.stride, place, window, self.padding)
                    for place, window in zip(letters.places, letters.windows, strict=True)
                ]
                products = rf"{weight.at('f', 'c', *within)} \, {upstream.at('f', *letters.windows)}"
                return rf"{result.at('c', *letters.places)} = {summed('f', *letters.windows)} {products}{OUTSIDE}"

    def _met(self, x: Symbol, letters: Letters, *leading: str) -> str:
        """Return what the place p, q of a filter meets at the window i, j."""
        pairs = zip(letters.windows, letters.within, strict=True)
        return x.at(*leading, *(slid(self.stride, window, within, self.padding) for window, within in pairs))

    def _outside(self) -> str:
        return OUTSIDE if self.padding else ""
