"""The words of every explanation are so: held against the arrays that the number was made from."""

from __future__ import annotations

import re

import pytest

from tests.analysis.test_explain_layers import network_of
from tests.equations_shown import cases, executor_around
from tests.explanation_mutations import explained, survivors
from tests.explanation_reader import check_rule
from tests.random_networks import random_data
from visualbp.engine import Executor, compile_plan

LAYER_TYPES = sorted({case.text.partition("(")[0] for case in cases()})


def random_executor(seed: int) -> Executor:
    network = network_of(seed)
    return Executor(compile_plan(network), random_data(network, seed))


@pytest.mark.parametrize("layer", LAYER_TYPES)
def test_the_words_on_every_number_of_a_layer_are_so(layer: str) -> None:
    read = 0
    for case in [case for case in cases() if case.text.startswith(f"{layer}(")][::4]:
        for asked in explained(executor_around(case), most=1):
            check_rule(asked, asked.found.rule)
            read += 1
    assert read


@pytest.mark.parametrize("seed", range(12))
def test_the_words_on_a_random_network_are_so(seed: int) -> None:
    for asked in explained(random_executor(seed), 1 + seed % 3, most=1):
        check_rule(asked, asked.found.rule)


def test_false_words_on_a_number_are_noticed() -> None:
    told, seen = 0, set()
    for seed in range(16):
        for asked in explained(random_executor(seed), 1 + seed % 3, most=1):
            if (form := re.sub(r"\d+", "#", asked.found.rule)) in seen:
                continue
            seen.add(form)
            count, unnoticed = survivors(asked)
            told += count
            assert not unnoticed, unnoticed
    assert told > 800
