"""The one loop that moves an executor: a step, Continue, Train, going to a place, and the commands without a window.

A run is *until* what, and a series of *moves*: whoever starts it makes them one by one, and so decides how fast it
goes, when it shows something, waits, or sees a pause (`runs.py` for the window). Why it ends is decided here alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.debugger.breakpoints import has_breakpoint, stops_before
from visualbp.debugger.flow import StoppedError
from visualbp.debugger.history import History
from visualbp.debugger.non_finite import go_to_first_non_finite
from visualbp.debugger.pace import Pace
from visualbp.debugger.until import FullSpeed, Move, NotFinite, Reason, Recorded, Stop, Until
from visualbp.engine import Executor, Phase, Step
from visualbp.engine.plan import Between, go_on
from visualbp.network import Problem

CHECKPOINT_EVERY = 16
"""Iterations between checkpoints at full speed; a replay between two is a matter of microseconds to milliseconds."""


class NotRunnableError(RuntimeError):
    """The network cannot run, or not be checked where it stands; the message says why."""


class Course:
    """An executor while it is moved, with the checkpoints that are taken and the breakpoints that stop it.

    `interrupted` is asked now and then during long work.
    """

    def __init__(
        self,
        interrupted: Callable[[], bool] = lambda: False,
        executor: Executor | None = None,
        keeps_history: bool = True,
    ) -> None:
        self.interrupted = interrupted
        self.executor = executor
        self.problems: tuple[Problem, ...] = ()
        self.history = History()
        self.breakpoints: frozenset[tuple[Phase, str]] = frozenset()
        self.pace = Pace()
        self._keeps_history = keeps_history
        self._outdated: Mapping[Ref, Array] = {}
        self._knows_trouble = False
        """Whether the last recorded iteration had a value that is not finite, and was gone back to."""

    def running_executor(self) -> Executor:
        """Return the executor. Raises NotRunnableError, with the first problem, if the network cannot run."""
        if self.executor is None:
            errors = [problem for problem in self.problems if problem.severity == "error"]
            raise NotRunnableError(errors[0].text if errors else "the network cannot run yet")
        return self.executor

    # -- the loop ----------------------------------------------------------------------------------------------------

    def run(self, until: Until, moves: Iterable[Move]) -> Stop:
        """Make `moves` until what `until` says. When they are at an end before that, it was interrupted.

        A series of moves that is a generator is told of the end by being closed.
        """
        executor = self.running_executor()
        moves, has_moved = iter(moves), False
        try:
            while not until.is_reached(executor.iteration, executor.cursor):
                if (move := next(moves, None)) is None:
                    return Stop(Reason.INTERRUPTED)
                if until.breakpoints and has_moved and self.stops_before_next():
                    step = self.next_step
                    return Stop(Reason.BREAKPOINT, f"breakpoint: {step.layer}, {step.phase}")
                has_moved = True
                make = self._run_fast if isinstance(move, FullSpeed) else self._record
                if (stop := make(until, move)) is not None:  # type: ignore[arg-type]
                    return stop
            return Stop(Reason.DONE)
        finally:
            if isinstance(moves, Generator):
                moves.close()

    def _run_fast(self, until: Until, move: FullSpeed) -> Stop | None:
        executor, goes_on, ran = self.running_executor(), move.goes_on, move.ran
        last = until.iteration + 1 if move.to_the_end else until.iteration
        minds = until.not_finite != NotFinite.PASS
        while executor.iteration + executor.at_end < last and goes_on():
            try:
                iteration, loss = self.train_one(move.between)
            except StoppedError:
                return None
            ran(iteration, loss)
            if minds and not math.isfinite(loss):
                if until.not_finite == NotFinite.FIND:
                    self.find_non_finite()
                return Stop(Reason.NOT_FINITE, self.trouble or f"the loss of iteration {iteration} is not finite")
        return None

    def _record(self, until: Until, move: Recorded) -> Stop | None:
        executor = self.running_executor()
        trouble = executor.non_finite
        if executor.at_end:
            self._cross()
        first, started = executor.cursor, self.pace.clock()
        end = len(executor.plan.steps) if move.cursor is None else move.cursor
        while executor.cursor < end and not (executor.cursor > first and move.stops()):
            self.step()
            if executor.non_finite is None or executor.non_finite is trouble or until.not_finite == NotFinite.PASS:
                continue
            if until.not_finite == NotFinite.FIND and move.looks_back:
                self._find_new_trouble()
            return Stop(Reason.NOT_FINITE, self.trouble)
        if executor.at_end:
            self._knows_trouble &= until.not_finite != NotFinite.FIND
            if first == 0:
                self.pace.was_recorded(started, len(executor.plan.steps))
        return None

    # -- what it is made of ------------------------------------------------------------------------------------------

    def step(self) -> Step:
        """Run one operation."""
        executor = self.running_executor()
        if executor.at_end:
            self._cross()
        if self._keeps_history and executor.cursor == 0 and executor.iteration not in self.history.barriers:
            self.history.add(executor.iteration, executor.start)
        step = executor.step()
        if executor.at_end:
            self._outdated = {}
        return step

    def _cross(self) -> None:
        """Go from the end of an iteration to the start of the next, taking an edited start if there is one."""
        executor = self.running_executor()
        following = executor.iteration + 1
        barrier = self.history.barriers.get(following)
        executor.restore(following, executor.store.save() if barrier is None else barrier)

    @property
    def next_step(self) -> Step:
        """The step that comes next, in this iteration or the one after it."""
        executor = self.running_executor()
        return executor.plan.steps[0 if executor.at_end else executor.cursor]

    @property
    def has_breakpoints(self) -> bool:
        """Whether there is a step that a breakpoint stops before."""
        return has_breakpoint(self.running_executor().plan, self.breakpoints)

    def stops_before_next(self) -> bool:
        """Whether a breakpoint is set on the group of steps that comes next."""
        return stops_before(self.running_executor().plan, self.next_step.index, self.breakpoints)

    @property
    def trouble(self) -> str:
        """A non-finite value, found and named; empty if there is none."""
        executor = self.executor
        return executor.non_finite.text if executor is not None and executor.non_finite is not None else ""

    @property
    def is_within_iteration(self) -> bool:
        """Whether an iteration has begun and is not over."""
        executor = self.running_executor()
        return executor.cursor > 0 and not executor.at_end

    def train_one(self, between: Between = go_on) -> tuple[int, float]:
        """Run one whole iteration at full speed; return its number and its loss. Finishes one that has begun.

        `between` is called within a long one. What it raises ends it at its start, and what was shown is outdated then.
        """
        executor = self.running_executor()
        at_end = executor.at_end
        if executor.cursor and not at_end:
            while not executor.at_end:
                self.step()
            return executor.iteration, float(executor.values[executor.plan.loss])
        following = executor.iteration + at_end
        if at_end and (barrier := self.history.barriers.get(following)) is not None:
            executor.restore(following, barrier)
        if self._keeps_history and following % CHECKPOINT_EVERY == 0:
            self.history.add(following, executor.store.save())
        started = self.pace.clock()
        shown = executor.values
        try:
            loss = executor.run_fast(between)
        except StoppedError:
            self._outdated = {value: array for value, array in shown.items() if value not in executor.store.views}
            raise
        self.pace.ran_fast(started)
        self._outdated = {}
        return executor.iteration, loss

    def publish(self) -> None:
        """After full speed, make the values of the last iteration visible."""
        executor = self.running_executor()
        if executor.at_end and not executor.has_tape:
            executor.publish()

    # -- values that are not finite ----------------------------------------------------------------------------------

    def _find_new_trouble(self) -> None:
        """Go to the operation that made the first value that is not finite, unless somebody was sent there before."""
        known, self._knows_trouble = self._knows_trouble, True
        if not known:
            self.find_non_finite()

    def find_non_finite(self) -> None:
        """After full speed has met a value that is not finite, go to the operation that made the first one."""
        go_to_first_non_finite(self.running_executor(), self.history, self.run, self.interrupted)
