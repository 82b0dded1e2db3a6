"""The relative errors of one tensor of a gradient check, as a heat map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QResizeEvent

from visualbp.analysis.gradient_check_result import TensorCheck
from visualbp.core.arrays import Array, size_of
from visualbp.core.ref import Ref
from visualbp.gui.axes import PARAMETER_AXES, place_words
from visualbp.gui.copying import Copy, copies_of_tensor, row_text
from visualbp.gui.painting import exact_text
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import Cell, Sheet
from visualbp.gui.widgets.check_rows import HIGHEST, LOWEST, error_text
from visualbp.gui.widgets.heat_map import HeatMap
from visualbp.gui.widgets.heat_tile import HeatTile, Meaning
from visualbp.gui.widgets.sheets import fit_squares

UNMEASURED = 255
"""The place in the table of what was not measured; below it the lower half passes, the upper half fails."""
HALF = 127


@dataclass(frozen=True)
class ErrorShading:
    """Relative errors on a logarithmic scale: up to the tolerance from the ground's colour to the colour of a pass,
    above it in the colours of a failure; what was not measured has the colour of a line."""

    tolerance: float

    def indices(self, values: Array) -> np.ndarray:
        """Return the place of each error in the table of 256 colours."""
        with np.errstate(all="ignore"):
            logs = np.log(np.maximum(values, LOWEST))
        low, middle, high = np.log(LOWEST), np.log(self.tolerance), np.log(HIGHEST)
        passing = np.clip((logs - low) / (middle - low), 0, 1) * (HALF - 1)
        failing = HALF + np.clip((logs - middle) / (high - middle), 0, 1) * HALF
        places = np.where(values > self.tolerance, failing, passing)
        places[np.isnan(values)] = UNMEASURED
        return np.rint(places).astype(np.uint8)

    def table(self) -> np.ndarray:
        """Return the 256 colours, as 0xAARRGGBB."""
        current = theme()
        low, passed, error = current.color("neutral"), current.color("passed"), current.color("error")
        colors = np.zeros((256, 3))
        colors[:HALF] = _ramp(low, passed, HALF, 0.0, 0.8)
        colors[HALF:UNMEASURED] = _ramp(low, error, UNMEASURED - HALF, 0.6, 1.0)
        colors[UNMEASURED] = _rgb(current.color("line"))
        table = colors.round().astype(np.uint32)
        return (0xFF000000 | table[:, 0] << 16 | table[:, 1] << 8 | table[:, 2]).astype(np.uint32)


def _rgb(color: QColor) -> np.ndarray:
    return np.array([color.red(), color.green(), color.blue()], float)


def _ramp(start: QColor, end: QColor, count: int, low: float, high: float) -> np.ndarray:
    one, other = _rgb(start), _rgb(end)
    return one + (other - one) * np.linspace(low, high, count)[:, None]


class ErrorMap(HeatMap):
    """A heat map of a TensorCheck. Failed numbers are crossed; hovering tells both gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.tile.cell_text = error_text
        self.check: TensorCheck | None = None
        self._crossed: Array | None = None
        self._drawn = 1e-5, False

    def show_check(self, layer: str, parameter: str, check: TensorCheck, tolerance: float, stale: bool) -> None:
        """Show the errors of a parameter; its numbers go by the name of its gradient."""
        if self.check is not check:
            self.check, self._crossed = check, check.failed
        value = Ref(layer, parameter).gradient
        self._drawn = tolerance, stale
        meaning = Meaning(PARAMETER_AXES.get(check.errors.ndim, ()))
        shading = ErrorShading(tolerance)
        self.show_array(value, check.errors, shading, self._tiled(), stale, self._crossed, meaning=meaning)
        self.setAccessibleName(f"Relative errors of {layer}.{parameter}")

    def _tiled(self) -> Sheet | None:
        """Return filters, and whatever else has more than two axes, as tiles; None for a plain table."""
        shape = () if self.check is None else self.check.errors.shape
        if len(shape) not in (3, 4):
            return None
        return fit_squares(size_of(shape[:-2]), shape[-2], shape[-1], self.width(), self.height(), theme().px(3))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.check is not None:
            name = self.tile.value
            self.show_check(name.layer, name.role, self.check, *self._drawn)

    def copies_at(self, tile: HeatTile, cell: Cell) -> list[Copy]:
        index, check = tile.index_of(cell), self.check
        if index is None or check is None:
            return []
        computed, measured = float(check.analytic[index]), float(check.numeric[index])
        return [
            ("Copy number", lambda: exact_text(computed)),
            ("Copy measured number", lambda: exact_text(measured)),
            ("Copy row", lambda: row_text(check.analytic[index[:-1]])),
            *copies_of_tensor(check.analytic, "gradient"),
            *copies_of_tensor(check.numeric, "measured gradient"),
        ]

    def hover_text(self, point: QPointF) -> str:
        cell, check = self.tile.cell_at(point), self.check
        index = None if cell is None else self.tile.index_of(cell)
        if index is None or check is None:
            return ""
        place = f"[{', '.join(map(str, index))}]" if index else ""
        entry = check.entry(index, self._drawn[0])
        said = entry.words if entry.error is None else f"{entry.words}, relative error {error_text(entry.error)}"
        name = f"{self.tile.value.layer}.∂{self.tile.value.timed_role}"
        return (
            f"{name}{place}: {said}\nbackpropagation {exact_text(check.analytic[index])}\n"
            f"finite difference {exact_text(check.numeric[index])}"
            + (f"\n{place_words(self.tile.meaning.axes, index)}" if len(index) > 2 else "")
        )
