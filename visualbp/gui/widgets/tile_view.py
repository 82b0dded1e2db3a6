"""The gestures that all heat maps answer: hovering, clicking, the keyboard, and copying."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
)
from PySide6.QtWidgets import QToolTip, QWidget

from visualbp.core.ref import Ref
from visualbp.gui.copying import Copy, copies_of, copy_menu, takes_copy
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import Cell
from visualbp.gui.widgets.heat_tile import HeatTile

ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class TileView(QWidget):
    """A widget with tiles. Hover tells a cell's name, index and exact value; a click, or Enter at the keyboard's cell,
    asks where the number came from; arrow keys move that cell; Ctrl+C copies its number, or, where none was chosen,
    a tile's numbers, exact, tab-separated; a right click offers number, row and tensor."""

    number_chosen = Signal(object, object)
    """The Ref and the index of the number that was clicked."""
    cursor_moved = Signal(QRect)
    """Where the keyboard's cell is drawn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._cursor: tuple[HeatTile, Cell] | None = None
        self._chosen: tuple[Ref, tuple[int, ...]] | None = None
        self._hovered: tuple[HeatTile, Cell] | None = None
        self._by_keyboard = False
        self._picked = False
        """Whether a person has gone to the cursor's cell: then Ctrl+C is for its number."""

    @property
    def tiles(self) -> Sequence[HeatTile]:
        """The tiles, in the order in which the keyboard goes through them."""
        return ()

    def tiles_near(self, point: QPointF) -> Sequence[HeatTile]:
        """Return the tiles that can be under a point."""
        return self.tiles

    # -- what is marked ----------------------------------------------------------------------------------------------

    def mark_number(self, number: tuple[Ref, tuple[int, ...]] | None) -> None:
        """Outline this number wherever it is shown."""
        if number != self._chosen:
            self._chosen = number
            self.update()

    def paint_marks(self, painter: QPainter, tile: HeatTile) -> None:
        """Draw the outlines that belong to a tile: the chosen number, the keyboard's cell, the pointer's cell."""
        if self._chosen is not None:
            cell = tile.cell_of_number(*self._chosen)
            if cell is not None:
                tile.paint_outline(painter, cell, theme().color("accent"))
        if self._hovered is not None and self._hovered[0] is tile:
            tile.paint_outline(painter, self._hovered[1], theme().color("text", 0.7))
        if self._cursor is not None and self._cursor[0] is tile and self._by_keyboard and self.hasFocus():
            tile.paint_outline(painter, self._cursor[1], theme().color("text"))

    # -- the pointer -------------------------------------------------------------------------------------------------

    def tile_at(self, point: QPointF) -> tuple[HeatTile, Cell] | None:
        """Return the tile and the cell under a point."""
        for tile in self.tiles_near(point):
            cell = tile.cell_at(point)
            if cell is not None:
                return tile, cell
        return None

    def hover_text(self, point: QPointF) -> str:
        """Return what hovering over a point says."""
        found = self.tile_at(point)
        if found is not None:
            return found[0].describe(found[1])
        for tile in self.tiles_near(point):
            if tile.rect.contains(point.toPoint()):
                return f"{tile.value.text}: {tile.absent_text}"
        return ""

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            self._show_tip(event.globalPos(), QPointF(event.pos()))
            return True
        return takes_copy(event) or super().event(event)

    def _show_tip(self, where: QPoint, point: QPointF) -> None:
        text = self.hover_text(point)
        if text:
            QToolTip.showText(where, text, self)
        else:
            QToolTip.hideText()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.tile_at(event.position())
        if found != self._hovered:
            self._hovered = found
            self.setCursor(Qt.CursorShape.PointingHandCursor if found else Qt.CursorShape.ArrowCursor)
            if QToolTip.isVisible():
                self._show_tip(event.globalPosition().toPoint(), event.position())
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.tile_at(event.position())
        if found is None or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self._cursor, self._by_keyboard, self._picked = found, False, True
        self._choose(*found)

    def _choose(self, tile: HeatTile, cell: Cell) -> None:
        index = tile.index_of(cell)
        if index is not None and not tile.is_missing(cell):
            self.number_chosen.emit(*tile.located(index))
        self.update()

    # -- the keyboard ------------------------------------------------------------------------------------------------

    def focusInEvent(self, event: QFocusEvent) -> None:
        if self._cursor is None or self._cursor[0] not in self.tiles:
            shown = next((tile for tile in self.tiles if tile.array is not None and tile.array.size), None)
            self._cursor = (shown, (0, 0)) if shown is not None else None
        self._by_keyboard = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in ARROWS and self._cursor is not None:
            self._move(*ARROWS[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._cursor is not None:
            self._choose(*self._cursor)
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def _move(self, down: int, right: int) -> None:
        """Move the keyboard's cell; beyond a tile's upper or lower edge is the next tile."""
        assert self._cursor is not None
        tile, (row, column) = self._cursor
        place = row + down, column + right
        while tile.grid.flat(place) is None and 0 <= place[0] < tile.grid.rows and 0 <= place[1] < tile.grid.columns:
            place = place[0] + down, place[1] + right  # the last line of a group can have fewer blocks
        if tile.grid.flat(place) is not None and tile.array is not None:
            self._set_cursor(tile, place)
            return
        shown = [other for other in self.tiles if other.array is not None and other.array.size]
        if down and tile in shown:
            following = shown.index(tile) + down
            if 0 <= following < len(shown):
                other = shown[following]
                column = min(column, other.grid.columns - 1)
                self._set_cursor(other, (0 if down > 0 else other.grid.rows - 1, column))

    def _set_cursor(self, tile: HeatTile, cell: Cell) -> None:
        self._cursor, self._by_keyboard, self._picked = (tile, cell), True, True
        self.setAccessibleDescription(tile.describe(cell))
        box = tile.cell_rect(cell)
        if box is not None:
            self.cursor_moved.emit(box.toAlignedRect())
        self.update()

    def copies_at(self, tile: HeatTile, cell: Cell) -> list[Copy]:
        """Return what can be copied of a cell's number, and of the tile that it is in."""
        index = tile.index_of(cell)
        return [] if index is None or tile.array is None else copies_of(tile.array, index)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        spot = self.tile_at(QPointF(event.pos())) if by_mouse else self._cursor
        copies = [] if spot is None else self.copies_at(*spot)
        if spot is not None and spot[0].array is not None and copies:
            copy_menu(copies, spot[0].array.size, self).popup(event.globalPos())
            event.accept()

    def copy(self) -> None:
        """Copy the number that a person has gone to; else those of the tile that the pointer is on, or of the first."""
        if self._picked and self._cursor is not None and self._cursor[0] in self.tiles:
            copies = self.copies_at(*self._cursor)
            if copies:
                QGuiApplication.clipboard().setText(copies[0][1]())
                return
        spot = self._hovered or self._cursor
        tile = spot[0] if spot else next((tile for tile in self.tiles if tile.array is not None), None)
        if tile is not None and tile.array is not None:
            QGuiApplication.clipboard().setText(tile.copy_text())
