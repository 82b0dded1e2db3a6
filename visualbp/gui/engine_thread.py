"""The worker's thread, and the interface to it: commands go in, the newest snapshot and all events come out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from PySide6.QtCore import QEventLoop, QObject, QThread, QTimer, Signal, Slot

from visualbp.debugger.commands import Close, Command, SetBreakpoints, Sync
from visualbp.debugger.mailbox import Mailbox
from visualbp.debugger.snapshot import Snapshot, Synced
from visualbp.debugger.worker import Worker
from visualbp.engine.plan import Phase
from visualbp.gui.frame_queue import FrameQueue
from visualbp.gui.steps import StepQueue
from visualbp.network import Network

FRAME = 16
"""Milliseconds between two snapshots that are taken, and between two looks at what has happened: at most some 60 frames
a second. The first after a rest is taken at once."""


class EngineThread(QThread):
    """Runs the worker's loop, and says when there is news."""

    news = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("engine")
        self.mailbox = Mailbox(self.news.emit)
        self.worker = Worker(self.mailbox)

    def run(self) -> None:
        self.worker.run()


class Debugger(QObject):
    """The debugger as the window knows it."""

    snapshot_changed = Signal(object)
    """The newest Snapshot. Those of an older generation of the network are dropped."""
    happened = Signal(object)
    """One Event (losses, metrics, failures, progress, checks), in order, none dropped."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.snapshot = Snapshot(0, 0, Network())
        self.generation = 0
        """Snapshots of an older generation are not shown; the document's owner moves it on."""
        self._sync = 0
        self._breakpoints: frozenset[tuple[Phase, str]] = frozenset()
        self._thread = EngineThread()
        self.frames = FrameQueue(self._thread.mailbox.set_busy, self)
        """Who waits for a turn to draw the snapshot."""
        self.steps = StepQueue(self.frames, self)
        """Steps that a person asks for: each is shown before the next is taken."""
        self.steps.wanted.connect(self.send)
        self._taken = {True: 0.0, False: 0.0}
        """When the mailbox was emptied last, with a snapshot in it or only events."""
        self._thread.news.connect(self._on_news)
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.timeout.connect(self._take)
        self._thread.start()

    def send(self, command: Command) -> None:
        """Give the worker a command; returns at once."""
        if isinstance(command, SetBreakpoints):
            self._breakpoints = command.breakpoints
        self.steps.make_way(command)
        self._thread.worker.submit(command)

    @property
    def breakpoints(self) -> frozenset[tuple[Phase, str]]:
        """The breakpoints as they were last asked for: the snapshot that has them may still be under way."""
        return self._breakpoints

    def toggle_breakpoints(self, layers: Iterable[str]) -> None:
        """Set breakpoints before the forward and backward steps of all these layers; remove them if all have some."""
        names, wanted = set(layers), set(self.breakpoints)
        if names <= {layer for _, layer in wanted}:
            wanted = {point for point in wanted if point[1] not in names}
        else:
            wanted |= {(phase, name) for name in names for phase in (Phase.FORWARD, Phase.BACKWARD)}
        self.send(SetBreakpoints(frozenset(wanted)))

    def rename_breakpoints(self, renamed: Mapping[str, str]) -> None:
        """Let breakpoints follow layers that have another name now."""
        moved = frozenset((phase, renamed.get(layer, layer)) for phase, layer in self.breakpoints)
        if moved != self.breakpoints:
            self.send(SetBreakpoints(moved))

    @Slot()
    def _on_news(self) -> None:
        """Take the news at once after a rest, and otherwise when the time of a frame has passed since the last."""
        if self._frame.isActive():
            return
        since = time.monotonic() - self._taken[not self._thread.mailbox.is_empty]
        left = FRAME - round(since * 1000)
        self._frame.start(left) if left > 0 else self._take()

    @Slot()
    def _take(self) -> None:
        rests = self._thread.mailbox.holds_rest  # a pause is shown at once
        if self.snapshot.is_running and not rests and not self.frames.is_empty:  # the last frame is still being drawn
            self._frame.start(FRAME)
            return
        self.frames.begin()
        snapshot, events = self._thread.mailbox.take()
        self._taken[snapshot is not None] = time.monotonic()
        if snapshot is not None:
            self.steps.notice(snapshot)
        if snapshot is not None and snapshot.generation >= self.generation:
            self.snapshot = snapshot
            self.snapshot_changed.emit(snapshot)
        for event in events:
            self.happened.emit(event)

    def settle(self, seconds: float = 30.0) -> bool:
        """Wait, with the event loop running, until all commands so far are carried out, and all is on the screen."""
        self._sync += 1
        number, heard, done = self._sync, list[Synced](), list[bool]()
        loop = QEventLoop()

        def look() -> None:
            if heard and self.steps.is_empty and self.frames.is_settled:
                done.append(True)
                loop.quit()

        def hear(event: object) -> None:
            if isinstance(event, Synced) and event.number >= number:
                heard.append(event)

        self.happened.connect(hear)
        self.frames.painted.connect(look)  # emitted after every event
        QTimer.singleShot(round(seconds * 1000), loop, loop.quit)
        self.send(Sync(number))
        loop.exec()
        self.happened.disconnect(hear)
        self.frames.painted.disconnect(look)
        return bool(done)

    def close(self) -> None:
        """End the thread, whatever it is doing, and wait for it."""
        if self._thread.isRunning():
            self.send(Close())
            self._thread.wait()
        self._frame.stop()
        self.frames.clear()
