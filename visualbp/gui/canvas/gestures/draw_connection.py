"""Drawing a connection from a port. What cannot be is refused while dragging, with the reason at the pointer."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QGraphicsPathItem

from visualbp.gui.canvas.geometry import round_pen
from visualbp.gui.canvas.gestures.base import Gesture, Pointer, Surface
from visualbp.gui.canvas.layer_item import LayerItem
from visualbp.gui.canvas.routing import route
from visualbp.gui.theme import theme
from visualbp.network import connection_problem, structure_of
from visualbp.network.edits import disconnect
from visualbp.network.network import Connection

MOST_HINTS = 60
"""In a larger crowd only the layer under the pointer says whether it fits."""


class DrawConnection(Gesture):
    """From an output to an input, or the other way. Pressing an input that is taken picks its connection up.

    Over empty canvas, the release offers the layers that fit there; a connection that was picked up is removed.
    """

    cursor = Qt.CursorShape.CrossCursor
    scrolls = True

    def __init__(self, surface: Surface, at: Pointer, item: LayerItem, side: str) -> None:
        super().__init__(surface, at)
        self.item, self.side = item, side
        self.instead_of: Connection | None = None

    def start(self) -> None:
        self._line: QGraphicsPathItem | None = None
        self._over: LayerItem | None = None
        self._problem: str | None = None
        self._known: dict[str, str | None] = {}

    def begin_drag(self) -> None:
        surface = self.surface
        self.network = surface.edits.network
        inputs = self.network.inputs_of(self.item.name)
        if self.side == "input" and inputs and self.item.card.layer.kind.most_inputs == 1:
            self.instead_of = (inputs[0], self.item.name)
            self.network = disconnect(self.network, [self.instead_of])
            surface.network_scene.connections[self.instead_of].setVisible(False)
            self.item, self.side = surface.network_scene.layers[inputs[0]], "output"
        self._structure = structure_of(self.network)
        self._line = QGraphicsPathItem()
        self._line.setZValue(5)
        surface.network_scene.addItem(self._line)
        shown = surface.network_scene.items_in(surface.visible_rect())
        if len(shown) <= MOST_HINTS and self.side == "output":
            for item in shown:
                if item.layout.has_input and item is not self.item:
                    item.set_state(port_hint="faint" if self._problem_of(item) else "passed")

    def _ends(self, other: LayerItem) -> Connection:
        return (self.item.name, other.name) if self.side == "output" else (other.name, self.item.name)

    def _problem_of(self, other: LayerItem) -> str | None:
        if other.name not in self._known:
            self._known[other.name] = connection_problem(self.network, *self._ends(other), self._structure)
        return self._known[other.name]

    def drag(self, at: Pointer) -> None:
        found = self.surface.network_scene.layer_at(at.scene)
        if found is self.item and found.part_at(at.scene) == self.side:
            found = None
        if found is not self._over:
            if self._over is not None:
                self._over.set_state(hovered="")
            self._over = found
        self._problem = self._problem_of(found) if found is not None else None
        fits = found is not None and self._problem is None
        if found is not None:
            found.set_state(hovered=("input" if self.side == "output" else "output") if fits else "")
        self._draw(at.scene, found if fits else None)
        self.surface.say(self._problem or "", "error")

    def _draw(self, point: QPointF, snap: LayerItem | None) -> None:
        if self._line is None:
            return
        if self.side == "output":
            start, end = self.item.output_port, snap.input_port if snap else point
        else:
            start, end = snap.output_port if snap else point, self.item.input_port
        color = "error" if self._problem else "passed" if snap else "accent"
        pen = round_pen(theme().color(color), 2.4)
        pen.setStyle(Qt.PenStyle.SolidLine if snap else Qt.PenStyle.DashLine)
        self._line.setPen(pen)
        self._line.setPath(route(start, end).path)

    def end(self, at: Pointer) -> None:
        over, problem = self._over, self._problem
        dragged = self.dragging
        self.clear()
        if not dragged:
            return
        if over is None:
            if self.instead_of is not None:
                self.surface.edits.separate([self.instead_of])
            else:
                self.surface.offer_layers(at, self.item.name, self.side)
        elif problem:
            self.surface.edits.message.emit(problem)
        elif self._ends(over) != self.instead_of:
            self.surface.edits.join(*self._ends(over), self.instead_of)

    def clear(self) -> None:
        scene = self.surface.network_scene
        if self._line is not None:
            scene.removeItem(self._line)
            self._line = None
        if self.instead_of in scene.connections:
            scene.connections[self.instead_of].setVisible(True)
        if self.dragging:
            for item in scene.layers.values():
                item.set_state(port_hint="", hovered="")
        self.surface.say("")
