"""Every sentence about a step, and false ones made of it: `python -m tests.benchmarks.sentence_mutations`.

Prints how many sentences are so, how many mutations of them were tried, how many were noticed, and each that was not.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.analysis.test_explain_layers import SCHEDULES
from tests.building import with_training
from tests.engine.test_sentences_read import steps_taken
from tests.equations_shown import cases, executor_around
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
    print(f"{read:,} sentences read, {len(wrong)} are not so")
    for text in wrong:
        print(f"  {text}")
    lost = len(unnoticed)
    print(f"{told:,} mutations of {len(seen):,} different sentences, {told - lost:,} noticed, {lost} not")
    for text, name in unnoticed.items():
        print(f"  {name}: {text}")


if __name__ == "__main__":
    main()
