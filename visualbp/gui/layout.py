"""Where the panels stand by default: palette left, inspector and mathematics right, the live panels and the timeline
below. Panels of less daily use share a place, as tabs."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow

from visualbp.gui.theme import theme

Area = Qt.DockWidgetArea

BOTTOM = (("activations",), ("deltas",), ("gradients", "loss"), ("gradient_check", "boundary", "images", "problems"))
"""The bottom row, left to right; panels in one place are tabs, the first of them in front."""


def arrange(window: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
    """Put every dock in its default place and size."""
    window.setCorner(Qt.Corner.BottomRightCorner, Area.RightDockWidgetArea)
    window.setCorner(Qt.Corner.TopRightCorner, Area.RightDockWidgetArea)
    window.setCorner(Qt.Corner.BottomLeftCorner, Area.BottomDockWidgetArea)
    for dock in docks.values():
        dock.setFloating(False)
        window.removeDockWidget(dock)
    placed: list[QDockWidget] = []

    def place(name: str, area: Area) -> QDockWidget | None:
        if name in docks:
            window.addDockWidget(area, docks[name])
            placed.append(docks[name])
        return docks.get(name)

    place("palette", Area.LeftDockWidgetArea)
    inspector, mathematics = place("inspector", Area.RightDockWidgetArea), docks.get("mathematics")
    if inspector and mathematics:
        window.splitDockWidget(inspector, mathematics, Qt.Orientation.Vertical)
        placed.append(mathematics)
    row: list[QDockWidget] = []
    for names in BOTTOM:
        present = [docks[name] for name in names if name in docks]
        if not present:
            continue
        if row:
            window.splitDockWidget(row[-1], present[0], Qt.Orientation.Horizontal)
        else:
            window.addDockWidget(Area.BottomDockWidgetArea, present[0])
            if "timeline" in docks:  # first, so that it lies below the whole row
                window.splitDockWidget(present[0], docks["timeline"], Qt.Orientation.Vertical)
                placed.append(docks["timeline"])
        row.append(present[0])
        placed += present
    for names in BOTTOM:  # after all splits: splitting a dock that has tabs would add one more tab
        present = [docks[name] for name in names if name in docks]
        for tab in present[1:]:
            window.tabifyDockWidget(present[0], tab)
    for dock in placed:
        dock.show()
    for front in row:
        front.raise_()
    _resize(window, docks, row)


def side_sizes(window: QMainWindow) -> dict[str, int]:
    """Return how wide the palette and the right column are by default, and how high the timeline is."""
    px = theme().px
    right = min(px(410), max(px(300), round(window.width() * 0.256)))
    return {"palette": px(206), "inspector": right, "timeline": px(124)}


def _resize(window: QMainWindow, docks: Mapping[str, QDockWidget], row: list[QDockWidget]) -> None:
    size, sides = window.size(), side_sizes(window)
    right = sides["inspector"]
    present = [name for name in ("palette", "inspector") if name in docks]
    window.resizeDocks([docks[n] for n in present], [sides[n] for n in present], Qt.Orientation.Horizontal)
    if row:
        below = size.width() - right
        widths = [round(below * share) for share in (0.205, 0.205, 0.28, 0.31)][: len(row)]
        window.resizeDocks(row, widths, Qt.Orientation.Horizontal)
        window.resizeDocks([row[0]], [round(size.height() * 0.265)], Qt.Orientation.Vertical)
    column = [docks[name] for name in ("inspector", "mathematics") if name in docks]
    if len(column) == 2:
        window.resizeDocks(column, [round(size.height() * 0.34), round(size.height() * 0.6)], Qt.Orientation.Vertical)
    if "timeline" in docks:
        window.resizeDocks([docks["timeline"]], [sides["timeline"]], Qt.Orientation.Vertical)
