"""What a press begins, and what the pointer shows while nothing is pressed."""

from __future__ import annotations

from PySide6.QtCore import Qt

from visualbp.gui.canvas.connection_item import ConnectionItem
from visualbp.gui.canvas.gestures.base import Gesture, Pointer, Surface
from visualbp.gui.canvas.gestures.draw_connection import DrawConnection
from visualbp.gui.canvas.gestures.move_layers import MoveLayers
from visualbp.gui.canvas.gestures.pan import Pan
from visualbp.gui.canvas.gestures.rubber_band import RubberBand
from visualbp.gui.canvas.layer_item import LayerItem

CURSORS = {
    "input": Qt.CursorShape.CrossCursor,
    "output": Qt.CursorShape.CrossCursor,
    "gutter": Qt.CursorShape.PointingHandCursor,
    "strip": Qt.CursorShape.PointingHandCursor,
}


def gesture_for(surface: Surface, at: Pointer, button: Qt.MouseButton) -> Gesture | None:
    """Return the gesture that a press begins. A press that needs none is carried out at once."""
    if button == Qt.MouseButton.MiddleButton or (surface.space_held and button == Qt.MouseButton.LeftButton):
        return Pan(surface, at)
    if button != Qt.MouseButton.LeftButton:
        return None
    scene, selection = surface.network_scene, surface.selection
    item = scene.layer_at(at.scene)
    if item is not None:
        part = item.part_at(at.scene)
        if part == "gutter":
            surface.toggle_breakpoints((item.name,))
            return None
        return DrawConnection(surface, at, item, part) if part in ("input", "output") else MoveLayers(surface, at, item)
    edge = scene.connection_at(at.scene)
    if edge is not None:
        ends = edge.connection
        if at.adds:
            others = tuple(c for c in selection.connections if c != ends)
            selection.select(selection.layers, others if ends in selection.connections else (*others, ends))
        else:
            selection.select((), (ends,))
        return None
    if not at.adds:
        selection.select()
    return RubberBand(surface, at)


class Hover:
    """Shows what is under the pointer while nothing is pressed; one for each canvas."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self._item: LayerItem | None = None
        self._edge: ConnectionItem | None = None

    def show(self, at: Pointer | None) -> None:
        """Show what is under the pointer: a port, a number, a connection; None: the pointer has left."""
        surface, scene = self._surface, self._surface.network_scene
        item = scene.layer_at(at.scene) if at is not None else None
        edge = scene.connection_at(at.scene) if at is not None and item is None else None
        if self._item is not None and self._item is not item:
            self._item.set_state(hovered="", cell=None)
        if self._edge is not None and self._edge is not edge:
            self._edge.set_state(hovered=False)
        if edge is not None:
            edge.set_state(hovered=True)
        self._item, self._edge = item, edge
        if at is None or item is None:
            surface.say("")
            if not surface.space_held:
                shape = Qt.CursorShape.PointingHandCursor if edge is not None else Qt.CursorShape.ArrowCursor
                surface.show_cursor(shape)
            return
        part = item.part_at(at.scene)
        cell = item.cell_at(at.scene) if part == "strip" and scene.shows_cells else None
        item.set_state(
            hovered=part if part in ("input", "output", "gutter") else "",
            cell=(cell.row, cell.tile, *cell.place) if cell else None,
        )
        if not surface.space_held:
            surface.show_cursor(CURSORS.get(part, Qt.CursorShape.ArrowCursor))
        surface.say(*_words(surface, item, part, at))


def _words(surface: Surface, item: LayerItem, part: str, at: Pointer) -> tuple[str, str]:
    """Return what the bubble says, and its tone."""
    if part == "gutter":
        return ("remove the breakpoint" if item.card.breakpoint else "stop before this layer", "info")
    if surface.network_scene.shows_cells:
        cell = item.cell_at(at.scene)
        if cell is not None:
            return cell.text, "number"
        if item.is_on_absent(at.scene) and not item.card.error:
            return "not yet computed in this iteration", "info"
    if item.card.trouble:
        return f"{item.name}: {item.card.trouble}", "error"
    if part and item.card.faults:
        return "\n".join(problem.text for problem in item.card.faults), "error" if item.card.error else "info"
    if not surface.network_scene.shows_cells and part:
        return item.name, "info"
    return "", "info"
