"""Batch, layer, group and weight norm against PyTorch: forward, every gradient, buffers, and three updates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training
from tests.refs import ref
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.evaluate import predict
from visualbp.network import Network
from visualbp.operations.base import evaluate
from visualbp.operations.normalization import GroupNorm

torch = pytest.importorskip("torch", reason="needs the parity extra")
functional = torch.nn.functional

SHAPES = [(5,), (3, 4), (2, 4, 3)]
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}


def network_of(shape: tuple[int, ...], norm: str, precision: Any, **training: Any) -> Network:
    network = chain(
        ("input", "input", {"shape": list(shape)}),
        ("norm", norm, {"epsilon": 1e-3}),
        ("act", "activation", {"function": "tanh"}),
        ("flat", "flatten", {}),
        ("hidden", "dense", {"units": 6, "weight_norm": True, "activation": "tanh"}),
        ("rows", "batch_norm", {"momentum": 0.25, "epsilon": 0.01}),
        ("output", "dense", {"units": 3, "weight_norm": True, "bias": False}),
        ("loss", "softmax_cross_entropy", {}),
        precision=precision,
    )
    return with_training(network, batch_size=20, optimizer=optimizer("sgd", momentum=0.9), **training)


class Twin:
    """The same network in PyTorch, on the same parameters."""

    def __init__(self, executor: Executor, shape: tuple[int, ...], norm: str) -> None:
        self.norm, self.shape = norm, shape
        self.parameters: dict[Ref, Any] = {}
        self.buffers: dict[Ref, Any] = {}
        views = executor.parameter_views()
        for info in executor.plan.parameters:
            self.parameters[info.value] = torch.tensor(np.array(views[info.value]), requires_grad=True)
        for info in executor.plan.buffers:
            self.buffers[info.value] = torch.tensor(np.array(views[info.value]))

    def batch_norm(self, x: Any, layer: str, epsilon: float, momentum: float, training: bool) -> Any:
        own = [self.parameters[ref(layer, name)] for name in ("weight", "bias")]
        running = [self.buffers[ref(layer, name)] for name in ("running_mean", "running_var")]
        return functional.batch_norm(x, *running, *own, training, momentum, epsilon)

    def dense(self, x: Any, layer: str) -> Any:
        direction, gain = (self.parameters[ref(layer, f"weight_{name}")] for name in ("direction", "gain"))
        z = x @ torch._weight_norm(direction, gain, 0).T
        bias = self.parameters.get(ref(layer, "bias"))
        return z if bias is None else z + bias

    def forward(self, x: Any, training: bool = True) -> dict[Ref, Any]:
        values: dict[Ref, Any] = {}
        if self.norm == "batch_norm":
            h = self.batch_norm(x, "norm", 1e-3, 0.1, training)
        else:
            over = self.shape[-1:] if len(self.shape) == 2 else self.shape
            own = [self.parameters[ref("norm", name)] for name in ("weight", "bias")]
            h = functional.layer_norm(x, over, *own, 1e-3)
        values[ref("norm", "h")] = h
        values[ref("act", "h")] = h = torch.tanh(h)
        values[ref("hidden", "z")] = z = self.dense(h.flatten(1), "hidden")
        values[ref("hidden", "h")] = h = torch.tanh(z)
        values[ref("rows", "h")] = h = self.batch_norm(h, "rows", 0.01, 0.25, training)
        values[ref("output", "z")] = self.dense(h, "output")
        return values


def assert_same(found: Array, wanted: Any, tolerance: float, what: str) -> None:
    other = wanted.detach().numpy()
    error = float(np.linalg.norm(found - other)) / max(float(np.linalg.norm(other)), 1e-6)
    assert error <= tolerance, f"{what}: {error:.2e}"


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm"])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_gradients_buffers_and_updates_are_pytorchs(shape: tuple[int, ...], norm: str, precision: str) -> None:
    generator = np.random.default_rng(len(shape))
    inputs, labels = generator.normal(1.0, 2.0, (40, *shape)), generator.integers(0, 3, 40)
    plan = compile_plan(network_of(shape, norm, precision))
    executor, tolerance = Executor(plan, Dataset(inputs, labels)), TOLERANCE[precision]
    # Start from parameters and statistics that are not the plain ones, so that every factor is seen.
    own = {info.value: generator.normal(0.3, 0.3, info.spec.shape) for info in plan.parameters}
    own |= {info.value: generator.uniform(0.5, 1.5, info.spec.shape) for info in plan.buffers}
    executor.store.fill(own)
    executor.restore(0, executor.store.save())
    twin = Twin(executor, shape, norm)
    descent = torch.optim.SGD(list(twin.parameters.values()), lr=0.1, momentum=0.9)
    for iteration in range(3):
        for _ in plan.steps:
            executor.step()
        rows = executor.batch_indices(iteration)
        x = torch.tensor(executor.inputs[rows])
        values = twin.forward(x)
        for value in values.values():
            value.retain_grad()
        loss = functional.cross_entropy(values[ref("output", "z")], torch.tensor(labels[rows]))
        descent.zero_grad()
        loss.backward()
        assert_same(executor.values[plan.loss], loss, tolerance, "loss")
        for value, tensor in values.items():
            assert_same(executor.values[value], tensor, tolerance, value.text)
            assert_same(executor.values[value.gradient], tensor.grad, tolerance, value.gradient.text)
        for value, tensor in twin.parameters.items():
            assert_same(executor.values[value.gradient], tensor.grad, tolerance, value.gradient.text)
        descent.step()
        for value, tensor in (twin.parameters | twin.buffers).items():
            assert_same(executor.values[value], tensor, tolerance, value.text)
    evaluated = twin.forward(torch.tensor(executor.inputs), training=False)[ref("output", "z")]
    assert_same(predict(plan, executor.parameter_views(), executor.inputs), evaluated, tolerance, "prediction")


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 4), (6, 3, 5)])
@pytest.mark.parametrize("place", ["ordinary", "large", "constant", "tied"])
def test_group_norm_is_pytorchs_with_all_its_gradients(
    shape: tuple[int, ...], groups: int, precision: str, place: str
) -> None:
    if np.prod(shape) == groups:
        return  # groups of a single number are refused
    if place == "constant" and (groups == 1 or precision == "float32"):
        return  # of what is 0 in truth PyTorch keeps the rounding
    generator = np.random.default_rng(groups)
    x = generator.normal(1.0, 2.0, (5, *shape)) * (1e6 if place == "large" else 1.0)
    if place == "constant":
        x[:, : 6 // groups] = 3.0
    elif place == "tied":
        x = np.round(x)
    inputs = [array.astype(precision) for array in (x, generator.normal(size=6), generator.normal(size=6))]
    tensors = [torch.tensor(array, requires_grad=True) for array in inputs]
    wanted = functional.group_norm(tensors[0], groups, *tensors[1:], 1e-3)
    done = evaluate(GroupNorm(groups, 1e-3), inputs)
    upstream = generator.normal(size=x.shape).astype(precision)
    wanted.backward(torch.tensor(upstream))
    assert_same(done.output, wanted, TOLERANCE[precision], "the output")
    for operand, tensor in enumerate(tensors):
        assert_same(done.vjp(operand, upstream), tensor.grad, TOLERANCE[precision], f"the gradient of {operand}")


def test_weight_norm_starts_as_pytorchs_with_the_direction_it_is_given() -> None:
    from torch.nn.utils.parametrizations import weight_norm

    layer = weight_norm(torch.nn.Linear(4, 3).double(), dim=0)
    direction = layer.parametrizations.weight.original1.detach().numpy()
    gain = layer.parametrizations.weight.original0.detach().numpy()
    network = chain(
        ("input", "input", {"shape": [4]}),
        ("output", "dense", {"units": 3, "weight_norm": True}),
        ("loss", "mean_squared_error", {}),
    )
    network = replace(network, parameters={"output": {"weight_direction": direction}})
    executor = Executor(compile_plan(network), Dataset(np.zeros((2, 4)), np.zeros((2, 3))))
    assert executor.store.views[ref("output", "weight_gain")].shape == gain.shape
    assert np.allclose(executor.store.views[ref("output", "weight_gain")], gain, rtol=1e-14)
    executor.step()
    executor.step()
    assert np.allclose(executor.values[ref("output", "weight")], layer.weight.detach().numpy(), rtol=1e-14)
