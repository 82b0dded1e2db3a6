"""Which card lies next to another one, as the arrow keys see it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF

SLOPE = {True: 1.0, False: 2.0}
"""How far aside a card may lie for each unit that it lies ahead, along the row and across the rows: rows are wider
apart than the cards in them, and the last one is often short."""


def neighbour(bodies: Mapping[str, QRectF], start: str, x: int, y: int) -> str | None:
    """Return the card that is next to `start` in the direction (x, y), which is that of an arrow key; None if there
    is none. Cards that are level with it come before all others."""
    own = bodies[start]
    best: tuple[bool, float, str] | None = None
    for name, body in bodies.items():
        apart = body.center() - own.center()
        ahead, aside = (apart.x() * x, abs(apart.y())) if x else (apart.y() * y, abs(apart.x()))
        if name == start or ahead < 1:
            continue
        level = aside < (own.height() + body.height()) / 2 if x else aside < (own.width() + body.width()) / 2
        if level or aside <= SLOPE[bool(x)] * ahead:
            score = not level, ahead + (0.5 if level else 2.0) * aside, name
            best = score if best is None or score < best else best
    return None if best is None else best[2]


def nearest(bodies: Mapping[str, QRectF], place: QPointF) -> str | None:
    """Return the card whose centre is nearest to a place."""
    return min(bodies, key=lambda name: _distance(bodies[name].center() - place), default=None)


def _distance(apart: QPointF) -> float:
    return float(apart.x() ** 2 + apart.y() ** 2)
