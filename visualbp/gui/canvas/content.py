"""What a card shows of a snapshot: for each of its rows, the numbers as small matrices, and where each number is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import is_

import numpy as np
from PySide6.QtCore import QRectF

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref, named
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.plan import Plan
from visualbp.gui.canvas.geometry import CardLayout, RowSpec
from visualbp.gui.canvas.heat import HeatRow
from visualbp.gui.canvas.tiles import Tile, picture_tile, sample_tiles, time_tiles, weight_tiles
from visualbp.gui.pictures import data_limits

Parts = tuple[Array | None, ...]


@dataclass(frozen=True, eq=False)
class RowContent:
    """A row of a card with the numbers in it; `array` is None where nothing has been computed yet."""

    spec: RowSpec
    value: Ref
    array: Array | None = None
    stale: bool = False
    sample: int = 0
    tiles: tuple[Tile, ...] = ()
    source: Array | None = None
    """The array of the snapshot that this was made from: the same one means that nothing has changed."""
    parts: Parts = ()
    """The same where it was made from several arrays, one for each time."""
    holes: tuple[QRectF, ...] = ()
    """Where times are shown that have not been computed yet, while others have."""
    gray: tuple[float, float] | None = None
    """The range of data that are shown as pictures, from dark to light."""

    @cached_property
    def heat(self) -> HeatRow:
        """The tiles as they are painted."""
        return HeatRow([tile.matrix for tile in self.tiles])


def value_of(layer: str, role: str, snapshot: Snapshot) -> Ref:
    """Return the value that a row of the layer's card stands for."""
    if role == "prediction" and snapshot.plan is not None:
        return snapshot.plan.prediction
    return named(layer, role)


@lru_cache(maxsize=256)
def time_steps(plan: Plan, layer: str, role: str) -> tuple[Ref, ...]:
    """Return the values that a role has at each time in a layer that is unrolled: `h[0]`, `h[1]`, ..."""
    found: list[Ref] = []
    while plan.resolve(step := named(layer, role).at(len(found))) in plan.shapes:
        found.append(step)
    return tuple(found)


def row_content(layer: str, spec: RowSpec, snapshot: Snapshot, sample: int, old: RowContent | None) -> RowContent:
    """Return what a row shows now; `old` itself where nothing has changed."""
    if spec.unrolled and snapshot.plan is not None:
        return _time_row(layer, spec, snapshot, snapshot.plan, sample, old)
    value = snapshot.resolve(value_of(layer, spec.role, snapshot))
    array = snapshot.values.get(value)
    stale = bool(snapshot.stale) and value in snapshot.stale
    if array is not None and spec.range_name != "weight" and array.ndim:
        sample = min(sample, len(array) - 1)
    source = array
    if old is not None and old.source is source and old.spec is spec:
        same = (old.stale, old.sample, old.value) == (stale, sample, value)
        if same:
            return old
    if array is None or not array.size:
        return RowContent(spec, value, None, stale, sample)
    if spec.role == "prediction" and snapshot.plan is not None:
        array = snapshot.plan.loss_rule.answer(array)
    if spec.picture is not None and array[sample].size == np.prod(spec.picture):
        gray = data_limits(snapshot.dataset) if snapshot.dataset is not None else (0.0, 1.0)
        tiles = picture_tile(spec.rect, array, sample, spec.picture)
        return RowContent(spec, value, array, stale, sample, tiles, source, gray=gray)
    if spec.range_name == "weight":
        tiles = weight_tiles(spec.rect, array)
    else:
        tiles = sample_tiles(spec.rect, array, sample, spec.role in ("prediction", "target"))
    return RowContent(spec, value, array, stale, sample, tiles, source)


def _time_row(
    layer: str, spec: RowSpec, snapshot: Snapshot, plan: Plan, sample: int, old: RowContent | None
) -> RowContent:
    """Return a row with what a layer has computed at each time, the first above."""
    members = time_steps(plan, layer, spec.role)
    real = [plan.resolve(member) for member in members]
    parts: Parts = tuple(snapshot.values.get(value) for value in real)
    stale = bool(snapshot.stale) and any(value in snapshot.stale for value in real)
    present = [part for part in parts if part is not None]
    value = named(layer, spec.role)
    if present:
        sample = min(sample, len(present[0]) - 1)
    same = old is not None and old.spec is spec and (old.stale, old.sample, old.value) == (stale, sample, value)
    if same and old is not None and len(old.parts) == len(parts) and all(map(is_, old.parts, parts)):
        return old
    if not present:
        return RowContent(spec, value, None, stale, sample, parts=parts)
    tiles, holes = time_tiles(spec.rect, parts, members, sample)
    return RowContent(spec, value, np.stack(present, axis=1), stale, sample, tiles, None, parts, holes)


@dataclass(frozen=True, eq=False)
class CardContent:
    """Everything on a card that comes from the snapshot."""

    rows: tuple[RowContent, ...]
    norm: float | None = None
    """The norm in the footer."""
    loss: float | None = None
    loss_stale: bool = False


def card_content(
    layer: str, layout: CardLayout, snapshot: Snapshot, sample: int, old: CardContent | None
) -> CardContent:
    """Return what the card of `layer` shows; `old` itself where nothing has changed."""
    known = old.rows if old is not None and len(old.rows) == len(layout.rows) else (None,) * len(layout.rows)
    rows = tuple(
        row_content(layer, spec, snapshot, sample, before) for spec, before in zip(layout.rows, known, strict=True)
    )
    norm = snapshot.norms.get(snapshot.resolve(Ref(layer, layout.gradient).gradient)) if layout.gradient else None
    loss = snapshot.loss if layout.loss is not None else None
    loss_stale = layout.loss is not None and bool(snapshot.stale) and snapshot.is_stale(Ref(layer, "loss"))
    if (
        old is not None
        and (norm, loss, loss_stale) == (old.norm, old.loss, old.loss_stale)
        and len(old.rows) == len(rows)
        and all(one is other for one, other in zip(rows, old.rows, strict=True))
    ):
        return old
    return CardContent(rows, norm, loss, loss_stale)
