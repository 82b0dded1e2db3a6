"""Numbers that are not finite are found at the operation that made them, and named."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training
from tests.refs import ref
from visualbp.core.arrays import Array
from visualbp.datasets import Dataset
from visualbp.engine import Executor, Phase, compile_plan
from visualbp.engine.executor import NonFinite
from visualbp.engine.plan import GRADIENT_NORM
from visualbp.network import Clip, Network, edits


def network_of(loss: str = "mean_squared_error", activation: str = "linear") -> Network:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 3, "activation": "relu", "weight_init": "constant"}),
        ("output", "dense", {"units": 2, "activation": activation, "weight_init": "constant"}),
        ("loss", loss, {}),
    )
    return with_training(network, optimizer=optimizer("sgd", learning_rate=0.1))


def run(
    network: Network, parameters: dict[tuple[str, str], Array], targets: Array | None = None, size: float = 1.0
) -> Executor:
    """Run one iteration with these parameters, on two samples of two numbers of this size, step by step."""
    for (layer, name), array in parameters.items():
        network = edits.set_parameter(network, layer, name, array)
    dataset = Dataset(np.full((2, 2), size), np.ones((2, 2)) if targets is None else targets)
    executor = Executor(compile_plan(network), dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        executor.step()
        while not executor.at_end:
            executor.step()
    return executor


def found(executor: Executor) -> NonFinite:
    assert executor.non_finite is not None
    return executor.non_finite


def test_a_product_that_overflows_is_found_in_the_layer_and_element_that_made_it() -> None:
    weight = np.zeros((3, 2))
    weight[1] = 1e308, 1e308
    trouble = found(run(network_of(), {("hidden", "weight"): weight}))
    assert (trouble.step.layer, trouble.step.operation, trouble.step.phase) == ("hidden", "affine", Phase.FORWARD)
    assert trouble.value == ref("hidden", "z") and trouble.index == (0, 1) and trouble.number == np.inf
    assert trouble.text == "hidden: affine (forward) gave inf in hidden.z[0, 1] at iteration 0"


def test_what_comes_after_is_not_blamed() -> None:
    weight = np.array([[1e308, 1e308], [-1e308, -1e308], [0.0, 0.0]])
    trouble = found(run(network_of(activation="softmax"), {("hidden", "weight"): weight}))
    assert trouble.step.layer == "hidden" and trouble.step.operation == "affine"


def test_the_logarithm_of_a_probability_of_0_is_found_at_the_loss() -> None:
    network = network_of("cross_entropy", "relu")
    targets = np.array([[1.0, 0.0], [0.0, 1.0]])
    trouble = found(run(network, {("output", "bias"): np.array([1.0, -5.0])}, targets))
    assert trouble.text == "loss: cross_entropy (forward) gave inf in loss.loss at iteration 0"


def test_an_overflow_on_the_way_back_is_found_there() -> None:
    weights = {("hidden", "weight"): np.full((3, 2), 1e-200), ("output", "weight"): np.full((2, 3), 1e200)}
    executor = run(network_of("mean_absolute_error"), weights, size=1e150)
    assert np.isfinite(executor.values[executor.plan.loss])
    assert found(executor).text == ("hidden: affine (backward) gave inf in hidden.gradient/weight[0, 0] at iteration 0")


def test_an_overflow_of_an_update_is_found_there() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("output", "dense", {"units": 2, "weight_init": "zeros"}),
        ("loss", "mean_absolute_error", {}),
    )
    network = with_training(network, optimizer=optimizer("sgd", learning_rate=1e6))
    trouble = found(run(network, {}, size=1e305))
    assert trouble.text == "output: update (update) gave inf in output.weight[0, 0] at iteration 0"


def test_large_numbers_whose_squares_overflow_are_no_trouble_and_have_norms() -> None:
    parameters = {("output", "bias"): np.array([3e200, -4e200])}
    executor = run(network_of("mean_absolute_error"), parameters)
    assert executor.non_finite is None
    assert executor.norms[ref("output", "bias")] == pytest.approx(5e200)
    assert executor.norms[ref("output", "z")] == pytest.approx(5e200 * 2**0.5)


def test_stepping_back_over_it_forgets_it_and_forward_finds_it_again() -> None:
    weight = np.zeros((3, 2))
    weight[1] = 1e308, 1e308
    executor = Executor(
        compile_plan(edits.set_parameter(network_of(), "hidden", "weight", weight)),
        Dataset(np.ones((2, 2)), np.ones((2, 2))),
    )
    executor.step()
    assert executor.non_finite is None
    executor.step()
    assert executor.non_finite is not None
    executor.step()
    executor.back()
    assert executor.non_finite is not None  # the step that made it is still done
    executor.back()
    assert executor.non_finite is None
    executor.step()
    assert found(executor).value == ref("hidden", "z")


def test_a_clipped_norm_that_was_nan_at_full_speed_is_forgotten_on_going_back() -> None:
    network = with_training(network_of(), clip=Clip("norm", 1.0))
    dataset = Dataset(np.ones((2, 2)), np.ones((2, 2)))
    executor, fresh = Executor(compile_plan(network), dataset), Executor(compile_plan(network), dataset)
    start = executor.store.save()
    executor.store.views[ref("output", "weight")].fill(np.nan)
    executor.run_fast()
    assert np.isnan(executor.store.flat_gradients).any()
    executor.restore(0, start)
    for one in (executor, fresh):
        one.step()
        while not one.at_end:
            one.step()
    assert executor.norms == fresh.norms and np.isfinite(executor.norms[GRADIENT_NORM])
    assert executor.store.save().tobytes() == fresh.store.save().tobytes()
