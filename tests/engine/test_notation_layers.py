"""Notation of every layer type: symbols that differ, equations that can be set, sentences, shapes, and lines."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest

from tests.analysis.test_explain_layers import SCHEDULES
from tests.building import chain, with_training
from tests.random_networks import random_data, random_network
from tests.refs import ref
from tests.typeset_equations import covering, paths
from visualbp.core.arrays import shape_text
from visualbp.core.ref import Ref
from visualbp.engine import Executor, Phase, Step, compile_plan
from visualbp.engine.notation import Notation, pseudocode, pseudocode_line, step_equation, step_sentence, step_shapes
from visualbp.engine.plan import Plan
from visualbp.network import Network

NETWORKS = 40


def network_of(seed: int) -> Network:
    network = random_network(seed, with_dropout=True)
    return with_training(network, schedule=SCHEDULES[seed % len(SCHEDULES)])


def plan_of(*layers: tuple[str, str, dict[str, Any]], shape: list[int], units: int = 2) -> Plan:
    return compile_plan(
        chain(
            ("input", "input", {"shape": shape}),
            *layers,
            ("flat", "flatten", {}),
            ("output", "dense", {"units": units}),
            ("loss", "softmax_cross_entropy", {}),
        )
    )


def step_of(plan: Plan, layer: str, role: str, phase: Phase = Phase.BACKWARD, part: str = "") -> Step:
    return next(step for step in plan.steps if step.phase == phase and ref(layer, role, part) in step.writes)


def line_of(plan: Plan, step: Step) -> str:
    return pseudocode(plan)[pseudocode_line(plan, step)].strip()


@pytest.mark.parametrize("seed", range(NETWORKS))
def test_no_two_values_of_any_network_have_the_same_symbol_or_label(seed: int) -> None:
    plan = compile_plan(network_of(seed))
    notation = Notation(plan)
    used = {plan.resolve(value) for step in plan.steps for value in (*step.reads, *step.writes)}
    by_symbol: dict[str, set[Ref]] = defaultdict(set)
    for value in used:
        by_symbol[notation.symbol(value)].add(value)
    assert all(len(values) == 1 for values in by_symbol.values()), by_symbol


def test_every_equation_of_every_layer_can_be_set() -> None:
    equations = set()
    for seed in range(NETWORKS):
        plan = compile_plan(network_of(seed))
        equations |= {step_equation(plan, step) for step in plan.steps}
    assert len(equations) > 800
    for equation in covering(equations):
        assert paths(equation) >= 3, equation


@pytest.mark.parametrize("seed", range(0, NETWORKS, 2))
def test_the_shapes_of_every_step_are_those_of_the_arrays(seed: int) -> None:
    network = network_of(seed)
    executor = Executor(compile_plan(network), random_data(network, seed))
    for _ in executor.plan.steps:
        step = executor.step()
        if step.operation in ("clip", "schedule"):
            continue
        text = step_shapes(executor.plan, step, executor.batch_size)
        assert text.startswith(f"{shape_text(executor.values[step.writes[0]].shape)}  ")
        real = {shape_text(executor.values[executor.plan.resolve(v)].shape) for v in (*step.reads, *step.writes)}
        assert set(re.findall(r"\([\d, ]+\)", text)) <= real


def test_every_step_of_every_layer_has_a_sentence_of_its_own_in_plain_words() -> None:
    for seed in range(NETWORKS):
        plan = compile_plan(network_of(seed))
        for step in plan.steps:
            sentence = step_sentence(plan, step)
            names = sentence
            for layer in sorted(plan.layers, key=len, reverse=True):
                names = names.replace(layer, "")
            assert sentence.endswith(".") and "  " not in sentence and "_" not in names, sentence
            assert not re.search(r", by |from ,|\bNone\b|\[\d", names), f"a sentence for any operation: {sentence}"


@pytest.mark.parametrize(
    ("layers", "shape", "role", "words"),
    [
        (
            ("norm", "batch_norm", {}),
            [3],
            "h",
            "norm brings each unit of input's samples to mean 0 and deviation 1 over",
        ),
        (("norm", "batch_norm", {}), [2, 3, 3], "h", "norm brings each channel of"),
        (("norm", "layer_norm", {}), [4, 3], "h", "norm brings each position of"),
        (
            ("conv", "conv2d", {"filters": 2}),
            [1, 4, 4],
            "z",
            "conv slides its filters W over input's samples and adds b",
        ),
        (("pool", "max_pool2d", {}), [1, 4, 4], "h", "pool takes the largest number of each 2 x 2 window of"),
        (("pool", "avg_pool2d", {"kernel": 3}), [1, 4, 4], "h", "pool takes the mean of each 3 x 3 window of"),
        (("table", "embedding", {"vocabulary": 3, "units": 2}), [4], "h", "table looks up the row of W for each class"),
        (("state", "rnn", {"units": 2}), [4, 3], "x[2]", "state takes time step 2 out of input's samples."),
        (("state", "rnn", {"units": 2}), [4, 3], "z[2]", "state takes its input through W input, and the state it had"),
        (
            ("look", "self_attention", {}),
            [4, 3],
            "query",
            "look takes input's samples through W query and adds b query",
        ),
        (("look", "self_attention", {}), [4, 3], "scores", "look scores every pair of positions: query times key"),
        (
            ("look", "self_attention", {"causal": True}),
            [4, 3],
            "masked",
            "look closes the scores of all positions that",
        ),
        (("look", "self_attention", {}), [4, 3], "mix", "look mixes the values: each position gathers"),
    ],
)
def test_each_operation_is_said_in_its_own_words(
    layers: tuple[str, str, dict[str, Any]], shape: list[int], role: str, words: str
) -> None:
    plan = plan_of(layers, shape=shape)
    assert step_sentence(plan, step_of(plan, layers[0], role, Phase.FORWARD)).startswith(words)


def test_time_steps_have_error_signals_and_shared_weights_the_sum_over_time() -> None:
    plan = plan_of(("state", "rnn", {"units": 2}), shape=[4, 3])
    delta = step_of(plan, "state", "gradient/z[2]")
    assert Notation(plan).symbol(delta.writes[0]) == r"\boldsymbol{\delta}^{(1)}_{2}"
    assert delta.label == "δ[2] state"
    assert step_sentence(plan, delta) == (
        "The gradient of state's activations at time step 2 times the slope of Tanh at state's z at time step 2"
        " is the error signal of state at time step 2."
    )
    back = step_of(plan, "state", "gradient/h[1]")
    assert step_equation(plan, back) == (
        r"\frac{\partial \mathcal{L}}{\partial \mathbf{h}^{(1)}_{1}}"
        r" = \left(W^{(1)}_{\text{hidden}}\right)^{T} \boldsymbol{\delta}^{(1)}_{2}"
    )
    assert "goes back in time through W hidden to state's activations at time step 1" in step_sentence(plan, back)
    whole = step_of(plan, "state", "gradient/weight_hidden")
    assert step_sentence(plan, whole) == (
        "The gradient of state's W hidden is the sum of its parts from 4 time steps: backpropagation through time."
    )
    assert whole.label == "∂W_hidden state"
    part = step_of(plan, "state", "gradient/weight_hidden", part="z[3]")
    assert step_shapes(plan, part, 5) == "(2, 2)  =  (5, 2)^T (5, 2)"
    assert r"\leftarrow t = 3" in step_equation(plan, part)


def test_each_path_into_attention_is_named_after_the_projection_that_it_came_through() -> None:
    plan = plan_of(("first", "dense", {"units": 4}), ("look", "self_attention", {"heads": 2}), shape=[3, 2])
    writes = [value for step in plan.steps for value in step.writes]
    paths = {value.sender_text for value in writes if value.layer == "first" and value.sender}
    assert paths == {"look.query", "look.key", "look.value"}
    total = step_of(plan, "first", "delta")
    assert [r"\leftarrow (2) " + letter in step_equation(plan, total) for letter in "QKV"] == [True] * 3


@pytest.mark.parametrize(
    ("layers", "shape", "role", "phase", "line"),
    [
        (("conv", "conv2d", {"filters": 2}), [1, 4, 4], "z", Phase.FORWARD, "z[l] = W[l] @ h[l-1] + b[l]"),
        (("table", "embedding", {"vocabulary": 3, "units": 2}), [4], "h", Phase.FORWARD, "z[l] = W[l] @ h[l-1] + b[l]"),
        (("look", "self_attention", {}), [4, 3], "key", Phase.FORWARD, "z[l] = W[l] @ h[l-1] + b[l]"),
        (("look", "self_attention", {}), [4, 3], "attention", Phase.FORWARD, "h[l] = σ(z[l])"),
        (("norm", "batch_norm", {}), [3], "h", Phase.FORWARD, "h[l] = σ(z[l])"),
        (("state", "rnn", {"units": 2}), [4, 3], "z[1]", Phase.FORWARD, "z[l] = W[l] @ h[l-1] + b[l]"),
        (
            ("conv", "conv2d", {"filters": 2}),
            [1, 4, 4],
            "gradient/weight",
            Phase.BACKWARD,
            "∂L/∂W[l] = δ[l] @ h[l-1].T",
        ),
        (("norm", "batch_norm", {}), [3], "gradient/bias", Phase.BACKWARD, "∂L/∂b[l] = δ[l]"),
        (
            ("look", "self_attention", {}),
            [4, 3],
            "gradient/scores",
            Phase.BACKWARD,
            "δ[l] = (W[l+1].T @ δ[l+1]) * σ'(z[l])",
        ),
        (("look", "self_attention", {}), [4, 3], "gradient/bias_key", Phase.BACKWARD, "∂L/∂b[l] = δ[l]"),
        (("state", "rnn", {"units": 2}), [4, 3], "gradient/weight_input", Phase.BACKWARD, "∂L/∂W[l] = δ[l] @ h[l-1].T"),
    ],
)
def test_each_operation_is_on_the_line_of_the_algorithm_that_it_stands_for(
    layers: tuple[str, str, dict[str, Any]], shape: list[int], role: str, phase: Phase, line: str
) -> None:
    plan = plan_of(layers, shape=shape)
    assert line_of(plan, step_of(plan, layers[0], role, phase)) == line


def test_shapes_of_windows_lookups_and_heads_are_written_out() -> None:
    plan = plan_of(("conv", "conv2d", {"filters": 2, "kernel": 2}), ("pool", "max_pool2d", {}), shape=[1, 5, 5])
    assert step_shapes(plan, step_of(plan, "conv", "z", Phase.FORWARD), 3) == (
        "(3, 2, 4, 4)  =  (2, 1, 2, 2) over (3, 1, 5, 5) + (2)"
    )
    assert step_shapes(plan, step_of(plan, "pool", "h", Phase.FORWARD), 3) == "(3, 2, 2, 2)  =  windows of (3, 2, 4, 4)"
    assert step_shapes(plan, step_of(plan, "conv", "delta"), 3) == "(3, 2, 4, 4)  =  (3, 2, 2, 2) back over the windows"
    plan = plan_of(("table", "embedding", {"vocabulary": 6, "units": 4}), ("look", "self_attention", {}), shape=[5])
    assert step_shapes(plan, step_of(plan, "table", "h", Phase.FORWARD), 3) == "(3, 5, 4)  =  rows of (6, 4) at (3, 5)"
    assert step_shapes(plan, step_of(plan, "look", "scores", Phase.FORWARD), 3) == (
        "(3, 1, 5, 5)  =  (3, 5, 4) (3, 5, 4)^T"
    )
    assert step_shapes(plan, step_of(plan, "look", "gradient/key"), 3) == "(3, 5, 4)  =  (3, 1, 5, 5)^T (3, 5, 4)"
