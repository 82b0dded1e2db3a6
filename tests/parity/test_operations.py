"""Every operation, activation, loss, optimiser, clip and penalty against PyTorch, to 1e-10 in float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the oracle of these tests is PyTorch: install the parity extra")

import torch

from tests.parity.reference import ACTIVATIONS, LOSSES
from tests.registry_cases import layer_cases, loss_data, node_cases, some_options
from visualbp.core.arrays import Array
from visualbp.core.options import parse_options
from visualbp.engine.binding import emit_clip
from visualbp.initializers import initializers
from visualbp.initializers.base import fans
from visualbp.operations.activations import activations
from visualbp.operations.activations.kinds import Activation
from visualbp.operations.base import Emitter, IterationContext, Operation, evaluate
from visualbp.operations.dropout import Dropout
from visualbp.operations.losses import Loss, losses
from visualbp.optimizers.base import Optimizer, UpdateState, optimizers

TOLERANCE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}

SWEEP = np.concatenate([np.linspace(-25.0, 25.0, 1001), [0.0, -0.0, 1e-12, -1e-12, 1e-300, 60.0, -60.0, 800.0, -800.0]])


def assert_equals_pytorch(
    operation: Operation, function: Any, inputs: Sequence[Array], differentiable: Sequence[int]
) -> None:
    """Compare the forward rule, and every reverse-mode rule, with a function of tensors."""
    tensors = [torch.tensor(array, requires_grad=index in differentiable) for index, array in enumerate(inputs)]
    expected = function(*tensors)
    evaluation = evaluate(operation, inputs)
    np.testing.assert_allclose(evaluation.output, expected.detach().numpy(), **TOLERANCE)
    upstream = np.random.default_rng(3).standard_normal(expected.shape) if expected.ndim else np.ones(())
    expected.backward(torch.tensor(upstream))
    for index in differentiable:
        gradient = tensors[index].grad
        assert gradient is not None
        np.testing.assert_allclose(evaluation.vjp(index, upstream), gradient.numpy(), **TOLERANCE)


@pytest.mark.parametrize("entry", list(activations), ids=lambda entry: entry.type_name)
def test_an_activation_equals_pytorch_over_its_whole_range(entry: type[Activation]) -> None:
    inputs = SWEEP.reshape(-1, 1)
    if entry.type_name == "softmax":
        inputs = np.random.default_rng(0).permutation(np.tile(SWEEP, 5)[:5040]).reshape(504, 2, 5)
    for given in some_options(entry.options):
        options = parse_options(entry.options, given)
        function = ACTIVATIONS[entry.type_name]
        assert_equals_pytorch(entry(**options), lambda z, f=function, o=options: f(z, **o), [inputs], [0])


def test_the_derivatives_at_0_are_pytorchs() -> None:
    for entry in activations:
        if entry.type_name != "softmax":
            z = torch.zeros((1, 1), dtype=torch.float64, requires_grad=True)
            options = parse_options(entry.options, {})
            ACTIVATIONS[entry.type_name](z, **options).sum().backward()
            found = evaluate(entry(**options), [np.zeros((1, 1))]).vjp(0, np.ones((1, 1)))
            assert z.grad is not None and found.item() == pytest.approx(z.grad.item(), abs=1e-15), entry.type_name


@pytest.mark.parametrize("entry", list(losses), ids=lambda entry: entry.type_name)
@pytest.mark.parametrize("shape", [(7, 4), (1, 1), (3, 5, 4), (300, 10)], ids=str)
def test_a_loss_equals_pytorch(entry: type[Loss], shape: tuple[int, ...]) -> None:
    for seed, given in enumerate(some_options(entry.options)):
        prediction, target = loss_data(entry, shape, np.random.default_rng(seed))
        function = LOSSES[entry.type_name]
        operation = entry(**parse_options(entry.options, given))
        assert_equals_pytorch(operation, lambda p, y, f=function, g=given: f(p, y, **g), [prediction, target], [0])


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "cross_entropy", "kl_divergence"])
def test_class_losses_equal_pytorch_on_one_hot_targets_and_on_weights_that_do_not_sum_to_1(name: str) -> None:
    generator = np.random.default_rng(0)
    prediction = generator.dirichlet(np.ones(4), 6)
    for target in (np.eye(4)[generator.integers(0, 4, 6)], generator.uniform(0.0, 2.0, (6, 4))):
        assert_equals_pytorch(losses.get(name)(), LOSSES[name], [prediction, target], [0])


@pytest.mark.parametrize("shape", [(6, 4), (3, 5, 4)])
def test_kl_divergence_is_pytorchs_batchmean_also_with_targets_of_0_and_probabilities_near_0_and_1(
    shape: tuple[int, ...],
) -> None:
    generator = np.random.default_rng(0)
    prediction = generator.dirichlet(np.full(4, 0.05), shape[:-1]).clip(1e-12)
    target = generator.dirichlet(np.ones(4), shape[:-1])
    target[0] = np.eye(4)[1]
    target[1, ..., 2:] = 0.0
    assert_equals_pytorch(losses.get("kl_divergence")(), LOSSES["kl_divergence"], [prediction, target], [0])


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_binary_losses_equal_pytorch_at_the_ends_of_their_range(name: str) -> None:
    on_probabilities = name == "binary_cross_entropy"
    values = [0.0, 1e-300, 1e-14, 1.0 - 2e-16, 1.0] if on_probabilities else [-800.0, -40.0, 0.0, 40.0, 800.0]
    prediction = np.array(values * 3).reshape(-1, 1)
    target = np.repeat([0.0, 0.3, 1.0], 5).reshape(-1, 1)
    assert_equals_pytorch(losses.get(name)(), LOSSES[name], [prediction, target], [0])


JOINS = {
    "add": lambda *tensors: sum(tensors[1:], tensors[0]),
    "multiply": lambda *tensors: torch.stack(tensors).prod(0),
    "concatenate": lambda *tensors: torch.cat(tensors, 1),
    "flatten": lambda x: torch.flatten(x, 1),
    "affine": torch.nn.functional.linear,
}


def test_operations_on_any_shapes_equal_pytorch() -> None:
    compared = set()
    for case in layer_cases():
        for node in node_cases(case):
            name = node.node.operation.name
            if name in JOINS:
                assert_equals_pytorch(node.node.operation, JOINS[name], node.inputs, node.differentiable)
                compared.add(name)
    assert compared == set(JOINS)


def test_dropout_scales_what_it_keeps_as_pytorch_does() -> None:
    x = np.random.default_rng(0).standard_normal((400, 50))
    evaluation = evaluate(Dropout(0.3), [x], IterationContext(seed=1))
    ratio = evaluation.output / x
    scale = torch.nn.functional.dropout(torch.ones(1000, dtype=torch.float64), 0.3).max().item()
    assert set(np.unique(ratio.round(12))) == {0.0, round(scale, 12)}
    assert (ratio == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_array_equal(evaluation.vjp(0, np.ones_like(x)) == 0, ratio == 0)
    assert np.array_equal(evaluate(Dropout(0.3), [x], training=False).output, x)


@pytest.mark.parametrize("limit", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("by", ["norm", "value"])
def test_clipping_equals_pytorch(by: str, limit: float) -> None:
    for gradients in (np.random.default_rng(0).standard_normal(40), np.zeros(5)):
        tensor = torch.zeros(len(gradients), dtype=torch.float64, requires_grad=True)
        tensor.grad = torch.tensor(gradients)
        if by == "norm":
            expected_norm = torch.nn.utils.clip_grad_norm_([tensor], limit).item()
        else:
            expected_norm = 0.0
            torch.nn.utils.clip_grad_value_([tensor], limit)
        found, norm = gradients.copy(), np.zeros(())
        emit_clip(Emitter(IterationContext(), found.dtype, eager=True), by, limit, found, norm)
        np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=1e-14)
        assert float(norm) == pytest.approx(expected_norm, rel=1e-14)


TORCH_OPTIMIZERS = {
    "sgd": lambda p, o: torch.optim.SGD(
        p, o["learning_rate"], o["momentum"], weight_decay=o["weight_decay"], nesterov=o["nesterov"]
    ),
    "adam": lambda p, o: torch.optim.Adam(
        p, o["learning_rate"], (o["beta1"], o["beta2"]), o["epsilon"], weight_decay=o["weight_decay"]
    ),
    "adamw": lambda p, o: torch.optim.AdamW(
        p, o["learning_rate"], (o["beta1"], o["beta2"]), o["epsilon"], weight_decay=o["weight_decay"]
    ),
    "adagrad": lambda p, o: torch.optim.Adagrad(
        p, o["learning_rate"], weight_decay=o["weight_decay"], eps=o["epsilon"]
    ),
    "rmsprop": lambda p, o: torch.optim.RMSprop(
        p, o["learning_rate"], o["alpha"], o["epsilon"], o["weight_decay"], o["momentum"], o["centered"]
    ),
}


@pytest.mark.parametrize("entry", list(optimizers), ids=lambda entry: entry.type_name)
def test_an_optimiser_equals_pytorch_over_many_steps(entry: type[Optimizer]) -> None:
    generator = np.random.default_rng(0)
    start, gradients = generator.standard_normal(11), generator.standard_normal((50, 11))
    for given in [*some_options(entry.options), *both_momenta(entry)]:
        options = parse_options(entry.options, given)
        if options.get("nesterov") and not options["momentum"]:
            continue  # which PyTorch refuses
        options["learning_rate"] = 0.01
        tensor = torch.tensor(start, requires_grad=True)
        reference = TORCH_OPTIMIZERS[entry.type_name]([tensor], options)
        context, optimizer, parameter, gradient = IterationContext(), entry(options), start.copy(), np.zeros(11)
        slots = {slot: np.zeros(11) for slot in optimizer.slots}
        state = UpdateState(slots, np.zeros((), np.int64), np.array(options["learning_rate"]))
        emit = Emitter(context, parameter.dtype)
        optimizer.update(emit, parameter, gradient, state)
        calls = emit.take_calls()
        for iteration, row in enumerate(gradients):
            context.iteration, gradient[...], tensor.grad = iteration, row, torch.tensor(row)
            reference.step()
            for function, arguments in calls:
                function(*arguments)
            np.testing.assert_allclose(parameter, tensor.detach().numpy(), rtol=1e-10, atol=1e-12)


def both_momenta(entry: type[Optimizer]) -> list[dict[str, Any]]:
    if entry.type_name != "sgd":
        return []
    return [{"learning_rate": 0.1, "momentum": 0.9, "nesterov": n, "weight_decay": 0.1} for n in (False, True)]


def test_initialisers_have_pytorchs_fans_limits_and_deviations() -> None:
    init = torch.nn.init
    for shape in ((30, 50), (8, 3, 5, 5), (6, 4, 7)):
        assert fans(shape) == init._calculate_fan_in_and_fan_out(torch.empty(shape))
    weight, generator = torch.empty(400, 250, dtype=torch.float64), np.random.default_rng(0)
    fill = {
        "glorot_uniform": init.xavier_uniform_,
        "glorot_normal": init.xavier_normal_,
        "he_uniform": lambda tensor: init.kaiming_uniform_(tensor, nonlinearity="relu"),
        "he_normal": lambda tensor: init.kaiming_normal_(tensor, nonlinearity="relu"),
        "lecun_normal": lambda tensor: init.kaiming_normal_(tensor, nonlinearity="linear"),
    }
    for name, function in fill.items():
        function(weight)
        drawn = initializers.get(name).draw(generator, (400, 250), {})
        assert drawn.std() == pytest.approx(weight.std().item(), rel=0.01), name
        if name.endswith("uniform"):
            assert np.abs(drawn).max() == pytest.approx(weight.abs().max().item(), rel=1e-3)
