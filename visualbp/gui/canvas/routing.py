"""The paths of connections: straight on where nothing is in the way, and above the cards that would be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from visualbp.core.arrays import Array

LONG = 180.0
"""Shorter connections have no room for a card in their way."""
CLEAR = 26.0
"""How far above a card a skip connection passes."""
LANE = 9.0
"""How much higher it passes for each further card that it skips, so that nested ones do not lie on each other."""
MOST_LANES = 8
FALL = 120.0
"""From this height on, a connection to the left runs between the rows of cards."""
TURN = 42.0


@dataclass(frozen=True, eq=False)
class Obstacles:
    """The bodies of all cards, as columns left, top, right, bottom, for a quick look at which are in the way."""

    bounds: Array

    @classmethod
    def of(cls, bodies: list[QRectF]) -> Obstacles:
        """Return the obstacles that these cards are."""
        rows = [(body.left(), body.top(), body.right(), body.bottom()) for body in bodies]
        return cls(np.array(rows, float).reshape(-1, 4))

    def between(self, start: QPointF, end: QPointF) -> Array:
        """Return the bounds of the cards that a straight run from `start` to `end` would cross."""
        low, high = min(start.y(), end.y()) - 6, max(start.y(), end.y()) + 6
        left, top, right, bottom = self.bounds.T
        crossed = (left > start.x() + 1) & (right < end.x() - 1) & (bottom > low) & (top < high)
        return self.bounds[crossed]


NO_OBSTACLES = Obstacles(np.zeros((0, 4)))


@dataclass(frozen=True, eq=False)
class Route:
    """A connection's path, and where its label stands."""

    path: QPainterPath
    label: QPointF
    corners: tuple[QPointF, ...] = ()
    """The path as straight pieces, which is what can be seen of it from far away."""


def route(start: QPointF, end: QPointF, obstacles: Obstacles = NO_OBSTACLES) -> Route:
    """Return the path from an output port to an input port."""
    if end.x() - start.x() > LONG and len(obstacles.bounds):
        crossed = obstacles.between(start, end)
        if len(crossed):
            return _above(start, end, crossed)
    if end.x() < start.x() + 20 and abs(end.y() - start.y()) > FALL:
        return _return(start, end)
    return _bezier(start, end)


def _bezier(start: QPointF, end: QPointF) -> Route:
    across = end.x() - start.x()
    reach = max(abs(across) * 0.5, min(90.0, 24 + abs(end.y() - start.y()) * 0.3)) if across < 60 else across * 0.5
    if across < 0:
        reach = min(max(60.0, -across * 0.6), 320.0)
    path = QPainterPath(start)
    path.cubicTo(start + QPointF(reach, 0), end - QPointF(reach, 0), end)
    return Route(path, path.pointAtPercent(0.5), (start, end))


def _return(start: QPointF, end: QPointF) -> Route:
    """Return a path to the left, such as from the end of a row to the start of the next: along the middle between."""
    level = (start.y() + end.y()) / 2
    path = QPainterPath(start)
    turn = min(TURN, abs(level - start.y()) * 0.6)
    path.cubicTo(start.x() + turn, start.y(), start.x() + turn, level, start.x() + turn - 40, level)
    path.lineTo(end.x() - turn + 40, level)
    path.cubicTo(end.x() - turn, level, end.x() - turn, end.y(), end.x(), end.y())
    right, left = start.x() + turn, end.x() - turn
    corners = (
        start, QPointF(right, start.y()), QPointF(right, level), QPointF(left, level), QPointF(left, end.y()), end,
    )  # fmt: skip
    return Route(path, QPointF((start.x() + end.x()) / 2, level), corners)


def _above(start: QPointF, end: QPointF, crossed: Array) -> Route:
    """Return a path over the cards: up beside the first, along above all of them, down beside the last."""
    lanes = min(len(crossed), MOST_LANES)
    level = min(float(crossed[:, 1].min()), start.y(), end.y()) - CLEAR - LANE * (lanes - 1)
    first, last = float(crossed[:, 0].min()), float(crossed[:, 2].max())
    rise, fall = max(first - start.x(), 40.0), max(end.x() - last, 40.0)
    path = QPainterPath(start)
    path.cubicTo(start.x() + rise * 0.9, start.y(), start.x() + rise * 0.15, level, start.x() + rise + 22, level)
    path.lineTo(end.x() - fall - 22, level)
    path.cubicTo(end.x() - fall * 0.15, level, end.x() - fall * 0.9, end.y(), end.x(), end.y())
    corners = (start, QPointF(start.x() + rise, level), QPointF(end.x() - fall, level), end)
    return Route(path, QPointF((first + last) / 2, level), corners)
