"""Asking for files: every dialog opens in the folder where the last one ended, also one of another kind."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from visualbp.gui.settings import Settings


def last_folder() -> Path:
    """Return the folder where a file was last chosen, if it is still there, or else one's own."""
    folder = Settings().folder
    return Path(folder) if folder and Path(folder).is_dir() else Path.home()


def ask_to_open(parent: QWidget, title: str, kinds: str) -> Path | None:
    """Ask for a file that is there."""
    name, _ = QFileDialog.getOpenFileName(parent, title, str(last_folder()), kinds)
    return _remembered(name)


def ask_to_save(parent: QWidget, title: str, start: Path | str, kinds: str) -> Path | None:
    """Ask where to write. `start` is a name for the last folder, or a whole path."""
    name, _ = QFileDialog.getSaveFileName(parent, title, str(last_folder() / start), kinds)
    return _remembered(name)


def _remembered(name: str) -> Path | None:
    if not name:
        return None
    path = Path(name)
    Settings().folder = str(path.parent)
    return path
