"""What a person must see in each sample, through the real engine. The numbers are those that lessons promise, each
measured over many seeds with plain NumPy, or published."""

import math
from itertools import pairwise

import numpy as np
import pytest

from tests.refs import ref
from visualbp.datasets import load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.evaluate import accuracy
from visualbp.files import find_model, load_network

LN2 = math.log(2.0)


def executor_of(name: str) -> Executor:
    network = load_network(find_model(name))
    assert network.data is not None
    return Executor(compile_plan(network), load_dataset(network.data))


def trained(name: str, iterations: int) -> tuple[Executor, list[float]]:
    """The executor after some iterations at full speed, with what the last one left, and the loss of each."""
    executor = executor_of(name)
    with np.errstate(all="ignore"):
        losses = [executor.run_fast() for _ in range(iterations)]
        executor.publish()
    return executor, losses


def share_right(executor: Executor, held_out: bool = False) -> float:
    samples = executor.held_out if held_out else (executor.inputs, executor.targets)
    assert samples is not None
    share = accuracy(executor.plan, executor.parameter_views(), *samples)
    assert share is not None
    return share


def first_over_last(executor: Executor, role: str) -> float:
    """The norm in the first hidden layer over that in the last."""
    return executor.norms[ref("hidden_1", role)] / executor.norms[ref("hidden_10", role)]


def test_xor_is_solved_with_a_hidden_layer() -> None:
    executor, losses = trained("xor", 2000)
    assert losses[0] > 0.5
    assert losses[-1] < 0.01
    assert share_right(executor) == 1.0


def test_xor_without_a_hidden_layer_stays_at_the_loss_of_a_coin_toss() -> None:
    executor, losses = trained("xor_linear", 2000)
    assert losses[-1] == pytest.approx(LN2, abs=1e-6)
    assert executor.norms[ref("output", "gradient/weight")] < 1e-6


def test_the_gradients_of_ten_sigmoid_layers_vanish_and_the_loss_stays() -> None:
    executor, _ = trained("vanishing", 1)
    assert first_over_last(executor, "gradient/weight") < 1e-5
    assert first_over_last(executor, "delta") < 1e-4
    norms = [executor.norms[ref(f"hidden_{index}", "delta")] for index in range(1, 11)]
    assert all(earlier < later / 2 for earlier, later in pairwise(norms))
    _, losses = trained("vanishing", 300)
    assert losses[-1] == pytest.approx(LN2, abs=1e-3)


@pytest.mark.parametrize("name", ["vanishing_tanh", "vanishing_relu"])
def test_tanh_and_relu_keep_the_size_of_the_gradients_and_learn(name: str) -> None:
    executor, _ = trained(name, 1)
    assert 0.4 < first_over_last(executor, "gradient/weight") < 2.5
    assert 0.4 < first_over_last(executor, "delta") < 2.5
    _, losses = trained(name, 500)
    assert losses[-1] < 0.01


def test_the_three_vanishing_samples_differ_in_activation_and_initialiser_alone() -> None:
    networks = [load_network(find_model(name)) for name in ("vanishing", "vanishing_tanh", "vanishing_relu")]
    assert len({(n.seed, n.connections, n.training.batch_size, n.data.source) for n in networks if n.data}) == 1
    for layers in zip(*(network.layers for network in networks), strict=True):
        assert len({(layer.name, layer.type, layer.options.get("units")) for layer in layers}) == 1


def test_twice_he_makes_delta_explode_while_the_weight_gradients_hide_it() -> None:
    executor, losses = trained("exploding", 1)
    assert first_over_last(executor, "delta") > 150
    assert 0.3 < first_over_last(executor, "gradient/weight") < 2.0
    assert losses[0] > 100 * LN2
    _, losses = trained("exploding", 20)
    assert not losses[-1] < 10 * LN2  # wild, or not a number at all


def test_with_all_zero_weights_every_weight_gradient_is_exactly_zero_for_ever() -> None:
    executor, losses = trained("symmetry_zero", 500)
    for layer in ("hidden", "output"):
        assert not executor.values[ref(layer, "gradient/weight")].any()
        assert not executor.values[ref(layer, "weight")].any()
    assert losses[0] == losses[-1] == pytest.approx(LN2, abs=1e-12)


def test_units_that_start_alike_stay_clones_and_the_loss_stops_at_0_481() -> None:
    executor, losses = trained("symmetry_constant", 2000)
    weight = executor.values[ref("hidden", "weight")]
    singular = np.linalg.svd(weight, compute_uv=False)
    assert singular[0] > 1.0
    assert singular[1] < 1e-12 * singular[0]
    assert losses[-1] == pytest.approx(0.481, abs=0.002)


def test_every_relu_is_dead_and_the_hidden_gradient_is_exactly_zero() -> None:
    executor, losses = trained("dying_relu", 200)
    assert (executor.values[ref("hidden", "z")] < -5.0).all()
    assert not executor.values[ref("hidden", "h")].any()
    assert not executor.values[ref("hidden", "gradient/weight")].any()
    assert not executor.values[ref("hidden", "gradient/bias")].any()
    assert losses[-1] == pytest.approx(LN2, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "delta"), [("saturation_squared_error", -4.54e-5), ("saturation_cross_entropy", -0.99995)]
)
def test_a_saturated_unit_is_pushed_by_cross_entropy_and_not_by_squared_error(name: str, delta: float) -> None:
    executor = executor_of(name)
    while ref("output", "delta") not in executor.values:
        executor.step()
    assert executor.values[ref("output", "z")].item() == -10.0
    assert executor.values[ref("output", "delta")].item() == pytest.approx(delta, rel=1e-3)


def test_a_thousand_iterations_hardly_move_the_squared_error_and_fifty_cure_the_cross_entropy() -> None:
    slow, _ = trained("saturation_squared_error", 1000)
    fast, _ = trained("saturation_cross_entropy", 50)
    assert slow.values[ref("output", "h")].item() < 1e-4
    assert fast.values[ref("output", "h")].item() > 0.95


def test_spirals_are_learnt_to_the_last_point_and_a_line_gets_65_of_100() -> None:
    executor, losses = trained("spirals", 3000)
    assert share_right(executor) == 1.0
    assert losses[-1] < 0.005
    linear, _ = trained("spirals_linear", 3000)
    assert share_right(linear) == pytest.approx(0.65, abs=0.03)


def test_the_spirals_are_right_after_the_thousand_iterations_that_the_description_promises() -> None:
    executor, _ = trained("spirals", 1000)
    assert share_right(executor) == 1.0


def test_digits_that_were_never_seen_are_read_right() -> None:
    executor, losses = trained("digits", 1000)
    assert losses[0] == pytest.approx(math.log(10.0), abs=0.7)
    assert len(executor.dataset) == 1437 and executor.dataset.held_out is not None
    assert len(executor.dataset.held_out) == 360
    assert share_right(executor, held_out=True) > 0.96


def test_the_worked_example_reproduces_the_published_numbers() -> None:
    """Matt Mazur, "A Step by Step Backpropagation Example"."""
    executor = executor_of("worked_example")
    while not executor.at_end:
        executor.step()
    values = executor.values

    def close(layer: str, role: str, published: object, within: float = 1e-8) -> None:
        np.testing.assert_allclose(values[ref(layer, role)], published, rtol=0, atol=within)

    assert values[ref("hidden", "z")][0, 0] == pytest.approx(0.3775, abs=1e-12)
    close("hidden", "h", [[0.593269992, 0.596884378]], 1e-9)
    close("output", "h", [[0.75136507, 0.772928465]])
    assert values[executor.plan.loss] == pytest.approx(0.298371109, abs=1e-9)
    assert values[ref("output", "delta")][0, 0] == pytest.approx(0.138498562, abs=1e-9)
    assert values[ref("output", "gradient/weight")][0, 0] == pytest.approx(0.082167041, abs=1e-9)
    assert values[ref("hidden", "gradient/weight")][0, 0] == pytest.approx(0.000438568, abs=1e-9)
    close("output", "weight", [[0.35891648, 0.408666186], [0.511301270, 0.561370121]])
    close("hidden", "weight", [[0.149780716, 0.19956143], [0.24975114, 0.29950229]])
    close("hidden", "bias", [0.35, 0.35], 0.0)
    close("output", "bias", [0.60, 0.60], 0.0)
    assert executor.run_fast() == pytest.approx(0.29102777369, abs=1e-10)


def test_the_worked_example_ends_where_ten_thousand_honest_updates_lead() -> None:
    executor, _ = trained("worked_example", 10_001)
    np.testing.assert_allclose(executor.values[ref("output", "h")], [[0.0159136204, 0.9840642735]], atol=1e-9)
    assert executor.values[executor.plan.loss] == pytest.approx(3.51018778e-05, rel=1e-7)
