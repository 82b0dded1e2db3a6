"""Renaming in place: a field over the name on a card. Enter or a click elsewhere takes it, Esc does not."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from visualbp.core.visible_text import visible
from visualbp.gui.theme import theme
from visualbp.network.edits import LONGEST_NAME


class NameField(QLineEdit):
    """Emits `accepted` with the new name, or `closed` where nothing is to be done; the owner deletes it on either."""

    accepted = Signal(str)
    closed = Signal()

    def __init__(self, name: str, place: QRect, pixels: int, parent: QWidget) -> None:
        super().__init__(visible(name), parent)  # a name can be a stranger's file's
        self.setObjectName("rename")
        self.setAccessibleName("Name of the layer")
        self.setMaxLength(LONGEST_NAME)
        font = theme().font(14)
        font.setPixelSize(max(11, pixels))
        self.setFont(font)
        width = max(place.width(), theme().px(120))
        height = max(pixels + 8, place.height())
        self.setGeometry(QRect(place.topLeft() - QPoint(0, (height - place.height()) // 2), place.size()))
        self.resize(width, height)
        self.setStyleSheet("padding: 0 3px;")
        self.selectAll()
        self.returnPressed.connect(self._accept)
        self._done = False

    @Slot()
    def _accept(self) -> None:
        if self.isModified():
            self.accepted.emit(self.text().strip())
        else:
            self._close()

    def refuse(self) -> None:
        """Mark the name as one that cannot be, and stay open."""
        self.setProperty("invalid", True)
        self.style().unpolish(self)
        self.style().polish(self)
        self.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
            if self.isModified() and not self.property("invalid"):
                self._accept()
            self._close()

    def _close(self) -> None:
        if not self._done:
            self._done = True
            self.closed.emit()
