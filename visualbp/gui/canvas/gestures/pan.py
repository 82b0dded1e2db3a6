"""Panning: the middle button, or Space and the left one, takes the paper and moves it."""

from __future__ import annotations

from PySide6.QtCore import Qt

from visualbp.gui.canvas.gestures.base import Gesture, Pointer


class Pan(Gesture):
    cursor = Qt.CursorShape.ClosedHandCursor

    def start(self) -> None:
        canvas = self.canvas
        self._from = canvas.horizontalScrollBar().value(), canvas.verticalScrollBar().value()

    def move(self, at: Pointer) -> None:
        moved = at.view - self.pressed.view
        self._scroll(self._from[0] - moved.x(), self._from[1] - moved.y())

    def cancel(self) -> None:
        self._scroll(*self._from)

    def _scroll(self, x: int, y: int) -> None:
        self.canvas.horizontalScrollBar().setValue(x)
        self.canvas.verticalScrollBar().setValue(y)
