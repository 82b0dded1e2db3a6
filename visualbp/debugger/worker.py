"""The worker's loop: commands in, snapshots and events out. It knows no window, and can be run in any thread."""

from __future__ import annotations

import queue
import sys
import threading
import traceback

import numpy as np

from visualbp.debugger.commands import (
    INTERRUPTS,
    Close,
    Command,
    Pause,
    Reset,
    Seek,
    SetBreakpoints,
    SetNetwork,
    SetSpeed,
    StepBack,
    StepForward,
    Sync,
    Train,
)
from visualbp.debugger.course import NotRunnableError
from visualbp.debugger.flow import Flow
from visualbp.debugger.mailbox import Mailbox
from visualbp.debugger.running import Running
from visualbp.debugger.runs import run_of, run_train
from visualbp.debugger.session import NothingBeforeError, Session
from visualbp.debugger.snapshot import Failure, Mode, Synced, Truncate
from visualbp.debugger.until import Reason, Stop

SWITCH_INTERVAL = 1e-4
"""Seconds until the interpreter offers a waiting thread its turn. The default, 5 ms, makes the window wait up to 57 ms
for a thread that runs tiny array operations; this costs the worker some 6 %."""


class Worker:
    """Runs a session. `submit` may be called from any thread; all else belongs to the thread that calls `run`."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self._queue: queue.Queue[Command] = queue.Queue()
        self._interrupts = 0
        self._lock = threading.Lock()
        self._closed = False
        self._flow = Flow(mailbox, self._is_interrupted)
        self.session = Session(self._flow.breathe)
        self._running = Running(self.session, mailbox, self._flow, self._is_asked_to_stop)

    # -- from any thread ---------------------------------------------------------------------------------------------

    def submit(self, command: Command) -> None:
        """Queue a command. One that interrupts is heard by long work at once."""
        if isinstance(command, INTERRUPTS):
            with self._lock:
                self._interrupts += 1
        self._queue.put(command)
        self.mailbox.wake()

    def _is_interrupted(self) -> bool:
        return self._interrupts > 0

    # -- the loop ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Carry out commands until Close. Nothing that a command does ends the loop: failures become events."""
        previous = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_INTERVAL)
        try:
            with np.errstate(all="ignore"):  # a value that is not finite is a finding, not a line on a terminal
                while not self._closed:
                    self._carry_out(self._queue.get())
        finally:
            sys.setswitchinterval(previous)

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, INTERRUPTS):
            with self._lock:
                self._interrupts -= 1
        if isinstance(command, Seek) and not self._queue.empty() and isinstance(self._queue.queue[0], Seek):
            return  # scrubbing: only the newest place matters
        session = self.session
        session.message = ""
        try:
            session.message = self._dispatch(command).text
        except (NotRunnableError, NothingBeforeError) as error:
            session.message = str(error)
            self.mailbox.post(None, Failure(session.message))
        except Exception as error:  # a fault of the program: it is shown as what it is, and the worker goes on
            session.message = self._describe(command, error)
            self.mailbox.post(None, Failure(session.message, traceback.format_exc()))
        self._running.mode = Mode.IDLE
        if not self._closed:
            self._running.show()
            self._running.log_metrics(always=True)

    def _describe(self, command: Command, error: Exception) -> str:
        place = self.session.executor.last_step if self.session.executor else None
        where = f" after {place.layer} {place.operation}" if place else ""
        return f"{type(command).__name__} failed{where}: {type(error).__name__}: {error}"

    def _dispatch(self, command: Command) -> Stop:
        session, running = self.session, self._running
        if (run := run_of(command)) is not None:
            return run.carry_out(running, command)
        match command:
            case StepForward():
                before = running.last_loss()
                stop = session.forward(command.level)
                running.log_loss(before)
                return Stop(stop.reason)  # what it ended at is there to be seen
            case StepBack():
                return session.back(command.level)
            case Reset():
                session.reset()
                running.say(Truncate(0))
            case SetNetwork():
                outdated = session.set_network(
                    command.network, command.generation, command.folder, command.fresh, command.reload
                )
                if outdated is not None:
                    running.say(Truncate(outdated))
                if command.train:
                    return run_train(running, Train())
            case SetBreakpoints():
                session.breakpoints = command.breakpoints
            case SetSpeed():
                running.speed = command.steps_per_second
            case Pause():
                pass  # whatever ran has heard it already
            case Sync():
                self.mailbox.post(session.snapshot(running.mode), Synced(command.number))
            case Close():
                self._closed = True
        return Stop(Reason.DONE)

    def _is_asked_to_stop(self, endless: bool) -> bool:
        """Attend to the queue while running: take changed speeds and breakpoints, and say whether to stop.

        Interrupts stop anything. Another movement stops a run that would never end, and waits for one that will.
        """
        while not self._queue.empty():
            command = self._queue.queue[0]
            if isinstance(command, Sync) and not (endless and self._running.mode == Mode.TRAINING):
                break
            if not isinstance(command, SetSpeed | SetBreakpoints | Sync):
                return endless or self._is_interrupted()
            self._dispatch(self._queue.get())
        return self._is_interrupted()
