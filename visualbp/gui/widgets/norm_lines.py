"""Norms as lines: over iterations, a line for each layer."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from visualbp.gui.theme import theme
from visualbp.gui.widgets.links import Link, Links
from visualbp.gui.widgets.norm_history import NormHistory
from visualbp.gui.widgets.plot import Axis, Plot, decimated, line_pen

MEASURE_LINKS = (
    Link("delta", "‖δ‖", "the norm of δ over iterations"),
    Link("weight", "‖∂W‖", "the norm of the weights' gradient over iterations"),
    Link("bias", "‖∂b‖", "the norm of the biases' gradient over iterations"),
    Link("ratio", "update : weight", "the update, relative to the weights, over iterations"),
)
MOST_LINES = 48
"""Layers that get a line of their own; of more, evenly spaced ones do."""

FEWEST_DECADES, MOST_DECADES = 4, 40


def depth_color(place: int, count: int) -> QColor:
    """Return the colour of a layer by its depth: first to last along a sequential map, legible in both themes."""
    low, high = (0.25, 1.0) if theme().is_dark else (0.0, 0.78)
    share = low + (high - low) * (place / max(1, count - 1))
    red, green, blue, _ = pg.colormap.get("viridis").map(share, mode="byte")
    return QColor(int(red), int(green), int(blue))


def decade_range(logs: np.ndarray, present: tuple[float, float], fewest: float = FEWEST_DECADES) -> tuple[float, float]:
    """Return whole decades, `fewest` or more, that hold all finite log10 values. It stays at `present` while that fits
    well enough, so that the picture does not jump."""
    finite = logs[np.isfinite(logs)]
    if not finite.size:
        return present
    low, high = float(np.floor(finite.min() - 0.2)), float(np.ceil(finite.max() + 0.05))
    low = max(min(low, high - fewest), high - MOST_DECADES)
    if low >= present[0] and high <= present[1] and (high - low) * 1.6 >= present[1] - present[0]:
        return present
    return low, high


def log10_of(values: np.ndarray) -> np.ndarray:
    """Return log10 of values, NaN for what has none: absent, zero, or not finite."""
    with np.errstate(all="ignore"):
        logs = np.log10(values)
    logs[~np.isfinite(logs)] = np.nan
    return logs


class LayerKey(QWidget):
    """The names of the lines, by colour, in the order of the layers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: tuple[str, ...] = ()
        self.chosen: str | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def show_names(self, names: tuple[str, ...], chosen: str | None) -> None:
        """Show a name for each line, in its colour; the chosen one stands out."""
        if (names, chosen) != (self.names, self.chosen):
            self.names, self.chosen = names, chosen
            self.setAccessibleName("Lines: " + ", ".join(names))
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(84), theme().px(60))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, current = QPainter(self), theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(current.font(10))
        height = min(current.px(16), self.height() / max(1, len(self.names)))
        every = max(1, int(np.ceil(current.px(12) / max(height, 1e-9))))
        for place in range(0, len(self.names), every):
            middle = (place + 0.5) * height
            painter.setPen(QPen(depth_color(place, len(self.names)), 2))
            painter.drawLine(QPointF(2, middle), QPointF(current.px(12), middle))
            box = QRectF(current.px(17), middle - current.px(8), self.width() - current.px(17), current.px(16))
            name = self.names[place]
            painter.setPen(current.color("text" if name == self.chosen else "dim"))
            text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, int(box.width()))
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


class NormsOverTime(QWidget):
    """A measure of every layer over iterations, on a logarithmic axis."""

    def __init__(self, history: NormHistory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.history = history
        self.measures = Links(MEASURE_LINKS, "Measure", "weight")
        self.measures.chosen.connect(self._on_measure)
        self.plot = Plot(Axis("left", "decades"), Axis("bottom"))
        self.plot.setAccessibleName("Norms over iterations, a line for each layer")
        self.marker = pg.InfiniteLine(angle=90, movable=False)
        self.plot.addItem(self.marker, ignoreBounds=True)
        self.key = LayerKey()
        self._curves: list[pg.PlotCurveItem] = []
        self._range = (-4.0, 0.0)
        self._iteration, self._chosen = 0, None  # type: tuple[int, str | None]
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.plot, 1)
        row.addWidget(self.key)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(10, 0, 10, 0)
        head.addWidget(self.measures)
        head.addStretch(1)
        column.addLayout(head)
        column.addLayout(row, 1)

    def retheme(self) -> None:
        self.plot.retheme()
        self.marker.setPen(line_pen(theme().color("dim"), dashed=True))
        self.key.updateGeometry()
        self.key.update()

    def show_history(self, iteration: int, chosen: str | None) -> None:
        """Draw what the history holds, with a mark at an iteration; the chosen layer's line stands out."""
        self._iteration, self._chosen = iteration, chosen
        history = self.history
        layers = tuple(name for name in history.layers if np.isfinite(history.series(name, self.measures.key)).any())
        if len(layers) > MOST_LINES:
            layers = tuple(layers[place] for place in np.linspace(0, len(layers) - 1, MOST_LINES).round().astype(int))
        self.key.show_names(layers, chosen)
        while len(self._curves) < len(layers):
            curve = pg.PlotCurveItem(connect="finite", skipFiniteCheck=False)
            self._curves.append(curve)
            self.plot.addItem(curve)
        columns = max(50, self.plot.width())
        everything = [log10_of(history.series(name, self.measures.key).copy()) for name in layers]
        x = history.iterations.astype(float)
        for place, curve in enumerate(self._curves):
            if place >= len(layers):
                curve.setData([], [])
                continue
            color = depth_color(place, len(layers))
            color.setAlphaF(1.0 if chosen in (None, layers[place]) or chosen not in layers else 0.35)
            curve.setPen(line_pen(color))
            curve.setData(*decimated(x, everything[place], columns))
        self._range = decade_range(np.concatenate(everything) if everything else np.zeros(0), self._range)
        last = max(float(x[-1]) if len(x) else 0.0, float(iteration))
        first = float(x[0]) if len(x) else 0.0
        self.plot.set_range((first, max(last, first + 4.0)), self._range)
        self.marker.setValue(iteration)

    @Slot(str)
    def _on_measure(self, key: str) -> None:
        self.show_history(self._iteration, self._chosen)
