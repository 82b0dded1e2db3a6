"""A legend whose entries switch their lines or bars on and off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from visualbp.gui.theme import theme


@dataclass(frozen=True)
class Series:
    """One kind of line or bar: key, words, the palette's colour and its strength, and a tooltip."""

    key: str
    text: str
    color: str
    tip: str
    alpha: float = 1.0


class SeriesButton(QAbstractButton):
    """A coloured square and its words; hollow and dim when switched off."""

    def __init__(self, series: Series, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.series = series
        self._by_keyboard = False
        self._words, self._widest = series.text, 0
        self.setCheckable(True)
        self.setChecked(True)
        self.setToolTip(f"{series.tip} (click to hide or show)")
        self.setAccessibleName(series.tip)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        return self._words

    def show_text(self, text: str) -> None:
        """Change the words, such as to the newest number."""
        if text != self._words:  # not setText, which asks for another place at each new text
            room, self._words = self._widest, text
            self.update()
            if self.sizeHint().width() > room:  # asking for another place lays the whole window out anew
                self.updateGeometry()

    def sizeHint(self) -> QSize:
        self.setFont(theme().font(11))
        self._widest = max(self._widest, self.fontMetrics().horizontalAdvance(self._words) + theme().px(20))
        return QSize(self._widest, theme().px(18))

    def forget_width(self) -> None:
        """Measure anew, after a change of the theme's size."""
        self._widest = 0
        self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(16), theme().px(18))  # the square; words are cut where there is no room

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._by_keyboard = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._by_keyboard = False
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, current = QPainter(self), theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(current.font(11))
        side = current.px(9)
        box = QRectF(current.px(3), (self.height() - side) / 2, side, side)
        color = current.color(self.series.color, self.series.alpha)
        painter.setPen(QPen(color, 1.2))
        painter.setBrush(color if self.isChecked() else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
        painter.setPen(current.color("text" if self.underMouse() or self._by_keyboard else "dim"))
        if not self.isChecked():
            painter.setPen(current.color("faint"))
        left = box.right() + current.px(5)
        place = QRectF(left, 0, self.width() - left, self.height())
        text = painter.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, int(place.width()) + 1)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


class SeriesButtons(QWidget):
    """The legend: a row of series, each of which can be switched off."""

    changed = Signal()

    def __init__(self, series: Sequence[Series], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.buttons = {entry.key: SeriesButton(entry) for entry in series}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme().px(4))
        for button in self.buttons.values():
            row.addWidget(button)
            button.toggled.connect(self._on_toggled)
        row.addStretch(1)
        theme().changed.connect(self._on_theme)

    def is_on(self, key: str) -> bool:
        """Return whether a series is shown."""
        return self.buttons[key].isChecked()

    @Slot(bool)
    def _on_toggled(self, on: bool) -> None:
        self.changed.emit()

    @Slot()
    def _on_theme(self) -> None:
        for button in self.buttons.values():
            button.forget_width()
            button.update()
