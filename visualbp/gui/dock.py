"""The frame of a panel: a dock with a quiet title bar that has room for the panel's own links."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QMainWindow, QToolButton, QWidget

from visualbp.gui.panels.base import Panel
from visualbp.gui.theme import icon, theme


class DockTitle(QWidget):
    """Title, links, and buttons that float and close the dock. Dragging it moves the dock."""

    def __init__(self, dock: QDockWidget, panel: Panel) -> None:
        super().__init__(dock)
        self.setObjectName("dock_title")
        self._dock = dock
        row = QHBoxLayout(self)
        self._row = row
        row.setContentsMargins(12, 8, 6, 4)
        row.setSpacing(4)
        self._text = QLabel(panel.title.upper())
        self._text.setObjectName("dock_title_text")
        self._text.setToolTip(panel.hint or panel.title)
        row.addWidget(self._text)
        row.addStretch(1)
        header = panel.header()
        if header is not None:
            row.addWidget(header)
        self._close = QToolButton()
        self._close.setProperty("flat", True)
        self._close.setAccessibleName(f"Close {panel.title}")
        self._close.setToolTip(f"Close {panel.title}; the View menu brings it back")
        self._close.clicked.connect(dock.close)
        row.addWidget(self._close)
        self.retheme()
        theme().changed.connect(self.retheme)

    def retheme(self) -> None:
        self._text.setFont(theme().font(11))
        self._close.setIcon(icon("close", "faint"))
        size = theme().px(12)
        self._close.setIconSize(self._close.iconSize().scaled(size, size, Qt.AspectRatioMode.IgnoreAspectRatio))


class PanelDock(QDockWidget):
    """A dock for one panel, found by its object name `panel_NAME`."""

    def __init__(self, panel: Panel, window: QMainWindow) -> None:
        super().__init__(panel.tab or panel.title, window)
        self.setObjectName(f"panel_{panel.name}")
        self.setWidget(panel)
        self.panel = panel
        self.setTitleBarWidget(DockTitle(self, panel))
        self.toggleViewAction().setText(panel.title)
        self.toggleViewAction().setToolTip(panel.hint or f"Show or hide {panel.title}")
