"""Whole networks side by side: the engine's values, gradients and updates against those of PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pytest

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
