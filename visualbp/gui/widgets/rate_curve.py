"""The learning rate over the iterations, as a small curve with a mark at the present one."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from visualbp.core.options import Choice
from visualbp.gui.painting import number_text
from visualbp.gui.theme import theme
from visualbp.optimizers.schedules import make_schedule

HEIGHT, AXIS = 64, 15
POINTS = 160
MOST_ITERATIONS = 10_000_000


def horizon(schedule: Choice, rate: float) -> int:
    """Return how many iterations tell of a schedule: until the rate hardly changes any more."""
    rule = make_schedule(schedule)
    counts = [value for value in schedule.options.values() if isinstance(value, int) and not isinstance(value, bool)]
    end = max(60, round(1.5 * max(counts, default=0)))
    while end < MOST_ITERATIONS:
        if abs(rule.rate(rate, end) - rule.rate(rate, end // 2)) <= 0.01 * abs(rate):
            break
        end *= 2
    return end


class RateCurve(QWidget):
    """Hover tells the rate of an iteration."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Learning rate over the iterations")
        self._schedule: Choice | None = None
        self._rate, self._iteration, self._end = 0.0, 0, 1
        self._rates: list[float] = []
        self.retheme()

    def retheme(self) -> None:
        self.setFixedHeight(theme().px(HEIGHT))
        self.update()

    @property
    def rates(self) -> list[float]:
        """The rates that are drawn, from the first iteration to the last shown."""
        return self._rates

    def show_schedule(self, schedule: Choice, rate: float, iteration: int) -> None:
        """Show the rates of a schedule that begins at `rate`. A rate that never changes needs no curve."""
        if (schedule, rate) != (self._schedule, self._rate):
            self._schedule, self._rate = schedule, rate
            self._end = horizon(schedule, rate)
            rule = make_schedule(schedule)
            self._rates = [rule.rate(rate, round(place * self._end / (POINTS - 1))) for place in range(POINTS)]
            self.update()
        if iteration != self._iteration:
            self._iteration = iteration
            self.update()
        self.setVisible(len(set(self._rates)) > 1)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(200), self.height())

    def _plot(self) -> QRectF:
        return QRectF(1, 4, self.width() - 2, self.height() - theme().px(AXIS) - 6)

    def place_of(self, iteration: float, rate: float) -> QPointF:
        """Return where the rate of an iteration is drawn."""
        plot, highest = self._plot(), max(self._rates, default=1.0) or 1.0
        return QPointF(
            plot.left() + plot.width() * iteration / self._end, plot.bottom() - plot.height() * rate / highest
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        current, plot = theme(), self._plot()
        painter = QPainter(self)
        painter.setPen(QPen(current.color("line"), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._iteration <= self._end:
            x = self.place_of(self._iteration, 0.0).x()
            painter.setPen(QPen(current.color("accent", 0.6), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        painter.setPen(QPen(current.color("accent"), 1.6))
        steps = enumerate(self._rates)
        painter.drawPolyline(QPolygonF([self.place_of(n * self._end / (POINTS - 1), rate) for n, rate in steps]))
        painter.setFont(current.font(10, mono=True))
        painter.setPen(current.color("dim"))
        line = QRectF(plot.left(), plot.bottom() + 2, plot.width(), current.px(AXIS))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(line, middle | Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(line, middle | Qt.AlignmentFlag.AlignRight, f"{self._end:,}")
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, "iterations")
        top = QRectF(plot.left(), plot.top(), plot.width(), current.px(13))
        falling = bool(self._rates) and self._rates[0] >= self._rates[-1]
        side = Qt.AlignmentFlag.AlignRight if falling else Qt.AlignmentFlag.AlignLeft
        painter.drawText(top, middle | side, f"at most {number_text(max(self._rates, default=0.0))}")
        painter.end()

    def hover_text(self, x: float) -> str:
        """Return the rate of the iteration at a pixel."""
        plot = self._plot()
        iteration = round(self._end * min(1.0, max(0.0, (x - plot.left()) / max(1.0, plot.width()))))
        if self._schedule is None:
            return ""
        return f"iteration {iteration:,}: rate {number_text(make_schedule(self._schedule).rate(self._rate, iteration))}"

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.hover_text(event.pos().x()), self)
            return True
        return super().event(event)
