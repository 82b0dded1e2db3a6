"""How the gradient flows through the layers: norms, how far updates go, and badges that name what is wrong and why.

Pure functions of a plan and of the values computed so far. What is not computed yet is None, never 0.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from visualbp.analysis.gradient_flow_badges import DEAD_SHARE, EXPLODING, SATURATED_SHARE, VANISHING, Judge
from visualbp.analysis.gradient_flow_measures import (
    FEWEST_SAMPLES,
    SATURATED_SLOPE,
    Badge,
    BadgeKind,
    LayerFlow,
    Measures,
    error_signals,
)
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.plan import Between, Plan, go_on

__all__ = [
    "DEAD_SHARE",
    "EXPLODING",
    "FEWEST_SAMPLES",
    "SATURATED_SHARE",
    "SATURATED_SLOPE",
    "VANISHING",
    "Badge",
    "BadgeKind",
    "LayerFlow",
    "error_signals",
    "flows_in_stages",
    "layer_flows",
]


def layer_flows(
    plan: Plan,
    values: Mapping[Ref, Array],
    norms: Mapping[Ref, float] | None = None,
    start: Mapping[Ref, Array] | None = None,
    between: Between = go_on,
) -> dict[str, LayerFlow]:
    """Return the flow through each layer but the input and the loss, in the order in which they run.

    `norms` are those of values that are known already. `start` are the parameters at the beginning of the iteration;
    the update ratio needs them, and `norms` to say which parameters have been updated since. `between` is called
    between one layer and the next; what it raises ends the work.
    """
    work = flows_in_stages(plan, values, norms, start)
    while True:
        between()
        try:
            next(work)
        except StopIteration as stop:
            found: dict[str, LayerFlow] = stop.value
            return found


def flows_in_stages(
    plan: Plan,
    values: Mapping[Ref, Array],
    norms: Mapping[Ref, float] | None = None,
    start: Mapping[Ref, Array] | None = None,
) -> Generator[None, None, dict[str, LayerFlow]]:
    """The same as `layer_flows`, for whoever cannot wait for a network of a thousand layers: it yields after each."""
    measures = Measures(plan, values, norms or {}, start)
    for name in measures.layers:
        yield
        measures.flows[name] = measures.measured(name)
    judge, found = Judge(measures), {}
    yield from judge.find_what_is_not_finite()
    for name, flow in measures.flows.items():
        yield
        found[name] = replace(flow, badges=tuple(judge.badges(flow)))
    return found
