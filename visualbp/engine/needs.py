"""What opening a network will take, said before anything large is made: memory, and time on an ordinary laptop.

An estimate from the layers' shapes alone; nothing is compiled, drawn or allocated for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visualbp.core.arrays import Shape, size_of
from visualbp.datasets import DataError
from visualbp.layers.recurrent import RecurrentLayer
from visualbp.network import Layer, Network, Structure, structure_of
from visualbp.optimizers.base import make_optimizer

MOST_MEMORY = 3 * 2**30
"""What a run may need at most, in bytes; beyond it a machine would stall rather than answer."""
MUCH_MEMORY = 2**30
LONG = 10.0
"""From these on, in bytes and in seconds, a person is told before a network is opened."""

SECONDS_PER_OPERATION = 1.5e-3
"""To compile, bind, run and record one operation with its backward steps."""
SECONDS_PER_NUMBER = 2.5e-8
"""To make, fill and copy one number once."""
SECONDS_PER_PRODUCT = 2e-10
"""For a multiplication and an addition within a matrix product or a factorisation."""
OPERATIONS = 4
"""Operations of a layer that does not unroll, on the average."""

MOST_OF_ITS_OWN = 2_000
"""Samples of the data sets that come with the program and have no option for their number."""
MOST_OF_A_TABLE = 1_000_000


@dataclass(frozen=True)
class Needs:
    """About how many bytes and seconds opening takes, the first iteration included."""

    bytes: float
    seconds: float

    @property
    def are_large(self) -> bool:
        """Whether it needs so much memory, or time, that it is said before it begins."""
        return self.bytes > MUCH_MEMORY or self.seconds > LONG

    @property
    def text(self) -> str:
        """The words after `needs`: `about 1.4 GB of memory and 20 s to open`."""
        memory = f"about {self.bytes / 2**30:,.1f} GB of memory" if self.bytes > MUCH_MEMORY else ""
        seconds = _rounded(self.seconds)
        time = f"{seconds:,} s" if seconds < 120 else f"{round(seconds / 60):,} minutes"
        about = f"{'' if memory else 'about '}{time} to open" if self.seconds > LONG else ""
        return " and ".join(part for part in (memory, about) if part) or "little"


def _rounded(seconds: float) -> int:
    """Return whole seconds with one digit that counts: it is an estimate."""
    unit = 10 ** max(math.floor(math.log10(max(seconds, 1.0))), 0)
    return round(seconds / unit) * unit


def expected_needs(network: Network) -> Needs:
    """Return what opening `network` takes, without a look at its data: of a table the longest possible is assumed."""
    options = network.data.options if network.data is not None else {}
    inline = options.get("inputs")
    samples = len(inline) if isinstance(inline, np.ndarray) else options.get("samples", MOST_OF_ITS_OWN)
    if "path" in options:
        samples = MOST_OF_A_TABLE
    return needs_of(network, structure_of(network), int(samples))


def needs_of(network: Network, structure: Structure, samples: int) -> Needs:
    """Return what opening `network` takes on data of `samples` samples. Layers without a known shape count nothing."""
    batch = min(network.training.batch_size, samples)
    item = np.dtype(network.precision).itemsize
    slots = len(make_optimizer(network.training.optimizer).slots)
    parameters = kept = 0
    values = operations = products = drawing = 0.0
    for name in structure.order:
        if name not in structure.shapes:
            continue
        layer, shape = network.layer(name), structure.shapes[name]
        inputs = [structure.shapes[source] for source in network.inputs_of(name)]
        weights = sum(size_of(spec.shape) for spec in structure.parameters.get(name, ()))
        parameters += weights
        positions = _positions(layer, shape, inputs)
        values += 4 * size_of(shape) + _working(layer, inputs)  # z, h and their gradients
        if layer.kind.unrolls and inputs:  # each time step sends back a part for the shared weights
            kept += weights * inputs[0][0]
            operations += layer.kind.operations_of_a_step * inputs[0][0]
        else:
            operations += OPERATIONS
        products += 3 * weights * positions * batch
        drawing += _drawing(layer, structure)
    numbers = parameters * (3 * (1 + slots) + 2) + 2 * (kept + values * batch)  # the last of them recorded as well
    data = min(samples, MOST_OF_ITS_OWN + batch) * size_of(structure.shapes.get(structure.input or "", ()))
    size = numbers * item + 8 * parameters + 2 * data * 8
    time = operations * SECONDS_PER_OPERATION + (numbers + parameters + data) * SECONDS_PER_NUMBER
    return Needs(size, time + (products + drawing) * SECONDS_PER_PRODUCT)


def check_memory(network: Network, needs: Needs, samples: int) -> None:
    """Raise DataError for a run on `samples` samples that would need more than MOST_MEMORY."""
    if needs.bytes > MOST_MEMORY:
        batch = min(network.training.batch_size, samples)
        size = f"about {needs.bytes / 2**30:,.0f} GB"
        raise DataError(f"would need {size} of memory; use fewer units, or a smaller batch than {batch}")


def _positions(layer: Layer, shape: Shape, inputs: list[Shape]) -> int:
    """Return at how many places of a sample the weights of a layer are used: pixels, or steps of time."""
    if layer.kind.unrolls and inputs:
        return inputs[0][0]
    if len(shape) == 3 or layer.kind.channels_first:
        return size_of(shape[1:])
    return shape[0] if len(shape) == 2 else 1


def _working(layer: Layer, inputs: list[Shape]) -> int:
    """Return how many numbers a sample takes beside z and h: the scores between all positions of attention, and what
    the gates of each time step compute, with its gradients."""
    if layer.type == "self_attention" and inputs:
        return 4 * int(layer.options["heads"]) * inputs[0][0] ** 2
    if layer.kind.unrolls and inputs:
        of_gates = layer.kind.operations_of_a_step - RecurrentLayer.operations_of_a_step
        return 4 * of_gates * int(layer.options["units"]) * inputs[0][0]
    return 0


def _drawing(layer: Layer, structure: Structure) -> float:
    """Return the products that it takes to draw a layer's parameters: an orthogonal matrix is factorised for it."""
    products = 0.0
    for spec in structure.parameters.get(layer.name, ()):
        if spec.initializer.type == "orthogonal":
            rows, columns = spec.shape[0], size_of(spec.shape[1:])
            products += 4.0 * max(rows, columns) * min(rows, columns) ** 2
    return products
