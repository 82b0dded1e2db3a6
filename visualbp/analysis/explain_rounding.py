"""How far a number may be from the sum of its terms by rounding alone: only what goes beyond it shows a wrong rule.

Rounding in the sum itself is bounded by the sizes of its terms. What is lost inside the terms, or inside the rule that
ran, is measured: the explanation is made anew from numbers that differ in their last digits, and the rule is run once
more with more digits. Where either moves, the number cannot be told more exactly than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from visualbp.analysis.explain_record import Moment, Past
from visualbp.analysis.explain_updates import numbers_of_update
from visualbp.core.arrays import Array
from visualbp.core.number_words import Index, element_text
from visualbp.core.ref import Ref
from visualbp.engine.plan import Phase, Step
from visualbp.engine.store import stream_of
from visualbp.layers import Node
from visualbp.operations.base import IterationContext, evaluate
from visualbp.operations.terms import Draft, exact_sum

ROUNDINGS = 32
"""Roundings that a number may go through beside one for each term: inside an exponential, a quotient, a root."""

NUDGES, NUDGE = 4, 4.0
"""How often the numbers that a rule reads are moved, and by how many units of their last digit at most."""

MARGIN = 8.0
"""What was measured at a few places is taken this many times: the rounding at another may be larger."""

MOST_MULTIPLICATIONS = 2_000_000
"""Of a larger operation the rule is not run anew."""

DraftOf = Callable[[Past], Draft]


def products_of(draft: Draft) -> Array:
    """Return all products of a draft, block by block."""
    return np.concatenate([np.zeros(0), *(np.asarray(block.products, np.float64) for block in draft.blocks)])


def bound_of_sum(terms: int, scale: float, precision: str) -> float:
    """Return how far rounding can take a sum of so many terms, whose sizes add up to `scale`."""
    limits = np.finfo(precision)
    if math.isnan(scale):
        return math.inf  # 0 x inf inside: how much cancels is not known
    return (terms + ROUNDINGS) * (float(limits.eps) * scale + float(limits.smallest_normal))


def measured_rounding(moment: Moment, step: Step, value: Ref, index: Index, total: float, draft_of: DraftOf) -> float:
    """Return how far the number may be from `total`, as measured: inf where that cannot be told."""
    moved = max(abs(sum_of(draft_of(past)) - total) for past in _nudged(moment))
    lost = _lost_by_rule(Past(moment), step, value, index)
    for past in _nudged(moment, count=2):
        lost = max(lost, _lost_by_rule(past, step, value, index))
    rounding = MARGIN * (moved + lost)
    return rounding if math.isfinite(rounding) else math.inf


def sum_of(draft: Draft) -> float:
    """Return the sum of all terms."""
    with np.errstate(all="ignore"):
        return exact_sum(products_of(draft))


# -- numbers that differ in their last digits --------------------------------------------------------------------------


class _Nudged(Past):
    """The past with every number moved by a few units of its last digit. What is 0, or only chooses, stays."""

    def __init__(self, moment: Moment, seed: int) -> None:
        super().__init__(moment)
        self._generator = np.random.default_rng(seed)
        self._moved: dict[int, tuple[Array, Array]] = {}
        self._choosing = {
            self.plan.resolve(value)
            for node in self.plan.nodes
            for place, value in enumerate(node.operands)
            if node.operation.is_constant(place)
        }

    def array(self, value: Ref, at: int) -> Array:
        exact = super().array(value, at)
        if self.plan.resolve(value) in self._choosing or not np.issubdtype(exact.dtype, np.floating):
            return exact
        if id(exact) not in self._moved:
            with np.errstate(all="ignore"):
                share = self._generator.uniform(-NUDGE, NUDGE, exact.shape) * np.finfo(exact.dtype).eps
                moved = np.asarray(exact + exact * share.astype(exact.dtype), exact.dtype)
            self._moved[id(exact)] = exact, moved  # the array is kept with it: its id stays its own
        return self._moved[id(exact)][1]


def _nudged(moment: Moment, count: int = NUDGES) -> Iterator[Past]:
    return (_Nudged(moment, seed) for seed in range(count))


# -- the rule with more digits -----------------------------------------------------------------------------------------


def wider(precision: str) -> np.dtype[np.floating]:
    """Return the type with more digits that rules are run in: for float64 the widest that the machine has."""
    return np.dtype(np.float64) if precision == "float32" else np.dtype(np.longdouble)


def right_numbers(past: Past, step: Step, value: Ref, index: Index) -> tuple[float, float] | None:
    """Return what the step's own rule gives for the element: as it is run, and with more digits. No bug is in either.

    None where there is no such rule, or where it is too large to be run for one number.
    """
    types = np.dtype(past.precision), wider(past.precision)
    node = step.node
    with np.errstate(all="ignore"):
        if step.operation == "update":
            plain, precise = (numbers_of_update(past, step, index, dtype)[value] for dtype in types)
        elif node is None or value in node.updates or _is_large(past, step, node):
            return None
        else:
            plain, precise = (_rule_in(past, step, node, dtype)[index] for dtype in types)
        return plain, precise


def _rule_in(past: Past, step: Step, node: Node, dtype: np.dtype[np.floating]) -> Array:
    inputs = [array.astype(dtype) for array in past.arrays(node.operands, step.index)]
    context = IterationContext(past.plan.network.seed, past.moment.iteration)
    done = evaluate(node.operation, inputs, context, True, stream_of(f"{node.layer}/{node.operation.name}"))
    if step.phase != Phase.BACKWARD:
        return done.output
    return done.vjp(step.operand, past.upstream(step).astype(dtype))


def _is_large(past: Past, step: Step, node: Node) -> bool:
    shapes = [array.shape for array in past.arrays(node.operands, step.index)]
    output = node.operation.output_shape(shapes)
    return node.operation.multiplications(shapes, output) > MOST_MULTIPLICATIONS


def _lost_by_rule(past: Past, step: Step, value: Ref, index: Index) -> float:
    numbers = right_numbers(past, step, value, index)
    if numbers is None:
        return 0.0
    with np.errstate(all="ignore"):
        return float(abs(numbers[0] - numbers[1]))


def is_out_of_range(past: Past, step: Step, value: Ref, index: Index, total: float) -> bool:
    """Return whether the right rule has no finite number for the element either: it overflows, or has read none."""
    if abs(total) > float(np.finfo(past.precision).max) or not_finite_before(past, step) is not None:
        return True
    numbers = right_numbers(past, step, value, index)
    if numbers is None:
        return True  # of squares that overflow in a norm, or inside an operation too large to look into
    if math.isfinite(numbers[0]):
        return False
    return bool(np.isfinite(numbers[1])) or wider(past.precision) == np.dtype(past.precision)


def not_finite_before(past: Past, step: Step) -> str | None:
    """Return the name of the first element that the step read and that is not finite, if there is one."""
    for value in step.reads:
        wrong = np.argwhere(~np.isfinite(past.array(value, step.index)))
        if len(wrong):
            return element_text(value, tuple(int(i) for i in wrong[0]))
    return None
