"""What is measured of the flow through each layer: norms, how far updates go, and units that pass nothing on.

Pure functions of a plan and of the values computed so far. What is not computed yet is None, never 0.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from visualbp.analysis.standstill import MET
from visualbp.core.arrays import Array
from visualbp.core.norms import norm_of
from visualbp.core.ref import Ref
from visualbp.engine.plan import Plan
from visualbp.layers import Node
from visualbp.operations.activations.elementwise import Relu, Sigmoid, Tanh
from visualbp.operations.activations.kinds import Elementwise

FEWEST_SAMPLES = 4
"""With fewer samples than this no unit is called dead: a healthy one is off for about half of them."""

SATURATED_SLOPE = 0.01
"""A sigmoid or tanh is saturated where its slope is below this share of the largest that it can have (1/4, and 1):
beyond |z| = 6 and |z| = 3."""

BadgeKind = Literal["vanishing", "exploding", "dead", "saturated", "not finite"]


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


def error_signals(plan: Plan) -> dict[str, tuple[Ref, ...]]:
    """Return the deltas of each layer: none, one, or, of a recurrent layer, one for each time step."""
    found = {layer: [plan.resolve(z.gradient) for z in made] for layer, made in plan.pre_activations.items()}
    return {layer: tuple(delta for delta in deltas if delta in plan.written) for layer, deltas in found.items()}


class Measures:
    """A plan with the values computed so far, and what is measured of them."""

    def __init__(
        self,
        plan: Plan,
        values: Mapping[Ref, Array],
        norms: Mapping[Ref, float],
        start: Mapping[Ref, Array] | None,
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
        self.weights: dict[str, list[Ref]] = defaultdict(list)
        self.others: dict[str, list[Ref]] = defaultdict(list)
        for info in plan.parameters:
            (self.weights if info.spec.penalised else self.others)[info.value.layer].append(info.value)

    def find(self, value: Ref) -> Array | None:
        """Return the array of a value, by any of its names, or None if it is not computed yet."""
        return self.values.get(self.plan.resolve(value))

    def norm(self, value: Ref) -> float | None:
        """Return the norm of a value, measured now if it was not before, or None if it is not computed yet."""
        value = self.plan.resolve(value)
        if value in self.norms:
            return self.norms[value]
        array = self.values.get(value)
        return None if array is None else _norm_of(array)

    def measured(self, name: str) -> LayerFlow:
        """Return what is measured of the flow through a layer, without badges."""
        weights, others = self.weights[name], self.others[name]
        return LayerFlow(
            name,
            _joint(self.norm(delta) for delta in self.deltas[name]),
            self.norm(Ref(name, "h").gradient),
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

    def _update_ratio(self, weights: list[Ref]) -> float | None:
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

    def rule(self, name: str) -> Elementwise | None:
        """Return the layer's activation; None where it has none, or several. Of gates this is meant: an open one is
        saturated, and what goes through the layer need not go through its slope."""
        rules = {type(node.operation): node.operation for node in self.activations[name]}
        rule = next(iter(rules.values()), None)
        return rule if len(rules) == 1 and isinstance(rule, Elementwise) else None

    def has_channels(self, name: str) -> bool:
        """Return whether a layer's activations are channels of images or of sequences, not units."""
        images = any(len(self.plan.shapes[node.output]) == 3 for node in self.activations[name])
        return images or self.plan.network.layer(name).kind.channels_first

    def _dead_share(self, name: str) -> float | None:
        h = self._outputs(name)
        if h is None or not isinstance(self.rule(name), Relu):
            return None
        has_channels = self.has_channels(name)
        rows = np.moveaxis(h, 1, -1).reshape(-1, h.shape[1]) if has_channels else h.reshape(-1, h.shape[-1])
        samples = len(h) // len(self.activations[name]) if has_channels or len(self.deltas[name]) > 1 else len(rows)
        return float((rows <= 0).all(0).mean()) if samples >= FEWEST_SAMPLES else None

    def _saturated_share(self, name: str) -> float | None:
        h, rule = self._outputs(name), self.rule(name)
        if h is None or not isinstance(rule, Sigmoid | Tanh):
            return None
        slope = 4.0 * h * (1.0 - h) if isinstance(rule, Sigmoid) else 1.0 - h * h
        saturated = slope < SATURATED_SLOPE
        target = self.find(self.plan.target)
        if self.activations[name][-1].output == self.plan.prediction and target is not None and h.shape == target.shape:
            if self.plan.loss_rule.expects == "probabilities" and self.plan.loss_rule.target_kind == "binary":
                return 0.0  # its gradient is divided by the slope: what is saturated and wrong is pushed all the same
            saturated &= np.abs(h - target) > MET
        return float(saturated.mean())


def _norm_of(array: Array) -> float:
    with np.errstate(all="ignore"):
        return norm_of(array)


def _joint(norms: Iterable[float | None]) -> float | None:
    """Return the norm of several arrays together, or None if there are none or one is not known."""
    known = list(norms)
    if not known or any(norm is None for norm in known):
        return None
    return math.hypot(*(norm for norm in known if norm is not None))
