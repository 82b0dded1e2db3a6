"""Rules of normalisation, over the batch or within a sample: h = weight x_hat + bias, x_hat = (x - mean) / deviation.

The numbers that share a mean are a *group*: a column of the batch for batch norm, a row for layer norm, some channels
of a sample for group norm. Each operation says how its groups lie; the rules are the same. x_hat and 1 / deviation are
kept for the way back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, IterationContext, Operation


@dataclass(frozen=True)
class Layout:
    """How values are laid out for the rules: as `view`, against which `statistics` (one number for each group) and
    `parameters` broadcast. `axes` are those of a group, `count` the numbers in it, `places` those of them that lie
    next to each other in the last axis."""

    view: Shape
    statistics: Shape
    parameters: Shape
    axes: tuple[int, ...]
    count: int
    places: int = 1


def rescue_overflow(
    values: Array, layout: Layout, epsilon: float, mean: Array, variance: Array, inverse: Array, x_hat: Array
) -> None:
    """Do the groups again whose squares overflowed though their numbers are finite, scaled by their largest one."""
    flat = variance.reshape(-1)
    if math.isfinite(np.dot(flat, flat)):
        return
    largest = np.max(np.abs(values), axis=layout.axes, keepdims=True)
    wrong = np.isfinite(largest) & ~np.isfinite(variance)
    if not wrong.any():
        return
    scaled = values / np.where(largest > 0.0, largest, 1.0)
    center = np.mean(scaled, axis=layout.axes, keepdims=True)
    scaled -= center
    deviation = np.sqrt(np.mean(scaled * scaled, axis=layout.axes, keepdims=True))
    whole = np.hypot(deviation * largest, math.sqrt(epsilon))
    np.copyto(mean, center * largest, where=wrong)
    np.copyto(inverse, 1.0 / whole, where=wrong)
    np.copyto(x_hat, scaled * np.where(deviation > 0.0, largest / whole, 0.0), where=wrong)


def emit_channel_sums(emit: Emitter, layout: Layout, values: Array, result: Array, copies: int = 1) -> None:
    """Emit result (copies, C) = the sums over places and samples. Products with ones are the fastest sums."""
    channels = size_of(layout.parameters)
    if layout.places > 1:
        by_place = emit.memory("sums over places", (values.size // layout.places,))
        emit(np.dot, values.reshape(-1, layout.places), emit.ones(layout.places), by_place)
        values = by_place
    rows = values.size // (copies * channels)
    ones = emit.ones(rows)
    if copies == 1:
        emit(np.dot, ones, values.reshape(rows, channels), result.reshape(channels))
    else:
        emit(np.matmul, ones.reshape(1, rows), values.reshape(copies, rows, channels), result.reshape(copies, 1, -1))


class NormalizationRule(Operation):
    """The rules that all have in common. x has any shape that the layout can take; h has the same."""

    operands: ClassVar[tuple[str, ...]] = ("x", "weight", "bias")
    weight_varies_in_group: ClassVar[bool] = True

    def __init__(self, epsilon: float) -> None:
        self.epsilon = epsilon

    def layout(self, shape: Shape, weight: Shape, copies: int = 1) -> Layout:
        """Return how x lies for the rules; its batch is `copies` batches, one after the other."""
        raise TypeError(f"{self.name} has no layout")

    def emit_group_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        """Emit result = the sum of `values` over each group."""
        raise TypeError(f"{self.name} has no groups")

    def emit_parameter_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        """Emit result = the sum of `values` over all that meet the same weight."""
        raise TypeError(f"{self.name} has no parameters")

    def uses_own_statistics(self, emit: Emitter) -> bool:
        """Return whether mean and deviation are those of the values at hand."""
        return True

    # -- forward -----------------------------------------------------------------------------------------------------

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        x, weight, bias = inputs[:3]
        layout = self.layout(x.shape, weight.shape, emit.copies)
        h, x_hat = output.reshape(layout.view), emit.memory("x_hat", layout.view)
        if self.uses_own_statistics(emit):
            self._emit_normalised(emit, layout, x.reshape(layout.view), h)
        else:
            self._emit_with_kept_statistics(emit, layout, x.reshape(layout.view), *inputs[3:])
        emit(np.multiply, x_hat, weight.reshape(layout.parameters), h)
        emit(np.add, h, bias.reshape(layout.parameters), h)

    def _emit_normalised(self, emit: Emitter, layout: Layout, values: Array, work: Array) -> None:
        x_hat, inverse = emit.memory("x_hat", layout.view), emit.memory("inverse", layout.statistics)
        mean, variance = emit.memory("mean", layout.statistics), emit.memory("variance", layout.statistics)
        share = emit.constant(1.0 / layout.count)
        self.emit_group_sums(emit, layout, values, mean)
        emit(np.multiply, mean, share, mean)
        emit(np.subtract, values, mean, x_hat)
        emit(np.multiply, x_hat, x_hat, work)
        self.emit_group_sums(emit, layout, work, variance)
        emit(np.multiply, variance, share, variance)
        emit(np.add, variance, emit.constant(self.epsilon), inverse)
        emit(np.sqrt, inverse, inverse)
        emit(np.reciprocal, inverse, inverse)
        emit(np.multiply, x_hat, inverse, x_hat)
        emit(rescue_overflow, values, layout, self.epsilon, mean, variance, inverse, x_hat)

    def _emit_with_kept_statistics(
        self, emit: Emitter, layout: Layout, values: Array, mean: Array, variance: Array
    ) -> None:
        x_hat, inverse = emit.memory("x_hat", layout.view), emit.memory("inverse", layout.parameters)
        emit(np.add, variance.reshape(layout.parameters), emit.constant(self.epsilon), inverse)
        emit(np.sqrt, inverse, inverse)
        emit(np.reciprocal, inverse, inverse)
        emit(np.subtract, values, mean.reshape(layout.parameters), x_hat)
        emit(np.multiply, x_hat, inverse, x_hat)

    # -- backward ----------------------------------------------------------------------------------------------------

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        weight = inputs[1]
        layout = self.layout(output.shape, weight.shape, emit.copies)
        delta, x_hat = upstream.reshape(layout.view), emit.memory("x_hat", layout.view)
        match self.operand_name(operand):
            case "weight":
                product = emit.memory("product", layout.view)
                emit(np.multiply, delta, x_hat, product)
                self.emit_parameter_sums(emit, layout, product, result)
            case "bias":
                self.emit_parameter_sums(emit, layout, delta, result)
            case _:
                factor = weight.reshape(layout.parameters)
                if self.uses_own_statistics(emit):
                    self._emit_input_gradient(emit, layout, delta, factor, result.reshape(layout.view))
                else:
                    slope = emit.memory("slope", layout.parameters)
                    emit(np.multiply, emit.memory("inverse", layout.parameters), factor, slope)
                    emit(np.multiply, delta, slope, result.reshape(layout.view))

    def _emit_input_gradient(self, emit: Emitter, layout: Layout, delta: Array, weight: Array, result: Array) -> None:
        """Emit (g - mean(g) - x_hat mean(g x_hat)) / deviation with g = weight delta; a weight that is the same in all
        of a group goes with the deviation, which saves a product over all elements."""
        x_hat, inverse = emit.memory("x_hat", layout.view), emit.memory("inverse", layout.statistics)
        mean, along = emit.memory("mean of g", layout.statistics), emit.memory("mean of g x_hat", layout.statistics)
        share, slope = emit.constant(1.0 / layout.count), inverse
        if self.weight_varies_in_group:
            scaled = emit.memory("g", layout.view)
            emit(np.multiply, delta, weight, scaled)
            delta = scaled
        else:
            slope = emit.memory("slope", layout.statistics)
            emit(np.multiply, inverse, weight, slope)
        self.emit_group_sums(emit, layout, delta, mean)
        emit(np.multiply, mean, share, mean)
        emit(np.multiply, delta, x_hat, result)
        self.emit_group_sums(emit, layout, result, along)
        emit(np.multiply, along, share, along)
        emit(np.multiply, x_hat, along, result)
        emit(np.subtract, delta, result, result)
        emit(np.subtract, result, mean, result)
        emit(np.multiply, result, slope, result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        """As in training: the statistics move with x."""
        x, weight = inputs[:2]
        layout = self.layout(x.shape, weight.shape)
        emit = Emitter(IterationContext(), output.dtype, eager=True)
        with np.errstate(all="ignore"):
            self._emit_normalised(emit, layout, x.reshape(layout.view), np.zeros(layout.view, output.dtype))
        x_hat, inverse = emit.memory("x_hat", layout.view), emit.memory("inverse", layout.statistics)
        factor, moved = weight.reshape(layout.parameters), np.zeros(layout.view, output.dtype)
        if (tangent := tangents[0]) is not None:
            t = tangent.reshape(layout.view)
            along = np.mean(t * x_hat, axis=layout.axes, keepdims=True)
            moved += (t - np.mean(t, axis=layout.axes, keepdims=True) - x_hat * along) * inverse * factor
        if (weight_tangent := tangents[1]) is not None:
            moved += x_hat * weight_tangent.reshape(layout.parameters)
        if (bias_tangent := tangents[2]) is not None:
            moved += bias_tangent.reshape(layout.parameters)
        return moved.reshape(output.shape)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        """The square, the division by the deviation, and the weight: three for each element."""
        return 3 * size_of(output)

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        by_name = {"weight": 1, "bias": 0}
        return by_name.get(self.operand_name(operand), 4 if self.weight_varies_in_group else 3) * size_of(output)
