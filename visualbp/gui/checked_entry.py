"""What the last gradient check says of one number of a gradient, for whoever shows that number."""

from __future__ import annotations

from dataclasses import dataclass

from visualbp.analysis.gradient_check_result import CheckResult, EntryCheck
from visualbp.core.ref import Ref
from visualbp.debugger.snapshot import CheckDone, Snapshot


@dataclass(frozen=True)
class CheckedEntry:
    """Both gradients of a number, the iteration they are of, and whether the network has moved on since."""

    entry: EntryCheck
    iteration: int
    outdated: bool


def checked_entry(
    done: CheckDone | None, snapshot: Snapshot, value: Ref, index: tuple[int, ...]
) -> CheckedEntry | None:
    """Return what a check says of an element; None for what is no gradient, or none that it looked at."""
    if done is None or not isinstance(done.result, CheckResult) or snapshot.plan is None:
        return None
    value = snapshot.plan.resolve(value)
    if not value.is_gradient or value.sender is not None:
        return None
    check = done.result.layers.get(value.layer, {}).get(value.of.name)
    if check is None or len(index) != check.errors.ndim:
        return None
    if any(place >= length for place, length in zip(index, check.errors.shape, strict=True)):
        return None
    outdated = (done.generation, done.iteration) != (snapshot.generation, snapshot.iteration)
    return CheckedEntry(check.entry(index, done.result.tolerance), done.iteration, outdated)
