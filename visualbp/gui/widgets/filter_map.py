"""A parameter of three or four axes as pictures: a tile for each channel of each filter, of which one is chosen."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPointF, QRect, QSize, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from visualbp.core.arrays import Array, Shape
from visualbp.core.ref import Ref
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import Sheet
from visualbp.gui.widgets.heat_map import HeatMap
from visualbp.gui.widgets.heat_tile import Meaning
from visualbp.gui.widgets.heights import height_by_width
from visualbp.gui.widgets.map_scroll import MapScroll
from visualbp.gui.widgets.shading import Diverging
from visualbp.gui.widgets.sheets import arrangement

HIGHEST, HIGHEST_ALONE = 170, 84
"""Pixels of height, at scale 1, from which on the tiles scroll: channels below each other, and one for each filter."""
FRAME = 2


class FilterTiles(HeatMap):
    """The tiles; the chosen one has a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.chosen: tuple[int, ...] = ()

    def choose(self, block: tuple[int, ...]) -> None:
        """Frame the filter at this place of the leading axes."""
        if block != self.chosen:
            self.chosen = block
            self.update()

    def block_rect(self) -> QRect:
        """Return where the chosen tile is drawn."""
        tile = self.tile
        if tile.array is None or len(self.chosen) + 2 != tile.array.ndim:
            return QRect()
        cell = tile.cell_of((*self.chosen, 0, 0))
        return QRect() if cell is None else tile.grid.block_of(cell, tile.rect).rect

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        place = self.block_rect()
        if not place.isNull():
            painter = QPainter(self)
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.drawRect(place.adjusted(-1, -1, 1, 1))
            painter.end()


class FilterMap(MapScroll):
    """All filters of a parameter. A click chooses a tile, and asks where the number that was clicked came from."""

    block_chosen = Signal(object)
    """The index of the tile that a person has chosen: filter and channel."""
    number_chosen = Signal(object)
    """The index, in the array, of the number that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.map = FilterTiles()
        self._shape: Shape = ()
        self._room = 1
        self._axes: tuple[str, ...] = ()
        super().__init__(self.map, parent)
        self.setSizePolicy(height_by_width())
        self._shown: tuple[Ref, Array | None, Shape, tuple[str, ...], float, bool] | None = None
        self._padded = False
        self.map.number_chosen.connect(self._on_number)
        self.fitted.connect(self._show_tiles)

    def show_array(
        self, value: Ref, array: Array | None, shape: Shape, axes: tuple[str, ...], limit: float, stale: bool
    ) -> None:
        """Show a parameter (filters, channels, height, width), or (channels, height, width), of this shape."""
        self._shown = value, array, shape, axes, limit, stale
        self._padded = len(shape) == 3
        if self._padded:
            shape, axes = (1, *shape), ("", *axes)
        room = theme().px(HIGHEST if shape[1] > 1 and not self._padded else HIGHEST_ALONE)
        if (shape, axes, room) != (self._shape, self._axes, self._room):
            self._shape, self._axes, self._room = shape, axes, room
            self.arrange(self._tiles)
            self.updateGeometry()
        else:
            self._show_tiles()

    def _tiles(self, width: int, height: int) -> Sheet:
        """Return the tiles at this width, with room for a frame around those at the edge."""
        sample, room = 0 if self._padded else None, self._room - 2 * FRAME
        made = arrangement(self._shape, self._axes, sample, max(1, width - 2 * FRAME), room)
        assert isinstance(made, Sheet)
        return replace(made, left=made.left + FRAME, top=made.top + FRAME)

    def content_height(self, width: int) -> int:
        return super().content_height(width) + FRAME

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all tiles, or the highest that there may be, from which on they scroll."""
        high = self.content_height(width) - FRAME
        if high > self._room:
            high = self.content_height(width - self.verticalScrollBar().sizeHint().width()) - FRAME
        return min(self._room, high) + FRAME

    @Slot()
    def _show_tiles(self) -> None:
        made = self.arrangement
        if self._shown is not None and made is not None:
            value, array, _, _, limit, stale = self._shown
            array = array[None] if self._padded and array is not None else array
            self.map.show_array(value, array, Diverging(limit), made, stale, meaning=Meaning(self._axes))

    def choose(self, block: tuple[int, ...]) -> None:
        """Put the frame around a tile."""
        self.map.choose((0, *block) if self._padded else block)
        self.map.mark_sample(block[0] if len(block) > 1 else None)

    def mark(self, index: tuple[int, ...] | None) -> None:
        """Outline the number that other panels explain."""
        value = None if self._shown is None else self._shown[0]
        full = None if index is None else ((0, *index) if self._padded else index)
        self.map.mark_number(None if full is None or value is None else (value, full))

    def place_of(self, index: tuple[int, ...]) -> QPointF:
        """Return where a number is drawn."""
        cell = self.map.tile.cell_of((0, *index) if self._padded else index)
        box = None if cell is None else self.map.tile.cell_rect(cell)
        return QPointF() if box is None else box.center()

    def _on_number(self, value: Ref, index: tuple[int, ...]) -> None:
        own = index[1:] if self._padded else index
        self.block_chosen.emit(own[:-2])
        self.number_chosen.emit(own)

    def sizeHint(self) -> QSize:
        width = theme().px(200)
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(60), theme().px(20))
