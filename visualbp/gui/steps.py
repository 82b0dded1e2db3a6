"""Steps that a person asks for, one after the other: each gets its picture before the next is taken.

A key that is held down asks again thirty times a second, whether the window has drawn or not. Such a repetition counts
only when the step before it is on the screen, whole; so nothing goes on when the key is let go. Keys that are pressed
anew are not lost: up to `MOST_WAITING` of them wait, and each step is shown before the next.
"""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QObject, Signal, Slot

from visualbp.debugger.commands import Command, Pause, SetBreakpoints, SetSpeed, StepBack, StepForward, Sync
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.frame_queue import FrameQueue

MOST_WAITING = 8
"""Presses that wait while a step is under way: as many as somebody hits within a second. More are not taken."""

BESIDE = (StepForward, StepBack, SetBreakpoints, SetSpeed, Sync)
"""Commands that do not mind whether steps wait."""


class StepQueue(QObject):
    """Lets one step through at a time. `wanted` is the command to send now."""

    wanted = Signal(object)

    def __init__(self, frames: FrameQueue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._frames = frames
        self._waiting: deque[Command] = deque()
        self._under_way: int | None = None
        """The serial of the snapshot from which the step set out that is under way."""
        self._arrived = False
        """Whether its snapshot has come; it is shown when that is on the screen."""
        self._serial = 0
        frames.painted.connect(self._on_painted)

    @property
    def is_empty(self) -> bool:
        """Whether no step is under way or waits."""
        return self._under_way is None and not self._waiting

    def ask(self, command: Command, repeated: bool = False) -> None:
        """Take a step, now or when those before it are shown. `repeated` is that of a key that is held down."""
        if self._under_way is None:
            if not repeated or self._frames.is_empty:
                self._send(command)
        elif not repeated and len(self._waiting) < MOST_WAITING:
            self._waiting.append(command)

    def make_way(self, command: Command) -> None:
        """Keep the order: what waits goes before a command of another kind, without a picture. Pause drops it."""
        if isinstance(command, Pause):
            self._waiting.clear()
        elif not isinstance(command, BESIDE):
            while self._waiting:
                self.wanted.emit(self._waiting.popleft())

    def notice(self, snapshot: Snapshot) -> None:
        """Take notice of a snapshot that has come, whether it is drawn or not."""
        self._serial = snapshot.serial
        if self._under_way is not None and snapshot.serial > self._under_way and not snapshot.is_running:
            self._arrived = True

    def _send(self, command: Command) -> None:
        self._under_way, self._arrived = self._serial, False
        self.wanted.emit(command)

    @Slot()
    def _on_painted(self) -> None:
        if not self._arrived:
            return
        self._under_way, self._arrived = None, False
        if self._waiting:
            self._send(self._waiting.popleft())
