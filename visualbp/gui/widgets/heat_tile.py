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
from visualbp.gui.painting import draw_absent, exact_text, number_text
from visualbp.gui.theme import theme
from visualbp.gui.widgets.shading import Diverging, Shading, bounds_of, image_of, ink_on, peaks
from visualbp.layers import Value

ABSENT = "not yet computed"
MOST_WRITTEN = 400
"""Cells that may carry their number as text: more would cost time and be noise."""
MOST_CROSSES = 400

Cell = tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """Which numbers of an array lie where: `rows` x `columns` cells, row by row from the flat place `offset`.

    The cells at the end that have no number are `blank`.
    """

    rows: int
    columns: int
    offset: int = 0
    blank: int = 0

    @property
    def count(self) -> int:
        return self.rows * self.columns - self.blank

    def flat(self, cell: Cell) -> int | None:
        """Return the flat place of a cell's number, or None where there is none."""
        row, column = cell
        place = row * self.columns + column
        inside = 0 <= row < self.rows and 0 <= column < self.columns and place < self.count
        return self.offset + place if inside else None

    def matrix(self, array: Array) -> tuple[Array, np.ndarray | None]:
        """Return the numbers as a matrix, and which of its cells are blank."""
        flat = array.reshape(-1)[self.offset : self.offset + self.count]
        if not self.blank:
            return flat.reshape(self.rows, self.columns), None
        padded = np.zeros(self.rows * self.columns)
        padded[: self.count] = flat
        missing = np.arange(len(padded)) >= self.count
        return padded.reshape(self.rows, self.columns), missing.reshape(self.rows, self.columns)


def whole_grid(shape: Shape) -> Grid:
    """Return the grid of a whole array: the first axis as rows, or one row for a vector."""
    size = int(np.prod(shape, dtype=np.int64))
    rows = shape[0] if len(shape) > 1 else 1
    return Grid(rows, max(1, size // max(1, rows)))


def sample_grid(shape: Shape, sample: int, width: int, height: int) -> Grid:
    """Return the grid of one sample of a batch (B, *sample shape), arranged to fit a picture of this size.

    A sample that is a picture (C, H, W) keeps its rows; a vector that is too long for one row of visible cells is
    wrapped so that cells are about as wide as high.
    """
    inner = shape[1:]
    size = int(np.prod(inner, dtype=np.int64))
    offset = sample * size
    if len(inner) >= 2:
        return Grid(size // inner[-1], inner[-1], offset)
    if size * 9 <= width or size <= 1:
        return Grid(1, max(1, size), offset)
    columns = int(np.clip(round(np.sqrt(size * width / max(1, height))), 1, size))
    rows = -(-size // columns)
    return Grid(rows, columns, offset, rows * columns - size)


class HeatTile:
    """An array, how it is shaded, and where it is drawn. `rect` is set by whoever lays tiles out."""

    def __init__(self, value: Value, label: str = "") -> None:
        self.value, self.label = value, label
        self.rect = QRect()
        self.array: Array | None = None
        self.shape: Shape = ()
        self.shading: Shading = Diverging(1.0)
        self.stale = False
        self.grid = Grid(1, 1)
        self.absent_text = ABSENT
        self.crossed: Array | None = None
        self.cell_text: Callable[[float], str] = number_text
        self._image: QImage | None = None
        self._drawn: tuple[object, ...] = ()

    def show(
        self,
        array: Array | None,
        shading: Shading,
        grid: Grid | None = None,
        stale: bool = False,
        crossed: Array | None = None,
    ) -> bool:
        """Take the array to draw (None: absent), its shading, and its grid (the whole array if none is given).

        Cells that are True in `crossed` are crossed out; those that are not finite if it is not given. Returns whether
        the picture is another one than before. (An array that is the same object has the same numbers.)
        """
        grid = self.grid if array is None else grid or whole_grid(array.shape)
        same = array is self.array and crossed is self.crossed
        same = same and (shading, grid, stale) == (self.shading, self.grid, self.stale)
        self.array, self.shading, self.grid, self.stale, self.crossed = array, shading, grid, stale, crossed
        if array is not None:
            self.shape = array.shape
        if not same:
            self._image = None
        return not same

    # -- painting ----------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, in_words: bool = True) -> None:
        """Draw the heat map, or the hatching of what is not there, `in_words` too."""
        rect = QRectF(self.rect)
        if self.array is None or not self.array.size or rect.width() < 1 or rect.height() < 1:
            draw_absent(painter, rect, self.absent_text if in_words else "")
            return
        image = self._rendered()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        if self.stale:
            painter.setOpacity(0.42)
        painter.drawImage(self.rect, image)
        self._paint_gaps(painter, image.height(), image.width())
        painter.restore()
        if image.height() == self.grid.rows and image.width() == self.grid.columns:
            self._paint_numbers(painter)
        self._paint_crosses(painter)

    def _rendered(self) -> QImage:
        """Return the image, drawn anew only when something in it has changed."""
        key = (
            id(self.array),
            id(self.crossed),
            self.shading,
            self.grid,
            self.rect.size().toTuple(),
            theme().palette.name,
        )
        if self._image is None or self._drawn != key:
            assert self.array is not None
            matrix, missing = self.grid.matrix(self.array)
            if missing is None:
                matrix = peaks(matrix, self.rect.height(), self.rect.width())
            self._image, self._drawn = image_of(matrix, self.shading, missing), key
            self._wrong = np.argwhere(self._crossed_cells(matrix))[:MOST_CROSSES]
            self._shown_shape = matrix.shape
        return self._image

    def _crossed_cells(self, shown: Array) -> Array:
        if self.crossed is None:
            return ~np.isfinite(shown)
        cells, _ = self.grid.matrix(self.crossed)
        return peaks(cells.astype(float), *shown.shape) > 0

    def _edges(self, count: int, horizontal: bool) -> np.ndarray:
        start, length = (self.rect.left(), self.rect.width()) if horizontal else (self.rect.top(), self.rect.height())
        return start + np.rint(np.arange(count + 1) * (length / count)).astype(int)

    def _paint_gaps(self, painter: QPainter, rows: int, columns: int) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(theme().color("panel"), 1))
        wide, high = self.rect.width() / columns >= 5, self.rect.height() / rows >= 5
        if wide and (high or rows == 1):
            for x in self._edges(columns, True)[1:-1]:
                painter.drawLine(int(x), self.rect.top(), int(x), self.rect.bottom())
        if high and (wide or columns == 1):
            for y in self._edges(rows, False)[1:-1]:
                painter.drawLine(self.rect.left(), int(y), self.rect.right(), int(y))

    def _paint_numbers(self, painter: QPainter) -> None:
        """Write each number into its cell, where every cell has room for it."""
        grid = self.grid
        width, height = self.rect.width() / grid.columns, self.rect.height() / grid.rows
        size = 10.5 if width < theme().px(84) else 12
        font = theme().font(size, mono=True)
        if grid.count > MOST_WRITTEN or height < theme().px(13):
            return
        painter.save()
        painter.setFont(font)
        if painter.fontMetrics().horizontalAdvance("−0.0000") + 6 <= width:
            assert self.array is not None and self._image is not None
            flat = self.array.reshape(-1)[grid.offset : grid.offset + grid.count]
            xs, ys = self._edges(grid.columns, True), self._edges(grid.rows, False)
            for place, number in enumerate(flat):
                row, column = divmod(place, grid.columns)
                box = QRectF(xs[column], ys[row], xs[column + 1] - xs[column], ys[row + 1] - ys[row])
                ink = ink_on(QColor.fromRgb(self._image.pixel(column, row)))
                painter.setPen(theme().color("dim") if self.stale else ink)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.cell_text(float(number)))
        painter.restore()

    def _paint_crosses(self, painter: QPainter) -> None:
        """Cross out what is not finite: a mark as well as a colour."""
        if not len(self._wrong):
            return
        rows, columns = self._shown_shape
        width, height = self.rect.width() / columns, self.rect.height() / rows
        if (
            width < 4
            or height < 4
            or (width > theme().px(56) and height > theme().px(13) and rows * columns < MOST_WRITTEN)
        ):
            return  # too small for a cross, or large enough for the word itself
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(theme().color("on_accent"), 1.2))
        for row, column in self._wrong:
            cell = QRectF(self.rect.left() + column * width, self.rect.top() + row * height, width, height)
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
        row, column = cell
        left, right = (self.rect.left() + self.rect.width() * c / self.grid.columns for c in (column, column + 1))
        top, bottom = (self.rect.top() + self.rect.height() * r / self.grid.rows for r in (row, row + 1))
        return QRectF(QPointF(left, top), QPointF(right, bottom))

    def cell_at(self, point: QPointF) -> Cell | None:
        """Return the cell under a point. Where several share a pixel it is the one that is seen: the largest."""
        if self.array is None or not self.array.size or not QRectF(self.rect).contains(point):
            return None
        grid = self.grid
        y, x = point.y() - self.rect.top(), point.x() - self.rect.left()
        rows = _run(grid.rows, self.rect.height(), y)
        columns = _run(grid.columns, self.rect.width(), x)
        if len(rows) == len(columns) == 1:
            cell = (rows.start, columns.start)
            return cell if grid.flat(cell) is not None else None
        block = grid.matrix(self.array)[0][rows.start : rows.stop, columns.start : columns.stop]
        size = np.where(np.isnan(block), np.inf, np.abs(block))
        row, column = divmod(int(size.argmax()), block.shape[1])
        return rows.start + row, columns.start + column

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
        flat = int(np.ravel_multi_index(index, self.array.shape)) if index else 0
        place = flat - self.grid.offset
        return divmod(place, self.grid.columns) if 0 <= place < self.grid.count else None

    def number(self, cell: Cell) -> float | None:
        flat = self.grid.flat(cell)
        return None if flat is None or self.array is None else float(self.array.reshape(-1)[flat])

    def describe(self, cell: Cell) -> str:
        """Return name, index and exact value of a cell, for hovering and screen readers."""
        index, number = self.index_of(cell), self.number(cell)
        if index is None or number is None:
            return ""
        place = f"[{', '.join(map(str, index))}]" if index else ""
        outdated = "  (outdated)" if self.stale else ""
        return f"{self.value.text}{place} = {exact_text(number)}{outdated}"

    def copy_text(self) -> str:
        """Return the numbers that are shown, exact, tab-separated, one line for each row."""
        if self.array is None:
            return ""
        flat = self.array.reshape(-1)[self.grid.offset : self.grid.offset + self.grid.count]
        columns = self.grid.columns
        rows = (flat[start : start + columns] for start in range(0, len(flat), columns))
        return "\n".join("\t".join(exact_text(number) for number in row) for row in rows)


def _run(count: int, length: int, place: float) -> range:
    """Return the cells, of `count` along `length` pixels, that are drawn at the pixel `place`."""
    if count <= max(1, length):
        cell = min(count - 1, max(0, int(place * count / length)))
        return range(cell, cell + 1)
    starts = bounds_of(count, length)
    run = min(len(starts) - 1, max(0, int(place * len(starts) / length)))
    stop = int(starts[run + 1]) if run + 1 < len(starts) else count
    return range(int(starts[run]), stop)
