"""How long iterations take, at full speed and recorded: it decides how they are run."""

from __future__ import annotations

import time
from collections import deque

RECORDING = 2.5e-5
"""Seconds that recording a step costs; at full speed an iteration is quicker by this for each of its steps."""
LONG_ITERATION = 0.04
"""Seconds from which an iteration is recorded rather than run at full speed: recording costs little then, and a pause
need not wait for its end."""


class Pace:
    """Measured in the thread's own time: whatever else the machine is doing, it is what the work takes by itself."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=5)
        self.fast: float | None = None
        """Seconds of an iteration at full speed: the least of the last few, measured, or estimated from one that was
        recorded. None: no idea yet."""
        self.is_fast = False
        """Whether iterations are known to be short enough to be run in one go. It is asked after each of them."""
        self.recorded = 0.0
        """Seconds of an iteration that is recorded."""

    @staticmethod
    def clock() -> float:
        """Return the seconds that this thread has worked."""
        return time.thread_time()

    def ran_fast(self, since: float) -> None:
        """Take note that an iteration was run at full speed since the clock showed `since`."""
        self._note(self.clock() - since)

    def was_recorded(self, since: float, steps: int) -> None:
        """Take note that an iteration of so many steps was recorded since the clock showed `since`."""
        self.recorded = self.clock() - since
        self._note(max(0.0, self.recorded - RECORDING * steps))

    def _note(self, seconds: float) -> None:
        self._last.append(seconds)
        self.fast = min(self._last)
        self.is_fast = self.fast < LONG_ITERATION

    @property
    def is_dear_to_record(self) -> bool:
        """Whether recording takes long, though an iteration at full speed does not: thousands of tiny steps."""
        return self.is_fast and self.recorded > LONG_ITERATION
