"""The inspector: a page for what is selected. Nothing selected: the network; a layer; several; or a connection."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, TypeVar

from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout

from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context
from visualbp.gui.inspector.connection_page import ConnectionPage
from visualbp.gui.inspector.layer_page import LayerPage
from visualbp.gui.inspector.network_page import NetworkPage
from visualbp.gui.inspector.page import SIDE, Page
from visualbp.gui.inspector.several_page import SeveralPage
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.widgets.heights import ColumnScroll, margin_beside_bar

AnyPage = TypeVar("AnyPage", bound=Page)


class InspectorPanel(Panel):
    """The page for what is selected: of the network, of one layer, of several, or of a connection."""

    name = "inspector"
    title = "Inspector"
    places: ClassVar[Places] = {
        Workspace.BUILD: DockPlace(Area.RIGHT),
        Workspace.STEP: DockPlace(Area.RIGHT, 0, 1),
        Workspace.LESSON: DockPlace(Area.LEFT),
    }
    hint = "Options and numbers of what is selected; of the network where nothing is"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._scrolls: dict[Page, ColumnScroll] = {}
        self.pages = QStackedWidget(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pages)
        context.selection.number_chosen.connect(self._on_number_chosen)

    # Each page is made when it is first needed: the window is there sooner.

    @cached_property
    def network_page(self) -> NetworkPage:
        return self._added(NetworkPage(self.context))

    @cached_property
    def layer_page(self) -> LayerPage:
        return self._added(LayerPage(self.context))

    @cached_property
    def several_page(self) -> SeveralPage:
        return self._added(SeveralPage(self.context))

    @cached_property
    def connection_page(self) -> ConnectionPage:
        return self._added(ConnectionPage(self.context))

    def _added(self, page: AnyPage) -> AnyPage:
        self._scrolls[page] = ColumnScroll(page, self, keeps_room=True)
        self.pages.addWidget(self._scrolls[page])
        self._retheme(page)  # a style sheet gives widgets other fonts when they get a parent
        return page

    @staticmethod
    def _retheme(page: Page) -> None:
        page.column.setContentsMargins(SIDE, 2, margin_beside_bar(SIDE), SIDE)
        page.retheme()

    @property
    def page(self) -> Page:
        """The page for what is selected now; names that the document no longer has do not count."""
        network, selection = self.context.document.network, self.context.selection
        names = set(network.names)
        layers = tuple(name for name in selection.layers if name in names)
        connections = tuple(found for found in selection.connections if found in network.connections)
        if len(layers) == 1:
            self.layer_page.show_layer(layers[0])
            return self.layer_page
        if layers:
            self.several_page.show_layers(layers)
            return self.several_page
        if len(connections) == 1:
            self.connection_page.show_connection(connections[0])
            return self.connection_page
        return self.network_page

    def refresh(self, snapshot: Snapshot) -> None:
        if "layer_page" in vars(self) and self.layer_page.renaming:
            return
        page = self.page
        page.show_snapshot(snapshot)
        area = self._scrolls[page]
        if self.pages.currentWidget() is not area:
            self.pages.setCurrentWidget(area)

    def retheme(self) -> None:
        for page in self._scrolls:
            self._retheme(page)

    def showEvent(self, event: QShowEvent) -> None:
        self.retheme()  # a style sheet gives widgets other fonts when they get a parent
        super().showEvent(event)

    @Slot(object, object)
    def _on_number_chosen(self, value: object, index: object) -> None:
        self.update_now()
