"""Gradient flow through recurrent layers and images: error signals of all time steps, and badges that name time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.building import chain
from tests.refs import ref
from visualbp.analysis.gradient_flow import EXPLODING, VANISHING, LayerFlow, error_signals, layer_flows
from visualbp.core.arrays import Array
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.network import Network

STEPS = 30


def ran(network: Network, inputs: Array, steps: int | None = None) -> Executor:
    plan = compile_plan(network)
    targets = np.random.default_rng(1).integers(0, plan.shapes[plan.prediction][-1], len(inputs))
    executor = Executor(plan, Dataset(inputs, targets))
    for _ in range(len(plan.steps) if steps is None else steps):
        executor.step()
    return executor


def flows_of(executor: Executor) -> dict[str, LayerFlow]:
    return layer_flows(executor.plan, executor.values, executor.norms, executor.store.views_of(executor.start))


def recurrent(gain: float, activation: str = "linear", sequence: bool = False, **options: Any) -> Network:
    """A recurrence whose state weights are orthogonal, times `gain`: each step back multiplies the signal by it."""
    state = {"units": 8, "activation": activation, "return_sequence": sequence, **options}
    state.setdefault("weight_hidden_init", {"type": "orthogonal", "gain": gain})
    return chain(
        ("input", "input", {"shape": [STEPS, 3]}),
        ("state", "rnn", state),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
        seed=3,
    )


def sequences(samples: int = 8) -> Array:
    return np.random.default_rng(0).normal(size=(samples, STEPS, 3))


def image_network(bias: float, samples: int = 8, lengths: tuple[int, ...] = (5, 5)) -> tuple[Network, Array]:
    """Return a convolution of images, or of sequences where there is only one length."""
    network = chain(
        ("input", "input", {"shape": [1, *lengths]}),
        (
            "conv",
            f"conv{len(lengths)}d",
            {"filters": 3, "activation": "relu", "bias_init": {"type": "constant", "value": bias}},
        ),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
    )
    return network, np.random.default_rng(0).normal(size=(samples, 1, *lengths))


@pytest.mark.parametrize("activation", ["tanh", "linear"])
def test_the_error_signal_of_a_recurrent_layer_is_that_of_all_its_time_steps(activation: str) -> None:
    executor = ran(recurrent(1.0, activation), sequences())
    deltas = error_signals(executor.plan)
    assert len(deltas["state"]) == STEPS and deltas["output"] == (ref("output", "delta"),)
    assert deltas["flat"] == ()
    squares = [float(np.square(executor.values[delta]).sum()) for delta in deltas["state"]]
    assert flows_of(executor)["state"].delta_norm == pytest.approx(np.sqrt(sum(squares)))


@pytest.mark.parametrize("gain", [0.5, 0.9, 1.1, 1.5])
def test_the_signal_of_the_first_time_step_is_the_gain_to_the_power_of_the_steps(gain: float) -> None:
    flow = flows_of(ran(recurrent(gain), sequences()))["state"]
    assert flow.through_time == pytest.approx(gain ** (STEPS - 1), rel=1e-9)


def test_a_recurrence_that_shrinks_or_grows_is_told_and_one_that_keeps_its_size_is_not() -> None:
    vanishing = flows_of(ran(recurrent(0.5), sequences()))["state"]
    assert vanishing.through_time is not None and vanishing.through_time < VANISHING
    (badge,) = vanishing.badges
    assert badge.kind == "vanishing" and "each step back multiplies it by 0.5 on average" in badge.cause
    assert "weights of the state are small" in badge.cause
    exploding = flows_of(ran(recurrent(1.5), sequences()))["state"]
    assert exploding.through_time is not None and exploding.through_time > EXPLODING
    assert "through time" in exploding.badges[0].cause and "clip the gradients" in exploding.badges[0].cause
    assert flows_of(ran(recurrent(1.0), sequences()))["state"].badges == ()


def test_a_flat_activation_is_named_as_what_makes_the_signal_vanish_in_time() -> None:
    flow = flows_of(ran(recurrent(1.0, "sigmoid"), sequences()))["state"]
    assert any("mean slope of Sigmoid is only 0.2" in badge.cause for badge in flow.badges)


def test_time_is_not_named_before_all_steps_are_back_or_where_each_step_has_a_signal_of_its_own() -> None:
    network = recurrent(0.5)
    plan = compile_plan(network)
    last = next(step.index for step in plan.steps if ref("state", f"gradient/z[{STEPS - 1}]") in step.writes)
    early = flows_of(ran(network, sequences(), last + 2))["state"]
    assert (early.delta_norm, early.through_time, early.badges) == (None, None, ())
    sequence = flows_of(ran(recurrent(0.5, sequence=True), sequences()))["state"]
    assert sequence.through_time is not None and sequence.through_time > VANISHING


def test_a_state_that_saturates_in_most_time_steps_is_told() -> None:
    network = recurrent(1.0, "tanh", weight_input_init={"type": "normal", "std": 30.0})
    flow = flows_of(ran(network, sequences()))["state"]
    assert flow.saturated_share is not None and flow.saturated_share > 0.8
    assert "saturated" in {badge.kind for badge in flow.badges}


@pytest.mark.parametrize("lengths", [(5, 5), (7,)])
def test_the_channels_of_an_image_are_what_dies_and_not_its_columns(lengths: tuple[int, ...]) -> None:
    flow = flows_of(ran(*image_network(-50.0, lengths=lengths)))["conv"]
    (badge,) = (badge for badge in flow.badges if badge.kind == "dead")
    assert flow.dead_share == 1.0 and "all of its channels are off at every place of every sample" in badge.cause
    executor = ran(*image_network(0.0, lengths=lengths))
    h = executor.values[ref("conv", "h")]
    flow = flows_of(executor)["conv"]
    assert flow.dead_share == pytest.approx(np.mean([not h[:, channel].any() for channel in range(3)]))


@pytest.mark.parametrize("lengths", [(5, 5), (7,)])
def test_of_too_few_images_no_channel_is_called_dead_however_many_places_they_have(lengths: tuple[int, ...]) -> None:
    assert flows_of(ran(*image_network(-50.0, samples=3, lengths=lengths)))["conv"].dead_share is None


def test_norms_pooling_embedding_and_attention_have_an_upstream_and_no_badge() -> None:
    network = chain(
        ("input", "input", {"shape": [4]}),
        ("table", "embedding", {"vocabulary": 3, "units": 4}),
        ("look", "self_attention", {}),
        ("norm", "layer_norm", {}),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
    )
    letters = np.random.default_rng(0).integers(0, 3, (8, 4)).astype(float)
    for name, flow in flows_of(ran(network, letters)).items():
        assert flow.badges == () and flow.through_time is None
        if name in ("table", "look", "norm"):
            assert flow.upstream_norm is not None and flow.delta_norm is None and flow.weight_gradient_norm is not None


# -- gates -----------------------------------------------------------------------------------------------------------


def gated(kind: str, bias: float, sequence: bool = False) -> Network:
    """A gated layer whose forget or update gate has this bias: it keeps what there is, or lets go of it."""
    units, gates = 8, 4 if kind == "lstm" else 3
    biases = np.zeros(gates * units)
    biases[units : 2 * units] = bias
    return chain(
        ("input", "input", {"shape": [24, 3]}),
        ("state", kind, {"units": units, "return_sequence": sequence}),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
        seed=3,
        parameters={"state": {"bias" if kind == "lstm" else "bias_input": biases}},
    )


def flow_of_gated(kind: str, bias: float, sequence: bool = False) -> LayerFlow:
    return flows_of(ran(gated(kind, bias, sequence), np.random.default_rng(0).normal(size=(8, 24, 3))))["state"]


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize(("bias", "sequence"), [(2.0, False), (0.0, True), (2.0, True)])
def test_healthy_gates_have_no_badge(kind: str, bias: float, sequence: bool) -> None:
    executor = ran(gated(kind, bias, sequence), np.random.default_rng(0).normal(size=(8, 24, 3)))
    flow = flows_of(executor)["state"]
    first, last = (np.linalg.norm(executor.values[ref("state", f"gradient/z[{t}]")]) for t in (0, 23))
    assert flow.through_time == pytest.approx(first / last, rel=1e-12) and flow.through_time > VANISHING
    assert flow.badges == ()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_gate_that_keeps_little_is_named_and_not_the_slope_of_one_of_them(kind: str) -> None:
    flow = flow_of_gated(kind, -3.0)
    (badge,) = [badge for badge in flow.badges if "through time" in badge.cause]
    assert badge.kind == "vanishing" and "its forget or update gate keeps little" in badge.cause
    assert not any("slope" in badge.cause or "orthogonal" in badge.cause for badge in flow.badges)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_an_open_gate_is_saturated_and_no_fault(kind: str) -> None:
    flow = flow_of_gated(kind, 9.0)
    assert flow.saturated_share is None and "saturated" not in {badge.kind for badge in flow.badges}
