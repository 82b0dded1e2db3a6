"""The frame of a panel: a dock with a quiet title bar that has room for the panel's own links."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Slot
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QSizeGrip,
    QToolButton,
    QWidget,
)

from visualbp.gui.panels.base import LEAST_WIDTH, Panel
from visualbp.gui.theme import icon, theme
from visualbp.gui.widgets.elided_label import ElidedLabel


class DockTitle(QWidget):
    """Title, links, and a button that closes the dock. Dragging it moves the dock; a double click makes it float.

    Where there is no room for the links a button offers them in a menu, so that a title never widens its dock.
    """

    def __init__(self, dock: QDockWidget, panel: Panel) -> None:
        super().__init__(dock)
        self.setObjectName("dock_title")
        self._dock = dock
        row = QHBoxLayout(self)
        self._row = row
        row.setContentsMargins(12, 8, 6, 4)
        row.setSpacing(4)
        self._text = ElidedLabel(panel.title.upper(), 11, "dim", QFont.Weight.DemiBold)
        self._text.setObjectName("dock_title_text")
        self._text.setToolTip(panel.hint or panel.title)
        row.addWidget(self._text, 1)
        self._links = panel.header()
        if self._links is not None:
            row.addWidget(self._links)
        self._more = QToolButton()
        self._more.setText("⋯")
        self._more.setProperty("flat", True)
        self._more.setAccessibleName(f"Choices of {panel.title}")
        self._more.setToolTip(f"Choices of {panel.title}")
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.hide()
        row.addWidget(self._more)
        self._menu = QMenu(self._more)
        self._menu.aboutToShow.connect(self._fill_menu)
        self._more.setMenu(self._menu)
        self._close = QToolButton()
        self._close.setProperty("flat", True)
        self._close.setAccessibleName(f"Close {panel.title}")
        self._close.setToolTip(f"Close {panel.title}; the View menu brings it back")
        self._close.clicked.connect(dock.close)
        row.addWidget(self._close)
        self.retheme()
        theme().changed.connect(self.retheme)

    def retheme(self) -> None:
        self._close.setIcon(icon("close", "faint"))
        size = theme().px(12)
        self._close.setIconSize(QSize(size, size))
        self._more.setFont(theme().font(11))
        self._make_room()

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_WIDTH, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Show the links if there is room for them beside the title."""
        if self._links is None:
            return
        margins, spacing = self._row.contentsMargins(), self._row.spacing()
        others = margins.left() + margins.right() + 2 * spacing + self._close.sizeHint().width()
        wanted = others + self._text.sizeHint().width() + self._links.sizeHint().width()
        fits = wanted <= self.width()
        self._links.setVisible(fits)
        self._more.setVisible(not fits)

    @Slot()
    def _fill_menu(self) -> None:
        self._menu.clear()
        for button in self._links.findChildren(QAbstractButton) if self._links is not None else ():
            action = self._menu.addAction(button.text(), partial(button.click))
            action.setToolTip(button.toolTip())
            action.setEnabled(button.isEnabled())
            action.setCheckable(button.isCheckable())
            action.setChecked(button.isChecked())


class PanelDock(QDockWidget):
    """A dock for one panel, found by its object name `panel_NAME`.

    It has no frame of the system's when it floats, so it draws an edge, and has a corner to resize it by.
    """

    def __init__(self, panel: Panel, window: QMainWindow) -> None:
        super().__init__(panel.tab or panel.title, window)
        self.setObjectName(f"panel_{panel.name}")
        self.setWidget(panel)
        self.panel = panel
        self.setTitleBarWidget(DockTitle(self, panel))
        self.toggleViewAction().setText(panel.title)
        self.toggleViewAction().setToolTip(panel.hint or f"Show or hide {panel.title}")
        self._grip = QSizeGrip(self)
        self._grip.hide()
        self.topLevelChanged.connect(self._on_floating)
        self.visibilityChanged.connect(panel.set_in_front)

    @Slot(bool)
    def _on_floating(self, floating: bool) -> None:
        edge = 1 if floating else 0
        self.setContentsMargins(edge, edge, edge, edge)
        self._grip.setVisible(floating)
        self._grip.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        size = self._grip.sizeHint()
        self._grip.setGeometry(self.width() - size.width(), self.height() - size.height(), size.width(), size.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.isFloating():
            painter = QPainter(self)
            painter.setPen(theme().color("accent"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
