"""How single numbers come about in convolution and pooling: which numbers of a window they are made of, and, on the way
back, which windows they were in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from visualbp.analysis.explain_element import Element, explains
from visualbp.core.arrays import Array
from visualbp.core.number_words import number_latex, pixel_text, unraveled
from visualbp.operations.convolution import Convolution
from visualbp.operations.pooling import AveragePooling, MaxPooling, Pooling
from visualbp.operations.terms import Block, Draft, Factor, constant, one_term

X, WEIGHT, BIAS = 0, 1, 2
MOST_COMPARED = 16
"""A window of more numbers is not written out where its largest is chosen."""


class _Axis(NamedTuple):
    """Windows along one axis: `inside` are places within a window, `outside` what they belong to, pair by pair.

    For a window, `outside` are the places of the image that it covers; for a place of the image, the windows that cover
    it; for a place within a window, `inside` are the windows, and `outside` the places of the image met there.
    """

    inside: Array
    outside: Array


def _covered(window: int, kernel: int, stride: int, padding: int, length: int) -> _Axis:
    """Return what a window covers of an axis of `length` places; padding is left out, for it is 0."""
    inside = np.arange(kernel)
    outside = window * stride - padding + inside
    real = (outside >= 0) & (outside < length)
    return _Axis(inside[real], outside[real])


def _covering(place: int, kernel: int, stride: int, padding: int, windows: int) -> _Axis:
    """Return the windows that cover a place, and where it lies within each."""
    outside = np.arange(windows)
    inside = place + padding - outside * stride
    real = (inside >= 0) & (inside < kernel)
    return _Axis(inside[real], outside[real])


def _met(inside: int, stride: int, padding: int, windows: int, length: int) -> _Axis:
    """Return the windows that have a place of the image at `inside`, and that place."""
    all_windows = np.arange(windows)
    places = all_windows * stride - padding + inside
    real = (places >= 0) & (places < length)
    return _Axis(all_windows[real], places[real])


# -- convolution -----------------------------------------------------------------------------------------------------


def _convolution(element: Element) -> Convolution:
    operation = element.node.operation
    if not isinstance(operation, Convolution):
        raise TypeError(f"{operation.name} is no convolution")
    return operation


def _convolution_forward(element: Element) -> Draft:
    """z[f, r, c] = sum over channels and the window of weight[f, ch, i, j] x[ch, r s + i - p, c s + j - p], + bias."""
    operation = _convolution(element)
    sample, filter_number, *place = element.index
    x, weight = element.array(X)[sample], element.array(WEIGHT)[filter_number]
    kernel, channels = weight.shape[-1], len(weight)
    rows, columns = (
        _covered(window, kernel, operation.stride, operation.padding, length)
        for window, length in zip(place, x.shape[1:], strict=True)
    )
    window = x[:, rows.outside][:, :, columns.outside]
    part = weight[:, rows.inside][:, :, columns.inside].astype(np.float64)

    def places(k: int) -> tuple[int, int, int]:
        channel, row, column = unraveled(k, window.shape)
        return channel, row, column

    def factors(k: int) -> tuple[Factor, ...]:
        channel, row, column = places(k)
        w = element.input(WEIGHT, (filter_number, channel, int(rows.inside[row]), int(columns.inside[column])))
        return w, element.input(X, (sample, channel, int(rows.outside[row]), int(columns.outside[column])))

    def label(k: int) -> str:
        channel, row, column = places(k)
        pixel = f"row {rows.outside[row]}, column {columns.outside[column]}"
        return f"channel {channel}, {pixel}" if channels > 1 else pixel

    top, left = (window * operation.stride - operation.padding for window in place)
    pixels = element.indexed(X, ",".join(("c", _plus("i", top), _plus("j", left))))
    blocks = [Block((part * window).reshape(-1), factors, label)]
    formula = rf"\sum_{{c, i, j}} {element.indexed(WEIGHT, f'{filter_number},c,i,j')} \, {pixels}"
    rule = "the numbers of its window, each times the weight of the filter that lies on it, added up"
    if len(element.node.operands) > BIAS:
        blocks.append(one_term(element.input(BIAS, (filter_number,)), label="bias"))
        formula += f" + {element.input_symbol(BIAS, (filter_number,))}"
        rule += ", and the bias of the filter"
    left_out = (kernel * kernel - len(rows.inside) * len(columns.inside)) * channels
    note = f"{left_out} places of the window lie outside the image, where x counts as 0" if left_out else ""
    return Draft(formula, rule, blocks, note)


def _plus(letter: str, offset: int) -> str:
    return f"{letter}{offset:+d}" if offset else letter


def _convolution_backward(element: Element) -> Draft:
    match element.node.operation.operand_name(element.operand):
        case "weight":
            return _convolution_to_weight(element)
        case "bias":
            return _convolution_to_bias(element)
        case _:
            return _convolution_to_x(element)


def _convolution_to_weight(element: Element) -> Draft:
    operation, (filter_number, channel, i, j) = _convolution(element), element.index
    x, delta = element.array(X)[:, channel], element.past.upstream(element.step)[:, filter_number]
    rows, columns = (
        _met(inside, operation.stride, operation.padding, windows, length)
        for inside, windows, length in zip((i, j), delta.shape[1:], x.shape[1:], strict=True)
    )
    signals = delta[:, rows.inside][:, :, columns.inside].astype(np.float64)

    def factors(k: int) -> tuple[Factor, ...]:
        sample, row, column = unraveled(k, signals.shape)
        window = (sample, filter_number, int(rows.inside[row]), int(columns.inside[column]))
        return element.upstream(window), element.input(
            X, (sample, channel, int(rows.outside[row]), int(columns.outside[column]))
        )

    def label(k: int) -> str:
        sample, row, column = unraveled(k, signals.shape)
        return pixel_text(sample, int(rows.inside[row]), int(columns.inside[column]))

    stride = "" if operation.stride == 1 else str(operation.stride)
    pixel = ",".join(
        (str(channel), _plus(f"{stride}r", i - operation.padding), _plus(f"{stride}s", j - operation.padding))
    )
    return Draft(
        rf"\sum_{{\text{{samples}}, r, s}} {element.indexed_upstream(f'{filter_number},r,s')} \,"
        rf" {element.indexed(X, pixel)}",
        "upstream x local: the error signal of every place, times the number that lay under this weight there",
        [Block((signals * x[:, rows.outside][:, :, columns.outside]).reshape(-1), factors, label)],
    )


def _convolution_to_bias(element: Element) -> Draft:
    (filter_number,) = element.index
    delta = element.past.upstream(element.step)[:, filter_number]

    def window(k: int) -> tuple[int, int, int]:
        sample, row, column = unraveled(k, delta.shape)
        return sample, row, column

    def factors(k: int) -> tuple[Factor, ...]:
        sample, row, column = window(k)
        return (element.upstream((sample, filter_number, row, column)),)

    return Draft(
        rf"\sum_{{\text{{samples}}, r, s}} {element.indexed_upstream(f'{filter_number},r,s')}",
        "the error signals of its filter, summed over all places of the batch",
        [Block(delta.reshape(-1).astype(np.float64), factors, lambda k: pixel_text(*window(k)))],
    )


def _convolution_to_x(element: Element) -> Draft:
    operation = _convolution(element)
    sample, channel, *place = element.index
    weight, delta = element.array(WEIGHT)[:, channel], element.past.upstream(element.step)[sample]
    kernel = weight.shape[-1]
    rows, columns = (
        _covering(at, kernel, operation.stride, operation.padding, windows)
        for at, windows in zip(place, delta.shape[1:], strict=True)
    )
    signals = delta[:, rows.outside][:, :, columns.outside]

    def factors(k: int) -> tuple[Factor, ...]:
        filter_number, row, column = unraveled(k, signals.shape)
        w = element.input(WEIGHT, (filter_number, channel, int(rows.inside[row]), int(columns.inside[column])))
        return w, element.upstream((sample, filter_number, int(rows.outside[row]), int(columns.outside[column])))

    def label(k: int) -> str:
        filter_number, row, column = unraveled(k, signals.shape)
        pixel = f"row {rows.outside[row]}, column {columns.outside[column]}"
        return f"filter {filter_number}, {pixel}" if len(weight) > 1 else pixel

    products = weight[:, rows.inside][:, :, columns.inside].astype(np.float64) * signals
    return Draft(
        rf"\sum_{{f, r, s}} {element.indexed(WEIGHT, f'f,{channel},i,j')} \, {element.indexed_upstream('f,r,s')}",
        "the error signals of the windows that it was in, each times the weight that lay on it, added up",
        [Block(products.reshape(-1), factors, label)],
        "" if signals.size else "no window covers it, so nothing comes back",
    )


explains(Convolution, _convolution_forward, _convolution_backward)


# -- pooling ---------------------------------------------------------------------------------------------------------


def _pooling(element: Element) -> Pooling:
    operation = element.node.operation
    if not isinstance(operation, Pooling):
        raise TypeError(f"{operation.name} is no pooling")
    return operation


def _window(element: Element, row: int, column: int) -> Array:
    """Return the numbers of a window of the channel that is explained."""
    operation, (sample, channel, *_) = _pooling(element), element.index
    top, left = row * operation.stride, column * operation.stride
    return element.array(X)[sample, channel, top : top + operation.kernel, left : left + operation.kernel]


def _windows_around(element: Element) -> list[tuple[int, int, int, int]]:
    """Return row and column of the windows that cover the place that is explained, and where it lies in each."""
    operation, (_, _, *place) = _pooling(element), element.index
    windows = element.past.upstream(element.step).shape[2:]
    rows, columns = (
        _covering(at, operation.kernel, operation.stride, 0, count) for at, count in zip(place, windows, strict=True)
    )
    return [
        (int(row), int(column), int(i), int(j))
        for i, row in zip(*rows, strict=True)
        for j, column in zip(*columns, strict=True)
    ]


def _max_forward(element: Element) -> Draft:
    operation, (sample, channel, row, column) = _pooling(element), element.index
    window = _window(element, row, column)
    i, j = unraveled(int(window.argmax()), window.shape)
    at = (row * operation.stride + i, column * operation.stride + j)
    winner = element.input(X, (sample, channel, *at))
    numbers = [number_latex(float(number)) for number in window.reshape(-1)]
    written = rf"\max\left({', '.join(numbers)}\right)" if len(numbers) <= MOST_COMPARED else ""
    several = int((window == window[i, j]).sum())
    return Draft(
        rf"\max_{{i, j}} {element.indexed(X, f'{channel},i,j')} = {winner.symbol}",
        f"the largest of the {window.size} numbers of its window: that at row {at[0]}, column {at[1]}",
        [one_term(winner, label="winner")],
        f"{several} numbers are largest; the first of them wins" if several > 1 else "",
        written,
    )


def _max_backward(element: Element) -> Draft:
    sample, channel, *_ = element.index
    around = _windows_around(element)
    won = [(r, c) for r, c, i, j in around if int(_window(element, r, c).argmax()) == i * _pooling(element).kernel + j]
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


explains(MaxPooling, _max_forward, _max_backward)


def _share(element: Element) -> Factor:
    count = _pooling(element).kernel ** 2
    return constant(1.0 / count, rf"\frac{{1}}{{{count}}}", f"one of the {count} numbers of a window")


def _average_forward(element: Element) -> Draft:
    operation, (sample, channel, row, column) = _pooling(element), element.index
    window, share = _window(element, row, column), _share(element)
    top, left = row * operation.stride, column * operation.stride

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


def _average_backward(element: Element) -> Draft:
    share, (sample, channel, *_) = _share(element), element.index
    around = _windows_around(element)
    return Draft(
        rf"{share.symbol} \sum_{{\text{{windows}}}} {element.indexed_upstream(f'{channel},r,s')}",
        "an equal share of what comes back to each window that it was in",
        [one_term(share, element.upstream((sample, channel, r, c)), label=f"window {r}, {c}") for r, c, _, _ in around],
        "" if around else "no window covers it, so nothing comes back",
    )


explains(AveragePooling, _average_forward, _average_backward)
