"""The one table of commands that run on, and how each of them runs.

All of them keep to the flow control of `flow.py`: nothing is sent once an iteration that would not be merged where it
waits, the worker waits while the window is late, and a pause takes effect within a step. A new command of this kind is
one more entry of `RUNS`; tests/debugger/test_runs.py and tests/benchmarks/window_flow.py then test it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from visualbp.analysis.gradient_check import Cancelled, CheckError, CheckOptions, gradient_check
from visualbp.debugger.commands import CheckGradients, Command, Continue, Level, Seek, StepForward, Train
from visualbp.debugger.course import NotRunnableError
from visualbp.debugger.pace import LONG_ITERATION
from visualbp.debugger.running import SILENCE, Running
from visualbp.debugger.snapshot import CheckDone, Losses, Mode
from visualbp.debugger.until import ALWAYS, FullSpeed, Move, Reason, Recorded, Stop, Until
from visualbp.operations.base import IterationContext

SLICE = 0.004
"""Seconds at full speed between two looks at the queue."""
PATIENCE = 0.04
"""Seconds that a pause waits for the end of an iteration at full speed, so that all of it can be shown. One that takes
longer (thousands of operations, on a machine that does other work) is given up, and the pause is at its start."""


# -- continue --------------------------------------------------------------------------------------------------------


def run_continue(run: Running, command: Continue) -> Stop:
    """Go on until a breakpoint, a non-finite value or a pause.

    Without waiting and without a breakpoint, whole iterations run at full speed between two pictures; each picture is
    one layer further on in an iteration that is run step by step.
    """
    run.begin(Mode.CONTINUING)
    run.speed = command.steps_per_second
    run.show()  # the first iteration of a large network takes long, and a pause must be possible
    return run.session.run(Until(breakpoints=True), _moves_of_continue(run))


def _moves_of_continue(run: Running) -> Iterator[Move]:
    session = run.session
    executor = session.running_executor()
    groups, place = executor.plan.groups, 0
    while not run.is_asked_to_stop(True):
        skips = run.speed is None and not session.is_within_iteration and not session.has_breakpoints
        if skips and session.pace.fast is None:
            yield from _record(run, None)  # the first iteration tells how long one takes
        elif skips and session.pace.is_fast:
            since = executor.iteration
            while not run.wants_picture and not run.is_asked_to_stop(True):
                yield from _train_slice(run)
            place = (place + 1) % len(groups)  # each picture is of another layer: one after the other, and back
            yield from _record(run, groups[place].stop, looks_back=since < executor.iteration)
        else:
            yield from _record(run, executor.cursor % len(executor.plan.steps) + 1)
        if run.speed:
            _wait(run, 1.0 / run.speed)


def _record(run: Running, cursor: int | None, looks_back: bool = False) -> Iterator[Move]:
    """Run the next iteration, or this one, to where `cursor` steps of it are done, or to its end; show it if a picture
    is wanted.
    """
    before = run.last_loss()
    run.flow.breathe()
    try:
        yield Recorded(cursor, run.flow.breathe, looks_back)
    finally:
        run.log_loss(before)
    if run.mailbox.is_empty if run.speed else run.wants_picture:
        run.show()
        run.log_metrics()


def _wait(run: Running, seconds: float) -> None:
    """Wait, but not longer than until a command comes. A changed speed counts at once."""
    end = time.perf_counter() + seconds
    speed = run.speed
    while (left := end - time.perf_counter()) > 0 and run.speed == speed and not run.is_asked_to_stop(True):
        time.sleep(min(left, 0.01))


# -- training --------------------------------------------------------------------------------------------------------


def run_train(run: Running, command: Train) -> Stop:
    """Run iterations at full speed: this many, or until a pause. Those that are shown, and the last, are recorded."""
    executor = run.session.running_executor()
    run.begin(Mode.TRAINING)
    if command.iterations is None:
        run.show()
        return run.session.run(Until(), _moves_of_train(run, True))
    last = executor.iteration + command.iterations - (0 if executor.at_end else 1)
    return run.session.run(Until(last, len(executor.plan.steps)), _moves_of_train(run, False, last))


def _moves_of_train(run: Running, endless: bool, last: float = ALWAYS) -> Iterator[Move]:
    session = run.session
    executor = session.running_executor()
    while True:
        yield from _train_slice(run)
        asked = run.is_asked_to_stop(endless)
        if asked and session.pace.is_dear_to_record and not session.is_within_iteration:
            return  # one more iteration would keep the pause waiting; the values of the last are shown as they are
        is_last = executor.iteration + (1 if executor.at_end else 0) == last
        if asked or is_last or run.wants_picture or not session.pace.is_fast:
            yield from _train_recorded(run)
        if run.is_asked_to_stop(endless):
            return


def _train_slice(run: Running) -> Iterator[Move]:
    """Train for the time of a slice, but leave the last iteration.

    There is none where iterations are so long that a pause would have to wait for their end: they are recorded.
    """
    session = run.session
    losses: list[float] = []
    end = time.perf_counter() + SLICE
    first = -1

    def goes_on() -> bool:
        return session.pace.is_fast and time.perf_counter() < end and not run.flow.breathe()

    def ran(iteration: int, loss: float) -> None:
        nonlocal first
        first = iteration if first < 0 else first
        losses.append(loss)

    try:
        yield FullSpeed(goes_on, ran, between=run.flow.patience(PATIENCE))
    finally:
        if losses:
            run.say(Losses(first, losses))


def _train_recorded(run: Running) -> Iterator[Move]:
    """Run the next iteration step by step, so that it can be taken apart, and show it if a picture is wanted."""
    session = run.session
    before = run.last_loss()
    run.flow.breathe()
    end = time.perf_counter() + LONG_ITERATION
    if session.pace.is_dear_to_record:
        once = iter((True,))
        ran, between = partial(_say_loss, run), run.flow.patience(PATIENCE)
        yield FullSpeed(lambda: next(once, False), ran, True, between)
        session.publish()
    else:
        try:
            yield Recorded(None, lambda: run.flow.breathe() and time.perf_counter() > end, looks_back=True)
        finally:
            run.log_loss(before)
    if run.wants_picture:
        run.show()
        run.log_metrics()


def _say_loss(run: Running, iteration: int, loss: float) -> None:
    run.say(Losses(iteration, (loss,)))


# -- going to a place ------------------------------------------------------------------------------------------------


def run_seek(run: Running, command: Seek) -> Stop:
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

    return run.session.seek(command.iteration, command.cursor, progress)


def run_epoch(run: Running, command: StepForward) -> Stop:
    """Run to the end of this pass over the data, or of the next one."""
    executor = run.session.running_executor()
    done = (executor.iteration + 1 if executor.at_end else executor.iteration) % executor.batches_per_epoch
    return run_train(run, Train(executor.batches_per_epoch - done))


# -- checking --------------------------------------------------------------------------------------------------------


def run_check(run: Running, command: CheckGradients) -> Stop:
    """Check the gradients of the parameters and the batch of the iteration at hand, as they were at its start."""
    session = run.session
    executor = session.running_executor()
    run.begin(Mode.CHECKING)
    run.show()
    if (stop := session.ensure_recorded()).reason != Reason.DONE:
        return stop
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
        return Stop(Reason.INTERRUPTED, "the check was cancelled")
    except CheckError as error:  # there is nothing to measure
        run.say(CheckDone(session.generation, iteration, None))
        raise NotRunnableError(str(error)) from None
    run.say(CheckDone(session.generation, iteration, result, time.perf_counter() - started))
    return stop


# -- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """How a command that runs on is carried out, and commands of its kind to try it with."""

    carry_out: Callable[[Running, Any], Stop]
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
