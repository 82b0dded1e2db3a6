"""Where a run stops: before the first step of a layer, on the way forward or back."""

from __future__ import annotations

from visualbp.engine.plan import Phase, Plan

Breakpoints = frozenset[tuple[Phase, str]]
"""The passes and layers before whose steps a run stops."""


def has_breakpoint(plan: Plan, breakpoints: Breakpoints) -> bool:
    """Return whether there is a step in `plan` that a breakpoint stops before."""
    return bool(breakpoints) and any(step.group in breakpoints for step in plan.steps)


def stops_before(plan: Plan, index: int, breakpoints: Breakpoints) -> bool:
    """Return whether a breakpoint is set on the group of steps that begins with step `index`."""
    step = plan.steps[index]
    begins = index == 0 or plan.steps[index - 1].group != step.group
    return begins and step.group in breakpoints
