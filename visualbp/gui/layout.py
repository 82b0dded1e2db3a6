"""The default layout: every panel in the place that its own file names, in the sizes that are given here.

A layout is a mapping from the names of panels to places; another layout is another mapping, arranged in the same way.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from itertools import groupby, pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow

from visualbp.gui.panels.place import Area, DockPlace
from visualbp.gui.theme import theme

Layout = Mapping[str, DockPlace]

DOCK_AREAS = {
    Area.LEFT: Qt.DockWidgetArea.LeftDockWidgetArea,
    Area.RIGHT: Qt.DockWidgetArea.RightDockWidgetArea,
    Area.ROW: Qt.DockWidgetArea.BottomDockWidgetArea,
    Area.FOOT: Qt.DockWidgetArea.BottomDockWidgetArea,
}
WIDTHS = {0: 0.205, 1: 0.205, 2: 0.28, 3: 0.31}
"""The share of the width that each column of the row has."""
HEIGHTS = {0: 0.34, 1: 0.6}
"""The share of the height that each place of the right area has."""
OTHER_SHARE = 0.25
"""The share of a column that is not listed."""
ROW_HEIGHT = 0.265
"""The share of the height that the row has."""


def version(layout: Layout) -> int:
    """Return a number that is another one when a panel is added, renamed, or given another place.

    A layout that was kept under another version is forgotten rather than half applied. Qt has 32 bits for it.
    """
    return zlib.crc32(repr([(name, *astuple(place)) for name, place in sorted(layout.items())]).encode()) >> 1


def columns(layout: Layout, area: Area) -> dict[int, list[str]]:
    """Return the panels of `area` by their columns, both in order; panels in one column are tabs."""
    placed = sorted((place, name) for name, place in layout.items() if place.area == area)
    return {column: [name for _, name in group] for column, group in groupby(placed, key=lambda each: each[0].column)}


def arrange(window: QMainWindow, docks: Mapping[str, QDockWidget], layout: Layout) -> None:
    """Put every dock that has a place in `layout` there, in its default size, and take the others out of the window."""
    window.setCorner(Qt.Corner.BottomRightCorner, DOCK_AREAS[Area.RIGHT])
    window.setCorner(Qt.Corner.TopRightCorner, DOCK_AREAS[Area.RIGHT])
    window.setCorner(Qt.Corner.BottomLeftCorner, DOCK_AREAS[Area.ROW])
    for dock in docks.values():
        dock.setFloating(False)
        window.removeDockWidget(dock)
    by_area = {
        area: {column: [docks[name] for name in names] for column, names in columns(layout, area).items()}
        for area in Area
    }
    fronts = {area: [tabs[0] for tabs in by_area[area].values()] for area in Area}
    for area in (Area.LEFT, Area.RIGHT):
        _line_up(window, fronts[area], DOCK_AREAS[area], Qt.Orientation.Vertical)
    row, foot = fronts[Area.ROW], fronts[Area.FOOT]
    if row and foot:  # before the row is split, so that the foot lies below the whole of it
        window.addDockWidget(DOCK_AREAS[Area.ROW], row[0])
        window.splitDockWidget(row[0], foot[0], Qt.Orientation.Vertical)
    for line in (row, foot):
        _line_up(window, line, DOCK_AREAS[Area.ROW], Qt.Orientation.Horizontal, first_is_there=bool(row and foot))
    shared = [tabs for area in Area for tabs in by_area[area].values()]
    for tabs in shared:  # after all splits: splitting a dock that has tabs would add one more tab
        for tab in tabs[1:]:
            window.tabifyDockWidget(tabs[0], tab)
    for tabs in shared:
        for dock in tabs:
            dock.show()
    for tabs in shared:
        tabs[0].raise_()
    _resize(window, by_area)


def _line_up(
    window: QMainWindow,
    docks: Sequence[QDockWidget],
    area: Qt.DockWidgetArea,
    direction: Qt.Orientation,
    first_is_there: bool = False,
) -> None:
    if docks and not first_is_there:
        window.addDockWidget(area, docks[0])
    for before, dock in pairwise(docks):
        window.splitDockWidget(before, dock, direction)


def default_sizes(window: QMainWindow) -> dict[Area, int]:
    """Return how wide the areas at the sides are by default, and how high the foot is, in pixels."""
    px = theme().px
    right = min(px(410), max(px(300), round(window.width() * 0.256)))
    return {Area.LEFT: px(206), Area.RIGHT: right, Area.FOOT: px(124)}


def _resize(window: QMainWindow, by_area: Mapping[Area, Mapping[int, Sequence[QDockWidget]]]) -> None:
    width, height, sizes = window.width(), window.height(), default_sizes(window)
    fronts = {area: [tabs[0] for tabs in by_area[area].values()] for area in Area}
    sides = [area for area in (Area.LEFT, Area.RIGHT) if fronts[area]]
    window.resizeDocks([fronts[a][0] for a in sides], [sizes[a] for a in sides], Qt.Orientation.Horizontal)
    row, right, foot = fronts[Area.ROW], fronts[Area.RIGHT], fronts[Area.FOOT]
    if row:
        below = width - sizes[Area.RIGHT]
        widths = [round(below * WIDTHS.get(column, OTHER_SHARE)) for column in by_area[Area.ROW]]
        window.resizeDocks(row, widths, Qt.Orientation.Horizontal)
        window.resizeDocks(row[:1], [round(height * ROW_HEIGHT)], Qt.Orientation.Vertical)
    if len(right) > 1:
        heights = [round(height * HEIGHTS.get(column, OTHER_SHARE)) for column in by_area[Area.RIGHT]]
        window.resizeDocks(right, heights, Qt.Orientation.Vertical)
    if foot:
        window.resizeDocks(foot[:1], [sizes[Area.FOOT]], Qt.Orientation.Vertical)
