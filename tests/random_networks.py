"""Random networks: acyclic graphs of all layers there are, with data, for tests of properties and of parity."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from tests.building import optimizer
from tests.registry_cases import loss_data
from visualbp.core.arrays import Array, Shape
from visualbp.datasets import Dataset
from visualbp.network import Clip, Network, Training, edits
from visualbp.network.network import make_layer
from visualbp.operations.activations import activations
from visualbp.operations.losses import losses

PROBABILITIES = {"binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}
"""What has to stand before a loss on probabilities."""


@dataclass
class _Builder:
    """Adds layers to a network, and knows what each gives."""

    network: Network
    generator: np.random.Generator
    shapes: dict[str, Shape] = field(default_factory=dict)

    def add(self, type_name: str, options: dict[str, Any], sources: list[str]) -> str:
        frozen: bool | tuple[str, ...] = False
        if type_name == "dense" and self.generator.random() < 0.15:
            frozen = True if self.generator.random() < 0.5 else ("weight",)
        name = f"{type_name} {len(self.network.layers)}"
        self.network = edits.add_layer(self.network, make_layer(name, type_name, options, frozen), (0.0, 0.0))
        for source in sources:
            self.network = edits.connect(self.network, source, name)
        kind, inputs = self.network.layer(name).kind, [self.shapes[source] for source in sources]
        self.shapes[name] = tuple(kind.output_shape(self.network.layer(name).options, inputs))
        return name

    def pick(self, names: list[str]) -> str:
        return names[int(self.generator.integers(len(names)))]

    def activation(self) -> str:
        return self.pick(activations.names())

    def dense(self, source: str, units: int, activation: str | None = None) -> str:
        options = {"units": units, "activation": activation or self.activation()}
        options |= {
            "bias": bool(self.generator.random() < 0.85),
            "weight_init": self.pick(["glorot_normal", "orthogonal"]),
        }
        return self.add("dense", {**options, "bias_init": "uniform"}, [source])


def random_network(
    seed: int, with_dropout: bool = False, precision: Literal["float64", "float32"] = "float64"
) -> Network:
    """Return a network of 3 to 12 layers, and a training of any kind. Values are used by any number of layers."""
    generator = np.random.default_rng([seed, 1])
    builder = _Builder(Network(seed=seed, precision=precision), generator)
    shape = [int(n) for n in generator.integers(1, 6, generator.integers(1, 4))]
    names = [builder.add("input", {"shape": shape}, [])]
    for _ in range(int(generator.integers(1, 8))):
        source = builder.pick(names[-3:] if generator.random() < 0.7 else names)
        kind = generator.choice(["dense", "dense", "activation", "join", "flatten", *(["dropout"] * with_dropout)])
        match kind:
            case "dense":
                names.append(builder.dense(source, int(generator.integers(1, 7))))
            case "activation":
                names.append(builder.add("activation", {"function": builder.activation()}, [source]))
            case "dropout":
                names.append(builder.add("dropout", {"rate": 0.3}, [source]))
            case "flatten":
                names.append(builder.add("flatten", {}, [source]))
            case "join":
                names.append(_join(builder, names, source))
    _end(builder, names)
    return replace(builder.network, training=_training(generator))


def _join(builder: _Builder, names: list[str], source: str) -> str:
    """Join a value with others of its shape, making one where there is none."""
    shape = builder.shapes[source]
    same = [name for name in names if builder.shapes[name] == shape and name != source]
    others = [builder.pick(same)] if same else [builder.dense(source, shape[-1])]
    if len(same) > 2 and builder.generator.random() < 0.5:
        others = list(builder.generator.permutation(same)[:2])
    return builder.add(builder.pick(["add", "multiply", "concatenate"]), {}, [source, *map(str, others)])


def _end(builder: _Builder, names: list[str]) -> None:
    """Bring all loose ends together before the loss, so that every layer counts."""
    loose = [name for name in names if not builder.network.outputs_of(name)] or names[-1:]
    ends = [name if len(builder.shapes[name]) == 1 else builder.add("flatten", {}, [name]) for name in loose]
    end = builder.add("concatenate", {}, ends) if len(ends) > 1 else ends[0]
    loss = builder.pick(losses.names())
    units = int(builder.generator.integers(2, 5))
    end = builder.dense(end, units, PROBABILITIES.get(loss, "linear"))
    builder.add(loss, {}, [end])


def _training(generator: np.random.Generator) -> Training:
    rate = float(10 ** generator.uniform(-3, -1))
    decay = float(generator.choice([0.0, 0.01]))
    if generator.random() < 0.5:
        momentum = float(generator.choice([0.0, 0.9]))
        nesterov = bool(momentum and generator.random() < 0.5)
        choice = optimizer("sgd", learning_rate=rate, momentum=momentum, nesterov=nesterov, weight_decay=decay)
    else:
        choice = optimizer("adam", learning_rate=rate, weight_decay=decay)
    clips = [None, Clip("norm", 0.5), Clip("norm", 1e3), Clip("value", 0.05)]
    return Training(
        optimizer=choice,
        batch_size=int(generator.integers(1, 8)),
        shuffle=bool(generator.random() < 0.5),
        clip=clips[int(generator.integers(len(clips)))],
        l1=float(generator.choice([0.0, 0.0, 0.01])),
        l2=float(generator.choice([0.0, 0.0, 0.1])),
    )


def random_data(network: Network, seed: int, samples: int = 9) -> Dataset:
    """Return data that fit the network, as a data set gives them."""
    generator = np.random.default_rng([seed, 2])
    inputs: Array = generator.standard_normal((samples, *network.layers[0].options["shape"]))
    units = network.layer(network.inputs_of(network.layers[-1].name)[0]).options["units"]
    _, targets = loss_data(type_of_loss(network), (samples, units), generator)
    return Dataset(inputs, targets)


def type_of_loss(network: Network) -> Any:
    return losses.get(network.layers[-1].type)
