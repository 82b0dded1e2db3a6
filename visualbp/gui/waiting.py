"""Work that a thread of its own does, and waiting for it with the window alive: a file on a drive that has gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QEventLoop, QTimer

Result = TypeVar("Result")

SOON = 0.1
"""Seconds within which nearly all files are there; until then nothing else is done."""
GLANCE = 10
"""Milliseconds between two looks at the work."""


def spin_until(is_so: Callable[[], bool]) -> None:
    """Let the event loop run until something is so."""
    loop, timer = QEventLoop(), QTimer()

    def look() -> None:
        if is_so():
            loop.quit()

    timer.timeout.connect(look)
    timer.start(GLANCE)
    while not is_so():  # the end of another window can end a loop
        loop.exec()
    timer.stop()


class Work(Generic[Result]):
    """One piece of work, in a thread of its own from `start` on."""

    def __init__(self, work: Callable[[], Result], daemon: bool) -> None:
        """The program ends without waiting for a `daemon`."""
        self._work = work
        self._found: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="work", daemon=daemon)

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except BaseException as error:  # whoever asks for the result raises it
            self._error = error

    def start(self) -> bool:
        """Begin; return whether it takes longer than a moment."""
        self._thread.start()
        self._thread.join(SOON)
        return self._thread.is_alive()

    def join(self) -> None:
        """Return when it is done; nothing else is done meanwhile."""
        self._thread.join()

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    @property
    def found(self) -> Result | None:
        """The result; None where there is none."""
        return self._found[0] if self._found else None

    def result(self) -> Result:
        """Return the result, or raise what the work raised; once it is done."""
        if self._error is not None:
            raise self._error
        return self._found[0]


class GivenUpError(Exception):
    """The work was given up: the person has stopped it, has begun another, or closes the window."""


class Waiting(Generic[Result]):
    """Waiting for work that can be given up. It goes on by itself then; nobody looks at what comes of it."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = Work(work, daemon=True)
        self._given_up = False

    def give_up(self) -> None:
        """Wait no longer: `result` raises GivenUpError."""
        self._given_up = True

    def result(self, when_it_takes_long: Callable[[], object]) -> Result:
        """Return the result, or raise what the work raised. Raises GivenUpError; the event loop runs meanwhile."""
        if self._work.start():
            when_it_takes_long()
            spin_until(lambda: self._given_up or self._work.is_done)
        if self._given_up:
            raise GivenUpError
        return self._work.result()
