"""The line of ticks below the chips: a whole iteration of thousands of steps, in blocks by layer and phase."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from visualbp.engine.plan import Phase, Plan
from visualbp.gui.theme import theme

BAR = 8
FAINT, SOLID = 0.22, 0.75


def phase_color(phase: Phase) -> str:
    """Return the palette's name of a phase's colour."""
    return {Phase.FORWARD: "forward", Phase.BACKWARD: "backward", Phase.UPDATE: "accent"}.get(phase, "dim")


def tick_x(rect: QRectF, step: float, count: int) -> float:
    """Return where a step begins on a line of `count` steps."""
    return rect.left() + rect.width() * step / max(1, count)


def paint_breakpoint(painter: QPainter, center: QPointF) -> None:
    """Draw the red dot of a breakpoint around a point."""
    radius = theme().px(4)
    painter.setPen(QPen(theme().color("panel"), 1.5))
    painter.setBrush(theme().color("error"))
    painter.drawEllipse(center, radius, radius)


class TickLine:
    """Draws a plan's steps into a rectangle. The blocks are drawn once, faint and solid, then copied."""

    def __init__(self) -> None:
        self._key: object = None
        self._plan: Plan | None = None
        self._faint, self._solid = QPixmap(), QPixmap()

    def draw(
        self, painter: QPainter, rect: QRectF, plan: Plan, cursor: int, shown: range, marked: frozenset[int]
    ) -> None:
        """Draw the blocks, solid up to `cursor`, a frame around the steps `shown` as chips, and breakpoints."""
        self._prepare(plan, rect, painter.device().devicePixelRatioF())
        count = len(plan.steps)
        painter.drawPixmap(rect.topLeft(), self._faint)
        done = tick_x(rect, cursor, count) - rect.left()
        painter.save()
        painter.setClipRect(QRectF(rect.left(), rect.top(), done, rect.height()), Qt.ClipOperation.IntersectClip)
        painter.drawPixmap(rect.topLeft(), self._solid)
        painter.restore()
        bar = theme().px(BAR)
        for step in marked:
            paint_breakpoint(painter, QPointF(tick_x(rect, step, count) + 1, rect.top() + bar / 2))
        if len(shown) < count:
            left, right = tick_x(rect, shown.start, count), tick_x(rect, shown.stop, count)
            painter.setPen(QPen(theme().color("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(left - 1, rect.top() - 1.5, max(3.0, right - left + 2), bar + 3), 2, 2)
        if cursor:
            x = tick_x(rect, cursor - 0.5, count)
            painter.fillRect(QRectF(x - 1, rect.top() - 2.5, 2.5, bar + 5), theme().color("text"))

    def _prepare(self, plan: Plan, rect: QRectF, ratio: float) -> None:
        key = (rect.width(), rect.height(), theme().palette.name, theme().scale, ratio)
        if plan is self._plan and key == self._key:
            return
        self._plan, self._key = plan, key
        self._faint = self._blocks(plan, rect, ratio, FAINT)
        self._solid = self._blocks(plan, rect, ratio, SOLID)
        painter = QPainter(self._faint)
        self._write_names(painter, plan, QRectF(0, 0, rect.width(), rect.height()))
        painter.end()

    @staticmethod
    def _blocks(plan: Plan, rect: QRectF, ratio: float, strength: float) -> QPixmap:
        pixmap = QPixmap(round(rect.width() * ratio) + 1, round(rect.height() * ratio) + 1)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        area, bar, count = QRectF(0, 0, rect.width(), rect.height()), theme().px(BAR), len(plan.steps)
        for group in plan.groups:
            left, right = tick_x(area, group.start, count), tick_x(area, group.stop, count)
            gap = 1.0 if right - left > 3 else 0.0
            color = QColor(theme().color(phase_color(plan.steps[group.start].phase)))
            color.setAlphaF(strength)
            painter.fillRect(QRectF(left, 0, max(0.5, right - left - gap), bar), color)
        painter.end()
        return pixmap

    @staticmethod
    def _write_names(painter: QPainter, plan: Plan, area: QRectF) -> None:
        """Name the layers where there is room for names, and the passes otherwise."""
        painter.setFont(theme().font(9))
        painter.setPen(theme().color("dim"))
        metrics, bar, count, taken = painter.fontMetrics(), theme().px(BAR), len(plan.steps), 0.0
        if len(plan.groups) * theme().px(36) < area.width():
            names = [(group.start, group.stop, plan.steps[group.start].layer) for group in plan.groups]
        else:
            starts = phase_starts(plan)
            stops = [*list(starts.values())[1:], count]
            names = [(start, stop, str(phase)) for (phase, start), stop in zip(starts.items(), stops, strict=True)]
        for start, stop, name in names:
            left, width = tick_x(area, start, count), metrics.horizontalAdvance(name)
            if left >= taken and left + width <= tick_x(area, stop, count) - 4:
                place = QRectF(left, bar, width + 4, area.height() - bar)
                painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
                taken = left + width + 6


def phase_starts(plan: Plan) -> dict[Phase, int]:
    """Return the first step of each pass; loading belongs to the forward pass."""
    starts: dict[Phase, int] = {}
    for step in plan.steps:
        starts.setdefault(Phase.FORWARD if step.phase == Phase.LOAD else step.phase, step.index)
    return starts
