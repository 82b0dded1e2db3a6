"""How the numbers of one array are spread over the range of their panel."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.gui import painting
from visualbp.gui.painting import draw_absent
from visualbp.gui.theme import theme
from visualbp.gui.widgets.heat_tile import ABSENT
from visualbp.gui.widgets.range_legend import short_number

HALF = 15
"""Bins on each side of the middle one, which is around zero."""
BINS = 2 * HALF + 1


def bin_counts(array: Array, limit: float, missing: Array | None = None) -> tuple[np.ndarray, int]:
    """Return how many numbers fall into each of BINS equal bins over -limit to limit, and how many are not finite.

    Numbers beyond the range are counted in the outermost bins, those in `missing` nowhere.
    """
    flat = np.asarray(array, float).reshape(-1) if missing is None else np.asarray(array[~missing], float)
    finite = np.isfinite(flat)
    wrong = int(len(flat) - np.count_nonzero(finite))
    flat = flat[finite] if wrong else flat
    places = np.clip(np.floor((flat / limit + 1) * (BINS / 2)), 0, BINS - 1).astype(np.int64)
    return np.bincount(places, minlength=BINS), wrong


class Histogram(QWidget):
    """Bars over the shared range, coloured as in the heat map. The height is the square root of the share, so that the
    many zeros of a ReLU do not flatten all else."""

    number_chosen = Signal(object, object)
    """The Ref and the index of a number in the bar that was clicked: the one of largest magnitude."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Histogram")
        self.setMouseTracking(True)
        self._value, self._array, self._limit = Ref("", ""), None, 1.0  # type: tuple[Ref, Array | None, float]
        self._stale, self._sample, self._size = False, None, 0  # type: tuple[bool, int | None, int]
        self._missing: Array | None = None
        self._members: tuple[Ref, ...] = ()
        self._counts, self._wrong = np.zeros(BINS, int), 0
        self._hovered = -1

    def show_array(
        self,
        value: Ref,
        array: Array | None,
        limit: float,
        stale: bool = False,
        sample: int | None = None,
        missing: Array | None = None,
        members: tuple[Ref, ...] = (),
    ) -> None:
        """Show how an array (None: absent), or one `sample` of it, is spread over -limit to limit.

        What is True in `missing` is not counted. `members` are the values that its second axis puts side by side.
        """
        self._members = members
        if array is self._array and (value, limit, stale, sample) == (
            self._value,
            self._limit,
            self._stale,
            self._sample,
        ):
            return
        if array is not self._array or (limit, sample) != (self._limit, self._sample):
            part = array if array is None or sample is None else array[sample]
            absent = missing if missing is None or sample is None else missing[sample]
            self._counts, self._wrong = (np.zeros(BINS, int), 0) if part is None else bin_counts(part, limit, absent)
            self._size = int(self._counts.sum()) + self._wrong
        self._value, self._array, self._limit, self._stale, self._sample = value, array, limit, stale, sample
        self._missing = missing
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(200), theme().px(60))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(60), theme().px(34))

    def _plot(self) -> QRectF:
        """Return where the bars are: above the line of numbers."""
        return QRectF(0, 2, self.width(), self.height() - theme().px(15))

    def bar_at(self, point: QPointF) -> int:
        """Return the number of the bar at a point, or -1."""
        plot = self._plot()
        inside = plot.contains(point) and self._array is not None
        return min(BINS - 1, int((point.x() - plot.left()) / plot.width() * BINS)) if inside else -1

    def bounds(self, bar: int) -> tuple[float, float]:
        """Return the range of numbers that a bar counts."""
        width = 2 * self._limit / BINS
        return -self._limit + bar * width, -self._limit + (bar + 1) * width

    def hover_text(self, point: QPointF) -> str:
        """Return what the bar at a point counts, and between which bounds; empty where there is no bar."""
        bar = self.bar_at(point)
        if bar < 0 or not self._size:
            return ""
        low, high = self.bounds(bar)
        count, size = int(self._counts[bar]), self._size
        return f"{self._value.text}: {count:,} of {size:,} ({count / size:.1%}) from {low:.4g} to {high:.4g}"

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, current, plot = QPainter(self), theme(), self._plot()
        if self._array is None:
            draw_absent(painter, QRectF(self.rect()), ABSENT)
            return
        top = max(1, int(self._counts.max()))
        colors = painting.color_table()
        if self._stale:
            painter.setOpacity(0.42)
        for bar, count in enumerate(self._counts):
            left = plot.left() + round(plot.width() * bar / BINS)
            width = plot.left() + round(plot.width() * (bar + 1) / BINS) - left - 1
            height = plot.height() * (count / top) ** 0.5
            if count:
                shade = QColor.fromRgb(int(colors[round(bar * 2 * painting.STEPS / (BINS - 1))]))
                middle = abs(bar - HALF) <= 1  # neutral recedes into the panel: it needs another colour here
                box = QRectF(left, plot.bottom() - max(1.0, height), max(1, width), max(1.0, height))
                painter.fillRect(box, current.color("faint") if middle else shade)
                if bar == self._hovered:
                    painter.fillRect(box, current.color("text", 0.25))
        painter.setOpacity(1.0)
        painter.setPen(QPen(current.color("line"), 1))
        painter.drawLine(QPointF(plot.left(), plot.bottom() + 0.5), QPointF(plot.right(), plot.bottom() + 0.5))
        self._paint_axis(painter, plot)

    def _paint_axis(self, painter: QPainter, plot: QRectF) -> None:
        current = theme()
        painter.setFont(current.font(10, mono=True))
        painter.setPen(current.color("dim"))
        line = QRectF(plot.left(), plot.bottom() + 1, plot.width(), self.height() - plot.bottom() - 1)
        middle = Qt.AlignmentFlag.AlignVCenter
        low, high = f"−{short_number(self._limit)}", f"+{short_number(self._limit)}"
        between = f"{self._wrong:,} not finite" if self._wrong else "0"
        metrics = painter.fontMetrics()
        if sum(map(metrics.horizontalAdvance, (low, between, high))) + current.px(8) <= line.width():
            painter.drawText(line, middle | Qt.AlignmentFlag.AlignLeft, low)
            painter.drawText(line, middle | Qt.AlignmentFlag.AlignRight, high)
        elif not self._wrong:
            between = f"±{short_number(self._limit)}"
        if self._wrong:
            painter.setPen(current.color("error"))
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, between)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self.hover_text(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), text, self) if text else QToolTip.hideText()
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        bar = self.bar_at(event.position())
        if bar != self._hovered:
            self._hovered = bar
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        bar = self.bar_at(event.position())
        if bar < 0 or self._array is None or not self._counts[bar] or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        low, high = self.bounds(bar)
        part = np.asarray(self._array if self._sample is None else self._array[self._sample], float)
        within = (part >= (low if bar else -np.inf)) & (part <= (high if bar < BINS - 1 else np.inf))
        if self._missing is not None:
            within &= ~(self._missing if self._sample is None else self._missing[self._sample])
        place = int(np.where(within, np.abs(part), -1.0).argmax())
        index = tuple(int(i) for i in np.unravel_index(place, part.shape)) if part.ndim else ()
        index = index if self._sample is None else (self._sample, *index)
        if self._members:
            self.number_chosen.emit(self._members[index[1]], (index[0], *index[2:]))
        else:
            self.number_chosen.emit(self._value, index)
