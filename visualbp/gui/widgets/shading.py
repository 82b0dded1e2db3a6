"""From numbers to colours: a diverging scale for signed values, a logarithmic one for magnitudes, and the reduction of
large matrices to what the pixels at hand can show. Widgets draw with it; nothing here is a widget."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from PySide6.QtGui import QColor, QImage

from visualbp.core.arrays import Array
from visualbp.gui import painting
from visualbp.gui.painting import NON_FINITE
from visualbp.gui.theme import theme


class Shading(Protocol):
    """A way to give numbers colours: each number's place in a table of 256 colours."""

    def indices(self, values: Array) -> np.ndarray: ...

    def table(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Diverging:
    """Signed values from -limit to limit, zero in the theme's neutral colour."""

    limit: float

    def indices(self, values: Array) -> np.ndarray:
        """Return the place of each number in the table of 256 colours."""
        return painting.shade_indices(values, self.limit)

    def table(self) -> np.ndarray:
        """Return the 256 colours of the theme, from -limit to limit, and that of what is not finite."""
        return painting.color_table()


@dataclass(frozen=True)
class Magnitude:
    """Magnitudes on a logarithmic scale from `low` to `high`; zero takes the colour of `low`."""

    low: float
    high: float

    def indices(self, values: Array) -> np.ndarray:
        """Return the place of each magnitude in the table of 256 colours."""
        with np.errstate(all="ignore"):
            share = np.log(np.abs(values) / self.low) / np.log(self.high / self.low)
            found = np.clip(np.nan_to_num(share, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0) * (NON_FINITE - 1)
            found[~np.isfinite(values)] = NON_FINITE
            return np.rint(found).astype(np.uint8)

    def table(self) -> np.ndarray:
        """Return the 256 colours, from `low` to `high`, and that of what is not finite."""
        return _sequential(theme().palette.name, theme().palette.error)


@lru_cache(maxsize=8)
def _sequential(palette_name: str, mark: str) -> np.ndarray:
    """Return viridis from its dark to its bright end, reversed on a light ground, so that more stands out more."""
    import pyqtgraph

    colors = pyqtgraph.colormap.get("viridis").getLookupTable(0.05, 1.0, NON_FINITE).astype(np.uint32)
    if palette_name == "light":
        colors = colors[::-1]
    table = np.zeros((256, 3), np.uint32)
    table[:NON_FINITE] = colors[:, :3]
    wrong = QColor(mark)
    table[NON_FINITE] = wrong.red(), wrong.green(), wrong.blue()
    return (0xFF000000 | table[:, 0] << 16 | table[:, 1] << 8 | table[:, 2]).astype(np.uint32)


def image_of(matrix: Array, shading: Shading, missing: np.ndarray | None = None) -> QImage:
    """Return a matrix (rows, columns) as an image with one pixel for each cell; cells in `missing` are transparent."""
    rows, columns = matrix.shape
    places = shading.indices(np.asarray(matrix, float))
    pixels = np.ascontiguousarray(shading.table()[places])
    if missing is not None:
        pixels[missing] = 0
    return QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32).copy()


def ink_on(color: QColor) -> QColor:
    """Return the colour, light or dark, that text is legible in on `color`."""
    light = 0.299 * color.redF() + 0.587 * color.greenF() + 0.114 * color.blueF()
    return QColor("#10141a") if light > 0.56 else QColor("#f4f6fa")


def bounds_of(count: int, most: int) -> np.ndarray:
    """Return where `count` cells are cut into at most `most` runs: the first cell of each run."""
    runs = max(1, min(count, most))
    return (np.arange(runs) * count) // runs


def peaks(matrix: Array, rows: int, columns: int) -> Array:
    """Return the matrix, or each of several (..., rows, columns), cut to at most (rows, columns).

    Of all cells that share a pixel, the one of largest magnitude stays.

    Nothing that stands out is lost, whatever the size of the picture: a NaN or an infinity among them is kept.
    """
    found = matrix
    for axis, most in ((-2, rows), (-1, columns)):
        if found.shape[axis] > max(1, most):
            starts = bounds_of(found.shape[axis], most)
            high = np.maximum.reduceat(found, starts, axis)
            low = np.minimum.reduceat(found, starts, axis)
            with np.errstate(invalid="ignore"):
                found = np.where(high > -low, high, low)
    return found


def nice_limit(limit: float) -> float:
    """Return the next round number at or above `limit`: a range that is easy to read and seldom changes."""
    if not 1e-290 < limit < 1e300:
        return limit
    power = 10.0 ** np.floor(np.log10(limit))
    for step in (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0):
        if limit <= step * power * (1 + 1e-9):
            return float(step * power)
    return float(10 * power)


class SharedRange:
    """The range that all cells of a panel share. Arrays never change, so each is measured once."""

    def __init__(self) -> None:
        self._measured: dict[object, tuple[Array, float]] = {}

    def limit(self, arrays: dict[object, Array]) -> float:
        """Return the range of these arrays (by any key): a round number at or above the largest magnitude."""
        self._measured = {key: kept for key, kept in self._measured.items() if key in arrays}
        largest = 0.0
        for key, array in arrays.items():
            kept = self._measured.get(key)
            if kept is None or kept[0] is not array:
                kept = self._measured[key] = (array, painting.shared_limit(array))
            largest = max(largest, kept[1])
        return nice_limit(largest) if largest > 1e-299 else 1.0
