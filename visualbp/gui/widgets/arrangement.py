"""Which number of an array lies where in a picture: one grid of cells, or a sheet of blocks such as channel images.

An arrangement knows cells, a row and a column each, counted over the whole picture; flat places in the array; and,
given the rectangle that it is drawn in, pixels. It knows neither numbers nor colours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.gui.widgets.shading import bounds_of

Cell = tuple[int, int]


@dataclass(frozen=True)
class CellBlock:
    """A matrix of cells that is drawn in one piece: where, from which flat place on, and its first cell's place.

    The cells at its end that have no number are `blank`.
    """

    rect: QRect
    offset: int
    rows: int
    columns: int
    first: Cell = (0, 0)
    blank: int = 0


@dataclass(frozen=True)
class Grid:
    """One block that fills the picture: `rows` x `columns` cells, row by row from the flat place `offset`.

    The cells at the end that have no number are `blank`.
    """

    rows: int
    columns: int
    offset: int = 0
    blank: int = 0
    gaps = True
    """Whether cells are set apart by fine lines where there is room."""

    @property
    def count(self) -> int:
        """How many cells have a number."""
        return self.rows * self.columns - self.blank

    def flat(self, cell: Cell) -> int | None:
        """Return the flat place of a cell's number, or None where there is none."""
        row, column = cell
        place = row * self.columns + column
        inside = 0 <= row < self.rows and 0 <= column < self.columns and place < self.count
        return self.offset + place if inside else None

    def cell_of(self, flat: int) -> Cell | None:
        """Return the cell of a flat place, or None if it is not shown."""
        place = flat - self.offset
        return divmod(place, self.columns) if 0 <= place < self.count else None

    def blocks(self, rect: QRect, exposed: QRect) -> list[CellBlock]:
        """Return what is drawn in `rect`, where `exposed` is seen."""
        return [CellBlock(rect, self.offset, self.rows, self.columns, blank=self.blank)]

    def block_of(self, cell: Cell, rect: QRect) -> CellBlock:
        """Return the block that a cell is in."""
        return CellBlock(rect, self.offset, self.rows, self.columns, blank=self.blank)

    def block_at(self, point: QPointF, rect: QRect) -> CellBlock | None:
        """Return the block at a point, or None beside the picture."""
        return self.block_of((0, 0), rect) if QRectF(rect).contains(point) else None

    def runs(self) -> Iterable[range]:
        """Return the flat places line by line, as they are copied."""
        end = self.offset + self.count
        return (range(at, min(at + self.columns, end)) for at in range(self.offset, end, self.columns))


@dataclass(frozen=True)
class Sheet:
    """Blocks of equal size, one after the other in the array, `across` of them beside each other.

    They are in `groups`, below each other, of `members` blocks each, such as the channels of each sample. Lengths are
    in pixels: `left` and `top` are free for words, `caption` is above each block.
    """

    groups: int
    members: int
    block_rows: int
    block_columns: int
    across: int
    width: int
    """Of a block."""
    height: int
    offset: int = 0
    left: int = 0
    top: int = 0
    gap: int = 3
    group_gap: int = 3
    caption: int = 0
    gaps: bool = False
    member_word: str = ""
    """What the blocks of a group are: `channel`, `head`."""
    of_samples: bool = False
    """Whether the blocks of the only group are the places of the array's first axis, such as samples."""
    row_word: str = ""
    column_word: str = ""
    """What the rows and the columns of a block are, written at the edges of the picture."""

    @property
    def lines(self) -> int:
        """How many lines of blocks a group has."""
        return -(-self.members // self.across)

    @property
    def rows(self) -> int:
        """How many rows of cells there are, over all groups."""
        return self.groups * self.lines * self.block_rows

    @property
    def columns(self) -> int:
        """How many columns of cells there are, over the blocks beside each other."""
        return min(self.across, self.members) * self.block_columns

    @property
    def count(self) -> int:
        """How many cells have a number; blocks that are missing in a last line have none."""
        return self.groups * self.members * self.block_rows * self.block_columns

    @property
    def block_size(self) -> int:
        """How many cells a block has."""
        return self.block_rows * self.block_columns

    @property
    def pixel_width(self) -> int:
        """How wide the sheet is, with what is free at the left."""
        return self.left + min(self.across, self.members) * (self.width + self.gap) - self.gap

    @property
    def _line_height(self) -> int:
        return self.caption + self.height + self.gap

    @property
    def _group_height(self) -> int:
        return self.lines * self._line_height - self.gap + self.group_gap

    @property
    def pixel_height(self) -> int:
        """How high the sheet is, with what is free at the top."""
        return self.top + self.groups * self._group_height - self.group_gap

    def flat(self, cell: Cell) -> int | None:
        """Return the flat place of a cell's number, or None where there is none."""
        row, column = cell
        if not (0 <= row < self.rows and 0 <= column < self.columns):
            return None
        line, row = divmod(row, self.block_rows)
        place, column = divmod(column, self.block_columns)
        group, line = divmod(line, self.lines)
        member = line * self.across + place
        if member >= self.members:
            return None
        block = group * self.members + member
        return self.offset + block * self.block_size + row * self.block_columns + column

    def cell_of(self, flat: int) -> Cell | None:
        """Return the cell of a flat place, or None if it is not shown."""
        place = flat - self.offset
        if not 0 <= place < self.count:
            return None
        block, place = divmod(place, self.block_size)
        first = self._first(block)
        row, column = divmod(place, self.block_columns)
        return first[0] + row, first[1] + column

    def _first(self, block: int) -> Cell:
        group, member = divmod(block, self.members)
        line, place = divmod(member, self.across)
        return (group * self.lines + line) * self.block_rows, place * self.block_columns

    def block(self, number: int, rect: QRect) -> CellBlock:
        """Return a block by its number."""
        group, member = divmod(number, self.members)
        line, place = divmod(member, self.across)
        x = rect.left() + self.left + place * (self.width + self.gap)
        y = rect.top() + self.top + group * self._group_height + line * self._line_height + self.caption
        offset = self.offset + number * self.block_size
        where = QRect(x, y, self.width, self.height)
        return CellBlock(where, offset, self.block_rows, self.block_columns, self._first(number))

    def blocks(self, rect: QRect, exposed: QRect) -> list[CellBlock]:
        """Return the blocks of the lines that are seen, in the array's order and without a hole."""
        first = self._line_at(exposed.top() - rect.top() - self.top)
        last = self._line_at(exposed.bottom() - rect.top() - self.top)
        numbers = range(self._number_of(first), self._number_of(last + 1))
        return [self.block(number, rect) for number in numbers]

    def _line_at(self, y: int) -> int:
        """Return the line, counted over all groups, at or above a distance from the top of the blocks."""
        group, rest = divmod(max(0, y), max(1, self._group_height))
        return min(group * self.lines + min(rest // self._line_height, self.lines - 1), self.groups * self.lines - 1)

    def _number_of(self, line: int) -> int:
        """Return the number of the first block of a line."""
        group, line = divmod(line, self.lines)
        return min(group * self.members + line * self.across, self.groups * self.members)

    def block_of(self, cell: Cell, rect: QRect) -> CellBlock:
        """Return the block that a cell is in."""
        flat = self.flat(cell)
        assert flat is not None
        return self.block((flat - self.offset) // self.block_size, rect)

    def block_at(self, point: QPointF, rect: QRect) -> CellBlock | None:
        """Return the block at a point, or None between blocks and beside them."""
        y = int(point.y() - rect.top() - self.top)
        line = self._line_at(y)
        place = int((point.x() - rect.left() - self.left) // (self.width + self.gap))
        group, inner = divmod(line, self.lines)
        member = inner * self.across + place
        if y < 0 or not 0 <= place < self.across or member >= self.members:
            return None
        found = self.block(group * self.members + member, rect)
        return found if QRectF(found.rect).contains(point) else None

    def runs(self) -> Iterable[range]:
        """Return the flat places line by line, as they are copied."""
        end = self.offset + self.count
        return (range(at, at + self.block_columns) for at in range(self.offset, end, self.block_columns))


Arrangement = Grid | Sheet


def whole_grid(shape: Shape) -> Grid:
    """Return the grid of a whole array: the first axis as rows, or one row for a vector."""
    size = size_of(shape)
    rows = shape[0] if len(shape) > 1 else 1
    return Grid(rows, max(1, size // max(1, rows)))


def sample_grid(shape: Shape, sample: int, width: int, height: int) -> Grid:
    """Return the grid of one sample of a batch (B, *sample shape), arranged to fit a picture of this size.

    A sample that is a picture (C, H, W) keeps its rows; a vector that is too long for one row of visible cells is
    wrapped so that cells are about as wide as high.
    """
    inner = shape[1:]
    size = size_of(inner)
    offset = sample * size
    if len(inner) >= 2:
        return Grid(size // inner[-1], inner[-1], offset)
    if size * 9 <= width or size <= 1:
        return Grid(1, max(1, size), offset)
    columns = int(np.clip(round(np.sqrt(size * width / max(1, height))), 1, size))
    rows = -(-size // columns)
    return Grid(rows, columns, offset, rows * columns - size)


def cell_rect(block: CellBlock, cell: Cell) -> QRectF:
    """Return where a cell of a block is drawn."""
    row, column = cell[0] - block.first[0], cell[1] - block.first[1]
    left, right = (block.rect.left() + block.rect.width() * c / block.columns for c in (column, column + 1))
    top, bottom = (block.rect.top() + block.rect.height() * r / block.rows for r in (row, row + 1))
    return QRectF(QPointF(left, top), QPointF(right, bottom))


def cells_at(block: CellBlock, point: QPointF) -> tuple[range, range]:
    """Return the rows and columns, within a block, that are drawn at a pixel: several where they share it."""
    y, x = point.y() - block.rect.top(), point.x() - block.rect.left()
    return _run(block.rows, block.rect.height(), y), _run(block.columns, block.rect.width(), x)


def numbers_of(blocks: list[CellBlock], array: Array) -> tuple[Array, np.ndarray | None]:
    """Return the numbers of blocks that follow each other, (blocks, rows, columns), and which cells are blank."""
    first = blocks[0]
    size = first.rows * first.columns
    flat = array.reshape(-1)[first.offset : first.offset + len(blocks) * size - first.blank]
    shape = len(blocks), first.rows, first.columns
    if not first.blank:
        return flat.reshape(shape), None
    padded = np.zeros(len(blocks) * size, array.dtype)
    padded[: len(flat)] = flat
    return padded.reshape(shape), (np.arange(len(padded)) >= len(flat)).reshape(shape)


def _run(count: int, length: int, place: float) -> range:
    """Return the cells, of `count` along `length` pixels, that are drawn at the pixel `place`."""
    if count <= max(1, length):
        cell = min(count - 1, max(0, int(place * count / length)))
        return range(cell, cell + 1)
    starts = bounds_of(count, length)
    run = min(len(starts) - 1, max(0, int(place * len(starts) / length)))
    stop = int(starts[run + 1]) if run + 1 < len(starts) else count
    return range(int(starts[run]), stop)
