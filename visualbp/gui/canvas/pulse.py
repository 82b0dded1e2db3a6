"""The pulse: a short light along the connections that carry the present step. There is one, however fast steps come."""

from __future__ import annotations

import time

from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation, Slot

from visualbp.gui.canvas.connection_item import ConnectionItem
from visualbp.gui.theme import theme

DURATION = 180
"""Milliseconds."""
TOO_SOON = 0.3
"""Seconds since the last call within which there is no pulse: where steps come by the dozen, lights would only cost."""


class Pulse(QObject):
    """Runs along some connections at a time; a new run ends the one before."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._lines: list[ConnectionItem] = []
        self._asked_at = -TOO_SOON
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(DURATION)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.InOutSine)
        self._animation.valueChanged.connect(self._on_value)
        self._animation.finished.connect(self._on_finished)

    @property
    def is_running(self) -> bool:
        """Whether the light is on its way along connections."""
        return self._animation.state() == QVariantAnimation.State.Running

    def run(self, lines: list[ConnectionItem]) -> None:
        """Light up along these connections, unless reduced motion is asked for."""
        self.stop()
        now = time.monotonic()
        follows, self._asked_at = now - self._asked_at < TOO_SOON, now
        if lines and not follows and not theme().reduced_motion:
            self._lines = lines
            self._animation.start()

    def stop(self) -> None:
        """End it at once, as if it had arrived."""
        if self.is_running:
            self._animation.stop()
        self._on_finished()

    @Slot(object)
    def _on_value(self, share: object) -> None:
        for line in self._lines:
            line.set_state(pulse=float(share))  # type: ignore[arg-type]

    @Slot()
    def _on_finished(self) -> None:
        for line in self._lines:
            line.set_state(pulse=None)
        self._lines = []
