"""Where a card can stand without covering another: at the nearest place to the one that was asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from visualbp.core.arrays import Array
from visualbp.gui.canvas.geometry import GRID

GAP = 2 * GRID
"""Between a card that had to make way and the one that it makes way for."""
MOST_TRIED = 60
"""Columns and rows of places that are tried, the nearest ones. Beyond them, there is room below all cards."""
TOUCH = 0.5
"""Scene units by which cards may overlap: their outlines."""


def overlap(one: QRectF, other: QRectF) -> bool:
    """Whether a card would cover part of another."""
    shared = one.intersected(other)
    return shared.width() > TOUCH and shared.height() > TOUCH


def way_to_free_place(moving: Sequence[QRectF], taken: Sequence[QRectF]) -> QPointF:
    """Return the shortest way, in whole steps of the grid, after which none of `moving` lies on any of `taken`.

    They all go the same way. It has no length where nothing is covered as it is.
    """
    if not any(overlap(one, other) for one in moving for other in taken):
        return QPointF()
    forbidden = _forbidden(moving, taken)
    across = _steps(forbidden[:, 0], forbidden[:, 2])
    down = _steps(forbidden[:, 1], forbidden[:, 3])
    ways = [(x, y) for x in across for y in down]
    for x, y in sorted(ways, key=lambda way: (way[0] ** 2 + way[1] ** 2, -way[1], -way[0])):
        left, top, right, bottom = forbidden.T
        if not ((left < x) & (x < right) & (top < y) & (y < bottom)).any():
            return QPointF(x, y)
    return QPointF(0, math.ceil(float(forbidden[:, 3].max()) / GRID) * GRID)


def _forbidden(moving: Sequence[QRectF], taken: Sequence[QRectF]) -> Array:
    """Return the ways (left, top, right, bottom: what lies strictly between) that lead onto a card, or too near."""
    one = np.array([(r.left(), r.top(), r.right(), r.bottom()) for r in moving], float)
    other = np.array([(r.left(), r.top(), r.right(), r.bottom()) for r in taken], float)
    low = other[None, :, :2] - one[:, None, 2:] - GAP
    high = other[None, :, 2:] - one[:, None, :2] + GAP
    return np.concatenate([low, high], axis=2).reshape(-1, 4)


def _steps(low: Array, high: Array) -> list[float]:
    """Return the nearest ends of what is forbidden along one axis, on the grid, and to stay where it is."""
    ends = np.concatenate([np.floor(low / GRID), np.ceil(high / GRID), [0.0]]) * GRID
    found: list[float] = sorted(np.unique(ends).tolist(), key=abs)
    return found[:MOST_TRIED]
