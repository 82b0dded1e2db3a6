"""Bars in groups on a plot of log10 values: rounded, hatched where a value is absent, named where it is not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from visualbp.gui.painting import draw_absent
from visualbp.gui.theme import theme

SHARE = 0.74
"""Of the room of a group, what its bars take."""
WIDEST = 26.0
"""The widest bar, in pixels."""

Number = float | None


class BarsItem(pg.GraphicsObject):
    """Groups of bars. Group g is centred at x = g; bars begin at the lower end of the plot. A None is hatched; what a
    layer cannot have is left out by giving `has` False for it."""

    def __init__(self) -> None:
        super().__init__()
        self._values: tuple[tuple[Number, ...], ...] = ()
        self._has: tuple[tuple[bool, ...], ...] = ()
        self._colors: tuple[QColor, ...] = ()
        self._stale: tuple[bool, ...] = ()
        self._hovered: tuple[int, int] | None = None

    def show_values(
        self,
        values: Sequence[Sequence[Number]],
        has: Sequence[Sequence[bool]],
        colors: Sequence[QColor],
        stale: Sequence[bool] = (),
    ) -> None:
        """Show values (groups of series): numbers themselves, not their logarithms."""
        if len(values) != len(self._values):
            self.prepareGeometryChange()
        wanted = tuple(map(tuple, values)), tuple(map(tuple, has)), tuple(colors), tuple(stale)
        if wanted != (self._values, self._has, self._colors, self._stale):
            self._values, self._has, self._colors, self._stale = wanted
            self.update()

    def hover(self, bar: tuple[int, int] | None) -> None:
        """Mark the bar (group, series) under the pointer; None marks none."""
        if bar != self._hovered:
            self._hovered = bar
            self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(-0.5, -400, max(1, len(self._values)), 800)

    def bar_at(self, point: QPointF, pixel: float) -> tuple[int, int] | None:
        """Return (group, series) of the bar whose column holds a point; `pixel` is the width of a pixel in x."""
        group = round(point.x())
        if not 0 <= group < len(self._values):
            return None
        for series, (left, right) in self._columns(group, 1.0 / pixel).items():
            if left <= (point.x() - group) / pixel <= right:
                return group, series
        return None

    def _columns(self, group: int, room: float) -> dict[int, tuple[float, float]]:
        """Return left and right of each bar of a group, in pixels from the group's centre."""
        present = [series for series, has in enumerate(self._has[group]) if has]
        if not present:
            return {}
        gap = 3.0 if room > 40 else 1.0
        width = min(WIDEST * theme().scale, room * SHARE / len(present))
        start = -width * len(present) / 2
        return {
            series: (start + place * width + gap / 2, start + (place + 1) * width - gap / 2)
            for place, series in enumerate(present)
        }

    def paint(self, painter: QPainter, option: Any, widget: QWidget | None = None) -> None:
        view = self.getViewBox()
        if view is None:
            return
        to_device = painter.transform()
        painter.resetTransform()
        (first, last), (low, high) = view.viewRange()
        base = to_device.map(QPointF(0, low)).y()
        top = to_device.map(QPointF(0, high)).y()
        room = to_device.map(QPointF(1, 0)).x() - to_device.map(QPointF(0, 0)).x()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for group in range(max(0, int(np.floor(first))), min(len(self._values), int(np.ceil(last)) + 1)):
            centre = to_device.map(QPointF(group, 0)).x()
            for series, (left, right) in self._columns(group, room).items():
                box = QRectF(QPointF(centre + left, top), QPointF(centre + right, base))
                self._paint_bar(painter, box, (group, series), to_device.map)

    def _paint_bar(self, painter: QPainter, box: QRectF, bar: tuple[int, int], to_device: Any) -> None:
        group, series = bar
        value, color = self._values[group][series], self._colors[series]
        if value is None:
            draw_absent(painter, box.adjusted(0, box.height() * 0.45, 0, 0))
            return
        if not np.isfinite(value):
            self._paint_wrong(painter, box, value)
            return
        if value <= 0:
            self._paint_zero(painter, box, color)
            return
        box.setTop(min(box.bottom() - 2, max(box.top(), to_device(QPointF(0, float(np.log10(value)))).y())))
        stale = bool(self._stale and self._stale[group])
        painter.setOpacity(0.42 if stale else 1.0)
        radius = min(3.0, box.width() / 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color.lighter(115) if bar == self._hovered else color)
        painter.setClipRect(box)
        painter.drawRoundedRect(box.adjusted(0, 0, 0, radius), radius, radius)  # the lower corners are square
        painter.setClipping(False)
        painter.setOpacity(1.0)

    def _paint_zero(self, painter: QPainter, box: QRectF, color: QColor) -> None:
        """A true zero has no place on a logarithmic axis: a line at its foot, and the figure."""
        painter.setPen(QPen(color, 2))
        painter.drawLine(QPointF(box.left() + 1, box.bottom() - 1), QPointF(box.right() - 1, box.bottom() - 1))
        painter.setFont(theme().font(10, mono=True))
        painter.setPen(theme().color("dim"))
        foot = QRectF(box.center().x() - 10, box.bottom() - theme().px(16), 20, theme().px(13))
        painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, "0")

    def _paint_wrong(self, painter: QPainter, box: QRectF, value: float) -> None:
        color = theme().color("error")
        painter.setPen(QPen(color, 1.2))
        fill = QColor(color)
        fill.setAlphaF(0.18)
        painter.setBrush(fill)
        painter.drawRoundedRect(box.adjusted(0.5, 2, -0.5, 0), 3, 3)
        painter.setFont(theme().font(10, mono=True))
        word = "nan" if np.isnan(value) else "inf"
        painter.save()
        painter.translate(box.center())
        painter.rotate(-90)
        painter.drawText(QRectF(-30, -10, 60, 20), Qt.AlignmentFlag.AlignCenter, word)
        painter.restore()
