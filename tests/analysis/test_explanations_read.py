"""The words of every explanation are so: held against the arrays that the number was made from."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.test_explain import sizes_of
from tests.analysis.test_explain_layers import network_of
from tests.equations_shown import cases, executor_around
from tests.explanation_mutations import explained, factors_of, form_of, survivors, survivors_beside
from tests.explanation_reader import Asked, check_labels, check_note_of, check_rule
from tests.explanation_reader_factors import check_meaning
from tests.random_networks import random_data
from tests.registry_cases import SPECIAL_OPERANDS, LayerCase, distinct
from visualbp.engine import Executor, compile_plan

LAYER_TYPES = sorted({case.text.partition("(")[0] for case in cases()})


def check_words(asked: Asked) -> None:
    check_rule(asked, asked.found.rule)
    check_labels(asked)
    check_note_of(asked)
    for term in asked.found.terms:
        for factor in term.factors:
            check_meaning(asked, factor, factor.meaning)


def random_executor(seed: int) -> Executor:
    network = network_of(seed)
    return Executor(compile_plan(network), random_data(network, seed))


@pytest.mark.parametrize("layer", LAYER_TYPES)
def test_the_words_on_every_number_of_a_layer_are_so(layer: str) -> None:
    read = 0
    for case in [case for case in cases() if case.text.startswith(f"{layer}(")][::4]:
        for asked in explained(executor_around(case), most=1):
            check_words(asked)
            read += 1
    assert read


@pytest.mark.parametrize("case", distinct(cases(), with_settings=False), ids=lambda case: case.text)
def test_the_words_and_the_terms_are_so_at_zero_at_saturation_and_at_kinks(case: LayerCase) -> None:
    for operands in SPECIAL_OPERANDS:
        for asked in explained(executor_around(case, operands), most=1, layer="tested"):
            check_words(asked)
            found = asked.found
            assert found.total.agrees and found.total.number is not None, (found.text, found.note)
            off = (
                0.0 if found.total.number == asked.number else abs(found.total.number - asked.number)
            )  # -inf, where a mask is closed
            array = asked.taken.result
            size = np.abs(array[np.isfinite(array)]).max(initial=0.0)
            assert off <= 1e-9 * max(sizes_of(found), found.total.scale) + 1e-12 * size, found.text


@pytest.mark.parametrize("seed", range(12))
def test_the_words_on_a_random_network_are_so(seed: int) -> None:
    for asked in explained(random_executor(seed), 1 + seed % 3, most=1):
        check_words(asked)


def test_false_words_on_a_number_and_beside_its_factors_are_noticed() -> None:
    told, seen = 0, set()
    for seed in range(16):
        for asked in explained(random_executor(seed), 1 + seed % 3, most=1):
            found = []
            if (form := form_of(asked.found.rule)) not in seen:
                found.append(survivors(asked))
                seen.add(form)
            for factor in factors_of(asked):
                if (form := form_of(factor.meaning)) not in seen:
                    found.append(survivors_beside(asked, factor))
                    seen.add(form)
            for count, unnoticed in found:
                told += count
                assert not unnoticed, unnoticed
    assert told > 1_200
