"""The keyboard on the canvas: Tab from layer to layer, arrows to move them, Enter, F2, Delete, Esc, Space."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent

from visualbp.gui.canvas.commands import Commands
from visualbp.gui.canvas.geometry import GRID

ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
SCROLL = 48


def press(canvas: Commands, event: QKeyEvent) -> bool:
    """Carry a key out; return whether it meant anything here."""
    key, selection = Qt.Key(event.key()), canvas.selection
    if key == Qt.Key.Key_Escape:
        if canvas.gesture is not None:
            canvas.cancel_gesture()
        else:
            selection.select()
    elif key == Qt.Key.Key_Space:
        if not event.isAutoRepeat():
            canvas.hold_space()
    elif (
        key in ARROWS
        and not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier & ~Qt.KeyboardModifier.KeypadModifier
    ):
        _arrow(canvas, *ARROWS[key], fine=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
    elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
        canvas.delete_selected()
    elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and selection.layer is not None:
        canvas.edit_options(selection.layer)
    elif key == Qt.Key.Key_F2 and selection.layer is not None:
        canvas.rename(selection.layer)
    else:
        return False
    event.accept()
    return True


def _arrow(canvas: Commands, x: int, y: int, fine: bool) -> None:
    """Move the selected layers by a step of the grid (Shift: a hair's breadth), or scroll if none is selected."""
    names = canvas.selection.layers
    if not names:
        canvas.scroll_by(x * SCROLL, y * SCROLL)
        return
    step = 4 / 3 if fine else GRID
    items = [canvas.network_scene.layers[name] for name in names]
    canvas.edits.move({i.name: i.centre + QPointF(x * step, y * step) for i in items}, merge=f"nudge {names}")
    canvas.reveal(items[-1].body)


def tab(canvas: Commands, forward: bool) -> bool:
    """Select the next layer, in the order in which they run; return False past the last, where the focus goes on."""
    scene, selection = canvas.network_scene, canvas.selection
    order = canvas.context.document.structure.order
    rest = sorted((name for name in scene.layers if name not in set(order)), key=scene.place_of)
    names = [*(name for name in order if name in scene.layers), *rest]
    present = selection.layer
    before_first = -1 if forward else len(names)
    place = (names.index(present) if present in names else before_first) + (1 if forward else -1)
    if not 0 <= place < len(names):
        return False
    selection.select((names[place],))
    canvas.frame_layer(names[place])
    return True
