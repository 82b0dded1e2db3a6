"""A connection on the scene: a curve with a label, thin to see and thick to take."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from visualbp.gui.canvas.geometry import LINE_REACH, round_pen, scene_font, text_width
from visualbp.gui.canvas.layer_item import LayerItem
from visualbp.gui.canvas.routing import LONG, NO_OBSTACLES, Obstacles, Route, route
from visualbp.gui.theme import theme
from visualbp.network.network import Connection

LABEL_SIZE = 10.5
LABELS_FROM = 0.5
"""Pixels for a unit; further out, labels could not be read."""
BELOW_CARDS, LIT_ABOVE = -1.0, 12.0
PULSE_LENGTH = 0.28
"""The share of the connection that the pulse lights up at a time."""


class ConnectionItem(QGraphicsRectItem):
    """A connection between two layer items, drawn from the output port of one to the input port of the other."""

    def __init__(self, source: LayerItem, target: LayerItem) -> None:
        super().__init__()
        self.source, self.target = source, target
        self.label = ""
        self.color = ""
        """`forward` or `backward` once a value has passed in this iteration."""
        self.carrying = False
        """Whether it carries what the present step reads or writes."""
        self.pulse: float | None = None
        """How far the pulse has come, from 0 to 1, in the direction of the flow."""
        self.selected = self.hovered = self.lit = False
        self.route = Route(QPainterPath(), QPointF())
        self.setPen(Qt.PenStyle.NoPen)
        self.setZValue(BELOW_CARDS)
        self.follow()

    @property
    def connection(self) -> Connection:
        """The names of the layers at its ends, as the network has them."""
        return self.source.name, self.target.name

    @property
    def is_long(self) -> bool:
        """Whether other cards may stand in its way."""
        return self.target.input_port.x() - self.source.output_port.x() > LONG

    def follow(self, obstacles: Obstacles = NO_OBSTACLES) -> None:
        """Take the path anew, after one of the two layers has moved."""
        self.route = route(self.source.output_port, self.target.input_port, obstacles)
        margin = LINE_REACH + 3
        bounds = self.route.path.controlPointRect().adjusted(-margin, -margin, margin, margin)
        self.setRect(bounds.united(self._label_rect()))
        self.update()

    def set_state(self, **changes: object) -> None:
        """Change `label`, `color`, `carrying`, `pulse`, `selected`, `hovered` or `lit`, and repaint if any differs."""
        differs = False
        for name, value in changes.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                differs = True
        if differs:
            if "label" in changes:
                self.setRect(self.rect().united(self._label_rect()))
            self.setZValue(LIT_ABOVE if self.lit else BELOW_CARDS)
            self.update()

    def shape(self) -> QPainterPath:
        stroker = QPainterPathStroker()
        stroker.setWidth(2 * LINE_REACH)
        return stroker.createStroke(self.route.path)

    def crosses(self, body: QRectF) -> bool:
        """Whether the line runs through a rectangle. (A bare path would count the area under its bend as well.)"""
        return self.shape().intersects(body)

    def distance_to(self, point: QPointF) -> float:
        """Return how far a point is from the curve, near enough for choosing between connections."""
        best = float("inf")
        for step in range(33):
            apart = self.route.path.pointAtPercent(step / 32) - point
            best = min(best, apart.x() ** 2 + apart.y() ** 2)
        return float(best**0.5)

    # -- painting ----------------------------------------------------------------------------------------------------

    def _label_rect(self) -> QRectF:
        width = text_width(self.label, LABEL_SIZE, mono=True) + 10
        rect = QRectF(0, 0, width, 16)
        rect.moveCenter(self.route.label)
        across = self.target.input_port.x() - self.source.output_port.x()
        if 0 < across < width + 34:
            rect.translate(0, -13)  # beside a line that is too short to be interrupted
        return rect

    def _stroke(self) -> tuple[QColor, float]:
        palette = theme()
        if self.lit:
            return palette.color("accent"), 3.4
        if self.carrying and self.color:
            return palette.color(self.color), 2.8
        if self.selected:
            return palette.color("accent"), 2.4
        width = 2.6 if self.hovered else 1.8
        if self.color:
            return palette.color(self.color, 0.85 if self.hovered else 0.6), width
        return palette.color("dim" if self.hovered else "faint"), width

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        color, width = self._stroke()
        path = self.route.path
        if self.lit or (self.carrying and self.color):
            glow = QColor(color)
            glow.setAlphaF(0.16)
            painter.setPen(round_pen(glow, width + 7))
            painter.drawPath(path)
        painter.setPen(round_pen(color, width))
        painter.drawPath(path)
        if self.selected and (self.carrying or self.lit):
            painter.setPen(QPen(theme().color("accent"), 1.2))
            painter.drawPath(path)
        if painter.worldTransform().m11() >= LABELS_FROM:
            self._paint_label(painter, color)
        if self.carrying and self.color:
            self._paint_arrow(painter, color)
        if self.pulse is not None:
            self._paint_pulse(painter, color)

    def _paint_label(self, painter: QPainter, color: QColor) -> None:
        if not self.label:
            return
        rect = self._label_rect()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("background"))
        painter.drawRoundedRect(rect, 5, 5)
        painter.setFont(scene_font(LABEL_SIZE, mono=True))
        strong = self.carrying or self.selected or self.hovered
        painter.setPen(color if strong else theme().color("dim"))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self.label)

    def _paint_arrow(self, painter: QPainter, color: QColor) -> None:
        """Draw a head at the end where the value arrives: at the target forward, at the source backward."""
        backward = self.color == "backward"
        tip = self.source.output_port if backward else self.target.input_port
        turn = 1.0 if backward else -1.0
        base = tip + QPointF(turn * 7, 0)
        head = QPolygonF([base, base + QPointF(turn * 9, -5.5), base + QPointF(turn * 9, 5.5)])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawPolygon(head)

    def _paint_pulse(self, painter: QPainter, color: QColor) -> None:
        assert self.pulse is not None
        front = self.pulse * (1 + PULSE_LENGTH)
        places = [min(1.0, max(0.0, front - PULSE_LENGTH * step / 6)) for step in range(7)]
        if self.color == "backward":
            places = [1.0 - place for place in places]
        points = [self.route.path.pointAtPercent(place) for place in places]
        bright = QColor(theme().color("text"))
        for step, (one, other) in enumerate(pairwise(points)):
            bright.setAlphaF(0.9 * (1 - step / 6))
            painter.setPen(round_pen(bright, 4.2))
            painter.drawLine(one, other)
