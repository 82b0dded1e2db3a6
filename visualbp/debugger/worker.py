"""The worker's loop: commands in, snapshots and events out. It knows no window, and can be run in any thread."""

from __future__ import annotations

import queue
import sys
import threading
import time
import traceback

import numpy as np

from visualbp.analysis.gradient_check import Cancelled, CheckOptions, gradient_check
from visualbp.analysis.gradient_flow import layer_flows
from visualbp.debugger.commands import (
    INTERRUPTS,
    CheckGradients,
    Close,
    Command,
    Continue,
    Level,
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
from visualbp.debugger.mailbox import Mailbox
from visualbp.debugger.session import NotRunnableError, Session, WorkInterruptedError
from visualbp.debugger.snapshot import (
    CheckDone,
    Event,
    Failure,
    LayerNorms,
    Losses,
    Metrics,
    Mode,
    Progress,
    Synced,
    Truncate,
)
from visualbp.engine.evaluate import accuracy
from visualbp.layers import Value
from visualbp.operations.base import IterationContext

SWITCH_INTERVAL = 1e-4
"""Seconds until the interpreter offers a waiting thread its turn. The default, 5 ms, makes the window wait up to 57 ms
for a thread that runs tiny array operations; this costs the worker some 6 %."""

SLICE = 0.004
"""Seconds of training between two looks at the queue."""

REST = 0.0003
"""Seconds between two looks at whether the window has drawn."""

LARGEST_SCORED = 2000
"""Samples that an accuracy is measured on while training."""


class Worker:
    """Runs a session. `submit` may be called from any thread; all else belongs to the thread that calls `run`."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.session = Session(self._is_interrupted)
        self._queue: queue.Queue[Command] = queue.Queue()
        self._mode = Mode.IDLE
        self._interrupts = 0
        self._lock = threading.Lock()
        self._closed = False
        self._speed: float | None = None
        self._last_metrics = 0.0

    # -- from any thread ---------------------------------------------------------------------------------------------

    def submit(self, command: Command) -> None:
        """Queue a command. One that interrupts is heard by long work at once."""
        if isinstance(command, INTERRUPTS):
            with self._lock:
                self._interrupts += 1
        self._queue.put(command)

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
            self._dispatch(command)
        except (NotRunnableError, LookupError, ValueError) as error:
            session.message = str(error.args[0]) if error.args else str(error)
            self.mailbox.post(None, Failure(session.message))
        except WorkInterruptedError:
            session.message = "stopped"
        except Exception as error:  # the worker must outlive anything; what happened is shown and logged
            place = session.executor.last_step if session.executor else None
            where = f" after {place.layer} {place.operation}" if place else ""
            text = f"{type(error).__name__}{where}: {error}"
            self.mailbox.post(None, Failure(text, traceback.format_exc()))
        self._mode = Mode.IDLE
        if not self._closed:
            self._publish()

    def _dispatch(self, command: Command) -> None:
        session = self.session
        match command:
            case StepForward():
                self._step_forward(command.level)
            case StepBack():
                session.back(command.level)
            case Seek():
                self._mode = Mode.SEEKING
                session.seek(command.iteration, command.cursor)
            case Continue():
                self._speed = command.steps_per_second
                self._continue()
            case Train():
                self._train(command.iterations)
            case CheckGradients():
                self._check(command)
            case Reset():
                session.reset()
                self.mailbox.post(None, Truncate(0))
            case SetNetwork():
                outdated = session.set_network(
                    command.network, command.generation, command.folder, command.fresh, command.reload
                )
                if outdated is not None:
                    self.mailbox.post(None, Truncate(outdated))
                if command.train:
                    self._train(None)
            case SetBreakpoints():
                session.breakpoints = command.breakpoints
            case SetSpeed():
                self._speed = command.steps_per_second
            case Pause():
                pass  # whatever ran has heard it already
            case Sync():
                self.mailbox.post(session.snapshot(self._mode), Synced(command.number))
            case Close():
                self._closed = True

    def _publish(self) -> None:
        session = self.session
        if session.executor is not None and self._mode == Mode.IDLE:
            session.publish()
        events: list[Event] = []
        if session.executor is not None and session.executor.at_end and self._mode != Mode.TRAINING:
            events.append(self._measured())
        self.mailbox.post(session.snapshot(self._mode), *events)

    # -- stepping and continuing -------------------------------------------------------------------------------------

    def _step_forward(self, level: Level) -> None:
        started = self._position()
        self.session.forward(level)
        self._log_loss(started)

    def _position(self) -> tuple[int, int]:
        executor = self.session.executor
        return (executor.iteration, executor.cursor) if executor else (0, 0)

    def _log_loss(self, started: tuple[int, int]) -> None:
        """Log the loss of the iteration at hand if it was computed since `started`."""
        executor = self.session.executor
        if executor is None:
            return
        if executor.plan.loss in executor.values and (executor.iteration, executor.cursor) > started:
            self.mailbox.post(None, Losses(executor.iteration, (float(executor.values[executor.plan.loss]),)))

    def _continue(self) -> None:
        session, first = self.session, True
        self._mode = Mode.CONTINUING
        shown = 0.0
        while True:
            if self._is_asked_to_stop(endless=True):
                return
            if not first and session.stops_before_next():
                executor = session.executor
                step = executor.plan.steps[0 if executor.at_end else executor.cursor] if executor else None
                session.message = f"breakpoint: {step.layer}, {step.phase}" if step else ""
                return
            first = False
            started = self._position()
            session.step()
            self._log_loss(started)
            if session.executor is not None and session.executor.non_finite is not None:
                session.message = session.executor.non_finite.text
                return
            now = time.perf_counter()
            if self.mailbox.is_empty and (self._speed or now - shown > 0.015):
                shown = now
                self._publish()
            if self._speed:
                self._wait(1.0 / self._speed)

    def _is_asked_to_stop(self, endless: bool) -> bool:
        """Attend to the queue while running: take changed speeds and breakpoints, and say whether to stop.

        Interrupts stop anything. Another movement stops a run that would never end, and waits for one that will.
        """
        while not self._queue.empty():
            command = self._queue.queue[0]
            if isinstance(command, Sync) and not (endless and self._mode == Mode.TRAINING):
                break
            if not isinstance(command, SetSpeed | SetBreakpoints | Sync):
                return endless or self._is_interrupted()
            self._dispatch(self._queue.get())
        return self._is_interrupted()

    def _wait(self, seconds: float) -> None:
        """Wait, but not longer than until a command comes."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0 and not self._is_asked_to_stop(endless=True):
            time.sleep(min(left, 0.01))

    # -- training ----------------------------------------------------------------------------------------------------

    def _train(self, iterations: int | None) -> None:
        """Run slices of iterations at full speed. Iterations that are shown, and the last, are recorded instead."""
        session, self._mode = self.session, Mode.TRAINING
        session.require_runnable()
        left = iterations
        while left is None or left > 0:
            left = self._train_slice(left)
            if not session.message:
                stop = left == 1 or self._is_asked_to_stop(endless=iterations is None)
                if stop or self.mailbox.is_empty:
                    self._train_recorded(Mode.IDLE if stop else Mode.TRAINING)
                    left = None if left is None else left - 1
            if session.message or self._is_asked_to_stop(endless=iterations is None):
                return

    def _train_slice(self, left: int | None) -> int | None:
        """Train for the time of a slice, but leave one iteration; return how many are left."""
        session, losses, first = self.session, [], -1
        end = time.perf_counter() + SLICE
        while (left is None or left > 1) and time.perf_counter() < end:
            if self.mailbox.taker_is_busy:
                time.sleep(REST)
                continue
            number, loss = session.train_one()
            first = number if first < 0 else first
            losses.append(loss)
            left = None if left is None else left - 1
            if not np.isfinite(loss):
                session.find_non_finite()
                trouble = session.executor.non_finite if session.executor else None
                session.message = trouble.text if trouble else "the loss is not finite"
                break
        if losses:
            self.mailbox.post(None, Losses(first, tuple(losses)))
        return left

    def _train_recorded(self, mode: Mode) -> None:
        session = self.session
        started = self._position()
        session.record_iteration()
        self._log_loss(started)
        executor = session.executor
        if executor is not None and executor.non_finite is not None:
            session.message = executor.non_finite.text
        elif mode == Mode.TRAINING and executor is not None and executor.at_end:
            self.mailbox.post(session.snapshot(mode), self._measured())

    def _measured(self) -> Metrics:
        """Return what is measured at the end of an iteration."""
        session = self.session
        executor = session.executor
        assert executor is not None
        plan, values = executor.plan, executor.values
        start = executor.store.views_of(executor.start) if executor.has_tape else None
        flows = layer_flows(plan, values, executor.norms, start)
        layers = {
            name: LayerNorms(
                flow.delta_norm, flow.weight_gradient_norm, flow.bias_gradient_norm, flow.update_ratio, flow.badges
            )
            for name, flow in flows.items()
        }
        parameters = {info.value: values[info.value] for info in plan.lasting}
        score = accuracy(plan, parameters, executor.inputs[:LARGEST_SCORED], executor.targets[:LARGEST_SCORED])
        return Metrics(executor.iteration, score, self._held_out_accuracy(parameters), layers)

    def _held_out_accuracy(self, parameters: dict[Value, np.ndarray]) -> float | None:
        executor = self.session.executor
        assert executor is not None
        held_out = executor.held_out
        if held_out is None:
            return None
        inputs, targets = held_out
        return accuracy(executor.plan, parameters, inputs[:LARGEST_SCORED], targets[:LARGEST_SCORED])

    # -- checking ----------------------------------------------------------------------------------------------------

    def _check(self, command: CheckGradients) -> None:
        """Check the gradients of the parameters and the batch of the iteration at hand, as they were at its start."""
        session, self._mode = self.session, Mode.CHECKING
        executor = session.executor
        if executor is None:
            session.require_runnable()
            return
        self._publish()
        session.ensure_recorded()
        iteration = executor.iteration
        indices = executor.batch_indices(iteration)
        views = executor.store.views_of(executor.start)
        started = time.perf_counter()
        options = CheckOptions(epsilon=command.epsilon, tolerance=command.tolerance, method=command.method)
        try:
            result = gradient_check(
                executor.plan,
                {info.value: views[info.value] for info in executor.plan.parameters},
                executor.inputs[indices],
                executor.targets[indices],
                IterationContext(executor.context.seed, iteration),
                options,
                progress=lambda share: self.mailbox.post(None, Progress(Mode.CHECKING, share)),
                cancelled=self._is_interrupted,
            )
        except Cancelled:
            self.mailbox.post(None, CheckDone(session.generation, iteration, None))
            session.message = "the check was cancelled"
            return
        seconds = time.perf_counter() - started
        self.mailbox.post(None, CheckDone(session.generation, iteration, result, seconds))
