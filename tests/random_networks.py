"""Random networks: acyclic graphs of all layers there are, with data, for tests of properties and of parity."""

from __future__ import annotations

import math
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

EXPRESSIONS = ("x * tanh(x)", "sin(x) + x / 2", "where(x > 0, x, exp(x) - 1)", "sqrt(1 + x**2)")
"""Custom activations."""

ADAPTIVE = ("adam", "adamw", "adagrad", "rmsprop")

RECURRENT = ("rnn", "lstm", "gru")

PROBABILITIES = {
    loss.type_name: "sigmoid" if loss.target_kind == "binary" else "softmax"
    for loss in losses
    if loss.expects == "probabilities"
}
"""What has to stand before a loss on probabilities."""


@dataclass
class _Builder:
    """Adds layers to a network, and knows what each gives."""

    network: Network
    generator: np.random.Generator
    shapes: dict[str, Shape] = field(default_factory=dict)

    def add(self, type_name: str, options: dict[str, Any], sources: list[str]) -> str:
        name = f"{type_name} {len(self.network.layers)}"
        layer = make_layer(name, type_name, options)
        specs = layer.kind.parameters(layer.options, [self.shapes[source] for source in sources])
        if specs and self.generator.random() < 0.15:
            layer = replace(layer, frozen=True if self.generator.random() < 0.5 else (specs[0].name,))
        self.network = edits.add_layer(self.network, layer, (0.0, 0.0))
        for source in sources:
            self.network = edits.connect(self.network, source, name)
        kind, inputs = self.network.layer(name).kind, [self.shapes[source] for source in sources]
        self.shapes[name] = tuple(kind.output_shape(self.network.layer(name).options, inputs))
        return name

    def pick(self, names: list[str]) -> str:
        return names[int(self.generator.integers(len(names)))]

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return int(self.generator.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.generator.random() < probability)

    def activation(self) -> dict[str, Any]:
        """Return an activation as a file names it: its type, and what it has to be given."""
        name = self.pick(activations.names())
        return {"type": name, **({"expression": self.pick(list(EXPRESSIONS))} if name == "custom" else {})}

    def weighted(self) -> dict[str, Any]:
        """Return options that dense and convolutional layers share."""
        return {
            "bias": self.chance(0.85),
            "weight_norm": self.chance(0.2),
            "weight_init": self.pick(["glorot_normal", "orthogonal"]),
            "bias_init": "uniform",
        }

    def dense(self, source: str, units: int, activation: str | None = None) -> str:
        options = {"units": units, "activation": activation or self.activation(), **self.weighted()}
        return self.add("dense", options, [source])

    def group_norm(self, source: str) -> str:
        """Add a group norm of as many groups as fit, or what a single number can have: nothing but a dense layer."""
        channels, *places = self.shapes[source]
        size = channels * math.prod(places)
        fitting = [str(count) for count in range(1, channels + 1) if channels % count == 0 and count < size]
        if not fitting:
            return self.dense(source, 2)
        return self.add("group_norm", {"groups": int(self.pick(fitting)), "epsilon": 1e-3}, [source])

    def of_an_image(self, source: str) -> str:
        """Add a convolution or a pooling of the image `source`."""
        return self._of_windows(source, self.pick(["conv2d", "conv2d", "max_pool2d", "avg_pool2d"]))

    def _of_windows(self, source: str, kind: str) -> str:
        lengths = self.shapes[source][1:]
        padding = self.integer(0, 1) if kind.startswith("conv") else 0
        options: dict[str, Any] = {
            "kernel": self.integer(1, min(*lengths, 3) + 2 * padding),
            "stride": self.integer(1, 2),
        }
        if kind.startswith("conv"):
            options |= {"filters": self.integer(1, 3), "padding": padding, "activation": self.activation()}
            options |= self.weighted()
        return self.add(kind, options, [source])

    def of_a_sequence(self, source: str) -> str:
        """Add a convolution, a recurrent layer, or attention, on the sequence `source`."""
        if self.chance(0.25):
            return self._of_windows(source, "conv1d")
        width = self.shapes[source][1]
        if self.chance(0.5):
            options = {"units": self.integer(1, 4), "activation": self.activation(), "bias_init": "uniform"}
            options["return_sequence"] = self.chance(0.6)
            kind = str(np.random.default_rng([self.network.seed, len(self.shapes), 3]).choice(RECURRENT))
            if kind != "rnn":
                del options["activation"]
            return self.add(kind, options, [source])
        heads = self.pick([str(count) for count in range(1, width + 1) if width % count == 0])
        return self.add(
            "self_attention", {"heads": int(heads), "causal": self.chance(0.5), "bias_init": "uniform"}, [source]
        )


def random_network(
    seed: int, with_dropout: bool = False, precision: Literal["float64", "float32"] = "float64"
) -> Network:
    """Return a network of 3 to 12 layers, and a training of any kind. Values are used by any number of layers."""
    generator = np.random.default_rng([seed, 1])
    builder = _Builder(Network(seed=seed, precision=precision), generator)
    shape = [int(n) for n in generator.integers(1, 6, generator.integers(1, 4))]
    names = [builder.add("input", {"shape": shape}, [])]
    if len(shape) == 1 and builder.chance(0.4):
        options = {"vocabulary": builder.integer(1, 5), "units": builder.integer(1, 4)}
        names.append(builder.add("embedding", options, names))
    for _ in range(int(generator.integers(1, 8))):
        source = builder.pick(names[-3:] if generator.random() < 0.7 else names)
        rank = len(builder.shapes[source])
        kinds = ["dense", "dense", "activation", "join", "flatten", "batch_norm", "layer_norm", "group_norm"]
        kinds += ["dropout"] * with_dropout + ["image"] * 4 * (rank == 3) + ["sequence"] * 4 * (rank == 2)
        kind = str(generator.choice(kinds))
        match kind:
            case "image":
                names.append(builder.of_an_image(source))
            case "sequence":
                names.append(builder.of_a_sequence(source))
            case "batch_norm" | "layer_norm":
                names.append(builder.add(kind, {"epsilon": 1e-3}, [source]))
            case "group_norm":
                names.append(builder.group_norm(source))
            case "dense":
                names.append(builder.dense(source, int(generator.integers(1, 7))))
            case "activation":
                chosen = builder.activation()
                names.append(builder.add("activation", {"function": chosen.pop("type"), **chosen}, [source]))
            case "dropout":
                names.append(builder.add("dropout", {"rate": 0.3}, [source]))
            case "flatten":
                names.append(builder.add("flatten", {}, [source]))
            case "join":
                names.append(_join(builder, names, source))
    _end(builder, names)
    coupled = any(layer.type == "batch_norm" for layer in builder.network.layers)
    return replace(builder.network, training=_training(generator, coupled))


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


def _training(generator: np.random.Generator, coupled: bool) -> Training:
    """Return a training of any kind; where samples are `coupled`, no batch of the nine samples is a single one."""
    rate = float(10 ** generator.uniform(-3, -1))
    decay = float(generator.choice([0.0, 0.01]))
    if generator.random() < 0.5:
        momentum = float(generator.choice([0.0, 0.9]))
        nesterov = bool(momentum and generator.random() < 0.5)
        choice = optimizer("sgd", learning_rate=rate, momentum=momentum, nesterov=nesterov, weight_decay=decay)
    else:
        choice = optimizer(str(generator.choice(ADAPTIVE)), learning_rate=rate, weight_decay=decay)
    clips = [None, Clip("norm", 0.5), Clip("norm", 1e3), Clip("value", 0.05)]
    return Training(
        optimizer=choice,
        batch_size=int(generator.choice([3, 5, 6, 7, 9] if coupled else range(1, 8))),
        shuffle=bool(generator.random() < 0.5),
        clip=clips[int(generator.integers(len(clips)))],
        l1=float(generator.choice([0.0, 0.0, 0.01])),
        l2=float(generator.choice([0.0, 0.0, 0.1])),
    )


def random_data(network: Network, seed: int, samples: int = 9) -> Dataset:
    """Return data that fit the network, as a data set gives them."""
    generator = np.random.default_rng([seed, 2])
    inputs: Array = generator.standard_normal((samples, *network.layers[0].options["shape"]))
    for layer in network.layers:
        if layer.type == "embedding":
            inputs = generator.integers(0, layer.options["vocabulary"], inputs.shape).astype(float)
    units = network.layer(network.inputs_of(network.layers[-1].name)[0]).options["units"]
    _, targets = loss_data(type_of_loss(network), (samples, units), generator)
    return Dataset(inputs, targets)


def type_of_loss(network: Network) -> Any:
    return losses.get(network.layers[-1].type)
