"""Three answers: right networks of every hard kind never fail, wrong rules are named, what was not measured is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.benchmarks.verdicts import Counts, judge_right, judge_wrong
from tests.building import chain, inline, optimizer, with_training
from tests.checked_networks import KINDS
from visualbp.analysis.gradient_check import CheckOptions, CheckResult, gradient_check
from visualbp.analysis.gradient_check_differences import ladder, ladder_differences
from visualbp.analysis.gradient_check_words import operation_words
from visualbp.core.arrays import Array
from visualbp.datasets import load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.files import find_model, load_network
from visualbp.network import Clip, Network, edits
from visualbp.network.bugs import PlantedBug
from visualbp.operations.activations.elementwise import Relu, Sigmoid
from visualbp.operations.affine import Affine
from visualbp.operations.losses.differences import MeanSquaredError


def checked(network: Network, iterations: int = 0, options: CheckOptions | None = None) -> CheckResult:
    assert network.data is not None
    executor = Executor(compile_plan(network), load_dataset(network.data))
    for _ in range(iterations):
        executor.run_fast()
    batch = executor.batch_indices(0)
    views, context = executor.parameter_views(), executor.context
    return gradient_check(executor.plan, views, executor.inputs[batch], executor.targets[batch], context, options)


def sample(name: str) -> Network:
    return load_network(find_model(name))


def one_unit(weight: float, x: float, y: float, activation: Any, loss: str) -> Network:
    return chain(
        ("in", "input", {"shape": [1]}),
        ("d", "dense", {"units": 1, "activation": activation}),
        ("loss", loss, {}),
        data=inline([[x]], [[y]]),
        parameters={"d": {"weight": np.array([[weight]]), "bias": np.zeros(1)}},
    )


# -- a small part of the sweep -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(len(KINDS)), ids=[kind.__name__ for kind in KINDS])
def test_right_networks_do_not_fail_and_planted_bugs_are_named(place: int) -> None:
    counts, generator = Counts(), np.random.default_rng(place)
    for number in range(2):
        seed = place + len(KINDS) * (100 + number)
        case = KINDS[place](seed)
        right = judge_right(case, str(seed), counts)
        planted = case.with_bug(generator)
        if right is not None and planted is not None:
            judge_wrong(*planted, case, right, str(seed), counts)
    assert counts.false_failures == [] and counts.passed_as_measured == [] and counts.missed == []
    assert counts.right + counts.refused == 2


# -- what was missed ---------------------------------------------------------------------------------------------------


def test_a_wrong_sign_below_twelve_tanh_layers_is_found_at_its_rule() -> None:
    custom = {"type": "custom", "expression": "tanh(x)", "derivative": "0 - (1 - tanh(x)**2)"}
    layers: list[tuple[str, str, dict[str, Any]]] = [("in", "input", {"shape": [1]})]
    layers += [(f"h{n}", "dense", {"units": 1, "activation": "tanh" if n else custom}) for n in range(12)]
    weights = {f"h{n}": {"weight": np.full((1, 1), 0.12), "bias": np.zeros(1)} for n in range(12)}
    network = chain(*layers, ("loss", "half_squared_error", {}), data=inline([[1.0]], [[1.0]]), parameters=weights)
    result = checked(network)
    (rule,) = result.wrong_operations
    assert (rule.layer, rule.operation, rule.operand, rule.kind) == ("h0", "custom", "z", "sign")
    assert result.layers["h0"]["weight"].passed is not True
    assert "wrong sign" in operation_words(rule)


@pytest.mark.parametrize("operand", ["weight_input", "h", "weight_hidden"])
def test_a_wrong_sign_near_the_input_of_a_shrinking_recurrence_is_found(operand: str) -> None:
    network = sample("recurrence_shrinking")
    from visualbp.engine.bugs import possible_bugs

    bugs = [bug for bug in possible_bugs(compile_plan(network)) if bug.kind == "sign" and bug.operand == operand]
    first = "[0]" if operand == "weight_input" else "[1]"  # later steps have no input, the first one no state
    early = [bug for bug in bugs if bug.output.endswith(first)]
    result = checked(edits.plant_bug(network, early[0]), options=CheckOptions(method="directional"))
    (rule,) = result.wrong_operations
    assert (rule.layer, rule.output, rule.operand, rule.kind) == (early[0].layer, early[0].output, operand, "sign")


def test_the_sign_of_the_loss_is_found_where_all_gradients_vanish() -> None:
    network = sample("recurrence_shrinking")
    loss = network.layers[-1].name
    bug = PlantedBug("sign", loss, "loss", "prediction")
    result = checked(edits.plant_bug(network, bug), options=CheckOptions(method="sampled", samples=6))
    assert [(rule.layer, rule.kind) for rule in result.wrong_operations] == [(loss, "sign")]
    for tensors in result.layers.values():
        for name, tensor in tensors.items():
            assert tensor.passed is not True or not tensor.analytic.any(), name


def test_a_thousandth_too_much_in_a_vanishing_gradient_is_told_with_its_true_error() -> None:
    network = edits.plant_bug(sample("vanishing"), PlantedBug("scaled", "hidden_2", "z", "weight"))
    result = checked(network, options=CheckOptions(method="sampled", samples=4))
    (rule,) = result.wrong_operations
    assert (rule.layer, rule.operand, rule.kind) == ("hidden_2", "weight", "scale")
    assert rule.factor == pytest.approx(1.001, abs=1e-5)
    assert result.failures == (("hidden_2", "weight"),)
    assert result.layers["hidden_2"]["weight"].relative_error == pytest.approx(0.001 / 1.001, rel=0.2)


def test_gradients_of_exactly_0_at_a_loss_of_100_are_not_passed() -> None:
    result = checked(one_unit(400.0, 1.0, 0.0, "sigmoid", "binary_cross_entropy"))
    assert result.loss == 100.0
    assert result.verdict == "undecided" and result.checked == 0 and result.unmeasurable == 2
    assert result.max_relative_error is None


# -- what was a false alarm --------------------------------------------------------------------------------------------


def test_xor_after_ten_thousand_iterations_of_adam_is_right() -> None:
    network = with_training(sample("xor"), optimizer=optimizer("adam", learning_rate=0.1))
    result = checked(network, 10_000)
    assert result.verdict != "failed" and all(rule.passed is not False for rule in result.operations)


@pytest.mark.parametrize(
    ("activation", "loss", "y"),
    [
        ("sigmoid", "binary_cross_entropy", 0.0),
        ("linear", "binary_cross_entropy_with_logits", 1.0),
        ("sigmoid", "mean_squared_error", 0.0),
        ("tanh", "mean_squared_error", 0.0),
    ],
)
@pytest.mark.parametrize("z", [10.0, 20.0, 25.0, 30.0, 36.0, 40.0, -20.0, -40.0])
def test_saturated_outputs_do_not_fail(z: float, activation: str, loss: str, y: float) -> None:
    assert checked(one_unit(z, 1.0, y, activation, loss)).verdict != "failed"


def test_exactly_on_a_custom_kink_any_subgradient_is_a_kink() -> None:
    network = one_unit(1.0, 0.0, 1.0, {"type": "custom", "expression": "abs(x)"}, "half_squared_error")
    result = checked(network)
    bias = result.layers["d"]["bias"]
    assert result.verdict != "failed" and bias.kinks == 1 and bias.corners == 1 and bias.passed is None
    assert "any slope between those of both sides is right" in result.words
    for slope, verdicts in (("0.5", (None,)), ("-1", (None, True)), ("1", (None, True)), ("3", (False,))):
        custom = {"type": "custom", "expression": "abs(x)", "derivative": slope}
        result = checked(one_unit(1.0, 0.0, 1.0, custom, "half_squared_error"))
        assert result.layers["d"]["bias"].passed in verdicts, slope


def test_a_relu_with_the_slope_1_at_0_is_a_kink_too() -> None:
    custom = {"type": "custom", "expression": "max(x, 0)", "derivative": "where(x >= 0, 1, 0)"}
    result = checked(one_unit(1.0, 0.0, 1.0, custom, "half_squared_error"))
    assert result.verdict != "failed" and result.wrong_operations == ()


def test_directions_of_weight_norm_far_below_epsilon_are_measured_by_steps_of_their_size() -> None:
    generator = np.random.default_rng(0)
    network = chain(
        ("in", "input", {"shape": [3]}),
        ("a", "dense", {"units": 4, "weight_norm": True, "weight_init": {"type": "normal", "std": 1e-4}}),
        ("loss", "mean_squared_error", {}),
        data=inline(generator.standard_normal((6, 3)), generator.standard_normal((6, 4))),
    )
    result = checked(network)
    assert result.passed and result.layers["a"]["weight_direction"].checked == 12


def test_a_constant_unscaled_feature_is_measured_by_shorter_steps() -> None:
    generator = np.random.default_rng(1)
    inputs = generator.standard_normal((8, 3))
    inputs[:, 0] = 1e3
    network = chain(
        ("in", "input", {"shape": [3]}),
        ("h", "dense", {"units": 4, "activation": "tanh", "weight_init": {"type": "normal", "std": 1e-3}}),
        ("out", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        data=inline(inputs, generator.standard_normal((8, 1))),
    )
    assert checked(network).passed


def test_a_loss_of_exactly_0_is_undecided_and_not_wrong() -> None:
    result = checked(one_unit(2.0, 1.5, 3.0, "linear", "mean_squared_error"))
    assert result.loss == 0.0 and result.verdict == "undecided" and result.wrong_operations == ()


# -- rules by themselves -----------------------------------------------------------------------------------------------


def test_wrong_rules_of_the_engine_are_named_at_ordinary_zero_and_saturated_operands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_h(self: Sigmoid, emit: Any, z: Array, h: Array, result: Array) -> None:
        emit(np.subtract, emit.constant(1.0), h, result)

    monkeypatch.setattr(Sigmoid, "derivative", without_h)
    for weight in (0.5, 0.0, 30.0, -30.0, 1e8):
        result = checked(one_unit(weight, 1.0, 0.0, "sigmoid", "mean_squared_error"))
        assert [(rule.operation, rule.operand) for rule in result.wrong_operations] == [("sigmoid", "z")], weight


def test_a_missing_1_over_n_of_the_loss_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgotten(self: MeanSquaredError, emit: Any, prediction: Array, target: Array, result: Array) -> None:
        emit(np.subtract, prediction, target, result)
        emit(np.multiply, result, emit.constant(2.0 / prediction.shape[1]), result)

    monkeypatch.setattr(MeanSquaredError, "gradient", forgotten)
    generator = np.random.default_rng(0)
    network = chain(
        ("in", "input", {"shape": [2]}),
        ("d", "dense", {"units": 3}),
        ("loss", "mean_squared_error", {}),
        data=inline(generator.standard_normal((5, 2)), generator.standard_normal((5, 3))),
    )
    (rule,) = checked(with_training(network, batch_size=5)).wrong_operations
    assert (rule.layer, rule.operand, rule.kind) == ("loss", "prediction", "missing_mean")


def test_a_matrix_used_the_wrong_way_round_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Affine.vjp

    def transposed(
        self: Affine, emit: Any, operand: int, upstream: Array, inputs: Any, output: Array, result: Array
    ) -> None:
        if self.operand_name(operand) == "x":
            emit(np.dot, upstream, inputs[1].T, result)
        else:
            right(self, emit, operand, upstream, inputs, output, result)

    monkeypatch.setattr(Affine, "vjp", transposed)
    generator = np.random.default_rng(0)
    network = chain(
        ("in", "input", {"shape": [3]}),
        ("a", "dense", {"units": 3, "activation": "tanh"}),
        ("b", "dense", {"units": 3, "activation": "tanh"}),
        ("loss", "mean_squared_error", {}),
        data=inline(generator.standard_normal((5, 3)), generator.standard_normal((5, 3))),
    )
    (rule,) = checked(network).wrong_operations
    assert (rule.layer, rule.output, rule.operand, rule.kind) == ("b", "z", "x", "transposed_weight")


def test_a_penalty_and_a_clipping_that_are_wrong_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from visualbp.engine import binding

    network = with_training(sample("xor"), l2=0.1, l1=0.01, clip=Clip("norm", 1e-3))
    assert checked(network).passed

    def halved(emit: Any, l1: float, l2: float, weight: Array, gradient: Array) -> None:
        emit(np.add, gradient, 0.5 * l2 * weight, gradient)

    def unclipped(emit: Any, by: str, limit: float, gradients: Array, norm: Array) -> None:
        emit(np.multiply, gradients, 0.5, gradients)

    with monkeypatch.context() as context:
        context.setattr(binding, "emit_penalty_gradient", halved)
        assert {rule.operation for rule in checked(network).wrong_operations} == {"penalty"}
    with monkeypatch.context() as context:
        context.setattr(binding, "emit_clip", unclipped)
        assert {rule.operation for rule in checked(network).wrong_operations} == {"clip"}


def test_a_wrong_relu_is_found_where_all_units_are_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked(sample("dying_relu")).verdict == "passed"

    def opposite(self: Relu, emit: Any, z: Array, h: Array, result: Array) -> None:
        emit(np.sign, h, result)
        emit(np.negative, result, result)

    monkeypatch.setattr(Relu, "derivative", opposite)
    assert {rule.operation for rule in checked(sample("dying_relu")).wrong_operations} == {"relu"}


# -- the measuring error -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1.0, 1e3])
def test_the_best_of_many_steps_is_as_good_as_it_says(scale: float) -> None:
    """The oracle is the derivative of the sine, whose waves are from 1e-8 to 1e3 long."""
    x = np.linspace(-1.0, 1.0, 41) * scale
    units = np.full(41, scale)
    found = ladder_differences(
        lambda steps: (np.sin((x + steps[:, None] * units) / scale), np.zeros((len(steps), 41), bool)),
        np.sin(x / scale),
        ladder(),
    ).scaled(units)
    error = np.abs(found.numeric - np.cos(x / scale) / scale)
    assert (error <= 4.0 * found.error).all() and (found.error < 1e-8 / scale).all()


def test_coarse_values_are_seen_as_noise() -> None:
    """1 - p beside 1: at p = 1 - 1e-11 it is right to five digits, and the logarithm of it moves in steps."""
    z = np.array([25.3, 26.1])

    def values(steps: Array) -> tuple[Array, Array]:
        p = 1.0 / (1.0 + np.exp(-(z + steps[:, None])))
        return np.log1p(-p), np.zeros(p.shape, bool)

    found = ladder_differences(values, np.log1p(-1.0 / (1.0 + np.exp(-z))), ladder())
    sure = np.isfinite(found.sure)
    assert (np.abs(found.sure + 1.0) <= 12.0 * found.sure_error)[sure].all()
    assert (np.abs(found.numeric + 1.0) <= 4.0 * found.error).all()
