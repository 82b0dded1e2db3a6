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
from visualbp.core.arrays import Array
from visualbp.core.norms import norm_of
from visualbp.engine.plan import Phase
from visualbp.layers import Node
from visualbp.operations.activations.elementwise import Relu
from visualbp.operations.activations.kinds import Elementwise
from visualbp.operations.base import Emitter, IterationContext

VANISHING = 1e-3
"""A layer's gradient vanishes if its error signal is smaller than this, relative to that of the last layer. Ten healthy
layers (tanh with Glorot, ReLU with He) stay within 0.3 to 3; ten sigmoid layers with Glorot come below 1e-5."""

EXPLODING = 100.0
"""It explodes if its error signal is larger than this, relative to that of the last layer."""

DEAD_SHARE = 0.8
"""A layer is called dead if this share of its ReLU units is off for every sample of the batch. In fresh layers with He
it is 5 % in a network of four, 30 % in one of thirty, and by chance up to 75 % in a narrow one."""

SATURATED_SHARE = 0.5
"""A layer is called saturated if this share of its outputs is."""

MOST_OF_IT = 0.5
"""Slopes that explain this share of the way down, in logarithms, are named as what makes a gradient vanish; else the
weights are."""

HALF_ON = math.sqrt(0.5)
"""What a ReLU with half of its units on multiplies a signal by. Weights from He make up for it: it is theirs."""

MEND_OF_SLOPES, MEND_OF_RELU = "ReLU or a residual connection helps", "a leaky ReLU or a residual connection helps"


@dataclass(frozen=True)
class _Route:
    """The longest way from a layer to the last one with an error signal: the next layer on it, the last one with its
    signal (the layer itself, where there is none behind it), and how many layers with a signal lie behind."""

    following: str | None
    last: str
    reference: float | None
    length: int


@dataclass(frozen=True)
class _Slopes:
    """The slopes of the activations of a route, or of one layer: their sum of means |sigma'|, the logarithm of what
    they multiply a signal by together, of how many layers; the activation, where all have the same; and the layer that
    multiplies by least."""

    total: float = 0.0
    logarithm: float = 0.0
    count: int = 0
    label: str = ""
    least: _Slopes | None = None
    layer: str = ""

    def with_layer(self, one: _Slopes) -> _Slopes:
        """Return the slopes of a route with those of one more layer."""
        least = one if self.least is None or one.logarithm < self.least.logarithm else self.least
        label = one.label if not self.count or one.label == self.label else "the activations"
        return _Slopes(self.total + one.total, self.logarithm + one.logarithm, self.count + 1, label, least)

    def explains(self, ratio: float) -> bool:
        """Return whether the slopes, and not the weights, make most of a ratio below 1."""
        return self.logarithm / math.log(ratio) > MOST_OF_IT

    @property
    def text(self) -> str:
        """What there is to say of slopes that make a gradient vanish: of one layer, if that does most of it alone."""
        of, where = self, "there "
        if self.count > 1 and self.least is not None and self.least.logarithm < MOST_OF_IT * self.logarithm:
            of, where = self.least, f"in {self.least.layer} "
        mend = MEND_OF_RELU if of.label == Relu.label else MEND_OF_SLOPES
        return f"and the mean slope of {of.label} {where}is only {of.total / of.count:.2g}; {mend}"


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
    def after_origin(self) -> frozenset[str]:
        """The layers that were computed after a value that is not finite; its own is the first."""
        if self.origin is None:
            return frozenset()
        later = self.plan.steps[self.origin.step :]
        return frozenset(step.layer for step in later if step.phase == Phase.FORWARD)

    @cached_property
    def has_learned(self) -> bool:
        """Whether the batch has no more to teach: small signals and flat activations are then as they should be."""
        return has_learned(self.plan, self.measures.values)

    @cached_property
    def routes(self) -> dict[str, _Route]:
        """The longest way from each layer to the last one with an error signal."""
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
        """Yield what is wrong with the flow through one layer; nothing, where it follows from a number not finite."""
        if self.origin is not None and self.origin.layer == flow.layer:
            yield Badge("exploding" if self.origin.overflows else "not finite", self.origin.cause)
        if flow.layer in self.after_origin:
            return  # its numbers follow from one that is not finite, and say nothing of the layer
        if flow.dead_share is not None and flow.dead_share >= DEAD_SHARE:
            yield Badge("dead", _dead_cause(flow.dead_share, self.measures.has_channels(flow.layer)))
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
    def _slopes_of_routes(self) -> dict[str, _Slopes]:
        """The slopes from each layer to the end of its route, that one not counted."""
        found: dict[str, _Slopes] = {}
        for name in reversed(self.measures.layers):
            following, slopes = self.routes[name].following, self._slopes_of(name)
            if following is None:
                found[name] = _Slopes()
            else:
                found[name] = found[following] if slopes is None else found[following].with_layer(slopes)
        return found

    def _slopes_of(self, name: str) -> _Slopes | None:
        """Return the slopes of a layer, over all its time steps; None without an activation."""
        slopes = [slope for node in self.measures.activations[name] if (slope := self._slope(node)) is not None]
        rule = self.measures.rule(name)
        if rule is None or not slopes:
            return None
        mean = float(np.mean([np.abs(slope).mean(dtype=np.float64) for slope in slopes]))
        size = math.hypot(*map(norm_of, slopes)) / math.sqrt(sum(slope.size for slope in slopes))
        if isinstance(rule, Relu):
            size = min(size / HALF_ON, 1.0)
        logarithm = math.log(size) if size > 0.0 else -math.inf
        return _Slopes(mean, logarithm, 1, rule.label, layer=name)

    def _slope(self, node: Node) -> Array | None:
        if not isinstance(node.operation, Elementwise):
            raise TypeError(f"{node.operation.name} has no slope")
        z, h = self.measures.find(node.operands[0]), self.measures.find(node.output)
        if z is None or h is None:
            return None
        slope = np.zeros_like(h)
        with np.errstate(all="ignore"):
            node.operation.derivative(Emitter(IterationContext(), h.dtype, eager=True), z, h, slope)
        return slope

    def _activation_label(self, name: str) -> str:
        rule = self.measures.rule(name)
        return rule.label if rule is not None else ""

    def _vanishing_cause(self, flow: LayerFlow, ratio: float, route: _Route) -> str:
        if ratio == 0:
            return self._nothing_comes_back(flow)
        factor = ratio ** (1.0 / route.length)
        text = (
            f"its error signal is {ratio:.2g} times that of {route.last}: each layer on the way back multiplies it by"
        )
        text += f" {factor:.2g} on average"
        slopes = self._slopes_of_routes[flow.layer]
        if slopes.count and slopes.explains(ratio):
            return f"{text}, {slopes.text}"
        return f"{text}, and the slopes are not the cause: the weights are small; start them from He or Glorot"

    def _nothing_comes_back(self, flow: LayerFlow) -> str:
        """Return the place nearest to a layer at which all that comes back stops."""
        name = flow.layer
        while (following := self.routes[name].following) is not None:
            slopes = self._slopes_of(name)
            if slopes is not None and slopes.total == 0.0:
                where = "its" if name == flow.layer else f"{name}'s"
                return f"nothing comes back: {where} {slopes.label} has the slope 0 for every sample"
            if self._weights_are_zero(following):
                return f"nothing comes back: the weights of {following} are all 0; start them from Glorot or He"
            if self.flows[following].delta_norm:
                return f"nothing comes back: what {following} sends back is 0 in {self.plan.network.precision}"
            name = following
        return "nothing comes back"

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
        slopes, last = self._slopes_of(name), len(self.measures.deltas[name]) - 1
        if slopes is not None and slopes.explains(ratio ** (1.0 / last)):
            return f"{self._in_time(name, ratio)}, and the mean slope of {slopes.label} is only {slopes.total:.2g}"
        if self.measures.rule(name) is None and self.measures.activations[name]:  # several activations: gates
            return f"{self._in_time(name, ratio)}; its forget or update gate keeps little, and a larger bias opens it"
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


def _dead_cause(share: float, has_channels: bool) -> str:
    kind, where = ("channels", "at every place of every sample") if has_channels else ("units", "for every sample")
    which = f"all of its {kind} are" if share == 1.0 else f"{share:.0%} of its {kind} are"
    return (
        f"{which} off {where} of the batch: h and slope are 0, so no gradient comes through to bring them"
        " back; a leaky ReLU, or a smaller learning rate, helps"
    )
