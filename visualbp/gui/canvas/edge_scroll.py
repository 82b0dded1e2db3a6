"""Scrolling while a drag is held near the edge of the canvas."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, QTimerEvent

from visualbp.gui.canvas.zoom import Zooming

EDGE = 28
"""Pixels from the edge within which a drag scrolls the canvas."""
DELAY = 8
"""Ticks of the timer that a drag must be held there: one that only passes the edge scrolls nothing."""
START = -5 * DELAY
"""Where the count begins for a drag that has not been further in yet, such as one that comes in from the palette."""
TICK = 30
"""Milliseconds."""


class EdgeScroll(QObject):
    """Asks for scrolling between `begin` and `end`. `pointer_at` returns where in the viewport the pointer is, None if
    that is not known; `scroll` is called with the pixels to the right and down, again and again."""

    def __init__(
        self, canvas: Zooming, pointer_at: Callable[[], QPoint | None], scroll: Callable[[int, int], None]
    ) -> None:
        super().__init__(canvas)
        self._canvas, self._pointer_at, self._scroll = canvas, pointer_at, scroll
        self._timer = 0
        self._ticks = 0

    def begin(self) -> None:
        """Scroll from now on, tick by tick, while the pointer is near an edge."""
        self._ticks = START
        self._timer = self.startTimer(TICK)

    def end(self) -> None:
        """Scroll no more."""
        if self._timer:
            self.killTimer(self._timer)
            self._timer = 0

    def timerEvent(self, event: QTimerEvent) -> None:
        place = self._pointer_at()
        if place is None:
            return
        inner = self._canvas.viewport().rect().adjusted(EDGE, EDGE, -EDGE, -EDGE)
        x = min(0, place.x() - inner.left()) + max(0, place.x() - inner.right())
        y = min(0, place.y() - inner.top()) + max(0, place.y() - inner.bottom())
        self._ticks = self._ticks + 1 if x or y else 0
        if self._ticks > DELAY:
            self._scroll(max(-EDGE, min(x, EDGE)), max(-EDGE, min(y, EDGE)))
