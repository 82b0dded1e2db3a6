"""What the benchmarks of the window share: a process and settings of its own, a running event loop, and its gaps."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LATE, WORST, PROMPT = 100, 250, 100
"""Milliseconds: the limits of a gap at the 99th percentile, of any gap, and of a pause or a closing."""
BEAT = 2
"""Milliseconds between two turns of the event loop that are noted."""


@contextmanager
def own_settings() -> Iterator[dict[str, str]]:
    """Give an environment with settings and data of its own, and no screen unless there is one."""
    with tempfile.TemporaryDirectory() as settings:
        yield {
            "QT_QPA_PLATFORM": "offscreen",
            **os.environ,
            "XDG_CONFIG_HOME": settings,
            "XDG_DATA_HOME": settings,
        }


def measured_apart(module: str, *arguments: str) -> dict[str, Any]:
    """Run `python -m module --one arguments` in a process of its own; return the JSON of its last line.

    Raises CalledProcessError if it fails.
    """
    with own_settings() as environment:
        environment["QT_LOGGING_RULES"] = "*.warning=false"
        command = [sys.executable, "-m", module, "--one", *arguments]
        answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def spin(seconds: float, until: Callable[[], object] | None = None, every: int = 1) -> int:
    """Let the event loop run for so long, or until something is so.

    Return how often it came by at a timer of `every` milliseconds.
    """
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop, loop.quit)
    watch = QTimer()
    turns = []

    def look() -> None:
        turns.append(1)
        if until is not None and until():
            loop.quit()

    watch.timeout.connect(look)
    watch.start(every)
    loop.exec()
    watch.stop()
    return len(turns)


class Gaps:
    """Notes how much later than every BEAT ms the event loop comes by, while it is used as a context."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.seconds: list[float] = []
        self._due = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT)
        self._timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.seconds.append(max(0.0, now - self._due))
        self._due = now + BEAT / 1e3

    def __enter__(self) -> Gaps:
        self._due = time.perf_counter() + BEAT / 1e3
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        self._tick()  # a gap that is still open counts

    def at(self, share: float) -> float:
        """Return the milliseconds that this share of the gaps does not exceed; 1 for the worst."""
        ordered = sorted(self.seconds)
        return 1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def resident() -> int:
    """Return the bytes that the process holds, without what the allocator keeps for later, which comes and goes."""
    import psutil

    if hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


def held(window: Any) -> int:
    """Return what is `resident` beside the checkpoints for going back: these fill a budget of their own, and are
    thinned then."""
    checkpoints: int = window.debugger._thread.worker.session.history.bytes
    return resident() - checkpoints
