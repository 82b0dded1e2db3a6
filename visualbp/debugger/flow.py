"""The law of flow: the worker never gets ahead of the window. Everything that runs on asks here, between two pieces of
work, whether it has to rest or to stop, whether a picture is wanted, and whether something dear may be done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from visualbp.debugger.mailbox import Mailbox

REST = 0.0003
"""Seconds between two looks at whether the window has drawn."""


class Flow:
    """Belongs to the worker's thread. `interrupted` says whether a command waits that ends long work."""

    def __init__(self, mailbox: Mailbox, interrupted: Callable[[], bool]) -> None:
        self.mailbox = mailbox
        self.interrupted = interrupted
        self._rested = 0.0

    def breathe(self) -> bool:
        """Rest while the window draws or is late; return whether the work has to stop."""
        if self.interrupted():
            return True
        if not self._has_to_rest:
            return False
        began = time.perf_counter()
        while self._has_to_rest and not self.interrupted():
            time.sleep(REST)
        self._rested += time.perf_counter() - began
        return self.interrupted()

    @property
    def _has_to_rest(self) -> bool:
        return self.mailbox.window_is_busy or self.mailbox.is_late

    @property
    def worked(self) -> float:
        """A clock that stands still while the worker rests, in seconds."""
        return time.perf_counter() - self._rested


class Allowance:
    """Lets something take a share of the time: as often as it can be afforded, and less often where it costs more."""

    def __init__(self, share: float) -> None:
        self.share = share
        self._next = 0.0

    @property
    def is_left(self) -> bool:
        return time.perf_counter() >= self._next

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Count what happens inside."""
        started = time.perf_counter()
        yield
        ended = time.perf_counter()
        self._next = ended + (ended - started) * (1.0 - self.share) / self.share
