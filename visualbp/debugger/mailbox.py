"""What goes from the worker to the window: the newest snapshot in a place for one, and events that are never lost."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from visualbp.debugger.snapshot import Event, Snapshot


class Mailbox:
    """Safe for two threads. `notify` is called, from the worker's thread, when there is news and there was none before;
    after that the taker has to `take` once."""

    def __init__(self, notify: Callable[[], None] = lambda: None) -> None:
        self.notify = notify
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._events: deque[Event] = deque()
        self._announced = False
        self.taker_is_busy = False
        """Set by the taker while it draws. The worker then rests: a thread that draws gives up the interpreter at every
        call of the drawing library, and would get it back a switch interval later each time."""

    def set_busy(self, busy: bool) -> None:
        """Say that the taker has begun to draw, or has drawn."""
        self.taker_is_busy = busy

    @property
    def is_empty(self) -> bool:
        """Whether the last snapshot was taken: only then is another one worth making."""
        return self._snapshot is None

    def post(self, snapshot: Snapshot | None = None, *events: Event) -> None:
        """Put a snapshot in the place of an older one, and events behind those that wait."""
        with self._lock:
            if snapshot is not None:
                self._snapshot = snapshot
            self._events.extend(events)
            announce, self._announced = not self._announced, True
        if announce:
            self.notify()

    def take(self) -> tuple[Snapshot | None, tuple[Event, ...]]:
        """Return the newest snapshot, if there is a new one, and all events since the last time."""
        with self._lock:
            snapshot, self._snapshot = self._snapshot, None
            events = tuple(self._events)
            self._events.clear()
            self._announced = False
        return snapshot, events
