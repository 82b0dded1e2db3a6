"""What all work that runs on has in common: the session, where news goes, when to show, when to rest, when to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from visualbp.debugger.flow import Allowance, Flow, StoppedError
from visualbp.debugger.mailbox import Mailbox
from visualbp.debugger.measuring import measure
from visualbp.debugger.session import Session
from visualbp.debugger.snapshot import Event, Losses, Mode, Progress, Snapshot

FRAME = 0.035
"""Seconds between two pictures, at least: an eye sees no more than some 25 to 30 of them apart."""
SHARE_OF_WORK, MOST_WORK = 0.15, 0.02
"""Of the time between two pictures what is worked at least, and the seconds that are enough: it goes on also where the
window needs long to draw one, and a window that is quick is not kept waiting."""
SILENCE = 0.05
"""Seconds between two words of progress; work that takes less says nothing."""
SHARE_OF_METRICS = 0.2
"""Of the time while training that may go into measuring how well it goes."""


class Running:
    """The worker's state while it carries out a command."""

    def __init__(
        self, session: Session, mailbox: Mailbox, flow: Flow, is_asked_to_stop: Callable[[bool], bool]
    ) -> None:
        """`is_asked_to_stop` attends to the queue; its argument says whether the work would never end by itself."""
        self.session, self.mailbox, self.flow = session, mailbox, flow
        self.is_asked_to_stop = is_asked_to_stop
        self.mode = Mode.IDLE
        self.speed: float | None = None
        """Steps a second of Continue; None for as fast as it can be shown."""
        self._metrics = Allowance(SHARE_OF_METRICS)
        self._shown_at, self._worked_at = 0.0, 0.0
        self._said_at = 0.0
        self._measured: object = None
        """The values that were measured last."""

    def begin(self, mode: Mode) -> None:
        """Say what is being done. Nothing is shown of it yet: most work is over before an eye could see it."""
        self.mode = mode
        self._said_at = time.perf_counter()

    # -- news --------------------------------------------------------------------------------------------------------

    def say(self, *events: Event) -> None:
        """Post events to the window, without a snapshot."""
        self.mailbox.post(None, *events)

    @property
    def wants_picture(self) -> bool:
        """Whether the window has taken the last picture, and it is time for another one. When a command waits that ends
        the work, the next picture is that of the end."""
        if self.flow.interrupted():
            return False
        past = time.perf_counter() - self._shown_at
        if not self.mailbox.is_empty or past <= FRAME:
            return False
        return self.flow.worked() - self._worked_at > min(MOST_WORK, SHARE_OF_WORK * past)

    def show(self) -> None:
        """Show the state as it is."""
        self._shown_at, self._worked_at = time.perf_counter(), self.flow.worked()
        session = self.session
        if session.executor is not None and self.mode == Mode.IDLE:
            session.publish()
        self.mailbox.post(session.snapshot(self.mode))

    def show_under_way(self, snapshot: Snapshot) -> None:
        """Show an earlier snapshot as the one that stays while this work goes on."""
        self.mailbox.post(replace(snapshot, mode=self.mode, serial=self.session.next_serial(), message=""))

    def progress(self, share: float) -> None:
        """Say how far the work is, from 0 to 1, a few times a second."""
        now = time.perf_counter()
        if now - self._said_at > SILENCE:
            self._said_at = now
            self.say(Progress(self.mode, share))

    # -- points ------------------------------------------------------------------------------------------------------

    def last_loss(self) -> tuple[int, float] | None:
        """Return the iteration at hand and its loss, if that is computed."""
        executor = self.session.executor
        if executor is None or executor.plan.loss not in executor.values:
            return None
        return executor.iteration, float(executor.values[executor.plan.loss])

    def log_loss(self, before: tuple[int, float] | None) -> None:
        """Log the loss of the iteration at hand if it was computed since `before` was the last one.

        Whoever was sent back to the origin of a value that is not finite has heard of the losses there.
        """
        found = self.last_loss()
        if found is not None and (before is None or found[0] > before[0]):
            self.say(Losses(found[0], (found[1],)))

    def log_metrics(self, always: bool = False) -> None:
        """At the end of an iteration, measure and log how well it went, unless a command waits.

        While something runs, no more often than the time for it allows.
        """
        executor = self.session.executor
        if executor is None or not executor.at_end or not (always or self._metrics.is_left):
            return
        if executor.values is self._measured:
            return  # nothing has moved since
        try:
            with self._metrics.spend():
                metrics = measure(executor, self.flow.breathe)
        except StoppedError:
            return  # whoever interrupts moves on, and what it leads to is measured
        self._measured = executor.values
        self.say(metrics)
