"""Badges that name what is wrong with the flow through a layer, what makes it, and what would mend it."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from visualbp.analysis.gradient_flow_measures import Badge, LayerFlow, Measures
from visualbp.analysis.not_finite import Origin, origin_in_stages
from visualbp.analysis.standstill import has_learned
from visualbp.layers import Node
from visualbp.operations.activations import Elementwise
from visualbp.operations.base import Emitter, IterationContext

VANISHING = 1e-3
"""A layer's gradient vanishes if its error signal is smaller than this, relative to that of the last layer. Ten healthy
layers (tanh with Glorot, ReLU with He) stay within 0.3 to 3; ten sigmoid layers with Glorot come below 1e-5."""

EXPLODING = 100.0
"""It explodes if its error signal is larger than this, relative to that of the last layer."""

DEAD_SHARE = 0.5
"""A layer is called dead if this share of its ReLU units is off for every sample of the batch."""

SATURATED_SHARE = 0.5
"""A layer is called saturated if this share of its outputs is."""

SMALL_SLOPE = 0.5
"""Slopes below this on average are named as what makes a gradient vanish; above, the weights are."""

MEND_OF_SLOPES = "ReLU or a residual connection helps"


@dataclass(frozen=True)
class _Route:
    """The longest way from a layer to the last one with an error signal: the next layer on it, the last one with its
    signal (the layer itself, where there is none behind it), and how many layers with a signal lie behind."""

    following: str | None
    last: str
    reference: float | None
    length: int


class Judge:
    """What is wrong with the flow, by what is measured of it."""

    def __init__(self, measures: Measures) -> None:
        self.measures, self.plan, self.flows = measures, measures.plan, measures.flows
        self.origin: Origin | None = None

    def find_what_is_not_finite(self) -> Generator[None, None, None]:
        """Find the place where a value came about that is not finite, if one is there; yields now and then."""
        norms, flows = self.measures.norms, self.flows.values()
        signals = (flow for each in flows for flow in (each.delta_norm, each.upstream_norm, each.weight_gradient_norm))
        others = (flow.bias_gradient_norm for flow in flows)
        if all(norm is None or math.isfinite(norm) for norm in (*norms.values(), *signals, *others)):
            return
        measures = self.measures
        self.origin = yield from origin_in_stages(self.plan, measures.values, norms, measures.start)

    @cached_property
    def has_learned(self) -> bool:
        """Whether the batch has no more to teach: small signals and flat activations are then as they should be."""
        return has_learned(self.plan, self.measures.values)

    @cached_property
    def routes(self) -> dict[str, _Route]:
        routes: dict[str, _Route] = {}
        for name in reversed(self.measures.layers):
            routes[name] = _Route(None, name, self.flows[name].delta_norm, 0)
            for following in self.measures.behind[name]:
                if following not in routes:
                    continue  # the loss, or a layer that does not run
                route = routes[following]
                length = route.length + (self.flows[following].delta_norm is not None)
                if length > routes[name].length:
                    routes[name] = _Route(following, route.last, route.reference, length)
        return routes

    def badges(self, flow: LayerFlow) -> Iterable[Badge]:
        if self.origin is not None and self.origin.layer == flow.layer:
            yield Badge("exploding" if self.origin.overflows else "not finite", self.origin.cause)
        if flow.dead_share is not None and flow.dead_share >= DEAD_SHARE:
            yield Badge("dead", _dead_cause(flow.dead_share, self._is_image(flow.layer)))
        if flow.saturated_share is not None and flow.saturated_share >= SATURATED_SHARE and not self.has_learned:
            yield Badge("saturated", self._saturated_cause(flow.layer, flow.saturated_share))
        if (ratio := flow.through_time) is not None and math.isfinite(ratio):
            if ratio < VANISHING and not self.has_learned:
                yield Badge("vanishing", self._vanishing_in_time_cause(flow.layer, ratio))
            elif ratio > EXPLODING:
                yield Badge("exploding", self._exploding_in_time_cause(flow.layer, ratio))
        route = self.routes[flow.layer]
        signal, reference = flow.delta_norm, route.reference
        if signal is None or not math.isfinite(signal):
            return  # where that began is told there: the layers after it have nothing wrong with them
        if not route.length or not reference or not math.isfinite(reference):
            return
        ratio = signal / reference
        if ratio == 0 and flow.dead_share == 1.0:
            return  # the badge says it already
        if ratio < VANISHING and not self.has_learned:
            yield Badge("vanishing", self._vanishing_cause(flow, ratio, route))
        elif ratio > EXPLODING:
            yield Badge("exploding", self._exploding_cause(ratio, route))

    @cached_property
    def _slope_sums(self) -> dict[str, tuple[float, int]]:
        """For each layer the sum of mean |sigma'(z)| from it to the end of its route (that one not counted), and of how
        many layers. A layer without an activation has the slope 1."""
        sums: dict[str, tuple[float, int]] = {}
        for name in reversed(self.measures.layers):
            following = self.routes[name].following
            if following is None:
                sums[name] = (0.0, 0)
                continue
            total, count = sums[following]
            sums[name] = (total + self._slope_of(name), count + 1)
        return sums

    def _slope_of(self, name: str) -> float:
        """Return the mean |sigma'(z)| of a layer, over all its time steps; without an activation it is 1."""
        slopes = [self._mean_slope(node) for node in self.measures.activations[name]]
        return sum(slopes) / len(slopes) if slopes else 1.0

    def _mean_slope(self, node: Node) -> float:
        if not isinstance(node.operation, Elementwise):
            raise TypeError(f"{node.operation.name} has no slope")
        z, h = self.measures.find(node.operands[0]), self.measures.find(node.output)
        if z is None or h is None:
            return math.nan
        slope = np.zeros_like(h)
        with np.errstate(all="ignore"):
            node.operation.derivative(Emitter(IterationContext(), h.dtype, eager=True), z, h, slope)
        return float(np.abs(slope).mean())

    def _activation_label(self, name: str) -> str:
        rule = self.measures.rule(name)
        return rule.label if rule is not None else ""

    def _is_image(self, name: str) -> bool:
        return any(len(self.plan.shapes[node.output]) == 3 for node in self.measures.activations[name])

    def _vanishing_cause(self, flow: LayerFlow, ratio: float, route: _Route) -> str:
        if ratio == 0:
            return self._nothing_comes_back(flow)
        factor = ratio ** (1.0 / route.length)
        text = (
            f"its error signal is {ratio:.2g} times that of {route.last}: each layer on the way back multiplies it by"
        )
        text += f" {factor:.2g} on average"
        total, count = self._slope_sums[flow.layer]
        label = self._activation_label(flow.layer)
        if label and count and total / count < SMALL_SLOPE:
            return f"{text}, and the mean slope of {label} there is only {total / count:.2g}; {MEND_OF_SLOPES}"
        return f"{text}, and the slopes are not the cause: the weights are small; start them from He or Glorot"

    def _nothing_comes_back(self, flow: LayerFlow) -> str:
        zero = [name for name in self.measures.behind[flow.layer] if self._weights_are_zero(name)]
        if zero:
            return f"nothing comes back: the weights of {zero[0]} are all 0; start them from Glorot or He"
        near = (flow.layer, *self.measures.behind[flow.layer])
        flat = next((name for name in near if self._slope_of(name) == 0.0), None)
        if flat is not None:
            where = "its" if flat == flow.layer else f"{flat}'s"
            return f"nothing comes back: {where} {self._activation_label(flat)} has the slope 0 for every sample"
        return "nothing comes back: everything behind it is switched off"

    def _weights_are_zero(self, name: str) -> bool:
        values = self.measures.weights[name]
        used = self.measures.start if self.measures.start is not None else self.measures.values
        return bool(values) and all(value in used and not used[value].any() for value in values)

    def _exploding_cause(self, ratio: float, route: _Route) -> str:
        factor = ratio ** (1.0 / route.length)
        return (
            f"its error signal is {ratio:.3g} times that of {route.last}: each layer on the way back multiplies it by"
            f" {factor:.2g} on average, so the weights are too large; start them smaller, or clip the gradients"
        )

    def _in_time(self, name: str, ratio: float) -> str:
        last = len(self.measures.deltas[name]) - 1
        return (
            f"through time: the error signal of time step 0 is {ratio:.2g} times that of step {last}, so each step back"
            f" multiplies it by {ratio ** (1.0 / last):.2g} on average"
        )

    def _vanishing_in_time_cause(self, name: str, ratio: float) -> str:
        if ratio == 0:
            last = len(self.measures.deltas[name]) - 1
            return f"through time: of the error signal of step {last} nothing comes back to step 0"
        slope, label = self._slope_of(name), self._activation_label(name)
        if label and slope < SMALL_SLOPE:
            return f"{self._in_time(name, ratio)}, and the mean slope of {label} is only {slope:.2g}"
        return f"{self._in_time(name, ratio)}; the weights of the state are small, start them orthogonal"

    def _exploding_in_time_cause(self, name: str, ratio: float) -> str:
        mend = "the weights of the state are too large; start them orthogonal, or clip the gradients"
        return f"{self._in_time(name, ratio)}; {mend}"

    def _saturated_cause(self, name: str, share: float) -> str:
        label = self._activation_label(name)
        return (
            f"{share:.0%} of its outputs are where {label} is flat, and its slope almost 0: z is too large in size;"
            " smaller weights or normalised inputs help"
        )


def _dead_cause(share: float, is_image: bool) -> str:
    kind, where = ("channels", "at every place of every sample") if is_image else ("units", "for every sample")
    which = f"all of its {kind} are" if share == 1.0 else f"{share:.0%} of its {kind} are"
    return (
        f"{which} off {where} of the batch: h and slope are 0, so no gradient comes through to bring them"
        " back; a leaky ReLU, or a smaller learning rate, helps"
    )
