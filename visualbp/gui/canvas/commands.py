"""What keys and menus may ask of the canvas."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPointF

from visualbp.gui.canvas.gestures.base import Gesture, Pointer, Surface
from visualbp.gui.context import Context
from visualbp.network.network import Connection


class Commands(Surface, Protocol):
    """A surface, and what is done on it without the pointer."""

    @property
    def context(self) -> Context: ...
    @property
    def gesture(self) -> Gesture | None: ...
    def cancel_gesture(self) -> None: ...
    def hold_space(self) -> None:
        """The space bar is down: the next drag moves the view."""

    def edit_options(self, layer: str) -> None:
        """Give the keyboard to the options of a layer."""

    def rename(self, name: str) -> None:
        """Open a field over the layer's name."""

    def scroll_by(self, x: int, y: int) -> None: ...
    def look_at(self, name: str) -> None:
        """Bring a layer's card into view, at the zoom that there is."""

    def frame_layer(self, name: str) -> None:
        """Go to a layer; zoom in if it could not be read."""

    def show_current(self) -> None:
        """Go to where the debugger stands."""

    def fit(self) -> None: ...
    def tidy(self) -> None: ...
    def select_all(self) -> None: ...
    def delete_selected(self) -> None: ...
    def duplicate(self) -> None: ...
    def copy(self) -> None: ...
    def paste_at(self, place: QPointF) -> None: ...
    def toggle_breakpoint(self) -> None: ...
    def offer_insertion(self, at: Pointer, connection: Connection) -> None: ...
