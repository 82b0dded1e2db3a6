"""The picture of a decision boundary: colours for the answers, and the line where they change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QWidget

from visualbp.analysis.boundary import Boundary
from visualbp.core.arrays import Array
from visualbp.gui.painting import heat_image
from visualbp.gui.theme import theme
from visualbp.gui.widgets.class_colors import class_color

STRENGTH = 0.62
"""How strongly colours cover the ground: points have to stand out."""


def boundary_image(found: Boundary) -> QImage:
    """Return the answers as an image, a pixel for each point of the grid; the first row is the lowest y."""
    count = found.probabilities.shape[-1]
    if count == 2:
        return heat_image(2.0 * found.score - 1.0, 1.0)
    ground = _rgb(theme().color("neutral"))
    colors = np.array([_rgb(class_color(number, count)) for number in range(count)] + [_rgb(theme().color("error"))])
    sure = (found.confidence - 1.0 / count) / (1.0 - 1.0 / count)
    share = np.clip(np.nan_to_num(sure, nan=1.0), 0.15, 1.0)[..., None]
    pixels = (ground + (colors[found.classes] - ground) * share).round().astype(np.uint32)
    packed = np.ascontiguousarray(0xFF000000 | pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2])
    packed = packed.astype(np.uint32)
    rows, columns = packed.shape
    return QImage(packed.data, columns, rows, columns * 4, QImage.Format.Format_RGB32).copy()


def _rgb(color: QColor) -> np.ndarray:
    return np.array([color.red(), color.green(), color.blue()], float)


def contour(x: Array, y: Array, values: Array) -> list[QLineF]:
    """Return the line where `values` (rows of y, columns of x) is 0, as short pieces: marching squares, with the place
    on each side of a square by linear interpolation. Squares with NaN have none."""
    v00, v01, v10, v11 = values[:-1, :-1], values[:-1, 1:], values[1:, :-1], values[1:, 1:]
    finite = np.isfinite(v00 + v01 + v10 + v11)
    sides = []
    for one, other in ((v00, v01), (v01, v11), (v10, v11), (v00, v10)):  # below, right, above, left
        with np.errstate(all="ignore"):
            sides.append((finite & ((one > 0) != (other > 0)), one / (one - other)))
    lines: list[QLineF] = []
    dx, dy = np.diff(x), np.diff(y)
    crossed = np.argwhere(sides[0][0] | sides[1][0] | sides[2][0] | sides[3][0])
    for row, column in crossed:
        left, low, width, height = x[column], y[row], dx[column], dy[row]
        spots = (
            lambda t, a=left, b=low, w=width: QPointF(a + t * w, b),
            lambda t, a=left + width, b=low, h=height: QPointF(a, b + t * h),
            lambda t, a=left, b=low + height, w=width: QPointF(a + t * w, b),
            lambda t, a=left, b=low, h=height: QPointF(a, b + t * h),
        )
        points = [spot(side[1][row, column]) for spot, side in zip(spots, sides, strict=True) if side[0][row, column]]
        lines += [QLineF(points[place], points[place + 1]) for place in range(0, len(points) - 1, 2)]
    return lines


class BoundaryItem(pg.GraphicsObject):
    """Draws a boundary over its region, smoothly, with the line at 1/2 for two classes."""

    def __init__(self) -> None:
        super().__init__()
        self._found: Boundary | None = None
        self._image = QImage()
        self._lines: list[QLineF] = []
        self._region = QRectF(0, 0, 1, 1)

    def show_boundary(self, found: Boundary | None) -> None:
        """Show the answers of a grid of inputs; with two classes, the line where both are as likely too."""
        self.prepareGeometryChange()
        self._found = found
        if found is not None:
            half_x, half_y = (found.x[1] - found.x[0]) / 2, (found.y[1] - found.y[0]) / 2
            low = QPointF(found.x[0] - half_x, found.y[0] - half_y)
            self._region = QRectF(low, QPointF(found.x[-1] + half_x, found.y[-1] + half_y))
            self._image = boundary_image(found)
            two = found.probabilities.shape[-1] == 2
            self._lines = contour(found.x, found.y, found.score - 0.5) if two else []
        self.update()

    def retheme(self) -> None:
        """Draw the image anew in the colours of the theme."""
        self.show_boundary(self._found)

    def boundingRect(self) -> QRectF:
        return self._region

    def paint(self, painter: QPainter, option: Any, widget: QWidget | None = None) -> None:
        if self._found is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(STRENGTH)
        painter.drawImage(self._region, self._image)
        painter.setOpacity(1.0)
        pen = QPen(theme().color("text"), 1.2)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawLines(self._lines)
        painter.restore()
