"""What an explanation is made of, and the past of the iteration that it is made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import lru_cache

import numpy as np

from visualbp.analysis.explain_words import element_symbol, word_of
from visualbp.core.arrays import Array
from visualbp.core.number_words import Index, element_text
from visualbp.core.ref import Ref
from visualbp.engine.binding import emit_penalty_gradient
from visualbp.engine.bugs import ReverseRule, bugs_by_step, emit_buggy_rule
from visualbp.engine.notation import Notation
from visualbp.engine.plan import GRADIENT_NORM, Plan, Step
from visualbp.engine.store import stream_of
from visualbp.layers import Node
from visualbp.operations.base import Emitter, Evaluation, IterationContext, evaluate
from visualbp.operations.terms import Factor


@dataclass(frozen=True, eq=False)
class Moment:
    """An iteration, stopped after `cursor` steps: what explanations are made from.

    `values` are those computed so far, and the parameters. `start` are the parameters and the optimiser's arrays at the
    beginning of the iteration; without them, what an update has overwritten cannot be explained any more. `batch` are
    the rows of the data that the samples come from, and what they are called by. `first_iteration` is the one that the
    optimiser counts from.
    """

    plan: Plan
    values: Mapping[Ref, Array]
    cursor: int
    start: Mapping[Ref, Array] | None = None
    iteration: int = 0
    first_iteration: int = 0
    batch: Array | None = None


@dataclass(frozen=True)
class Term:
    """A product, one of those that are summed up. `label` says which: `sample 0`, `from output`, `bias`."""

    label: str
    factors: tuple[Factor, ...]
    product: float


@dataclass(frozen=True)
class Total:
    """What the terms of a number add up to: `number`, of `count` terms; `rest` is the sum of those that are not shown.

    `agrees` says whether that is the number that is there: where it is not, the rule that ran is not the one that it
    should be. `scale` is what rounding goes by: the sizes of the terms, and of what cancels inside them. `rounding` is
    how far the number may be from the sum by rounding alone; where it disagrees, that has been measured.
    """

    number: float | None = None
    count: int = 0
    rest: float = 0.0
    agrees: bool = True
    scale: float = 0.0
    rounding: float = 0.0


@dataclass(frozen=True)
class Explanation:
    """Where the element `index` of `value` came from, as it stood after `at` steps.

    `number` is None if it is not known; `note` says why. `terms` are the largest products, in their own order. With a
    source, such as an input or a number that was drawn, following ends: it has no terms. `step` is the one that made
    the number.
    """

    value: Ref
    index: Index
    at: int
    number: float | None
    symbol: str
    rule: str
    _: KW_ONLY
    formula_latex: str = ""
    numbers_latex: str = ""
    terms: tuple[Term, ...] = ()
    total: Total = Total()
    is_source: bool = False
    note: str = ""
    own_note: str = ""
    """What the rule itself notes, as it stands in the note too."""
    step: Step | None = field(default=None, repr=False)

    @property
    def more(self) -> int:
        """How many terms are left out."""
        return self.total.count - len(self.terms)

    @property
    def text(self) -> str:
        """The plain name of what is explained: `hidden.weight[0, 3]`."""
        return element_text(self.value, self.index)


class NotKeptError(LookupError):
    """An array that an explanation needs is not there. The message says which, and what would bring it back."""


@lru_cache(maxsize=4)
def _writers(plan: Plan) -> tuple[Mapping[Ref, Sequence[int]], frozenset[Ref]]:
    """Return which steps write each value, and the values that last beyond an iteration."""
    writers: dict[Ref, list[int]] = defaultdict(list)
    lasting = {info.value for info in plan.lasting}
    for step in plan.steps:
        for value in step.writes:
            writers[value].append(step.index)
            if value.is_slot:
                lasting.add(value)
    return dict(writers), frozenset(lasting)


class Past:
    """The arrays of a moment at any earlier position of its iteration.

    What a later step has overwritten (parameters, clipped gradients) is taken from the start of the iteration, or
    computed anew by the rules that made it.
    """

    def __init__(self, moment: Moment) -> None:
        self.moment, self.plan, self.notation = moment, moment.plan, Notation(moment.plan)
        self.precision = self.plan.network.precision
        self._computed: dict[int, Array] = {}
        self._bugs = bugs_by_step(self.plan)
        self._writers, self.lasting = _writers(self.plan)

    def writer(self, value: Ref, at: int) -> Step | None:
        """Return the last of the first `at` steps that wrote `value`."""
        earlier = [index for index in self._writers.get(self.plan.resolve(value), ()) if index < at]
        return self.plan.steps[earlier[-1]] if earlier else None

    def next_writer(self, value: Ref, at: int) -> Step | None:
        """Return the first step from `at` on that writes `value`; None if nothing does any more."""
        later = [index for index in self._writers.get(self.plan.resolve(value), ()) if index >= at]
        return self.plan.steps[later[0]] if later else None

    def array(self, value: Ref, at: int) -> Array:
        """Return `value` as it stood after `at` steps. Raises NotKeptError."""
        value = self.plan.resolve(value)
        writer, overwriter = self.writer(value, at), self.next_writer(value, at)
        if overwriter is None or overwriter.index >= self.moment.cursor:
            if value in self.moment.values and (writer is not None or value in self.lasting):
                return self.moment.values[value]
            raise NotKeptError(f"{value.text} is not computed yet")
        if writer is not None:
            if writer.index not in self._computed:
                self._computed[writer.index] = self._again(writer)
            return self._computed[writer.index]
        if self.moment.start is None or value not in self.moment.start:
            raise NotKeptError(
                f"it comes from {value.text} as it was before the update, which is not kept"
                " after running at full speed; step through this iteration to see it"
            )
        return self.moment.start[value]

    def arrays(self, values: Sequence[Ref], at: int) -> list[Array]:
        """Return several values as they stood after `at` steps. Raises NotKeptError."""
        return [self.array(value, at) for value in values]

    def evaluation(self, step: Step) -> Evaluation:
        """Return the forward rule of the step's node, run anew on what it read."""
        node = step.node
        if node is None:
            raise TypeError(f"{step.operation} has no node")
        context = IterationContext(self.plan.network.seed, self.moment.iteration)
        stream = stream_of(f"{node.layer}/{node.operation.name}")
        return evaluate(node.operation, self.arrays(node.operands, step.index), context, True, stream)

    def upstream(self, step: Step) -> Array:
        """Return dL / d output of the step's node, as a step of the backward pass reads it."""
        if step.node is None:
            raise TypeError(f"{step.operation} has no node")
        if step.node.output == self.plan.loss:
            return np.ones(())
        return self.array(step.node.output.gradient, step.index)

    def _again(self, step: Step) -> Array:
        """Return what a step of the backward pass wrote: a gradient that the penalty or clipping has overwritten."""
        if step.node is not None:
            return self._again_by_rule(step, step.node)
        if step.operation == "accumulate":
            first, *others = self.arrays(step.reads, step.index)
            result = first.copy()
            with np.errstate(all="ignore"):
                for other in others:
                    result += other
            return result
        weight, gradient = self.arrays(step.reads, step.index)
        result, training = gradient.copy(), self.plan.network.training
        emit = Emitter(IterationContext(), result.dtype, eager=True)
        emit_penalty_gradient(emit, training.l1, training.l2, weight, result)
        return result

    def _again_by_rule(self, step: Step, node: Node) -> Array:
        """Return what the reverse-mode rule of a step gave for a parameter, with the bug that is planted in it."""
        done, upstream = self.evaluation(step), self.upstream(step)
        bug = self._bugs.get(step.index)
        if bug is None:
            return done.vjp(step.operand, upstream)
        result = np.zeros(done.inputs[step.operand].shape, done.output.dtype)
        batched = node.operands[step.operand] in self.plan.batched
        rule = ReverseRule(node, step.operand, done.emitter, upstream, done.inputs, done.output, result, batched)
        with np.errstate(all="ignore"):
            emit_buggy_rule(bug, rule)
        return result

    # -- factors -----------------------------------------------------------------------------------------------------

    def factor(self, value: Ref, index: Index, at: int) -> Factor:
        """Return the element `index` of `value`, as it stood after `at` steps, as a factor."""
        value = self.plan.resolve(value)
        number = float(self.array(value, at)[index])
        word = "input" if value == self.plan.input else word_of(value)
        return Factor(number, element_symbol(self.notation, value, index), value, index, at, word=word)

    def derived(
        self, number: float, symbol: str, value: Ref, index: Index, at: int, meaning: str, formula: str = ""
    ) -> Factor:
        """Return a number derived from the element `index` of `value` as a factor."""
        return Factor(float(number), symbol, self.plan.resolve(value), index, at, meaning, formula)


def trainable_gradients(plan: Plan, step: Step) -> tuple[Ref, ...]:
    """Return the gradients that a clipping step works on."""
    return tuple(value for value in step.writes if value != GRADIENT_NORM)
