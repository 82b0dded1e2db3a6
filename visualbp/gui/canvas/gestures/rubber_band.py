"""The rubber band: a press on empty canvas and a drag select the layers that it touches."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGraphicsRectItem

from visualbp.gui.canvas.gestures.base import Gesture, Pointer
from visualbp.gui.theme import theme


class RubberBand(Gesture):
    """What the band touches is marked during the drag, and selected at its end; with Shift or Ctrl, in addition."""

    scrolls = True

    def start(self) -> None:
        selection = self.surface.selection
        self._kept = selection.layers if self.pressed.adds else ()
        self._chosen = self._kept
        self._band: QGraphicsRectItem | None = None

    def begin_drag(self) -> None:
        self._band = QGraphicsRectItem()
        pen = QPen(theme().color("accent"), 1)
        pen.setCosmetic(True)
        self._band.setPen(pen)
        self._band.setBrush(theme().color("accent", 0.12))
        self._band.setZValue(10)
        self.surface.network_scene.addItem(self._band)

    def drag(self, at: Pointer) -> None:
        scene = self.surface.network_scene
        rect = QRectF(self.pressed.scene, at.scene).normalized()
        if self._band is not None:
            self._band.setRect(rect)
        touched = [item.name for item in scene.items_in(rect)]
        self._chosen = (*self._kept, *sorted(set(touched) - set(self._kept), key=scene.place_of))
        scene.show_selection(self._chosen, ())

    def end(self, at: Pointer) -> None:
        self.clear()
        self.surface.selection.select(self._chosen)
        self.surface.show_selection()

    def cancel(self) -> None:
        self.clear()
        self.surface.show_selection()

    def clear(self) -> None:
        if self._band is not None:
            self.surface.network_scene.removeItem(self._band)
            self._band = None
