"""Writing a file in a thread of its own, with the window alive meanwhile: a million weights take seconds.

Whoever asks for a file waits here until it is there, in an event loop of its own; so what was asked for is done, or has
failed, when the call returns, whatever a person has done with the window in between. One file is written at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from visualbp.gui.waiting import Result, Work, spin_until


class Writing(QObject):
    """The file that is being written, if one is now."""

    slow = Signal(str)
    """That a file is long in coming, in words; nothing once it is there."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work: Work[Any] | None = None
        self._settle: Callable[[Any], object] = lambda _: None

    def run(
        self, words: str, write: Callable[[], Result], settle: Callable[[Result | None], object] = lambda _: None
    ) -> Result:
        """Return what `write` returns in the thread, or raise what it raises; the event loop runs meanwhile.

        In the window's thread, `settle` is given the result, or None where there is none, before anybody else who waits
        goes on. `words` are said where it takes long. Another file has to be waited for first: see `wait`.
        """
        work = Work(write, daemon=False)
        self._work, self._settle = work, settle
        takes_long = work.start()
        if takes_long:
            self.slow.emit(words)
        self.wait()
        if takes_long:
            self.slow.emit("")
        return work.result()

    def wait(self) -> None:
        """Return when no file is being written, and what was is settled; the event loop runs meanwhile."""
        spin_until(lambda: self._work is None or self._work.is_done)
        self.finish()

    def finish(self) -> None:
        """Return when no file is being written, and what was is settled; nothing else is done meanwhile."""
        work = self._work
        if work is None:
            return
        work.join()
        if self._work is work:
            self._work = None
            self._settle(work.found)
