"""A heat map that scrolls where its pictures need more height than there is."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea

from visualbp.gui.theme import theme
from visualbp.gui.widgets.heat_map import HeatMap


class MapScroll(QScrollArea):
    """Lets a heat map be as high as its pictures need, and keeps in sight what the keyboard is on."""

    resized = Signal()

    def __init__(self, heat_map: HeatMap) -> None:
        super().__init__()
        self.setWidget(heat_map)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        heat_map.cursor_moved.connect(self.show_place)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()

    @Slot(QRect)
    def show_place(self, place: QRect) -> None:
        self.ensureVisible(place.center().x(), place.center().y(), 0, theme().px(20))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()  # the page keys choose the sample, and arrow keys move the cell; neither scrolls

    def sizeHint(self) -> QSize:
        return QSize(theme().px(200), theme().px(90))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(40), theme().px(24))
