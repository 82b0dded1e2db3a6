"""Arranging the docks: every panel in the place that a layout names, in the sizes that go with it.

A layout is a mapping from the names of panels to places. `rooms.py` makes smaller ones of it for smaller windows.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from itertools import groupby, pairwise
from types import MappingProxyType

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


@dataclass(frozen=True)
class Sizes:
    """How large the areas of a layout are by default; pixels at scale 1, and shares of the window."""

    left: int = 206
    right: float = 0.256
    least_right: int = 300
    most_right: int = 410
    row: float = 0.265
    foot: int = 124
    columns: Mapping[int, float] = field(default_factory=dict)
    """The share of the row's width that each column has; those that are not named have equal ones."""
    heights: Mapping[int, float] = field(default_factory=dict)
    """The share of the height that each place of the right area has."""

    def in_pixels(self, window: QMainWindow) -> dict[Area, int]:
        """Return how wide the areas at the sides are, and how high those below."""
        px = theme().px
        right = min(px(self.most_right), max(px(self.least_right), round(window.width() * self.right)))
        row = round(window.height() * self.row)
        return {Area.LEFT: px(self.left), Area.RIGHT: right, Area.ROW: row, Area.FOOT: px(self.foot)}


def version(layout: Layout) -> int:
    """Return a number that is another one when a panel is added, renamed, or given another place.

    A layout that was kept under another version is forgotten rather than half applied. Qt has 32 bits for it.
    """
    return zlib.crc32(repr([(name, *astuple(place)) for name, place in sorted(layout.items())]).encode()) >> 1


def columns(layout: Layout, area: Area) -> dict[int, list[str]]:
    """Return the panels of `area` by their columns, both in order; panels in one column are tabs."""
    placed = sorted((place, name) for name, place in layout.items() if place.area == area)
    return {column: [name for _, name in group] for column, group in groupby(placed, key=lambda each: each[0].column)}


def arrange(
    window: QMainWindow,
    docks: Mapping[str, QDockWidget],
    layout: Layout,
    sizes: Sizes = Sizes(),
    others: Layout = MappingProxyType({}),
) -> None:
    """Put every dock that has a place in `layout` there, in its default size. Each of the `others` is ready to be shown
    as a tab in the area of its place there; docks without any place are taken out of the window.
    """
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
    shared = [list(tabs) for area in Area for tabs in by_area[area].values()]
    for tabs in shared:  # after all splits: splitting a dock that has tabs would add one more tab
        for tab in tabs[1:]:
            window.tabifyDockWidget(tabs[0], tab)
    for tabs in shared:
        for dock in tabs:
            dock.show()
    _keep_ready(window, docks, {name: place for name, place in others.items() if name not in layout}, fronts)
    for tabs in shared:
        tabs[0].raise_()
    resize(window, layout, docks, sizes)


def _keep_ready(
    window: QMainWindow,
    docks: Mapping[str, QDockWidget],
    layout: Layout,
    fronts: Mapping[Area, Sequence[QDockWidget]],
) -> None:
    """Place docks behind what is at their side already, hidden."""
    last = {area: list(docks) for area, docks in fronts.items()}
    for name, place in layout.items():
        dock, there = docks[name], last[place.area]
        if there:
            window.tabifyDockWidget(there[min(place.column, len(there) - 1)], dock)
        else:
            window.addDockWidget(DOCK_AREAS[place.area], dock)
            there.append(dock)
        dock.hide()


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


def resize(window: QMainWindow, layout: Layout, docks: Mapping[str, QDockWidget], sizes: Sizes) -> None:
    """Give each area of a layout its default size."""
    width, height, pixels = window.width(), window.height(), sizes.in_pixels(window)
    by_area = {area: columns(layout, area) for area in Area}
    fronts = {area: [docks[names[0]] for names in by_area[area].values()] for area in Area}
    sides = [area for area in (Area.LEFT, Area.RIGHT) if fronts[area]]
    window.resizeDocks([fronts[a][0] for a in sides], [pixels[a] for a in sides], Qt.Orientation.Horizontal)
    row, right, foot = fronts[Area.ROW], fronts[Area.RIGHT], fronts[Area.FOOT]
    if row:
        below = width - (pixels[Area.RIGHT] if right else 0)
        widths = [round(below * sizes.columns.get(column, 1 / len(row))) for column in by_area[Area.ROW]]
        window.resizeDocks(row, widths, Qt.Orientation.Horizontal)
        window.resizeDocks(row[:1], [pixels[Area.ROW]], Qt.Orientation.Vertical)
    if len(right) > 1:
        heights = [round(height * sizes.heights.get(column, 1 / len(right))) for column in by_area[Area.RIGHT]]
        window.resizeDocks(right, heights, Qt.Orientation.Vertical)
    if foot:
        window.resizeDocks(foot[:1], [pixels[Area.FOOT]], Qt.Orientation.Vertical)
