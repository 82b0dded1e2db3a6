"""What outlives an iteration: parameters, buffers and the optimiser's own arrays, as views of one flat buffer.

One flat buffer makes a checkpoint one copy, an update of everything two or three calls, and the norm of all gradients
one product. Trainable parameters come first, then frozen ones, then the layers' buffers, then the optimiser's arrays
for the trainable.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from visualbp.core.arrays import Array, frozen_copy, read_only, size_of
from visualbp.core.ref import Ref
from visualbp.engine.plan import Between, ParameterInfo, Plan, go_on
from visualbp.initializers import initial_values
from visualbp.operations.base import IterationContext
from visualbp.optimizers.base import make_optimizer

PADDING = 8
"""Every array starts at a multiple of this many elements, so that a vector unit loads it in one go."""


def stream_of(text: str) -> int:
    """Return the number of the random stream that belongs to a name."""
    return zlib.crc32(text.encode())


def initial_parameters(plan: Plan, between: Between = go_on) -> dict[Ref, Array]:
    """Return where a run starts: the network's own parameters, others drawn by name from their initialisers.

    The layers' buffers are among them.
    """
    start: dict[Ref, Array] = {}
    for info in plan.lasting:
        between()
        start[info.value] = _initial(plan, info, start)
    return start


def initial_parameter(plan: Plan, value: Ref) -> Array:
    """Return where a single parameter or buffer starts, as `initial_parameters` has it."""
    own = [info for info in plan.lasting if info.value.layer == value.layer]
    place = next(place for place, info in enumerate(own) if info.value == value)
    start: dict[Ref, Array] = {}
    if own[place].spec.initial is not None:
        for info in own[:place]:
            start[info.value] = _initial(plan, info, start)
    return _initial(plan, own[place], start)


def _initial(plan: Plan, info: ParameterInfo, start: Mapping[Ref, Array]) -> Array:
    """Return what a parameter starts from: given, computed from those of its layer before it, or drawn."""
    network, value, spec = plan.network, info.value, info.spec
    given = network.parameters.get(value.layer, {}).get(value.role)
    if given is None and spec.initial is not None:
        given = spec.initial({other.role: array for other, array in start.items() if other.layer == value.layer})
    if given is None:
        stream = Ref(value.layer, spec.drawn_as or value.role)
        generator = IterationContext(network.seed).generator(stream_of(stream.text))
        given = initial_values(spec.initializer, spec.shape, generator)
    return given


def _padded(size: int) -> int:
    return -(-size // PADDING) * PADDING


class Store:
    """The flat buffers of a plan. `views` are writable views by name; only the executor writes."""

    def __init__(self, plan: Plan, dtype: np.dtype[Any]) -> None:
        self.plan = plan
        ordered = [*plan.trainable, *(info for info in plan.parameters if info.frozen)]
        slots = make_optimizer(plan.network.training.optimizer).slots
        offsets, total, trainable = {}, 0, 0
        for info in ordered:
            offsets[info.value] = total
            total += _padded(size_of(info.spec.shape))
            trainable = total if not info.frozen else trainable
        self.gradient = np.zeros(total, dtype)
        for info in plan.buffers:
            offsets[info.value] = total
            total += _padded(size_of(info.spec.shape))
        self.persistent = np.zeros(total + trainable * len(slots), dtype)
        self.flat_parameters = self.persistent[:trainable]
        self.flat_gradients = self.gradient[:trainable]
        self.flat_slots = {
            slot: self.persistent[total + trainable * i : total + trainable * (i + 1)] for i, slot in enumerate(slots)
        }
        used = np.zeros(trainable, bool)
        for info in plan.trainable:
            used[offsets[info.value] : offsets[info.value] + size_of(info.spec.shape)] = True
        self.padding: Array = np.flatnonzero(~used)
        """The places of `flat_gradients` that belong to no parameter."""
        self.views: dict[Ref, Array] = {}
        self.gradients: dict[Ref, Array] = {}
        self._places: dict[Ref, tuple[int, tuple[int, ...]]] = {}
        for info in ordered:
            self._place(info.value, offsets[info.value], info.spec.shape)
            self.gradients[info.value.gradient] = self._view(self.gradient, offsets[info.value], info.spec.shape)
            if not info.frozen:
                for index, slot in enumerate(slots):
                    start = total + trainable * index + offsets[info.value]
                    self._place(info.value.in_slot(slot), start, info.spec.shape)
        for info in plan.buffers:
            self._place(info.value, offsets[info.value], info.spec.shape)
        self.first_iteration = np.zeros((), np.int64)

    def _place(self, value: Ref, offset: int, shape: tuple[int, ...]) -> None:
        self._places[value] = (offset, shape)
        self.views[value] = self._view(self.persistent, offset, shape)

    @staticmethod
    def _view(flat: Array, offset: int, shape: tuple[int, ...]) -> Array:
        return flat[offset : offset + size_of(shape)].reshape(shape)

    def save(self) -> Array:
        """Return a read-only copy of everything that outlives an iteration."""
        return frozen_copy(self.persistent)

    def restore(self, saved: Array) -> None:
        """Put parameters and optimiser arrays back to what `save` returned."""
        np.copyto(self.persistent, saved)

    def views_of(self, saved: Array) -> dict[Ref, Array]:
        """Return the named arrays within a saved copy, read-only."""
        return {value: read_only(self._view(saved, *place)) for value, place in self._places.items()}

    def fill(self, values: Mapping[Ref, Array]) -> None:
        """Take over the arrays that have a place here and fit it."""
        for value, array in values.items():
            if value in self.views and self.views[value].shape == array.shape:
                np.copyto(self.views[value], array)
