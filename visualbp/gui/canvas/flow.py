"""Which connections carry what: the present step's values, and what has passed along them in this iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.plan import Phase, Plan, Step
from visualbp.network.network import Connection


@dataclass(frozen=True)
class Flow:
    """The connections of the present step with their colour, and how far others have come."""

    carrying: frozenset[Connection]
    color: str
    """`forward` or `backward`, or nothing."""
    passed: Mapping[Connection, str]
    """What has passed last along a connection in this iteration: `forward`, or `backward`."""
    active_layer: str
    progress: Mapping[str, int]
    """How far each layer has come: 1 for its h, 2 for its delta as well."""


NO_FLOW = Flow(frozenset(), "", {}, "", {})


@dataclass(frozen=True)
class _Crossings:
    """For each connection, the number of steps after which its value, and its gradient, have passed; and for each
    layer, the number of steps after which its h, and its delta (or upstream), are there."""

    forward: Mapping[Connection, int]
    backward: Mapping[Connection, int]
    layers_forward: Mapping[str, int]
    layers_backward: Mapping[str, int]


_crossings: WeakKeyDictionary[Plan, _Crossings] = WeakKeyDictionary()


def _crossings_of(plan: Plan) -> _Crossings:
    if plan not in _crossings:
        sources: dict[str, list[str]] = {}
        for source, target in plan.network.connections:
            sources.setdefault(target, []).append(source)
        forward: dict[Connection, int] = {}
        backward: dict[Connection, int] = {}
        layers_forward: dict[str, int] = {}
        layers_backward: dict[str, int] = {}
        for step in plan.steps:
            if step.phase in (Phase.LOAD, Phase.FORWARD):
                layers_forward[step.layer] = step.index + 1
            if step.phase == Phase.FORWARD:
                for source in sources.get(step.layer, ()):
                    forward.setdefault((source, step.layer), step.index + 1)
            elif step.phase == Phase.BACKWARD:
                for connection in _written_across(step):
                    backward.setdefault(connection, step.index + 1)
                for value in step.writes:
                    if value.is_gradient and value.role in ("z", "h") and value.time is None:
                        layers_backward[value.layer] = step.index + 1
        _crossings[plan] = _Crossings(forward, backward, layers_forward, layers_backward)
    return _crossings[plan]


def _written_across(step: Step) -> list[Connection]:
    """Return the connections along which a backward step sends a gradient to the layer before."""
    return [(value.layer, step.layer) for value in step.writes if value.layer and value.layer != step.layer]


def carriers(plan: Plan, step: Step) -> frozenset[Connection]:
    """Return the connections that carry what a step reads or writes.

    Forward, those into its layer. Backward, those into which its layer sends a gradient; a step that works on its own
    layer's gradients reads what came back from the layers behind it.
    """
    connections = plan.network.connections
    if step.phase == Phase.FORWARD:
        return frozenset(c for c in connections if c[1] == step.layer)
    if step.phase != Phase.BACKWARD:
        return frozenset()
    across = frozenset(_written_across(step)).intersection(connections)
    return across or frozenset(c for c in connections if c[0] == step.layer)


def flow_of(snapshot: Snapshot) -> Flow:
    """Return what the connections show of a snapshot."""
    plan, step = snapshot.plan, snapshot.step
    if plan is None:
        return NO_FLOW
    crossings = _crossings_of(plan)
    passed = {c: "forward" for c, count in crossings.forward.items() if count <= snapshot.cursor}
    passed |= {c: "backward" for c, count in crossings.backward.items() if count <= snapshot.cursor}
    progress = {name: 1 for name, count in crossings.layers_forward.items() if count <= snapshot.cursor}
    progress |= {name: 2 for name, count in crossings.layers_backward.items() if count <= snapshot.cursor}
    if step is None:
        return Flow(frozenset(), "", passed, "", progress)
    color = {Phase.LOAD: "forward", Phase.FORWARD: "forward", Phase.BACKWARD: "backward"}.get(step.phase, "accent")
    return Flow(carriers(plan, step), color, passed, step.layer, progress)
