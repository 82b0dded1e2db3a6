"""Where a panel stands as long as nobody has moved it; `gui/layout.py` makes an arrangement of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Workspace(StrEnum):
    """One question, one arrangement of panels, in the order of their tabs; `gui/workspaces.py` says more of each."""

    BUILD = "build"
    STEP = "step"
    ANALYZE = "analyze"
    COMPARE = "compare"
    LESSON = "lesson"
    PRESENT = "present"


class Area(IntEnum):
    """A part of the window, in the order in which the menus list the panels."""

    LEFT = 0
    """Beside the canvas, at its left."""
    RIGHT = 1
    """At the right, as high as the window."""
    ROW = 2
    """The row below the canvas."""
    FOOT = 3
    """Below that row."""


@dataclass(frozen=True, order=True)
class DockPlace:
    """Panels of one area and column share a place, as tabs.

    Columns are counted in the row and the foot from left to right, in an area at the side from top to bottom; a number
    may be left out. `order` is the order of the tabs; the least is in front.
    """

    area: Area
    column: int = 0
    order: int = 0


Places = Mapping[Workspace, DockPlace]
"""The workspaces in which a panel stands, and where. The first is its own; where it does not stand, it comes to the
same side when a person asks for it."""
