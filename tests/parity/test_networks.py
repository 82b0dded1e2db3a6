"""Random networks against PyTorch: forward values, every gradient on the way, and three updates of every kind."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the oracle of these tests is PyTorch: install the parity extra")

from tests.parity.reference import ReferenceNetwork
from tests.random_networks import ADAPTIVE, random_data, random_network
from tests.refs import ref
from visualbp.engine import Executor, Phase, compile_plan

NETWORKS = 500
PER_TEST = 25

ROUNDING = 1e-13
"""A gradient below this is 0 in truth, as that of a bias before batch norm. Optimisers that divide a gradient by its
own size blow such rounding up, in PyTorch as here: what they make of it is not compared, and taken over."""


def close(found: np.ndarray, expected: np.ndarray, what: object) -> None:
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * scale, err_msg=str(what))


def compare(seed: int) -> int:
    """Compare one network for three iterations; return how many arrays were compared."""
    network = random_network(seed)
    plan = compile_plan(network)
    executor = Executor(plan, random_data(network, seed))
    start = {(info.value.layer, info.value.name): executor.values[info.value] for info in plan.parameters}
    reference = ReferenceNetwork(network, start)
    update = next((step.index for step in plan.steps if step.phase == Phase.UPDATE), len(plan.steps))
    compared, adaptive = 0, network.training.optimizer.type in ADAPTIVE
    for iteration in range(3):
        while not (executor.iteration == iteration and executor.cursor == update):
            executor.step()
        indices = executor.batch_indices(iteration)
        loss, penalty = reference.backward(executor.inputs[indices], executor.targets[indices])
        assert float(executor.values[plan.loss]) == pytest.approx(loss, rel=1e-10, abs=1e-12)
        if plan.penalty is not None:
            assert float(executor.values[plan.penalty]) == pytest.approx(penalty, rel=1e-10)
        for (layer, role), tensor in reference.values.items():
            value = plan.resolve(ref(layer, role))
            close(executor.values[value], tensor.detach().numpy(), value)
            compared += 1
            if tensor.grad is not None:
                gradient = plan.resolve(ref(layer, role).gradient)
                close(executor.values[gradient], tensor.grad.numpy(), gradient)
                compared += 1
        for (layer, name), tensor in reference.parameters.items():
            assert tensor.grad is not None
            close(executor.values[ref(layer, name).gradient], tensor.grad.numpy(), (layer, name))
            compared += 1
        while not executor.at_end:
            executor.step()
        reference.update()
        for (layer, name), tensor in reference.parameters.items():
            assert tensor.grad is not None
            felt = np.abs(tensor.grad.numpy()) > ROUNDING if adaptive else np.ones(tensor.shape, bool)
            found, expected = executor.values[ref(layer, name)], tensor.detach().numpy()
            close(found[felt], expected[felt], (layer, name, "updated"))
            reference.take_over((layer, name), found, ~felt)
            compared += 1
    return compared


@pytest.mark.parametrize("first", range(0, NETWORKS, PER_TEST))
def test_random_networks_equal_pytorch_in_every_value_gradient_and_update(first: int) -> None:
    assert sum(compare(seed) for seed in range(first, first + PER_TEST)) > 20 * PER_TEST


def compare_in_float32(seed: int) -> int:
    """Compare the first passes in float32 with PyTorch's in float64, relative to each array's norm."""
    network = random_network(seed, precision="float32")
    plan = compile_plan(network)
    executor = Executor(plan, random_data(network, seed))
    start = {(i.value.layer, i.value.name): executor.values[i.value].astype(float) for i in plan.parameters}
    reference = ReferenceNetwork(network, start)
    while not (executor.cursor and executor.at_end):
        executor.step()
    indices = executor.batch_indices(0)
    reference.backward(executor.inputs[indices].astype(float), executor.targets[indices].astype(float))
    for (layer, role), tensor in reference.values.items():
        for value, wanted in ((ref(layer, role), tensor.detach()), (ref(layer, role).gradient, tensor.grad)):
            if wanted is not None:
                found = executor.values[plan.resolve(value)]
                assert found.dtype == np.float32
                error = np.linalg.norm(found - wanted.numpy())
                assert error <= 1e-4 * max(1.0, np.linalg.norm(wanted.numpy())), value
    return len(reference.values)


@pytest.mark.parametrize("first", range(0, NETWORKS, 5 * PER_TEST))
def test_random_networks_in_float32_are_within_1e_4_of_pytorch(first: int) -> None:
    assert sum(compare_in_float32(seed) for seed in range(first, first + 5 * PER_TEST)) > 10 * PER_TEST
