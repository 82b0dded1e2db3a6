"""Exported programs for tests: random networks with everything that a model can have, and the loading of a program."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tests.random_networks import random_data, random_network
from visualbp.core.options import Choice
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.interchange import export_pytorch
from visualbp.network import Network
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
