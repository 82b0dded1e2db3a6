"""Explanations of typed functions, of every optimiser's update, and of the learning rate that a schedule sets."""

from __future__ import annotations

import pytest

from tests.analysis.test_explain import executor_of, moment_of, run
from tests.analysis.test_explain_layers import check, classifier, factor_of, schedule
from tests.building import chain, optimizer, with_training
from tests.refs import ref
from visualbp.analysis.explain import Explanation, NoSuchNumberError, explain
from visualbp.core.options import Choice
from visualbp.engine.plan import LEARNING_RATE
from visualbp.optimizers import optimizers
from visualbp.optimizers.base import Optimizer

# -- typed functions ---------------------------------------------------------------------------------------------------


def typed(expression: str, derivative: str) -> Explanation:
    custom = {"type": "custom", "expression": expression, "derivative": derivative}
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("hidden", "dense", {"units": 3, "activation": custom}),
        ("output", "dense", {"units": 2}),
        ("loss", "mean_squared_error", {}),
    )
    executor = executor_of(network)
    return explain(run(executor, len(executor.plan.steps)), ref("hidden", "delta"), (1, 1))


@pytest.mark.parametrize(
    ("expression", "derivative"),
    [
        ("x * sigmoid(x)", "sigmoid(x)"),
        ("tanh(x)", "1 - tanh(x)"),
        ("sin(x)", "-cos(x)"),
        ("x**3", "3.003 * x**2"),
        ("tanh(x)", "log(-1 - x**2)"),
    ],
)
def test_a_wrong_typed_derivative_does_not_agree_and_the_right_one_is_shown(expression: str, derivative: str) -> None:
    right, wrong = typed(expression, ""), typed(expression, derivative)
    assert right.total.agrees and not wrong.total.agrees
    assert "the typed derivative gives" in wrong.note and "that rule is wrong" in wrong.note
    assert wrong.total.number == pytest.approx(right.number, rel=1e-12)
    assert r"\neq" in wrong.numbers_latex


@pytest.mark.parametrize(
    ("expression", "derivative"),
    [
        ("tanh(x)", "1 - tanh(x)**2"),
        ("tanh(x)", "4 / (exp(x) + exp(-x))**2"),
        ("x * sigmoid(x)", "sigmoid(x) * (1 + x * (1 - sigmoid(x)))"),
        ("max(x, 0.1 * x)", "where(x > 0, 1, 0.1)"),
    ],
)
def test_a_right_typed_derivative_agrees_in_any_form(expression: str, derivative: str) -> None:
    found = typed(expression, derivative)
    assert found.total.agrees and found.note == ""


@pytest.mark.parametrize("derivative", ["x > 0", "x >= 0", "where(x == 0, 0.5, x > 0)"])
def test_at_a_corner_any_slope_in_between_will_do(derivative: str) -> None:
    custom = {"function": "custom", "expression": "relu(x)", "derivative": derivative}
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 2, "weight_init": "zeros"}),
        ("act", "activation", custom),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
    )
    executor = executor_of(network)
    assert explain(run(executor, len(executor.plan.steps)), ref("hidden", "delta"), (0, 1)).total.agrees


def test_the_derivative_that_was_derived_is_written_out() -> None:
    slope = typed("x**2", "").terms[0].factors[1]
    assert slope.formula.startswith(r"f'(z) = 2 \, z = 2 \cdot ") or slope.formula.startswith(r"f'(z) = 2 \, z = 2 \,")
    assert "derived from the function" in slope.meaning


# -- optimisers and schedules ----------------------------------------------------------------------------------------


def test_every_optimizer_has_a_rule_of_its_own() -> None:
    assert all(entry.terms is not Optimizer.terms for entry in optimizers)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_decay_of_adamw_pulls_at_the_parameter_and_stays_out_of_the_moments(decay: float) -> None:
    network = with_training(classifier(shape=[3]), optimizer=optimizer("adamw", learning_rate=0.01, weight_decay=decay))
    executor = executor_of(network)
    moment = run(executor, len(executor.plan.steps))
    updated = explain(moment, ref("output", "weight"), (1, 1))
    labels = [term.label for term in updated.terms]
    assert labels == (["before", "weight decay", "step"] if decay else ["before", "step"])
    before = (moment.start or {})[ref("output", "weight")][1, 1]
    if decay:
        assert updated.terms[1].product == pytest.approx(-0.01 * decay * before)
    mean = explain(moment, ref("output", "first_moment/weight"), (1, 1))
    assert [term.label for term in mean.terms] == ["last mean", "gradient"]


@pytest.mark.parametrize(
    ("choice", "iteration", "expected"),
    [
        (schedule("step", every=2, factor=0.1), 3, 0.05 * 0.1),
        (schedule("exponential", factor=0.5), 3, 0.05 / 8),
        (schedule("cosine", iterations=4), 2, 0.05 / 2),
        (schedule("cosine", iterations=2, lowest=0.01), 3, 0.01),
        (schedule("warm_up", warm_up=3), 1, 0.05 * 2 / 4),
        (schedule("warm_up", warm_up=3), 3, 0.05),
        (schedule("exponential", factor=0.5, warm_up=2), 3, 0.05 / 2),
    ],
)
def test_the_learning_rate_is_explained_and_an_update_leads_to_it(
    choice: Choice, iteration: int, expected: float
) -> None:
    training = {"optimizer": optimizer("sgd", learning_rate=0.05), "schedule": choice}
    executor = executor_of(with_training(classifier(shape=[3]), **training))
    moment = run(executor, len(executor.plan.steps) * (iteration + 1))
    rate = explain(moment, LEARNING_RATE, ())
    check(rate, 1e-12)
    assert rate.number == pytest.approx(expected)
    updated = explain(moment, ref("output", "weight"), (0, 0))
    followed = next(f for term in updated.terms for f in term.factors if f.value == LEARNING_RATE)
    assert followed.number == pytest.approx(-expected) and followed.meaning == "minus the learning rate"


def test_a_rate_of_its_own_is_the_same_constant_in_every_iteration() -> None:
    executor = executor_of(with_training(classifier(shape=[3]), optimizer=optimizer("sgd", learning_rate=0.05)))
    moment = run(executor, len(executor.plan.steps))
    assert factor_of(explain(moment, ref("output", "weight"), (0, 0)), "minus the learning rate") == -0.05
    with pytest.raises(NoSuchNumberError, match="no value called"):
        explain(moment_of(executor), LEARNING_RATE, ())
