"""The keyboard on the canvas: Tab, arrows, Home and End go from card to card; Alt and arrows move the selected ones.

Enter, F2, Delete, Esc and Space do what they do elsewhere. `KEYS` is for the list of all keys.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent

from visualbp.gui.canvas.commands import Commands
from visualbp.gui.canvas.geometry import GRID
from visualbp.gui.canvas.neighbours import nearest, neighbour

KEYS = (
    ("Arrows", "Select the next card that way"),
    ("Shift+arrows", "Select it as well"),
    ("Alt+arrows", "Move the selected cards"),
    ("Ctrl+arrows", "Move the view"),
    ("Home, End", "First and last layer"),
    (".", "Card of the current step"),
)
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
SCROLL = 48
FINE = 4 / 3
"""Scene units that Alt, Shift and an arrow move a card by; without Shift it is a step of the grid."""
Modifier = Qt.KeyboardModifier


def press(canvas: Commands, event: QKeyEvent) -> bool:
    """Carry a key out; return whether it meant anything here."""
    key, selection = Qt.Key(event.key()), canvas.selection
    modifiers = event.modifiers() & ~Modifier.KeypadModifier
    if key == Qt.Key.Key_Escape:
        if canvas.gesture is not None:
            canvas.cancel_gesture()
        else:
            selection.select()
    elif key == Qt.Key.Key_Space:
        if not event.isAutoRepeat():
            canvas.hold_space()
    elif key in ARROWS:
        return _arrow(canvas, *ARROWS[key], modifiers) and _taken(event)
    elif key in (Qt.Key.Key_Home, Qt.Key.Key_End) and modifiers == Modifier.NoModifier:
        names = in_order(canvas)
        if names:
            _select(canvas, names[0 if key == Qt.Key.Key_Home else -1])
    elif key == Qt.Key.Key_Period and modifiers == Modifier.NoModifier:
        canvas.show_current()
    elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
        canvas.delete_selected()
    elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and selection.layer is not None:
        canvas.edit_options(selection.layer)
    elif key == Qt.Key.Key_F2 and selection.layer is not None:
        canvas.rename(selection.layer)
    else:
        return False
    return _taken(event)


def _taken(event: QKeyEvent) -> bool:
    event.accept()
    return True


def _arrow(canvas: Commands, x: int, y: int, modifiers: Qt.KeyboardModifier) -> bool:
    if modifiers in (Modifier.NoModifier, Modifier.ShiftModifier):
        _go(canvas, x, y, adds=modifiers == Modifier.ShiftModifier)
    elif modifiers & ~Modifier.ShiftModifier == Modifier.AltModifier:
        step = FINE if modifiers & Modifier.ShiftModifier else GRID
        canvas.edits.nudge(canvas.selection.layers, QPointF(x * step, y * step))
        if canvas.selection.layer is not None:
            canvas.look_at(canvas.selection.layer)
    elif modifiers == Modifier.ControlModifier:
        canvas.scroll_by(x * SCROLL, y * SCROLL)
    else:
        return False
    return True


def _go(canvas: Commands, x: int, y: int, adds: bool) -> None:
    """Select the card that lies next to the selected one. At the end of a row, left and right go on along a connection,
    to where the row goes on; where nothing is selected, the first press selects the current step's card."""
    scene, present = canvas.network_scene, canvas.selection.layer
    bodies = {name: item.body for name, item in scene.layers.items()}
    if present not in bodies:
        found = scene.flow.active_layer
        if found not in bodies or not canvas.visible_rect().intersects(bodies[found]):
            found = nearest(bodies, canvas.visible_rect().center()) or ""
    else:
        found = neighbour(bodies, present, x, y) or ""
        if not found and x:
            network = canvas.edits.network
            joined = network.outputs_of(present) if x > 0 else network.inputs_of(present)
            found = next(iter(joined), "")
    if found:
        _select(canvas, found, adds)


def _select(canvas: Commands, name: str, adds: bool = False) -> None:
    others = tuple(other for other in canvas.selection.layers if other != name) if adds else ()
    canvas.selection.select((*others, name))
    canvas.look_at(name)


def in_order(canvas: Commands) -> list[str]:
    """Return all layers in the order in which they run; those that do not run come last, as they stand."""
    scene = canvas.network_scene
    order = [name for name in canvas.context.document.structure.order if name in scene.layers]
    running = set(order)
    return [*order, *sorted((name for name in scene.layers if name not in running), key=scene.place_of)]


def tab(canvas: Commands, forward: bool) -> bool:
    """Select the next layer, in the order in which they run; return False past the last, where the focus goes on."""
    names, selection = in_order(canvas), canvas.selection
    present = selection.layer
    before_first = -1 if forward else len(names)
    place = (names.index(present) if present in names else before_first) + (1 if forward else -1)
    if not 0 <= place < len(names):
        return False
    selection.select((names[place],))
    canvas.frame_layer(names[place])
    return True
