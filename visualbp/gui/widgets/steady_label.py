"""A label for numbers that change many times a second: it asks for room only when it needs more than it ever had.

A QLabel asks for room at each new text, and the whole window is then laid out anew.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from visualbp.gui.theme import theme


class SteadyLabel(QWidget):
    """One line, at the left, in the text's colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._widest = "", 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)

    def text(self) -> str:
        return self._text

    def show_text(self, text: str) -> None:
        """Show a text."""
        if text == self._text:
            return
        self._text = text
        self.setAccessibleName(text)
        width = self.fontMetrics().horizontalAdvance(text)
        if width > self._widest:
            self._widest = width
            self.updateGeometry()
        self.update()

    def retheme(self, font: QFont) -> None:
        """Take another font, and measure anew."""
        self.setFont(font)
        self._widest = self.fontMetrics().horizontalAdvance(self._text)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(self._widest, self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme().color("text"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._text)
