"""The row of workspaces in the menu bar: tabs, or a button with a menu where there is no room for them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QTabBar, QToolButton, QWidget

from visualbp.gui.theme import theme


class WorkspaceTabs(QWidget):
    """Shows the names of all workspaces, and which is the current one."""

    chosen = Signal(str)
    """The name of the workspace that a person wants."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("workspaces")
        self._names: list[str] = []
        self.tabs = QTabBar(self)
        self.tabs.setObjectName("workspace_tabs")
        self.tabs.setAccessibleName("Workspaces")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideNone)
        self.tabs.currentChanged.connect(self._on_tab)
        self.button = QToolButton(self)
        self.button.setObjectName("workspace_button")
        self.button.setAccessibleName("Workspace")
        self.button.setToolTip("The workspace; each is an arrangement of panels")
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.button)
        self.button.setMenu(self.menu)
        self._arrangement = QMenu(self)
        self.tabs.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tabs.customContextMenuRequested.connect(self._on_menu)

    def show_workspaces(self, actions: Sequence[QAction], names: Sequence[str]) -> None:
        """Show these, in order; `actions` are what chooses each of them, with its title and its hint."""
        self._names = list(names)
        self.tabs.blockSignals(True)
        while self.tabs.count():
            self.tabs.removeTab(0)
        for place, action in enumerate(actions):
            self.tabs.addTab(action.text())
            self.tabs.setTabToolTip(place, action.toolTip())
        self.tabs.blockSignals(False)
        self.menu.clear()
        self.menu.addActions(list(actions))
        self.updateGeometry()

    def set_menu(self, actions: Sequence[QAction]) -> None:
        """Offer these on a right click."""
        self._arrangement.clear()
        self._arrangement.addActions(list(actions))

    def show_current(self, name: str) -> None:
        """Mark the workspace of this name."""
        if name in self._names:
            place = self._names.index(name)
            self.tabs.blockSignals(True)
            self.tabs.setCurrentIndex(place)
            self.tabs.blockSignals(False)
            self.button.setText(f"{self.tabs.tabText(place)}  ▾")

    def stand_in(self, room: QRect) -> int:
        """Take a place within `room`, all of it or less; return where it ends."""
        self.button.setFont(theme().font(12))
        wanted = self.tabs.sizeHint()
        fits = wanted.width() <= room.width()
        shown, size = (self.tabs, wanted) if fits else (self.button, self.button.sizeHint())
        self.tabs.setVisible(fits)
        self.button.setVisible(not fits)
        size = QSize(min(size.width(), room.width()), min(size.height(), room.height()))
        self.setGeometry(QRect(room.topLeft() + QPoint(0, (room.height() - size.height()) // 2), size))
        shown.setGeometry(self.rect())
        return self.geometry().right()

    @Slot(int)
    def _on_tab(self, place: int) -> None:
        if 0 <= place < len(self._names):
            self.chosen.emit(self._names[place])

    @Slot(QPoint)
    def _on_menu(self, position: QPoint) -> None:
        place = self.tabs.tabAt(position)
        if place >= 0:
            self.tabs.setCurrentIndex(place)
            self._arrangement.popup(self.tabs.mapToGlobal(position))
