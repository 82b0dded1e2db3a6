"""Writing a file in a thread of its own, with the window alive meanwhile: a million weights take seconds.

Whoever asks for a file waits here until it is there, in an event loop of its own; so what was asked for is done, or has
failed, when the call returns, whatever a person has done with the window in between. One file is written at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal

Result = TypeVar("Result")

SOON = 0.05
"""Seconds within which nearly all files are there; until then nothing else is done."""
GLANCE = 10
"""Milliseconds between two looks at the thread."""


class Writing(QObject):
    """The thread that writes, if there is one now."""

    slow = Signal(str)
    """That a file is long in coming, in words; nothing once it is there."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._settle: Callable[[], object] | None = None

    def run(
        self, words: str, write: Callable[[], Result], settle: Callable[[Result | None], object] = lambda _: None
    ) -> Result:
        """Return what `write` returns in the thread, or raise what it raises; the event loop runs meanwhile.

        In the window's thread, `settle` is given the result, or None where there is none, before anybody else who waits
        goes on. `words` are said where it takes long. Another file has to be waited for first: see `wait`.
        """
        found: list[Result] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                found.append(write())
            except BaseException as error:  # raised where it was asked for
                errors.append(error)

        self._settle = lambda: settle(found[0] if found else None)
        self._thread = threading.Thread(target=work, name="writing")
        self._thread.start()
        self._thread.join(SOON)
        takes_long = self._thread.is_alive()
        if takes_long:
            self.slow.emit(words)
        self.wait()
        if takes_long:
            self.slow.emit("")
        if errors:
            raise errors[0]
        return found[0]

    def wait(self) -> None:
        """Return when no file is being written, and what was is settled; the event loop runs meanwhile."""
        loop, timer = QEventLoop(), QTimer()

        def look() -> None:
            if self._thread is None or not self._thread.is_alive():
                loop.quit()

        timer.timeout.connect(look)
        timer.start(GLANCE)
        while self._thread is not None and self._thread.is_alive():  # the end of another window can end a loop
            loop.exec()
        timer.stop()
        self.finish()

    def finish(self) -> None:
        """Return when no file is being written, and what was is settled; nothing else is done meanwhile."""
        thread, settle = self._thread, self._settle
        if thread is None or settle is None:
            return
        thread.join()
        if self._thread is thread:
            self._thread = self._settle = None
            settle()
