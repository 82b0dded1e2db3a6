"""The two small dialogs: all keys at a glance, and what this program is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from visualbp import __version__
from visualbp.gui.actions import ARRANGE, DEBUG, EDIT, FILE, HELP, PANELS, VIEW, WORKSPACES
from visualbp.gui.canvas.keys import KEYS as CANVAS_KEYS
from visualbp.gui.theme import theme

KEYS = (
    ("File", FILE),
    ("Edit", EDIT),
    ("View", VIEW + PANELS + ARRANGE + HELP),
    ("Workspaces", WORKSPACES),
    ("Debug", DEBUG),
)
CANVAS = (
    ("Tab, Shift+Tab", "Next or previous layer"),
    *CANVAS_KEYS,
    ("Enter", "Options of the layer"),
    ("F2", "Rename the layer"),
    ("Backspace", "Delete what is selected"),
    ("Esc", "Cancel a drag, or select nothing"),
)
"""What the canvas takes by itself; Delete is an action."""
MOUSE = (
    ("Click", "Select a layer or a connection"),
    ("Ctrl+click, Shift+click", "Select one more"),
    ("Drag on empty canvas", "Select what is in a frame"),
    ("Drag a card", "Move it; Alt: over others"),
    ("Drag from a port", "Connect layers"),
    ("Drop on a connection", "Insert a layer"),
    ("Double-click", "Options; on a name: rename"),
    ("Right-click", "What can be done there"),
    ("Space+drag, middle drag", "Move the view"),
    ("Wheel, Shift+wheel", "Move up and down, sideways"),
    ("Ctrl+wheel", "Zoom at the pointer"),
    ("Click a number", "Where did it come from?"),
)
COLUMNS = (("Debug", "Edit"), ("View", "Workspaces", "File"), ("On the canvas", "Mouse"))
"""Which lists stand below each other, so that all of it fits into 1024 x 700 at scale 1."""


def key_lists() -> dict[str, list[tuple[str, str]]]:
    """Return every key and gesture with what it does, by heading. All keys of an action stand in its row."""
    lists = {
        title: [(", ".join(map(_shown, spec.keys)), spec.text) for spec in specs if spec.keys] for title, specs in KEYS
    }
    return {**lists, "On the canvas": list(CANVAS), "Mouse": list(MOUSE)}


def show_keys(parent: QWidget) -> QDialog:
    """Show all keys, by menu, in a window that does not block, and that scrolls where it is larger than its parent."""
    dialog = QDialog(parent)
    dialog.setObjectName("keys")
    dialog.setWindowTitle("Keys")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    page, lists = QWidget(), key_lists()
    row = QHBoxLayout(page)
    row.setContentsMargins(22, 16, 22, 16)
    row.setSpacing(theme().px(28))
    for titles in COLUMNS:
        column = QVBoxLayout()
        column.setSpacing(theme().px(12))
        for title in titles:
            column.addLayout(_column(title, lists[title]))
        column.addStretch(1)
        row.addLayout(column)
    scroll = QScrollArea()
    scroll.setFrameShape(QScrollArea.Shape.NoFrame)
    scroll.setWidgetResizable(True)
    scroll.setWidget(page)
    outer = QVBoxLayout(dialog)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(scroll)
    wanted, bar = page.sizeHint(), scroll.verticalScrollBar().sizeHint().width()
    room = parent.window().size()
    dialog.resize(min(wanted.width() + bar, room.width()), min(wanted.height() + 2, room.height()))
    dialog.show()
    return dialog


def _shown(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def _column(title: str, rows: list[tuple[str, str]]) -> QVBoxLayout:
    column, grid = QVBoxLayout(), QGridLayout()
    heading = QLabel(title.upper())
    heading.setProperty("heading", True)
    column.addWidget(heading)
    column.addLayout(grid)
    grid.setHorizontalSpacing(theme().px(14))
    grid.setVerticalSpacing(theme().px(3))
    column.setSpacing(theme().px(6))
    for row, (keys, text) in enumerate(rows):
        name = QLabel(keys)
        name.setFont(theme().font(11, QFont.Weight.Medium, mono=True))
        grid.addWidget(name, row, 0)
        grid.addWidget(QLabel(text), row, 1)
    return column


def show_about(parent: QWidget) -> None:
    """Say what this is."""
    QMessageBox.about(
        parent,
        "About visualbp",
        f"<b>visualbp {__version__}</b><p>A visual debugger for backpropagation: build a network, step forwards and"
        " backwards through it, and ask of any number where it came from.</p>"
        "<p>Inter and JetBrains Mono are used under the SIL Open Font License.</p>",
    )
