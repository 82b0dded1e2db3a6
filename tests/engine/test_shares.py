"""The delta of an activation layer whose source also goes elsewhere is this path's share, and said to be so."""

from __future__ import annotations

import numpy as np
import pytest

from tests.building import chain
from tests.refs import ref
from visualbp.cli.trace import trace_iteration, trace_record
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.notation_sentences import is_share, sentence_of
from visualbp.network import Network, edits


def network_of(activation: str = "tanh", elsewhere: bool = True) -> Network:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("one", "dense", {"units": 3, "activation": activation}),
        ("act", "activation", {"function": "sigmoid"}),
        *([("sum", "add", {})] if elsewhere else []),
        ("output", "dense", {"units": 1}),
        ("loss", "half_squared_error", {}),
    )
    return edits.connect(network, "one", "sum") if elsewhere else network


def run(network: Network) -> Executor:
    generator = np.random.default_rng(0)
    executor = Executor(compile_plan(network), Dataset(generator.normal(size=(4, 2)), generator.normal(size=(4, 1))))
    executor.step()
    while not executor.at_end:
        executor.step()
    return executor


@pytest.mark.parametrize(("activation", "whole"), [("tanh", "one.upstream"), ("linear", "one.delta")])
def test_it_is_the_share_of_this_path_and_all_shares_make_the_whole(activation: str, whole: str) -> None:
    executor = run(network_of(activation))
    plan, values = executor.plan, executor.values
    share = values[plan.resolve(ref("act", "delta"))]
    h, upstream = values[ref("act", "h")], values[ref("act", "upstream")]
    assert share == pytest.approx(upstream * h * (1.0 - h))  # the chain rule along this path alone
    other = values[plan.resolve(ref("sum", "upstream"))]
    layer, _, role = whole.partition(".")
    assert values[ref(layer, role)] == pytest.approx(share + other)
    assert is_share(plan, ref("act", "delta"))


def test_where_the_source_goes_nowhere_else_nothing_is_called_a_share() -> None:
    executor = run(network_of(elsewhere=False))
    plan = executor.plan
    assert not is_share(plan, ref("act", "delta")) and not is_share(plan, ref("one", "delta"))
    assert not any("share" in sentence_of(plan, step) for step in plan.steps)


def test_a_trace_says_what_a_share_is_a_share_of() -> None:
    executor = run(network_of())
    again = Executor(executor.plan, executor.dataset)
    record = trace_record(again, trace_iteration(again)[0])
    shares = [entry["layer"] for entry in record["steps"] if entry.get("share_of") == "one.upstream"]
    assert sorted(shares) == ["act", "sum"]
