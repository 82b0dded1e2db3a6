"""The palette: every type of layer there is, to search and to drag onto the canvas."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout

from visualbp.gui.canvas.layer_list import LayerList, LayerModel, LayerSearch
from visualbp.gui.context import Context
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.theme import theme


class PalettePanel(Panel):
    """Types of layers from the registry. `layer_asked` says that one is to be added where it fits best."""

    name: ClassVar[str] = "palette"
    title: ClassVar[str] = "Layers"
    places: ClassVar[Places] = {
        Workspace.BUILD: DockPlace(Area.LEFT),
    }
    hint: ClassVar[str] = (
        "Drag a layer onto the canvas, or onto a connection; double-click adds it behind the selected one"
    )

    layer_asked = Signal(str)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.list = LayerList(LayerModel())
        self.search = LayerSearch(self.list)
        self.list.chosen.connect(self.layer_asked)
        self.setFocusProxy(self.search)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.search)
        self._column.addWidget(self.list)
        self.retheme()

    def retheme(self) -> None:
        side, gap = theme().px(12), theme().px(6)
        self._column.setContentsMargins(side, theme().px(4), side, gap)
        self._column.setSpacing(gap)
        self.search.retheme()
        self.search.setFont(theme().font(12))
        self.list.setMinimumWidth(theme().px(148))
        self.list.scheduleDelayedItemsLayout()
        self.list.viewport().update()
