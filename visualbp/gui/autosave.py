"""Autosave: unsaved work is written beside the settings soon after an edit and every half minute, and offered again
after a crash.

Each running window holds a lock beside its own autosave file. A file whose lock nobody holds was left by a crash.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QStandardPaths, QTimer, Signal, Slot

from visualbp.files import FileError, load_network, moved, save_network
from visualbp.gui.context import Context
from visualbp.gui.files_controller import with_live_parameters
from visualbp.network import Network

INTERVAL = 30_000
"""Milliseconds between two autosaves."""
AFTER_EDIT = 2_000
"""Milliseconds after the last of a row of edits: they are not left to the next interval."""


def autosave_folder() -> Path:
    """Return the folder of the autosave files."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation)) / "autosave"


class Autosave(QObject):
    """Keeps one autosave file while the document has unsaved work; removes it when all is saved, or on a clean end."""

    failed = Signal(str)
    """Unsaved work cannot be kept, and why; said once."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        folder = autosave_folder()
        self._said = False
        with suppress(OSError):  # saving there will say so
            folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.vbp"
        self._lock = QLockFile(str(self.path) + ".lock")
        self._lock.setStaleLockTime(0)
        self._lock.tryLock(0)
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self.save)
        self._timer.start()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AFTER_EDIT)
        self._soon.timeout.connect(self.save)
        context.document.changed.connect(self._on_changed)

    @Slot(object)
    def _on_changed(self, network: Network) -> None:
        self._soon.start()

    @Slot()
    def save(self) -> None:
        """Write the autosave file if there is unsaved work, and remove it if there is none."""
        document = self._context.document
        if not document.is_modified:
            self.path.unlink(missing_ok=True)
            return
        try:
            network = moved(document.network, document.folder, self.path.parent)
            save_network(with_live_parameters(network, self._context.debugger.snapshot), self.path)
        except FileError as error:
            if not self._said:
                self._said = True
                self.failed.emit(f"Unsaved work cannot be kept for after a crash: {error.text}")

    def left_behind(self) -> list[Path]:
        """Return the autosave files of windows that ended without closing, newest first."""
        found = []
        for path in self.path.parent.glob("*.vbp"):
            lock = QLockFile(str(path) + ".lock")
            lock.setStaleLockTime(0)
            if path != self.path and lock.tryLock(0):
                lock.unlock()
                found.append(path)
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)

    @staticmethod
    def read(path: Path) -> Network:
        """Return the network in an autosave file. Raises FileError."""
        return load_network(path)

    @staticmethod
    def discard(path: Path) -> None:
        path.unlink(missing_ok=True)

    def close(self) -> None:
        """End cleanly: nothing is left to recover."""
        self._timer.stop()
        self._soon.stop()
        self.path.unlink(missing_ok=True)
        self._lock.unlock()
