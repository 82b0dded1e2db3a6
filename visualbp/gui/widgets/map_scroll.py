"""A heat map that scrolls where its pictures need more height than there is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import Arrangement, Sheet
from visualbp.gui.widgets.heat_map import HeatMap
from visualbp.gui.widgets.heights import ColumnScroll

Arranging = Callable[[int, int], Arrangement | None]
"""From the width of a heat map and the height of the view to the arrangement of its pictures."""


class MapScroll(ColumnScroll):
    """Lets a heat map be as high as its pictures need, and keeps in sight what the keyboard is on."""

    fitted = Signal()
    """The heat map has its size: `arrangement` is the one for it."""

    def __init__(self, heat_map: HeatMap, parent: QWidget | None = None) -> None:
        self._arranging: Arranging = _plain
        self._arranged: dict[tuple[int, int], Arrangement | None] = {}
        super().__init__(heat_map, parent)
        self._map = heat_map
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        heat_map.cursor_moved.connect(self.show_place)

    def arrange(self, arranging: Arranging) -> None:
        """Show pictures that are arranged like this, in whatever place there is."""
        self._arranging = arranging
        self._arranged.clear()
        self.fit()

    @property
    def arrangement(self) -> Arrangement | None:
        """How the pictures are arranged in the place that there is."""
        return self._arranged_in(self._map.width())

    def _arranged_in(self, width: int) -> Arrangement | None:
        place = width, self.maximumViewportSize().height()
        if place not in self._arranged:
            self._arranged[place] = self._arranging(*place)
        return self._arranged[place]

    def content_height(self, width: int) -> int:
        made = self._arranged_in(width)
        return made.pixel_height if isinstance(made, Sheet) else 0

    def fit(self) -> None:
        super().fit()
        self.fitted.emit()

    @Slot(QRect)
    def show_place(self, place: QRect) -> None:
        """Scroll as little as possible, until a place of the map is seen."""
        self.ensureVisible(place.center().x(), place.center().y(), 0, theme().px(20))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()  # the page keys choose the sample, and arrow keys move the cell; neither scrolls

    def sizeHint(self) -> QSize:
        return QSize(theme().px(200), theme().px(90))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(40), theme().px(24))


def _plain(width: int, height: int) -> None:
    """Arrange nothing: an array without pictures fills its place."""
