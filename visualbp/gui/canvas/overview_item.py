"""The whole network painted in one go, for zooms at which cards could not be read: boxes, colours, lines, names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from visualbp.core.arrays import Array
from visualbp.gui.canvas.card_painting import outline_color
from visualbp.gui.canvas.families import draw_icon, family_color
from visualbp.gui.canvas.geometry import CARD_WIDTH
from visualbp.gui.theme import theme

if TYPE_CHECKING:
    from visualbp.gui.canvas.connection_item import ConnectionItem
    from visualbp.gui.canvas.layer_item import LayerItem

SMALLEST_NAMED = 46.0
"""Cards at least so many pixels wide have their name in the overview."""
SIGN = 13
"""Pixels of the sign of an error."""
CURVED_FROM = 0.16
"""Pixels for a unit from which connections are smooth curves; further out straight pieces look the same."""


@dataclass(frozen=True)
class _Drawn:
    """A layer's rectangles, made once and not at every painting."""

    body: QRectF
    stripe: QRectF
    forward: QRectF
    backward: QRectF
    family: str

    @classmethod
    def of(cls, item: LayerItem) -> _Drawn:
        body = item.body
        bar = QRectF(body.left() + 34, body.bottom() - 46, body.width() - 50, 12)
        stripe = QRectF(body.left() + 8, body.top() + 10, 16, body.height() - 20)
        return cls(body, stripe, bar, bar.translated(0, 20), item.card.layer.kind.family)


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
        self._sign = 0.0
        """How large the sign of an error is in the scene, at the zoom of the last painting."""
        self._layers: list[LayerItem] = []
        self._lines: list[ConnectionItem] = []
        self._places: dict[LayerItem, int] = {}
        self._drawn: list[_Drawn] = []
        self._straight: list[list[QLineF]] = []
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
        self._drawn = [_Drawn.of(item) for item in layers]
        self._straight = [_pieces(edge) for edge in connections]
        self._boxes = _bounds([drawn.body for drawn in self._drawn])
        self._line_bounds = _bounds([edge.rect() for edge in connections])
        self.setRect(bounds)
        self.update()

    def moved(self, item: LayerItem, connections: Iterable[ConnectionItem]) -> None:
        """Take over where a layer and its connections are now; repaints where they were and where they are."""
        place = self._places.get(item)
        if place is None:
            return
        for edge in connections:
            number = self._line_places[edge]
            self.update(_rect(self._line_bounds[number]))
            self._line_bounds[number] = _bounds([edge.rect()])[0]
            self._straight[number] = _pieces(edge)
            self.update(_rect(self._line_bounds[number]))
        self.update(_rect(self._boxes[place]).adjusted(-30, -30, 30, 30))
        self._drawn[place] = _Drawn.of(item)
        self._boxes[place] = _bounds([item.body])[0]
        self.update(_rect(self._boxes[place]).adjusted(-30, -30, 30, 30))

    def touch(self, rect: QRectF) -> None:
        """Repaint what shows an item that has changed."""
        if self.isVisible():
            around = self._sign
            self.update(rect.adjusted(-around, -around, around, around))

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        exposed = option.exposedRect
        zoom = painter.worldTransform().m11()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, zoom > CURVED_FROM)
        self._sign = theme().px(SIGN) / zoom
        self._paint_connections(painter, exposed, zoom)
        self._paint_cards(painter, exposed, zoom)

    def _paint_connections(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        groups: dict[str, list[QLineF]] = {}
        strong: list[ConnectionItem] = []
        curved = zoom > CURVED_FROM
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for number in _meeting(self._line_bounds, exposed):
            item = self._lines[number]
            if item.carrying or item.selected or item.lit or item.hovered:
                strong.append(item)
            elif curved:
                painter.setPen(QPen(_faded(item.color or "faint"), 1.3 / zoom))
                painter.drawPath(item.route.path)
            else:
                groups.setdefault(item.color or "faint", []).extend(self._straight[number])
        for color, lines in groups.items():
            painter.setPen(_thin_pen(_faded(color)))
            painter.drawLines(lines)
        for item in strong:
            color = item.color if item.carrying and item.color else "accent"
            painter.setPen(QPen(theme().color(color), 2.6 / zoom))
            painter.drawPath(item.route.path)

    def _paint_cards(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        around = max(30.0, self._sign)
        numbers = _meeting(self._boxes, exposed.adjusted(-around, -around, around, around))
        layers, drawn = self._layers, self._drawn
        plain: list[QRectF] = []
        special: list[LayerItem] = []
        for number in numbers:
            card = layers[number].card
            if card.active or card.selected or card.error or card.problems:
                special.append(layers[number])
            else:
                plain.append(drawn[number].body)
        painter.setPen(_thin_pen(theme().color("line")))
        painter.setBrush(theme().color("card"))
        painter.drawRects(plain)
        for item in special:
            color, width = outline_color(item.card)
            painter.setPen(_thin_pen(color, width))
            painter.drawRect(item.body)
        self._paint_marks(painter, numbers)
        for item in special:
            if item.card.error:
                self._paint_error(painter, item.body)
        if zoom * CARD_WIDTH >= SMALLEST_NAMED:
            self._paint_names(painter, [layers[number] for number in numbers], zoom)

    def _paint_marks(self, painter: QPainter, numbers: list[int]) -> None:
        """Draw the family at the left of each card, and bars for what it has computed in this iteration."""
        families: dict[str, list[QRectF]] = {}
        forward, backward, stops = [], [], []
        for number in numbers:
            drawn, card = self._drawn[number], self._layers[number].card
            families.setdefault(drawn.family, []).append(drawn.stripe)
            if card.progress:
                forward.append(drawn.forward)
                if card.progress > 1:
                    backward.append(drawn.backward)
            if card.breakpoint:
                stops.append(QRectF(drawn.body.left() - 14, drawn.body.top() + 8, 28, 28))
        painter.setPen(Qt.PenStyle.NoPen)
        colors = [(family_color(name), rects) for name, rects in families.items()]
        colors += [(theme().color("forward", 0.85), forward), (theme().color("backward", 0.9), backward)]
        for color, rects in (*colors, (theme().color("error"), stops)):
            if rects:
                painter.setBrush(color)
                painter.drawRects(rects)

    def _paint_error(self, painter: QPainter, body: QRectF) -> None:
        """Draw a sign at the corner, of a size that can be seen at any zoom: nothing is said by its colour alone."""
        size = self._sign
        sign = QRectF(0, 0, size, size)
        sign.moveCenter(body.topRight())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("background"))
        painter.drawEllipse(sign.adjusted(-0.1 * size, -0.1 * size, 0.1 * size, 0.1 * size))
        draw_icon(painter, sign, "warning", theme().color("error"))

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
            text = metrics.elidedText(item.name, Qt.TextElideMode.ElideMiddle, int(box.width()))
            painter.drawText(box, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()


def _thin_pen(color: QColor, width: float = 1.0) -> QPen:
    """Return a pen of the same width at any zoom."""
    pen = QPen(color, width)
    pen.setCosmetic(True)
    return pen


def _faded(name: str) -> QColor:
    """Return a colour mixed with the background's: Qt draws opaque lines several times as fast as transparent ones."""
    color, paper = theme().color(name), theme().color("background")

    def mixed(one: int, other: int) -> int:
        return round(0.65 * one + 0.35 * other)

    return QColor(
        mixed(color.red(), paper.red()), mixed(color.green(), paper.green()), mixed(color.blue(), paper.blue())
    )


def _pieces(edge: ConnectionItem) -> list[QLineF]:
    return [QLineF(one, other) for one, other in pairwise(edge.route.corners)]


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
