"""The menu bar, with the name of what is open at its right end."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QMenuBar

from visualbp.core.visible_text import visible
from visualbp.gui.theme import theme


class MenuBar(QMenuBar):
    """Writes the title itself: a corner widget would neither grow with its text nor follow the presenter's scale."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""

    def show_title(self, title: str) -> None:
        """Write `title` at the right end, as much of it as there is room for."""
        title = visible(title)
        if title != self.title:
            self.title = title
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        menus = [self.actionGeometry(action).right() for action in self.actions() if action.isVisible()]
        left = max(menus, default=0) + theme().px(24)
        room = QRectF(left, 0, self.width() - left - theme().px(16), self.height())
        painter = QPainter(self)
        painter.setFont(theme().font(12))
        painter.setPen(theme().color("dim"))
        text = painter.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideMiddle, max(0, int(room.width())))
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
