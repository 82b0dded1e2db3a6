"""How single numbers come about in normalisation: over the batch, over a sample, and of a weight's length.

Means and deviations are computed anew from what the step read, not taken from what its rule has kept.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from visualbp.analysis.explain_element import Element, explains, explains_buffers
from visualbp.core.arrays import Array
from visualbp.core.number_words import Index, bracketed, number_latex, pixel_text, plain, quotient, row_text, unraveled
from visualbp.operations.normalization import BatchNorm, LayerNorm, Normalization
from visualbp.operations.terms import Block, Draft, Factor, constant, exact_sum, one_term
from visualbp.operations.weight_norm import WeightNorm

X, WEIGHT, BIAS = 0, 1, 2
DEVIATION = r"\sqrt{\sigma^2 + \epsilon}"
ONE_OVER_DEVIATION = rf"\frac{{1}}{{{DEVIATION}}}"


class _Group:
    """All elements of a normalised value, and those that share a mean with the one that is explained.

    `x`, `x_hat` and `reach` lie as one row. `reach` is how large x_hat would be without the mean taken off: what
    cancels there.
    """

    def __init__(self, element: Element) -> None:
        operation = element.node.operation
        if not isinstance(operation, Normalization):
            raise TypeError(f"{operation.name} is no normalisation")
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
        return int(np.ravel_multi_index(index, self.shape))

    def index(self, place: int) -> Index:
        return unraveled(int(place), self.shape)

    def mean(self, index: Index) -> float:
        return float(self._mean[self.place(index)])

    def deviation(self, index: Index) -> float:
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

    @property
    def words(self) -> str:
        """What the group is: `its unit over the batch`."""
        if isinstance(self.operation, BatchNorm):
            kind = {2: "unit", 3: "position", 4: "channel"}.get(len(self.shape), "entry")
            return f"its {kind} over the batch"
        return "its position" if self.layout.count != self.x.size // self.shape[0] else "its sample"

    # -- factors -----------------------------------------------------------------------------------------------------

    def x_hat_symbol(self, index: Index) -> str:
        return rf"\hat{{x}}_{{{','.join(map(str, index[1:]))}}}"

    def x_hat_factor(self, index: Index) -> Factor:
        number, mean, deviation = float(self.x_hat[self.place(index)]), self.mean(index), self.deviation(index)
        x = number_latex(float(self.x[self.place(index)]))
        return self.element.derived(
            number,
            self.x_hat_symbol(index),
            X,
            index,
            f"x hat: x less {plain(mean)}, the mean of {self.words}, over the deviation {plain(deviation)}",
            rf"\frac{{{x} - {bracketed(mean)}}}{{{number_latex(deviation)}}}",
        )

    def inverse(self, index: Index, sign: int = 1) -> Factor:
        """Return one over the deviation, with a sign."""
        words = f"{'minus ' if sign < 0 else ''}one over the deviation of {self.words}, {plain(self.deviation(index))}"
        symbol = ONE_OVER_DEVIATION if sign > 0 else f"-{ONE_OVER_DEVIATION}"
        return self.element.derived(quotient(sign, self.deviation(index)), symbol, X, index, words)


def _forward(element: Element) -> Draft:
    """h = weight * x_hat + bias."""
    group = _Group(element)
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


def _backward(element: Element) -> Draft:
    name = element.node.operation.operand_name(element.operand)
    return _backward_to_x(element) if name == "x" else _backward_to_parameter(element, name)


def _backward_to_parameter(element: Element, name: str) -> Draft:
    group = _Group(element)
    met = group.met_by(element.index)
    signals = element.past.upstream(element.step).reshape(-1)[met].astype(np.float64)

    def label(i: int) -> str:
        if isinstance(group.operation, BatchNorm):
            return _sample_and_place(group, met[i])
        return row_text(group.index(met[i])[: len(group.shape) - len(element.index)])

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


def _backward_to_x(element: Element) -> Draft:
    """(g - mean(g) - x_hat mean(g x_hat)) / deviation with g = weight * upstream."""
    group, index = _Group(element), element.index
    members = group.members(index)
    weights = np.array([group.weight[_flat(element, group, int(place))] for place in members])
    g = weights * element.past.upstream(element.step).reshape(-1)[members]
    x_hat = group.x_hat[members]
    mean, along = float(g.mean()), float((g * x_hat).mean())
    upstream, weight = element.upstream(index), element.input(WEIGHT, group.parameter_index(index))
    own, gradient = group.x_hat_factor(index), element.node.output.gradient
    of_g, at = rf"{weight.symbol} \, {upstream.symbol}", element.step.index
    mean_factor = element.past.derived(
        mean, r"\overline{g}", gradient, index, at, f"mean of g, weight x upstream, over {group.words}"
    )
    along_factor = element.past.derived(
        along, r"\overline{g \hat{x}}", gradient, index, at, f"mean of g x hat, over {group.words}"
    )
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


def _flat(element: Element, group: _Group, place: int) -> int:
    return int(np.ravel_multi_index(group.parameter_index(group.index(place)), element.array(WEIGHT).shape))


for _kind in (BatchNorm, LayerNorm):
    explains(_kind, _forward, _backward)


def _running(element: Element) -> Draft:
    """running = (1 - momentum) running + momentum * the batch's own, taken apart into its samples."""
    operation, (channel,) = element.node.operation, element.index
    if not isinstance(operation, BatchNorm):
        raise TypeError(f"{operation.name} has no running statistics")
    group, share = _Group(element), operation.momentum
    members = group.met_by((channel,))
    x, mean = group.x[members], group.mean(group.index(members[0]))
    before = element.past.factor(element.value, element.index, element.step.index)
    kept = one_term(constant(1.0 - share, r"\left(1 - \alpha\right)", "what is kept"), before, label="before")
    if element.value == element.node.updates[0]:
        weight = constant(share / len(x), r"\frac{\alpha}{N}", f"momentum {share:g} over {len(x)} numbers")
        block = Block(
            weight.number * x,
            lambda i: (weight, element.input(X, group.index(members[i]))),
            lambda i: _sample_and_place(group, members[i]),
        )
        formula = rf"\left(1 - \alpha\right) {before.symbol} + \frac{{\alpha}}{{N}} \sum_{{i}} x_{{i}}"
        return Draft(
            formula, f"what is kept of the running mean, and a share of the mean of {group.words}", [kept, block]
        )
    weight = constant(
        share / (len(x) - 1), r"\frac{\alpha}{N - 1}", f"momentum {share:g} over {len(x)} numbers less one"
    )

    def factors(i: int) -> tuple[Factor, ...]:
        index = group.index(members[i])
        symbol = rf"\left({element.input_symbol(X, index)} - \mu\right)"
        off = element.derived(x[i] - mean, symbol, X, index, f"x less the mean of {group.words}, {plain(mean)}")
        return weight, off, off

    return Draft(
        rf"\left(1 - \alpha\right) {before.symbol} + \frac{{\alpha}}{{N - 1}} \sum_{{i}} \left(x_{{i}} - \mu\right)^2",
        f"what is kept of the running variance, and a share of the variance of {group.words}",
        [kept, Block(weight.number * (x - mean) ** 2, factors, lambda i: _sample_and_place(group, members[i]))],
        cancels=weight.number * float(np.dot(np.abs(x - mean), np.abs(x) + abs(mean))),
    )


def _sample_and_place(group: _Group, place: int) -> str:
    sample, _, *rest = group.index(place)
    return pixel_text(sample, *rest) if len(rest) == 2 else row_text((sample, *rest))


explains_buffers(BatchNorm, _running)


# -- a weight's length and direction ---------------------------------------------------------------------------------

DIRECTION, GAIN = 0, 1


def _length(element: Element, unit: int) -> float:
    return math.hypot(*element.array(DIRECTION)[unit].reshape(-1).astype(np.float64).tolist())


def _gain_index(element: Element, unit: int) -> Index:
    return (unit, *[0] * (len(element.index) - 1))


def _one_over_length(element: Element, index: Index) -> Factor:
    length = _length(element, index[0])
    symbol = rf"\frac{{1}}{{\left\lVert {element.indexed(DIRECTION, str(index[0]))} \right\rVert}}"
    words = f"one over the length of the direction of unit {index[0]}, {plain(length)}"
    return element.derived(quotient(1.0, length), symbol, DIRECTION, index, words)


def _weight_norm_forward(element: Element) -> Draft:
    gain = element.input(GAIN, _gain_index(element, element.index[0]))
    direction, inverse = element.input(DIRECTION, element.index), _one_over_length(element, element.index)
    return Draft(
        rf"{gain.symbol} \, {direction.symbol} \cdot {inverse.symbol}",
        "the gain of its unit, times the direction brought to length 1",
        [one_term(gain, direction, inverse)],
    )


def _weight_norm_backward(element: Element) -> Draft:
    unit = element.index[0]
    shape = element.array(DIRECTION).shape[1:]
    direction = element.array(DIRECTION)[unit].reshape(-1).astype(np.float64) / _length(element, unit)
    shares = element.past.upstream(element.step)[unit].reshape(-1) * direction

    def index_of(k: int) -> Index:
        return (unit, *unraveled(k, shape))

    def unit_factor(index: Index) -> Factor:
        symbol = rf"\hat{{v}}_{{{','.join(map(str, index))}}}"
        number = quotient(float(element.array(DIRECTION)[index]), _length(element, unit))
        return element.derived(number, symbol, DIRECTION, index, "the direction, brought to length 1")

    upstream = element.indexed_upstream(f"{unit},k")
    if element.node.operation.operand_name(element.operand) == "gain":
        return Draft(
            rf"\sum_{{k}} {upstream} \, \hat{{v}}_{{{unit},k}}",
            "what comes back to the weights of its unit, each times the direction: the part along it",
            [
                Block(
                    shares,
                    lambda k: (element.upstream(index_of(k)), unit_factor(index_of(k))),
                    lambda k: f"weight {', '.join(map(str, index_of(k)))}",
                )
            ],
        )
    own, gain = unit_factor(element.index), element.input(GAIN, _gain_index(element, unit))
    inverse, along = _one_over_length(element, element.index), exact_sum(shares)
    minus_along = constant(-along, r"-a", "minus the part of the weights' gradient that lies along the direction")
    came = element.upstream(element.index)
    return Draft(
        rf"{gain.symbol} \cdot {inverse.symbol} \left({came.symbol} - a \, {own.symbol}\right), \;"
        rf" a = \sum_{{k}} {upstream} \, \hat{{v}}_{{{unit},k}}",
        "what comes back to its weight, less the part along the direction, which would only make it longer; times"
        " gain / length",
        [one_term(came, gain, inverse, label="itself"), one_term(minus_along, own, gain, inverse, label="along")],
        cancels=abs(own.number * gain.number * inverse.number) * float(np.abs(shares).sum()),
    )


explains(WeightNorm, _weight_norm_forward, _weight_norm_backward)
