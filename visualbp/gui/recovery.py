"""Keeping unsaved work over the end of a window, and offering it again. Nothing of it is removed unless a person says
so, or it is safe in another place."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices

from visualbp.files import FileError
from visualbp.files.autosaved import Autosaved, read_autosave
from visualbp.gui.autosave import Autosave
from visualbp.gui.files_controller import FilesController
from visualbp.gui.widgets.message_bar import MessageBar

ABOUT = "recovery"
SESSION_END = 60_000
"""Milliseconds after which an announced end of the desktop session has not come."""


class Recovery(QObject):
    """Asks about one piece of unsaved work after the other: first what can be read, the newest first."""

    failed = Signal(str)
    """One sentence for the message bar."""

    def __init__(self, autosave: Autosave, files: FilesController, bar: MessageBar, parent: QObject) -> None:
        super().__init__(parent)
        self._autosave, self._files, self._bar = autosave, files, bar
        self._later: set[Path] = set()
        """What was put off: it is offered when the program next starts."""
        self.asks = True
        """Whether the window asks about unsaved work before it closes. If not, it is kept for the next start."""

    @Slot()
    def offer(self) -> None:
        """Ask about the next piece of work that was left behind, if there is one."""
        left = [path for path in self._autosave.left_behind() if path not in self._later]
        unreadable: list[FileError] = []
        for path in left:
            try:
                work = read_autosave(path)
            except FileError as error:
                unreadable.append(error)
            else:
                self._ask(path, work, len(left))
                return
        if unreadable:
            self._say_unreadable(Path(unreadable[0].where), unreadable[0])

    # -- the end of this window --------------------------------------------------------------------------------------

    def may_close(self) -> bool:
        """Return whether the window may close: what is unsaved is kept, or a person has been asked about it."""
        return not self.asks or self._files.may_discard() or not self.asks  # a signal can come while it asks

    def end_unasked(self) -> str:
        """Put unsaved work where the next start finds it, and ask nothing more. Return why that could not be done."""
        self.asks = False
        return self._autosave.save()

    @Slot()
    def keep_for_session_end(self) -> None:
        """The desktop session is about to end, unless another program holds it up: then the window asks again."""
        self.end_unasked()
        QTimer.singleShot(SESSION_END, self, self._ask_again)

    @Slot()
    def _ask_again(self) -> None:
        self.asks = True

    # -- the questions -----------------------------------------------------------------------------------------------

    def _ask(self, path: Path, work: Autosaved, count: int) -> None:
        others = f" There are {count - 1} more." if count > 2 else " There is one more." if count == 2 else ""
        whose = f" ({work.path.name})" if work.path is not None and work.sample is None else ""
        self._bar.ask(
            ABOUT,
            f"visualbp ended with unsaved work in {work.network.name}{whose}, kept {_when(work.at)}.{others}",
            "info",
            ("Recover it", lambda: self._recover(path, work)),
            ("Discard it", lambda: self._discard(path)),
            later=lambda: self._put_off(path),
        )

    def _say_unreadable(self, path: Path, error: FileError) -> None:
        reason = ": ".join(part for part in (error.place, error.reason) if part)
        mend = f"; {error.mend}" if error.mend else ""
        self._bar.ask(
            ABOUT,
            f"visualbp ended with unsaved work that cannot be read: {reason}{mend}. It is kept in {path}",
            "error",
            ("Show its folder", lambda: self._show_folder(path)),
            ("Delete it", lambda: self._discard(path)),
            later=lambda: self._put_off(path),
        )

    def _recover(self, path: Path, work: Autosaved) -> None:
        if not path.exists():
            self.failed.emit("Another window has recovered or discarded that work by now.")
        elif self._files.may_discard():
            self._files.recover(work)
            if self._autosave.save():  # it could not be written again: the old one stays
                self._later.add(path)
            else:
                self._autosave.discard(path)
        self.offer()

    def _discard(self, path: Path) -> None:
        try:
            self._autosave.discard(path)
        except OSError as error:
            self._later.add(path)
            self.failed.emit(f"{path}: cannot be deleted: {(error.strerror or str(error)).lower()}")
        self.offer()

    def _put_off(self, path: Path) -> None:
        self._later.add(path)
        self.offer()

    def _show_folder(self, path: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent))):
            self.failed.emit(f"The folder could not be opened by itself; it is {path.parent}")
        self.offer()  # it is still to be decided about


def _when(at: float) -> str:
    """Return a time for people: of today, or with its day."""
    then = datetime.fromtimestamp(at)
    if then.date() == datetime.now().date():
        return f"today at {then:%H:%M}"
    return f"on {then:%Y-%m-%d} at {then:%H:%M}"
