"""How much room a window has, and what becomes of a layout where there is little: panels become tabs, none is crushed.

Sizes are in pixels at scale 1: a window of 1280 by 720 at twice the size of everything has the room of 640 by 360.
"""

from __future__ import annotations

from enum import StrEnum

from visualbp.gui.layout import Layout, columns
from visualbp.gui.panels.place import Area, DockPlace

WIDE, LOW, TALL = 1160, 590, 780
"""Below which width only two panels stand side by side below the canvas, below which height none stands there, and
below which width, where it is high enough, none stands beside it."""


class Room(StrEnum):
    """What a layout has to fit into."""

    WIDE = "wide"
    """All of it."""
    MEDIUM = "medium"
    """All of it, in two columns below."""
    LOW = "low"
    """One side alone, with everything in it as tabs."""
    TALL = "tall"
    """The same below the canvas."""


def room_of(width: int, height: int, scale: float) -> Room:
    """Return the room of a window of so many pixels, at that scale of everything in it."""
    width, height = round(width / scale), round(height / scale)
    if height < LOW:
        return Room.LOW
    if width < TALL:
        return Room.TALL
    return Room.WIDE if width >= WIDE else Room.MEDIUM


def fitted(layout: Layout, room: Room) -> Layout:
    """Return a layout of the same panels that fits into `room`."""
    if room == Room.WIDE:
        return layout
    if room == Room.MEDIUM:
        first, *others = columns(layout, Area.ROW).values() or [[]]
        second = [name for names in others for name in names]
        return {**layout, **_tabs(first, Area.ROW), **_tabs(second, Area.ROW, column=1)}
    return _tabs(
        [name for area in Area for name in _in_order(layout, area)], Area.RIGHT if room == Room.LOW else Area.ROW
    )


def _in_order(layout: Layout, area: Area) -> list[str]:
    return [name for names in columns(layout, area).values() for name in names]


def _tabs(names: list[str], area: Area, column: int = 0) -> dict[str, DockPlace]:
    return {name: DockPlace(area, column, order) for order, name in enumerate(names)}
