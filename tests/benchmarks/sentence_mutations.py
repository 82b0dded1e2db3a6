"""Every sentence about a step and every one about a number, and false ones made of them.

python -m tests.benchmarks.sentence_mutations

Prints how many sentences are so, how many mutations of them were tried, how many were noticed, and each that was not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.analysis.test_explain_layers import SCHEDULES, network_of
from tests.building import with_training
from tests.engine.test_sentences_read import steps_taken
from tests.equations_shown import cases, executor_around
from tests.explanation_mutations import explained
from tests.explanation_mutations import survivors as survivors_of_explanation
from tests.explanation_reader import RULES, Asked, check_rule
from tests.random_networks import random_data, random_network
from tests.sentence_mutations import survivors
from tests.sentence_reader import FalseSentenceError, Taken, check_sentence
from visualbp.engine import Executor, compile_plan
from visualbp.engine.notation import step_sentence

RANDOM_NETWORKS = 60


def all_steps() -> Iterator[Taken]:
    for case in cases():
        yield from steps_taken(executor_around(case))
    for seed in range(RANDOM_NETWORKS):
        network = with_training(random_network(seed, with_dropout=True), schedule=SCHEDULES[seed % len(SCHEDULES)])
        yield from steps_taken(Executor(compile_plan(network), random_data(network, seed)))


def all_explanations() -> Iterator[Asked]:
    for case in cases():
        yield from explained(executor_around(case))
    for seed in range(RANDOM_NETWORKS):
        network = network_of(seed)
        yield from explained(Executor(compile_plan(network), random_data(network, seed)), 1 + seed % 3)


def count_explanations() -> None:
    """Read the words on numbers of every layer, optimiser and schedule, and change them."""
    read = told = 0
    wrong: list[str] = []
    unnoticed: dict[str, str] = {}
    seen: set[str] = set()
    unmet = [pattern for pattern, _ in RULES]
    for asked in all_explanations():
        read += 1
        try:
            check_rule(asked, asked.found.rule)
        except FalseSentenceError as error:
            wrong.append(str(error))
        form = re.sub(r"\d+", "#", asked.found.rule)
        if form in seen:
            continue
        seen.add(form)
        unmet = [pattern for pattern in unmet if re.fullmatch(pattern, asked.found.rule) is None]
        count, alive = survivors_of_explanation(asked)
        told += count
        unnoticed.update({text: name for name, text in alive})
    _show("words on numbers", read, wrong, told, len(seen), unnoticed)
    print(f"{len(unmet)} forms of words were not met: {unmet}")


def _show(what: str, read: int, wrong: list[str], told: int, different: int, unnoticed: dict[str, str]) -> None:
    print(f"{read:,} {what} read, {len(wrong)} are not so")
    for text in wrong:
        print(f"  {text}")
    lost = len(unnoticed)
    print(f"{told:,} mutations of {different:,} different ones, {told - lost:,} noticed, {lost} not")
    for text, name in unnoticed.items():
        print(f"  {name}: {text}")


def main() -> None:
    read = told = 0
    wrong: list[str] = []
    unnoticed: dict[str, str] = {}
    seen: set[str] = set()
    for taken in all_steps():
        read += 1
        sentence = step_sentence(taken.plan, taken.step)
        try:
            check_sentence(taken, sentence)
        except FalseSentenceError as error:
            wrong.append(str(error))
        if sentence in seen:
            continue
        seen.add(sentence)
        count, alive = survivors(taken)
        told += count
        unnoticed.update({text: name for name, text in alive})
    _show("sentences", read, wrong, told, len(seen), unnoticed)
    count_explanations()


if __name__ == "__main__":
    main()
