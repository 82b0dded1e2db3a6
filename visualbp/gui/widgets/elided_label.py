"""A label of one line that is shortened where it does not fit, and never widens its panel."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from visualbp.gui.plain_text import PlainLabel, plain_tip
from visualbp.gui.theme import theme


class ElidedLabel(PlainLabel):
    """`tone` is the name of its colour in the palette. The whole text is its tooltip unless it has one of its own.

    A sentence is cut at its end; what `is_name`, in the middle: names that begin alike are told apart by their ends.
    """

    def __init__(
        self,
        text: str = "",
        size: float = 12,
        tone: str = "text",
        weight: QFont.Weight = QFont.Weight.Normal,
        mono: bool = False,
        is_name: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.tone = tone
        self._mode = Qt.TextElideMode.ElideMiddle if is_name else Qt.TextElideMode.ElideRight
        self._style = size, weight, mono
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.retheme)
        self.retheme()

    def retheme(self) -> None:
        self.setFont(theme().font(*self._style))

    def show_text(self, text: str, tone: str | None = None, tip: str = "") -> None:
        """Show a text, in another tone if one is given."""
        self.setText(text)
        self.setToolTip(plain_tip(tip or text))
        if tone is not None and tone != self.tone:
            self.tone = tone
            self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    @property
    def shown_text(self) -> str:
        """What there is room for."""
        return QFontMetrics(theme().font(*self._style)).elidedText(self.text(), self._mode, self.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme().font(*self._style))
        painter.setPen(theme().color(self.tone))
        painter.drawText(self.rect(), self.alignment(), self.shown_text)
