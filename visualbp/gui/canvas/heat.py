"""The matrices in one row of a card as pictures, a pixel for each cell: forty filters cost little more than one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QImage, QPainter, QPen

from visualbp.core.arrays import Array
from visualbp.gui.painting import color_table, shade_indices
from visualbp.gui.theme import theme

SMALLEST_WITH_GAP = 5
"""Pixels of a cell from which on there is a thin gap beside it."""
MOST_CROSSES = 400
"""Cells that are crossed out; beyond, crosses merge anyway."""


class HeatRow:
    """Matrices that never change, and their images: a card is painted anew for many reasons but its numbers."""

    def __init__(self, matrices: Sequence[Array]) -> None:
        self._matrices = matrices
        self._bad = {
            number: np.argwhere(~finite)
            for number, matrix in enumerate(matrices)
            if not (finite := np.isfinite(matrix)).all()
        }
        self._key: object = None
        self._images: list[QImage] = []
        self._gaps: list[QLineF] | None = None

    def images(self, limit: float) -> list[QImage]:
        """Return the images for the range -limit to limit."""
        key = (limit, theme().palette.name)
        if key != self._key:
            flat = np.concatenate([np.asarray(matrix, float).ravel() for matrix in self._matrices])
            pixels, start = color_table()[shade_indices(flat, limit)], 0
            self._key, self._images = key, []
            for matrix in self._matrices:
                own = np.ascontiguousarray(pixels[start : start + matrix.size])
                rows, columns = matrix.shape
                image = QImage(own.data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
                self._images.append(image.copy())
                start += matrix.size
        return self._images

    def paint(self, painter: QPainter, places: list[QRectF], limit: float, gaps: bool = True) -> None:
        """Draw each matrix into its place, each cell filled evenly; with `gaps`, thin ones between cells where there is
        room for them. `gaps` are asked for at the same places always."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        for place, image in zip(places, self.images(limit), strict=True):
            painter.drawImage(place, image)
        if gaps:
            if self._gaps is None:
                self._gaps = self._gap_lines(places)
            if self._gaps:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
                painter.setPen(QPen(theme().color("card"), 1))
                painter.drawLines(self._gaps)
        for number, cells in self._bad.items():
            self._cross_out(painter, places[number], number, cells)
        painter.restore()

    def _gap_lines(self, places: list[QRectF]) -> list[QLineF]:
        lines: list[QLineF] = []
        for place, matrix in zip(places, self._matrices, strict=True):
            rows, columns = matrix.shape
            if place.width() / columns >= SMALLEST_WITH_GAP:
                for column in range(1, columns):
                    x = place.left() + place.width() * column / columns
                    lines.append(QLineF(x, place.top(), x, place.bottom()))
            if place.height() / rows >= SMALLEST_WITH_GAP:
                for row in range(1, rows):
                    y = place.top() + place.height() * row / rows
                    lines.append(QLineF(place.left(), y, place.right(), y))
        return lines

    def _cross_out(self, painter: QPainter, place: QRectF, number: int, cells: Array) -> None:
        """Cross out what is not finite: a sign as well as a colour."""
        rows, columns = self._matrices[number].shape
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(theme().color("on_accent"), 1.2))
        width, height = place.width() / columns, place.height() / rows
        for row, column in cells[:MOST_CROSSES]:
            cell = QRectF(place.left() + column * width, place.top() + row * height, width, height)
            inner = cell.adjusted(width * 0.25, height * 0.25, -width * 0.25, -height * 0.25)
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
