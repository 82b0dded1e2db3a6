"""Whole networks side by side: the engine's values, gradients and updates against those of PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pytest

from tests.building import chain, executor_of, inline, whole_iteration
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.datasets import load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.network import Network

torch = pytest.importorskip("torch", reason="needs the parity extra")

TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
"""How far an array may be from PyTorch's, relative to its norm."""

NEXT_TO_NOTHING = {"float64": 1e-14, "float32": 1e-6}

Tensors = Mapping[Ref, Any]
Forward = Callable[[Tensors, Any, Any], tuple[Any, dict[Ref, Any]]]
"""From parameters, inputs and targets: the loss, and the values to compare by name."""


def assert_close(found: Array, wanted: Any, tolerance: float, what: str) -> None:
    expected = np.asarray(wanted.detach().numpy() if hasattr(wanted, "detach") else wanted)
    assert found.shape == expected.shape, f"{what}: {found.shape} against {expected.shape}"
    error = np.linalg.norm((found.astype(float) - expected).reshape(-1))
    assert error <= tolerance * max(np.linalg.norm(expected.reshape(-1)), 1e-30), f"{what} is off by {error:.3g}"


def compare(
    network: Network,
    forward: Forward,
    make_optimizer: Callable[[list[Any]], Any],
    iterations: int = 3,
    in_truth_zero: Collection[Ref] = (),
) -> Executor:
    """Step `network` and PyTorch's `forward` side by side, and compare all that is there after each iteration.

    That is: the loss, the values by name, their gradients, the parameters' gradients, and the parameters. Of gradients
    that are `in_truth_zero`, and what both have is rounding, it is asserted that they are next to nothing.
    """
    assert network.data is not None
    executor, tolerance = Executor(compile_plan(network), load_dataset(network.data)), TOLERANCE[network.precision]
    plan = executor.plan
    dtype = getattr(torch, network.precision)
    tensors = {
        info.value: torch.tensor(executor.parameter_views()[info.value], dtype=dtype, requires_grad=True)
        for info in plan.parameters
    }
    optimizer = make_optimizer(list(tensors.values()))
    inputs, targets = torch.tensor(executor.inputs), torch.tensor(executor.targets)
    for iteration in range(iterations):
        optimizer.zero_grad()
        loss, named = forward(tensors, inputs, targets)
        for tensor in named.values():
            tensor.retain_grad()
        loss.backward()
        for _ in plan.steps:
            executor.step()
        assert executor.at_end and executor.iteration == iteration
        assert_close(executor.values[plan.loss], loss, tolerance, "the loss")
        for value, tensor in named.items():
            assert_close(executor.values[plan.resolve(value)], tensor, tolerance, value.text)
            gradient = plan.resolve(value.gradient)
            assert_close(executor.values[gradient], tensor.grad, tolerance, gradient.text)
        for value, tensor in tensors.items():
            if value in in_truth_zero:
                assert np.abs(executor.values[value.gradient]).max() < NEXT_TO_NOTHING[network.precision]
            else:
                assert_close(executor.values[value.gradient], tensor.grad, tolerance, value.gradient.text)
        optimizer.step()
        for value, tensor in tensors.items():
            assert_close(executor.values[value], tensor, tolerance, f"{value.text} after iteration {iteration}")
    return executor


def compare_module(
    kind: str, options: Mapping[str, Any], module: Any, names: Mapping[str, str], steps: int
) -> tuple[Executor, Any]:
    """Compare a recurrent layer over a sequence with PyTorch's own module, whose parameters `names` gives by role: all
    states, and the gradients of the parameters. Return the executor after the iteration, and what the module ends with.
    """
    generator, batch, features = np.random.default_rng(3), 4, module.input_size
    inputs = generator.standard_normal((batch, steps, features))
    targets = generator.standard_normal((batch, steps, module.hidden_size))
    network = chain(
        ("input", "input", {"shape": [steps, features]}),
        ("memory", kind, {"units": module.hidden_size, "return_sequence": True, **options}),
        ("loss", "half_squared_error", {}),
        data=inline(inputs, targets),
    )
    executor = executor_of(network)
    values = whole_iteration(executor)
    start = executor.store.views_of(executor.start)
    with torch.no_grad():
        module.bias_hh_l0.zero_()  # a layer that has one bias has it in the other
        for role, name in names.items():
            getattr(module, name).copy_(torch.tensor(start[Ref("memory", role)]))
    h, last = module(torch.tensor(inputs))
    (0.5 * ((h - torch.tensor(targets)) ** 2).sum() / batch).backward()
    tolerance = TOLERANCE["float64"]
    assert_close(values[Ref("memory", "h")], h, tolerance, "h")
    for role, name in names.items():
        gradient = values[Ref("memory", role).gradient]
        assert_close(gradient, getattr(module, name).grad, tolerance, role)
        assert gradient.any() or (steps == 1 and role == "weight_hidden"), role
    return executor, last
