"""Where each number of a normalisation came from.

Means and deviations are computed anew from what the step read, not taken from what its rule has kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.core.number_words import Index, bracketed, number_latex, plain, quotient, unraveled
from visualbp.operations.normalization.rule import Layout
from visualbp.operations.normalization.words import NormalizationWords
from visualbp.operations.terms import Block, Draft, Element, Factor, one_term

X, WEIGHT, BIAS = 0, 1, 2
DEVIATION = r"\sqrt{\sigma^2 + \epsilon}"
ONE_OVER_DEVIATION = rf"\frac{{1}}{{{DEVIATION}}}"


class Group:
    """All elements of a normalised value, and those that share a mean with the one that is explained.

    `x`, `x_hat` and `reach` lie as one row. `reach` is how large x_hat would be without the mean taken off: what
    cancels there.
    """

    def __init__(self, operation: Normalization, element: Element) -> None:
        x, self.weight = element.array(X), element.array(WEIGHT).astype(np.float64).reshape(-1)
        self.element, self.operation, self.shape = element, operation, x.shape
        self.layout = layout = operation.layout(x.shape, element.array(WEIGHT).shape)
        values = x.astype(np.float64).reshape(layout.view)
        largest = np.abs(values).max(layout.axes, keepdims=True)
        unit = np.where(largest > 0.0, largest, 1.0)  # squares of huge numbers shall not overflow
        center = (values / unit).mean(layout.axes, keepdims=True)
        spread = np.sqrt(((values / unit - center) ** 2).mean(layout.axes, keepdims=True)) * unit
        deviation = np.hypot(spread, math.sqrt(operation.epsilon))
        self.x = values.reshape(-1)
        self.x_hat = ((values / unit - center) * (unit / deviation)).reshape(-1)
        self.reach = ((np.abs(values) / unit + np.abs(center)) * (unit / deviation)).reshape(-1)
        self._mean, self._deviation = (np.broadcast_to(a, layout.view).reshape(-1) for a in (center * unit, deviation))

    @cached_property
    def _places(self) -> Array:
        return np.arange(self.x.size).reshape(self.layout.view)

    def place(self, index: Index) -> int:
        """Return the flat place of the element at `index`."""
        return int(np.ravel_multi_index(index, self.shape))

    def index(self, place: int) -> Index:
        """Return the index of the element at a flat place."""
        return unraveled(int(place), self.shape)

    def mean(self, index: Index) -> float:
        """Return the mean of the group that the element at `index` is in."""
        return float(self._mean[self.place(index)])

    def deviation(self, index: Index) -> float:
        """Return sqrt(variance + epsilon) of the group that the element at `index` is in."""
        return float(self._deviation[self.place(index)])

    def members(self, index: Index) -> Array:
        """Return the places of all elements that share a mean with the one at `index`."""
        own = unraveled(self.place(index), self.layout.view)
        chosen = tuple(slice(None) if axis in self.layout.axes else own[axis] for axis in range(len(own)))
        return self._places[chosen].reshape(-1)

    def met_by(self, weight: Index) -> Array:
        """Return the places of all elements that meet the weight at `weight`."""
        shape = self.element.array(WEIGHT).shape
        own = unraveled(int(np.ravel_multi_index(weight, shape)), self.layout.parameters)
        chosen = tuple(own[axis] if length > 1 else slice(None) for axis, length in enumerate(self.layout.parameters))
        return np.broadcast_to(self._places, self.layout.view)[chosen].reshape(-1)

    def parameter_index(self, index: Index) -> Index:
        """Return the index of the weight, and of the bias, that the element at `index` meets."""
        shape = self.element.array(WEIGHT).shape
        own = unraveled(self.place(index), self.layout.view)
        inside = tuple(i if n > 1 else 0 for i, n in zip(own, self.layout.parameters, strict=True))
        return unraveled(int(np.ravel_multi_index(inside, self.layout.parameters)), shape)

    def parameter_place(self, place: int) -> int:
        """Return the flat place of the weight that the element at `place` meets."""
        index = self.parameter_index(self.index(place))
        return int(np.ravel_multi_index(index, self.element.array(WEIGHT).shape))

    @property
    def words(self) -> str:
        """What the group is: `its unit over the batch`."""
        return self.operation.group_text(self.shape, self.layout)

    # -- factors -----------------------------------------------------------------------------------------------------

    def x_hat_symbol(self, index: Index) -> str:
        """Return the normalised element in LaTeX, without the index of its sample."""
        return rf"\hat{{x}}_{{{','.join(map(str, index[1:]))}}}"

    def x_hat_factor(self, index: Index) -> Factor:
        """Return the normalised element as a factor: what it is, and how it is computed."""
        number, mean, deviation = float(self.x_hat[self.place(index)]), self.mean(index), self.deviation(index)
        x = number_latex(float(self.x[self.place(index)]))
        return self.element.derived(
            number,
            self.x_hat_symbol(index),
            X,
            index,
            f"x hat: x less {plain(mean)}, the mean of {self.words}, over the deviation {plain(deviation)}",
            rf"\frac{{{x} - {bracketed(mean)}}}{{{number_latex(deviation)}}}",
        ).called("x hat")

    def inverse(self, index: Index, sign: int = 1) -> Factor:
        """Return one over the deviation, with a sign."""
        words = f"{'minus ' if sign < 0 else ''}one over the deviation of {self.words}, {plain(self.deviation(index))}"
        symbol = ONE_OVER_DEVIATION if sign > 0 else f"-{ONE_OVER_DEVIATION}"
        return self.element.derived(quotient(sign, self.deviation(index)), symbol, X, index, words).called(
            "1 / deviation" if sign > 0 else "−1 / deviation"
        )


class Normalization(NormalizationWords):
    """A normalisation, whole: it says where each of its numbers came from too."""

    glossary: ClassVar[Mapping[str, str]] = {
        **{"scaled": "weight x", "itself": "upstream weight"},
        **{"through the mean": "upstream x", "through the deviation": "upstream x"},
    }

    def group_text(self, shape: Shape, layout: Layout) -> str:
        """Return what shares a mean: `its unit over the batch`."""
        raise TypeError(f"{self.name} has no words")

    def member_text(self, index: Index, parameter_axes: int) -> str:
        """Return which of all that meet one weight is at `index`: `sample 2`."""
        raise TypeError(f"{self.name} has no words")

    def terms(self, element: Element) -> Draft:
        """h = weight * x_hat + bias."""
        group = Group(self, element)
        parameter = group.parameter_index(element.index)
        x_hat, weight, bias = (
            group.x_hat_factor(element.index),
            element.input(WEIGHT, parameter),
            element.input(BIAS, parameter),
        )
        return Draft(
            rf"{weight.symbol} \, {x_hat.symbol} + {bias.symbol}, \;"
            rf" {x_hat.symbol} = \frac{{{element.input_symbol(X, element.index)} - \mu}}{{{DEVIATION}}}",
            f"x hat, which is x less the mean of {group.words} over its deviation; times the weight, plus the bias",
            [one_term(weight, x_hat, label="scaled"), one_term(bias, label="bias")],
            cancels=float(group.reach[group.place(element.index)]) * abs(weight.number),
        )

    def vjp_terms(self, element: Element) -> Draft:
        name = self.operand_name(element.operand)
        return self._terms_of_x(element) if name == "x" else self._terms_of_parameter(element, name)

    def _terms_of_parameter(self, element: Element, name: str) -> Draft:
        group = Group(self, element)
        met = group.met_by(element.index)
        signals = element.upstream_array().reshape(-1)[met].astype(np.float64)

        def label(i: int) -> str:
            return self.member_text(element.in_data(group.index(met[i])), len(element.index))

        if name == "bias":
            return Draft(
                rf"\sum {element.indexed_upstream('i')}",
                "what comes back to every number that it shifts, added up",
                [Block(signals, lambda i: (element.upstream(group.index(met[i])),), label)],
            )
        return Draft(
            rf"\sum {element.indexed_upstream('i')} \, \hat{{x}}_{{i}}",
            "upstream x local: what comes back to every number that it scales, times that number's x hat, added up",
            [
                Block(
                    signals * group.x_hat[met],
                    lambda i: (element.upstream(group.index(met[i])), group.x_hat_factor(group.index(met[i]))),
                    label,
                )
            ],
            cancels=float(np.dot(np.abs(signals), group.reach[met])),
        )

    def _terms_of_x(self, element: Element) -> Draft:
        """(g - mean(g) - x_hat mean(g x_hat)) / deviation with g = weight * upstream."""
        group, index = Group(self, element), element.index
        members = group.members(index)
        weights = np.array([group.weight[group.parameter_place(int(place))] for place in members])
        g = weights * element.upstream_array().reshape(-1)[members]
        x_hat = group.x_hat[members]
        mean, along = float(g.mean()), float((g * x_hat).mean())
        upstream, weight = element.upstream(index), element.input(WEIGHT, group.parameter_index(index))
        own = group.x_hat_factor(index)
        of_g = rf"{weight.symbol} \, {upstream.symbol}"
        mean_factor = element.derived_from_upstream(
            mean, r"\overline{g}", index, f"mean of g, weight x upstream, over {group.words}"
        ).called("mean of g")
        along_factor = element.derived_from_upstream(
            along, r"\overline{g \hat{x}}", index, f"mean of g x hat, over {group.words}"
        ).called("mean of g x hat")
        x_hat_symbol = own.symbol
        sizes = float(np.abs(g).mean()) + abs(own.number) * float((np.abs(g) * group.reach[members]).mean())
        sizes += float(group.reach[group.place(index)]) * abs(along)
        return Draft(
            rf"{ONE_OVER_DEVIATION} \left(g - \overline{{g}} - {x_hat_symbol} \, \overline{{g \hat{{x}}}}\right),"
            rf" \; g = {of_g}",
            f"upstream x weight / deviation, less what x moves by moving the mean and the deviation of {group.words}",
            [
                one_term(upstream, weight, group.inverse(index), label="itself"),
                one_term(mean_factor, group.inverse(index, -1), label="through the mean"),
                one_term(along_factor, own, group.inverse(index, -1), label="through the deviation"),
            ],
            cancels=quotient(sizes, group.deviation(index)),
        )
