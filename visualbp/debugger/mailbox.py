"""What goes from the worker to the window: the newest snapshot in a place for one, and events that are merged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from visualbp.debugger.snapshot import Event, Losses, Progress, Snapshot

LATE = 0.1
"""Seconds after which news that nobody has taken counts as late."""


class Mailbox:
    """Safe for two threads. `notify` is called, from the worker's thread, when there is news and there was none before;
    after that the window has to `take` once.

    What waits stays small whatever happens in between: losses of iterations in a row are one event, of progress only
    the newest counts, and a worker that respects `is_late` rests until the window has taken what there is.
    """

    def __init__(self, notify: Callable[[], None] = lambda: None) -> None:
        self.notify = notify
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._events: list[Event | _WaitingLosses] = []
        self._waiting_since: float | None = None
        self.window_is_busy = False
        """Whether the window draws. The worker then rests: a thread that draws gives up the interpreter at every call
        of the drawing library, and would get it back a switch interval later each time."""
        self._moved = threading.Event()
        """Set when there may be a reason to rest no longer. Waiting for it costs the window nothing; looking again and
        again would take the interpreter from it each time."""

    def set_busy(self, busy: bool) -> None:
        """Say that the window has begun to draw, or has drawn."""
        self.window_is_busy = busy
        if not busy:
            self._moved.set()

    def wake(self) -> None:
        """Have whoever waits in `wait` look again."""
        self._moved.set()

    def wait(self, seconds: float) -> None:
        """Wait until the window has drawn, or has taken what there was, or until `wake`; at most so long."""
        self._moved.wait(seconds)
        self._moved.clear()

    @property
    def is_empty(self) -> bool:
        """Whether the last snapshot was taken: only then is another one worth making."""
        return self._snapshot is None

    @property
    def holds_rest(self) -> bool:
        """Whether the snapshot that waits says that nothing runs any more."""
        snapshot = self._snapshot
        return snapshot is not None and not snapshot.is_running

    @property
    def is_late(self) -> bool:
        """Whether something has waited for the window for longer than LATE."""
        since = self._waiting_since
        return since is not None and time.perf_counter() - since > LATE

    def post(self, snapshot: Snapshot | None = None, *events: Event) -> None:
        """Put a snapshot in the place of an older one, and events behind those that wait."""
        with self._lock:
            if snapshot is not None:
                self._snapshot = snapshot
            for event in events:
                self._append(event)
            announce = self._waiting_since is None
            if announce:
                self._waiting_since = time.perf_counter()
        if announce:
            self.notify()

    def _append(self, event: Event) -> None:
        last = self._events[-1] if self._events else None
        if isinstance(event, Losses):
            if isinstance(last, _WaitingLosses) and last.first + len(last.losses) == event.first:
                last.losses.extend(event.losses)
            else:
                self._events.append(_WaitingLosses(event))
        elif isinstance(event, Progress) and isinstance(last, Progress) and last.work == event.work:
            self._events[-1] = event
        else:
            self._events.append(event)

    def take(self) -> tuple[Snapshot | None, tuple[Event, ...]]:
        """Return the newest snapshot, if there is a new one, and all events since the last time."""
        with self._lock:
            snapshot, self._snapshot = self._snapshot, None
            events, self._events = self._events, []
            self._waiting_since = None
        self._moved.set()
        return snapshot, tuple(event.merged() if isinstance(event, _WaitingLosses) else event for event in events)


class _WaitingLosses:
    """Losses of iterations in a row, not taken yet."""

    def __init__(self, event: Losses) -> None:
        self.first, self.losses = event.first, list(event.losses)

    def merged(self) -> Losses:
        """Return all of them as one event."""
        return Losses(self.first, np.array(self.losses))
