"""The menu bar: the menus, the workspaces, and the name of what is open at the right end."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QMenuBar

from visualbp.core.visible_text import visible
from visualbp.gui.theme import theme
from visualbp.gui.workspace_tabs import WorkspaceTabs

GAP, EDGE, LEAST_TITLE = 24, 16, 90
"""Pixels beside the workspaces, right of the title, and that the title has at least; at scale 1."""


class MenuBar(QMenuBar):
    """Writes the title itself: a corner widget would neither grow with its text nor follow the presenter's scale. For
    the same reason it places the workspaces itself."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.workspaces = WorkspaceTabs(self)
        theme().changed.connect(self._place)

    def show_title(self, title: str) -> None:
        """Write `title` at the right end, as much of it as there is room for."""
        title = visible(title)
        if title != self.title:
            self.title = title
            self._place()
            self.update()

    def show_workspaces(self, shown: bool) -> None:
        """Show the row of workspaces, or not: the start page has none."""
        self.workspaces.setVisible(shown)
        self._place()

    def _place(self) -> None:
        """Give the workspaces what the menus and the title leave, the middle of the window if that is free."""
        px = theme().px
        left = self._end_of_menus() + px(GAP)
        title = min(px(2 * LEAST_TITLE), round(self._title_width()) + px(EDGE) + px(GAP))
        room = self.width() - left - title
        width = self.workspaces.tabs.sizeHint().width()
        middle = max(left, min((self.width() - width) // 2, self.width() - title - width))
        start = middle if width <= room else left
        self.workspaces.stand_in(QRect(start, 0, max(0, self.width() - title - start), self.height()))
        self.update()

    def _end_of_menus(self) -> int:
        return max((self.actionGeometry(a).right() for a in self.actions() if a.isVisible()), default=0)

    def _title_width(self) -> float:
        return QFontMetricsF(theme().font(12)).horizontalAdvance(self.title)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._place()  # the style sheet counts from now on

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        shown = self.workspaces.isVisible()
        taken = max(self._end_of_menus(), self.workspaces.geometry().right() if shown else 0)
        left = taken + theme().px(GAP)
        room = QRectF(left, 0, self.width() - left - theme().px(EDGE), self.height())
        painter = QPainter(self)
        painter.setFont(theme().font(12))
        painter.setPen(theme().color("dim"))
        text = painter.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideMiddle, max(0, int(room.width())))
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
