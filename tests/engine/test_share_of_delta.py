"""The delta of an activation layer whose input goes elsewhere too is this path's share of dL/dz, and is called that."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.test_explain import run
from tests.building import chain, inline
from tests.refs import ref
from visualbp.analysis.explain import explain
from visualbp.datasets.base import load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.notation import Notation, step_sentence
from visualbp.engine.notation_sentences import is_share
from visualbp.network import Network, edits


def forked(also: bool = True) -> Network:
    """A dense layer whose z goes through tanh, and, if asked for, past it too."""
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("before", "dense", {"units": 2}),
        ("act", "activation", {"function": "tanh"}),
        ("join", "add", {}),
        ("loss", "mean_squared_error", {}),
        data=inline([[0.5, -1.0], [0.2, 0.3], [1.0, 0.7]], [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]),
    )
    return edits.connect(network, "before" if also else "input", "join")


@pytest.fixture
def executor() -> Executor:
    network = forked()
    executor = Executor(compile_plan(network), load_dataset(network.data))
    run(executor, len(executor.plan.steps))
    return executor


def test_it_is_the_upstream_times_the_slope_and_less_than_the_whole(executor: Executor) -> None:
    plan, values = executor.plan, executor.values
    share = values[plan.resolve(ref("act", "delta"))]
    z, upstream = values[ref("before", "z")], values[ref("act", "upstream")]
    np.testing.assert_allclose(share, upstream * (1 - np.tanh(z) ** 2), rtol=1e-12)
    whole = values[ref("before", "delta")]
    np.testing.assert_allclose(whole, share + values[plan.resolve(ref("join", "upstream"))], rtol=1e-12)
    assert is_share(plan, ref("act", "delta")) and not is_share(plan, ref("before", "delta"))


def test_explanation_sentence_and_symbol_call_it_a_share(executor: Executor) -> None:
    plan = executor.plan
    moment = run(executor, 0)
    assert "this path's share: before.delta is the sum" in explain(moment, ref("act", "delta"), (0, 0)).note
    step = next(s for s in plan.steps if s.layer == "act" and s.writes[0] == plan.resolve(ref("act", "delta")))
    assert step_sentence(plan, step).endswith("is this path's share of the error signal of before.")
    assert Notation(plan).symbol(ref("act", "delta")) == r"\boldsymbol{\delta}^{(1)}_{\leftarrow (2)}"


def test_where_the_input_goes_nowhere_else_it_is_the_whole() -> None:
    plan = compile_plan(forked(also=False))
    assert not is_share(plan, ref("act", "delta"))
    step = next(s for s in plan.steps if s.layer == "act" and s.phase == "backward")
    assert "share" not in step_sentence(plan, step)
