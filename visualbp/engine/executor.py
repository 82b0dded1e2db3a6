"""The executor moves a plan's state: one recorded step at a time, or whole iterations at full speed.

A position is (iteration, cursor): `cursor` steps of this iteration are done. All steps done is the end of the
iteration; the next step begins the one after it. The tape keeps what each step of this iteration wrote, so that going
back within the iteration is exact; going back further is for the history, which restores the store and replays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from visualbp.core.arrays import Array, frozen_copy, shape_text, size_of
from visualbp.core.norms import norm_of, quick_norm
from visualbp.core.ref import Ref
from visualbp.datasets import DataError, Dataset
from visualbp.datasets.base import encoded_targets
from visualbp.engine.binding import Binding
from visualbp.engine.plan import Between, Phase, Plan, PlanError, Step, go_on
from visualbp.engine.store import Store, initial_parameters
from visualbp.network.structure import batch_problems
from visualbp.operations.base import IterationContext

SHUFFLE_STREAM = 0x5348_5546
CALLS_AT_ONCE = 256
"""Calls at full speed between two looks at whether to go on: a millisecond of small operations."""


@dataclass(frozen=True)
class NonFinite:
    """A value that is not finite, found at the step that made it.

    `source` is what the step read that was not finite before the iteration began, such as `hidden.weight[0, 1]`: then
    an earlier iteration has made it, or a person.
    """

    iteration: int
    step: Step
    value: Ref
    index: tuple[int, ...]
    number: float
    source: str = ""

    @property
    def text(self) -> str:
        """Where and what, in a sentence."""
        return f"{self.step.layer}: {self.words}" if self.step.layer else self.words

    @property
    def words(self) -> str:
        """What, in a sentence that leaves out the layer's name."""
        place = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        how = {Phase.FORWARD: "forward", Phase.BACKWARD: "backward"}.get(self.step.phase, str(self.step.phase))
        return (
            f"{self.step.operation} ({how}) gave {self.number} in {self.value.text}{place}"
            f" at iteration {self.iteration}{f'; {self.source} was not finite before it' if self.source else ''}"
        )


@dataclass(frozen=True)
class Record:
    """What one step wrote: read-only copies, and their norms."""

    values: Mapping[Ref, Array]
    norms: Mapping[Ref, float]


class Executor:
    """The state of a running network. Not safe for threads: one owner."""

    def __init__(
        self,
        plan: Plan,
        dataset: Dataset,
        carried: Mapping[Ref, Array] | None = None,
        iteration: int = 0,
        first_iteration: int = 0,
        between: Between = go_on,
    ) -> None:
        """`carried` are parameters and optimiser arrays of an earlier plan, taken over where they still fit.

        `between` is called while parameters are drawn; what it raises ends the work.

        `first_iteration` is when those optimiser arrays were zero.

        Raises DataError for data that do not fit the network, and PlanError for batches that a layer cannot take.
        """
        network = plan.network
        self.plan, self.dataset = plan, dataset
        self.dtype: np.dtype[np.floating] = np.dtype(network.precision)
        shape = plan.shapes[plan.input]
        check_input_shape(dataset, shape, plan.input.layer)
        check_input_values(dataset, plan)
        self.inputs, self.targets = self._encoded(dataset)
        self.held_out = None if dataset.held_out is None else self._encoded(dataset.held_out)
        if problems := batch_problems(network, plan.structure, len(dataset)):
            raise PlanError(problems)
        self.batch_size = min(network.training.batch_size, len(dataset))
        self.batches_per_epoch = -(-len(dataset) // self.batch_size)
        self.context = IterationContext(network.seed, iteration)
        self.store = Store(plan, self.dtype)
        with np.errstate(all="ignore"):
            self.store.fill(initial_parameters(plan, between))
            self.store.fill(carried or {})
        kept = any(value.is_slot and value in self.store.views for value in carried or {})
        self.store.first_iteration[...] = first_iteration if kept else iteration
        self.iteration, self.cursor = iteration, 0
        self.non_finite: NonFinite | None = None
        self._masked = frozenset(node.output for node in plan.nodes if node.operation.minus_infinity_is_meant)
        self._bindings: dict[int, Binding] = {}
        self._loaded: tuple[int, object] = (0, None)
        self._order: tuple[int, Array] | None = None
        self._begin(iteration)

    def _encoded(self, dataset: Dataset) -> tuple[Array, Array]:
        """Return inputs and targets as the network takes them. Raises DataError for targets that do not fit."""
        plan = self.plan
        targets = encoded_targets(dataset.targets, plan.shapes[plan.prediction], plan.loss_rule.target_kind)
        inputs = dataset.inputs.reshape(len(dataset), *plan.shapes[plan.input])
        return np.ascontiguousarray(inputs, self.dtype), np.ascontiguousarray(targets, self.dtype)

    # -- batches ---------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The epoch that the iteration belongs to, from 0."""
        return self.iteration // self.batches_per_epoch

    def batch_indices(self, iteration: int) -> Array:
        """Return which samples iteration `iteration` sees: a function of the seed and its number alone."""
        epoch, batch = divmod(iteration, self.batches_per_epoch)
        start = batch * self.batch_size
        stop = min(start + self.batch_size, len(self.dataset))
        if not self.plan.network.training.shuffle:
            return np.arange(start, stop)
        if self._order is None or self._order[0] != epoch:
            generator = IterationContext(self.context.seed, epoch).generator(SHUFFLE_STREAM)
            self._order = (epoch, generator.permutation(len(self.dataset)))
        return self._order[1][start:stop]

    def binding(self, batch_size: int) -> Binding:
        """Return the plan bound to buffers for batches of this size, made when it is first asked for."""
        if batch_size not in self._bindings:
            self._bindings[batch_size] = Binding(self.plan, self.store, batch_size, self.context)
        return self._bindings[batch_size]

    def _load(self, iteration: int) -> Binding:
        """Put the batch of `iteration` into the input buffers, unless it is there, and return the binding."""
        whole = self.batches_per_epoch == 1 and not self.plan.network.training.shuffle
        key = "whole" if whole else iteration
        if self._loaded[1] == key:
            return self._bindings[self._loaded[0]]
        indices = self.batch_indices(iteration)
        bound = self.binding(len(indices))
        np.take(self.inputs, indices, 0, bound.buffers[self.plan.input], "clip")
        np.take(self.targets, indices, 0, bound.buffers[self.plan.target], "clip")
        self._loaded = (len(indices), key)
        return bound

    # -- one recorded step at a time ---------------------------------------------------------------------------------

    def _begin(self, iteration: int) -> None:
        self.iteration, self.cursor = iteration, 0
        self.context.iteration = iteration
        self.start: Array = self.store.save()
        self.tape: list[Record] = []
        self._is_published = False
        self.values: dict[Ref, Array] = self.store.views_of(self.start)
        self.norms: dict[Ref, float] = {}

    @property
    def at_end(self) -> bool:
        """Whether all steps of the iteration are done."""
        return self.cursor == len(self.plan.steps)

    @property
    def last_step(self) -> Step | None:
        """The step that was done last in this iteration; None before the first."""
        return self.plan.steps[self.cursor - 1] if self.cursor else None

    @property
    def has_tape(self) -> bool:
        """Whether the steps of this iteration were recorded. Iterations run at full speed are not."""
        return len(self.tape) == self.cursor

    def step(self) -> Step:
        """Run and record the next step, beginning the next iteration if this one is over."""
        if self.at_end:
            self._begin(self.iteration + 1)
        step = self.plan.steps[self.cursor]
        bound = self._load(self.iteration)
        with np.errstate(all="ignore"):
            for function, arguments in bound.calls[self.cursor]:
                function(*arguments)
            self._record(step, bound)
        self.cursor += 1
        return step

    def _record(self, step: Step, bound: Binding) -> None:
        values: dict[Ref, Array] = {}
        norms: dict[Ref, float] = {}
        for value in step.writes:
            copy = frozen_copy(bound.buffers[value])
            values[value] = copy
            open_places = self._open_places(value, copy)
            norm = quick_norm(open_places)
            if not np.isfinite(norm):  # a sum of squares can overflow: only now is it worth a closer look
                self._look_for_non_finite(step, value, open_places)
            norms[value] = norm_of(open_places, norm)
        self.tape.append(Record(values, norms))
        self.values.update(values)
        self.norms.update(norms)

    def _open_places(self, value: Ref, array: Array) -> Array:
        """Return the array with 0 in place of the -inf of masked scores."""
        return np.where(np.isneginf(array), 0.0, array) if value in self._masked else array

    def _look_for_non_finite(self, step: Step, value: Ref, array: Array) -> None:
        wrong = np.argwhere(~np.isfinite(array))
        if len(wrong) and self.non_finite is None:
            index = tuple(int(i) for i in wrong[0])
            source = self._not_finite_before(step)
            self.non_finite = NonFinite(self.iteration, step, value, index, float(array[index]), source)

    def _not_finite_before(self, step: Step) -> str:
        """Return the name of the first element that the step read and that the iteration began with not finite."""
        start = self.store.views_of(self.start)
        for value in map(self.plan.resolve, (*step.reads, *step.writes)):
            if value not in start:
                continue
            wrong = np.argwhere(~np.isfinite(start[value]))
            if len(wrong):
                place: list[int] = wrong[0].tolist()
                return f"{value.text}[{', '.join(map(str, place))}]"
        return ""

    def back(self) -> Step:
        """Undo the last step of this iteration, and return it. Raises IndexError where there is none recorded."""
        if not self.cursor or not self.has_tape:
            raise IndexError("there is no recorded step to undo in this iteration")
        self.cursor -= 1
        step = self.plan.steps[self.cursor]
        self.tape.pop()
        bound = self._load(self.iteration)
        before = self.store.views_of(self.start)
        for value in step.writes:
            previous = next((r.values[value] for r in reversed(self.tape) if value in r.values), before.get(value))
            norm = next((r.norms[value] for r in reversed(self.tape) if value in r.norms), None)
            if norm is None:
                self.norms.pop(value, None)
            else:
                self.norms[value] = norm
            if previous is None:
                self.values.pop(value, None)
            else:
                self.values[value] = previous
                np.copyto(bound.buffers[value], previous)
        self.non_finite = None if self.non_finite and self.non_finite.step is step else self.non_finite
        return step

    # -- whole iterations at full speed ------------------------------------------------------------------------------

    def run_fast(self, between: Between = go_on) -> float:
        """Run the next whole iteration without recording, and return its loss (of the data).

        The position must be the start or the end of an iteration. `between` is called now and then if there are many
        operations; what it raises ends the work, and the position is the start of that iteration then.
        """
        if self.cursor and not self.at_end:
            raise IndexError("an iteration that has begun is finished by steps")
        iteration = self.iteration + 1 if self.at_end else self.iteration
        self.context.iteration = iteration
        bound = self._load(iteration)
        if between is go_on or len(bound.training_calls) <= CALLS_AT_ONCE:
            for function, arguments in bound.training_calls:
                function(*arguments)
        else:
            self._run_in_pieces(iteration, bound, between)
        self.iteration, self.cursor = iteration, len(self.plan.steps)
        self.tape = []
        self._is_published = False
        return float(bound.buffers[self.plan.loss])

    def _run_in_pieces(self, iteration: int, bound: Binding, between: Between) -> None:
        start, calls = self.store.save(), bound.training_calls
        try:
            for first in range(0, len(calls), CALLS_AT_ONCE):
                between()
                for function, arguments in calls[first : first + CALLS_AT_ONCE]:
                    function(*arguments)
        except BaseException:
            self.restore(iteration, start)
            raise

    def publish(self) -> None:
        """After fast iterations, copy what the last one left, so that it can be shown, once. The tape stays empty."""
        if self._is_published:
            return
        self._is_published = True
        bound = self._load(self.iteration)
        written = self.plan.written
        shown = written.union(self.store.views)  # a buffer that no step writes holds nothing
        self.values = {value: frozen_copy(buffer) for value, buffer in bound.buffers.items() if value in shown}
        counted = {v: self._open_places(v, array) for v, array in self.values.items() if v in written}
        with np.errstate(all="ignore"):
            self.norms = {value: norm_of(array) for value, array in counted.items()}

    def restore(self, iteration: int, saved: Array) -> None:
        """Go to the start of `iteration`, where the store was `saved`."""
        self.store.restore(saved)
        self.non_finite = None
        self._begin(iteration)

    def finish_iteration(self) -> None:
        """Take the remaining steps of an iteration that has begun."""
        while self.cursor and not self.at_end:
            self.step()

    def parameter_views(self) -> dict[Ref, Array]:
        """Return read-only copies of the parameters and buffers as they are now."""
        saved = self.store.save()
        views = self.store.views_of(saved)
        return {info.value: views[info.value] for info in self.plan.lasting}


def check_input_shape(dataset: Dataset, shape: tuple[int, ...], layer: str) -> None:
    """Raise DataError where samples do not have as many numbers as the input layer takes.

    The same numbers in another shape are laid out anew, row by row: 64 pixels are an image of 1 x 8 x 8.
    """
    if size_of(dataset.input_shape) != size_of(shape):
        reason = f"takes samples of shape {shape_text(shape)}, the data have {shape_text(dataset.input_shape)}"
        mend = f"set its shape to {', '.join(map(str, dataset.input_shape))}, or choose other data"
        raise DataError(reason, layer, mend, ("shape", dataset.input_shape))


def check_input_values(dataset: Dataset, plan: Plan) -> None:
    """Raise DataError where an operation cannot take the samples, such as an index outside its vocabulary."""
    for node in plan.nodes:
        for place, value in enumerate(node.operands):
            if value == plan.input:
                shapes = [plan.shapes[operand] for operand in node.operands]
                for part in (dataset, dataset.held_out):
                    problem = part and node.operation.operand_problem(place, part.inputs, shapes)
                    if problem:
                        raise DataError(problem, node.layer)
