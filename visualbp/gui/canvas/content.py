"""What a card shows of a snapshot: for each of its rows, the numbers as small matrices, and where each number is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from visualbp.core.arrays import Array
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.canvas.geometry import CardLayout, RowSpec
from visualbp.layers import Value

MOST_ROWS, MOST_COLUMNS = 32, 138
"""Larger matrices are shown by every n-th of their numbers: a strip has no more pixels than that."""
MOST_IMAGES = 3
IMAGE_GAP = 4.0


@dataclass(frozen=True, eq=False)
class Tile:
    """A matrix in a rectangle of the card. `rows` and `columns` are the places of its numbers along `tail`'s axes."""

    rect: QRectF
    matrix: Array
    prefix: tuple[int, ...]
    rows: Array | None
    columns: Array
    tail: tuple[int, ...]

    def index(self, row: int, column: int) -> tuple[int, ...]:
        """Return the index, in the value's array, of the number drawn in this cell."""
        place = np.unravel_index(int(self.columns[column]), self.tail) if self.tail else ()
        middle = () if self.rows is None else (int(self.rows[row]),)
        return (*self.prefix, *middle, *(int(i) for i in place))

    def cell_at(self, point: QPointF) -> tuple[int, int]:
        count_rows, count_columns = self.matrix.shape
        row = int((point.y() - self.rect.top()) / self.rect.height() * count_rows)
        column = int((point.x() - self.rect.left()) / self.rect.width() * count_columns)
        return min(max(row, 0), count_rows - 1), min(max(column, 0), count_columns - 1)

    def cell_rect(self, row: int, column: int) -> QRectF:
        count_rows, count_columns = self.matrix.shape
        width, height = self.rect.width() / count_columns, self.rect.height() / count_rows
        return QRectF(self.rect.left() + column * width, self.rect.top() + row * height, width, height)


@dataclass(frozen=True, eq=False)
class RowContent:
    """A row of a card with the numbers in it; `array` is None where nothing has been computed yet."""

    spec: RowSpec
    value: Value
    array: Array | None = None
    stale: bool = False
    sample: int = 0
    tiles: tuple[Tile, ...] = ()
    source: Array | None = None
    """The array of the snapshot that this was made from: the same one means that nothing has changed."""


def value_of(layer: str, role: str, snapshot: Snapshot) -> Value:
    """Return the value that a row of the layer's card stands for."""
    if role == "prediction" and snapshot.plan is not None:
        return snapshot.plan.prediction
    return Value(layer, role)


def row_content(layer: str, spec: RowSpec, snapshot: Snapshot, sample: int, old: RowContent | None) -> RowContent:
    """Return what a row shows now; `old` itself where nothing has changed."""
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
    tiles = _weight_tiles(spec.rect, array) if spec.range_name == "weight" else _sample_tiles(spec.rect, array, sample)
    return RowContent(spec, value, array, stale, sample, tiles, source)


def _thinned(count: int, most: int) -> Array:
    if count <= most:
        return np.arange(count)
    return np.arange(most) * count // most


def _sample_tiles(rect: QRectF, array: Array, sample: int) -> tuple[Tile, ...]:
    """Return one sample of a batch: a vector as a strip, a sequence as a matrix, channels of images side by side."""
    if array.ndim >= 4:
        return _image_tiles(rect, array, sample)
    one = array[sample]
    if one.ndim == 2:
        rows, columns = _thinned(one.shape[0], MOST_ROWS), _thinned(one.shape[1], MOST_COLUMNS)
        return (Tile(rect, one[np.ix_(rows, columns)], (sample,), rows, columns, one.shape[1:]),)
    flat = one.reshape(1, -1)
    columns = _thinned(flat.shape[1], MOST_COLUMNS)
    return (Tile(rect, flat[:, columns], (sample,), None, columns, one.shape),)


def _image_tiles(rect: QRectF, array: Array, sample: int) -> tuple[Tile, ...]:
    images = array[sample].reshape(array.shape[1], array.shape[2], -1)
    count = min(len(images), MOST_IMAGES)
    room = (rect.width() - IMAGE_GAP * (count - 1)) / count
    height, width = rect.height(), rect.height() * images.shape[2] / images.shape[1]
    if width > room:
        height, width = height * room / width, room
    tiles = []
    for channel in range(count):
        place = QRectF(rect.left() + channel * (width + IMAGE_GAP), rect.top(), width, height)
        rows, columns = _thinned(images.shape[1], 64), _thinned(images.shape[2], 64)
        matrix = images[channel][np.ix_(rows, columns)]
        tiles.append(Tile(place, matrix, (sample, channel), rows, columns, array.shape[3:]))
    return tuple(tiles)


def _weight_tiles(rect: QRectF, array: Array) -> tuple[Tile, ...]:
    if array.ndim < 2:
        flat = array.reshape(1, -1)
        columns = _thinned(flat.shape[1], MOST_COLUMNS)
        return (Tile(rect, flat[:, columns], (), None, columns, array.shape),)
    matrix = array.reshape(array.shape[0], -1)
    rows, columns = _thinned(matrix.shape[0], MOST_ROWS), _thinned(matrix.shape[1], MOST_COLUMNS)
    return (Tile(rect, matrix[np.ix_(rows, columns)], (), rows, columns, array.shape[1:]),)


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
    norm = snapshot.norm(layer, layout.gradient) if layout.gradient else None
    loss = snapshot.loss if layout.loss is not None else None
    loss_stale = layout.loss is not None and bool(snapshot.stale) and snapshot.is_stale(Value(layer, "loss"))
    if (
        old is not None
        and (norm, loss, loss_stale) == (old.norm, old.loss, old.loss_stale)
        and len(old.rows) == len(rows)
        and all(one is other for one, other in zip(rows, old.rows, strict=True))
    ):
        return old
    return CardContent(rows, norm, loss, loss_stale)
