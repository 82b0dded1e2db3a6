"""The small matrices on a card: where each lies, and which number of which value each of its cells is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from visualbp.core.arrays import Array, Shape
from visualbp.core.ref import Ref

MOST_ROWS, MOST_COLUMNS = 32, 138
"""Larger matrices are shown by every n-th of their numbers: a strip has no more pixels than that."""
MOST_SAMPLES = 5
"""Of a batch of at most so many vectors all are shown."""
MOST_BLOCKS, MOST_SIDE = 48, 64
"""Pictures in a row of a card, and the pixels of a side of one."""
SMALLEST_BLOCK, BLOCK_GAP = 7.0, 3.0


@dataclass(frozen=True, eq=False)
class Tile:
    """A matrix in a rectangle of the card. `rows` and `columns` are the places of its numbers along `tail`'s axes."""

    rect: QRectF
    matrix: Array
    prefix: tuple[int, ...]
    rows: Array | None
    columns: Array
    tail: tuple[int, ...]
    wrapped: int = 0
    """After how many of `columns` a new row begins, where a vector is wrapped."""
    members: tuple[Ref, ...] = ()
    """The values that its rows are of, where each row is a value of its own: the time steps of a recurrent layer."""

    def index(self, row: int, column: int) -> tuple[int, ...]:
        """Return the index, in the value's array, of the number drawn in this cell."""
        flat = int(self.columns[row * self.wrapped + column])
        place = np.unravel_index(flat, self.tail) if self.tail else ()
        middle = () if self.rows is None else (int(self.rows[row]),)
        return (*self.prefix, *middle, *(int(i) for i in place))

    def cell_at(self, point: QPointF) -> tuple[int, int]:
        """Return row and column at a point; outside the tile, the nearest."""
        count_rows, count_columns = self.matrix.shape
        row = int((point.y() - self.rect.top()) / self.rect.height() * count_rows)
        column = int((point.x() - self.rect.left()) / self.rect.width() * count_columns)
        return min(max(row, 0), count_rows - 1), min(max(column, 0), count_columns - 1)

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Return where a cell is drawn."""
        count_rows, count_columns = self.matrix.shape
        width, height = self.rect.width() / count_columns, self.rect.height() / count_rows
        return QRectF(self.rect.left() + column * width, self.rect.top() + row * height, width, height)


def thinned(count: int, most: int) -> Array:
    """Return the places of at most `most` of `count`, evenly."""
    return np.arange(count) if count <= most else np.arange(most) * count // most


def fitted(rect: QRectF, count: int, rows: int, columns: int) -> list[QRectF]:
    """Return the places of as many of `count` pictures as can be told apart, as large as they fit into `rect`."""
    best = (0.0, 1, 1)
    for lines in range(1, count + 1):
        across = -(-count // lines)
        wide = (rect.width() - BLOCK_GAP * (across - 1)) / (across * columns)
        high = (rect.height() - BLOCK_GAP * (lines - 1)) / (lines * rows)
        best = max(best, (min(wide, high), across, lines))
        if wide >= high:
            break
    cell, across, lines = best
    least = SMALLEST_BLOCK / max(rows, columns)
    if cell < least:
        cell = least
        across = max(1, int((rect.width() + BLOCK_GAP) // (cell * columns + BLOCK_GAP)))
        lines = max(1, int((rect.height() + BLOCK_GAP) // (cell * rows + BLOCK_GAP)))
    width, height = min(cell * columns, rect.width()), min(cell * rows, rect.height())
    places = [
        QRectF(rect.left() + x * (width + BLOCK_GAP), rect.top() + y * (height + BLOCK_GAP), width, height)
        for y in range(lines)
        for x in range(across)
    ]
    return places[: min(count, MOST_BLOCKS)]


def block_tiles(rect: QRectF, blocks: Array, prefix: tuple[int, ...] = ()) -> tuple[Tile, ...]:
    """Return pictures (..., rows, columns), as many as can be told apart; `prefix` leads to them in the whole array."""
    leading: Shape = blocks.shape[:-2]
    flat = blocks.reshape(-1, *blocks.shape[-2:])
    rows, columns = thinned(flat.shape[1], MOST_SIDE), thinned(flat.shape[2], MOST_SIDE)
    tiles = []
    for number, place in enumerate(fitted(rect, *flat.shape)):
        own = tuple(int(i) for i in np.unravel_index(number, leading))
        tiles.append(Tile(place, flat[number][np.ix_(rows, columns)], (*prefix, *own), rows, columns, flat.shape[2:]))
    return tuple(tiles)


def sample_tiles(rect: QRectF, array: Array, sample: int, single: bool) -> tuple[Tile, ...]:
    """Return one sample of a batch: a vector as a strip, a sequence with time downwards, channels or heads as pictures.

    Of a batch of a few vectors all are shown, a row each, unless a `single` one is wanted.
    """
    if array.ndim >= 4:
        return block_tiles(rect, array[sample], (sample,))
    one = array[sample]
    if one.ndim == 2:
        rows, columns = thinned(one.shape[0], MOST_ROWS), thinned(one.shape[1], MOST_COLUMNS)
        return (Tile(rect, one[np.ix_(rows, columns)], (sample,), rows, columns, one.shape[1:]),)
    if array.ndim == 2 and 1 < len(array) <= MOST_SAMPLES and not single:
        columns = thinned(array.shape[1], MOST_COLUMNS)
        return (Tile(rect, array[:, columns], (), np.arange(len(array)), columns, one.shape),)
    flat = one.reshape(1, -1)
    columns = thinned(flat.shape[1], MOST_COLUMNS)
    return (Tile(rect, flat[:, columns], (sample,), None, columns, one.shape),)


def weight_tiles(rect: QRectF, array: Array) -> tuple[Tile, ...]:
    """Return a parameter: a matrix with units as rows, filters as pictures of each of their channels."""
    if array.ndim >= 3:
        return block_tiles(rect, array)
    if array.ndim < 2:
        flat = array.reshape(1, -1)
        columns = thinned(flat.shape[1], MOST_COLUMNS)
        return (Tile(rect, flat[:, columns], (), None, columns, array.shape),)
    rows, columns = thinned(array.shape[0], MOST_ROWS), thinned(array.shape[1], MOST_COLUMNS)
    return (Tile(rect, array[np.ix_(rows, columns)], (), rows, columns, array.shape[1:]),)


def picture_tile(rect: QRectF, array: Array, sample: int, shape: Shape) -> tuple[Tile, ...]:
    """Return a sample of data that are pictures, (channels, height, width), as one picture; colours have the index of
    their first channel."""
    (place,) = fitted(rect, 1, *shape[1:])
    inner, height, width = array.shape[1:], shape[1], shape[2]
    matrix = array[sample].reshape(shape)[0]
    if len(inner) == 1:
        return (Tile(place, matrix, (sample,), None, np.arange(height * width), inner, wrapped=width),)
    lead = (0,) * (len(inner) - 2)
    return (Tile(place, matrix, (sample, *lead), np.arange(height), np.arange(width), inner[-1:]),)


def time_tiles(
    rect: QRectF, parts: tuple[Array | None, ...], members: tuple[Ref, ...], sample: int
) -> tuple[tuple[Tile, ...], tuple[QRectF, ...]]:
    """Return one sample of values at each time, downwards, and the places of those that have not been computed yet."""
    places = thinned(len(parts), MOST_ROWS).tolist()
    height = rect.height() / len(places)
    tiles: list[Tile] = []
    holes: list[QRectF] = []
    start = 0
    for end in range(1, len(places) + 1):
        absent = parts[places[start]] is None
        if end < len(places) and (parts[places[end]] is None) == absent:
            continue
        here = QRectF(rect.left(), rect.top() + start * height, rect.width(), (end - start) * height)
        run = [parts[place] for place in places[start:end]]
        if absent:
            holes.append(here)
        else:
            matrix = np.stack([part[sample] for part in run if part is not None])
            columns = thinned(matrix.shape[1], MOST_COLUMNS)
            own = tuple(members[place] for place in places[start:end])
            tiles.append(Tile(here, matrix[:, columns], (sample,), None, columns, matrix.shape[1:], members=own))
        start = end
    return tuple(tiles), tuple(holes)
