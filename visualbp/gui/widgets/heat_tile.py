"""One array as a heat map inside a larger picture: what is drawn where, and which number lies under a point.

A tile is no widget: `HeatMap` shows one, `HeatStrip` many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from visualbp.core.arrays import Array, Shape
from visualbp.core.ref import Ref
from visualbp.gui.axes import place_words
from visualbp.gui.painting import draw_absent, exact_text, number_text, short_text
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import (
    Arrangement,
    Cell,
    CellBlock,
    Grid,
    Sheet,
    cell_rect,
    cells_at,
    numbers_of,
    whole_grid,
)
from visualbp.gui.widgets.shading import Diverging, Shading, image_of, ink_on, peaks
from visualbp.gui.widgets.sheet_words import paint_sheet_words

ABSENT = "not yet computed"
MOST_WRITTEN = 400
"""Cells that may carry their number as text: more would cost time and be noise."""
MOST_CROSSES = 400


@dataclass(frozen=True, eq=False)
class Meaning:
    """What the numbers of an array are: the names of its axes; and, where its second axis puts several values side by
    side, such as the time steps of a recurrent layer, these values."""

    axes: tuple[str, ...] = ()
    members: tuple[Ref, ...] = ()
    hole: str = ABSENT
    """What is said of the cells in `missing`."""
    rows: Array | None = None
    """The row in the data of each sample, where the first axis is that of samples: what a sample is called."""


class HeatTile:
    """An array, how it is shaded, and where it is drawn. `rect` is set by whoever lays tiles out."""

    def __init__(self, value: Ref, label: str = "") -> None:
        self.value, self.label = value, label
        self.rect = QRect()
        self.array: Array | None = None
        self.shape: Shape = ()
        self.shading: Shading = Diverging(1.0)
        self.stale = False
        self.grid: Arrangement = Grid(1, 1)
        self.absent_text = ABSENT
        self.crossed: Array | None = None
        self.missing: Array | None = None
        self.meaning = Meaning()
        self.sample: int | None = None
        """The sample that is marked, where blocks stand for samples."""
        self.cell_text: Callable[[float], str] = number_text
        self._image: QImage | None = None
        self._drawn: tuple[object, ...] = ()

    def show(
        self,
        array: Array | None,
        shading: Shading,
        grid: Arrangement | None = None,
        stale: bool = False,
        crossed: Array | None = None,
        missing: Array | None = None,
        meaning: Meaning | None = None,
    ) -> bool:
        """Take the array to draw (None: absent), its shading, and its arrangement (the whole array if none is given).

        Cells that are True in `crossed` are crossed out; those that are not finite if it is not given. Those that are
        True in `missing` are hatched: not computed yet, or what `meaning` says. Returns whether the picture is another
        one than before. (An array that is the same object has the same numbers.)
        """
        grid = self.grid if array is None else grid or whole_grid(array.shape)
        same = array is self.array and crossed is self.crossed and missing is self.missing
        same = same and (shading, grid, stale) == (self.shading, self.grid, self.stale)
        self.array, self.shading, self.grid, self.stale, self.crossed = array, shading, grid, stale, crossed
        self.missing, self.meaning = missing, meaning or self.meaning
        if array is not None:
            self.shape = array.shape
        if not same:
            self._image = None
        return not same

    # -- painting ----------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, in_words: bool = True, exposed: QRect | None = None) -> None:
        """Draw the heat map as far as it is `exposed`, or the hatching of what is not there, `in_words` too."""
        rect = QRectF(self.rect)
        if self.array is None or not self.array.size or rect.width() < 1 or rect.height() < 1:
            draw_absent(painter, rect, self.absent_text if in_words else "")
            return
        blocks = self.grid.blocks(self.rect, self.rect if exposed is None else exposed & self.rect)
        if not blocks:
            return
        image = self._rendered(blocks)
        rows, columns = image.height() // len(blocks), image.width()
        if self.missing is not None:
            for block in blocks:
                draw_absent(painter, QRectF(block.rect))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        if self.stale:
            painter.setOpacity(0.42)
        for number, block in enumerate(blocks):
            painter.drawImage(block.rect, image, QRect(0, number * rows, columns, rows))
        if self.grid.gaps:
            self._paint_gaps(painter, blocks, rows, columns)
        painter.restore()
        if (rows, columns) == (blocks[0].rows, blocks[0].columns):
            self._paint_numbers(painter, blocks)
        self._paint_crosses(painter, blocks)
        if isinstance(self.grid, Sheet):
            paint_sheet_words(painter, self.grid, self.rect, blocks, self.sample, self.meaning.rows)

    def _rendered(self, blocks: list[CellBlock]) -> QImage:
        """Return the blocks as one image, below each other, drawn anew only when something in it has changed."""
        first = blocks[0]
        key = (
            id(self.array),
            id(self.crossed),
            id(self.missing),
            self.shading,
            self.grid,
            (first.offset, len(blocks), first.rect.size().toTuple()),
            theme().palette.name,
        )
        if self._image is None or self._drawn != key:
            assert self.array is not None
            numbers, missing = numbers_of(blocks, self.array)
            absent = self.missing
            if absent is not None:
                missing = numbers_of(blocks, absent)[0].astype(bool)
            if missing is None:
                numbers = peaks(numbers, first.rect.height(), first.rect.width())
            shape = numbers.shape
            flat = numbers.reshape(-1, shape[-1])
            blank = None if missing is None else missing.reshape(flat.shape)
            self._image, self._drawn = image_of(flat, self.shading, blank), key
            crossed = self._crossed_cells(blocks, numbers)
            self._wrong = np.argwhere(crossed if missing is None else crossed & ~missing.reshape(shape))[:MOST_CROSSES]
            self._shown_shape = shape[1:]
        return self._image

    def _crossed_cells(self, blocks: list[CellBlock], shown: Array) -> Array:
        if self.crossed is None:
            return ~np.isfinite(shown)
        cells, _ = numbers_of(blocks, self.crossed)
        return peaks(cells.astype(float), *shown.shape[1:]) > 0

    @staticmethod
    def _edges(start: int, length: int, count: int) -> np.ndarray:
        return start + np.rint(np.arange(count + 1) * (length / count)).astype(int)

    def _paint_gaps(self, painter: QPainter, blocks: list[CellBlock], rows: int, columns: int) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(theme().color("panel"), 1))
        size = blocks[0].rect
        wide, high = size.width() / columns >= 5, size.height() / rows >= 5
        for block in blocks:
            rect = block.rect
            if wide and (high or rows == 1):
                for x in self._edges(rect.left(), rect.width(), columns)[1:-1]:
                    painter.drawLine(int(x), rect.top(), int(x), rect.bottom())
            if high and (wide or columns == 1):
                for y in self._edges(rect.top(), rect.height(), rows)[1:-1]:
                    painter.drawLine(rect.left(), int(y), rect.right(), int(y))

    def _paint_numbers(self, painter: QPainter, blocks: list[CellBlock]) -> None:
        """Write each number into its cell, where every cell has room for it."""
        first = blocks[0]
        width, height = first.rect.width() / first.columns, first.rect.height() / first.rows
        size = 10.5 if width < theme().px(84) else 12
        font = theme().font(size, mono=True)
        if len(blocks) * first.rows * first.columns > MOST_WRITTEN or height < theme().px(13):
            return
        painter.save()
        painter.setFont(font)
        if painter.fontMetrics().horizontalAdvance("−0.0000") + 6 <= width:
            for number, block in enumerate(blocks):
                self._write_block(painter, block, number * first.rows, size)
        painter.restore()

    def _write_block(self, painter: QPainter, block: CellBlock, image_row: int, size: float) -> None:
        assert self.array is not None and self._image is not None
        end = block.offset + block.rows * block.columns - block.blank
        flat = self.array.reshape(-1)[block.offset : end]
        missing = None if self.missing is None else self.missing.reshape(-1)[block.offset : end]
        xs = self._edges(block.rect.left(), block.rect.width(), block.columns)
        ys = self._edges(block.rect.top(), block.rect.height(), block.rows)
        for place, number in enumerate(flat):
            if missing is not None and missing[place]:
                continue
            row, column = divmod(place, block.columns)
            box = QRectF(xs[column], ys[row], xs[column + 1] - xs[column], ys[row + 1] - ys[row])
            ink = ink_on(QColor.fromRgb(self._image.pixel(column, image_row + row)))
            painter.setPen(theme().color("dim") if self.stale else ink)
            text = self.cell_text(float(number))
            if theme().advance(text, size, mono=True) > box.width() - 2:
                text = short_text(float(number))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_crosses(self, painter: QPainter, blocks: list[CellBlock]) -> None:
        """Cross out what is not finite: a mark as well as a colour."""
        if not len(self._wrong):
            return
        rows, columns = self._shown_shape
        size = blocks[0].rect
        width, height = size.width() / columns, size.height() / rows
        if (
            width < 4
            or height < 4
            or (width > theme().px(56) and height > theme().px(13) and rows * columns < MOST_WRITTEN)
        ):
            return  # too small for a cross, or large enough for the word itself
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(theme().color("on_accent"), 1.2))
        for number, row, column in self._wrong:
            rect = blocks[number].rect
            cell = QRectF(rect.left() + column * width, rect.top() + row * height, width, height)
            side = min(width, height) * 0.5
            inner = QRectF(0, 0, side, side)
            inner.moveCenter(cell.center())
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
        painter.restore()

    def paint_outline(self, painter: QPainter, cell: Cell, color: QColor) -> None:
        """Outline one cell."""
        box = self.cell_rect(cell)
        if box is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(color, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        least = float(theme().px(5))
        grown = QRectF(0, 0, max(least, box.width()), max(least, box.height()))
        grown.moveCenter(box.center())
        painter.drawRoundedRect(grown.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
        painter.restore()

    # -- which number is where ---------------------------------------------------------------------------------------

    def cell_rect(self, cell: Cell) -> QRectF | None:
        """Return where a cell is drawn, or None if there is no such cell."""
        if self.array is None or self.grid.flat(cell) is None:
            return None
        return cell_rect(self.grid.block_of(cell, self.rect), cell)

    def cell_at(self, point: QPointF) -> Cell | None:
        """Return the cell under a point. Where several share a pixel it is the one that is seen: the largest."""
        if self.array is None or not self.array.size or not QRectF(self.rect).contains(point):
            return None
        block = self.grid.block_at(point, self.rect)
        if block is None:
            return None
        rows, columns = cells_at(block, point)
        row, column = rows.start, columns.start
        if len(rows) > 1 or len(columns) > 1:
            shared = numbers_of([block], self.array)[0][0, rows.start : rows.stop, columns.start : columns.stop]
            size = np.where(np.isnan(shared), np.inf, np.abs(shared))
            down, right = divmod(int(size.argmax()), shared.shape[1])
            row, column = row + down, column + right
        cell = block.first[0] + row, block.first[1] + column
        return cell if self.grid.flat(cell) is not None else None

    def index_of(self, cell: Cell) -> tuple[int, ...] | None:
        """Return the index in the array of a cell's number."""
        flat = self.grid.flat(cell)
        if flat is None or self.array is None:
            return None
        return tuple(int(i) for i in np.unravel_index(flat, self.array.shape)) if self.array.ndim else ()

    def cell_of(self, index: tuple[int, ...]) -> Cell | None:
        """Return the cell that shows the number at `index`, or None if it is not shown."""
        if self.array is None or len(index) != self.array.ndim:
            return None
        if any(not 0 <= i < length for i, length in zip(index, self.array.shape, strict=True)):
            return None
        return self.grid.cell_of(int(np.ravel_multi_index(index, self.array.shape)) if index else 0)

    def number(self, cell: Cell) -> float | None:
        """Return the number in a cell, or None where there is none."""
        flat = self.grid.flat(cell)
        return None if flat is None or self.array is None else float(self.array.reshape(-1)[flat])

    def is_missing(self, cell: Cell) -> bool:
        """Whether a cell's number has not been computed yet, while others have."""
        flat = self.grid.flat(cell)
        return self.missing is not None and flat is not None and bool(self.missing.reshape(-1)[flat])

    def located(self, index: tuple[int, ...]) -> tuple[Ref, tuple[int, ...]]:
        """Return the value, and the index in it, of what the array has at `index`."""
        if not self.meaning.members:
            return self.value, index
        return self.meaning.members[index[1]], (index[0], *index[2:])

    def cell_of_number(self, value: Ref, index: tuple[int, ...]) -> Cell | None:
        """Return the cell that shows a number of a value, or None if none does."""
        if value == self.value:
            return self.cell_of(index)
        members = self.meaning.members
        if value not in members or not index:
            return None
        return self.cell_of((index[0], members.index(value), *index[1:]))

    def describe(self, cell: Cell) -> str:
        """Return name, index, exact value and the place in words, for hovering and screen readers."""
        index, number = self.index_of(cell), self.number(cell)
        if index is None or number is None:
            return ""
        value, own = self.located(index)
        rows = self.meaning.rows
        if rows is not None and index[0] < len(rows):  # the sample is said in words, by its row in the data
            own, index = own[1:], (int(rows[index[0]]), *index[1:])
        place = f"[{', '.join(map(str, own))}]" if own else ""
        said = f": {self.meaning.hole}" if self.is_missing(cell) else f" = {exact_text(number)}"
        outdated = "  (outdated)" if self.stale else ""
        words = place_words(self.meaning.axes, index)
        return f"{value.text}{place}{said}{outdated}" + (f"\n{words}" if words else "")

    def copy_text(self) -> str:
        """Return the numbers that are shown, exact, tab-separated, one line for each row."""
        if self.array is None:
            return ""
        flat = self.array.reshape(-1)
        return "\n".join(
            "\t".join(exact_text(number) for number in flat[run.start : run.stop]) for run in self.grid.runs()
        )
