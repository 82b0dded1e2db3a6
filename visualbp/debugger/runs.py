"""The one table of commands that run on, and how each of them runs.

All of them obey the law of flow (`flow.py`): nothing is sent once an iteration that would not be merged where it waits,
the worker rests while the window is late, and a pause is heard within a step. A new command of this kind is one more
entry of `RUNS`; tests/debugger/test_runs.py and tests/benchmarks/window_flow.py then watch over it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualbp.analysis.gradient_check import Cancelled, CheckError, CheckOptions, gradient_check
from visualbp.debugger.commands import CheckGradients, Command, Continue, Level, Seek, StepForward, Train
from visualbp.debugger.pace import LONG_ITERATION
from visualbp.debugger.running import SILENCE, Running
from visualbp.debugger.session import NotRunnableError
from visualbp.debugger.snapshot import CheckDone, Losses, Mode
from visualbp.operations.base import IterationContext

SLICE = 0.004
"""Seconds at full speed between two looks at the queue."""


# -- continue --------------------------------------------------------------------------------------------------------


def run_continue(run: Running, command: Continue) -> None:
    """Go on until a breakpoint, a non-finite value or a pause.

    Without waiting and without a breakpoint, whole iterations run at full speed between two pictures; each picture is
    one layer further on in an iteration that is run step by step.
    """
    session = run.session
    executor = session.running_executor()
    run.begin(Mode.CONTINUING)
    run.speed = command.steps_per_second
    pictures, is_first = FirstToLast(), True
    while not run.is_asked_to_stop(True):
        if not is_first and session.stops_before_next():
            step = session.next_step
            session.message = f"breakpoint: {step.layer}, {step.phase}"
            return
        is_first = False
        skips = run.speed is None and not session.is_within_iteration and not session.has_breakpoints
        if skips and session.pace.fast is None:
            stopped = _record(run, None)  # the first iteration tells how long one takes
        elif skips and session.pace.is_fast:
            stopped = _run_to_next_picture(run, pictures)
        else:
            stopped = _record(run, executor.cursor % len(executor.plan.steps) + 1)
        if stopped:
            return
        if run.speed:
            _wait(run, 1.0 / run.speed)


class FirstToLast:
    """Which layer the next picture shows: each one after the other, forward and backward."""

    def __init__(self) -> None:
        self._place = 0

    def next_cursor(self, run: Running) -> int:
        """Return the number of steps to be done in the iteration of the next picture."""
        groups = run.session.running_executor().plan.groups
        self._place = (self._place + 1) % len(groups)
        return groups[self._place].stop


def _run_to_next_picture(run: Running, pictures: FirstToLast) -> bool:
    """Run iterations at full speed until a picture is wanted, and then step into one. Return whether to stop there."""
    session, since = run.session, run.session.running_executor().iteration
    while not run.wants_picture and not run.is_asked_to_stop(True):
        _train_slice(run, None)
        if session.message:
            return True
    return _record(run, pictures.next_cursor(run), since)


def _record(run: Running, cursor: int | None, since: int | None = None) -> bool:
    """Run the next iteration, or this one, to where `cursor` steps of it are done, or to its end; show it if a picture
    is wanted. Return whether a value was not finite; then the session stands where the first one since the iteration
    `since` was made.
    """
    session = run.session
    before = run.last_loss()
    run.flow.breathe()
    if session.record_until(cursor, run.flow.interrupted):
        if since is not None and since < session.running_executor().iteration:
            session.find_new_trouble()
        session.message = session.trouble
        return True
    run.log_loss(before)
    if run.mailbox.is_empty if run.speed else run.wants_picture:
        run.show()
        run.log_metrics()
    return False


def _wait(run: Running, seconds: float) -> None:
    """Wait, but not longer than until a command comes. A changed speed counts at once."""
    end = time.perf_counter() + seconds
    speed = run.speed
    while (left := end - time.perf_counter()) > 0 and run.speed == speed and not run.is_asked_to_stop(True):
        time.sleep(min(left, 0.01))


# -- training --------------------------------------------------------------------------------------------------------


def run_train(run: Running, command: Train) -> None:
    """Run iterations at full speed: this many, or until a pause. Those that are shown, and the last, are recorded."""
    session, left, endless = run.session, command.iterations, command.iterations is None
    executor = session.running_executor()
    run.begin(Mode.TRAINING)
    while left is None or left > 0:
        left = _train_slice(run, left)
        if session.message:
            return
        asked = run.is_asked_to_stop(endless)
        if asked and executor.at_end and session.pace.is_dear_to_record:
            return  # one more iteration would keep the pause waiting; the values of the last are shown as they are
        if asked or left == 1 or run.wants_picture or not session.pace.is_fast:
            _train_recorded(run)
            left = None if left is None else left - 1
        if session.message or run.is_asked_to_stop(endless):
            return


def _train_slice(run: Running, left: int | None) -> int | None:
    """Train for the time of a slice, but leave one iteration; return how many are left.

    There is none where iterations are so long that a pause would have to wait for their end: they are recorded.
    """
    session = run.session
    losses: list[float] = []
    first = -1
    end = time.perf_counter() + SLICE
    while (left is None or left > 1) and session.pace.is_fast and time.perf_counter() < end and not run.flow.breathe():
        number, loss = session.train_one()
        first = number if first < 0 else first
        losses.append(loss)
        left = None if left is None else left - 1
        if not np.isfinite(loss):
            session.find_non_finite()
            session.message = session.trouble or f"the loss of iteration {number} is not finite"
            break
    if losses:
        run.say(Losses(first, losses))
    return left


def _train_recorded(run: Running) -> None:
    """Run the next iteration step by step, so that it can be taken apart, and show it if a picture is wanted."""
    session = run.session
    before = run.last_loss()
    run.flow.breathe()
    if session.pace.is_dear_to_record:
        session.train_one()
        session.publish()
    else:
        end = time.perf_counter() + LONG_ITERATION
        if session.record_until(None, lambda: run.flow.interrupted() and time.perf_counter() > end):
            session.find_new_trouble()
    run.log_loss(before)
    if session.trouble:
        session.message = session.trouble
    elif run.wants_picture:
        run.show()
        run.log_metrics()


# -- going to a place ------------------------------------------------------------------------------------------------


def run_seek(run: Running, command: Seek) -> None:
    """Go to a position, back or forth, by replay. What was shown stays until it is reached."""
    before = run.session.snapshot()
    run.begin(Mode.SEEKING)

    began, is_shown = time.perf_counter(), False

    def progress(share: float) -> None:
        nonlocal is_shown
        if not is_shown and time.perf_counter() - began > SILENCE:
            is_shown = True
            run.show_under_way(before)
        run.progress(share)

    run.session.seek(command.iteration, command.cursor, progress)


def run_epoch(run: Running, command: StepForward) -> None:
    """Run to the end of this pass over the data, or of the next one."""
    executor = run.session.running_executor()
    done = (executor.iteration + 1 if executor.at_end else executor.iteration) % executor.batches_per_epoch
    run_train(run, Train(executor.batches_per_epoch - done))


# -- checking --------------------------------------------------------------------------------------------------------


def run_check(run: Running, command: CheckGradients) -> None:
    """Check the gradients of the parameters and the batch of the iteration at hand, as they were at its start."""
    session = run.session
    executor = session.running_executor()
    run.begin(Mode.CHECKING)
    run.show()
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
            progress=run.progress,
            cancelled=run.flow.breathe,
        )
    except Cancelled:
        run.say(CheckDone(session.generation, iteration, None))
        session.message = "the check was cancelled"
        return
    except CheckError as error:  # there is nothing to measure
        run.say(CheckDone(session.generation, iteration, None))
        raise NotRunnableError(str(error)) from None
    run.say(CheckDone(session.generation, iteration, result, time.perf_counter() - started))


# -- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """How a command that runs on is carried out, and commands of its kind to try it with."""

    carry_out: Callable[[Running, Any], None]
    mode: Mode
    examples: Mapping[str, Command]


RUNS: Mapping[type[Command], Run] = {
    Continue: Run(
        run_continue,
        Mode.CONTINUING,
        {"continue": Continue(), "continue, 120 a second": Continue(120.0), "continue, 2 a second": Continue(2.0)},
    ),
    Train: Run(run_train, Mode.TRAINING, {"train": Train(), "train 100,000,000": Train(100_000_000)}),
    Seek: Run(run_seek, Mode.SEEKING, {"go to 100,000,000": Seek(100_000_000, 0)}),
    CheckGradients: Run(
        run_check,
        Mode.CHECKING,
        {
            "check": CheckGradients(),
            "check, sampled": CheckGradients(method="sampled"),
            "check, directional": CheckGradients(method="directional"),
        },
    ),
}
EPOCH = Run(run_epoch, Mode.TRAINING, {"epoch": StepForward(Level.EPOCH)})
"""A step that runs on; the other steps end by themselves after an iteration at most."""


def run_of(command: Command) -> Run | None:
    """Return how `command` runs on, or None if it does not."""
    if isinstance(command, StepForward) and command.level == Level.EPOCH:
        return EPOCH
    return RUNS.get(type(command))
