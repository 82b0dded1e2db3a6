"""Waiting for work that a thread of its own does, with the window alive meanwhile: a file on a drive that has gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QEventLoop, QTimer

Result = TypeVar("Result")

SOON = 0.1
"""Seconds within which nearly all files are there; until then nothing else is done."""
GLANCE = 20
"""Milliseconds between two looks at the work."""


class GivenUpError(Exception):
    """The work was given up: the person has stopped it, has begun another, or closes the window."""


class Waiting(Generic[Result]):
    """One piece of work. It goes on by itself after it is given up; nobody looks at what comes of it."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._result: list[Result] = []
        self._error: BaseException | None = None
        self._given_up = False
        self._thread = threading.Thread(target=self._run, name="waiting", daemon=True)

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:  # whoever waits raises it
            self._error = error

    def give_up(self) -> None:
        self._given_up = True

    def result(self, when_it_takes_long: Callable[[], object]) -> Result:
        """Return the result, or raise what the work raised. Raises GivenUpError; the event loop runs meanwhile."""
        self._thread.start()
        self._thread.join(SOON)
        if self._thread.is_alive():
            when_it_takes_long()
            self._spin()
        if self._thread.is_alive() or self._given_up:
            raise GivenUpError
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _spin(self) -> None:
        loop, timer = QEventLoop(), QTimer()

        def look() -> None:
            if self._given_up or not self._thread.is_alive():
                loop.quit()

        timer.timeout.connect(look)
        timer.start(GLANCE)
        while self._thread.is_alive() and not self._given_up:  # the end of another window can end a loop
            loop.exec()
        timer.stop()
