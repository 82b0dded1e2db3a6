"""The small palette that a loose connection offers: only what fits there."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from visualbp.gui.canvas.layer_list import LayerList, LayerModel, LayerSearch
from visualbp.gui.theme import theme
from visualbp.layers import LayerType
from visualbp.network import Network, connection_problem
from visualbp.network.edits import add_layer, new_layer


def fits(network: Network, name: str, side: str, kind: LayerType) -> bool:
    """Whether a fresh layer of this type can be connected behind `name` (`output`), or before it (`input`)."""
    if side == "output" and kind.most_inputs == 0:
        return False
    if side == "input" and kind.is_loss:
        return False
    layer = new_layer(network, kind.type_name)
    grown = add_layer(network, layer, (0.0, 0.0))
    ends = (name, layer.name) if side == "output" else (layer.name, name)
    return connection_problem(grown, *ends) is None


class LayerPopup(QFrame):
    """A popup with a search field and a list; it closes when a type is chosen, or when anything else is clicked."""

    chosen = Signal(str)

    def __init__(self, title: str, allowed: Callable[[LayerType], bool], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("layer_popup")
        self.setProperty("card", True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(title)
        self.list = LayerList(LayerModel(allowed), one_click=True)
        self.search = LayerSearch(self.list)
        heading = QLabel(title)
        heading.setProperty("dim", True)
        heading.setFont(theme().font(11))
        column = QVBoxLayout(self)
        margin = theme().px(8)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(theme().px(6))
        for widget in (heading, self.search, self.list):
            column.addWidget(widget)
        self.list.chosen.connect(self._on_chosen)
        self.resize(theme().px(214), theme().px(330))

    def open_at(self, place: QPoint) -> None:
        """Show it beside a point of the screen, within the screen, ready to type."""
        screen = self.screen().availableGeometry()
        x = min(place.x(), screen.right() - self.width())
        y = min(place.y() - theme().px(40), screen.bottom() - self.height())
        self.move(max(x, screen.left()), max(y, screen.top()))
        self.show()
        self.search.setFocus()

    @Slot(str)
    def _on_chosen(self, type_name: str) -> None:
        self.chosen.emit(type_name)
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
