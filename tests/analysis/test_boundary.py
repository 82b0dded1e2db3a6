"""The decision boundary: against lines known in advance, and without a trace in the state."""

from __future__ import annotations

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training, xor
from tests.refs import ref
from visualbp.analysis import boundary as module
from visualbp.analysis.boundary import NOT_A_CLASS, boundary, has_boundary, is_near, region_of
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset, load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.plan import Plan
from visualbp.engine.store import initial_parameters
from visualbp.network import Network

X_RANGE, Y_RANGE = (-2.0, 3.0), (-1.0, 4.0)


def line(loss: str, activation: str, units: int = 1, **fields: object) -> Network:
    """A network whose answer turns where 2 x - y + 0.5 = 0."""
    weight = np.array([[2.0, -1.0]]) if units == 1 else np.array([[0.0, 0.0], [2.0, -1.0]])
    bias = np.array([0.5]) if units == 1 else np.array([0.0, 0.5])
    return chain(
        ("input", "input", {"shape": [2]}),
        ("output", "dense", {"units": units, "activation": activation}),
        ("loss", loss, {}),
        parameters={"output": {"weight": weight, "bias": bias}},
        **fields,
    )


def plan_and_parameters(network: Network) -> tuple[Plan, dict[Ref, Array]]:
    plan = compile_plan(network)
    return plan, initial_parameters(plan)


def margin(x: Array, y: Array) -> Array:
    across, up = np.meshgrid(x, y)
    return 2.0 * across - up + 0.5


@pytest.mark.parametrize(
    ("loss", "activation", "units"),
    [
        ("binary_cross_entropy", "sigmoid", 1),
        ("binary_cross_entropy_with_logits", "linear", 1),
        ("softmax_cross_entropy", "linear", 2),
        ("cross_entropy", "softmax", 2),
        ("kl_divergence", "softmax", 2),
        ("mean_squared_error", "sigmoid", 1),
    ],
)
def test_a_logistic_answer_is_the_logistic_function_of_the_distance_from_its_line(
    loss: str, activation: str, units: int
) -> None:
    found = boundary(*plan_and_parameters(line(loss, activation, units)), X_RANGE, Y_RANGE, 41)
    m = margin(found.x, found.y)
    probability = 1.0 / (1.0 + np.exp(-m))
    np.testing.assert_allclose(found.score, probability, atol=1e-12)
    clear = np.abs(m) > 1e-9
    np.testing.assert_array_equal(found.classes[clear], (m > 0)[clear].astype(int))
    np.testing.assert_allclose(found.confidence, np.maximum(probability, 1.0 - probability), atol=1e-12)


@pytest.mark.parametrize(("loss", "activation"), [("hinge", "linear"), ("mean_squared_error", "tanh")])
def test_answers_of_minus_one_and_one_turn_at_zero(loss: str, activation: str) -> None:
    found = boundary(*plan_and_parameters(line(loss, activation)), X_RANGE, Y_RANGE, 30)
    m = margin(found.x, found.y)
    np.testing.assert_array_equal(found.classes[m != 0], (m > 0)[m != 0].astype(int))
    assert found.probabilities.min() >= 0.0 and found.probabilities.max() <= 1.0


def test_rows_are_y_and_columns_are_x() -> None:
    found = boundary(*plan_and_parameters(line("binary_cross_entropy", "sigmoid")), X_RANGE, Y_RANGE, 20)
    assert (found.x[0], found.x[-1], found.y[0], found.y[-1]) == (*X_RANGE, *Y_RANGE)
    assert found.classes[0, -1] == 1 and found.classes[-1, 0] == 0


def test_a_grid_evaluated_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, parameters = plan_and_parameters(xor(seed=4))
    whole = boundary(plan, parameters, X_RANGE, Y_RANGE, 33)
    monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 100)
    parts = boundary(plan, parameters, X_RANGE, Y_RANGE, 33)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-14)


def test_the_state_that_is_debugged_is_not_touched() -> None:
    def trained(look: bool) -> Executor:
        executor = Executor(compile_plan(network), dataset)
        for _ in range(len(executor.plan.steps) + 5):
            executor.step()
            if look:
                boundary(executor.plan, executor.parameter_views(), X_RANGE, Y_RANGE, 10)
        return executor

    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 8, "activation": "relu"}),
        ("drop", "dropout", {"rate": 0.5}),
        ("output", "dense", {"units": 3}),
        ("loss", "softmax_cross_entropy", {}),
    )
    generator = np.random.default_rng(0)
    dataset = Dataset(generator.normal(size=(9, 2)), generator.integers(0, 3, 9))
    alone, looked_at = trained(False), trained(True)
    assert alone.values.keys() == looked_at.values.keys()
    for value, array in alone.values.items():
        assert array.tobytes() == looked_at.values[value].tobytes()


def test_dropout_is_off() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("drop", "dropout", {"rate": 0.9}),
        ("output", "dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "binary_cross_entropy", {}),
        parameters={"output": {"weight": np.array([[2.0, -1.0]]), "bias": np.array([0.5])}},
    )
    found = boundary(*plan_and_parameters(network), X_RANGE, Y_RANGE, 15)
    np.testing.assert_allclose(found.score, 1.0 / (1.0 + np.exp(-margin(found.x, found.y))), atol=1e-12)


def test_a_trained_xor_network_bends_its_boundary_around_the_four_points() -> None:
    network = with_training(xor(seed=1), optimizer=optimizer(learning_rate=0.5))
    assert network.data is not None
    executor = Executor(compile_plan(network), load_dataset(network.data))
    for _ in range(3000):
        executor.run_fast()
    found = boundary(executor.plan, executor.parameter_views(), (0.0, 1.0), (0.0, 1.0), 11)
    corners = found.classes[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.tolist() == [0, 1, 1, 0]


def test_an_answer_that_is_not_finite_has_no_class() -> None:
    network = line("binary_cross_entropy", "sigmoid")
    plan, parameters = plan_and_parameters(network)
    parameters[ref("output", "bias")] = np.array([np.nan])
    found = boundary(plan, parameters, X_RANGE, Y_RANGE, 5)
    assert (found.classes == NOT_A_CLASS).all() and np.isnan(found.confidence).all()
    network = line("mean_squared_error", "linear")
    plan, parameters = plan_and_parameters(network)
    parameters[ref("output", "bias")] = np.array([np.inf])
    assert (boundary(plan, parameters, X_RANGE, Y_RANGE, 5).classes == NOT_A_CLASS).all()


def test_a_network_without_two_inputs_and_a_silly_resolution_are_refused() -> None:
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
    )
    plan, parameters = plan_and_parameters(network)
    assert not has_boundary(plan)
    with pytest.raises(ValueError, match=r"needs 2 inputs and a row of outputs; this network has \(3\) and \(1\)"):
        boundary(plan, parameters, X_RANGE, Y_RANGE)
    plan, parameters = plan_and_parameters(xor())
    assert has_boundary(plan)
    with pytest.raises(ValueError, match="resolution must be from 2 to 1024, not 100000"):
        boundary(plan, parameters, X_RANGE, Y_RANGE, 100_000)


def test_the_region_holds_all_samples_with_a_margin_and_has_an_extent_even_for_one() -> None:
    (left, right), (low, high) = region_of(np.array([[0.0, 5.0], [2.0, 5.0], [np.nan, np.inf]]), margin=0.1)
    assert (left, right) == pytest.approx((-0.2, 2.2))
    assert low < 5.0 < high
    assert region_of(np.zeros((0, 2))) == region_of(np.array([[-1.0, -1.0], [1.0, 1.0]]))


def test_samples_too_far_away_to_be_drawn_are_left_out_of_the_region() -> None:
    samples = np.array([[0.0, 1e308], [-1e308, 1.0], [1.0, 2.0], [0.0, 3.0], [np.nan, 0.0]])
    assert is_near(samples).tolist() == [False, False, True, True, False]
    for low, high in region_of(samples):
        assert np.isfinite(high - low) and high - low < 10
