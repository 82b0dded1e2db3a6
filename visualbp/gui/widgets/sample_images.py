"""Samples that are pictures, as a wall of cards: the picture, what the network says, and whether that is right."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFont, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from visualbp.core.arrays import Array, Shape
from visualbp.gui.pictures import picture_of
from visualbp.gui.plain_text import plain_tip
from visualbp.gui.theme import theme
from visualbp.gui.widgets.answers import Answers
from visualbp.gui.widgets.heights import ColumnScroll, HeightByWidth

CARD, GAP, LABEL, SIDE = 58, 6, 17, 12


class ImagesContent(HeightByWidth):
    """The cards, in rows that fill the width. A click, or the arrow keys, choose a sample."""

    sample_chosen = Signal(int)
    chosen_moved = Signal(QRect)

    def __init__(self) -> None:
        super().__init__()
        self._inputs: Array = np.zeros((0, 1))
        self._shape: Shape = (1, 1, 1)
        self._limits = (0.0, 1.0)
        self._answers: Answers | None = None
        self._chosen, self._stale = 0, False
        self._rows: Array | None = None
        self._images: dict[int, QImage] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Samples of the batch")

    def show_samples(
        self,
        inputs: Array,
        shape: Shape,
        limits: tuple[float, float],
        answers: Answers,
        chosen: int,
        stale: bool,
        rows: Array | None = None,
    ) -> None:
        """Show samples (N, ...) as pictures of (C, H, W) `shape`, values from limits[0] to limits[1].

        `chosen` is a place among them; they are called by their `rows` in the data.
        """
        self._rows = rows
        if inputs is not self._inputs or shape != self._shape or limits != self._limits:
            self._images = {}
        count_changed = len(inputs) != len(self._inputs)
        self._inputs, self._shape, self._limits = inputs, shape, limits
        self._answers, self._chosen, self._stale = answers, chosen, stale
        if count_changed:
            self.measure_anew()
        self.update()

    def forget_images(self) -> None:
        """The theme has changed: pictures are drawn anew."""
        self._images = {}
        self.measure_anew()

    @property
    def _columns(self) -> int:
        return _columns_at(self.width())

    @property
    def _side(self) -> int:
        return _side_at(self.width())

    def height_at(self, width: int) -> int:
        rows = -(-len(self._inputs) // _columns_at(width))
        px = theme().px
        return rows * (_side_at(width) + px(LABEL) + px(GAP)) + px(4)

    def card_rect(self, sample: int) -> QRect:
        """Return where a sample's picture and words are drawn."""
        px, side = theme().px, self._side
        row, column = divmod(sample, self._columns)
        left = px(SIDE) + column * (side + px(GAP))
        return QRect(left, row * (side + px(LABEL) + px(GAP)) + px(2), side, side + px(LABEL))

    def sample_at(self, point: QPointF) -> int | None:
        """Return the row of the batch whose card is at a point, or None."""
        found = (n for n in range(len(self._inputs)) if self.card_rect(n).contains(point.toPoint()))
        return next(found, None)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._answers is None:
            return
        for sample in range(len(self._inputs)):
            card = self.card_rect(sample)
            if card.intersects(event.rect()):
                self._paint_card(painter, sample, card, self._answers)

    def _paint_card(self, painter: QPainter, sample: int, card: QRect, answers: Answers) -> None:
        current, px = theme(), theme().px
        if sample not in self._images:
            self._images[sample] = picture_of(self._inputs[sample], self._shape, *self._limits)
        image = self._images[sample]
        side = self._side
        scale = min(side / image.width(), side / image.height())
        width, height = round(image.width() * scale), round(image.height() * scale)
        place = QRect(card.left() + (side - width) // 2, card.top() + (side - height) // 2, width, height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
        painter.drawImage(place, image)
        right = answers.right[sample]
        tone = "line" if right is None else "passed" if right else "error"
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = sample == self._chosen
        painter.setPen(QPen(current.color("accent" if chosen else tone), 2 if chosen else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(place).adjusted(-0.5, -0.5, 0.5, 0.5), 2, 2)
        words = QRectF(card.left() - px(2), card.top() + side + 1, side + px(4), px(LABEL) - 1)
        painter.setOpacity(0.5 if self._stale else 1.0)
        self._paint_words(painter, words, answers, sample)
        painter.setOpacity(1.0)

    def _paint_words(self, painter: QPainter, box: QRectF, answers: Answers, sample: int) -> None:
        current, right = theme(), answers.right[sample]
        painter.setFont(current.font(11, QFont.Weight.DemiBold if right is not None else QFont.Weight.Normal))
        if right is None:
            text, tone = answers.predicted[sample] or answers.wanted[sample], "dim"
        elif right:
            text, tone = f"✓ {answers.predicted[sample]}", "passed"
        else:
            text, tone = f"✕ {answers.predicted[sample]}, is {answers.wanted[sample]}", "error"
        painter.setPen(current.color(tone))
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(box.width()))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def describe(self, sample: int) -> str:
        """Return what hovering over a card says."""
        answers = self._answers
        if answers is None:
            return ""
        said, sure = answers.predicted[sample], answers.sure[sample]
        share = f" ({sure:.1%})" if sure is not None else ""
        words = f"says {said}{share}" if said else "no prediction computed yet"
        name = sample if self._rows is None else self._rows[sample]
        return f"sample {name}: {words}; the target is {answers.wanted[sample]}"

    # -- gestures ----------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            sample = self.sample_at(QPointF(event.pos()))
            if sample is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), plain_tip(self.describe(sample)), self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        sample = self.sample_at(event.position())
        if sample is not None and event.button() == Qt.MouseButton.LeftButton:
            self.sample_chosen.emit(sample)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        columns = self._columns
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        step = steps.get(Qt.Key(event.key()))
        if step is None or not len(self._inputs):
            super().keyPressEvent(event)
            return
        sample = self._chosen + step
        if 0 <= sample < len(self._inputs):
            self.sample_chosen.emit(sample)
            self.setAccessibleDescription(self.describe(sample))
            self.chosen_moved.emit(self.card_rect(sample))
        event.accept()


def _columns_at(width: int) -> int:
    """Return how many cards there are in a row of this width."""
    px = theme().px
    return max(1, (width - 2 * px(SIDE) + px(GAP)) // (px(CARD) + px(GAP)))


def _side_at(width: int) -> int:
    """Return the width of a picture: the cards of a row fill it."""
    px, columns = theme().px, _columns_at(width)
    return max(px(20), (width - 2 * px(SIDE) - (columns - 1) * px(GAP)) // columns)


class SampleImages(ColumnScroll):
    """The wall of pictures, scrolled where it is high."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.content = ImagesContent()
        super().__init__(self.content, parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusProxy(self.content)
        self.content.chosen_moved.connect(self._on_moved)

    def _on_moved(self, place: QRect) -> None:
        self.ensureVisible(place.center().x(), place.center().y(), 0, place.height())
