"""A session: a network being debugged. Everything that the buttons do, done at once and without a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from visualbp.core.arrays import Array
from visualbp.core.reading import stopped_by
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.debugger.breakpoints import has_breakpoint, stops_before
from visualbp.debugger.commands import Level
from visualbp.debugger.history import History, replay_stops
from visualbp.debugger.non_finite import go_to_first_non_finite
from visualbp.debugger.pace import Pace
from visualbp.debugger.prepare import Carried, load_data, prepare
from visualbp.debugger.projection import in_update, with_state
from visualbp.debugger.snapshot import Mode, Snapshot
from visualbp.engine import Executor, Phase, Step
from visualbp.network import Network, Problem
from visualbp.network.diff import difference

CHECKPOINT_EVERY = 16
"""Iterations between checkpoints at full speed; a replay between two is a matter of microseconds to milliseconds."""


class NothingBeforeError(LookupError):
    """There is nothing to go back to; the message says where history begins."""


class WorkInterruptedError(Exception):
    """Long work was asked to stop; the session stands at the place it had come to."""


class NotRunnableError(RuntimeError):
    """The network cannot run, or not be checked where it stands; the message says why."""


class Session:
    """A network, its executor, and its history.

    `interrupted` is asked now and then during long work. Methods that move raise NotRunnableError for a network that
    cannot run, and NothingBeforeError where there is nothing to go back to.
    """

    def __init__(self, interrupted: Callable[[], bool] = lambda: False) -> None:
        self.interrupted = interrupted
        self.network = Network()
        self.executor: Executor | None = None
        self.dataset: Dataset | None = None
        self.problems: tuple[Problem, ...] = ()
        self.history = History()
        self.breakpoints: frozenset[tuple[Phase, str]] = frozenset()
        self.generation = 0
        self.message = ""
        self.pace = Pace()
        self._folder: Path | None = None
        self._data_problem: Problem | None = None
        self._carried = Carried()
        self._outdated: Mapping[Ref, Array] = {}
        self._serial = 0
        self._knows_trouble = False
        """Whether the last recorded iteration had a value that is not finite, and was gone back to."""

    # -- the network -------------------------------------------------------------------------------------------------

    def set_network(
        self,
        network: Network,
        generation: int = 0,
        folder: Path | None = None,
        fresh: bool = False,
        reload: bool = False,
    ) -> int | None:
        """Take an edited network over, or a `fresh` one. Return the iteration from which points are outdated, if any.

        What still fits of the weights stays. Weights edited by hand count from the next forward pass: an iteration that
        has begun starts again, and what it had computed is shown as outdated.
        """
        old, self.network, self.generation = self.network, network, generation
        changes = difference(old, network)
        moved = self._folder != folder and network.data is not None and "path" in network.data.options
        moved = moved or reload  # there, or as they are now: the data are to be read
        self._folder = folder
        if fresh or changes.seed:
            self._start_anew()
            return 0
        if self.executor is None or changes.needs_new_plan or moved:
            self._carry()
            self._compile(reload=changes.data or moved or self.dataset is None)
            if changes.parameters:
                self._edit_parameters(changes.parameters)
            return self._carried.iteration if self.executor is None else self.executor.iteration
        if changes.parameters:
            self._edit_parameters(changes.parameters)
            return self.executor.iteration
        return None

    def _start_anew(self) -> None:
        self._carried, self._outdated = Carried(), {}
        self._knows_trouble = False
        self.message = ""
        self._compile(reload=True)

    def reset(self) -> None:
        """Go back to iteration 0 and the parameters that the network starts from."""
        self._start_anew()

    def _carry(self) -> None:
        """Keep what outlives the plan: weights, the optimiser's arrays, and the number of the iteration."""
        executor = self.executor
        if executor is None:
            return
        if in_update(executor):
            executor.finish_iteration()
        saved = executor.store.save() if executor.at_end else executor.start
        self._carried = Carried(
            {**self._carried.arrays, **executor.store.views_of(saved)},
            executor.iteration + (1 if executor.at_end else 0),
            int(executor.store.first_iteration),
        )

    def _compile(self, reload: bool) -> None:
        self._outdated = {}
        self.pace = Pace()
        self.history.clear()
        if reload:
            with stopped_by(self.interrupted):
                self.dataset, self._data_problem = load_data(self.network, self._folder)
        prepared = prepare(self.network, self.dataset, self._carried, self._data_problem, self.interrupted)
        self.executor, self.problems = prepared.executor, prepared.problems
        if self.executor is not None:
            self.history.add(self.executor.iteration, self.executor.start)

    def _edit_parameters(self, edited: tuple[tuple[str, str], ...]) -> None:
        executor = self.executor
        if executor is None:
            return
        given = {
            Ref(layer, name): self.network.parameters[layer][name]
            for layer, name in edited
            if name in self.network.parameters.get(layer, {})
        }
        computed = {v: a for v, a in executor.values.items() if v not in executor.store.views}
        if in_update(executor):
            executor.finish_iteration()
        start = executor.iteration + 1 if executor.at_end else executor.iteration
        if not executor.at_end:
            executor.restore(executor.iteration, executor.start)
        executor.store.fill(given)
        saved = executor.store.save()
        self.history.add_barrier(start, saved)
        executor.restore(start, saved)
        self._outdated = computed

    # -- forwards ----------------------------------------------------------------------------------------------------

    def running_executor(self) -> Executor:
        """Return the executor. Raises NotRunnableError, with the first problem, if the network cannot run."""
        if self.executor is None:
            errors = [problem for problem in self.problems if problem.severity == "error"]
            raise NotRunnableError(errors[0].text if errors else "the network cannot run yet")
        return self.executor

    def step(self) -> Step:
        """Run one operation."""
        executor = self.running_executor()
        if executor.at_end:
            self._cross(executor)
        if executor.cursor == 0 and executor.iteration not in self.history.barriers:
            self.history.add(executor.iteration, executor.start)
        step = executor.step()
        if executor.at_end:
            self._outdated = {}
        return step

    def _cross(self, executor: Executor) -> None:
        """Go from the end of an iteration to the start of the next, taking an edited start if there is one."""
        following = executor.iteration + 1
        barrier = self.history.barriers.get(following)
        executor.restore(following, executor.store.save() if barrier is None else barrier)

    def forward(self, level: Level) -> None:
        """Step to the end of the present operation, layer, pass or iteration; stop at a non-finite value.

        An epoch runs on, and is the worker's matter (`runs.run_epoch`).
        """
        executor = self.running_executor()
        trouble = executor.non_finite
        if executor.at_end:
            self._cross(executor)
        end = self._end_of(level, executor)
        while executor.cursor < end:
            self.step()
            if executor.non_finite is not trouble or self.interrupted():
                break

    @staticmethod
    def _end_of(level: Level, executor: Executor) -> int:
        match level:
            case Level.OPERATION:
                return executor.cursor + 1
            case Level.LAYER:
                return executor.plan.group_of(executor.cursor).stop
            case Level.PASS:
                return executor.plan.phase_end(executor.cursor)
            case _:
                return len(executor.plan.steps)

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

    def train_one(self) -> tuple[int, float]:
        """Run one whole iteration at full speed; return its number and its loss. Finishes one that has begun."""
        executor = self.running_executor()
        if self.is_within_iteration:
            while not executor.at_end:
                self.step()
            return executor.iteration, float(executor.values[executor.plan.loss])
        if executor.at_end and (barrier := self.history.barriers.get(executor.iteration + 1)) is not None:
            executor.restore(executor.iteration + 1, barrier)
        following = executor.iteration + 1 if executor.at_end else executor.iteration
        if following % CHECKPOINT_EVERY == 0:
            self.history.add(following, executor.store.save())
        started = self.pace.clock()
        loss = executor.run_fast()
        self.pace.ran_fast(started)
        self._outdated = {}
        return executor.iteration, loss

    def record_until(self, cursor: int | None, stops: Callable[[], bool] = lambda: False) -> bool:
        """Run the next iteration, or the rest of this one, recorded, to where `cursor` steps of it are done, or to its
        end. `stops` is asked between steps. Return whether a value came up that is not finite: it ends there.
        """
        executor = self.running_executor()
        trouble = executor.non_finite
        if executor.at_end:
            self._cross(executor)
        first, started = executor.cursor, self.pace.clock()
        end = len(executor.plan.steps) if cursor is None else cursor
        while executor.cursor < end and not (executor.cursor > first and stops()):
            self.step()
            if executor.non_finite is not None and executor.non_finite is not trouble:
                return True
        if executor.at_end:
            self._knows_trouble = False
            if first == 0:
                self.pace.was_recorded(started, len(executor.plan.steps))
        return False

    def publish(self) -> None:
        """After full speed, make the values of the last iteration visible."""
        executor = self.running_executor()
        if executor.at_end and not executor.has_tape:
            executor.publish()

    def ensure_recorded(self) -> None:
        """Replay the iteration at hand if it was run at full speed, so that its start and its steps are known."""
        executor = self.running_executor()
        if not executor.has_tape:
            self.seek(executor.iteration, executor.cursor)

    def find_new_trouble(self) -> None:
        """Go to the operation that made the first value that is not finite, unless somebody was sent there before."""
        known, self._knows_trouble = self._knows_trouble, True
        if not known:
            self.find_non_finite()

    def find_non_finite(self) -> None:
        """After full speed has met a value that is not finite, go to the operation that made the first one."""
        go_to_first_non_finite(self.running_executor(), self.history, self.train_one, self._cross, self.interrupted)

    # -- backwards ---------------------------------------------------------------------------------------------------

    def back(self, level: Level) -> None:
        """Step back to the state before the last operation, layer, pass or iteration. Raises NothingBeforeError."""
        executor = self.running_executor()
        if level in (Level.ITERATION, Level.EPOCH):
            count = 1 if level == Level.ITERATION else executor.batches_per_epoch
            self._require(executor.iteration - count)
            self.seek(executor.iteration - count, executor.cursor)
            return
        iteration, cursor = executor.iteration, executor.cursor
        if cursor == 0:
            self._require(iteration - 1)
            iteration, cursor = iteration - 1, len(executor.plan.steps)
        target = cursor - 1
        if level == Level.LAYER:
            target = executor.plan.group_of(cursor - 1).start
        elif level == Level.PASS:
            target = next(i for i in range(cursor) if executor.plan.phase_end(i) >= cursor)
        if target == 0 and iteration > self.history.first and iteration not in self.history.barriers:
            self.seek(iteration - 1, len(executor.plan.steps))
        elif iteration == executor.iteration and executor.has_tape:
            while executor.cursor > target:
                executor.back()
        else:
            self.seek(iteration, target)

    def _require(self, iteration: int) -> None:
        if iteration < self.history.first:
            first = self.history.first
            where = "the beginning" if first == 0 else "where the network was last changed"
            raise NothingBeforeError(f"iteration {first} is {where}: there is nothing before it to go back to")

    @property
    def can_go_back(self) -> bool:
        executor = self.executor
        return executor is not None and (executor.cursor > 0 or executor.iteration > self.history.first)

    def seek(self, iteration: int, cursor: int, progress: Callable[[float], None] = lambda share: None) -> None:
        """Go to a position by restoring a checkpoint and replaying. `progress` is told how far it is, from 0 to 1.

        Raises NothingBeforeError before the beginning, and WorkInterruptedError at the place that was reached.
        """
        executor = self.running_executor()
        self._require(iteration)
        cursor = max(0, min(cursor, len(executor.plan.steps)))
        self._outdated = {}
        if iteration == executor.iteration and executor.has_tape:
            self._move_within(executor, cursor)
            return
        start, saved = self.history.nearest(iteration)
        here = executor.iteration + 1 if executor.at_end else executor.iteration
        reached = executor.at_end or executor.cursor == 0
        if not (reached and start < here <= iteration):  # going on from here is shorter, if here is on the way
            executor.restore(start, saved)
        begin = executor.iteration
        stops = replay_stops(begin, iteration)
        while executor.iteration < iteration and not (executor.at_end and executor.iteration == iteration - 1):
            if self.interrupted():
                self.publish()
                raise WorkInterruptedError
            number, _ = self.train_one()
            progress((number - begin) / (iteration - begin))
            if number + 1 in stops:
                self.history.add(number + 1, executor.store.save())
        if executor.at_end and executor.iteration == iteration - 1:
            self._cross(executor)
        self.history.add(iteration, executor.start)
        self._move_within(executor, cursor)

    def _move_within(self, executor: Executor, cursor: int) -> None:
        while executor.cursor > cursor:
            executor.back()
        while executor.cursor < cursor:
            executor.step()

    # -- what is seen ------------------------------------------------------------------------------------------------

    def parameters(self) -> dict[str, dict[str, Array]]:
        """Return the parameters as they are now, by layer and name, read-only."""
        found: dict[str, dict[str, Array]] = {}
        if self.executor is not None:
            for value, array in self.executor.parameter_views().items():
                found.setdefault(value.layer, {})[value.role] = array
        return found

    def next_serial(self) -> int:
        """Return the number of the next snapshot."""
        self._serial += 1
        return self._serial

    def snapshot(self, mode: Mode = Mode.IDLE) -> Snapshot:
        """Return the state as it is now."""
        here = Snapshot(
            self.generation,
            self.next_serial(),
            self.network,
            dataset=self.dataset,
            problems=self.problems,
            iteration=self._carried.iteration,
            mode=mode,
            message=self.message,
            breakpoints=self.breakpoints,
            can_go_back=self.can_go_back,
        )
        return here if self.executor is None else with_state(here, self.executor, self._outdated)
