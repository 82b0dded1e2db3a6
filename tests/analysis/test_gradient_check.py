"""The gradient check: it passes right gradients of every kind, and finds and places every wrong one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.building import chain, inline, optimizer, with_training, xor
from tests.random_networks import PROBABILITIES
from tests.refs import ref
from tests.registry_cases import LayerCase, layer_cases, loss_data
from visualbp.analysis.gradient_check import (
    Cancelled,
    CheckError,
    CheckOptions,
    CheckResult,
    gradient_check,
    reverse_mode_gradient,
)
from visualbp.analysis.gradient_check_judgement import judge
from visualbp.analysis.gradient_check_measurement import quickly
from visualbp.analysis.gradient_check_passes import Pace, Passes, Point, point_at
from visualbp.analysis.gradient_check_stacked import Stacked, can_stack
from visualbp.analysis.gradient_check_units import ByUnits
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine import Executor, Plan, compile_plan
from visualbp.engine.store import initial_parameters
from visualbp.layers import LayerType, Lowering, Node, ParameterSpec, layer_types
from visualbp.network import Clip, Layer, Network, edits
from visualbp.network.network import make_layer
from visualbp.operations.activations.elementwise import Tanh
from visualbp.operations.affine import Affine
from visualbp.operations.base import IterationContext, Operation
from visualbp.operations.combination import Add
from visualbp.operations.losses import losses

METHODS = ("every", "sampled", "directional")


def network_3_6_5_3(activation: str = "tanh", loss: str = "softmax_cross_entropy", **fields: Any) -> Network:
    return chain(
        ("input", "input", {"shape": [3]}),
        ("first", "dense", {"units": 6, "activation": activation}),
        ("second", "dense", {"units": 5, "activation": activation, "bias_init": "uniform"}),
        ("output", "dense", {"units": 3}),
        ("loss", loss, {}),
        **fields,
    )


def with_branches(**fields: Any) -> Network:
    """Return a network with a skip, a gate, a side by side, dropout, and a layer on sequences: no chain at all."""
    network = Network(**fields)
    layers: list[tuple[str, str, dict[str, Any], list[str]]] = [
        ("input", "input", {"shape": [2, 4]}, []),
        ("each", "dense", {"units": 3, "activation": "gelu"}, ["input"]),
        ("flat", "flatten", {}, ["each"]),
        ("a", "dense", {"units": 6, "activation": "leaky_relu", "bias": False}, ["flat"]),
        ("skip", "add", {}, ["a", "flat"]),
        ("dropout", "dropout", {"rate": 0.3}, ["skip"]),
        ("b", "dense", {"units": 6, "activation": "softmax"}, ["dropout"]),
        ("gate", "multiply", {}, ["b", "skip"]),
        ("joined", "concatenate", {}, ["gate", "a", "flat"]),
        ("output", "dense", {"units": 2}, ["joined"]),
        ("loss", "softmax_cross_entropy", {}, ["output"]),
    ]
    for name, type_name, options, sources in layers:
        network = edits.add_layer(network, make_layer(name, type_name, options), (0.0, 0.0))
        for source in sources:
            network = edits.connect(network, source, name)
    return network


class Setting:
    """A network, random parameters (biases too) and a batch, ready to be checked."""

    def __init__(self, network: Network, batch: int = 7, seed: int = 0, scale: float = 0.7) -> None:
        generator = np.random.default_rng(seed)
        self.plan: Plan = compile_plan(network)
        self.context = IterationContext(seed=5, iteration=3)
        self.parameters: dict[Ref, Array] = {
            info.value: scale * generator.standard_normal(info.spec.shape) for info in self.plan.parameters
        }
        self.inputs = generator.standard_normal((batch, *self.plan.shapes[self.plan.input]))
        shape = (batch, *self.plan.shapes[self.plan.prediction])
        _, self.targets = loss_data(type(self.plan.loss_rule), shape, generator)

    def check(self, options: CheckOptions | None = None, **more: Any) -> CheckResult:
        arguments = self.plan, self.parameters, self.inputs, self.targets, self.context
        return gradient_check(*arguments, options, **more)

    @property
    def point(self) -> Point:
        return point_at(self.plan, self.parameters, self.inputs, self.targets, self.context)

    def gradient(self) -> dict[Ref, Array]:
        return {value: array.copy() for value, array in reverse_mode_gradient(self.point).items()}


# -- right gradients pass ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", [network_3_6_5_3(), network_3_6_5_3("relu"), with_branches()], ids=["a", "b", "c"])
def test_right_gradients_pass(network: Network, method: str) -> None:
    result = Setting(network).check(CheckOptions(method=method))
    assert result.passed and result.failures == ()
    assert result.max_relative_error < 1e-5
    assert result.parameters == sum(info.spec.shape[0] * (info.spec.shape[1:] or (1,))[0] for info in _plan(network))


def _plan(network: Network) -> tuple[Any, ...]:
    return compile_plan(network).parameters


def test_a_smooth_network_is_right_to_six_digits() -> None:
    result = Setting(network_3_6_5_3()).check()
    assert result.passed and result.max_relative_error < 1e-6 and result.kinks == 0
    assert result.checked == result.parameters == 77


@pytest.mark.parametrize("loss", losses.names())
def test_right_gradients_of_every_loss_pass(loss: str) -> None:
    before = PROBABILITIES.get(loss, "linear")
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("hidden", "dense", {"units": 4, "activation": "tanh"}),
        ("output", "dense", {"units": 3, "activation": before}),
        ("loss", loss, {}),
    )
    result = Setting(network).check()
    assert result.passed and result.checked == result.parameters


def around(case: LayerCase) -> Network:
    """Return a network with the layer in the middle: its inputs come from layers with parameters where they may."""
    network = edits.add_layer(Network(), make_layer("input", "input", {"shape": list(case.shapes[0])}), (0.0, 0.0))
    layer = Layer("layer", case.kind.type_name, dict(case.options))
    network = edits.add_layer(network, layer, (0.0, 0.0))
    for index, shape in enumerate(case.shapes):
        source = "input"
        if not case.kind.takes_samples:
            source = f"before {index}"
            dense = make_layer(source, "dense", {"units": shape[-1], "activation": "tanh"})
            network = edits.connect(edits.add_layer(network, dense, (0.0, 0.0)), "input", source)
        network = edits.connect(network, source, "layer")
    for source, name, type_name, options in (
        ("layer", "flat", "flatten", {}),
        ("flat", "output", "dense", {"units": 3}),
        ("output", "loss", "softmax_cross_entropy", {}),
    ):
        network = edits.add_layer(network, make_layer(name, type_name, options), (0.0, 0.0))
        network = edits.connect(network, source, name)
    return network


@pytest.mark.parametrize(
    "case",
    [case for case in layer_cases() if not case.kind.is_loss and case.kind.most_inputs != 0],
    ids=lambda case: case.text,
)
def test_right_gradients_through_every_layer_pass(case: LayerCase) -> None:
    setting = Setting(around(case), batch=4)
    if case.kind.takes_samples:
        generator = np.random.default_rng(0)
        setting.inputs = generator.integers(0, case.options["vocabulary"], setting.inputs.shape).astype(float)
    result = setting.check()
    assert result.passed and result.checked + result.unmeasurable == result.parameters
    assert result.unmeasurable < 0.2 * result.parameters


def test_penalties_belong_to_the_gradient_and_clipping_does_not() -> None:
    network = with_training(network_3_6_5_3(), l1=0.03, l2=0.2, clip=Clip("norm", 1e-3))
    setting = Setting(network)
    for method in METHODS:
        assert setting.check(CheckOptions(method=method)).passed
    plain = Setting(network_3_6_5_3())
    np.testing.assert_array_equal(plain.inputs, setting.inputs)
    without = plain.gradient()
    assert not setting.check(analytic=without).passed


def test_frozen_parameters_are_checked_too() -> None:
    network = edits.set_frozen(network_3_6_5_3(), "first", True)
    setting = Setting(network)
    result = setting.check()
    assert result.passed and set(result.layers["first"]) == {"weight", "bias"}
    wrong = setting.gradient()
    wrong[ref("first", "bias")] *= -1.0
    assert setting.check(analytic=wrong).failures == (("first", "bias"),)


def test_dropout_is_checked_with_the_masks_of_its_iteration() -> None:
    setting = Setting(with_branches())
    of_this_iteration = setting.gradient()
    assert setting.check(analytic=of_this_iteration).passed
    setting.context = replace(setting.context, iteration=4)
    assert not setting.check(analytic=of_this_iteration).passed


def test_a_float32_network_is_checked_in_float64_and_says_so() -> None:
    setting = Setting(network_3_6_5_3(precision="float32"))
    result = setting.check()
    assert result.passed and result.max_relative_error < 1e-6
    assert "float64, though the network runs in float32" in result.words
    coarse = {value: array.astype(np.float32) for value, array in setting.gradient().items()}
    assert setting.check(analytic=coarse).passed


def test_dead_units_have_errors_of_exactly_0() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 4, "activation": "relu"}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
    )
    setting = Setting(network)
    setting.parameters[ref("hidden", "bias")][...] = -10.0
    hidden = setting.check().layers["hidden"]
    assert not hidden["weight"].analytic.any() and not hidden["weight"].errors.any() and hidden["weight"].passed


def test_tiny_gradients_of_a_wide_network_pass_though_the_bare_rule_fails_them() -> None:
    network = chain(
        ("input", "input", {"shape": [300]}),
        ("hidden", "dense", {"units": 40, "activation": "tanh"}),
        ("output", "dense", {"units": 10}),
        ("loss", "softmax_cross_entropy", {}),
    )
    setting = Setting(network, batch=4, scale=0.05)
    point, gradient = setting.point, setting.gradient()
    weight = setting.plan.parameters[0]
    entries = np.arange(300 * 40)
    measured = quickly(Stacked(point, weight, Pace(None, None), {}), entries, 1e-5)
    analytic = gradient[weight.value].reshape(-1)
    bare = np.abs(analytic - measured.numeric) / np.maximum(np.abs(analytic), np.abs(measured.numeric))
    assert bare.max() > 1e-5
    assert setting.check().passed


def test_a_network_at_its_optimum_passes_where_all_is_round_off() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}), ("output", "dense", {"units": 1}), ("loss", "mean_squared_error", {})
    )
    setting = Setting(network)
    weight, bias = setting.parameters[ref("output", "weight")], setting.parameters[ref("output", "bias")]
    setting.targets = setting.inputs @ weight.T + bias
    setting.targets *= 1.0 + 1e-16 * np.random.default_rng(0).integers(-3, 4, setting.targets.shape)
    result = setting.check()
    assert result.loss < 1e-30 and result.passed


# -- wrong gradients fail, in their place --------------------------------------------------------------------------

BUGS: dict[str, Callable[[Array], Array]] = {
    "sign": lambda gradient: -gradient,
    "missing 1/N": lambda gradient: gradient * 7.0,
    "a thousandth too large": lambda gradient: gradient * 1.001,
    "transposed": lambda gradient: gradient.T.reshape(gradient.shape).copy() + 1e-3,
    "dropped": lambda gradient: gradient * 0.0,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.parametrize("value", [ref("second", "weight"), ref("first", "bias")], ids=lambda value: value.text)
def test_a_bug_in_one_tensor_lights_that_tensor_alone(value: Ref, bug: str, method: str) -> None:
    setting = Setting(network_3_6_5_3())
    wrong = setting.gradient()
    wrong[value] = BUGS[bug](wrong[value])
    result = setting.check(CheckOptions(method=method), analytic=wrong)
    assert not result.passed and result.failures == ((value.layer, value.name),)
    assert result.max_relative_error > 1e-4
    if method != "directional":
        assert result.worst is not None and (result.worst.layer, result.worst.parameter) == (value.layer, value.name)


@pytest.mark.parametrize("index", [(0, 0), (17, 23), (39, 59)])
def test_one_wrong_number_among_2400_is_found_and_named(index: tuple[int, int]) -> None:
    network = chain(
        ("input", "input", {"shape": [60]}),
        ("hidden", "dense", {"units": 40, "activation": "relu"}),
        ("output", "dense", {"units": 4}),
        ("loss", "softmax_cross_entropy", {}),
    )
    setting = Setting(network, scale=0.2)
    wrong = setting.gradient()
    wrong[ref("hidden", "weight")][index] += 1e-4
    result = setting.check(analytic=wrong)
    tensor = result.layers["hidden"]["weight"]
    assert result.worst is not None and result.worst.text == f"hidden.weight[{index[0]}, {index[1]}]"
    assert np.argwhere(tensor.errors > 1e-5).tolist() == [list(index)]
    directional = setting.check(CheckOptions(method="directional"), analytic=wrong)
    assert directional.failures == (("hidden", "weight"),)


def test_a_wrong_derivative_in_a_rule_is_found_before_the_layer_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def dropped(self: Tanh, emit: Any, z: Array, h: Array, result: Array) -> None:
        emit(result.fill, 1.0)

    setting = Setting(network_3_6_5_3())
    monkeypatch.setattr(Tanh, "derivative", dropped)
    result = setting.check()
    assert set(result.failures) == {(layer, name) for layer in ("first", "second") for name in ("weight", "bias")}
    assert result.layers["output"]["weight"].passed and result.layers["output"]["bias"].passed


def test_the_numbers_come_from_forward_rules_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting(with_branches())
    gradient = setting.gradient()

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a derivative rule was asked")

    for operation in {type(node.operation) for node in setting.plan.nodes}:
        for rule in ("vjp", "jvp", "derivative", "gradient"):
            if hasattr(operation, rule):
                monkeypatch.setattr(operation, rule, refused)
    monkeypatch.setattr("visualbp.analysis.gradient_check.check_operations", lambda *_: ({}, ()))
    for method in METHODS:
        assert setting.check(CheckOptions(method=method), analytic=gradient).passed


# -- kinks ---------------------------------------------------------------------------------------------------------


def one_relu(pre_activation: float, x: float = 1.0) -> Setting:
    """Return one ReLU unit on one sample, at a pre-activation near its corner."""
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("hidden", "dense", {"units": 1, "activation": "relu"}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
    )
    setting = Setting(network, batch=1)
    setting.inputs[...] = x
    setting.parameters[ref("hidden", "weight")][...] = 1.0
    setting.parameters[ref("hidden", "bias")][...] = pre_activation - x
    setting.parameters[ref("output", "weight")][...] = 2.0
    setting.parameters[ref("output", "bias")][...] = 0.0
    setting.targets[...] = 1.0
    return setting


@pytest.mark.parametrize("pre_activation", [3e-6, -3e-6, 1e-9, -1e-9, 0.0])
def test_a_corner_between_two_losses_is_a_kink_and_no_error(pre_activation: float) -> None:
    result = one_relu(pre_activation).check()
    hidden = result.layers["hidden"]
    assert result.passed and result.kinks == 2 and result.unmeasurable == 0
    assert hidden["weight"].kink_mask.all() and hidden["bias"].kink_mask.all()
    assert not result.layers["output"]["weight"].kink_mask.any()
    expected = 0.0 if pre_activation <= 0 else 2.0 * (2.0 * pre_activation - 1.0) * 2.0
    assert hidden["weight"].numeric.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert "2 at a kink" in result.words


def test_a_wrong_gradient_at_a_kink_fails_all_the_same() -> None:
    setting = one_relu(3e-6)
    wrong = setting.gradient()
    wrong[ref("hidden", "weight")] *= 1.01
    result = setting.check(analytic=wrong)
    assert result.failures == (("hidden", "weight"),) and result.kinks == 2


def test_kinks_are_exactly_the_weights_whose_step_crosses_a_corner() -> None:
    network = chain(
        ("input", "input", {"shape": [8]}),
        ("hidden", "dense", {"units": 12, "activation": "relu"}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
    )
    setting, epsilon = Setting(network, batch=64), 3e-3
    z = setting.inputs @ setting.parameters[ref("hidden", "weight")].T + setting.parameters[ref("hidden", "bias")]
    crosses = np.abs(z)[:, :, None] < epsilon * np.abs(setting.inputs)[:, None, :]
    result = setting.check(CheckOptions(epsilon=epsilon))
    found = result.layers["hidden"]["weight"]
    assert result.passed and found.kinks > 3
    np.testing.assert_array_equal(found.kink_mask, crosses.any(0))
    np.testing.assert_array_equal(result.layers["hidden"]["bias"].kink_mask, (np.abs(z) < epsilon).any(0))


def test_a_corner_exactly_at_theta_on_both_sides_is_left_out_and_counted() -> None:
    network = with_training(xor(), l1=0.1)
    setting = Setting(network, batch=4)
    weight = setting.parameters[ref("hidden", "weight")]
    weight[1, 0] = 0.0  # the slope of |w| is -1 on one side, 1 on the other, and the rule says 0
    result = setting.check()
    found = result.layers["hidden"]["weight"]
    assert result.passed and found.corners == 1 and result.checked == result.parameters - 1
    assert np.isnan(found.errors[1, 0]) and found.kink_mask[1, 0] and np.isfinite(found.errors).sum() == weight.size - 1
    assert "1 of these left out" in result.words


def test_an_absolute_error_of_0_is_at_a_kink() -> None:
    network = chain(
        ("input", "input", {"shape": [1]}), ("output", "dense", {"units": 1}), ("loss", "mean_absolute_error", {})
    )
    setting = Setting(network, batch=2)
    values = setting.point.values
    setting.targets = values[setting.plan.prediction].copy()
    result = setting.check()
    assert result.verdict == "undecided" and result.unmeasurable == 2
    assert [tensor.corners for tensor in result.layers["output"].values()] == [1, 1]


CORNERS = {
    "relu": 0.0,
    "leaky_relu": 0.0,
    "elu": 0.0,
    "selu": 0.0,
    "softplus": 20.0,
    "mean_absolute_error": 0.4,
    "huber": 1.4,
    "hinge": 1.0,
}
"""Where each piecewise rule changes its piece, for a target of 0.4 or, for hinge, of 1."""


@pytest.mark.parametrize(("rule", "corner"), CORNERS.items())
def test_every_piecewise_rule_tells_its_corner(rule: str, corner: float) -> None:
    is_loss = rule in losses
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("unit", "dense", {"units": 1, "activation": "linear" if is_loss else rule}),
        ("loss", rule if is_loss else "half_squared_error", {}),
    )
    setting = Setting(network, batch=1)
    setting.inputs[...], setting.targets[...] = 1.0, 1.0 if rule == "hinge" else 0.4
    setting.parameters[ref("unit", "weight")][...] = corner
    for distance, kinks in ((4e-6, 2), (-4e-6, 2), (3e-5, 0), (-3e-5, 0)):
        setting.parameters[ref("unit", "bias")][...] = distance
        result = setting.check()
        assert result.passed and result.kinks == kinks and result.unmeasurable == 0, distance


# -- how it is measured --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [network_3_6_5_3("relu"), with_branches()], ids=["chain", "branches"])
def test_stacked_passes_measure_what_single_forward_passes_measure(network: Network) -> None:
    setting = Setting(network, batch=3)
    point, pace = setting.point, Pace(None, None)
    steps = np.array([1e-2, -1e-2, 0.3])
    for info in setting.plan.parameters:
        assert can_stack(point, info)
        entries = np.arange(info.spec.shape[0] * (info.spec.shape[1:] or (1,))[0])[::-1]
        units = np.ones(len(entries))
        quick, kinks = Stacked(point, info, pace, {}).losses(entries, steps, units)
        single, kinks_of_single = Passes(point, info, pace).losses(entries, steps, units)
        np.testing.assert_allclose(quick, single, rtol=1e-13)
        np.testing.assert_array_equal(kinks, kinks_of_single)


def test_chunks_of_any_size_measure_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting(with_branches(), batch=3)
    whole = setting.check()
    monkeypatch.setattr("visualbp.analysis.gradient_check_stacked.BUDGET", 200)
    parts = setting.check()
    for layer, tensors in whole.layers.items():
        for name, tensor in tensors.items():
            np.testing.assert_allclose(parts.layers[layer][name].numeric, tensor.numeric, rtol=1e-7, atol=1e-10)
            assert parts.layers[layer][name].way == tensor.way == Stacked.way


@pytest.mark.parametrize("network", [network_3_6_5_3(), network_3_6_5_3("relu"), with_branches()], ids=["a", "b", "c"])
def test_large_networks_are_measured_by_pre_activations_to_the_same_numbers(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = Setting(with_training(network, l1=0.01, l2=0.1), batch=4)
    singly = setting.check()
    monkeypatch.setattr("visualbp.analysis.gradient_check.LARGEST_STACKED", 0.0)
    shares: list[float] = []
    together = setting.check(progress=shares.append)
    assert together.passed and together.checked == together.parameters and ByUnits.way in together.words
    for layer, tensors in singly.layers.items():
        for name, tensor in tensors.items():
            assert together.layers[layer][name].way == ByUnits.way
            np.testing.assert_allclose(together.layers[layer][name].numeric, tensor.numeric, rtol=1e-6, atol=1e-9)
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0, abs=0.05)
    for value in (ref(info.value.layer, info.value.name) for info in setting.plan.parameters):
        wrong = setting.gradient()
        wrong[value] = wrong[value] * 1.001
        assert setting.check(analytic=wrong).failures == ((value.layer, value.name),)


def test_pre_activations_at_a_kink_are_measured_on_their_own_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visualbp.analysis.gradient_check.LARGEST_STACKED", 0.0)
    for pre_activation in (3e-6, -3e-6, 0.0):
        result = one_relu(pre_activation).check()
        assert result.passed and result.kinks == 2 and result.unmeasurable == 0


class Centring(Operation):
    """x less its mean over the batch: each sample of the output depends on all samples."""

    name = "centring"

    def forward(self, emit: Any, inputs: Sequence[Array], output: Array) -> None:
        emit(lambda x, y: np.copyto(y, x - x.mean(0)), inputs[0], output)

    def vjp(
        self, emit: Any, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(lambda u, r: np.copyto(r, u - u.mean(0)), upstream, result)

    def samples_are_independent(self) -> bool:
        return False


class CentringLayer(LayerType):
    type_name = "centring"

    def lower(self, name: str, options: Any, inputs: Sequence[Ref], shapes: Any) -> Lowering:
        h = ref(name, "h")
        return Lowering((Node(name, Centring(), (inputs[0],), h),), h)


class TwiceLayer(LayerType):
    """The same weight and bias applied twice, and the sum of both: a parameter that several operations use."""

    type_name = "twice"

    def parameters(self, options: Any, inputs: Any) -> tuple[ParameterSpec, ...]:
        choice = make_layer("x", "dense", {"units": 1}).options["weight_init"]
        width = inputs[0][-1]
        return ParameterSpec("weight", (width, width), choice, True), ParameterSpec("bias", (width,), choice, False)

    def lower(self, name: str, options: Any, inputs: Sequence[Ref], shapes: Any) -> Lowering:
        weight, bias, h = ref(name, "weight"), ref(name, "bias"), ref(name, "h")
        z1, h1, z2 = ref(name, "z1"), ref(name, "h1"), ref(name, "z")
        return Lowering(
            (
                Node(name, Affine(), (inputs[0], weight, bias), z1),
                Node(name, Tanh(), (z1,), h1),
                Node(name, Affine(), (h1, weight, bias), z2),
                Node(name, Add(), (z1, z2), h),
            ),
            h,
        )


def test_coupled_samples_and_shared_parameters_are_measured_by_forward_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (CentringLayer(), TwiceLayer()):
        layer_types.names()
        monkeypatch.setitem(layer_types._entries, kind.type_name, kind)
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("first", "dense", {"units": 4}),
        ("centred", "centring", {}),
        ("shared", "twice", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
    )
    setting = Setting(network, batch=5)
    result = setting.check()
    assert result.passed and result.checked == result.parameters - 4
    ways = {layer: {tensor.way for tensor in tensors.values()} for layer, tensors in result.layers.items()}
    assert ways["first"] == ways["shared"] == {Passes.way} and ways["output"] == {Stacked.way}
    assert Passes.way in result.words and Stacked.way in result.words
    # A bias before centring has no effect: its gradient is 0 but for round-off, and nothing of it can be measured.
    bias = result.layers["first"]["bias"]
    assert np.abs(bias.analytic).max() < 1e-16 and bias.passed is None and bias.relative_error is None


@pytest.mark.parametrize("large", [False, True])
def test_an_affine_rule_that_is_not_affine_is_noticed_and_measured_without_assuming_it(
    large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cubed(self: Affine, emit: Any, inputs: Sequence[Array], output: Array) -> None:
        emit(lambda x, w, z: np.copyto(z, x @ (w**3).T), inputs[0], inputs[1], output)

    setting = Setting(network_3_6_5_3())
    monkeypatch.setattr(Affine, "forward", cubed)
    if large:
        monkeypatch.setattr("visualbp.analysis.gradient_check.LARGEST_STACKED", 0.0)
    result = setting.check()
    tensor = result.layers["output"]["weight"]
    assert tensor.way == Passes.way and not tensor.passed
    point, info = setting.point, setting.plan.parameters[-2]
    expected = quickly(Passes(point, info, Pace(None, None)), np.arange(15), 1e-5).numeric
    np.testing.assert_allclose(tensor.numeric.reshape(-1), expected, rtol=1e-6, atol=1e-10)


def test_sampled_looks_at_so_many_numbers_of_each_tensor_and_leaves_the_others_open() -> None:
    setting = Setting(network_3_6_5_3())
    result = setting.check(CheckOptions(method="sampled", samples=4))
    for tensors in result.layers.values():
        for tensor in tensors.values():
            assert tensor.checked == min(4, tensor.errors.size) == np.isfinite(tensor.errors).sum()
    again = setting.check(CheckOptions(method="sampled", samples=4))
    other = setting.check(CheckOptions(method="sampled", samples=4, seed=1))

    def looked_at(of: CheckResult) -> Array:
        return np.isfinite(of.layers["second"]["weight"].errors)

    np.testing.assert_array_equal(looked_at(result), looked_at(again))
    assert not np.array_equal(looked_at(result), looked_at(other))


def test_a_check_disturbs_nothing_and_answers_with_arrays_that_cannot_be_written() -> None:
    executor = Executor(compile_plan(with_training(xor(), optimizer=optimizer("adam"))), xor_data())
    for _ in range(5):
        executor.step()
    before = {value: array.tobytes() for value, array in executor.values.items()}
    parameters = executor.parameter_views()
    result = gradient_check(executor.plan, parameters, executor.inputs, executor.targets, executor.context)
    assert {value: array.tobytes() for value, array in executor.values.items()} == before
    assert executor.context == IterationContext(0, 0)
    for tensors in result.layers.values():
        for name, tensor in tensors.items():
            for array in (tensor.errors, tensor.kink_mask, tensor.analytic, tensor.numeric):
                assert array.shape == tensor.analytic.shape and not array.flags.writeable, name


def xor_data() -> Any:
    from visualbp.datasets import load_dataset

    return load_dataset(inline([[0, 0], [0, 1], [1, 0], [1, 1]], [[0.0], [1.0], [1.0], [0.0]]))


@pytest.mark.parametrize("method", METHODS)
def test_progress_grows_to_the_end(method: str) -> None:
    shares: list[float] = []
    Setting(network_3_6_5_3()).check(CheckOptions(method=method), progress=shares.append)
    assert shares == sorted(shares) and len(set(shares)) == len(shares) > 3
    assert shares[-1] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_cancelled_check_stops_where_it_is(after: int) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > after

    with pytest.raises(Cancelled):
        Setting(with_branches()).check(cancelled=cancelled)
    assert asked == after + 1


def test_a_check_hears_between_any_two_parameters_that_it_is_cancelled_while_its_work_is_planned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a thousand layers it takes a minute until the first difference is measured."""
    asked: list[int] = []
    until_measured: list[int] = []

    def operations(*_: object) -> None:
        until_measured.append(len(asked))
        raise Cancelled

    module = sys.modules["visualbp.analysis.gradient_check"]  # the package has a function of that name
    monkeypatch.setattr(module, "check_operations", operations)
    setting = Setting(with_branches())
    with pytest.raises(Cancelled):
        setting.check(cancelled=lambda: bool(asked.append(0)))
    assert until_measured[0] >= len(setting.plan.parameters)


def test_a_loss_that_is_not_finite_is_refused_in_words() -> None:
    setting = Setting(network_3_6_5_3(loss="mean_squared_error"))
    setting.parameters[ref("output", "bias")][...] = 1e300
    with pytest.raises(CheckError, match=r"the loss is inf, so there is no difference .* step on to the operation"):
        setting.check()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"method": "all"}, "every, sampled, directional, not 'all'"),
        ({"epsilon": 0.0}, "epsilon must be from 1e-10 to 0.1, not 0"),
        ({"epsilon": float("nan")}, "epsilon must be"),
        ({"tolerance": 2.0}, "tolerance must be from 1e-14 to 1, not 2"),
        ({"samples": 0}, "1 sample or more, not 0"),
    ],
)
def test_options_out_of_range_are_refused_by_name(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckError, match=words):
        CheckOptions(**wrong)


def test_a_network_without_parameters_passes_and_says_that_there_are_none() -> None:
    network = chain(("input", "input", {"shape": [2]}), ("loss", "mean_squared_error", {}))
    result = Setting(network).check()
    assert result.passed and result.parameters == 0 and result.worst is None
    assert result.words == "There is no parameter to check."


def test_right_gradients_pass_with_long_and_short_steps() -> None:
    setting = Setting(network_3_6_5_3("silu"))
    setting.parameters = dict(initial_parameters(setting.plan))
    for epsilon in (1e-3, 1e-4, 1e-6):
        assert setting.check(CheckOptions(epsilon=epsilon)).passed


def test_the_errors_that_are_shown_are_the_documents_whatever_is_excused() -> None:
    setting = Setting(network_3_6_5_3())
    info = setting.plan.parameters[0]
    found = quickly(Passes(setting.point, info, Pace(None, None)), np.arange(18), 1e-5)
    found.error[...] = 5e-5 * np.abs(found.numeric)
    wrong = found.numeric * (1.0 + 3e-5)
    judgement = judge(wrong, found, 1e-5)
    size = np.abs(wrong - found.numeric) / np.maximum(np.abs(wrong), np.abs(found.numeric))
    assert judgement.passed.all() and (size > 1e-5).all()
    np.testing.assert_array_equal(judgement.errors, size)
