"""The two small dialogs: all keys at a glance, and what this program is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QMessageBox, QVBoxLayout, QWidget

from visualbp import __version__
from visualbp.gui.actions import DEBUG, EDIT, FILE, HELP, PANELS, VIEW, WORKSPACES
from visualbp.gui.canvas.keys import KEYS as CANVAS_KEYS
from visualbp.gui.theme import theme

KEYS = (
    ("File and edit", FILE + EDIT),
    ("View", VIEW + PANELS + HELP),
    ("Workspaces", WORKSPACES),
    ("Debug", DEBUG),
)
MOUSE = (
    ("Ctrl+wheel", "Zoom at the pointer"),
    ("Space-drag, middle-drag", "Move the view"),
    ("Drag from a port", "Connect layers"),
    ("Drop on a connection", "Insert a layer"),
    ("Click a number", "Where did it come from?"),
)


def show_keys(parent: QWidget) -> None:
    """Show all keys, by menu, in a window that does not block."""
    dialog = QDialog(parent)
    dialog.setObjectName("keys")
    dialog.setWindowTitle("Keys")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    grid = QGridLayout(dialog)
    grid.setContentsMargins(24, 20, 24, 20)
    grid.setHorizontalSpacing(36)
    for column, (title, specs) in enumerate(KEYS):
        rows = [(_shown(spec.keys[0]), spec.text) for spec in specs if spec.keys]
        layout = _column(title, rows)
        if title == "Workspaces":
            layout.addSpacing(theme().px(14))
            layout.addLayout(_column("Canvas", [*MOUSE, *CANVAS_KEYS]))
        grid.addLayout(layout, 0, column, Qt.AlignmentFlag.AlignTop)
    dialog.show()


def _shown(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def _column(title: str, rows: list[tuple[str, str]]) -> QVBoxLayout:
    column, grid = QVBoxLayout(), QGridLayout()
    heading = QLabel(title.upper())
    heading.setProperty("heading", True)
    column.addWidget(heading)
    column.addLayout(grid)
    grid.setHorizontalSpacing(theme().px(14))
    grid.setVerticalSpacing(theme().px(5))
    column.setSpacing(theme().px(9))
    for row, (keys, text) in enumerate(rows):
        name = QLabel(keys)
        name.setFont(theme().font(11.5, QFont.Weight.Medium, mono=True))
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
