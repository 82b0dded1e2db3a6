"""Notices when another program changes or removes the files that the document is made of, and which other windows have
its file open. It says so by signals, and decides nothing."""

from __future__ import annotations

import hashlib
import os
import uuid
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QStandardPaths, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication

from visualbp.files.locks import HeldLock, is_held, remove_unless_held
from visualbp.files.stamp import Disk, Stamp, compare, take_stamp
from visualbp.gui.document import Document

SETTLE = 200
"""Milliseconds from the last sign of a change to looking at it: programs write in several goes."""


def open_files_folder() -> Path:
    """Return the folder of the locks that say which files are open in windows of visualbp."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation)) / "open"


def clear_marks() -> None:
    """Remove the marks of windows that are dead."""
    for lock in open_files_folder().glob("*.lock"):
        remove_unless_held(lock)


class FileWatch(QObject):
    """Follows the document's file, if it has one of its own, and the table that it reads, if there is one."""

    changed = Signal()
    """Another program has written the file."""
    gone = Signal()
    """The file is not there any more."""
    restored = Signal()
    """After one of the two, the file is again as it was last seen here."""
    table_changed = Signal(str)
    """Another program has written the table; its path."""

    def __init__(self, document: Document, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._file: Path | None = None
        self._table: Path | None = None
        self._table_stamp: Stamp | None = None
        self._said: tuple[Disk, Stamp] | None = None
        self._stopped = False
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._on_sign)
        self._watcher.directoryChanged.connect(self._on_sign)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE)
        self._settle.timeout.connect(self.look)
        document.state_changed.connect(self._follow)
        document.changed.connect(self._follow)
        application = QApplication.instance()
        if isinstance(application, QApplication):  # no network drive tells of changes
            application.applicationStateChanged.connect(self._on_application)

    @Slot()
    def _follow(self) -> None:
        """Watch what the document is made of now."""
        if self._stopped:
            return
        document = self._document
        file = document.path if document.sample is None else None
        data = document.network.data
        name = data.options.get("path") if data is not None and document.sample is None else None
        table = Path(os.path.join(document.folder or Path(), name)) if name and "\0" not in name else None
        if (file, table) == (self._file, self._table):
            return
        if table != self._table:
            self._table_stamp = None if table is None else take_stamp(table)
        self._file, self._table, self._said = file, table, None
        self._watch()
        self._settle.start()

    def _watch(self) -> None:
        """Give the paths to the watcher again: one that was replaced by another file has fallen out of it."""
        wanted = {str(path) for path in (self._file, self._table) if path is not None}
        wanted |= {str(Path(path).parent) for path in wanted}
        watched = {*self._watcher.files(), *self._watcher.directories()}
        if old := watched - wanted:
            self._watcher.removePaths(sorted(old))
        if new := [path for path in sorted(wanted - watched) if os.path.exists(path)]:
            self._watcher.addPaths(new)

    @Slot(str)
    def _on_sign(self, path: str) -> None:
        if not self._settle.isActive() and not self._stopped:  # not put off for ever by a folder that never rests
            self._settle.start()

    @Slot(Qt.ApplicationState)
    def _on_application(self, state: Qt.ApplicationState) -> None:
        if state == Qt.ApplicationState.ApplicationActive and not self._stopped:
            self._settle.start()

    @Slot()
    def look(self) -> None:
        """Look at the files now, and say what is new about them."""
        if self._document.is_saving:  # it is this window that changes the file
            self._settle.start()
            return
        self._watch()
        stamp = self._document.stamp
        if self._file is not None and stamp is not None:
            self._judge(*compare(self._file, stamp))
        if self._table is not None and self._table_stamp is not None:
            disk, self._table_stamp = compare(self._table, self._table_stamp)
            if disk == Disk.CHANGED:
                self.table_changed.emit(str(self._table))

    def _judge(self, disk: Disk, stamp: Stamp) -> None:
        if disk == Disk.SAME:
            self._document.stamp = stamp
            if self._said is not None:
                self._said = None
                self.restored.emit()
        elif self._said is None or self._said[0] != disk or stamp.differs(self._said[1]):
            self._said = (disk, stamp)
            (self.gone if disk == Disk.GONE else self.changed).emit()

    def accept(self) -> None:
        """Take the file as it is on the disk for seen: what is here may replace it."""
        if self._said is not None:
            self._document.stamp = self._said[1]
        self._said = None

    def stop(self) -> None:
        """Watch nothing any more."""
        self._stopped = True
        self._settle.stop()
        if paths := [*self._watcher.files(), *self._watcher.directories()]:
            self._watcher.removePaths(paths)


class OpenFiles(QObject):
    """Marks the document's file as open in this window, and tells when another window has it open too.

    The marks lie beside the settings, so that a folder that cannot be written to does not matter.
    """

    shared = Signal()
    """Another window has the file open that was opened here just now."""

    def __init__(self, document: Document, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._path: Path | None = None
        self._mark: HeldLock | None = None
        clear_marks()
        document.state_changed.connect(self._follow)

    @Slot()
    def _follow(self) -> None:
        document = self._document
        path = document.path if document.sample is None else None
        if path == self._path:
            return
        self.release()
        self._path = path
        if path is None:
            return
        folder = open_files_folder()
        name = hashlib.blake2b(os.fsencode(os.path.realpath(path)), digest_size=16).hexdigest()
        with suppress(OSError):  # where there is no room for a mark, others are not told; nothing is lost by it
            folder.mkdir(parents=True, exist_ok=True)
            self._mark = HeldLock(folder / f"{name}-{uuid.uuid4().hex[:8]}.lock")
        clear_marks()
        own = self._mark.path if self._mark is not None else None
        if any(is_held(lock) for lock in folder.glob(f"{name}-*.lock") if lock != own):
            self.shared.emit()

    def release(self) -> None:
        """Take the mark away."""
        if self._mark is not None:
            self._mark.release()
        self._mark = None
        self._path = None
