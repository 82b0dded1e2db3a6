"""Where the numbers of a convolution came from: which numbers of a window they are made of, and, on the way back, which
windows they were in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.core.number_words import Index, unraveled
from visualbp.operations.convolution.rule import ConvolutionRule
from visualbp.operations.symbols import summed
from visualbp.operations.terms import Block, Draft, Element, Factor, one_term
from visualbp.operations.windows import Axis, covered, covering, met_at

X, WEIGHT, BIAS = 0, 1, 2
SAMPLES = r"\text{samples}"


class ConvolutionTerms(ConvolutionRule):
    """A convolution that can take its numbers apart."""

    def terms(self, element: Element) -> Draft:
        """z[f, r, c] = sum of weight[f, ch, i, j] x[ch, r s + i - p, c s + j - p] over channels and window, + bias."""
        sample, filter_number, *place = element.index
        x, weight = element.array(X)[sample], element.array(WEIGHT)[filter_number]
        kernel, channels = weight.shape[-1], len(weight)
        axes = [
            covered(window, kernel, self.stride, self.padding, length)
            for window, length in zip(place, x.shape[1:], strict=True)
        ]
        window, part = _outside(x, axes), _inside(weight, axes).astype(np.float64)

        def factors(k: int) -> tuple[Factor, ...]:
            channel, inside, outside = _pair(k, window.shape, axes)
            return element.input(WEIGHT, (filter_number, channel, *inside)), element.input(
                X, (sample, channel, *outside)
            )

        def label(k: int) -> str:
            channel, _, outside = _pair(k, window.shape, axes)
            return f"channel {channel}, {_place_text(outside)}" if channels > 1 else _place_text(outside)

        letters = "ij"[: len(place)]
        starts = (_plus(letter, at * self.stride - self.padding) for letter, at in zip(letters, place, strict=True))
        pixels = element.indexed(X, ",".join(("c", *starts)))
        blocks = [Block((part * window).reshape(-1), factors, label)]
        filter_text = element.indexed(WEIGHT, ",".join((str(filter_number), "c", *letters)))
        formula = rf"{summed('c', *letters)} {filter_text} \, {pixels}"
        rule = "the numbers of its window, each times the weight of the filter that lies on it, added up"
        if len(element.layers) > BIAS:
            blocks.append(one_term(element.input(BIAS, (filter_number,)), label="bias"))
            formula += f" + {element.input_symbol(BIAS, (filter_number,))}"
            rule += ", and the bias of the filter"
        left_out = weight.size - part.size
        whole = "image" if len(axes) > 1 else "sequence"
        places = "1 place of the window lies" if left_out == 1 else f"{left_out} places of the window lie"
        note = f"{places} outside the {whole}, where x counts as 0" if left_out else ""
        return Draft(formula, rule, blocks, note)

    def vjp_terms(self, element: Element) -> Draft:
        match self.operand_name(element.operand):
            case "weight":
                return self._terms_of_weight(element)
            case "bias":
                return self._terms_of_bias(element)
            case _:
                return self._terms_of_x(element)

    def _terms_of_weight(self, element: Element) -> Draft:
        filter_number, channel, *within = element.index
        x, delta = element.array(X)[:, channel], element.upstream_array()[:, filter_number]
        axes = [
            met_at(inside, self.stride, self.padding, windows, length)
            for inside, windows, length in zip(within, delta.shape[1:], x.shape[1:], strict=True)
        ]
        signals = _inside(delta, axes).astype(np.float64)

        def factors(k: int) -> tuple[Factor, ...]:
            sample, inside, outside = _pair(k, signals.shape, axes)
            return element.upstream((sample, filter_number, *inside)), element.input(X, (sample, channel, *outside))

        def label(k: int) -> str:
            sample, inside, _ = _pair(k, signals.shape, axes)
            return _sample_text(element.in_data((sample,))[0], inside)

        stride = "" if self.stride == 1 else str(self.stride)
        windows = "rs"[: len(within)]
        starts = (_plus(f"{stride}{at}", inside - self.padding) for at, inside in zip(windows, within, strict=True))
        pixel = ",".join((str(channel), *starts))
        met = element.indexed(X, pixel)
        return Draft(
            rf"{summed(SAMPLES, *windows)} {_of_filter(element, filter_number, windows)} \, {met}",
            "upstream x local: the error signal of every place, times the number that lay under this weight there",
            [Block((signals * _outside(x, axes)).reshape(-1), factors, label)],
        )

    def _terms_of_bias(self, element: Element) -> Draft:
        (filter_number,) = element.index
        delta = element.upstream_array()[:, filter_number]
        windows = "rs"[: delta.ndim - 1]

        def factors(k: int) -> tuple[Factor, ...]:
            sample, *window = unraveled(k, delta.shape)
            return (element.upstream((sample, filter_number, *window)),)

        def label(k: int) -> str:
            sample, *window = unraveled(k, delta.shape)
            return _sample_text(element.in_data((sample,))[0], window)

        return Draft(
            f"{summed(SAMPLES, *windows)} {_of_filter(element, filter_number, windows)}",
            "the error signals of its filter, summed over all places of the batch",
            [Block(delta.reshape(-1).astype(np.float64), factors, label)],
        )

    def _terms_of_x(self, element: Element) -> Draft:
        sample, channel, *place = element.index
        weight, delta = element.array(WEIGHT)[:, channel], element.upstream_array()[sample]
        kernel = weight.shape[-1]
        axes = [
            covering(at, kernel, self.stride, self.padding, windows)
            for at, windows in zip(place, delta.shape[1:], strict=True)
        ]
        signals = _outside(delta, axes)

        def factors(k: int) -> tuple[Factor, ...]:
            filter_number, inside, outside = _pair(k, signals.shape, axes)
            w = element.input(WEIGHT, (filter_number, channel, *inside))
            return w, element.upstream((sample, filter_number, *outside))

        def label(k: int) -> str:
            filter_number, _, outside = _pair(k, signals.shape, axes)
            return f"filter {filter_number}, {_place_text(outside)}" if len(weight) > 1 else _place_text(outside)

        products = _inside(weight, axes).astype(np.float64) * signals
        windows, within = "rs"[: len(place)], "ij"[: len(place)]
        filter_text = element.indexed(WEIGHT, ",".join(("f", str(channel), *within)))
        return Draft(
            rf"{summed('f', *windows)} {filter_text} \, {_of_filter(element, 'f', windows)}",
            "the error signals of the windows that it was in, each times the weight that lay on it, added up",
            [Block(products.reshape(-1), factors, label)],
            "" if signals.size else "no window covers it, so nothing comes back",
        )


def _inside(array: Array, axes: Sequence[Axis]) -> Array:
    """Return what `array`, of one more axis in front, has at the places within the windows."""
    return np.asarray(array[np.ix_(np.arange(len(array)), *(axis.inside for axis in axes))])


def _outside(array: Array, axes: Sequence[Axis]) -> Array:
    """Return what `array`, of one more axis in front, has at the places that the windows, or they, belong to."""
    return np.asarray(array[np.ix_(np.arange(len(array)), *(axis.outside for axis in axes))])


def _pair(k: int, shape: Shape, axes: Sequence[Axis]) -> tuple[int, Index, Index]:
    """Return the index in front, and the places inside and outside, of the k-th of all pairs."""
    first, *numbers = unraveled(k, shape)
    inside, outside = (
        tuple(int(getattr(axis, name)[number]) for axis, number in zip(axes, numbers, strict=True))
        for name in ("inside", "outside")
    )
    return first, inside, outside


def _place_text(place: Sequence[int]) -> str:
    return "row {}, column {}".format(*place) if len(place) > 1 else f"position {place[0]}"


def _sample_text(sample: int, place: Sequence[int]) -> str:
    return f"sample {sample}, {_place_text(place)}"


def _of_filter(element: Element, filter_number: int | str, windows: str) -> str:
    """Return the symbol of a filter's error signals at the windows of these letters."""
    return element.indexed_upstream(",".join((str(filter_number), *windows)))


def _plus(letter: str, offset: int) -> str:
    return f"{letter}{offset:+d}" if offset else letter
