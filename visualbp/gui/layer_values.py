"""What can be shown of a layer beside its z and h: the steps inside it, such as the scores of attention, and what a
recurrent layer computes at each time step, put together as one array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import is_

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.core.ref import EVERY, Ref, timed
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.compiler import is_slice
from visualbp.engine.notation_sentences import is_share
from visualbp.engine.plan import Plan
from visualbp.gui.axes import axes_of


@dataclass(frozen=True)
class Shown:
    """A value of the batch, or several that are the time steps of one: `members`, by their place in time.

    `key` tells it from the others of its layer; `value` is the name that it goes by.
    """

    value: Ref
    members: tuple[Ref, ...] = ()

    @property
    def key(self) -> str:
        """What tells it from the others of its layer: the value's name, and the layer that a gradient came from."""
        return self.value.name + (f" from {self.value.sender_text}" if self.value.sender else "")

    @property
    def words(self) -> str:
        """What the chooser says: `z`, `attention`, `∂scores`, `δ[t]`, `∂h from output`."""
        value = self.value
        role = timed("δ", value.time) if value.is_delta else ("∂" if value.is_gradient else "") + value.timed_role
        return role + (f" from {value.sender_text}" if value.sender else "")


def shown_values(plan: Plan, layer: str, backward: bool) -> tuple[Shown, ...]:
    """Return all values of the batch that steps of this pass write for a layer, its z and h (or their gradients) first.

    Names that mean a value with another name, such as the z of an activation layer, count as well.
    """
    names = (Ref(layer, role).gradient if backward else Ref(layer, role) for role in ("z", "h"))
    found = [value for value in names if plan.resolve(value) in plan.written]
    series: dict[str, list[Ref]] = {}
    for value in plan.shapes:
        if value.layer != layer or value.is_gradient != backward or value in found:
            continue
        if value not in plan.batched or value not in plan.written:
            continue
        if value.time is None:
            found.append(value)
        elif value.sender is None:
            series.setdefault(value.role, []).append(value)
    read = {node.output.role for node in plan.nodes if node.layer == layer and is_slice(node)}
    steps = [
        Shown(values[0].at(EVERY), tuple(sorted(values, key=lambda value: value.time or 0)))
        for role, values in sorted(series.items(), key=lambda item: (item[0] in read, item[0]))  # what it reads last
    ]
    plain = [Shown(value) for value in found]
    return (*plain[:2], *steps, *plain[2:]) if len(found) > 1 else (*plain, *steps)


OPEN = "not yet computed"


@dataclass(frozen=True, eq=False)
class Picture:
    """An array to draw (None: nothing of it has been computed), with its whole shape and the names of its axes.

    `missing` is True where there is no number to show, or None if nothing is missing; `hole` says why.
    """

    shown: Shown
    array: Array | None
    shape: Shape
    axes: tuple[str, ...]
    stale: bool = False
    missing: Array | None = None
    hole: str = OPEN
    is_share: bool = False
    """Whether it is what comes back on one path alone, where its name is that of the whole."""
    rows: Array | None = None
    """The row in the data of each sample, where the first axis is that of samples."""


class Assembler:
    """Puts time steps together. The same arrays give the same array again, so that nothing is painted anew for it."""

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._masked: frozenset[Ref] = frozenset()
        self._made: dict[Ref, tuple[tuple[Array | None, ...], Array, Array | None]] = {}
        self._pictures: dict[Ref, tuple[Plan, int, Ref, Picture]] = {}
        """The last picture of each value, with the plan and the batch that it was made for, and the value's real name:
        the next one is the same where array and age are."""

    def picture(self, snapshot: Snapshot, plan: Plan, shown: Shown) -> Picture:
        """Return what a value is in a snapshot; the same object as before where nothing has changed."""
        batch = 0 if snapshot.batch is None else len(snapshot.batch)
        if shown.members:
            shape: Shape = (batch, len(shown.members), *plan.shapes[shown.members[0]])
            array, missing = self._assembled(snapshot.values, shown)
            stale = any(member in snapshot.stale for member in shown.members)
            return Picture(shown, array, shape, ("sample", "time", "unit"), stale, missing, rows=snapshot.rows)
        kept = self._pictures.get(shown.value)
        if kept is None or kept[0] is not plan or kept[1] != batch:
            kept = plan, batch, plan.resolve(shown.value), self._absent(plan, batch, shown)
        real, before = kept[2:]
        array, stale = snapshot.values.get(real), real in snapshot.stale
        picture = before
        rows = snapshot.rows if before.axes[:1] == ("sample",) else None
        same_rows = rows is before.rows or (rows is not None and np.array_equal(rows, before.rows))  # type: ignore[arg-type]
        if array is not before.array or stale != before.stale or not same_rows:
            closed = None if array is None or real not in self._masks(plan) else np.isneginf(array)
            hole = OPEN if closed is None else "-inf: closed by the mask"
            picture = Picture(shown, array, before.shape, before.axes, stale, closed, hole, before.is_share, rows)
        self._pictures[shown.value] = plan, batch, real, picture
        return picture

    @staticmethod
    def _absent(plan: Plan, batch: int, shown: Shown) -> Picture:
        shape = plan.whole_shape(shown.value, batch)
        axes = axes_of(plan, shown.value, len(shape))
        return Picture(shown, None, shape, axes, is_share=is_share(plan, shown.value))

    def _masks(self, plan: Plan) -> frozenset[Ref]:
        """Return the values in which minus infinity is meant, such as scores with a causal mask."""
        if self._plan is not plan:
            self._plan = plan
            nodes = (node for node in plan.nodes if getattr(node.operation, "minus_infinity_is_meant", False))
            self._masked = frozenset(node.output for node in nodes)
        return self._masked

    def _assembled(self, values: Mapping[Ref, Array], shown: Shown) -> tuple[Array | None, Array | None]:
        parts = tuple(values.get(member) for member in shown.members)
        kept = self._made.get(shown.value)
        if kept is not None and len(kept[0]) == len(parts) and all(map(is_, kept[0], parts)):
            return kept[1], kept[2]
        present = next((part for part in parts if part is not None), None)
        if present is None:
            self._made.pop(shown.value, None)
            return None, None
        array = np.stack([np.zeros_like(present) if part is None else part for part in parts], axis=1)
        missing = None
        if any(part is None for part in parts):
            missing = np.zeros(array.shape, bool)
            missing[:, [place for place, part in enumerate(parts) if part is None]] = True
        self._made[shown.value] = parts, array, missing
        return array, missing
