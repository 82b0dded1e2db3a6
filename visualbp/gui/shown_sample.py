"""Which sample single-sample views show. A sample is called by its row in the data, the same in every batch and panel.

Arrays have samples by their place in the batch; what people see and choose is the row. Everything that shows one sample
asks `shown_sample`, so that all show the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.debugger.snapshot import Snapshot

Index = tuple[int, ...]


@dataclass(frozen=True)
class ShownSample:
    """The sample `row` of the data, at `place` in the batch. `wanted` is the one that a person has chosen, if any."""

    place: int
    row: int
    wanted: int | None = None

    @property
    def text(self) -> str:
        """What it is called: `sample 25`."""
        return f"sample {self.row}"

    @property
    def why(self) -> str:
        """Why it is another than the one that was chosen; empty where it is that one, or none was."""
        if self.wanted is None or self.wanted == self.row:
            return ""
        return f"sample {self.wanted}, which was chosen, is not in this batch"


def shown_sample(snapshot: Snapshot, wanted: int | None) -> ShownSample:
    """Return the sample to show where row `wanted` of the data was chosen.

    It is that one if the batch has it. Otherwise, and where none was chosen, it is the one in which a number is not
    finite, if the program has stopped for that, and else the first of the batch.
    """
    rows = snapshot.rows
    if rows is None or not len(rows):
        return ShownSample(0, wanted or 0, wanted)
    place = None if wanted is None else place_of(rows, wanted)
    if place is None:
        place = _place_of_trouble(snapshot, len(rows))
    return ShownSample(place, int(rows[place]), wanted)


def place_of(rows: Array, row: int) -> int | None:
    """Return where in a batch of these rows a row is; None if it is not in it."""
    found = np.flatnonzero(rows == row)
    return int(found[0]) if len(found) else None


def _place_of_trouble(snapshot: Snapshot, count: int) -> int:
    trouble, plan = snapshot.trouble, snapshot.plan
    if trouble is None or plan is None or not trouble.index or not plan.is_batched(trouble.value):
        return 0
    return trouble.index[0] if trouble.index[0] < count else 0


def row_of(snapshot: Snapshot, value: Ref, index: Index) -> int | None:
    """Return the row of the sample that an element belongs to; None for what belongs to none, such as a weight."""
    rows, plan = snapshot.rows, snapshot.plan
    if rows is None or plan is None or not index or not plan.is_batched(value) or index[0] >= len(rows):
        return None
    return int(rows[index[0]])


def in_shown_sample(
    snapshot: Snapshot, number: tuple[Ref, Index] | None, wanted: int | None
) -> tuple[Ref, Index] | None:
    """Return a number that was chosen, of the sample that is shown now: in another batch it stands elsewhere."""
    plan = snapshot.plan
    if number is None or plan is None or not number[1] or not plan.is_batched(number[0]):
        return number
    value, index = number
    return value, (shown_sample(snapshot, wanted).place, *index[1:])
