"""A session: a network being debugged. Everything that the buttons do, done at once and without a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from visualbp.core.arrays import Array
from visualbp.datasets import Dataset
from visualbp.debugger.commands import Level
from visualbp.debugger.history import History, replay_stops
from visualbp.debugger.non_finite import go_to_first_non_finite
from visualbp.debugger.prepare import Carried, load_data, prepare
from visualbp.debugger.snapshot import Mode, Snapshot
from visualbp.engine import Executor, Phase, Step
from visualbp.layers import Value
from visualbp.network import Network, Problem
from visualbp.network.diff import difference

CHECKPOINT_EVERY = 16
"""Iterations between checkpoints at full speed; a replay between two is a matter of microseconds to milliseconds."""


class WorkInterruptedError(Exception):
    """Long work was asked to stop; the session stands at the place it had come to."""


class NotRunnableError(RuntimeError):
    """The network cannot run; the message is its first problem."""


class Session:
    """A network, its executor, and its history.

    `interrupted` is asked now and then during long work. Methods that move raise NotRunnableError for a network that
    cannot run, and LookupError where there is nothing to go back to.
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
        self._folder: Path | None = None
        self._data_problem: Problem | None = None
        self._carried = Carried()
        self._outdated: Mapping[Value, Array] = {}
        self._serial = 0
        self._knows_trouble = False
        """Whether the last recorded iteration had a value that is not finite: then it is not gone back to once more."""

    # -- the network -------------------------------------------------------------------------------------------------

    def set_network(
        self, network: Network, generation: int = 0, folder: Path | None = None, fresh: bool = False
    ) -> int | None:
        """Take an edited network over, or a `fresh` one. Return the iteration from which points are outdated, if any.

        What still fits of the weights stays. Weights edited by hand count from the next forward pass: an iteration that
        has begun starts again, and what it had computed is shown as outdated.
        """
        old, self.network, self.generation = self.network, network, generation
        changes = difference(old, network)
        moved = self._folder != folder and network.data is not None and "path" in network.data.options
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
        if self._in_update():
            executor.finish_iteration()
        saved = executor.store.save() if executor.at_end else executor.start
        self._carried = Carried(
            {**self._carried.arrays, **executor.store.views_of(saved)},
            executor.iteration + (1 if executor.at_end else 0),
            int(executor.store.first_iteration),
        )

    def _in_update(self) -> bool:
        executor = self.executor
        return bool(executor and executor.last_step and executor.last_step.phase == Phase.UPDATE)

    def _compile(self, reload: bool) -> None:
        self._outdated = {}
        self.history.clear()
        if reload:
            self.dataset, self._data_problem = load_data(self.network, self._folder)
        prepared = prepare(self.network, self.dataset, self._carried, self._data_problem)
        self.executor, self.problems = prepared.executor, prepared.problems
        if self.executor is not None:
            self.history.add(self.executor.iteration, self.executor.start)

    def _edit_parameters(self, edited: tuple[tuple[str, str], ...]) -> None:
        executor = self.executor
        if executor is None:
            return
        given = {
            Value(layer, name): self.network.parameters[layer][name]
            for layer, name in edited
            if name in self.network.parameters.get(layer, {})
        }
        computed = {v: a for v, a in executor.values.items() if v not in executor.store.views}
        if self._in_update():
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

    def require_runnable(self) -> None:
        """Raise NotRunnableError, with the first problem, if the network cannot run."""
        self._running()

    def _running(self) -> Executor:
        if self.executor is None:
            errors = [problem for problem in self.problems if problem.severity == "error"]
            raise NotRunnableError(errors[0].text if errors else "the network cannot run yet")
        return self.executor

    def step(self) -> Step:
        """Run one operation."""
        executor = self._running()
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
        """Step to the end of the present operation, layer, pass, iteration or epoch; stop at a non-finite value."""
        executor = self._running()
        trouble = executor.non_finite
        if executor.at_end:
            self._cross(executor)
        if level == Level.EPOCH:
            self._forward_epoch(executor)
            return
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

    def _forward_epoch(self, executor: Executor) -> None:
        epoch = executor.epoch
        while executor.epoch == epoch and not self.interrupted() and executor.non_finite is None:
            self.forward(Level.ITERATION)
            if (executor.iteration + 1) // executor.batches_per_epoch != epoch:
                return

    def stops_before_next(self) -> bool:
        """Whether a breakpoint is set on the group of steps that comes next."""
        executor = self._running()
        cursor = 0 if executor.at_end else executor.cursor
        step = executor.plan.steps[cursor]
        begins = cursor == 0 or executor.plan.steps[cursor - 1].group != step.group
        return begins and step.group in self.breakpoints

    def train_one(self) -> tuple[int, float]:
        """Run one whole iteration at full speed; return its number and its loss. Finishes one that has begun."""
        executor = self._running()
        if executor.cursor and not executor.at_end:
            self.forward(Level.ITERATION)
            return executor.iteration, float(executor.values[executor.plan.loss])
        if executor.at_end and (barrier := self.history.barriers.get(executor.iteration + 1)) is not None:
            executor.restore(executor.iteration + 1, barrier)
        following = executor.iteration + 1 if executor.at_end else executor.iteration
        if following % CHECKPOINT_EVERY == 0:
            self.history.add(following, executor.store.save())
        loss = executor.run_fast()
        self._outdated = {}
        return executor.iteration, loss

    def record_iteration(self) -> None:
        """Run the next iteration, or the rest of this one, recorded and without a break, so that it can be shown."""
        executor = self._running()
        if executor.at_end:
            self._cross(executor)
        while not executor.at_end:
            self.step()
        known, self._knows_trouble = self._knows_trouble, executor.non_finite is not None
        if executor.non_finite is not None and not known:
            self.find_non_finite()  # at full speed an iteration before may have made one, and nobody looked

    def publish(self) -> None:
        """After full speed, make the values of the last iteration visible."""
        executor = self._running()
        if executor.at_end and not executor.has_tape:
            executor.publish()

    def ensure_recorded(self) -> None:
        """Replay the iteration at hand if it was run at full speed, so that its start and its steps are known."""
        executor = self._running()
        if not executor.has_tape:
            self.seek(executor.iteration, executor.cursor)

    def find_non_finite(self) -> None:
        """After full speed has met a value that is not finite, go to the operation that made the first one."""
        go_to_first_non_finite(self._running(), self.history, self.train_one, self._cross, self.interrupted)

    # -- backwards ---------------------------------------------------------------------------------------------------

    def back(self, level: Level) -> None:
        """Step back to the state before the last operation, layer, pass or iteration. Raises LookupError."""
        executor = self._running()
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
            where = "the beginning" if self.history.first == 0 else "where the network was last changed"
            raise LookupError(f"iteration {self.history.first} is {where}: there is nothing before it to go back to")

    @property
    def can_go_back(self) -> bool:
        executor = self.executor
        return executor is not None and (executor.cursor > 0 or executor.iteration > self.history.first)

    def seek(self, iteration: int, cursor: int) -> None:
        """Go to a position by restoring a checkpoint and replaying. Raises LookupError before the beginning."""
        executor = self._running()
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
        stops = replay_stops(executor.iteration, iteration)
        while executor.iteration < iteration and not (executor.at_end and executor.iteration == iteration - 1):
            if self.interrupted():
                self.publish()
                raise WorkInterruptedError
            number, _ = self.train_one()
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

    def snapshot(self, mode: Mode = Mode.IDLE) -> Snapshot:
        """Return the state as it is now."""
        self._serial += 1
        executor = self.executor
        if executor is None:
            return Snapshot(
                self.generation,
                self._serial,
                self.network,
                dataset=self.dataset,
                problems=self.problems,
                iteration=self._carried.iteration,
                mode=mode,
                message=self.message,
                breakpoints=self.breakpoints,
            )
        stale = frozenset(value for value in self._outdated if value not in executor.values)
        values = {**{value: self._outdated[value] for value in stale}, **executor.values}
        trouble = executor.non_finite
        return Snapshot(
            self.generation,
            self._serial,
            self.network,
            executor.plan,
            self.dataset,
            self.problems,
            executor.iteration,
            executor.epoch,
            executor.cursor,
            executor.last_step,
            values,
            dict(executor.norms),
            stale,
            executor.batch_indices(executor.iteration),
            mode,
            self.message,
            trouble.text if trouble else "",
            trouble.step.layer if trouble else "",
            self.breakpoints,
            self.can_go_back,
            executor.store.views_of(executor.start) if self._in_update() and executor.has_tape else None,
            int(executor.store.first_iteration),
        )
