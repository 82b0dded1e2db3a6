"""Where the numbers of a convolution came from: which numbers of a window they are made of, and, on the way back, which
windows they were in."""

from __future__ import annotations

import numpy as np

from visualbp.core.number_words import pixel_text, unraveled
from visualbp.operations.convolution.rule import ConvolutionRule
from visualbp.operations.terms import Block, Draft, Element, Factor, one_term
from visualbp.operations.windows import covered, covering, met_at

X, WEIGHT, BIAS = 0, 1, 2


class ConvolutionTerms(ConvolutionRule):
    """A convolution that can take its numbers apart."""

    def terms(self, element: Element) -> Draft:
        """z[f, r, c] = sum of weight[f, ch, i, j] x[ch, r s + i - p, c s + j - p] over channels and window, + bias."""
        sample, filter_number, *place = element.index
        x, weight = element.array(X)[sample], element.array(WEIGHT)[filter_number]
        kernel, channels = weight.shape[-1], len(weight)
        rows, columns = (
            covered(window, kernel, self.stride, self.padding, length)
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

        top, left = (window * self.stride - self.padding for window in place)
        pixels = element.indexed(X, ",".join(("c", _plus("i", top), _plus("j", left))))
        blocks = [Block((part * window).reshape(-1), factors, label)]
        formula = rf"\sum_{{c, i, j}} {element.indexed(WEIGHT, f'{filter_number},c,i,j')} \, {pixels}"
        rule = "the numbers of its window, each times the weight of the filter that lies on it, added up"
        if len(element.layers) > BIAS:
            blocks.append(one_term(element.input(BIAS, (filter_number,)), label="bias"))
            formula += f" + {element.input_symbol(BIAS, (filter_number,))}"
            rule += ", and the bias of the filter"
        left_out = (kernel * kernel - len(rows.inside) * len(columns.inside)) * channels
        note = f"{left_out} places of the window lie outside the image, where x counts as 0" if left_out else ""
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
        filter_number, channel, i, j = element.index
        x, delta = element.array(X)[:, channel], element.upstream_array()[:, filter_number]
        rows, columns = (
            met_at(inside, self.stride, self.padding, windows, length)
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

        stride = "" if self.stride == 1 else str(self.stride)
        pixel = ",".join((str(channel), _plus(f"{stride}r", i - self.padding), _plus(f"{stride}s", j - self.padding)))
        return Draft(
            rf"\sum_{{\text{{samples}}, r, s}} {element.indexed_upstream(f'{filter_number},r,s')} \,"
            rf" {element.indexed(X, pixel)}",
            "upstream x local: the error signal of every place, times the number that lay under this weight there",
            [Block((signals * x[:, rows.outside][:, :, columns.outside]).reshape(-1), factors, label)],
        )

    def _terms_of_bias(self, element: Element) -> Draft:
        (filter_number,) = element.index
        delta = element.upstream_array()[:, filter_number]

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

    def _terms_of_x(self, element: Element) -> Draft:
        sample, channel, *place = element.index
        weight, delta = element.array(WEIGHT)[:, channel], element.upstream_array()[sample]
        kernel = weight.shape[-1]
        rows, columns = (
            covering(at, kernel, self.stride, self.padding, windows)
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


def _plus(letter: str, offset: int) -> str:
    return f"{letter}{offset:+d}" if offset else letter
