"""A session: a network being debugged. Everything that the buttons do, done at once and without a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import starmap
from pathlib import Path

from visualbp.core.arrays import Array
from visualbp.core.reading import stopped_by
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.debugger.commands import Level
from visualbp.debugger.course import Course
from visualbp.debugger.history import replay_stops
from visualbp.debugger.pace import Pace
from visualbp.debugger.prepare import Carried, load_data, prepare
from visualbp.debugger.projection import in_update, with_state
from visualbp.debugger.snapshot import Mode, Snapshot
from visualbp.debugger.until import FullSpeed, Move, NotFinite, Reason, Recorded, Stop, Until
from visualbp.engine import Executor
from visualbp.engine.store import initial_parameter
from visualbp.network import Network, Problem
from visualbp.network.diff import difference
from visualbp.network.structure import drawn_anew


class NothingBeforeError(LookupError):
    """There is nothing to go back to; the message says where history begins."""


class Session(Course):
    """A network, its executor, and its history.

    `interrupted` is asked now and then during long work. Methods that move raise NotRunnableError for a network that
    cannot run, and NothingBeforeError where there is nothing to go back to.
    """

    def __init__(self, interrupted: Callable[[], bool] = lambda: False) -> None:
        super().__init__(interrupted)
        self.network = Network()
        self.dataset: Dataset | None = None
        self.generation = 0
        self.message = ""
        self._folder: Path | None = None
        self._data_problem: Problem | None = None
        self._carried = Carried()
        self._serial = 0

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

        What still fits of the weights stays, but for those that have got another initialiser, or are given no more:
        they are drawn anew. Weights edited by hand count from the next forward pass: an iteration that
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
            self._forget(drawn_anew(old, network, changes.changed))
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

    def _forget(self, parameters: tuple[tuple[str, str], ...]) -> None:
        """Leave out these weights of what is kept, and the optimiser's arrays for them."""
        gone = {Ref(layer, name) for layer, name in parameters}
        kept = {value: array for value, array in self._carried.arrays.items() if value.of not in gone}
        self._carried = replace(self._carried, arrays=kept)

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
        plan = replace(executor.plan, network=self.network)
        own = {info.value for info in plan.lasting}
        given = {value: initial_parameter(plan, value) for value in starmap(Ref, edited) if value in own}
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

    # -- to a place --------------------------------------------------------------------------------------------------

    def forward(self, level: Level) -> Stop:
        """Step to the end of the present operation, layer, pass or iteration; stop at a value that is not finite.

        An epoch runs on, and is the worker's matter (`runs.run_epoch`).
        """
        executor = self.running_executor()
        following = executor.iteration + 1 if executor.at_end else executor.iteration
        end = self._end_of(level, executor, 0 if executor.at_end else executor.cursor)
        return self.run(Until(following, end, NotFinite.STOP), (Recorded(end, self.interrupted),))

    @staticmethod
    def _end_of(level: Level, executor: Executor, cursor: int) -> int:
        match level:
            case Level.OPERATION:
                return cursor + 1
            case Level.LAYER:
                return executor.plan.group_of(cursor).stop
            case Level.PASS:
                return executor.plan.phase_end(cursor)
            case _:
                return len(executor.plan.steps)

    def ensure_recorded(self) -> Stop:
        """Replay the iteration at hand if it was run at full speed, so that its start and its steps are known."""
        executor = self.running_executor()
        return self.seek(executor.iteration, executor.cursor)

    # -- backwards ---------------------------------------------------------------------------------------------------

    def back(self, level: Level) -> Stop:
        """Step back to the state before the last operation, layer, pass or iteration. Raises NothingBeforeError."""
        executor = self.running_executor()
        if level in (Level.ITERATION, Level.EPOCH):
            count = 1 if level == Level.ITERATION else executor.batches_per_epoch
            self._require(executor.iteration - count)
            return self.seek(executor.iteration - count, executor.cursor)
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
            iteration, target = iteration - 1, len(executor.plan.steps)
        return self.seek(iteration, target)

    def _require(self, iteration: int) -> None:
        if iteration < self.history.first:
            first = self.history.first
            where = "the beginning" if first == 0 else "where the network was last changed"
            raise NothingBeforeError(f"iteration {first} is {where}: there is nothing before it to go back to")

    @property
    def can_go_back(self) -> bool:
        """Whether there is a step before this one that is still kept, in this iteration or an earlier one."""
        executor = self.executor
        return executor is not None and (executor.cursor > 0 or executor.iteration > self.history.first)

    def seek(self, iteration: int, cursor: int, progress: Callable[[float], None] = lambda share: None) -> Stop:
        """Go to a position by restoring a checkpoint and replaying. `progress` is told how far it is, from 0 to 1.

        Raises NothingBeforeError before the beginning. Whoever interrupts finds it at the place that was reached.
        """
        executor = self.running_executor()
        self._require(iteration)
        cursor = max(0, min(cursor, len(executor.plan.steps)))
        self._outdated = {}
        if iteration != executor.iteration or not executor.has_tape:
            start, saved = self.history.nearest(iteration)
            here = executor.iteration + 1 if executor.at_end else executor.iteration
            reached = executor.at_end or executor.cursor == 0
            if not (reached and start < here <= iteration):  # going on from here is shorter, if here is on the way
                executor.restore(start, saved)
        while executor.iteration == iteration and executor.cursor > cursor:
            executor.back()
        begin = executor.iteration
        stops = replay_stops(begin, iteration)

        def ran(number: int, loss: float) -> None:
            progress((number - begin) / (iteration - begin))
            if number + 1 in stops:
                self.history.add(number + 1, executor.store.save())

        def replay() -> Iterator[Move]:
            yield FullSpeed(lambda: not self.interrupted(), ran)
            if executor.iteration + (1 if executor.at_end else 0) == iteration:
                yield Recorded(cursor)

        stop = self.run(Until(iteration, cursor, NotFinite.PASS), replay())
        if stop.reason == Reason.INTERRUPTED:
            self.publish()
            return Stop(stop.reason, "stopped")
        self.history.add(iteration, executor.start)
        return stop

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
            iteration=self._carried.iteration if self.network.layers else 0,  # kept, for undo and redo
            mode=mode,
            message=self.message,
            breakpoints=self.breakpoints,
            can_go_back=self.can_go_back,
        )
        return here if self.executor is None else with_state(here, self.executor, self._outdated)
