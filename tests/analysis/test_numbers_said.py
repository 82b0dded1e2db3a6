"""The formula with the numbers plugged in gives the number; a factor's symbol says what its number is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.analysis.test_explain import run
from tests.analysis.test_explain_layers import explained_on_the_way, network_of
from tests.equation_reader import Bound, read
from tests.equations_shown import BATCH, cases, executor_around
from tests.registry_cases import LayerCase
from visualbp.analysis.explain import Explanation, explain
from visualbp.core.arrays import size_of
from visualbp.engine import compile_plan
from visualbp.engine.notation import Notation

DIGITS = 1.2e-3
"""How far a product of numbers with four digits may be from the product of the numbers."""

LOSSES = [case for case in cases() if case.kind.is_loss]


def value_of(latex: str, definitions: str = "") -> float:
    return float(read(f"x = {latex}{definitions}", {"x": Bound(np.array(np.nan))})["x"])


def left_side(found: Explanation) -> str:
    return found.numbers_latex.rpartition(" = ")[0]


@pytest.mark.parametrize("seed", range(20))
def test_the_formula_in_numbers_gives_the_number(seed: int) -> None:
    network, said = network_of(seed), 0
    notation = Notation(compile_plan(network))
    for found in explained_on_the_way(network, seed, 1):
        if not found.numbers_latex or found.number is None or not math.isfinite(found.number):
            continue
        left, dots, _ = left_side(found).partition(r" + \cdots")
        definitions = ""
        if found.step is not None and left.startswith(r"\text{"):  # a function by its name: the equation defines it
            _, quad, definitions = notation.step_equation(found.step).partition(r", \quad ")
            definitions = quad + definitions
        hidden = math.fsum(term.product for term in found.terms[4:]) + found.total.rest if dots else 0.0
        off = abs(value_of(left, definitions) + hidden - found.number)
        assert off <= DIGITS * max(found.total.scale, abs(found.number)) + 1e-12, found.numbers_latex
        said += 1
    assert said > 10


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.text)
def test_the_weight_of_an_element_in_the_mean_is_the_number_beside_it(case: LayerCase) -> None:
    executor = executor_around(case)
    plan = executor.plan
    moment = run(executor, len(plan.steps))
    shape = plan.shapes[plan.prediction]
    letters = rf", \quad N = {BATCH * size_of(shape)}, \; T = {size_of(shape[:-1])}"
    seen = 0
    for value, index in ((plan.loss, ()), (plan.resolve(plan.prediction.gradient), (0,) * (1 + len(shape)))):
        for term in explain(moment, value, index).terms:
            scale = term.factors[0]
            assert value_of(scale.symbol.replace("B", f" {BATCH} "), letters) == pytest.approx(scale.number, rel=1e-12)
            seen += 1
    assert seen >= 2


def test_a_loss_over_a_sequence_divides_by_samples_and_positions() -> None:
    case = next(c for c in LOSSES if c.kind.type_name == "softmax_cross_entropy" and len(c.shapes[0]) == 2)
    executor = executor_around(case)
    moment = run(executor, len(executor.plan.steps))
    gradient = executor.plan.resolve(executor.plan.prediction.gradient)
    scale = explain(moment, gradient, (0, 0, 0)).terms[0].factors[0]
    assert scale.symbol == r"\frac{1}{B T}" and scale.number == pytest.approx(1 / (BATCH * 2))
