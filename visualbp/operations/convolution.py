"""The convolution of images with filters, as matrix products.

Within a rule an image lies with the batch as its last axis: the numbers that one element of a filter meets are then
long runs in memory, and copying every window into a column (im2col) and adding columns back (col2im) go at the speed
of memory. No call of a rule loops over samples or pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation

COLUMNS_AT_ONCE = 2**19
"""Columns have at most so many numbers at a time (or are those of one sample). More would fall out of the cache, which
costs more than making the columns again on the way back; and memory stays bounded for images of any size."""


def windows_along(length: int, kernel: int, stride: int, padding: int = 0) -> int:
    """Return how many windows fit on an axis: floor((length + 2 padding - kernel) / stride) + 1, as in PyTorch."""
    return (length + 2 * padding - kernel) // stride + 1


def windows_of(images: Array, kernel: int, stride: int, axes: tuple[int, int]) -> Array:
    """Return a view with all windows of `images`: two more axes at the end, row and column within the window."""
    steps: list[slice] = [slice(None)] * images.ndim
    for axis in axes:
        steps[axis] = slice(None, None, stride)
    return sliding_window_view(images, (kernel, kernel), axes)[tuple(steps)]


class Convolution(Operation):
    """z[b, f] = bias[f] + sum over c of weight[f, c] slid over x[b, c] (the cross-correlation, as everywhere here).

    x (B, channels, H, W), weight (filters, channels, k, k), bias (filters), z (B, filters, H', W') with
    H' = floor((H + 2 padding - k) / stride) + 1; around the image are `padding` zeros. Source: PyTorch's Conv2d.
    Without a bias there are two operands.
    """

    name = "convolution"
    operands = ("x", "weight", "bias")

    def __init__(self, stride: int = 1, padding: int = 0) -> None:
        self.stride, self.padding = stride, padding

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        (batch, _, height, width), (filters, _, kernel, _) = shapes[:2]
        rows = windows_along(height, kernel, self.stride, self.padding)
        return (batch, filters, rows, windows_along(width, kernel, self.stride, self.padding))

    # -- the layout within the rules -----------------------------------------------------------------------------------

    @staticmethod
    def _parts(x: Array, weight: Array, z: Array) -> list[slice]:
        """Return the samples in parts whose columns fit into COLUMNS_AT_ONCE: for small images, all in one."""
        for_one = size_of(weight.shape[1:]) * size_of(z.shape[2:])
        count = max(1, COLUMNS_AT_ONCE // max(for_one, 1))
        return [slice(start, min(start + count, len(x))) for start in range(0, len(x), count)]

    def _image(self, emit: Emitter, name: str, x: Array) -> tuple[Array, Array]:
        """Return the memory of padded images (channels, H + 2 padding, W + 2 padding, B), and its inner part."""
        samples, channels, height, width = x.shape
        edge = self.padding
        image = emit.memory(name, (channels, height + 2 * edge, width + 2 * edge, samples))
        return image, image[:, edge : edge + height, edge : edge + width]

    @staticmethod
    def _columns(emit: Emitter, name: str, x: Array, weight: Array, z: Array) -> Array:
        """Return the memory of columns (channels, k, k, H', W', B)."""
        return emit.memory(name, (*weight.shape[1:], *z.shape[2:], len(x)))

    def _emit_columns(self, emit: Emitter, x: Array, weight: Array, z: Array) -> Array:
        """Emit the copying of every window of x into a column; return them, (channels k k, H' W' B)."""
        image, inner = self._image(emit, "image", x)
        columns = self._columns(emit, "columns", x, weight, z)
        emit(np.copyto, inner, x.transpose(1, 2, 3, 0))
        emit(np.copyto, columns, windows_of(image, weight.shape[-1], self.stride, (1, 2)).transpose(0, 4, 5, 1, 2, 3))
        return columns.reshape(size_of(weight.shape[1:]), -1)

    @staticmethod
    def _emit_rows(emit: Emitter, upstream: Array) -> Array:
        """Emit the copying of the upstream gradient into rows; return them, (filters, H' W' B)."""
        samples, filters, *places = upstream.shape
        rows = emit.memory("upstream", (filters, *places, samples))
        emit(np.copyto, rows, upstream.transpose(1, 2, 3, 0))
        return rows.reshape(filters, -1)

    # -- the rules -----------------------------------------------------------------------------------------------------

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        x, weight, *bias = inputs
        filters = len(weight)
        for part in self._parts(x, weight, output):
            columns = self._emit_columns(emit, x[part], weight, output)
            product = emit.memory("product", (filters, columns.shape[1]))
            emit(np.dot, weight.reshape(filters, -1), columns, product)
            images = product.reshape(filters, *output.shape[2:], -1)
            target = output[part].transpose(1, 2, 3, 0)
            if bias:
                emit(np.add, images, bias[0].reshape(filters, 1, 1, 1), target)
            else:
                emit(np.copyto, target, images)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        x, weight = inputs[:2]
        match self.operand_name(operand):
            case "weight":
                self._vjp_of_weight(emit, upstream, x, weight, result)
            case "bias":
                samples, filters, *places = upstream.shape
                total = emit.memory("total", (filters * size_of(tuple(places)),))
                emit(np.dot, emit.ones(samples), upstream.reshape(samples, -1), total)
                emit(np.dot, total.reshape(filters, -1), emit.ones(size_of(tuple(places))), result)
            case _:
                self._vjp_of_x(emit, upstream, weight, result)

    def _vjp_of_weight(self, emit: Emitter, upstream: Array, x: Array, weight: Array, result: Array) -> None:
        """Emit result = sum over samples and places of upstream times the window that was under the filter."""
        gradient = result.reshape(len(weight), -1)
        parts = self._parts(x, weight, upstream)
        for number, part in enumerate(parts):
            rows = self._emit_rows(emit, upstream[part])
            if len(parts) == 1:  # the columns of the forward rule are there still
                columns = self._columns(emit, "columns", x, weight, upstream).reshape(gradient.shape[1], -1)
            else:
                columns = self._emit_columns(emit, x[part], weight, upstream)
            if number == 0:
                emit(np.dot, rows, columns.T, gradient)
            else:
                addend = emit.memory("gradient part", gradient.shape)
                emit(np.dot, rows, columns.T, addend)
                emit(np.add, gradient, addend, gradient)

    def _vjp_of_x(self, emit: Emitter, upstream: Array, weight: Array, result: Array) -> None:
        """Emit result = upstream sent back through the filters; a pixel gets from every window that it was in."""
        rows_of_windows, columns_of_windows = upstream.shape[2:]
        for part in self._parts(result, weight, upstream):
            rows = self._emit_rows(emit, upstream[part])
            columns = self._columns(emit, "column gradients", result[part], weight, upstream)
            emit(np.dot, weight.reshape(len(weight), -1).T, rows, columns.reshape(-1, rows.shape[1]))
            image, inner = self._image(emit, "image gradient", result[part])
            emit(image.fill, 0.0)
            for row, column in _places(weight.shape[-1]):
                met = image[
                    :,
                    row : row + self.stride * (rows_of_windows - 1) + 1 : self.stride,
                    column : column + self.stride * (columns_of_windows - 1) + 1 : self.stride,
                ]
                emit(np.add, met, columns[:, row, column], met)
            emit(np.copyto, result[part], inner.transpose(3, 0, 1, 2))

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

    def equation(self, output: str, operands: Sequence[str]) -> str:
        x, weight, *bias = operands
        return rf"{output} = {weight} \star {x}" + (f" + {bias[0]}" if bias else "")

    def vjp_equation(self, operand: int, result: str, upstream: str, output: str, operands: Sequence[str]) -> str:
        x, weight = operands[:2]
        match self.operand_name(operand):
            case "weight":
                return rf"{result} = {upstream} \star {x}"
            case "bias":
                return rf"{result} = \sum_{{i, j}} {{{upstream}}}_{{i j}}"
            case _:
                return rf"{result} = {upstream} \ast {weight}"


def _places(kernel: int) -> Iterator[tuple[int, int]]:
    """Yield row and column of every element of a window, row by row."""
    for row in range(kernel):
        for column in range(kernel):
            yield row, column
