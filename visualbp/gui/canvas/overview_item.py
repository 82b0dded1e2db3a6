"""The whole network painted in one go, for zooms at which cards could not be read: boxes, colours, lines, names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from visualbp.core.arrays import Array
from visualbp.gui.canvas.card_painting import outline_color
from visualbp.gui.canvas.families import family_color
from visualbp.gui.canvas.geometry import CARD_WIDTH, RADIUS
from visualbp.gui.theme import theme

if TYPE_CHECKING:
    from visualbp.gui.canvas.connection_item import ConnectionItem
    from visualbp.gui.canvas.layer_item import LayerItem

SMALLEST_NAMED = 46.0
"""Cards at least so many pixels wide have their name in the overview."""
MOST_ROUNDED = 250


class OverviewItem(QGraphicsRectItem):
    """Draws layer and connection items that have no contents of their own at this zoom.

    Positions are kept as arrays, so that a small update touches only what is in it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setPen(Qt.PenStyle.NoPen)
        self.setZValue(-2)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setVisible(False)
        self._layers: list[LayerItem] = []
        self._lines: list[ConnectionItem] = []
        self._places: dict[LayerItem, int] = {}
        self._boxes: Array = np.zeros((0, 4))
        self._line_bounds: Array = np.zeros((0, 4))
        self._line_places: dict[ConnectionItem, int] = {}

    def shape(self) -> QPainterPath:
        """Nothing is ever found here: what a pointer is over are the items that this one draws."""
        return QPainterPath()

    def show_items(self, layers: list[LayerItem], connections: list[ConnectionItem], bounds: QRectF) -> None:
        """Take over which items there are, and where."""
        self._layers, self._lines = layers, connections
        self._places = {item: place for place, item in enumerate(layers)}
        self._line_places = {item: place for place, item in enumerate(connections)}
        self._boxes = _bounds([item.body for item in layers])
        self._line_bounds = _bounds([item.rect() for item in connections])
        self.setRect(bounds)
        self.update()

    def moved(self, item: LayerItem) -> None:
        """Take over where a layer is now; repaints the place where it was and the place where it is."""
        place = self._places.get(item)
        if place is None:
            return
        for connection in item.connections:
            number = self._line_places[connection]
            self.update(_rect(self._line_bounds[number]))
            self._line_bounds[number] = _bounds([connection.rect()])[0]
            self.update(_rect(self._line_bounds[number]))
        self.update(_rect(self._boxes[place]).adjusted(-4, -4, 4, 4))
        self._boxes[place] = _bounds([item.body])[0]
        self.update(_rect(self._boxes[place]).adjusted(-4, -4, 4, 4))

    def touch(self, rect: QRectF) -> None:
        """Repaint what shows an item that has changed."""
        if self.isVisible():
            self.update(rect)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        exposed = option.exposedRect
        zoom = painter.worldTransform().m11()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, zoom > 0.08)
        self._paint_connections(painter, exposed, zoom)
        self._paint_cards(painter, exposed, zoom)

    def _paint_connections(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        groups: dict[tuple[str, float], list[QLineF]] = {}
        curved = zoom > 0.2
        for number in _meeting(self._line_bounds, exposed):
            item = self._lines[number]
            strong = item.carrying or item.selected or item.lit or item.hovered
            color = item.color if item.carrying else "accent" if item.selected or item.lit else item.color or "faint"
            if curved or strong:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme().color(color, 1.0 if strong else 0.65), (2.6 if strong else 1.3) / zoom))
                painter.drawPath(item.route.path)
            else:
                groups.setdefault((color, 0.65), []).append(QLineF(item.source.output_port, item.target.input_port))
        for (color, alpha), lines in groups.items():
            pen = QPen(theme().color(color, alpha), 1)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawLines(lines)

    def _paint_cards(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        cards = [self._layers[number] for number in _meeting(self._boxes, exposed)]
        rounded = len(cards) <= MOST_ROUNDED
        groups: dict[tuple[int, int], list[LayerItem]] = {}
        for item in cards:
            color, width = outline_color(item.card)
            groups.setdefault((color.rgba(), round(width * 10)), []).append(item)
        for (rgba, width), items in sorted(groups.items(), key=lambda pair: pair[0][1]):
            pen = QPen(QColor.fromRgba(rgba), max(1.0, width / 10))
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.setBrush(theme().color("card"))
            bodies = [item.body for item in items]
            if rounded:
                for body in bodies:
                    painter.drawRoundedRect(body, RADIUS, RADIUS)
            else:
                painter.drawRects(bodies)
        self._paint_marks(painter, cards)
        if zoom * CARD_WIDTH >= SMALLEST_NAMED:
            self._paint_names(painter, cards, zoom)

    def _paint_marks(self, painter: QPainter, cards: list[LayerItem]) -> None:
        """Draw the family at the left of each card, and bars for what it has computed in this iteration."""
        painter.setPen(Qt.PenStyle.NoPen)
        marks: dict[int, list[QRectF]] = {}
        forward, backward = theme().color("forward", 0.85).rgba(), theme().color("backward", 0.9).rgba()
        for item in cards:
            body = item.body
            family = marks.setdefault(family_color(item.card.layer.kind).rgba(), [])
            family.append(QRectF(body.left() + 8, body.top() + 10, 12, body.height() - 20))
            for number, color in enumerate((forward, backward)[: item.card.progress]):
                bar = QRectF(body.left() + 34, body.bottom() - 46 + 20 * number, body.width() - 50, 12)
                marks.setdefault(color, []).append(bar)
            if item.card.breakpoint:
                dot = QRectF(body.left() - 14, body.top() + 8, 28, 28)
                marks.setdefault(theme().color("error").rgba(), []).append(dot)
        for rgba, rects in marks.items():
            painter.setBrush(QColor.fromRgba(rgba))
            painter.drawRects(rects)

    def _paint_names(self, painter: QPainter, cards: list[LayerItem], zoom: float) -> None:
        """Write names at a size that can be read whatever the zoom."""
        font = theme().font(11)
        font.setPixelSize(max(9, min(round(13 * zoom * 1.6), theme().px(12))))
        painter.save()
        transform = painter.worldTransform()
        painter.resetTransform()
        painter.setFont(font)
        painter.setPen(theme().color("text"))
        metrics = painter.fontMetrics()
        for item in cards:
            box = transform.mapRect(item.body.adjusted(30, 8, -6, -54))
            text = metrics.elidedText(item.name, Qt.TextElideMode.ElideRight, int(box.width()))
            painter.drawText(box, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()


def _bounds(rects: list[QRectF]) -> Array:
    return np.array([(r.left(), r.top(), r.right(), r.bottom()) for r in rects], float).reshape(-1, 4)


def _rect(bounds: Array) -> QRectF:
    left, top, right, bottom = (float(side) for side in bounds)
    return QRectF(left, top, right - left, bottom - top)


def _meeting(bounds: Array, rect: QRectF) -> list[int]:
    """Return which of `bounds` meet a rectangle."""
    left, top, right, bottom = bounds.T
    meets = (left <= rect.right()) & (right >= rect.left()) & (top <= rect.bottom()) & (bottom >= rect.top())
    found: list[int] = np.flatnonzero(meets).tolist()
    return found
