"""What an explanation shows of its operands: heads, functions with their arguments, and why a number is 0."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.building import executor_of
from tests.explanation_mutations import explained
from tests.explanation_reader import Asked
from visualbp.files import find_model, load_network

MODELS = ("xor", "dying_relu", "residual", "copy_transformer", "worked_example", "batch_norm")


def asked_of(name: str) -> Iterator[Asked]:
    yield from explained(executor_of(load_network(find_model(name))), most=4)


@pytest.mark.parametrize("name", MODELS)
def test_every_factor_of_a_product_of_several_has_a_head(name: str) -> None:
    for asked in asked_of(name):
        for term in asked.found.terms:
            if len(term.factors) > 1:
                assert all(factor.head for factor in term.factors), (asked.found.text, term)


@pytest.mark.parametrize("name", ["xor", "dying_relu", "copy_transformer"])
def test_a_function_says_the_number_that_it_is_applied_to(name: str) -> None:
    seen = 0
    for asked in asked_of(name):
        for term in asked.found.terms:
            for factor in term.factors:
                if factor.written:
                    seen += 1
                    assert factor.value is not None
                    arrays = asked.taken.after if factor.at > asked.taken.step.index else asked.taken.before
                    assert factor.argument == float(arrays[asked.taken.plan.resolve(factor.value)][factor.index])
                    assert factor.written.count("{}") == 1
    assert seen


def test_activations_are_written_with_their_arguments() -> None:
    written = {f.written for a in asked_of("xor") for t in a.found.terms for f in t.factors} - {""}
    assert written == {"tanh({})", "tanh'({})"}
    written = {f.written for a in asked_of("dying_relu") for t in a.found.terms for f in t.factors} - {""}
    assert written == {"max(0, {})", "ReLU'({})"}


def test_why_a_unit_is_0_is_said_and_is_so() -> None:
    stopped = flat = 0
    for asked in asked_of("dying_relu"):
        found = asked.found
        if not found.terms or not found.terms[0].factors[-1].written or found.number != 0:
            continue
        z = found.terms[0].factors[-1].argument
        if asked.is_forward():
            assert z <= 0 and f"0 because z = {z:.4g} is not above 0" in found.note
            stopped += 1
        elif found.terms[0].factors[-1].number == 0:
            assert z <= 0 and "nothing goes back through this unit" in found.note
            flat += 1
    assert stopped and flat


def test_a_unit_that_passes_says_nothing_of_0() -> None:
    for asked in asked_of("dying_relu"):
        if asked.found.number:
            assert "0 because" not in asked.found.note
