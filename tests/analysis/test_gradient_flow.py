"""Gradient flow: norms against NumPy's and against the rule of gradient descent; badges on networks made to deserve
them, and none on healthy ones."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from tests.building import chain, inline, optimizer, with_training, xor
from tests.refs import ref
from visualbp.analysis.gradient_flow import EXPLODING, VANISHING, LayerFlow, layer_flows
from visualbp.core.arrays import Array
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.network import Network, edits
from visualbp.network.network import make_layer


def ran(network: Network, steps: int | None = None, samples: int = 64, scale: float = 1.0) -> Executor:
    plan = compile_plan(network)
    generator = np.random.default_rng(5)
    targets: Array = generator.integers(
        0, plan.shapes[plan.prediction][-1] if "entropy" in plan.loss_rule.name else 1, samples
    )
    if plan.loss_rule.target_kind != "classes":
        targets = generator.uniform(size=(samples, *plan.shapes[plan.prediction]))
    inputs = scale * generator.normal(size=(samples, *plan.shapes[plan.input]))
    executor = Executor(plan, Dataset(inputs, targets))
    for _ in range(len(plan.steps) if steps is None else steps):
        executor.step()
    return executor


def flows_of(executor: Executor) -> dict[str, LayerFlow]:
    start = executor.store.views_of(executor.start)
    return layer_flows(executor.plan, executor.values, executor.norms, start)


def deep(activation: str, initializer: object, layers: int = 10) -> Network:
    hidden = [
        (f"hidden_{i}", "dense", {"units": 32, "activation": activation, "weight_init": initializer})
        for i in range(1, layers + 1)
    ]
    return chain(
        ("input", "input", {"shape": [2]}),
        *hidden,
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
        seed=3,
    )


def kinds(flows: dict[str, LayerFlow]) -> dict[str, set[str]]:
    return {name: {badge.kind for badge in flow.badges} for name, flow in flows.items()}


def test_norms_are_those_of_numpy_with_and_without_the_known_ones() -> None:
    executor = ran(deep("tanh", "glorot_uniform", 2))
    flows = flows_of(executor)
    assert list(flows) == ["hidden_1", "hidden_2", "output"]
    for name, flow in flows.items():
        values = executor.values
        for norm, role in (
            (flow.delta_norm, "delta"),
            (flow.weight_gradient_norm, "gradient/weight"),
            (flow.bias_gradient_norm, "gradient/bias"),
            (flow.weight_norm, "weight"),
        ):
            assert norm == pytest.approx(np.linalg.norm(values[ref(name, role)]))
    assert flows["hidden_1"].upstream_norm == pytest.approx(
        np.linalg.norm(executor.values[ref("hidden_1", "upstream")])
    )
    recomputed = layer_flows(executor.plan, executor.values)
    assert recomputed["output"].delta_norm == pytest.approx(flows["output"].delta_norm)


def test_the_update_ratio_of_gradient_descent_is_the_rate_times_the_gradient_over_the_weights() -> None:
    executor = ran(with_training(deep("tanh", "glorot_uniform", 2), optimizer=optimizer(learning_rate=0.03)))
    start = executor.store.views_of(executor.start)
    for name, flow in flows_of(executor).items():
        expected = 0.03 * np.linalg.norm(executor.values[ref(name, "gradient/weight")])
        assert flow.update_ratio == pytest.approx(expected / np.linalg.norm(start[ref(name, "weight")]))


def test_what_is_not_computed_yet_is_none_and_not_zero() -> None:
    network = deep("tanh", "glorot_uniform", 2)
    executor = ran(network, 3)
    flow = flows_of(executor)["hidden_2"]
    assert (flow.delta_norm, flow.weight_gradient_norm, flow.update_ratio, flow.badges) == (None, None, None, ())
    updates = [step.index for step in executor.plan.steps if step.operation == "update"]
    executor = ran(network, updates[1])  # the first weight is updated, the others are not
    ratios = {name: flow.update_ratio for name, flow in flows_of(executor).items()}
    assert ratios["hidden_1"] is not None and ratios["output"] is None


def test_a_layer_without_parameters_has_its_upstream_alone() -> None:
    network = deep("linear", "glorot_uniform", 1)
    network = edits.insert_on_connection(
        network, make_layer("act", "activation", {"function": "relu"}), ("hidden_1", "output"), (0.0, 0.0)
    )
    executor = ran(network)
    flow = flows_of(executor)["act"]
    assert flow.upstream_norm == pytest.approx(np.linalg.norm(executor.values[ref("act", "upstream")]))
    assert flow.delta_norm == pytest.approx(np.linalg.norm(executor.values[ref("hidden_1", "delta")]))
    assert (flow.weight_gradient_norm, flow.bias_gradient_norm, flow.update_ratio) == (None, None, None)
    assert flow.dead_share is not None


def test_ten_sigmoid_layers_vanish_because_of_the_slope() -> None:
    flows = flows_of(ran(deep("sigmoid", "glorot_uniform")))
    assert kinds(flows)["hidden_1"] == {"vanishing"} and kinds(flows)["hidden_10"] == set()
    (badge,) = flows["hidden_1"].badges
    assert "times that of output" in badge.cause and "mean slope of Sigmoid" in badge.cause
    norms = [flow.delta_norm for flow in flows.values()]
    assert norms[0] is not None and norms[-1] is not None and norms[0] / norms[-1] < VANISHING


def test_ten_relu_layers_with_tiny_weights_vanish_because_of_the_weights() -> None:
    flows = flows_of(ran(deep("linear", {"type": "normal", "std": 0.02})))
    assert kinds(flows)["hidden_1"] == {"vanishing"}
    assert "the weights are small" in flows["hidden_1"].badges[0].cause


def test_ten_layers_with_large_weights_explode() -> None:
    flows = flows_of(ran(deep("linear", {"type": "orthogonal", "gain": 2.0})))
    assert "exploding" in kinds(flows)["hidden_1"] and kinds(flows)["hidden_10"] == set()
    norms = [flow.delta_norm or 0.0 for flow in flows.values()]
    assert norms[0] / norms[-1] > EXPLODING
    for earlier, later in pairwise(norms[:-1]):
        assert earlier == pytest.approx(2.0 * later)  # an orthogonal matrix times 2 doubles every vector
    factor = (norms[0] / norms[-1]) ** (1.0 / 10.0)
    assert (
        f"multiplies it by {factor:.2g} on average, so the weights are too large" in flows["hidden_1"].badges[0].cause
    )


@pytest.mark.parametrize(("activation", "initializer"), [("tanh", "glorot_uniform"), ("relu", "he_normal")])
def test_healthy_deep_networks_have_no_badges(activation: str, initializer: str) -> None:
    assert all(not found for found in kinds(flows_of(ran(deep(activation, initializer)))).values())


def relu_with(bias: float, samples: int = 64) -> dict[str, LayerFlow]:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 16, "activation": "relu", "bias_init": {"type": "constant", "value": bias}}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
    )
    return flows_of(ran(network, samples=samples))


def test_units_that_are_off_for_every_sample_are_dead_and_that_is_the_only_badge() -> None:
    flow = relu_with(-10.0)["hidden"]
    assert flow.dead_share == 1.0 and flow.delta_norm == 0.0
    assert [badge.kind for badge in flow.badges] == ["dead"]
    assert relu_with(0.0)["hidden"].badges == ()


def test_a_batch_of_three_samples_is_too_small_to_call_a_unit_dead() -> None:
    assert relu_with(-10.0, 3)["hidden"].dead_share is None
    assert relu_with(-10.0, 4)["hidden"].dead_share == 1.0


@pytest.mark.parametrize(("activation", "edge"), [("sigmoid", 6.0), ("tanh", 3.0)])
def test_the_saturated_share_counts_outputs_on_the_flat_ends(activation: str, edge: float) -> None:
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("hidden", "dense", {"units": 1, "activation": activation}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        parameters={"hidden": {"weight": np.ones((1, 1)), "bias": np.zeros(1)}},
    )
    z = np.array([-2.0, -1.02, -0.98, 0.0, 0.5, 0.98, 1.02, 2.0, 3.0, 4.0]) * edge
    executor = Executor(compile_plan(network), Dataset(z.reshape(-1, 1), np.zeros((10, 1))))
    for _ in executor.plan.steps:
        executor.step()
    flow = flows_of(executor)["hidden"]
    assert flow.saturated_share == pytest.approx(6 / 10)
    assert "saturated" in {badge.kind for badge in flow.badges}


@pytest.mark.parametrize(
    ("loss", "target", "expected"),
    [("mean_squared_error", 1.0, 1.0), ("mean_squared_error", 0.0, 0.0), ("binary_cross_entropy", 1.0, 0.0)],
)
def test_an_output_is_saturated_only_where_that_keeps_it_from_learning(
    loss: str, target: float, expected: float
) -> None:
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("output", "dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", loss, {}),
        data=inline([[1.0]], [[target]]),
        parameters={"output": {"weight": np.full((1, 1), -10.0), "bias": np.zeros(1)}},
    )
    executor = Executor(compile_plan(network), Dataset(np.ones((1, 1)), np.full((1, 1), target)))
    for _ in executor.plan.steps:
        executor.step()
    assert flows_of(executor)["output"].saturated_share == expected


def test_weights_that_are_all_zero_are_named_as_what_stops_the_gradient() -> None:
    network = xor(hidden=3)
    network = edits.set_options(network, "output", {"weight_init": "zeros"})
    flows = flows_of(ran(network))
    (badge,) = flows["hidden"].badges
    assert badge.kind == "vanishing" and "the weights of output are all 0" in badge.cause


def test_a_value_that_is_not_finite_is_told_at_the_layer_where_it_came_about_alone() -> None:
    network = deep("linear", "glorot_uniform", 4)
    wrong = edits.set_parameter(network, "hidden_3", "weight", np.full((32, 32), np.nan))
    flows = flows_of(ran(wrong))
    assert math.isnan(flows["hidden_1"].delta_norm or 0.0) and math.isnan(flows["output"].delta_norm or 0.0)
    assert {name for name, badges in kinds(flows).items() if badges} == {"hidden_3"}
    (badge,) = flows["hidden_3"].badges
    assert badge.kind == "not finite" and "hidden_3.weight was not before this iteration" in badge.cause


def test_a_sum_that_overflows_and_an_error_signal_that_does_are_told_apart() -> None:
    network = deep("linear", "glorot_uniform", 4)
    forward = edits.set_parameter(network, "hidden_2", "weight", np.full((32, 32), 1e308))
    (badge,) = flows_of(ran(forward))["hidden_2"].badges
    assert badge.kind == "not finite" and "hidden_2.z" in badge.cause and "too large for float64" in badge.cause
    backward = forward
    for name in ("hidden_1", "hidden_2", "hidden_3"):  # inputs of 0: only the way back grows
        backward = edits.set_parameter(backward, name, "weight", np.full(network_shape(name), 1e200))
    found = kinds(flows_of(ran(backward, scale=0.0)))
    assert found["hidden_1"] == {"exploding"} and "not finite" not in set().union(*found.values())


def network_shape(name: str) -> tuple[int, int]:
    return (32, 2) if name == "hidden_1" else (32, 32)


def test_a_nan_among_the_samples_is_told_at_the_first_layer() -> None:
    flows = flows_of(ran(deep("tanh", "glorot_uniform", 3), scale=math.nan))
    assert {name: found for name, found in kinds(flows).items() if found} == {"hidden_1": {"not finite"}}
    assert "came in" in flows["hidden_1"].badges[0].cause


def test_residual_connections_take_the_vanishing_badges_away() -> None:
    network = deep("sigmoid", "glorot_uniform")
    before = "hidden_1"
    for i in range(2, 11):
        target = f"hidden_{i + 1}" if i < 10 else "output"
        name = f"add_{i}"
        network = edits.insert_on_connection(network, make_layer(name, "add"), (f"hidden_{i}", target), (0.0, 0.0))
        network = edits.connect(network, before, name)
        before = name
    found = kinds(flows_of(ran(network)))
    assert set(found) == {*(f"hidden_{i}" for i in range(1, 11)), *(f"add_{i}" for i in range(2, 11)), "output"}
    assert not any("vanishing" in badges for badges in found.values())
