"""How numbers look: heat maps through a look-up table, hatching for what is not there, and four significant digits."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen, QPixmap

from visualbp.core.arrays import Array
from visualbp.gui.theme import theme

STEPS = 127
"""Shades on each side of zero."""
NON_FINITE = 2 * STEPS + 1
"""The place in the look-up table of what is not finite."""


@lru_cache(maxsize=8)
def _diverging(palette_name: str, negative: str, neutral: str, positive: str, mark: str) -> np.ndarray:
    """Return 256 colours (0xffRRGGBB): blue to neutral to red in equal steps of lightness, and the mark for non-finite.

    The ends are CET-D1's blue and red, the middle is the theme's own neutral, so that zero recedes into the card.
    """

    def rgb(color: str) -> np.ndarray:
        found = QColor(color)
        return np.array([found.red(), found.green(), found.blue()], float)

    ends = rgb(negative), rgb(neutral), rgb(positive)
    share = np.linspace(0.0, 1.0, STEPS + 1)[:, None]
    low = ends[1] + (ends[0] - ends[1]) * share[::-1]
    high = ends[1] + (ends[2] - ends[1]) * share
    table = np.vstack([low, high[1:], rgb(mark)[None]])
    table = np.vstack([table, np.zeros((256 - len(table), 3))]).round().astype(np.uint32)
    return (0xFF000000 | table[:, 0] << 16 | table[:, 1] << 8 | table[:, 2]).astype(np.uint32)


def color_table() -> np.ndarray:
    """Return the look-up table of the theme in use: 2 * STEPS + 1 shades, then the colour of non-finite values."""
    palette = theme().palette
    return _diverging(palette.name, palette.negative, palette.neutral, palette.positive, palette.error)


def shared_limit(*arrays: Array | None) -> float:
    """Return the largest finite magnitude of all arrays, the range that a panel's cells share; at least 1e-300."""
    limit = 0.0
    for array in arrays:
        if array is not None and array.size:
            largest = max(float(array.max()), -float(array.min()))
            if not math.isfinite(largest):
                finite = array[np.isfinite(array)]
                largest = float(np.abs(finite).max()) if finite.size else 0.0
            limit = max(limit, largest)
    return max(limit, 1e-300)


def shade_indices(values: Array, limit: float) -> np.ndarray:
    """Return each value's place in the look-up table for the range -limit to limit."""
    with np.errstate(all="ignore"):
        scaled = np.clip(values * (STEPS / limit), -STEPS, STEPS)
        bad = ~np.isfinite(values)
        scaled[bad] = STEPS + 1
        return (np.rint(scaled) + STEPS).astype(np.uint8)


def heat_image(matrix: Array, limit: float) -> QImage:
    """Return a matrix (rows, columns) as an image with one pixel for each cell, on the diverging map."""
    rows, columns = matrix.shape
    pixels = np.ascontiguousarray(color_table()[shade_indices(np.array(matrix, float), limit)])
    return QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_RGB32).copy()


def shade(value: float, limit: float) -> QColor:
    """Return the colour of one value."""
    index = int(shade_indices(np.array([value], float), limit)[0])
    return QColor.fromRgb(int(color_table()[index]))


@lru_cache(maxsize=16)
def _hatch_tile(color: str, step: int) -> QPixmap:
    tile = QPixmap(step, step)
    tile.fill(Qt.GlobalColor.transparent)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(color), 1))
    for start in (-step, 0, step):
        painter.drawLine(start, step, start + step, 0)
    painter.end()
    return tile


def draw_absent(painter: QPainter, rect: QRectF, text: str = "") -> None:
    """Draw the hatching that says: not computed yet (which is not zero), with `text` where there is room for it."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme().color("line"), 1))
    painter.setBrush(QBrush(_hatch_tile(theme().color("line").name(), 8)))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
    if text and rect.height() >= 14:
        font = theme().font(11)
        painter.setFont(font)
        box = QRectF(painter.fontMetrics().boundingRect(text)).adjusted(-8, -3, 8, 3)
        if box.width() <= rect.width():
            box.moveCenter(rect.center())
            painter.setPen(QPen(theme().color("line"), 1))
            painter.setBrush(theme().color("panel"))
            painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
            painter.setPen(theme().color("dim"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def number_text(value: float | None, signed: bool = False) -> str:
    """Return a number with 4 significant digits, plain from 0.001 to 99999; a true minus sign keeps columns aligned."""
    return "not yet" if value is None else _number_text(float(value), signed)


@lru_cache(maxsize=1024)  # the same numbers are measured, painted and told to screen readers
def _number_text(value: float, signed: bool) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "−inf"
    sign = "+" if signed and value > 0 else ""
    size = abs(value)
    if value == 0:
        return "0"
    if 1e-3 <= size < 1e5:
        rounded = float(f"{size:.3e}")  # 0.0099999 rounds to 0.01, which has one place less
        text = f"{value:.{max(0, 3 - math.floor(math.log10(rounded)))}f}"
    else:
        text = f"{value:.3e}"
    return sign + text.replace("-", "−", 1) if value < 0 else sign + text


def short_text(value: float) -> str:
    """Return a number in seven signs at most, as `−6.0e-5`: for a cell that has no room for four digits of it."""
    for digits in (1, 0):
        mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
        text = f"{mantissa}e{int(exponent)}" if exponent else mantissa  # nan and inf have none
        if len(text) <= 7:
            break
    return text.replace("-", "−", 1) if value < 0 else text


def exact_text(value: float) -> str:
    """Return the shortest text that reads back as exactly this number, for hovering and copying."""
    return repr(float(value))


def as_matrix(array: Array) -> Array:
    """Return any array as a matrix to draw: a vector as one row, deeper arrays with their first axis as rows."""
    if array.ndim == 0:
        return array.reshape(1, 1)
    if array.ndim == 1:
        return array.reshape(1, -1)
    return array.reshape(array.shape[0], -1)
