"""A heat map of one array, as a widget."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import Arrangement
from visualbp.gui.widgets.heat_tile import HeatTile, Meaning
from visualbp.gui.widgets.shading import Shading
from visualbp.gui.widgets.tile_view import TileView


class HeatMap(TileView):
    """Shows one array; hatched where it is absent, dimmed where it is outdated, crossed where it is not finite."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tile = HeatTile(Ref("", ""))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Heat map")

    @property
    def tiles(self) -> Sequence[HeatTile]:
        return (self.tile,)

    def show_array(
        self,
        value: Ref,
        array: Array | None,
        shading: Shading,
        grid: Arrangement | None = None,
        stale: bool = False,
        crossed: Array | None = None,
        missing: Array | None = None,
        meaning: Meaning | None = None,
    ) -> None:
        """Show an array under its name. Absent arrays are None; see HeatTile.show."""
        renamed = value != self.tile.value
        if renamed:
            self._cursor = self._hovered = None
            self.tile.value = value
            self.setAccessibleName(f"Heat map of {value.text}")
        if self.tile.show(array, shading, grid, stale, crossed, missing, meaning or Meaning()) or renamed:
            self.update()

    def mark_sample(self, sample: int | None) -> None:
        """Mark this sample, where blocks stand for samples."""
        if sample != self.tile.sample:
            self.tile.sample = sample
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(200), theme().px(90))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(40), theme().px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        self.tile.rect = self.rect()
        painter = QPainter(self)
        self.tile.paint(painter, exposed=event.rect())
        self.paint_marks(painter, self.tile)
