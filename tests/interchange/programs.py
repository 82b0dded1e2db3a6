"""Exported programs for tests: random networks with everything that a model can have, and the loading of a program."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tests.building import optimizer
from tests.random_networks import random_data, random_network
from tests.registry_cases import LayerCase
from visualbp.core.arrays import size_of
from visualbp.core.options import Choice, plain_options
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.interchange import export_pytorch
from visualbp.network import Network, edits
from visualbp.network.network import make_layer
from visualbp.optimizers.schedules import SCHEDULE

SCHEDULES: tuple[Any, ...] = (
    "constant",
    {"type": "step", "every": 3, "factor": 0.5},
    {"type": "exponential", "factor": 0.9, "warm_up": 2},
    {"type": "cosine", "iterations": 8, "lowest": 0.001},
    {"type": "warm_up", "warm_up": 5},
)


def random_model(seed: int, precision: Any = "float64") -> tuple[Network, Dataset]:
    """Return a random network of any layers, with dropout and a schedule, and data for it.

    Where its optimiser divides a gradient by its own size, a large epsilon keeps it from blowing up gradients that are
    rounding, as that of a bias before batch norm: no two programs agree on what comes of those.
    """
    network = random_network(seed, with_dropout=True, precision=precision)
    chosen = network.training.optimizer
    if "epsilon" in chosen.options:
        chosen = Choice(chosen.type, {**chosen.options, "epsilon": 1e-3})
    schedule = SCHEDULE.parse(SCHEDULES[seed % len(SCHEDULES)])
    network = replace(network, training=replace(network.training, optimizer=chosen, schedule=schedule))
    return network, random_data(network, seed)


def layer_model(case: LayerCase) -> tuple[Network, Dataset]:
    """Return a network around one layer with these options, on inputs of these shapes, and data for it."""
    network = edits.add_layer(
        Network(seed=3), make_layer("input", "input", {"shape": list(case.shapes[0])}), (0.0, 0.0)
    )
    sources = ["input", *(f"beside {place}" for place in range(1, len(case.shapes)))]
    added = [(name, "activation", {"function": "tanh"}, ["input"]) for name in sources[1:]]
    options = plain_options(case.kind.options_for(case.options), case.options)
    added += [("layer", case.kind.type_name, options, sources), ("row", "flatten", {}, ["layer"])]
    added += [("loss", "half_squared_error", {}, ["row"])]
    for name, kind, given, inputs in added:
        network = edits.add_layer(network, make_layer(name, kind, given), (0.0, 0.0))
        for source in inputs:
            network = edits.connect(network, source, name)
    network = replace(network, training=replace(network.training, optimizer=optimizer("sgd", learning_rate=0.01)))
    generator, count = np.random.default_rng(5), size_of(tuple(case.kind.output_shape(case.options, case.shapes)))
    inputs_of_samples = generator.standard_normal((5, *case.shapes[0]))
    if case.kind.takes_samples:
        inputs_of_samples = generator.integers(0, case.options["vocabulary"], inputs_of_samples.shape).astype(float)
    return network, Dataset(inputs_of_samples, generator.standard_normal((5, count)))


def random_models(seeds: range) -> Iterator[tuple[int, Network, Dataset]]:
    for seed in seeds:
        yield seed, *random_model(seed)


def engine_losses(network: Network, dataset: Dataset, iterations: int = 20) -> tuple[list[float], Executor]:
    executor = Executor(compile_plan(network), dataset)
    with np.errstate(all="ignore"):
        return [executor.run_fast() for _ in range(iterations)], executor


def loaded(source: str) -> types.ModuleType:
    """Return a program as a module; it needs PyTorch."""
    module = types.ModuleType("exported")
    exec(compile(source, "exported.py", "exec"), module.__dict__)
    return module


def exported(network: Network, dataset: Dataset) -> types.ModuleType:
    return loaded(export_pytorch(network, network.parameters, dataset))
