"""Plots in the program's own style: quiet axes, a grid that recedes, ranges that are set and never guessed.

pyqtgraph's automatic ranges cost more than its drawing and make pictures jump; whoever owns a plot sets its ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from visualbp.gui.theme import theme


def decade_text(power: float) -> str:
    """Return 10 to a power as on an axis: `1e-3`, and `0.05` for what is between decades."""
    if abs(power - round(power)) > 1e-6:
        return f"{10.0**power:.2g}" if power > -3 else f"{10.0**power:.0e}".replace("e-0", "e−").replace("e-", "e−")
    return f"1e{round(power):d}".replace("-", "−")


class RoomyAxis(pg.AxisItem):
    """An axis whose first and last labels may reach beyond its ends, with a grid too."""

    def boundingRect(self) -> QRectF:
        margin = theme().px(12)
        if self.orientation in ("left", "right"):
            return super().boundingRect().adjusted(0, -margin, 0, margin)
        return super().boundingRect().adjusted(-2 * margin, 0, 2 * margin, 0)


class Axis(RoomyAxis):
    """An axis with few round ticks. `kind` is plain, percent (of shares), or decades (of log10 values)."""

    def __init__(self, orientation: str, kind: Literal["plain", "percent", "decades"] = "plain") -> None:
        super().__init__(orientation)
        self.kind = kind

    def set_kind(self, kind: Literal["plain", "percent", "decades"]) -> None:
        """Write the labels as numbers, as percent, or as powers of ten."""
        if kind != self.kind:
            self.kind = kind
            self.picture = None
            self.update()

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        extent = maxVal - minVal
        if not np.isfinite(extent) or extent <= 0:
            return []
        upright = self.orientation in ("left", "right")
        most = max(2, int(size / theme().px(26 if upright else 56)))
        return decade_ticks(minVal, maxVal, most) if self.kind == "decades" else plain_ticks(minVal, maxVal, most)

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        if self.kind == "decades":
            return [decade_text(value) for value in values]
        if self.kind == "percent":
            return [f"{value:.0%}" for value in values]
        return [plain_text(value, spacing) for value in values]


def plain_text(value: float, spacing: float) -> str:
    """Return a tick's number: `1,500`, `250k`, `1.5M`, `0.05`."""
    text = f"{value:.4g}"
    if spacing >= 1:
        text = f"{value:,.0f}"
        for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
            if abs(value) >= size:
                text = f"{value / (1e3 if letter == 'k' else size):g}{letter}"
                break
    return text.replace("-", "−")


def decade_ticks(low: float, high: float, most: int) -> list[tuple[float, list[float]]]:
    """Return ticks for log10 values: every decade, or every second, third ... where they are dense; 2 and 5 within
    decades where there is room."""
    decades = high - low
    if decades * 3 <= most:
        within = [power + part for power in range(int(np.floor(low)), int(np.ceil(high)) + 1) for part in LOG_1_2_5]
        return [(1.0, [tick for tick in within if low - 1e-9 <= tick <= high + 1e-9])]
    step = next((s for s in (1, 2, 3, 5, 10, 20, 50, 100) if decades / s <= most), 200)
    first = int(np.ceil(low / step - 1e-9)) * step
    return [(float(step), [float(power) for power in range(first, int(np.floor(high + 1e-9)) + 1, step)])]


LOG_1_2_5 = (0.0, float(np.log10(2)), float(np.log10(5)))


def plain_ticks(low: float, high: float, most: int) -> list[tuple[float, list[float]]]:
    """Return ticks at multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / max(2, most)
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(float(s * power) for s in (1, 2, 5, 10) if rough <= s * power * (1 + 1e-9))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [(step, [place * step for place in range(first, last + 1)])]


class Plot(pg.PlotWidget):
    """A plot without menus and automatic ranges. `left` and `bottom` are its axes."""

    def __init__(
        self, left: pg.AxisItem | None = None, bottom: pg.AxisItem | None = None, parent: QWidget | None = None
    ) -> None:
        self.left = left or Axis("left")
        self.bottom = bottom or Axis("bottom")
        super().__init__(parent, background=None, axisItems={"left": self.left, "bottom": self.bottom})
        self.setFrameShape(self.Shape.NoFrame)
        self.item = self.getPlotItem()
        self.item.hideButtons()
        self.item.setMenuEnabled(False)
        menu = self.item.ctrlMenu
        menu.setParent(self, menu.windowFlags())  # or it outlives the plot, as a window of its own
        self.view = self.item.getViewBox()
        self.view.disableAutoRange()
        self.view.setDefaultPadding(0.0)
        self.view.setMouseEnabled(False, False)
        self._wanted: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 1.0), (0.0, 1.0))
        self.item.layout.setContentsMargins(0, 8, 8, 0)
        for axis in (self.left, self.bottom):
            axis.setCacheMode(
                axis.CacheMode.DeviceCoordinateCache
            )  # half the time of a repaint is axes that stand still
        self.setViewportUpdateMode(self.ViewportUpdateMode.MinimalViewportUpdate)
        self.retheme()

    def retheme(self) -> None:
        """Take colours and fonts from the theme."""
        current = theme()
        self.setBackground(current.color("panel"))
        for axis in (self.left, self.bottom):
            style_axis(axis)
        self.left.setWidth(current.px(44))
        self.bottom.setHeight(self.bottom.height_wanted() if isinstance(self.bottom, NamesAxis) else current.px(20))
        self.left.setGrid(26)
        self.update()

    def set_range(self, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None) -> None:
        """Set the visible ranges: a little wider than asked for, or the ticks at their ends would be left out."""
        wanted = x or self._wanted[0], y or self._wanted[1]
        if wanted != self._wanted:
            self._wanted = wanted
            self.view.setRange(xRange=widened(wanted[0]), yRange=widened(wanted[1]), padding=0, disableAutoRange=False)

    def forget_range(self) -> None:
        """Set ranges anew at the next `set_range`, though they be the same as before: a person has moved the view."""
        nowhere = (np.nan, np.nan)
        self._wanted = nowhere, self._wanted[1]

    def point_at(self, position: QPointF) -> QPointF:
        """Return a point of the widget in the coordinates of the data."""
        return self.view.mapSceneToView(self.mapToScene(position.toPoint()))


def widened(limits: tuple[float, float]) -> tuple[float, float]:
    """Return limits that reach 0.2 % further at either end, so that what lies on them is seen."""
    margin = (limits[1] - limits[0]) * 0.002
    return limits[0] - margin, limits[1] + margin


def style_axis(axis: pg.AxisItem) -> None:
    """Give an axis the theme's colours and fonts."""
    current = theme()
    axis.setStyle(
        tickLength=0,
        tickFont=current.font(10, mono=True),
        tickTextOffset=current.px(5),
        hideOverlappingLabels=False,
    )
    axis.setPen(pg.mkPen(current.color("line")))
    axis.setTickPen(pg.mkPen(current.color("dim")))
    axis.setTextPen(pg.mkPen(current.color("dim")))


def line_pen(color: QColor, dashed: bool = False) -> QPen:
    """Return the pen of a line: one pixel wide, which draws five times as fast as two."""
    pen = pg.mkPen(color, width=1)
    pen.setCosmetic(True)
    if dashed:
        pen.setStyle(Qt.PenStyle.DashLine)
    return pen


def decimated(x: np.ndarray, y: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a line cut to two points for each of `columns` pixels, the smallest and the largest of each: it looks the
    same. NaN and infinity break the line."""
    count = len(y)
    y = np.where(np.isfinite(y), y, np.nan)
    if count <= 2 * columns:
        return x, y
    starts = (np.arange(columns) * count) // columns
    low, high = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    points = np.empty(2 * columns)
    points[::2], points[1::2] = low, high
    return np.repeat(x[starts], 2), points


class NamesAxis(pg.AxisItem):
    """A bottom axis with a name under each group, shortened to fit, and marks under the names."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self.names: tuple[str, ...] = ()
        self.chosen = -1
        self.marks: tuple[str, ...] = ()
        """A word for each group, such as `vanishing`; empty for none."""

    def height_wanted(self) -> int:
        """Return the pixels that the names need, and the marks where there are some."""
        return theme().px(36 if any(self.marks) else 20)

    def show_names(self, names: Sequence[str], chosen: int, marks: Sequence[str]) -> None:
        """Show the groups' names and marks, the chosen one set off; -1 chooses none."""
        found = tuple(names), chosen, tuple(marks)
        if found != (self.names, self.chosen, self.marks):
            self.names, self.chosen, self.marks = found
            self.setHeight(self.height_wanted())
            self.update()

    def paint(self, p: QPainter, opt: Any, widget: QWidget | None) -> None:
        low, high = self.range
        size = self.size()
        if high <= low or not self.names:
            return
        current = theme()
        p.setPen(QPen(current.color("line"), 1))
        p.drawLine(QPointF(0, 0.5), QPointF(size.width(), 0.5))
        width = size.width() / (high - low)
        short = names_that_fit(self.names, width, current.px(6.4))
        every = max(1, int(np.ceil(current.px(20) / max(width, 1e-9))))
        p.setFont(current.font(11))
        for place in range(max(0, int(low)), min(len(self.names), int(high) + 1), every):
            centre = (place - low) * width
            box = QRectF(centre - width * every / 2, current.px(3), width * every, current.px(15))
            p.setPen(current.color("accent" if place == self.chosen else "dim"))
            text = p.fontMetrics().elidedText(short[place], Qt.TextElideMode.ElideMiddle, int(box.width()))
            p.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        p.setFont(current.font(10))
        for start, stop, mark in runs_of(self.marks):
            box = QRectF((start - 0.5 - low) * width, current.px(19), (stop - start) * width, current.px(15))
            self._paint_mark(p, box.adjusted(3, 0, -3, 0), mark)

    def _paint_mark(self, p: QPainter, box: QRectF, mark: str) -> None:
        """Write a badge under the layers that have it, with a line along them."""
        p.setPen(theme().color("error"))
        if p.fontMetrics().horizontalAdvance(mark) > box.width():
            mark = MARK_SIGNS.get(mark, "!")
        taken = p.fontMetrics().horizontalAdvance(mark) / 2 + 5
        p.drawText(box, Qt.AlignmentFlag.AlignCenter, mark)
        middle = box.center()
        if box.width() / 2 > taken + 4:
            p.drawLine(QPointF(box.left(), middle.y()), QPointF(middle.x() - taken, middle.y()))
            p.drawLine(QPointF(middle.x() + taken, middle.y()), QPointF(box.right(), middle.y()))


MARK_SIGNS = {"vanishing": "▼", "exploding": "▲", "dead": "✕", "saturated": "▬", "not finite": "∞"}
"""Signs for badges where their words do not fit."""


def runs_of(marks: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return (start, stop, mark) of each run of equal marks that are not empty."""
    found: list[tuple[int, int, str]] = []
    for place, mark in enumerate(marks):
        if mark and found and found[-1][1:] == (place, mark):
            found[-1] = (found[-1][0], place + 1, mark)
        elif mark:
            found.append((place, place + 1, mark))
    return found


def names_that_fit(names: Sequence[str], width: float, letter: float) -> tuple[str, ...]:
    """Return names cut to a width in pixels where letters are about `letter` wide: `hidden_3` becomes `3`."""
    found = []
    for name in names:
        stem, _, number = name.rpartition("_")
        found.append(number if stem and number.isdigit() and len(name) * letter > width else name)
    return tuple(found)
