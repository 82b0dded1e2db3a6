"""What is said of the flow where numbers are hard to judge: all 0, vanished below the squares of the type, saturated,
and after training; each with a case that deserves its badge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.test_gradient_flow import deep, flows_of, kinds, ran
from tests.building import chain, inline, recorded, with_training, xor
from visualbp.analysis.standstill import has_learned, standstill
from visualbp.core.arrays import Array
from visualbp.core.norms import norm_of
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.engine import Executor, Plan, compile_plan
from visualbp.network import Network, edits

XOR = Dataset(np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]]))


def xor_run(network: Network, iterations: int = 0) -> Executor:
    return recorded(Executor(compile_plan(network), XOR), iterations)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e-30, 1e-22, 1e-8, 1.0, 1e18, 1e30, 1e200])
def test_a_norm_is_right_where_squares_overflow_or_vanish(size: float, precision: str) -> None:
    with np.errstate(all="ignore"):
        array = np.array([3.0 * size, -4.0 * size, 0.0]).astype(precision)
        expected = 5.0 * size if np.isfinite(array).all() and array.any() else float(np.abs(array).max())
        assert norm_of(array) == pytest.approx(expected, rel=1e-6)
    assert norm_of(np.zeros(3, precision)) == 0.0 and norm_of(np.zeros(0, precision)) == 0.0


def test_a_signal_too_small_for_its_square_vanishes_and_is_not_called_switched_off() -> None:
    network = deep("linear", {"type": "normal", "std": 1e-6}, 6)
    flows = flows_of(ran(replace(network, precision="float32")))
    signal = flows["hidden_1"].delta_norm
    assert signal is not None and 0.0 < signal < 1e-19  # its square is 0 in single precision
    (badge,) = flows["hidden_1"].badges
    assert badge.kind == "vanishing" and "switched off" not in badge.cause and "weights are small" in badge.cause


def flat_xor() -> Network:
    """Return a network that solves XOR with all hidden units on the flat ends of tanh: z of 5 and 15 in size."""
    return xor(
        hidden=2,
        parameters={
            "hidden": {"weight": np.full((2, 2), 10.0), "bias": np.array([-5.0, -15.0])},
            "output": {"weight": np.array([[10.0, -10.0]]), "bias": np.array([-10.0])},
        },
    )


def test_a_network_that_has_learned_has_no_badge_however_flat_and_small_all_is() -> None:
    for executor in (xor_run(flat_xor()), xor_run(with_training(xor(seed=1), batch_size=4), 5000)):
        flows = flows_of(executor)
        assert has_learned(executor.plan, executor.values)
        assert kinds(flows) == {"hidden": set(), "output": set()}
    assert flows_of(xor_run(flat_xor()))["hidden"].saturated_share == 1.0


def test_the_same_flat_units_are_saturated_where_the_targets_are_missed() -> None:
    missed = Dataset(XOR.inputs, 1.0 - XOR.targets)
    executor = recorded(Executor(compile_plan(flat_xor()), missed))
    assert not has_learned(executor.plan, executor.values)
    assert "saturated" in kinds(flows_of(executor))["hidden"]


def single(loss: str, prediction: float, target: float) -> Executor:
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("output", "dense", {"units": 1, "bias": False}),
        ("loss", loss, {}),
        data=inline([[1.0]], [[target]]),
        parameters={"output": {"weight": np.full((1, 1), prediction)}},
    )
    return recorded(Executor(compile_plan(network), Dataset(np.ones((1, 1)), np.full((1, 1), target))))


def test_gradients_that_are_all_0_are_said_to_be_so_with_the_reason_and_without_a_badge() -> None:
    done = single("mean_squared_error", 2.0, 2.0)
    assert standstill(done.plan, done.values).endswith("nothing left to learn from this batch")
    assert kinds(flows_of(done)) == {"output": set()}
    assert standstill(*of(single("mean_squared_error", 2.0, 2.5))) == ""


def of(executor: Executor) -> tuple[Plan, Mapping[Ref, Array]]:
    return executor.plan, executor.values


@pytest.mark.parametrize(
    ("activation", "bias", "words"),
    [
        ("relu", -10.0, "stops in hidden, where the slope of ReLU is exactly 0 for every sample"),
        ("tanh", 400.0, "stops in hidden, where the slope of Tanh is exactly 0 for every sample"),
    ],
)
def test_the_place_is_named_at_which_everything_stops(activation: str, bias: float, words: str) -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 3, "activation": activation, "bias_init": {"type": "constant", "value": bias}}),
        ("output", "dense", {"units": 1, "bias": False}),
        ("loss", "mean_squared_error", {}),
    )
    network = edits.set_frozen(network, "output", True)
    executor = ran(network, samples=8)
    assert words in standstill(executor.plan, executor.values)
    badges = {badge.kind: badge.cause for badge in flows_of(executor)["hidden"].badges}
    if activation == "relu":
        assert set(badges) == {"dead"}
    else:
        assert "Tanh has the slope 0 for every sample" in badges["vanishing"]
        assert "switched off" not in badges["vanishing"]


def test_weights_of_0_are_named_as_the_place_where_everything_stops() -> None:
    network = edits.set_options(xor(hidden=3), "output", {"weight_init": "zeros"})
    network = edits.set_frozen(network, "output", True)
    executor = xor_run(network)
    assert "stops in output, where output.weight is all 0" in standstill(executor.plan, executor.values)


def test_before_the_backward_pass_is_over_nothing_is_said() -> None:
    executor = Executor(compile_plan(deep("sigmoid", "zeros", 2)), Dataset(np.zeros((4, 2)), np.zeros(4, int)))
    for _ in range(5):
        executor.step()
    assert standstill(executor.plan, executor.values) == ""
