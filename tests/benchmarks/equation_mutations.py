"""Equations of all layers, losses and optimisers, and lies about them: `python -m tests.benchmarks.equation_mutations`.

Prints how many equations were read and agree with what was computed, how many mutations of them were tried, how many
were noticed, and each that was not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.building import with_training
from tests.engine.test_equations_read import OPTIMIZERS, small
from tests.equation_mutations import survivors
from tests.equations_shown import Said, cases, data_for, executor_around, started, steps_of
from tests.random_networks import random_data, random_network
from visualbp.core.options import Choice, parse_options
from visualbp.engine import Executor, compile_plan
from visualbp.optimizers import optimizers

RANDOM_NETWORKS = 4


def all_steps() -> Iterator[Said]:
    for case in cases():
        yield from steps_of(executor_around(case))
    for choice in OPTIMIZERS:
        options = {name: value for name, value in choice.items() if name != "type"}
        entry = optimizers.get(choice["type"])
        network = with_training(small(), optimizer=Choice(entry.type_name, parse_options(entry.options, options)))
        executor = started(network, data_for(network))
        executor.run_fast()
        yield from (said for said in steps_of(executor) if said.step.operation == "update")
    for seed in range(RANDOM_NETWORKS):
        network = random_network(seed, with_dropout=True)
        yield from steps_of(Executor(compile_plan(network), random_data(network, seed)))


def main() -> None:
    read = told = 0
    wrong: list[str] = []
    unnoticed: Counter[tuple[str, str]] = Counter()
    seen: set[str] = set()
    for said in all_steps():
        read += 1
        if text := said.disagreement():
            wrong.append(f"{said.step.label}: {text}")
        if said.equation in seen:
            continue
        seen.add(said.equation)
        count, alive = survivors(said)
        told += count
        unnoticed.update({(name, f"{said.equation}\n      -> {changed}"): 1 for name, changed in alive})
    print(f"{read:,} equations read, {len(wrong)} disagree with what was computed")
    for text in wrong:
        print(f"  {text}")
    lost = sum(unnoticed.values())
    print(f"{told:,} mutations of {len(seen):,} different equations, {told - lost:,} noticed, {lost} not")
    for (name, text), _ in unnoticed.most_common():
        print(f"  {name}: {text}")


if __name__ == "__main__":
    main()
