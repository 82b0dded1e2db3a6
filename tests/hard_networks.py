"""Random networks brought to the places where verdicts go wrong: gradients that are 0 or vanish, saturated outputs,
exact kinks and ties, tiny and huge numbers, unscaled inputs, single precision, and after training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.building import recorded
from tests.random_networks import random_data, random_network
from visualbp.core.arrays import Array
from visualbp.core.options import Choice, parse_options
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.store import initial_parameters
from visualbp.network import Network, edits
from visualbp.operations.activations import activations

RIGHT_SLOPES = (
    ("x * tanh(x)", "tanh(x) + x * (1 - tanh(x)**2)"),
    ("tanh(x)", "1 - tanh(x)**2"),
    ("tanh(x)", "4 / (exp(x) + exp(-x))**2"),
    ("x * sigmoid(x)", "sigmoid(x) * (1 + x * (1 - sigmoid(x)))"),
    ("1 / (1 + exp(-x))", "sigmoid(x) * sigmoid(-x)"),
    ("abs(x)", "sign(x)"),
    ("abs(x)", "where(x >= 0, 1, -1)"),
    ("where(x > 0, x, 0)", "where(x >= 0, 1, 0)"),
    ("x**2 / (1 + x**2)", "2 * x / (1 + x**2)**2"),
    ("sqrt(1 + x**2)", "x / sqrt(1 + x**2)"),
)
"""Functions with derivatives as people type them: right, in forms that round differently."""

WRONG_SLOPES = (
    ("tanh(x)", "1 - tanh(x)"),
    ("tanh(x)", "tanh(x)**2 - 1"),
    ("x * tanh(x)", "tanh(x)"),
    ("sin(x) + x / 2", "cos(x)"),
    ("x * sigmoid(x)", "sigmoid(x)"),
    ("sqrt(1 + x**2)", "x / (1 + x**2)"),
)
"""Functions with derivatives as people mistype them."""


@dataclass(frozen=True)
class Kind:
    """A kind of hard place: what it makes of a parameter, and of inputs and targets."""

    name: str
    parameter: Callable[[np.random.Generator, Ref, Array], Array] = lambda generator, value, array: array
    inputs: Callable[[np.random.Generator, Array], Array] = lambda generator, array: array
    trained: int = 0


def _last_weights_zero(generator: np.random.Generator, value: Ref, array: Array) -> Array:
    return np.zeros_like(array) if generator.random() < 0.5 else array


def _vanishing(generator: np.random.Generator, value: Ref, array: Array) -> Array:
    return array * 10.0 ** -float(generator.integers(3, 12)) if array.ndim > 1 else array


def _far_out(generator: np.random.Generator, value: Ref, array: Array) -> Array:
    size = float(generator.uniform(10.0, 40.0))
    return array * size if array.ndim > 1 else np.sign(array) * size + array


def _whole(generator: np.random.Generator, value: Ref, array: Array) -> Array:
    return np.round(array * 2.0) / 2.0 if array.ndim > 1 else np.zeros_like(array)


def _scaled(low: float, high: float) -> Callable[[np.random.Generator, Ref, Array], Array]:
    return lambda generator, value, array: array * 10.0 ** float(generator.uniform(low, high))


KINDS = (
    Kind("ordinary"),
    Kind("gradients of 0", _last_weights_zero, lambda generator, x: x * (generator.random() < 0.7)),
    Kind("vanished", _vanishing),
    Kind("saturated", _far_out),
    Kind("kinks and ties", _whole, lambda generator, x: np.round(x)),
    Kind("tiny parameters", _scaled(-8.0, -4.0)),
    Kind("huge parameters", _scaled(4.0, 8.0)),
    Kind("unscaled inputs", inputs=lambda generator, x: x * 10.0 ** generator.uniform(2, 6) + 1e4),
    Kind("constant feature", inputs=lambda generator, x: np.where(np.arange(x.shape[-1]) == 0, 1e3, x)),
    Kind("trained", trained=200),
)


@dataclass(frozen=True)
class Case:
    """A network at a hard place, stopped at the end of an iteration that was recorded."""

    seed: int
    kind: Kind
    network: Network
    executor: Executor

    @property
    def text(self) -> str:
        return f"{self.kind.name}, {self.network.precision}, seed {self.seed}"


def hard_network(seed: int, bug: Callable[[Network], Network] | None = None) -> Case:
    """Return the case of a seed: every kind and both precisions in their turn. `bug` may plant something in it."""
    kind, precision = KINDS[seed % len(KINDS)], "float32" if seed // len(KINDS) % 2 else "float64"
    generator = np.random.default_rng([seed, 3])
    network = random_network(seed, with_dropout=seed % 3 == 0, precision="float32" if "32" in precision else "float64")
    network = _with_typed_slopes(network, generator)
    data = random_data(network, seed)
    inputs = data.inputs
    if not any(layer.type == "embedding" for layer in network.layers):
        inputs = kind.inputs(generator, inputs)
    plan = compile_plan(network)
    for value, array in initial_parameters(plan).items():
        if value.name.startswith("running"):
            continue
        changed = np.asarray(kind.parameter(generator, value, np.array(array, np.float64)))
        network = edits.set_parameter(network, value.layer, value.name, changed)
    if bug is not None:
        network = bug(network)
    executor = Executor(compile_plan(network), Dataset(inputs, data.targets))
    recorded(executor, kind.trained, iterations=1 + seed % 2)  # the second meets the optimiser's arrays
    return Case(seed, kind, network, executor)


def _with_typed_slopes(network: Network, generator: np.random.Generator) -> Network:
    """Give some custom activations a derivative that is typed, and right."""
    for layer in network.layers:
        for key in ("activation", "function"):
            chosen = layer.options.get(key)
            name = chosen.type if isinstance(chosen, Choice) else chosen
            if name == "custom" and generator.random() < 0.6:
                network = with_slope(network, layer.name, *RIGHT_SLOPES[int(generator.integers(len(RIGHT_SLOPES)))])
    return network


def with_slope(network: Network, layer: str, expression: str, derivative: str) -> Network:
    """Return the network with a custom activation of this function and typed derivative in a layer."""
    given = {"expression": expression, "derivative": derivative}
    if network.layer(layer).type == "activation":
        return edits.set_options(network, layer, {"function": "custom", **given})
    choice = Choice("custom", parse_options(activations.get("custom").options, given))
    return edits.set_options(network, layer, {"activation": choice})
