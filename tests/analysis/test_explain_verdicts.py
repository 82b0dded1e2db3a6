"""An explanation accuses a rule only beyond rounding: right networks never, planted mistakes at their place."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.test_explain import run
from tests.benchmarks.judgements import accuses, judge_right, judge_wrong
from tests.building import chain, optimizer, with_training
from tests.refs import ref
from visualbp.analysis.explain import explain
from visualbp.core.number_words import told_apart
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.network import Network


@pytest.mark.parametrize("seed", range(20))
def test_no_rule_of_a_right_network_is_accused_at_any_hard_place(seed: int) -> None:
    case, count, accusing = judge_right(seed)
    assert count and not accusing, (case.text, accusing[0].text, accusing[0].note)


@pytest.mark.parametrize("first", [10_000, 10_005, 10_010])
def test_a_planted_mistake_is_accused_where_it_sits_and_only_there(first: int) -> None:
    seen = 0
    for seed in range(first, first + 5):
        case, mistake, accused, others = judge_wrong(seed)
        assert not others, (case.text, others[0].text, others[0].note)
        assert accused or not mistake.visible, (case.text, mistake.kind, mistake.step.label)
        seen += bool(mistake.visible)
    assert seen


def finished(network: Network, inputs: object, targets: object) -> Executor:
    executor = Executor(compile_plan(network), Dataset(np.array(inputs), np.array(targets)))
    run(executor, len(executor.plan.steps))
    return executor


def test_a_gradient_of_0_under_a_centered_deviation_accuses_nobody() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("d", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        parameters={"d": {"weight": np.array([[0.5, 0.25]]), "bias": np.zeros(1)}},
    )
    network = with_training(network, optimizer=optimizer("rmsprop", centered=True), batch_size=1)
    executor = finished(network, [[1.0, 0.0]], [[1.0]])
    found = explain(run(executor, 0), ref("d", "weight"), (0, 1))
    assert found.number == 0.25 and not accuses(found)


def test_a_saturated_softmax_accuses_nobody() -> None:
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("d", "dense", {"units": 2, "activation": "softmax"}),
        ("loss", "cross_entropy", {}),
        parameters={"d": {"weight": np.array([[20.0], [0.0]]), "bias": np.zeros(2)}},
    )
    executor = finished(network, [[1.0]], [0])
    for unit in range(2):
        assert not accuses(explain(run(executor, 0), ref("d", "delta"), (0, unit)))


def test_the_numbers_of_an_accusation_differ_as_printed() -> None:
    assert told_apart(0.25, 0.250000003) == ("0.25", "0.250000003")
    assert told_apart(1.0, -2.0) == ("1", "-2")
    assert len(set(told_apart(1.0, float(np.nextafter(1.0, 2.0))))) == 2
