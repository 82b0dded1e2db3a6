"""The frozen records: a network, its layers, and how it trains. Edits are in `edits.py`; they return new networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import Choice, Option, parse_options
from visualbp.datasets import DataSpec
from visualbp.layers import LayerType, layer_types
from visualbp.network.bugs import PlantedBug
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import CONSTANT

Position = tuple[float, float]
Connection = tuple[str, str]
Parameters = Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True)
class Layer:
    """A layer: its name, its type, and its options, canonical and complete.

    `frozen` is true for all parameters, or names those that updates and clipping leave out.
    """

    name: str
    type: str
    options: Mapping[str, Any] = field(default_factory=dict)
    frozen: bool | tuple[str, ...] = False

    @property
    def kind(self) -> LayerType:
        """The layer's type, from the registry."""
        return layer_types.get(self.type)

    @property
    def summary(self) -> str:
        """The type with the options that matter most, in a few words, as its card shows it."""
        return self.kind.summary(self.options)

    def is_frozen(self, parameter: str) -> bool:
        """Return whether a parameter is left out of updates."""
        return self.frozen if isinstance(self.frozen, bool) else parameter in self.frozen

    def __hash__(self) -> int:
        return hash((self.name, self.type))


def make_layer(
    name: str, type_name: str, given: Mapping[str, Any] | None = None, frozen: bool | tuple[str, ...] = False
) -> Layer:
    """Return a layer with `given` options and the defaults of the others. Raises UnknownNameError and OptionError."""
    given = given or {}
    return Layer(name, type_name, parse_options(layer_types.get(type_name).options_for(given), given), frozen)


@dataclass(frozen=True)
class Clip:
    """Gradient clipping: PyTorch's clip_grad_norm_ over all parameters together, or clip_grad_value_."""

    by: Literal["norm", "value"]
    limit: float


DEFAULT_OPTIMIZER = Choice("sgd", parse_options(optimizers.get("sgd").options, {"learning_rate": 0.1}))


@dataclass(frozen=True)
class Training:
    """How the network trains. The batch is cut to the size of the data; the last batch of an epoch may be smaller.

    The schedule changes the optimiser's learning rate from iteration to iteration.
    """

    optimizer: Choice = DEFAULT_OPTIMIZER
    batch_size: int = 32
    shuffle: bool = False
    clip: Clip | None = None
    l1: float = 0.0
    l2: float = 0.0
    schedule: Choice = CONSTANT


@dataclass(frozen=True, eq=False)
class Network:
    """Everything that a model file holds, and the bugs planted in it. Compared by value, arrays included.

    `connections` are (source, target) pairs; the order of those that end at a layer is the order of its operands.
    `parameters` are where a run starts; what is absent is drawn from the layer's initialiser with the seed. Only the
    file of a bug hunt holds `bugs`; of other networks they are gone when it is opened again.
    """

    name: str = "Untitled"
    description: str = ""
    seed: int = 0
    precision: Literal["float64", "float32"] = "float64"
    layers: tuple[Layer, ...] = ()
    connections: tuple[Connection, ...] = ()
    positions: Mapping[str, Position] = field(default_factory=dict)
    data: DataSpec | None = None
    training: Training = field(default_factory=Training)
    parameters: Parameters = field(default_factory=dict)
    bug_hunt: bool = False
    bugs: tuple[PlantedBug, ...] = ()

    def has_layer(self, name: str) -> bool:
        return name in self._by_name

    def layer(self, name: str) -> Layer:
        """Return the layer called `name`. Raises KeyError."""
        if name not in self._by_name:
            raise KeyError(f"there is no layer called {name!r}")
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def _sources(self) -> dict[str, list[str]]:
        sources: dict[str, list[str]] = {}
        for source, target in self.connections:
            sources.setdefault(target, []).append(source)
        return sources

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the layers, in the order of the file."""
        return tuple(layer.name for layer in self.layers)

    def inputs_of(self, name: str) -> tuple[str, ...]:
        """Return the layers that `name` takes its operands from, in order."""
        return tuple(self._sources.get(name, ()))

    def outputs_of(self, name: str) -> tuple[str, ...]:
        """Return the layers that take `name` as an input."""
        return tuple(target for source, target in self.connections if source == name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return False
        plain = ("name", "description", "seed", "precision", "layers", "connections", "data", "training", "bugs")
        return (
            all(getattr(self, part) == getattr(other, part) for part in plain)
            and self.bug_hunt == other.bug_hunt
            and dict(self.positions) == dict(other.positions)
            and same_parameters(self.parameters, other.parameters)
        )

    def __hash__(self) -> int:
        return hash((self.name, self.seed, self.layers, self.connections))


def same_parameters(one: Parameters, other: Parameters) -> bool:
    """Return whether both hold the same arrays, bit by bit."""
    if one is other:
        return True
    if one.keys() != other.keys():
        return False
    for layer, arrays in one.items():
        if arrays.keys() != other[layer].keys():
            return False
        for name, array in arrays.items():
            twin = other[layer][name]
            if array is not twin and not np.array_equal(array, twin, equal_nan=True):
                return False
    return True


def options_of(layer: Layer) -> tuple[Option, ...]:
    """Return the options that the layer has now."""
    return layer.kind.options_for(layer.options)
