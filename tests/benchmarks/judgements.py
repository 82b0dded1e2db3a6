"""Judgements of single numbers, counted: the explanations of right networks must accuse no rule, those of networks with
one planted mistake must accuse the rule that it sits in, and no other. At ordinary and at hard places.

python -m tests.benchmarks.judgements [RIGHT] [WRONG] [FIRST]     (1000, 1000 and seed 0 unless given)

So are those of the updates of as many right and wrong optimisers, against their rules from the papers.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.explanation_mutations import places
from tests.hard_networks import WRONG_SLOPES, Case, hard_network, with_slope
from tests.updated_networks import Updating, right_updates, update_steps, updating, wrong_updating
from visualbp.analysis.explain import Explanation, Moment, explain
from visualbp.core.arrays import Array
from visualbp.core.differentiation import derivative
from visualbp.core.expressions import evaluate as value_of
from visualbp.core.options import Choice
from visualbp.core.ref import Ref
from visualbp.engine import Executor, Phase, Step, compile_plan
from visualbp.engine.bugs import bugs_by_step, possible_bugs
from visualbp.engine.store import stream_of
from visualbp.network import Network
from visualbp.operations.activations.custom import Custom
from visualbp.operations.base import IterationContext, evaluate

ELEMENTS = 6
"""How many elements of each value are explained."""

VISIBLE = 1e-4
"""A mistake is visible in an element that it changes by more than this share; rounding there must be a thousandth of
the change."""


def moment_of(executor: Executor) -> Moment:
    start = executor.store.views_of(executor.start)
    first = int(executor.store.first_iteration)
    batch = executor.batch_indices(executor.iteration)
    return Moment(executor.plan, dict(executor.values), executor.cursor, start, executor.iteration, first, batch)


def explanations(case: Case, without: int = -1, most: int = ELEMENTS) -> Iterator[Explanation]:
    """Explain elements of every value that is there, except what the step `without` has made."""
    moment, generator = moment_of(case.executor), np.random.default_rng([case.seed, 4])
    for value, array in moment.values.items():
        for index in places(generator, array.shape, most):
            found = explain(moment, value, index)
            if found.step is None or found.step.index != without:
                yield found


def accuses(found: Explanation) -> bool:
    return not found.total.agrees or "wrong" in found.note


# -- planted mistakes --------------------------------------------------------------------------------------------------


def planted(seed: int, network: Network) -> Network:
    """Return the network with one mistake: a bug of a kind that fits, or a derivative that is mistyped."""
    generator = np.random.default_rng([seed, 5])
    typed = [layer.name for layer in network.layers if _is_custom(layer.options)]
    if typed and generator.random() < 0.4:
        layer = typed[int(generator.integers(len(typed)))]
        return with_slope(network, layer, *WRONG_SLOPES[int(generator.integers(len(WRONG_SLOPES)))])
    bugs = possible_bugs(compile_plan(network))
    kinds = sorted({bug.kind for bug in bugs})
    kind = kinds[int(generator.integers(len(kinds)))]
    fitting = [bug for bug in bugs if bug.kind == kind]
    return replace(network, bugs=(fitting[int(generator.integers(len(fitting)))],))


def _is_custom(options: Mapping[str, Any]) -> bool:
    chosen = [options.get(key) for key in ("activation", "function")]
    return any((entry.type if isinstance(entry, Choice) else entry) == "custom" for entry in chosen)


@dataclass(frozen=True)
class Mistake:
    """Where the mistake of a case sits, and the elements in which it is visible beyond rounding."""

    kind: str
    step: Step
    visible: tuple[tuple[int, ...], ...]


def mistakes_of(case: Case) -> list[Mistake]:
    """Return the step of the planted bug, or all steps of an activation with a mistyped derivative."""
    plan = case.executor.plan
    found = [(plan.steps[index], bug.kind) for index, bug in bugs_by_step(plan).items()]
    wrong = {(custom, typed) for custom, typed in WRONG_SLOPES}
    for step in plan.steps:
        operation = step.node.operation if step.node is not None and step.phase == Phase.BACKWARD else None
        if isinstance(operation, Custom):
            given = operation.option_values
            if (given["expression"], given["derivative"]) in wrong:
                found.append((step, "mistyped"))
    return [Mistake(kind, step, _visible(case, step)) for step, kind in found]


def _visible(case: Case, step: Step) -> tuple[tuple[int, ...], ...]:
    """Compare what the step wrote with the right rule, as it is run and in a type with more digits."""
    executor, node = case.executor, step.node
    assert node is not None
    wrong = executor.tape[step.index].values[step.writes[0]].astype(np.float64)
    precise = np.float64 if case.network.precision == "float32" else np.longdouble
    right, exact = (_right(executor, step, np.dtype(dtype)) for dtype in (case.network.precision, precise))
    with np.errstate(all="ignore"):
        change, rounding = np.abs(wrong - right), np.abs(right - exact)
        tiny = float(np.finfo(case.network.precision).smallest_normal)
        seen = (change > VISIBLE * np.abs(right)) & (1e3 * rounding < change) & (change > 1e6 * tiny)
    seen &= np.isfinite(wrong) & np.isfinite(right)
    return tuple(tuple(int(i) for i in index) for index in np.argwhere(seen))


def _right(executor: Executor, step: Step, dtype: np.dtype[np.floating]) -> Array:
    node, plan = step.node, executor.plan
    assert node is not None
    inputs = [_as_read(executor, value, step.index).astype(dtype) for value in node.operands]
    context = IterationContext(plan.network.seed, executor.iteration)
    done = evaluate(node.operation, inputs, context, True, stream_of(f"{node.layer}/{node.operation.name}"))
    upstream = np.ones(()) if node.output == plan.loss else _as_read(executor, node.output.gradient, step.index)
    upstream = upstream.astype(dtype)
    if isinstance(node.operation, Custom):
        with np.errstate(all="ignore"):
            return upstream * value_of(derivative(node.operation.expression), inputs[0])
    return done.vjp(step.operand, upstream)


def _as_read(executor: Executor, value: Ref, at: int) -> Array:
    value = executor.plan.resolve(value)
    start = executor.store.views_of(executor.start)
    found = (record.values[value] for record in reversed(executor.tape[:at]) if value in record.values)
    return next(found, start.get(value))  # type: ignore[arg-type, return-value]


# -- updates ---------------------------------------------------------------------------------------------------------

CLEAR, SAME = 1e3, 4.0
"""An update is clearly wrong beyond so many roundings of the sizes that it is the sum of, and right within so many."""


@dataclass(frozen=True)
class UpdatesJudged:
    """How many numbers of updates were explained, and how many of them were clearly wrong; what was said wrongly."""

    numbers: int
    wrong: int
    accused_falsely: tuple[Explanation, ...]
    missed: tuple[Explanation, ...]
    against_the_papers: tuple[str, ...]
    """Updates of a right optimiser that are not what the papers say."""


def judge_updates(case: Updating) -> UpdatesJudged:
    """Explain the parameters and the optimiser's arrays as the update left them, and hold what is said against the
    papers' rules."""
    moment, generator = moment_of(case.executor), np.random.default_rng([case.seed, 22])
    numbers = wrong = 0
    falsely, missed, against = [], [], []
    eps, tiny = np.finfo(case.executor.plan.network.precision).eps, np.finfo(np.float32).smallest_normal
    for step in update_steps(case):
        right, made = right_updates(case, step), case.executor.tape[step.index].values
        for value in step.writes:
            with np.errstate(all="ignore"):
                change = np.abs(made[value].astype(np.longdouble) - right[value].number)
                rounding = eps * right[value].scale + float(tiny) * eps
            for index in places(generator, made[value].shape, ELEMENTS):
                numbers += 1
                found = explain(moment, value, index, step.index + 1)
                is_wrong, is_right = change[index] > CLEAR * rounding[index], change[index] <= SAME * rounding[index]
                wrong += bool(is_wrong)
                if accuses(found) and (is_right or not case.mistake):
                    falsely.append(found)
                if is_wrong and not case.mistake:
                    against.append(f"{value.text}{index}: {made[value][index]}, {right[value].number[index]}")
                if is_wrong and case.mistake and not accuses(found):
                    missed.append(found)
    return UpdatesJudged(numbers, wrong, tuple(falsely), tuple(missed), tuple(against))


def count_updates(seeds: range, counts: Counter[str]) -> None:
    for seed in seeds:
        case = updating(seed)
        _count(case, judge_updates(case), "right optimisers", counts)
        with wrong_updating(seed) as case:
            _count(case, judge_updates(case), "wrong optimisers", counts)
        _tell_progress(seed, counts)


def _count(case: Updating, judged: UpdatesJudged, title: str, counts: Counter[str]) -> None:
    counts[title] += 1
    counts[f"{title}: numbers explained"] += judged.numbers
    counts[f"{title}: numbers clearly wrong"] += judged.wrong
    counts[f"{title}: false accusations"] += len(judged.accused_falsely)
    counts[f"{title}: clearly wrong and not accused"] += len(judged.missed)
    counts[f"{title}: not as the papers have it"] += len(judged.against_the_papers)
    for word, found in (("FALSE ", judged.accused_falsely), ("MISSED", judged.missed)):
        for one in found[:2]:
            print(f"{word} {case.text}: {one.text} {one.number} for {one.sum}: {one.note}", flush=True)
    for text in judged.against_the_papers[:2]:
        print(f"PAPERS {case.text}: {text}", flush=True)


# -- counting ----------------------------------------------------------------------------------------------------------


def judge_right(seed: int) -> tuple[Case, int, list[Explanation]]:
    """Return how many numbers of a right network were explained, and which explanations accuse."""
    case, count, wrong = hard_network(seed), 0, []
    for found in explanations(case):
        count += 1
        if accuses(found):
            wrong.append(found)
    return case, count, wrong


def judge_wrong(seed: int) -> tuple[Case, Mistake, bool, list[Explanation]]:
    """Return the mistake that can be seen best, whether it was accused, and explanations that accuse another rule."""
    case = hard_network(seed, lambda network: planted(seed, network))
    mistakes, moment = mistakes_of(case), moment_of(case.executor)
    best = max(mistakes, key=lambda mistake: len(mistake.visible))
    generator = np.random.default_rng([seed, 6])
    chosen = [best.visible[i] for (i,) in places(generator, (len(best.visible),), ELEMENTS)]
    value = best.step.writes[0]
    accused = any(accuses(explain(moment, value, index, best.step.index + 1)) for index in chosen)
    own = {mistake.step.index for mistake in mistakes}
    others = [found for found in explanations(case) if found.step and found.step.index not in own and accuses(found)]
    return case, best, accused, others


def _tell_progress(seed: int, counts: Counter[str]) -> None:
    if seed % 100 == 99:
        print(f"... {dict(counts)}", file=sys.stderr, flush=True)


def main(right: int, wrong: int, first: int = 0) -> None:
    counts: Counter[str] = Counter()
    count_updates(range(first, first + min(right, wrong)), counts)
    for seed in range(first, first + right):
        case, numbers, accusing = judge_right(seed)
        counts["right networks"] += 1
        counts["numbers explained"] += numbers
        counts["false accusations"] += len(accusing)
        _tell_progress(seed, counts)
        for found in accusing[:3]:
            print(f"FALSE  {case.text}: {found.text}: {found.note}", flush=True)
    for seed in range(10_000 + first, 10_000 + first + wrong):
        case, mistake, accused, others = judge_wrong(seed)
        counts["wrong networks"] += 1
        _tell_progress(seed, counts)
        counts["accusations of another rule"] += len(others)
        seen = "visible" if mistake.visible else "not visible (the gradient there is 0, or lost in rounding)"
        counts[f"mistakes {seen}"] += 1
        counts["visible mistakes accused"] += bool(mistake.visible) and accused
        if mistake.visible and not accused:
            print(f"MISSED {case.text}: {mistake.kind} in {mistake.step.label}", flush=True)
        for found in others[:3]:
            print(f"OTHER  {case.text}: {mistake.kind} in {mistake.step.label}; {found.text}: {found.note}", flush=True)
    for name, count in counts.items():
        print(f"{count:>9,}  {name}")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:4] or ("1000", "1000")))
