"""The frames of cards, with their glow or shadow, painted once for each look and zoom: wide soft strokes are slow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from visualbp.gui.canvas.geometry import CARD_WIDTH, MARGIN, RADIUS

GLOW = 9


@dataclass(frozen=True)
class CardFrame:
    """How a frame looks. Colours are 0xAARRGGBB; `ring` is a second line around it, 0 for none."""

    height: float
    fill: int
    outline: int
    width: float
    dashed: bool = False
    glows: bool = False
    shadowed: bool = False
    ring: int = 0


def draw_card_frame(painter: QPainter, frame: CardFrame) -> None:
    """Draw a frame whose top left corner is (0, 0), on whole pixels."""
    transform, device = painter.worldTransform(), painter.device()
    ratio = device.devicePixelRatioF()
    scale = transform.m11()
    corner = transform.map(QPointF(-MARGIN, -MARGIN))
    pixmap = _pixmap(frame, round(scale, 4), ratio)
    painter.save()
    painter.resetTransform()
    painter.drawPixmap(QPointF(round(corner.x() * ratio) / ratio, round(corner.y() * ratio) / ratio), pixmap)
    painter.restore()


@lru_cache(maxsize=32)
def _pixmap(frame: CardFrame, scale: float, ratio: float) -> QPixmap:
    width, height = (CARD_WIDTH + 2 * MARGIN) * scale, (frame.height + 2 * MARGIN) * scale
    pixmap = QPixmap(math.ceil(width * ratio) + 1, math.ceil(height * ratio) + 1)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(scale, scale)
    painter.translate(MARGIN, MARGIN)
    _paint(painter, frame, QRectF(0, 0, CARD_WIDTH, frame.height))
    painter.end()
    return pixmap


def _paint(painter: QPainter, frame: CardFrame, body: QRectF) -> None:
    if frame.glows:
        glow = QColor.fromRgba(frame.outline)
        for ring in range(GLOW, 0, -1):
            glow.setAlphaF(0.030 + 0.012 * (GLOW - ring))
            painter.setPen(QPen(glow, 2.6 * ring))
            painter.drawRoundedRect(body, RADIUS, RADIUS)
    elif frame.shadowed:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(28, 36, 48, 7))
        for spread in (3, 2, 1):
            painter.drawRoundedRect(body.adjusted(-spread, -spread + 2, spread, spread + 2), RADIUS + 2, RADIUS + 2)
    painter.setBrush(QColor.fromRgba(frame.fill))
    style = Qt.PenStyle.DashLine if frame.dashed else Qt.PenStyle.SolidLine
    painter.setPen(QPen(QColor.fromRgba(frame.outline), frame.width, style))
    painter.drawRoundedRect(body, RADIUS, RADIUS)
    if frame.ring:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor.fromRgba(frame.ring), 1.4))
        painter.drawRoundedRect(body.adjusted(-4.5, -4.5, 4.5, 4.5), RADIUS + 4, RADIUS + 4)
