"""The base of all gestures. A gesture changes the document at most once, when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QPoint, QPointF, Qt

if TYPE_CHECKING:
    from visualbp.gui.canvas.view import Canvas

THRESHOLD = 4
"""Pixels that the pointer must move before a press becomes a drag."""


@dataclass(frozen=True)
class Pointer:
    """Where the pointer is, in the scene and in the viewport, and the modifier keys that are held."""

    scene: QPointF
    view: QPoint
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier

    @property
    def adds(self) -> bool:
        """Whether a press adds to the selection."""
        keys = Qt.KeyboardModifier
        return bool(self.modifiers & (keys.ShiftModifier | keys.ControlModifier))


class Gesture:
    """One gesture, from press to release. The canvas calls `start`, `move`, and then either `end` or `cancel`."""

    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.ArrowCursor
    scrolls: ClassVar[bool] = False
    """Whether the canvas scrolls when the pointer comes near its edge."""

    def __init__(self, canvas: Canvas, at: Pointer) -> None:
        self.canvas, self.pressed, self.at = canvas, at, at
        self.dragging = False

    def start(self) -> None:
        """Take what was pressed."""

    def move(self, at: Pointer) -> None:
        """Follow the pointer; `drag` is called once it has left the place of the press."""
        self.at = at
        if not self.dragging and (at.view - self.pressed.view).manhattanLength() >= THRESHOLD:
            self.dragging = True
            self.begin_drag()
        if self.dragging:
            self.drag(at)

    def begin_drag(self) -> None:
        """The press has become a drag."""

    def drag(self, at: Pointer) -> None:
        """The pointer is at `at`."""

    def end(self, at: Pointer) -> None:
        """The button is released: carry out what was shown."""
        self.clear()

    def cancel(self) -> None:
        """Put everything back as it was before the press."""
        self.clear()

    def clear(self) -> None:
        """Remove what the gesture has drawn."""
