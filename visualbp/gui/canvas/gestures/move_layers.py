"""Moving layers. A press that does not move is a click: it selects, or asks where a number came from."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGraphicsLineItem

from visualbp.gui.canvas.canvas_edits import can_be_inserted
from visualbp.gui.canvas.connection_item import ConnectionItem
from visualbp.gui.canvas.geometry import snapped
from visualbp.gui.canvas.gestures.base import Gesture, Pointer, Surface
from visualbp.gui.canvas.layer_item import LayerItem
from visualbp.gui.theme import theme

ALIGN_REACH = 7
"""Pixels within which a card lines up with another one."""


class MoveLayers(Gesture):
    """Moves the pressed layer, and all that are selected with it. Esc puts them back; Alt moves freely."""

    cursor = Qt.CursorShape.ClosedHandCursor
    scrolls = True

    def __init__(self, surface: Surface, at: Pointer, item: LayerItem) -> None:
        super().__init__(surface, at)
        self.item = item

    def start(self) -> None:
        self._guides: list[QGraphicsLineItem] = []
        self._lit: ConnectionItem | None = None
        selection = self.surface.selection
        self._was_selected = self.item.name in selection.layers
        if self.pressed.adds:
            others = tuple(name for name in selection.layers if name != self.item.name)
            selection.select(others if self._was_selected else (*others, self.item.name), selection.connections)
        elif not self._was_selected:
            selection.select((self.item.name,))

    def begin_drag(self) -> None:
        scene = self.surface.network_scene
        names = self.surface.selection.layers
        if self.item.name not in names:
            names = (self.item.name,)
        self._moving = [scene.layers[name] for name in names if name in scene.layers]
        self._corners = {item: item.pos() for item in self._moving}
        self._centre = self.item.centre
        moving = set(names)
        near = self.surface.visible_rect().adjusted(-400, -400, 400, 400)
        rest = [item.centre for item in scene.items_in(near) if item.name not in moving]
        self._columns = sorted({round(centre.x(), 2) for centre in rest})
        self._rows = sorted({round(centre.y(), 2) for centre in rest})
        network = self.surface.edits.network
        loose = not any(self.item.name in connection for connection in network.connections)
        self._insertable = len(self._moving) == 1 and loose and can_be_inserted(self.item.card.layer)
        for item in self._moving:
            item.setZValue(1)

    def drag(self, at: Pointer) -> None:
        wanted = self._centre + (at.scene - self.pressed.scene)
        free = bool(at.modifiers & Qt.KeyboardModifier.AltModifier)
        target, lines = (wanted, []) if free else self._snap(wanted)
        delta = target - self._centre
        scene = self.surface.network_scene
        for item in self._moving:
            scene.move_layer(item, self._corners[item] + delta)
        self._show_guides(lines)
        if self._insertable:
            self._light(scene.connection_under(self.item.body))

    def _snap(self, wanted: QPointF) -> tuple[QPointF, list[QLineF]]:
        """Return the place that the pressed card snaps to, and the lines along which it stands with others."""
        reach = ALIGN_REACH / self.surface.pixels_per_unit
        column, row = _nearest(self._columns, wanted.x(), reach), _nearest(self._rows, wanted.y(), reach)
        x = snapped(wanted.x()) if column is None else column
        y = snapped(wanted.y()) if row is None else row
        shown, lines = self.surface.visible_rect(), []
        if column is not None:
            lines.append(QLineF(x, shown.top(), x, shown.bottom()))
        if row is not None:
            lines.append(QLineF(shown.left(), y, shown.right(), y))
        return QPointF(x, y), lines

    def _show_guides(self, lines: list[QLineF]) -> None:
        while len(self._guides) < len(lines):
            guide = QGraphicsLineItem()
            pen = QPen(theme().color("accent", 0.45), 1, Qt.PenStyle.DashLine)
            pen.setCosmetic(True)
            guide.setPen(pen)
            guide.setZValue(-1.5)
            self.surface.network_scene.addItem(guide)
            self._guides.append(guide)
        for number, guide in enumerate(self._guides):
            guide.setVisible(number < len(lines))
            if number < len(lines) and guide.line() != lines[number]:
                guide.setLine(lines[number])

    def _light(self, connection: ConnectionItem | None) -> None:
        if connection is not self._lit:
            if self._lit is not None:
                self._lit.set_state(lit=False)
            if connection is not None:
                connection.set_state(lit=True)
            self._lit = connection
        if connection is not None:
            source, target = connection.connection
            self.surface.say(f"insert between {source} and {target}", "info")
        else:
            self.surface.say("")

    def end(self, at: Pointer) -> None:
        lit = self._lit.connection if self._lit is not None else None
        self.clear()
        if not self.dragging:
            self._click(at)
            return
        centres = {item.name: item.centre for item in self._moving}
        moved = any(item.pos() != self._corners[item] for item in self._moving)
        if lit is not None:
            self.surface.edits.insert_present(self.item.name, lit, centres)
        elif moved and at.modifiers & Qt.KeyboardModifier.AltModifier:
            self.surface.edits.move(centres)
        elif moved:
            self.surface.edits.drop(centres)

    def _click(self, at: Pointer) -> None:
        selection = self.surface.selection
        if self.pressed.adds:
            return
        if self._was_selected and len(selection.layers) + len(selection.connections) > 1:
            selection.select((self.item.name,))
        cell = self.item.cell_at(at.scene) if self.surface.network_scene.shows_cells else None
        if cell is not None:
            selection.choose_number(cell.value, cell.index)

    def cancel(self) -> None:
        if self.dragging:
            for item in self._moving:
                self.surface.network_scene.move_layer(item, self._corners[item])
        self.clear()

    def clear(self) -> None:
        self._light(None)
        for guide in self._guides:
            self.surface.network_scene.removeItem(guide)
        self._guides = []
        if self.dragging:
            for item in self._moving:
                item.setZValue(0)


def _nearest(places: list[float], wanted: float, reach: float) -> float | None:
    near = min(places, key=lambda place: abs(place - wanted), default=None)
    return near if near is not None and abs(near - wanted) <= reach else None
