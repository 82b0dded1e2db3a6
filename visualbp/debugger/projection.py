"""From the executor's state to what a snapshot shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine import Executor, Phase


def in_update(executor: Executor | None) -> bool:
    """Return whether the last step changed a parameter."""
    return bool(executor and executor.last_step and executor.last_step.phase == Phase.UPDATE)


def with_state(snapshot: Snapshot, executor: Executor, outdated: Mapping[Ref, Array]) -> Snapshot:
    """Return `snapshot` with what `executor` has computed, and in its gaps what an edit has `outdated`."""
    stale = frozenset(value for value in outdated if value not in executor.values)
    return replace(
        snapshot,
        plan=executor.plan,
        iteration=executor.iteration,
        epoch=executor.epoch,
        cursor=executor.cursor,
        step=executor.last_step,
        values={**{value: outdated[value] for value in stale}, **executor.values},
        norms=dict(executor.norms),
        stale=stale,
        batch=executor.batch_indices(executor.iteration),
        trouble=executor.non_finite,
        start=executor.store.views_of(executor.start) if in_update(executor) and executor.has_tape else None,
        first_iteration=int(executor.store.first_iteration),
    )
