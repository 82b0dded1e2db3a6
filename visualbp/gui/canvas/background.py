"""The background of the canvas: dots on a grid, coarser when zoomed out."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from visualbp.gui.canvas.geometry import GRID
from visualbp.gui.theme import theme

CLOSEST = 18.0
"""Pixels between two dots, at least."""


def draw_background(painter: QPainter, rect: QRectF, zoom: float) -> None:
    """Fill `rect` of the scene, and set the dots in it."""
    painter.fillRect(rect, theme().color("background"))
    step = 2 * GRID
    while step * zoom < CLOSEST:
        step *= 2
    pen = QPen(theme().color("line", 0.9 if theme().is_dark else 1.0), 1.6 if zoom >= 0.75 else 1.2)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    left, top = math.floor(rect.left() / step) * step, math.floor(rect.top() / step) * step
    columns = range(math.ceil((rect.right() - left) / step) + 1)
    rows = range(math.ceil((rect.bottom() - top) / step) + 1)
    painter.drawPoints([QPointF(left + step * column, top + step * row) for column in columns for row in rows])
