"""Panning: the middle button, or Space and the left one, drags the view."""

from __future__ import annotations

from PySide6.QtCore import Qt

from visualbp.gui.canvas.gestures.base import Gesture, Pointer


class Pan(Gesture):
    """The view follows the pointer. A cancelled drag puts it back."""

    cursor = Qt.CursorShape.ClosedHandCursor

    def start(self) -> None:
        self._from = self.surface.scroll_position

    def move(self, at: Pointer) -> None:
        self.surface.scroll_to(self._from - (at.view - self.pressed.view))

    def cancel(self) -> None:
        self.surface.scroll_to(self._from)
