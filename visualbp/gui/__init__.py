"""The window: the only package that imports Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visualbp.gui.main_window import MainWindow


def create_window(path: str | None = None) -> MainWindow:
    """Return a main window that shows the model at `path`, or the start page; it is not visible yet.

    A QApplication is made if there is none.
    """
    from visualbp.gui.app import create_window as create

    return create(path)
