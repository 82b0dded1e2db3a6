"""A layer from the palette over the canvas: a ghost follows the pointer, and a connection under it lights up."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from visualbp.gui.canvas.canvas_edits import can_be_inserted
from visualbp.gui.canvas.connection_item import ConnectionItem
from visualbp.gui.canvas.geometry import CARD_WIDTH, RADIUS, snapped
from visualbp.gui.canvas.gestures.base import Gesture, Pointer, Surface
from visualbp.gui.theme import theme
from visualbp.network.edits import new_layer

GHOST = QRectF(-CARD_WIDTH / 2, -36, CARD_WIDTH, 72)


class Ghost(QGraphicsRectItem):
    """The outline of a card that is not there yet. Its name stands on the picture that hangs on the pointer."""

    def __init__(self) -> None:
        super().__init__(GHOST)
        self.setZValue(10)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable, False)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(theme().color("card", 0.85))
        painter.setPen(QPen(theme().color("accent"), 1.6, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(GHOST.adjusted(1, 1, -1, -1), RADIUS, RADIUS)


class DropLayer(Gesture):
    """Begins when the drag enters the canvas; `end` is the drop, `cancel` when it leaves."""

    scrolls = True

    def __init__(self, surface: Surface, at: Pointer, type_name: str) -> None:
        super().__init__(surface, at)
        self.type_name = type_name

    def start(self) -> None:
        self.dragging = True
        self._lit: ConnectionItem | None = None
        self._insertable = can_be_inserted(new_layer(self.surface.edits.network, self.type_name))
        self._ghost = Ghost()
        self.surface.network_scene.addItem(self._ghost)
        self.drag(self.pressed)

    def drag(self, at: Pointer) -> None:
        self._ghost.setPos(self._place(at))
        found = None
        if self._insertable:
            scene = self.surface.network_scene
            found = scene.connection_at(at.scene) or scene.connection_under(GHOST.translated(at.scene))
        if found is not self._lit:
            if self._lit is not None:
                self._lit.set_state(lit=False)
            if found is not None:
                found.set_state(lit=True)
            self._lit = found
        words = "insert between {} and {}".format(*found.connection) if found is not None else ""
        self.surface.say(words, "info")

    @staticmethod
    def _place(at: Pointer) -> QPointF:
        return QPointF(snapped(at.scene.x()), snapped(at.scene.y()))

    def end(self, at: Pointer) -> None:
        lit = self._lit.connection if self._lit is not None else None
        self.clear()
        if lit is not None:
            self.surface.edits.insert_at(self.type_name, lit)
        else:
            self.surface.edits.add_at(self.type_name, self._place(at))

    def clear(self) -> None:
        if self._lit is not None:
            self._lit.set_state(lit=False)
            self._lit = None
        self.surface.network_scene.removeItem(self._ghost)
        self.surface.say("")
