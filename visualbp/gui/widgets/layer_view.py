"""One layer's value in full: heat map, histogram, and a few statistics; beside each other where the panel is wide."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from visualbp.core.arrays import Array, shape_text
from visualbp.gui.painting import number_text
from visualbp.gui.theme import theme
from visualbp.gui.widgets.elided_label import ElidedLabel
from visualbp.gui.widgets.heat_map import HeatMap
from visualbp.gui.widgets.heat_strip import StripRow
from visualbp.gui.widgets.heat_tile import sample_grid
from visualbp.gui.widgets.histogram import Histogram
from visualbp.gui.widgets.shading import Diverging
from visualbp.layers import Value

ROLE_WORDS = {"upstream": "∂L/∂h", "delta": "δ"}


def statistics(array: Array) -> str:
    """Return mean, standard deviation, extremes, and the share of zeros, in one line; NaN and infinity are left out."""
    flat = np.asarray(array, float).reshape(-1)
    wrong = int(np.count_nonzero(~np.isfinite(flat)))
    finite = flat[np.isfinite(flat)] if wrong else flat
    if not finite.size:
        return "no finite number" if flat.size else "no numbers"
    with np.errstate(over="ignore", invalid="ignore"):
        parts = [f"mean {number_text(float(finite.mean()))}", f"sd {number_text(float(finite.std()))}"]
    zeros = np.count_nonzero(finite == 0) / finite.size
    if zeros:
        parts.append(f"zero {zeros:.0%}")
    parts += [f"min {number_text(float(finite.min()))}", f"max {number_text(float(finite.max()))}"]
    return "  ".join(parts)


class LayerView(QWidget):
    """A value of one layer: `back_asked` when a person wants all layers again."""

    number_chosen = Signal(object, object)
    back_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.back = QPushButton("‹ all")
        self.back.setProperty("link", True)
        self.back.setToolTip("Show all layers (Esc)")
        self.back.setAccessibleName("Show all layers")
        self.back.clicked.connect(self.back_asked)
        self.name = ElidedLabel(weight=QFont.Weight.DemiBold)
        self.facts = ElidedLabel(size=10, tone="dim", mono=True)
        self.shape = QLabel()
        self.shape.setProperty("dim", True)
        self.heat_map, self.histogram = HeatMap(), Histogram()
        self.heat_map.number_chosen.connect(self.number_chosen)
        self.histogram.number_chosen.connect(self.number_chosen)
        title = QHBoxLayout()
        title.setSpacing(6)
        title.addWidget(self.back)
        title.addWidget(self.name, 1)
        title.addWidget(self.shape)
        self.pictures = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self.pictures.setSpacing(8)
        self.pictures.addWidget(self.heat_map, 3)
        self.pictures.addWidget(self.histogram, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 0)
        column.setSpacing(4)
        column.addLayout(title)
        column.addLayout(self.pictures, 1)
        column.addWidget(self.facts)
        theme().changed.connect(self.retheme)
        self.retheme()
        self._facts_of: Array | None = None
        self._facts_sample: int | None = None

    def retheme(self) -> None:
        self.back.setFont(theme().font(11))
        self.shape.setFont(theme().font(11, mono=True))

    def show_row(self, row: StripRow, limit: float, sample: int | None, note: str = "") -> None:
        """Show a row of the strip in full: the whole batch, or one `sample` of it. `note` goes beside the name."""
        array, grid = row.array, None
        if array is None or array.ndim < 2:
            sample = None
        elif sample is not None:
            sample = min(sample, len(array) - 1)
            grid = sample_grid(array.shape, sample, self.heat_map.width(), self.heat_map.height())
        role = ROLE_WORDS.get(row.value.role, row.value.role)
        self.name.setText(f"{row.value.layer}  {role}" + (f"   ({note})" if note else ""))
        self.shape.setText("outdated" if row.stale else shape_text(row.shape))
        self.heat_map.show_array(row.value, array, Diverging(limit), grid, row.stale)
        self.histogram.show_array(row.value, array, limit, row.stale, sample)
        if array is not self._facts_of or sample != self._facts_sample:
            self.facts.show_text(" " if array is None else statistics(array if sample is None else array[sample]))
            self._facts_of, self._facts_sample = array, sample

    def mark_number(self, number: tuple[Value, tuple[int, ...]] | None) -> None:
        self.heat_map.mark_number(number)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = event.size().width() > 2.2 * event.size().height()
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self.pictures.direction() != direction:
            self.pictures.setDirection(direction)
