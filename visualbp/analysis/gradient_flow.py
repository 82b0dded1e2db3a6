"""How the gradient flows through the layers: norms, how far updates go, and badges that name what is wrong and why.

Pure functions of a plan and of the values computed so far. What is not computed yet is None, never 0.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from visualbp.analysis.standstill import MET, has_learned
from visualbp.core.arrays import Array
from visualbp.core.norms import norm_of
from visualbp.engine.plan import Plan
from visualbp.layers import Node, Value
from visualbp.operations.activations import Elementwise, Relu, Sigmoid, Tanh
from visualbp.operations.base import Emitter, IterationContext
from visualbp.operations.losses import BinaryCrossEntropy
from visualbp.operations.recurrence import RecurrentAffine

VANISHING = 1e-3
"""A layer's gradient vanishes if its error signal is smaller than this, relative to that of the last layer. Ten healthy
layers (tanh with Glorot, ReLU with He) stay within 0.3 to 3; ten sigmoid layers with Glorot come below 1e-5."""

EXPLODING = 100.0
"""It explodes if its error signal is larger than this, relative to that of the last layer."""

DEAD_SHARE = 0.5
"""A layer is called dead if this share of its ReLU units is off for every sample of the batch."""

FEWEST_SAMPLES = 4
"""With fewer samples than this no unit is called dead: a healthy one is off for about half of them."""

SATURATED_SLOPE = 0.01
"""A sigmoid or tanh is saturated where its slope is below this share of the largest that it can have (1/4, and 1):
beyond |z| = 6 and |z| = 3."""

SATURATED_SHARE = 0.5
"""A layer is called saturated if this share of its outputs is."""

SMALL_SLOPE = 0.5
"""Slopes below this on average are named as what makes a gradient vanish; above, the weights are."""

MEND_OF_SLOPES = "ReLU or a residual connection helps"

BadgeKind = Literal["vanishing", "exploding", "dead", "saturated"]


@dataclass(frozen=True)
class Badge:
    """Something wrong with the flow through a layer; `cause` says in words what makes it, and what would mend it."""

    kind: BadgeKind
    cause: str


@dataclass(frozen=True)
class LayerFlow:
    """The flow through one layer. Norms are Euclidean, over the batch; None for what is not there, or not yet.

    The error signal of a recurrent layer is that of all its time steps together; `through_time` is how many times as
    large that of its first step is as that of its last. `weight_...` are of all weights of the layer together,
    `bias_...` of its other parameters. `update_ratio` is the norm of the change of the weights in this iteration,
    relative to the norm of the weights before it. `dead_share` is of the units (of an image, the channels) of a ReLU,
    `saturated_share` of the outputs of a sigmoid or tanh.
    """

    layer: str
    delta_norm: float | None = None
    upstream_norm: float | None = None
    weight_gradient_norm: float | None = None
    bias_gradient_norm: float | None = None
    weight_norm: float | None = None
    update_ratio: float | None = None
    dead_share: float | None = None
    saturated_share: float | None = None
    through_time: float | None = None
    badges: tuple[Badge, ...] = ()


def error_signals(plan: Plan) -> dict[str, tuple[Value, ...]]:
    """Return the deltas of each layer: none, one, or, of a recurrent layer, one for each time step."""
    timed: dict[str, list[Value]] = defaultdict(list)
    for node in plan.nodes:
        if isinstance(node.operation, RecurrentAffine):
            timed[node.layer].append(node.output)
    found = {layer: [plan.resolve(z.gradient) for z in timed[layer] or [Value(layer, "z")]] for layer in plan.layers}
    return {layer: tuple(delta for delta in deltas if delta in plan.written) for layer, deltas in found.items()}


def layer_flows(
    plan: Plan,
    values: Mapping[Value, Array],
    norms: Mapping[Value, float] | None = None,
    start: Mapping[Value, Array] | None = None,
) -> dict[str, LayerFlow]:
    """Return the flow through each layer but the input and the loss, in the order in which they run.

    `norms` are those of values that are known already. `start` are the parameters at the beginning of the iteration;
    the update ratio needs them, and `norms` to say which parameters have been updated since.
    """
    work = flows_in_stages(plan, values, norms, start)
    while True:
        try:
            next(work)
        except StopIteration as stop:
            found: dict[str, LayerFlow] = stop.value
            return found


def flows_in_stages(
    plan: Plan,
    values: Mapping[Value, Array],
    norms: Mapping[Value, float] | None = None,
    start: Mapping[Value, Array] | None = None,
) -> Generator[None, None, dict[str, LayerFlow]]:
    """The same as `layer_flows`, for whoever cannot wait for a network of a thousand layers: it yields after each."""
    state = _State(plan, values, norms or {}, start)
    for name in state.layers:
        yield
        state.flows[name] = state.measured(name)
    found = {}
    for name, flow in state.flows.items():
        yield
        found[name] = replace(flow, badges=tuple(state.badges(flow)))
    return found


@dataclass(frozen=True)
class _Route:
    """The longest way from a layer to the last one with an error signal: the next layer on it, the last one with its
    signal (the layer itself, where there is none behind it), and how many layers with a signal lie behind."""

    following: str | None
    last: str
    reference: float | None
    length: int


class _State:
    """A plan with the values computed so far."""

    def __init__(
        self,
        plan: Plan,
        values: Mapping[Value, Array],
        norms: Mapping[Value, float],
        start: Mapping[Value, Array] | None,
    ) -> None:
        self.plan, self.values, self.norms, self.start = plan, values, norms, start
        self.layers = [name for name in plan.layers if name not in (plan.input.layer, plan.loss.layer)]
        self.activations: dict[str, list[Node]] = defaultdict(list)
        for node in plan.nodes:
            if isinstance(node.operation, Elementwise):
                self.activations[node.layer].append(node)
        self.deltas = error_signals(plan)
        self.flows: dict[str, LayerFlow] = {}
        """The flow through each layer, without badges."""
        self.behind: dict[str, list[str]] = defaultdict(list)
        for source, target in plan.network.connections:
            self.behind[source].append(target)
        self.weights: dict[str, list[Value]] = defaultdict(list)
        self.others: dict[str, list[Value]] = defaultdict(list)
        for info in plan.parameters:
            (self.weights if info.spec.penalised else self.others)[info.value.layer].append(info.value)

    def find(self, value: Value) -> Array | None:
        return self.values.get(self.plan.resolve(value))

    def norm(self, value: Value) -> float | None:
        value = self.plan.resolve(value)
        if value in self.norms:
            return self.norms[value]
        array = self.values.get(value)
        return None if array is None else _norm_of(array)

    def measured(self, name: str) -> LayerFlow:
        weights, others = self.weights[name], self.others[name]
        return LayerFlow(
            name,
            _joint(self.norm(delta) for delta in self.deltas[name]),
            self.norm(Value(name, "upstream")),
            _joint(self.norm(value.gradient) for value in weights),
            _joint(self.norm(value.gradient) for value in others),
            _joint(self.norm(value) for value in weights),
            self._update_ratio(weights),
            self._dead_share(name),
            self._saturated_share(name),
            self._through_time(name),
        )

    def _through_time(self, name: str) -> float | None:
        if len(self.deltas[name]) < 2:
            return None
        first, last = self.norm(self.deltas[name][0]), self.norm(self.deltas[name][-1])
        return None if first is None or not last else first / last

    def _update_ratio(self, weights: list[Value]) -> float | None:
        if self.start is None or not weights or not all(value in self.norms for value in weights):
            return None
        before = _joint(_norm_of(self.start[value]) for value in weights)
        with np.errstate(all="ignore"):
            change = _joint(_norm_of(self.values[value] - self.start[value]) for value in weights)
        return change / before if before and change is not None else None

    # -- units that do not pass anything on --------------------------------------------------------------------------

    def _outputs(self, name: str) -> Array | None:
        """Return what the layer's activation gives; of a recurrent layer's time steps, all of them one below the other.

        None until all of it is there, and for a layer without an activation of its own.
        """
        found = [self.find(node.output) for node in self.activations[name]]
        there = [h for h in found if h is not None]
        if not there or len(there) < len(found):
            return None
        return there[0] if len(there) == 1 else np.concatenate(there)

    def _rule(self, name: str) -> Elementwise | None:
        nodes = self.activations[name]
        return nodes[0].operation if nodes and isinstance(nodes[0].operation, Elementwise) else None

    def _dead_share(self, name: str) -> float | None:
        h = self._outputs(name)
        if h is None or not isinstance(self._rule(name), Relu):
            return None
        is_image = h.ndim == 4
        rows = np.moveaxis(h, 1, -1).reshape(-1, h.shape[1]) if is_image else h.reshape(-1, h.shape[-1])
        samples = len(h) // len(self.activations[name]) if is_image or len(self.deltas[name]) > 1 else len(rows)
        return float((rows <= 0).all(0).mean()) if samples >= FEWEST_SAMPLES else None

    def _saturated_share(self, name: str) -> float | None:
        h, rule = self._outputs(name), self._rule(name)
        if h is None or not isinstance(rule, Sigmoid | Tanh):
            return None
        slope = 4.0 * h * (1.0 - h) if isinstance(rule, Sigmoid) else 1.0 - h * h
        saturated = slope < SATURATED_SLOPE
        target = self.find(self.plan.target)
        if self.activations[name][-1].output == self.plan.prediction and target is not None and h.shape == target.shape:
            if isinstance(self.plan.loss_rule, BinaryCrossEntropy):
                return 0.0  # its gradient is divided by the slope: what is saturated and wrong is pushed all the same
            saturated &= np.abs(h - target) > MET
        return float(saturated.mean())

    # -- badges ------------------------------------------------------------------------------------------------------

    @cached_property
    def has_learned(self) -> bool:
        """Whether the batch has no more to teach: small signals and flat activations are then as they should be."""
        return has_learned(self.plan, self.values)

    @cached_property
    def routes(self) -> dict[str, _Route]:
        routes: dict[str, _Route] = {}
        for name in reversed(self.layers):
            routes[name] = _Route(None, name, self.flows[name].delta_norm, 0)
            for following in self.behind[name]:
                if following not in routes:
                    continue  # the loss, or a layer that does not run
                route = routes[following]
                length = route.length + (self.flows[following].delta_norm is not None)
                if length > routes[name].length:
                    routes[name] = _Route(following, route.last, route.reference, length)
        return routes

    def badges(self, flow: LayerFlow) -> Iterable[Badge]:
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
        if signal is None:
            return
        if not math.isfinite(signal):
            yield Badge("exploding", "its error signal is not finite")
            return
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
        for name in reversed(self.layers):
            following = self.routes[name].following
            if following is None:
                sums[name] = (0.0, 0)
                continue
            total, count = sums[following]
            sums[name] = (total + self._slope_of(name), count + 1)
        return sums

    def _slope_of(self, name: str) -> float:
        """Return the mean |sigma'(z)| of a layer, over all its time steps; without an activation it is 1."""
        slopes = [self._mean_slope(node) for node in self.activations[name]]
        return sum(slopes) / len(slopes) if slopes else 1.0

    def _mean_slope(self, node: Node) -> float:
        if not isinstance(node.operation, Elementwise):
            raise TypeError(f"{node.operation.name} has no slope")
        z, h = self.find(node.operands[0]), self.find(node.output)
        if z is None or h is None:
            return math.nan
        slope = np.zeros_like(h)
        with np.errstate(all="ignore"):
            node.operation.derivative(Emitter(IterationContext(), h.dtype, eager=True), z, h, slope)
        return float(np.abs(slope).mean())

    def _activation_label(self, name: str) -> str:
        rule = self._rule(name)
        return rule.label if rule is not None else ""

    def _is_image(self, name: str) -> bool:
        return any(len(self.plan.shapes[node.output]) == 3 for node in self.activations[name])

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
        zero = [name for name in self.behind[flow.layer] if self._weights_are_zero(name)]
        if zero:
            return f"nothing comes back: the weights of {zero[0]} are all 0; start them from Glorot or He"
        flat = next((name for name in (flow.layer, *self.behind[flow.layer]) if self._slope_of(name) == 0.0), None)
        if flat is not None:
            where = "its" if flat == flow.layer else f"{flat}'s"
            return f"nothing comes back: {where} {self._activation_label(flat)} has the slope 0 for every sample"
        return "nothing comes back: everything behind it is switched off"

    def _weights_are_zero(self, name: str) -> bool:
        values = self.weights[name]
        used = self.start if self.start is not None else self.values
        return bool(values) and all(value in used and not used[value].any() for value in values)

    def _exploding_cause(self, ratio: float, route: _Route) -> str:
        factor = ratio ** (1.0 / route.length)
        return (
            f"its error signal is {ratio:.3g} times that of {route.last}: each layer on the way back multiplies it by"
            f" {factor:.2g} on average, so the weights are too large; start them smaller, or clip the gradients"
        )

    def _in_time(self, name: str, ratio: float) -> str:
        last = len(self.deltas[name]) - 1
        return (
            f"through time: the error signal of time step 0 is {ratio:.2g} times that of step {last}, so each step back"
            f" multiplies it by {ratio ** (1.0 / last):.2g} on average"
        )

    def _vanishing_in_time_cause(self, name: str, ratio: float) -> str:
        if ratio == 0:
            last = len(self.deltas[name]) - 1
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


def _norm_of(array: Array) -> float:
    with np.errstate(all="ignore"):
        return norm_of(array)


def _joint(norms: Iterable[float | None]) -> float | None:
    """Return the norm of several arrays together, or None if there are none or one is not known."""
    known = list(norms)
    if not known or any(norm is None for norm in known):
        return None
    return math.hypot(*(norm for norm in known if norm is not None))
