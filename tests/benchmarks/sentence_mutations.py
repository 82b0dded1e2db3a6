"""Every sentence about a step and every one about a number, and false ones made of them.

python -m tests.benchmarks.sentence_mutations

Prints how many sentences are so, how many mutations of them were tried, how many were noticed, and each that was not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from tests.analysis.test_explain_layers import SCHEDULES, network_of
from tests.building import with_training
from tests.engine.test_sentences_read import steps_taken
from tests.equations_shown import cases, executor_around
from tests.explanation_mutations import explained, factors_of, form_of, survivors_beside
from tests.explanation_mutations import survivors as survivors_of_rule
from tests.explanation_reader import RULES, Asked, check_rule
from tests.explanation_reader_factors import MEANINGS, check_meaning
from tests.random_networks import random_data, random_network
from tests.sentence_mutations import survivors
from tests.sentence_reader import FalseSentenceError, Taken, check_sentence
from visualbp.engine import Executor, compile_plan
from visualbp.engine.notation import step_sentence

RANDOM_NETWORKS = 60

Survivors = tuple[int, list[tuple[str, str]]]


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


@dataclass
class Counts:
    """What was read, what of it is not so, and what was told falsely of each different form of words."""

    read: int = 0
    told: int = 0
    wrong: list[str] = field(default_factory=list)
    unnoticed: dict[str, str] = field(default_factory=dict)
    forms: set[str] = field(default_factory=set)
    form_of: Callable[[str], str] = form_of

    def add(self, words: str, check: Callable[[], None], change: Callable[[], Survivors]) -> None:
        self.read += 1
        try:
            check()
        except FalseSentenceError as error:
            self.wrong.append(str(error))
        if (form := self.form_of(words)) not in self.forms:
            self.forms.add(form)
            count, alive = change()
            self.told += count
            self.unnoticed.update({text: name for name, text in alive})

    def show(self, what: str) -> None:
        print(f"{self.read:,} {what} read, {len(self.wrong)} are not so")
        for text in self.wrong:
            print(f"  {text}")
        lost = len(self.unnoticed)
        print(
            f"{self.told:,} mutations of {len(self.forms):,} different ones, {self.told - lost:,} noticed, {lost} not"
        )
        for text, name in self.unnoticed.items():
            print(f"  {name}: {text}")


def count_explanations() -> None:
    """Read the words on numbers of every layer, optimiser and schedule, and beside their factors, and change them."""
    rules, factors = Counts(), Counts()
    unmet = [pattern for pattern, _ in (*RULES, *MEANINGS)]
    for asked in all_explanations():
        words = asked.found.rule
        if form_of(words) not in rules.forms:
            unmet = [pattern for pattern in unmet if re.fullmatch(pattern, words) is None]
        rules.add(words, partial(check_rule, asked, words), partial(survivors_of_rule, asked))
        for factor in factors_of(asked):
            words = factor.meaning
            if form_of(words) not in factors.forms:
                unmet = [pattern for pattern in unmet if re.fullmatch(pattern, words) is None]
            factors.add(words, partial(check_meaning, asked, factor, words), partial(survivors_beside, asked, factor))
    rules.show("words on numbers")
    factors.show("words beside factors")
    print(f"{len(unmet)} forms of words were not met: {unmet}")


def main() -> None:
    steps = Counts(form_of=str)
    for taken in all_steps():
        sentence = step_sentence(taken.plan, taken.step)
        steps.add(sentence, partial(check_sentence, taken, sentence), partial(survivors, taken))
    steps.show("sentences")
    count_explanations()


if __name__ == "__main__":
    main()
