"""Frames: the window is drawn part by part, with the event loop's turn in between.

A frame of all panels and the canvas at once would keep a key or a mouse press waiting for tens of milliseconds. Taken
one by one, none makes it wait for more than its own few: also two that have little to say are painted after one
another, and painting is what takes the time. A part that waits draws the newest snapshot when its turn comes, so one
that comes meanwhile takes the place of the one before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

LAST = 9
"""The turn of a part that can wait."""
PAUSE = 1
"""Milliseconds between two parts."""
PASSES = 3
"""Passes of the event loop until what was drawn is painted: a scene tells its view, the view its viewport, each by way
of the loop; the last paints."""
LONG = 20
"""Milliseconds from which a part counts as slow (a network of hundreds of layers): it is followed by a pause of the
same length, so that keys and mouse have half of the time whatever the network."""


class FrameQueue(QObject):
    """Parts of the window that wait for their turn. Asking twice before it comes is asking once."""

    painted = Signal()
    """What was drawn last is on the screen."""

    def __init__(
        self,
        set_busy: Callable[[bool], None] = lambda busy: None,
        parent: QObject | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`set_busy` is told when a picture begins to be drawn, and when all of it is on the screen. `clock` tells the
        time in seconds."""
        super().__init__(parent)
        self._set_busy = set_busy
        self._clock = clock
        self._waiting: dict[Hashable, tuple[int, Callable[[], None]]] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.timeout.connect(self._draw_next)
        self._paint = QTimer(self)
        self._paint.setSingleShot(True)
        self._paint.setInterval(0)  # the event loop paints before its timers of no time
        self._passes = 0
        self._paint.timeout.connect(self._on_screen)

    @property
    def is_empty(self) -> bool:
        """Whether no part waits for its turn. What was drawn last may still have to be painted."""
        return not self._waiting

    @property
    def is_settled(self) -> bool:
        """Whether all is on the screen."""
        return not self._waiting and not self._paint.isActive()

    def ask(self, part: Hashable, draw: Callable[[], None], turn: int = LAST) -> None:
        """Have `draw` called for `part` when its turn comes: those of an earlier `turn` come before it."""
        self._waiting.setdefault(part, (turn, draw))
        if not self._timer.isActive():
            self._timer.start(PAUSE)

    def clear(self) -> None:
        """Forget all that wait: what comes next is drawn at once."""
        self._waiting.clear()
        self._timer.stop()
        self._paint.stop()
        self._set_busy(False)

    def begin(self) -> None:
        """Say that drawing begins; that it is done is said when the event loop has painted what has changed."""
        self._set_busy(True)
        self._passes = PASSES
        self._paint.start()

    @Slot()
    def _on_screen(self) -> None:
        self._passes -= 1
        if self._passes > 0:
            self._paint.start()
            return
        if not self._waiting:
            self._set_busy(False)
        self.painted.emit()

    @Slot()
    def _draw_next(self) -> None:
        began = self._clock()
        self.begin()
        try:
            if self._waiting:
                first = min(self._waiting, key=lambda part: self._waiting[part][0])
                _, draw = self._waiting.pop(first)
                draw()
        finally:  # a part that fails keeps none of the others from being drawn
            took = round((self._clock() - began) * 1000)
            if self._waiting:
                self._timer.start(took if took > LONG else PAUSE)
