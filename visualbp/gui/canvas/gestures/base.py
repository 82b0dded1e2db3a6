"""The base of all gestures. A gesture changes the document at most once, when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt

from visualbp.gui.canvas.canvas_edits import CanvasEdits
from visualbp.gui.canvas.scene import Scene
from visualbp.gui.context import Selection

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


class Surface(Protocol):
    """What a gesture may look at, and what it may do, on the canvas that it is made on."""

    @property
    def network_scene(self) -> Scene: ...
    @property
    def edits(self) -> CanvasEdits: ...
    @property
    def selection(self) -> Selection: ...
    @property
    def space_held(self) -> bool:
        """Whether the space bar is down: a drag moves the view then."""

    @property
    def pixels_per_unit(self) -> float:
        """How many pixels a unit of the scene has."""

    @property
    def scroll_position(self) -> QPoint:
        """How far the view is scrolled, in pixels."""

    def scroll_to(self, position: QPoint) -> None: ...
    def visible_rect(self) -> QRectF:
        """Return what is seen of the scene."""

    def say(self, text: str, tone: str = "info") -> None:
        """Show words in a bubble at the pointer; no words hide it."""

    def show_cursor(self, shape: Qt.CursorShape) -> None: ...
    def show_selection(self) -> None:
        """Mark what is selected, after something else was marked."""

    def toggle_breakpoints(self, layers: tuple[str, ...]) -> None: ...
    def offer_layers(self, at: Pointer, name: str = "", side: str = "") -> None:
        """Offer layers to add at a place: those that fit the port `side` of `name`, or all."""


class Gesture:
    """One gesture, from press to release. The canvas calls `start`, `move`, and then either `end` or `cancel`."""

    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.ArrowCursor
    scrolls: ClassVar[bool] = False
    """Whether the canvas scrolls when the pointer comes near its edge."""

    def __init__(self, surface: Surface, at: Pointer) -> None:
        self.surface, self.pressed, self.at = surface, at, at
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
