"""Where in an iteration the first value came about that is not finite: all that is computed after it is not, either.

Everything here goes by the values at hand, in the order in which they were computed.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.plan import Phase, Plan, Step


@dataclass(frozen=True)
class Origin:
    """The step that made it, the layer to look at, and how it came about, in words. `overflows` says that an error
    signal grew too large."""

    step: int
    layer: str
    cause: str
    overflows: bool = False


def origin_in_stages(
    plan: Plan, values: Mapping[Ref, Array], norms: Mapping[Ref, float], start: Mapping[Ref, Array] | None
) -> Generator[None, None, Origin | None]:
    """Return where the first value that is not finite came about, if one is there; yields after each step.

    What came in with the samples, or began at the loss, is told at the first layer that it got to. `norms` are those
    that are known already, `start` the parameters at the beginning of the iteration.
    """
    first: Step | None = None
    for step in plan.steps:
        yield
        if step.phase == Phase.UPDATE or not _is_wrong(plan, step, values, norms):
            continue
        first = first or step
        layer = step.writes[0].layer  # what comes back is told where it arrives, as its size is
        if layer not in ("", plan.input.layer, plan.loss.layer):
            return Origin(first.index, layer, *_told(plan, first, values, start))
    return None


def _is_wrong(plan: Plan, step: Step, values: Mapping[Ref, Array], norms: Mapping[Ref, float]) -> bool:
    return any(_not_finite(value, values, norms, step) for value in step.writes)


def _not_finite(value: Ref, values: Mapping[Ref, Array], norms: Mapping[Ref, float], step: Step) -> bool:
    array = values.get(value)
    if array is None or math.isfinite(norms.get(value, math.nan)):
        return False
    is_masked = step.phase == Phase.FORWARD and step.node is not None and step.node.operation.minus_infinity_is_meant
    right = np.isfinite(array) | np.isneginf(array) if is_masked else np.isfinite(array)
    return not bool(right.all())


def _told(plan: Plan, step: Step, values: Mapping[Ref, Array], start: Mapping[Ref, Array] | None) -> tuple[str, bool]:
    """Return how the step that was first came to a value that is not finite, and whether an error signal overflowed."""
    if step.phase == Phase.LOAD:
        return "the samples or targets that came in are not finite", False
    wrong = next(v for v in step.writes if not np.isfinite(values[v]).all())
    begins = f"{wrong.text} is the first value that is not finite"
    whole = f"{begins}, though {step.layer} made it from finite numbers"
    lasting = [info.value for info in plan.lasting if info.value in map(plan.resolve, step.reads)]
    if start is None:
        return (begins if lasting else whole), False  # a parameter may have been updated since
    given = next((value for value in lasting if not np.isfinite(start[value]).all()), None)
    if given is not None:
        return f"{begins}: {given.text} was not before this iteration", False
    if np.isnan(values[wrong]).any():
        return whole, False
    return f"{whole}: it is too large for {plan.network.precision}", step.phase == Phase.BACKWARD
