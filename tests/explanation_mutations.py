"""Explanations of every number of a network as it is made, and their words turned into others that are not so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from tests.explanation_reader import Asked, check_rule
from tests.explanation_reader_factors import check_meaning
from tests.sentence_mutations import OPPOSITES
from tests.sentence_reader import FalseSentenceError, Taken
from visualbp.analysis.explain import Factor, Moment, explain
from visualbp.engine import Executor, Step
from visualbp.engine.plan import Phase
from visualbp.operations.dropout import Dropout

_MORE = """
inputs outputs; outputs inputs; weight bias; bias weight; added subtracted; added multiplied; less plus; velocity
gradient; gradient velocity; momentum decay; squared halved; squares roots; usual unusual; won lost; equal double;
fits misses; exponential logarithm; lowered raised; largest smallest; whole half; every no; kept lost; keys queries;
queries keys; unit sample; sample unit; prediction target; predicted drawn; target prediction; mean variance; variance
mean; local global; upstream downstream; window filter; filter window; far near; units layers; over under; each no;
class position; position class; state input; up down; down up; update forward; given drawn; drawn given; seed rate;
slope value; length direction; gain bias; error input; signal weight; signals weights; batch sample; row column; column
row; step sum; back forward; all some; times plus; times over; scaled shifted; scales shifts; shifts scales; minus
plus; minus times; moving fixing; deviation mean; running fixed; open closed; closed open; later earlier; itself
others; minimum maximum; minus without; nothing everything; unchanged doubled; last first; norm sum; root square; rising
falling; decay momentum; towards away; in out; learning falling; rate momentum; more less; first last; still not; 0 1;
penalty loss; loss penalty; before after; after before
"""
_PAIRS = (pair.split() for pair in _MORE.replace("\n", " ").split(";") if pair.strip())
WORDS: tuple[tuple[str, str], ...] = tuple(dict.fromkeys((*OPPOSITES, *((word, other) for word, other in _PAIRS))))


def explained(executor: Executor, iterations: int = 1, most: int = 2, layer: str = "") -> Iterator[Asked]:
    """Run some iterations, and explain numbers of each value as each step of the last one has written it; and of what
    was there before any step. With a layer, of what its own steps write alone."""
    plan, generator = executor.plan, np.random.default_rng(executor.plan.network.seed)
    for _ in range((iterations - 1) * len(plan.steps)):
        executor.step()
    for _ in plan.steps:
        step, taken = _taken(executor)
        moment = _moment(executor)
        values = list(step.writes)
        if step.phase == Phase.LOAD:
            values += [value for value in moment.values if value in moment.start]  # type: ignore[operator]
        for value in values if layer in ("", step.layer) else ():
            for index in places(generator, np.shape(moment.values[plan.resolve(value)]), most):
                found = explain(moment, value, index)
                yield Asked(found, taken, executor.inputs, executor.targets, moment.batch, executor.iteration)  # type: ignore[arg-type]


def _taken(executor: Executor) -> tuple[Step, Taken]:
    if executor.at_end:
        executor._begin(executor.iteration + 1)
    before, indices = dict(executor.values), executor.batch_indices(executor.iteration)
    step, mask = executor.step(), None
    if step.node is not None and isinstance(step.node.operation, Dropout):
        shape = executor.values[executor.plan.resolve(step.node.output)].shape
        mask = np.array(executor.binding(len(indices)).emitter_of(step.node).memory("mask", shape))
    batch = executor.inputs[indices], executor.targets[indices]
    return step, Taken(executor.plan, step, before, dict(executor.values), batch, mask)


def _moment(executor: Executor) -> Moment:
    start, first = executor.store.views_of(executor.start), int(executor.store.first_iteration)
    rows = executor.batch_indices(executor.iteration)
    return Moment(executor.plan, dict(executor.values), executor.cursor, start, executor.iteration, first, rows)


def places(generator: np.random.Generator, shape: tuple[int, ...], most: int) -> list[tuple[int, ...]]:
    """Return the indices of all elements, or of so many that are drawn."""
    count = int(np.prod(shape, dtype=np.int64))
    chosen = generator.choice(count, most, replace=False) if count > most else range(count)
    return [tuple(int(i) for i in np.unravel_index(int(place), shape)) for place in chosen]


def mutations(words: str) -> Iterator[tuple[str, str]]:
    """Yield what was exchanged in words, and the words after it: one place at a time."""
    for word, other in WORDS:
        for found in re.finditer(rf"\b{re.escape(word)}\b", words):
            yield f"{word} -> {other}", words[: found.start()] + other + words[found.end() :]
    for found in re.finditer(r"\b\d+\b", words):
        other = str(int(found.group()) + 1)
        yield "another number", words[: found.start()] + other + words[found.end() :]
    for part in re.findall(r", [^,;:]+", words):
        yield "a part left out", words.replace(part, "", 1)


def form_of(words: str) -> str:
    """Return words with every number left out."""
    return re.sub(r"\d+", "#", words)


def survivors(asked: Asked) -> tuple[int, list[tuple[str, str]]]:
    """Return how many false words were told about how a number came about, and those that nobody noticed."""
    return _survivors(asked, asked.found.rule, lambda words: check_rule(asked, words))


def survivors_beside(asked: Asked, factor: Factor) -> tuple[int, list[tuple[str, str]]]:
    """The same of the words beside a factor."""
    return _survivors(asked, factor.meaning, lambda words: check_meaning(asked, factor, words))


def _survivors(asked: Asked, said: str, check: Callable[[str], None]) -> tuple[int, list[tuple[str, str]]]:
    told, unnoticed = 0, []
    for name, changed in mutations(said):
        told += 1
        try:
            check(changed)
        except FalseSentenceError:
            continue
        unnoticed.append((name, f"{asked.found.text}: {said}\n      -> {changed}"))
    return told, unnoticed


def factors_of(asked: Asked) -> list[Factor]:
    """Return the factors whose words can be changed: not those that give digits which rounding has left."""
    factors = [factor for term in asked.found.terms for factor in term.factors]
    return [factor for factor in factors if not re.search(r"e-1\d", factor.meaning)]
