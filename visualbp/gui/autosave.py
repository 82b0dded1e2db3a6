"""Autosave: unsaved work is written beside the settings soon after an edit and every half minute, and offered again
after a crash.

Each running window holds a lock beside its own autosave file. A file whose lock nobody holds was left by a window that
has ended without closing. Writing takes seconds for a million weights, so it has a thread of its own, which lives as
long as it takes; what it writes is frozen.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, QTimer, Signal, Slot

from visualbp.files import FileError
from visualbp.files.autosaved import Autosaved, autosaves_in, finish_writing, modified_at, write_autosave
from visualbp.files.locks import HeldLock, is_held, remove_unless_held
from visualbp.gui.context import Context
from visualbp.gui.saved_state import live_network
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
    _written = Signal(int, str)
    """From the thread that writes: which writing it was, and why it could not be done, or nothing."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._said = False
        self._closed = False
        self._writer: threading.Thread | None = None
        self._writings = 0
        self._again = False
        self._kept: tuple[Network, int, bool] | None = None
        """What was written last by `save`."""
        folder = autosave_folder()
        self.path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.vbp"
        self._lock: HeldLock | None = None
        with suppress(OSError):  # saving there will say so
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = HeldLock(_lock_of(self.path))
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self.save_beside)
        self._timer.start()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AFTER_EDIT)
        self._soon.timeout.connect(self.save_beside)
        self._written.connect(self._on_written)
        context.document.changed.connect(self._on_changed)
        context.document.state_changed.connect(self._on_state)

    @Slot(object)
    def _on_changed(self, network: Network) -> None:
        if not self._closed:
            self._soon.start()

    @Slot()
    def _on_state(self) -> None:
        if self._closed:
            return
        if self._context.document.is_modified:
            self._soon.start()
        else:
            self.save_beside()  # all is saved: nothing is left to recover

    @Slot()
    def save_beside(self) -> None:
        """Write the autosave file, in its own time, if there is unsaved work; remove it if there is none."""
        if self._closed:
            return
        if self._writer is not None:
            self._again = True
            return
        if not self._context.document.is_modified:
            self.path.unlink(missing_ok=True)
            return
        self._writings += 1
        self._writer = threading.Thread(target=self._write, args=(self._work(), self._writings), name="autosave")
        self._writer.start()

    def save(self) -> str:
        """Write the autosave file before this returns. Return why that could not be done; nothing if all is safe."""
        self._join()
        self._kept = self._state()
        try:
            if self._context.document.is_modified:
                write_autosave(self._work()(), self.path)
            else:
                self.path.unlink(missing_ok=True)
        except FileError as error:
            self._say(error.text)
            return error.text
        return ""

    def _state(self) -> tuple[Network, int, bool]:
        document = self._context.document
        return document.network, self._context.debugger.snapshot.serial, document.is_modified

    def _work(self) -> Callable[[], Autosaved]:
        """Gather what is to be written; what it returns makes that of it, in any thread."""
        document = self._context.document
        network = live_network(document, self._context.debugger.snapshot)
        path, sample, stamp = document.path, document.sample, document.stamp
        return lambda: Autosaved(network(), path, sample, stamp)

    def _write(self, work: Callable[[], Autosaved], number: int) -> None:
        """In the writer's thread."""
        reason = ""
        try:
            write_autosave(work(), self.path)
        except FileError as error:
            reason = error.text
        finally:
            self._written.emit(number, reason)

    @Slot(int, str)
    def _on_written(self, number: int, reason: str) -> None:
        if reason:
            self._say(reason)
        if number != self._writings or self._closed:
            return  # another has begun since
        self._join()
        if self._again or not self._context.document.is_modified:
            self._again = False
            self.save_beside()

    def _join(self) -> None:
        if self._writer is not None:
            self._writer.join()
            self._writer = None

    def _say(self, reason: str) -> None:
        if not self._said:
            self._said = True
            self.failed.emit(f"Unsaved work cannot be kept for after a crash: {reason}")

    def left_behind(self) -> list[Path]:
        """Return the autosave files of windows that ended without closing, newest first.

        What their ends left beside them, half-written files and locks that belong to nothing, is cleared away.
        """
        folder = self.path.parent
        found = []
        for path in autosaves_in(folder) - {self.path}:
            if not is_held(_lock_of(path)):
                with suppress(OSError):  # it cannot be tidied here; it is offered as it is
                    finish_writing(path)
                if path.exists():
                    found.append(path)
        for lock in folder.glob("*.vbp.lock"):
            if not lock.with_suffix("").exists():
                remove_unless_held(lock)
        return sorted(found, key=modified_at, reverse=True)

    @staticmethod
    def discard(path: Path) -> None:
        """Remove an autosave file that a window has left, and its lock."""
        path.unlink(missing_ok=True)
        remove_unless_held(_lock_of(path))

    def close(self, keep: bool = False) -> None:
        """End: nothing is left to recover; or else `keep` what is unsaved, to be offered at the next start."""
        if self._closed:
            return
        if keep and self._kept != self._state():
            self.save()
        self._closed = True
        self._timer.stop()
        self._soon.stop()
        self._join()
        if not keep:
            self.path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.release()


def _lock_of(path: Path) -> Path:
    return path.with_name(path.name + ".lock")
