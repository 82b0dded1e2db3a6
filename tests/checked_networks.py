"""Networks on which it is hard to judge a gradient: vanished, saturated, at kinks, tiny and huge, unscaled, trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.building import chain, optimizer
from tests.random_networks import random_data, random_network
from tests.refs import ref
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.engine import Executor, Plan, compile_plan
from visualbp.engine.bugs import possible_bugs
from visualbp.engine.store import initial_parameters
from visualbp.network import Network, Training, edits
from visualbp.network.bugs import PlantedBug
from visualbp.operations.base import IterationContext

LARGEST = 400
"""Parameters of a random network that is small enough to be judged by the thousand."""


@dataclass(eq=False)
class HardCase:
    """A network, its parameters and a batch, as `gradient_check` takes them."""

    kind: str
    network: Network
    parameters: dict[Ref, Array]
    inputs: Array
    targets: Array
    context: IterationContext

    @property
    def plan(self) -> Plan:
        return compile_plan(self.network)

    def with_bug(self, generator: np.random.Generator) -> tuple[HardCase, PlantedBug] | None:
        """Return the case with a bug of a random kind planted at a random place, or None where none fits."""
        bugs = possible_bugs(self.plan)
        kinds = sorted({bug.kind for bug in bugs})
        if not kinds:
            return None
        kind = kinds[int(generator.integers(len(kinds)))]
        of_kind = [bug for bug in bugs if bug.kind == kind]
        bug = of_kind[int(generator.integers(len(of_kind)))]
        return replace(self, network=edits.plant_bug(self.network, bug)), bug


def _random(seed: int, **options: Any) -> tuple[Network, Executor]:
    """Return a random network of any layers, small enough, and its executor."""
    for attempt in range(50):
        network = random_network(seed + 100_000 * attempt, with_dropout=seed % 3 == 0, **options)
        plan = compile_plan(network)
        if sum(int(np.prod(info.spec.shape)) for info in plan.parameters) <= LARGEST:
            return network, Executor(plan, random_data(network, seed))
    raise ValueError(f"no small network near seed {seed}")


def _case(kind: str, network: Network, executor: Executor, parameters: dict[Ref, Array] | None = None) -> HardCase:
    batch = executor.batch_indices(0)
    own = {value: np.array(array) for value, array in (parameters or initial_parameters(executor.plan)).items()}
    return HardCase(kind, network, own, executor.inputs[batch], executor.targets[batch], executor.context)


def ordinary(seed: int) -> HardCase:
    network, executor = _random(seed)
    return _case("ordinary", network, executor)


def exactly_zero(seed: int) -> HardCase:
    """Dead units, weights of 0, or a loss of exactly 0."""
    network, executor = _random(seed)
    case = _case("exactly zero", network, executor)
    generator = np.random.default_rng([seed, 7])
    for value, array in case.parameters.items():
        if "bias" in value.name and generator.random() < 0.5:
            array[...] = -30.0
        elif array.ndim > 1 and "direction" not in value.name and generator.random() < 0.3:
            array[...] = 0.0
    return case


def vanished(seed: int) -> HardCase:
    """Chains of saturating activations that leave a gradient of 1e-11 and far below."""
    generator = np.random.default_rng([seed, 3])
    depth, width = int(generator.integers(8, 18)), int(generator.integers(1, 4))
    activation = str(generator.choice(["tanh", "sigmoid", "softmax" if width > 1 else "tanh", "gelu"]))
    layers: list[tuple[str, str, dict[str, Any]]] = [("in", "input", {"shape": [2]})]
    layers += [(f"h{n}", "dense", {"units": width, "activation": activation}) for n in range(depth)]
    layers += [("out", "dense", {"units": 2}), ("loss", "softmax_cross_entropy", {})]
    scale = 10.0 ** generator.uniform(-2.5, -0.3)
    return _filled("vanished", chain(*layers, seed=seed), generator, scale)


def _filled(kind: str, network: Network, generator: np.random.Generator, scale: float) -> HardCase:
    network = replace(network, training=Training(optimizer=optimizer("sgd", learning_rate=0.1), batch_size=4))
    inputs = generator.standard_normal((4, *network.layers[0].options["shape"]))
    case = _case(kind, network, Executor(compile_plan(network), Dataset(inputs, generator.integers(0, 2, 4))))
    for array in case.parameters.values():
        array[...] = scale * generator.standard_normal(array.shape)
    return case


def saturated(seed: int) -> HardCase:
    """Outputs with |z| from 10 to 40 before the loss, sure and right or sure and wrong."""
    generator = np.random.default_rng([seed, 4])
    loss, activation = (
        ("binary_cross_entropy", "sigmoid"),
        ("binary_cross_entropy_with_logits", "linear"),
        ("cross_entropy", "softmax"),
        ("kl_divergence", "softmax"),
        ("softmax_cross_entropy", "linear"),
        ("mean_squared_error", "sigmoid"),
        ("mean_squared_error", "tanh"),
    )[seed % 6]
    hidden = str(generator.choice(["tanh", "sigmoid", "relu", "silu"]))
    network = chain(
        ("in", "input", {"shape": [3]}),
        ("h", "dense", {"units": 4, "activation": hidden}),
        ("out", "dense", {"units": 2, "activation": activation}),
        ("loss", loss, {}),
        seed=seed,
    )
    network = replace(network, training=Training(optimizer=optimizer("sgd", learning_rate=0.1), batch_size=5))
    targets = (
        generator.integers(0, 2, 5) if "softmax" in (activation, loss[:7]) else generator.integers(0, 2, (5, 2)) * 1.0
    )
    executor = Executor(compile_plan(network), Dataset(generator.standard_normal((5, 3)), targets))
    case = _case("saturated", network, executor)
    from visualbp.engine.evaluate import forward_pass

    z = forward_pass(case.plan, case.parameters, case.inputs).values[ref("out", "z")]
    factor = generator.uniform(10.0, 40.0) / np.abs(z).max()
    case.parameters[ref("out", "weight")] *= factor
    case.parameters[ref("out", "bias")] *= factor
    return case


def at_kinks(seed: int) -> HardCase:
    """Small whole numbers for data and parameters: pre-activations exactly at corners, maxima with ties."""
    network, executor = _random(seed)
    case = _case("at kinks", network, executor)
    generator = np.random.default_rng([seed, 5])
    has_indices = any(layer.type == "embedding" for layer in network.layers)
    if not has_indices:
        case.inputs = np.rint(case.inputs)
    for value, array in case.parameters.items():
        whole = generator.integers(-1, 2, array.shape).astype(float)
        if "direction" in value.name:
            whole[..., 0] = 1.0
        array[...] = 0.0 if "bias" in value.name else whole * generator.choice([0.5, 1.0])
    return case


def tiny_and_huge(seed: int) -> HardCase:
    """Parameters from 1e-8 to 1e8."""
    network, executor = _random(seed)
    case = _case("tiny and huge", network, executor)
    generator = np.random.default_rng([seed, 6])
    for array in case.parameters.values():
        array *= 10.0 ** generator.uniform(-8.0, 8.0)
    return case


def unscaled(seed: int) -> HardCase:
    """Inputs in the thousands beside small ones, and a constant one."""
    generator = np.random.default_rng([seed, 8])
    width = int(generator.integers(2, 6))
    activation = str(generator.choice(["tanh", "sigmoid", "relu", "elu", "softplus", "linear"]))
    loss = str(generator.choice(["mean_squared_error", "huber", "softmax_cross_entropy", "mean_absolute_error"]))
    layers: list[tuple[str, str, dict[str, Any]]] = [("in", "input", {"shape": [width]})]
    if generator.random() < 0.3:
        layers.append(("norm", str(generator.choice(["batch_norm", "layer_norm"])), {}))
    layers += [
        ("h", "dense", {"units": 4, "activation": activation}),
        ("out", "dense", {"units": 2}),
        ("loss", loss, {}),
    ]
    network = chain(*layers, seed=seed)
    network = replace(network, training=Training(optimizer=optimizer("sgd", learning_rate=0.1), batch_size=8))
    inputs = generator.standard_normal((8, width)) * 10.0 ** generator.uniform(-3.0, 5.0, width)
    inputs[:, 0] = 1e3
    targets = generator.integers(0, 2, 8) if loss.startswith("softmax") else 1e2 * generator.standard_normal((8, 2))
    return _case("unscaled inputs", network, Executor(compile_plan(network), Dataset(inputs, targets)))


def float32(seed: int) -> HardCase:
    network, executor = _random(seed, precision="float32")
    return _case("float32", network, executor)


def trained(seed: int) -> HardCase:
    """A random network after some hundred iterations of Adam."""
    network, _ = _random(seed)
    training = replace(network.training, optimizer=optimizer("adam", learning_rate=0.05), clip=None)
    network = replace(network, training=training)
    executor = Executor(compile_plan(network), random_data(network, seed))
    for _ in range(400):
        executor.run_fast()
    return _case("trained", network, executor, dict(executor.parameter_views()))


KINDS: tuple[Callable[[int], HardCase], ...] = (
    ordinary,
    exactly_zero,
    vanished,
    saturated,
    at_kinks,
    tiny_and_huge,
    unscaled,
    float32,
    trained,
)
