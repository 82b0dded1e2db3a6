"""Numbers on the clipboard: exact, with tabs between them, or as the text of a NumPy array; and the menu for it.

Ctrl+C copies layers in the canvas; where numbers have the focus, `takes_copy` gives the key to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from visualbp.core.arrays import Array
from visualbp.gui.painting import as_matrix, exact_text

MOST_COPIED = 250_000
"""Numbers that go to the clipboard: more would hold the window up, and whatever takes them."""

Copy = tuple[str, Callable[[], str]]
"""What an entry of the menu says, and the text that it copies."""


def takes_copy(event: QEvent) -> bool:
    """Take Ctrl+C for the widget that has the focus, before the window's action gets it; return whether it was that."""
    is_copy = isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Copy)
    if is_copy and event.type() == QEvent.Type.ShortcutOverride:
        event.accept()
        return True
    return False


def row_text(row: Array) -> str:
    """Return numbers with tabs between them, exact."""
    return "\t".join(map(exact_text, np.asarray(row).reshape(-1).tolist()))


def table_text(array: Array) -> str:
    """Return an array as lines with tabs, exact; axes beyond the second lie in the columns."""
    return "\n".join("\t".join(map(exact_text, row)) for row in as_matrix(array).tolist())


def numpy_text(array: Array) -> str:
    """Return an array as an expression of NumPy that gives the same array, to the last bit."""
    kind = f", dtype=np.{array.dtype.name}" if array.dtype != np.float64 else ""
    return f"np.array({_nested(array.tolist(), '')}{kind})"


def _nested(part: object, indent: str) -> str:
    if not isinstance(part, list):
        text = repr(part)
        return f"np.{text}" if text in ("nan", "inf") else "-np.inf" if text == "-inf" else text
    inner = [_nested(each, indent + " ") for each in part]
    deep = any(isinstance(each, list) for each in part)
    return "[" + (f",\n{indent}          ".join(inner) if deep else ", ".join(inner)) + "]"


def copies_of(array: Array, index: tuple[int, ...]) -> list[Copy]:
    """Return what can be copied of an element of an array: the number, its row along the last axis, all of it."""
    found: list[Copy] = [("Copy number", lambda: exact_text(float(array[index])))]
    if array.ndim:
        found.append(("Copy row", lambda: row_text(array[index[:-1]])))
    return [*found, *copies_of_tensor(array)]


def copies_of_tensor(array: Array, what: str = "tensor") -> list[Copy]:
    """Return the two ways in which a whole array can be copied."""
    return [
        (f"Copy {what} (with tabs)", lambda: table_text(array)),
        (f"Copy {what} (as NumPy array)", lambda: numpy_text(array)),
    ]


def put_on_clipboard(text: Callable[[], str], size: int, widget: QWidget) -> None:
    """Copy a text of so many numbers, or say that they are too many."""
    if size > MOST_COPIED:
        QToolTip.showText(widget.mapToGlobal(QPoint(8, 8)), f"{size:,} numbers are too many for the clipboard", widget)
        return
    QGuiApplication.clipboard().setText(text())


def copy_menu(copies: Sequence[Copy], size: int, widget: QWidget) -> QMenu:
    """Return a menu of what can be copied, of an array of so many numbers. It goes when it is closed."""
    menu = QMenu(widget)
    menu.aboutToHide.connect(menu.deleteLater)
    for words, text in copies:
        few = words in ("Copy number", "Copy row")
        action = menu.addAction(words)
        action.triggered.connect(lambda _=False, text=text, few=few: put_on_clipboard(text, 0 if few else size, widget))
    return menu
