"""The sizes that a person has given to the docks, kept while the window shrinks and grows again.

Qt takes what a smaller window lacks from whichever dock gives way, and does not give it back. So the sizes are noted
when a window begins to be resized, and applied again after each change of its size: those at the sides and at the foot
in pixels, those below the canvas as shares. Where no person has given any, the default ones go with the window.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from visualbp.gui.dock import PanelDock
from visualbp.gui.layout import DOCK_AREAS
from visualbp.gui.panels.place import Area

SLACK = 3
"""Pixels by which sizes may differ from those that were applied before they count as a person's."""
ACROSS, DOWN = Qt.Orientation.Horizontal, Qt.Orientation.Vertical


@dataclass(frozen=True)
class Extent:
    """What a dock measures, beside what all of the window measures."""

    size: int
    whole: int

    def at(self, whole: int, as_share: bool) -> int:
        """Return the size in a window that measures `whole`."""
        return round(self.size * whole / self.whole) if as_share else self.size


Extents = Mapping[tuple[str, Qt.Orientation], Extent]


class DockSizes:
    """Notes and applies sizes. Of docks that share a place as tabs the one in front counts."""

    def __init__(self, window: QMainWindow, docks: Mapping[str, PanelDock]) -> None:
        self._window, self._docks = window, docks
        self._noted: dict[Hashable, Extents] = {}
        self._defaults: set[Hashable] = set()
        """The arrangements whose sizes no person has changed."""
        self._arrangement: Hashable = None
        self._applied: Extents | None = {}
        """What was applied; None while an arrangement has its default sizes, and has not been looked at yet."""
        self._seen: Extents = {}

    def enter(self, arrangement: Hashable, is_new: bool) -> bool:
        """Another arrangement has come. One that was there before gets its sizes back, unless it `is_new` again. Return
        whether it has its default sizes."""
        self._arrangement = arrangement
        if is_new:
            self._noted.pop(arrangement, None)
            self._defaults.add(arrangement)
        self._applied = None if arrangement in self._defaults else {}
        if arrangement in self._noted:
            self.apply()
        return arrangement in self._defaults

    def note(self) -> None:
        """Note the sizes as they were seen last, unless they are those that `apply` or a default has led to.

        Not as they are: when a window hears that it is resized, its docks have been squeezed already.
        """
        if self._applied is None or not self._seen:
            return
        found, applied = self._seen, self._applied
        is_as_applied = found.keys() == applied.keys() and all(
            abs(extent.size - applied[key].size) <= SLACK for key, extent in found.items()
        )
        if not is_as_applied:
            self._noted[self._arrangement] = found
            self._defaults.discard(self._arrangement)

    def look(self) -> None:
        """See the sizes that there are, once all is laid out."""
        self._seen = self._measure()
        if self._applied is None:
            self._applied = self._seen or None

    def apply(self, factor: float = 1.0) -> bool:
        """Give the docks what was noted, as far as the window goes; what is no share of it grows by `factor`,
        as everything in the window has. Return whether a person has given them sizes at all."""
        wanted = self._noted.get(self._arrangement, {})
        if not wanted:
            self._applied = None
            return False
        if factor != 1.0:
            wanted = {
                key: each if self._is_share(*key) else Extent(round(each.size * factor), each.whole)
                for key, each in wanted.items()
            }
            self._noted[self._arrangement] = wanted
        for direction in (ACROSS, DOWN):
            whole = self._whole(direction)
            sizes = {
                name: max(1, extent.at(whole, self._is_share(name, direction)))
                for (name, which), extent in wanted.items()
                if which == direction and self._is_there(name)
            }
            if direction == DOWN:  # in a row, tabs take some of the height of one that has them
                row = [name for name in sizes if not self._is_at_side(name) and not self._docks[name].panel.is_strip]
                for name in sorted(row, key=sizes.__getitem__)[:-1]:
                    del sizes[name]
            self._window.resizeDocks([self._docks[name] for name in sizes], list(sizes.values()), direction)
        self._applied = self._measure()
        return True

    def _whole(self, direction: Qt.Orientation) -> int:
        return max(1, self._window.width() if direction == ACROSS else self._window.height())

    def _is_there(self, name: str) -> bool:
        dock = self._docks[name]
        return dock.isVisible() and not dock.isFloating() and not dock.visibleRegion().isEmpty()

    def _is_at_side(self, name: str) -> bool:
        return self._window.dockWidgetArea(self._docks[name]) != DOCK_AREAS[Area.ROW]

    def _is_share(self, name: str, direction: Qt.Orientation) -> bool:
        """Whether a dock grows with the window in this direction."""
        return direction == DOWN if self._is_at_side(name) else not self._docks[name].panel.is_strip

    def _measure(self) -> Extents:
        found: dict[tuple[str, Qt.Orientation], Extent] = {}
        for name, dock in self._docks.items():
            if not self._is_there(name):
                continue
            found[name, ACROSS] = Extent(dock.width(), self._whole(ACROSS))
            found[name, DOWN] = Extent(dock.height(), self._whole(DOWN))
        return found
