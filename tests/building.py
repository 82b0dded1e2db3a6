"""Networks for tests, built in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import Choice, parse_options
from visualbp.core.ref import Ref
from visualbp.datasets import DataSpec, load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.network import Clip, Network, Training, edits
from visualbp.network.network import make_layer
from visualbp.optimizers import optimizers


def optimizer(name: str = "sgd", **options: Any) -> Choice:
    """Return a choice of optimiser; the learning rate is 0.1 unless given."""
    return Choice(name, parse_options(optimizers.get(name).options, {"learning_rate": 0.1, **options}))


def chain(*layers: tuple[str, str, Mapping[str, Any]], **fields: Any) -> Network:
    """Return a network of (name, type, options) layers, each connected to the next."""
    network = Network()
    for place, (name, type_name, options) in enumerate(layers):
        network = edits.add_layer(network, make_layer(name, type_name, options), (230.0 * place, 0.0))
        if place:
            network = edits.connect(network, layers[place - 1][0], name)
    return replace(network, **fields)


def inline(inputs: Sequence[Any], targets: Sequence[Any]) -> DataSpec:
    """Return data written in the model."""
    return DataSpec("inline", {"inputs": np.array(inputs, float), "targets": np.array(targets)})


def xor(hidden: int = 4, activation: str = "tanh", **fields: Any) -> Network:
    """Return the XOR network 2-hidden-1 with a sigmoid and binary cross-entropy."""
    return chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": hidden, "activation": activation}),
        ("output", "dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "binary_cross_entropy", {}),
        data=inline([[0, 0], [0, 1], [1, 0], [1, 1]], [[0.0], [1.0], [1.0], [0.0]]),
        **fields,
    )


def with_training(network: Network, **changes: Any) -> Network:
    """Return the network with fields of its training changed."""
    return replace(network, training=replace(network.training, **changes))


__all__ = ["Clip", "Training", "chain", "inline", "optimizer", "with_training", "xor"]


def recorded(executor: Executor, trained: int = 0, iterations: int = 1) -> Executor:
    """Train at full speed, and then record iterations step by step. What is not finite is meant."""
    with np.errstate(all="ignore"):
        for _ in range(trained):
            executor.run_fast()
        for _ in range(iterations):
            executor.step()
            while not executor.at_end:
                executor.step()
    return executor


def executor_of(network: Network) -> Executor:
    """Return an executor of a network on its own data, at the start."""
    assert network.data is not None
    return Executor(compile_plan(network), load_dataset(network.data))


def whole_iteration(executor: Executor) -> dict[Ref, Array]:
    """Step to the end of the iteration, and return all that it has computed."""
    while True:
        executor.step()
        if executor.at_end:
            return dict(executor.values)


def row_of(count: int) -> Network:
    """A chain of so many layers in one row, 190 units apart."""
    layers = [("input", "input", {"shape": [2]})]
    layers += [(f"hidden_{n}", "dense", {"units": 2, "activation": "tanh"}) for n in range(1, count - 1)]
    network = chain(*layers, ("loss", "mean_squared_error", {}), data=inline(np.eye(2), np.eye(2)))
    return edits.move_layers(network, {name: (190.0 * place, 0.0) for place, name in enumerate(network.names)})
