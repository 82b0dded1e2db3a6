"""Pooling: each window of an image becomes one number, its largest or its mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.convolution import windows_along, windows_of
from visualbp.operations.symbols import Symbol, slid


class Pooling(Operation):
    """What both have in common. x (B, channels, H, W), output (B, channels, H', W') with
    H' = floor((H - kernel) / stride) + 1: rows and columns of x that no window reaches count for nothing.
    """

    def __init__(self, kernel: int = 2, stride: int = 2) -> None:
        self.kernel, self.stride = kernel, stride

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        batch, channels, height, width = shapes[0]
        rows, columns = (windows_along(length, self.kernel, self.stride) for length in (height, width))
        return (batch, channels, rows, columns)

    @property
    def window(self) -> str:
        """The places within a window, below a sum or a maximum."""
        return rf"0 \le p, q < {self.kernel}"

    def met(self, x: Symbol) -> str:
        """Return the symbol of what window i, j holds at its row p and column q."""
        return x.at("c", slid(self.stride, "i", "p"), slid(self.stride, "j", "q"))

    def _met(self, images: Array, output: Array, row: int, column: int) -> Array:
        """Return the view of `images` that has what each window holds at this row and column of its own."""
        rows, columns = output.shape[2:]
        stride = self.stride
        return images[
            :, :, row : row + stride * (rows - 1) + 1 : stride, column : column + stride * (columns - 1) + 1 : stride
        ]


class MaxPooling(Pooling):
    """The largest number of each window; the upstream gradient goes to that number alone.

    Where several are largest the first one wins, row by row, as in PyTorch's MaxPool2d.
    """

    name = "max_pool"

    @property
    def _count(self) -> int:
        return self.kernel * self.kernel

    def _winners(self, emit: Emitter, output: Array) -> Array:
        """Return the memory of each window's winner: its place in the window, counted row by row."""
        return emit.memory("winners", (output.size,), np.int8 if self._count <= 127 else np.int32)

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        winners, values = self._winners(emit, output), output.reshape(-1)
        gathered = emit.memory("gathered", output.shape)
        greater = emit.memory("greater", values.shape, bool)
        place_if_greater = emit.memory("place if greater", values.shape, winners.dtype)
        emit(np.copyto, output, self._met(inputs[0], output, 0, 0))
        emit(winners.fill, 0)
        for place in range(1, self._count):
            emit(np.copyto, gathered, self._met(inputs[0], output, *divmod(place, self.kernel)))
            candidate = gathered.reshape(-1)
            # Places come in order, so the last one that was greater than all before is the largest of those noted.
            emit(np.greater, candidate, values, greater)
            emit(np.multiply, greater.view(np.int8), np.array(place, winners.dtype), place_if_greater)
            emit(np.maximum, winners, place_if_greater, out=winners)
            emit(np.maximum, values, candidate, out=values)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        places, winners = emit.memory("places", (output.size,), np.intp), self._winners(emit, output)
        offsets = (np.arange(self.kernel)[:, None] * result.shape[3] + np.arange(self.kernel)).reshape(-1)
        positions = np.arange(result.size).reshape(result.shape)
        corners = np.ascontiguousarray(self._met(positions, output, 0, 0)).reshape(-1)
        winning = emit.memory("positions", (output.size,), np.intp)
        emit(np.copyto, places, winners)
        emit(np.take, offsets, places, 0, winning, "clip")
        emit(np.add, winning, corners, winning)
        emit(result.fill, 0.0)
        emit(np.add.at, result.reshape(-1), winning, upstream.reshape(-1))

    def _argmax(self, x: Array) -> Array:
        windows = windows_of(x, self.kernel, self.stride, (2, 3))
        return windows.reshape(*windows.shape[:4], self._count).argmax(-1)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        if tangent is None:
            return np.zeros_like(output)
        windows = windows_of(tangent, self.kernel, self.stride, (2, 3))
        flat = windows.reshape(*windows.shape[:4], self._count)
        return np.take_along_axis(flat, self._argmax(inputs[0])[..., None], -1)[..., 0]

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        return self._argmax(inputs[0])

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return rf"{output.at('c', 'i', 'j')} = \max_{{{self.window}}} {self.met(operands[0])}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        corner = ", ".join(letter if self.stride == 1 else f"{self.stride} {letter}" for letter in "ij")
        winner = rf"w_{{c, i, j}} = ({corner}) + \text{{argmax}}_{{{self.window}}} {self.met(operands[0])}"
        won = r"\left[w_{c, i, j} = (u, v)\right]"
        passed = rf"\sum_{{i, j}} {upstream.at('c', 'i', 'j')} \, {won}"
        return rf"{result.at('c', 'u', 'v')} = {passed}, \quad {winner}"


class AveragePooling(Pooling):
    """The mean of each window; each of its numbers gets an equal share of the upstream. As PyTorch's AvgPool2d."""

    name = "average_pool"

    @property
    def _share(self) -> float:
        return 1.0 / (self.kernel * self.kernel)

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        x = inputs[0]
        rows = output.shape[2]
        # A window's sum is the sum over its rows of sums along them: 2 k calls in place of k^2.
        along = emit.memory("sums along rows", (*x.shape[:3], output.shape[3]))
        for column in range(self.kernel):
            met = x[:, :, :, column : column + self.stride * (output.shape[3] - 1) + 1 : self.stride]
            emit(np.copyto, along, met) if column == 0 else emit(np.add, along, met, along)
        for row in range(self.kernel):
            met = along[:, :, row : row + self.stride * (rows - 1) + 1 : self.stride]
            emit(np.copyto, output, met) if row == 0 else emit(np.add, output, met, output)
        emit(np.multiply, output, emit.constant(self._share), output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        share = emit.memory("share", output.shape)
        emit(np.multiply, upstream, emit.constant(self._share), share)
        emit(result.fill, 0.0)
        for place in range(self.kernel * self.kernel):
            met = self._met(result, output, *divmod(place, self.kernel))
            emit(np.copyto, met, share) if self.stride >= self.kernel else emit(np.add, met, share, met)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        if tangent is None:
            return np.zeros_like(output)
        moved: Array = windows_of(tangent, self.kernel, self.stride, (2, 3)).mean((-2, -1))
        return moved

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output)

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        mean = rf"\frac{{1}}{{{self.kernel**2}}} \sum_{{{self.window}}} {self.met(operands[0])}"
        return f"{output.at('c', 'i', 'j')} = {mean}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        inside = []
        for place, window in (("u", "i"), ("v", "j")):
            start = window if self.stride == 1 else f"{self.stride} {window}"
            inside.append(rf"\left[0 \le {place} - {start} < {self.kernel}\right]")
        shares = rf"\frac{{1}}{{{self.kernel**2}}} \sum_{{i, j}} {upstream.at('c', 'i', 'j')} \, {' '.join(inside)}"
        return f"{result.at('c', 'u', 'v')} = {shares}"
