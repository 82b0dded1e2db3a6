"""Pooling: each window of an image becomes one number, its largest or its mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.number_words import Index, number_latex, unraveled
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol, slid
from visualbp.operations.terms import Block, Draft, Element, Factor, constant, one_term
from visualbp.operations.windows import covering, let_nan_win, windows_along, windows_of, winners_of
from visualbp.operations.words import ShapeTexts, Told, Words

X = 0
MOST_COMPARED = 16
"""A window of more numbers is not written out where its largest is chosen."""

WINDOWS_OF = '''\
def windows_of(x, kernel, stride):
    """The numbers of each window in a row (batch, channels, rows, columns, kernel kernel)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]
    return windows.reshape(*windows.shape[:4], kernel * kernel)'''

WINNERS_OF = '''\
def winners_of(windows):
    """The place of each window's winner: the largest number, of several the first; but where there is NaN, the last."""
    nan = np.isnan(windows)
    last = windows.shape[-1] - 1 - nan[..., ::-1].argmax(-1)
    return np.where(nan.any(-1), last, windows.argmax(-1))'''

TO_WINNERS = '''\
def to_winners(upstream, winner, x, kernel, stride):
    """Each window's upstream, added at the number that was its largest."""
    back = np.zeros_like(x)
    sample, channel, row, column = np.indices(upstream.shape)
    place = sample, channel, row * stride + winner // kernel, column * stride + winner % kernel
    np.add.at(back, place, upstream)
    return back'''

WINDOW_SUMS = '''\
def window_sums(x, kernel, stride):
    """The sum of each window: along its rows first, then over them."""
    rows, columns = ((length - kernel) // stride + 1 for length in x.shape[2:])
    along = sum(x[:, :, :, at : at + stride * (columns - 1) + 1 : stride] for at in range(kernel))
    return sum(along[:, :, at : at + stride * (rows - 1) + 1 : stride] for at in range(kernel))'''

TO_WINDOWS = '''\
def to_windows(share, x, kernel, stride):
    """A share for each number of each window, added up where windows overlap."""
    back, (rows, columns) = np.zeros_like(x), share.shape[2:]
    for row in range(kernel):
        for column in range(kernel):
            met = slice(row, row + stride * (rows - 1) + 1, stride)
            back[:, :, met, column : column + stride * (columns - 1) + 1 : stride] += share
    return back'''


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
    def _each_window(self) -> str:
        return f"{self.kernel} x {self.kernel} window"

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

    glossary: ClassVar[Mapping[str, str]] = {"windows": "", "back over": ""}

    def shapes_text(self, shapes: ShapeTexts) -> str:
        claim = "result[:2] == x[:2] and all(n == (m - kernel) // stride + 1 for n, m in zip(result[2:], x[2:]))"
        return Told("=  windows of {x}", claim, x=shapes.operands[0])

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        claim = (
            "result[:2] == upstream[:2]"
            " and all(n == (m - kernel) // stride + 1 for n, m in zip(upstream[2:], result[2:]))"
        )
        return Told("=  {upstream} back over the windows", claim, upstream=shapes.upstream)

    def _window_at(self, element: Element, row: int, column: int) -> Array:
        """Return the numbers of a window of the channel that is explained."""
        sample, channel, *_ = element.index
        top, left = row * self.stride, column * self.stride
        return element.array(X)[sample, channel, top : top + self.kernel, left : left + self.kernel]

    def _windows_around(self, element: Element) -> list[tuple[int, int, int, int]]:
        """Return row and column of the windows that cover the place that is explained, and where it lies in each."""
        _, _, *place = element.index
        windows = element.upstream_array().shape[2:]
        rows, columns = (
            covering(at, self.kernel, self.stride, 0, count) for at, count in zip(place, windows, strict=True)
        )
        return [
            (int(row), int(column), int(i), int(j))
            for i, row in zip(*rows, strict=True)
            for j, column in zip(*columns, strict=True)
        ]


class MaxPooling(Pooling):
    """The largest number of each window; the upstream gradient goes to that number alone.

    Of several largest the first is taken, row by row; where there is NaN, the last NaN. Both are as in
    PyTorch's MaxPool2d.
    """

    name = "max_pool"
    numpy_helpers = (WINDOWS_OF, WINNERS_OF, TO_WINNERS)

    @property
    def _count(self) -> int:
        return self.kernel * self.kernel

    def _winners(self, emit: Emitter, output: Array) -> Array:
        """Return the memory of each window's argmax: the place of its largest number, counted row by row."""
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
        emit(let_nan_win, winners, values, greater, windows_of(inputs[0], self.kernel, self.stride, (2, 3)))

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
        return winners_of(windows.reshape(*windows.shape[:4], self._count))

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

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} takes the largest number of each {self._each_window} of {words.sources[0]}."

    def vjp_sentence(self, words: Words) -> str:
        return f"goes back to the winner of each window alone, in {words.source}"

    glossary: ClassVar[Mapping[str, str]] = {**Pooling.glossary, "winner": "x"}

    # -- where each number came from ---------------------------------------------------------------------------------

    def _winner_at(self, element: Element, row: int, column: int) -> tuple[Array, Index]:
        """Return the numbers of a window of the channel that is explained, and where in it the largest lies."""
        window = self._window_at(element, row, column)
        return window, unraveled(int(winners_of(window.reshape(-1))), window.shape)

    def terms(self, element: Element) -> Draft:
        sample, channel, row, column = element.index
        window, (i, j) = self._winner_at(element, row, column)
        at = (row * self.stride + i, column * self.stride + j)
        winner = element.input(X, (sample, channel, *at))
        numbers = [number_latex(float(number)) for number in window.reshape(-1)]
        written = rf"\max\left({', '.join(numbers)}\right)" if len(numbers) <= MOST_COMPARED else ""
        several, nan = int((window == window[i, j]).sum()), int(np.isnan(window).sum())
        note = f"{several} numbers are largest; the first of them wins" if several > 1 else ""
        if nan:
            note = "a NaN counts as largest" + (f"; of the {nan} in the window the last one wins" if nan > 1 else "")
        return Draft(
            rf"\max_{{i, j}} {element.indexed(X, f'{channel},i,j')} = {winner.symbol}",
            f"the largest of the {window.size} numbers of its window: that at row {at[0]}, column {at[1]}",
            [one_term(winner, label="winner")],
            note,
            written,
        )

    def vjp_terms(self, element: Element) -> Draft:
        sample, channel, *_ = element.index
        around = self._windows_around(element)
        won = [(r, c) for r, c, i, j in around if self._winner_at(element, r, c)[1] == (i, j)]
        factors = [element.upstream((sample, channel, r, c)) for r, c in won]
        lost = len(around) - len(won)
        if not around:
            note = "no window covers it, so nothing comes back"
        elif not won:
            note = "it is not the largest of its window: the gradient goes to the winner alone"
        else:
            note = f"of the {len(around)} windows that cover it, {len(won)} chose it" if lost else ""
        return Draft(
            rf"\sum_{{\text{{windows won}}}} {element.indexed_upstream(f'{channel},r,s')}",
            "what comes back to the windows that it won, unchanged: the local derivative is 1, and 0 for all others",
            [one_term(factor, label=f"window {r}, {c}") for factor, (r, c) in zip(factors, won, strict=True)],
            note,
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        windows = code.kept("windows")
        return [
            f"{windows} = windows_of({code.operands[0]}, {self.kernel}, {self.stride})",
            f"{code.output} = {windows}.max(-1)",
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        x, winner = code.operands[0], code.kept("winner")
        return [
            f"{winner} = winners_of({code.kept('windows')})",
            f"{code.result} = to_winners({code.upstream}, {winner}, {x}, {self.kernel}, {self.stride})",
        ]


class AveragePooling(Pooling):
    """The mean of each window; each of its numbers gets an equal share of the upstream. As PyTorch's AvgPool2d."""

    name = "average_pool"
    numpy_helpers = (WINDOW_SUMS, TO_WINDOWS)

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

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
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

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} takes the mean of each {self._each_window} of {words.sources[0]}."

    def vjp_sentence(self, words: Words) -> str:
        return f"is shared out evenly over each window of {words.source}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def _share_factor(self) -> Factor:
        count = self.kernel**2
        return constant(1.0 / count, rf"\frac{{1}}{{{count}}}", f"one of the {count} numbers of a window").called(
            "share"
        )

    def terms(self, element: Element) -> Draft:
        sample, channel, row, column = element.index
        window, share = self._window_at(element, row, column), self._share_factor()
        top, left = row * self.stride, column * self.stride

        def pixel(k: int) -> tuple[int, int]:
            i, j = unraveled(k, window.shape)
            return top + i, left + j

        return Draft(
            rf"{share.symbol} \sum_{{i, j}} {element.indexed(X, f'{channel},i,j')}",
            "the mean of the numbers of its window",
            [
                Block(
                    share.number * window.reshape(-1).astype(np.float64),
                    lambda k: (share, element.input(X, (sample, channel, *pixel(k)))),
                    lambda k: "row {}, column {}".format(*pixel(k)),
                )
            ],
        )

    def vjp_terms(self, element: Element) -> Draft:
        share, (sample, channel, *_) = self._share_factor(), element.index
        around = self._windows_around(element)
        return Draft(
            rf"{share.symbol} \sum_{{\text{{windows}}}} {element.indexed_upstream(f'{channel},r,s')}",
            "an equal share of what comes back to each window that it was in",
            [
                one_term(share, element.upstream((sample, channel, r, c)), label=f"window {r}, {c}")
                for r, c, _, _ in around
            ],
            "" if around else "no window covers it, so nothing comes back",
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.output} = window_sums({code.operands[0]}, {self.kernel}, {self.stride}) * {self._share!r}"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        share = f"{code.upstream} * {self._share!r}"
        return [f"{code.result} = to_windows({share}, {code.operands[0]}, {self.kernel}, {self.stride})"]
