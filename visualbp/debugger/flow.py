"""Flow control: the worker never gets ahead of the window. Everything that runs on asks here, between two pieces of
work, whether it has to wait or to stop, whether a picture is wanted, and whether something costly may be done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from visualbp.debugger.mailbox import Mailbox


class StoppedError(Exception):
    """Long work was asked to stop."""


LONGEST_REST = 0.05
"""Seconds after which a waiting worker looks by itself whether it may go on."""


class Flow:
    """Belongs to the worker's thread. `interrupted` says whether a command waits that ends long work."""

    def __init__(self, mailbox: Mailbox, interrupted: Callable[[], bool]) -> None:
        self.mailbox = mailbox
        self.interrupted = interrupted

    def breathe(self) -> bool:
        """Wait while the window draws or is late; return whether the work has to stop."""
        while not self.interrupted():
            if not self.mailbox.window_is_busy and not self.mailbox.is_late:
                return False
            self.mailbox.wait(LONGEST_REST)
        return True

    def patience(self, seconds: float) -> Callable[[], None]:
        """Return what to call within long work: it raises StoppedError once a command that ends it has waited so long,
        counted from the call that saw it first."""
        seen: float | None = None

        def look() -> None:
            nonlocal seen
            if self.interrupted():
                now = time.perf_counter()
                seen = now if seen is None else seen
                if now - seen >= seconds:
                    raise StoppedError

        return look

    @staticmethod
    def worked() -> float:
        """Return the seconds that this thread has worked: a clock that stands still while it waits."""
        return time.thread_time()


class Allowance:
    """Lets something take a share of the time: as often as it can be afforded, and less often where it costs more."""

    def __init__(self, share: float) -> None:
        self.share = share
        self._next = 0.0

    @property
    def is_left(self) -> bool:
        """Whether it can be afforded now."""
        return time.perf_counter() >= self._next

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Count what happens inside."""
        started = time.perf_counter()
        yield
        ended = time.perf_counter()
        self._next = ended + (ended - started) * (1.0 - self.share) / self.share
