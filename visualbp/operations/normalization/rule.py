"""Normalisation over the batch or over a sample's units: h = weight x_hat + bias, x_hat = (x - mean) / deviation.

The numbers that share a mean are a *group*: a column of the batch for batch norm, a row for layer norm. Each operation
says how its groups lie; the rules are the same. x_hat and 1 / deviation are kept for the way back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, IterationContext, Operation
from visualbp.operations.symbols import SAMPLE, Symbol, batch_times, exact, summed

X_HAT, MEAN, VARIANCE = r"\hat{x}", r"\mu", r"\sigma^{2}"


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


class NormalizationRule(Operation):
    """What the two have in common. x has any shape that the layout can take; h has the same."""

    operands: ClassVar[tuple[str, ...]] = ("x", "weight", "bias")
    weight_varies_in_group: ClassVar[bool] = True

    def __init__(self, epsilon: float) -> None:
        self.epsilon = epsilon

    def layout(self, shape: Shape, weight: Shape, copies: int = 1) -> Layout:
        raise TypeError(f"{self.name} has no layout")

    def emit_group_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        """Emit result = the sum of `values` over each group."""
        raise TypeError(f"{self.name} has no groups")

    def emit_parameter_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        """Emit result = the sum of `values` over all that meet the same weight."""
        raise TypeError(f"{self.name} has no parameters")

    def words_of_group(self, axes: int, is_whole_sample: bool) -> str:
        """Return what shares a mean, of values with so many axes: `its unit over the batch`."""
        raise TypeError(f"{self.name} has no groups")

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

    # -- in symbols --------------------------------------------------------------------------------------------------

    def places(self, x: Symbol, weight: Symbol) -> Places:
        """Return the letters of the axes of x, of its weight, of a group's statistics, and what these are means of."""
        raise TypeError(f"{self.name} has no letters")

    def _definition(self, x: Symbol, places: Places) -> str:
        """Return what x hat is, with its mean and variance, as lines of their own."""
        mean, variance, each = places.of_group(MEAN), places.of_group(VARIANCE), places.of_x(X_HAT)
        centered = rf"{x.at(*places.x)} - {mean}"
        over, member = summed(*places.summed), x.at(*places.summand)
        return (
            rf", \quad {each} = \frac{{{centered}}}{{\sqrt{{{variance} + \epsilon}}}}"
            rf", \; \epsilon = {exact(self.epsilon)}, \quad {mean} = \frac{{1}}{{{places.count}}} {over} {member}"
            rf", \quad {variance} = \frac{{1}}{{{places.count}}} {over} \left({member} - {mean}\right)^{{2}}"
        )

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        x, weight, bias = operands[:3]
        places = self.places(x, weight)
        scaled = rf"{weight.at(*places.weight)} \, {places.of_x(X_HAT)} + {bias.at(*places.weight)}"
        return f"{output.at(*places.x)} = {scaled}{self._definition(x, places)}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        x, weight = operands[:2]
        places, name = self.places(x, weight), self.operand_name(operand)
        if name in ("weight", "bias"):
            all_places = (SAMPLE, *places.x)
            over = summed(*(letter for letter in all_places if letter not in places.weight))
            rule = f"{result.at(*places.weight)} = {over} {upstream.at(*all_places)}"
            if name == "bias":
                return rule
            return rf"{rule} \, \hat{{x}}_{{{', '.join(all_places)}}}{self._definition(x, places)}"
        g, mean, along = places.of_x("g"), places.of_group(r"\bar{g}"), places.of_group("r")
        slope = rf"\frac{{1}}{{\sqrt{{{places.of_group(VARIANCE)} + \epsilon}}}}"
        inner = rf"\left({g} - {mean} - {along} \, {places.of_x(X_HAT)}\right)"
        over, member = rf"\frac{{1}}{{{places.count}}} {summed(*places.summed)}", ", ".join(places.summand)
        return (
            rf"{result.at(*places.x)} = {slope} {inner}, \quad {g} = {weight.at(*places.weight)} \,"
            rf" {upstream.at(*places.x)}, \quad {mean} = {over} g_{{{member}}}, \;"
            rf" {along} = {over} g_{{{member}}} \, \hat{{x}}_{{{member}}}{self._definition(x, places)}"
        )


@dataclass(frozen=True)
class Places:
    """The letters of a normalisation's axes: of x, of its weight, of the group's statistics; the letters that a mean
    runs over, those of its summand, and the count that it divides by."""

    x: tuple[str, ...]
    weight: tuple[str, ...]
    group: tuple[str, ...]
    summed: tuple[str, ...]
    summand: tuple[str, ...]
    count: str

    def of_x(self, name: str) -> str:
        return f"{name}_{{{', '.join(self.x)}}}"

    def of_group(self, name: str) -> str:
        return f"{name}_{{{', '.join(self.group)}}}" if self.group else name


class BatchNormRule(NormalizationRule):
    """h = weight * (x - mean) / sqrt(var + epsilon) + bias, with the mean and variance of each channel over the batch.

    x (B, C) or (B, C, ...): a channel is an entry of the first axis after the batch. weight, bias, running_mean and
    running_var (C). Training takes the batch's own statistics and moves the running ones towards them by `momentum`
    (the variance with count - 1 below, as PyTorch); outside training the running ones are used. Each copy of a batch
    has statistics of its own. Source: Ioffe, Szegedy 2015; PyTorch's BatchNorm1d and BatchNorm2d.
    """

    name = "batch_norm"
    operands = ("x", "weight", "bias", "running_mean", "running_var")
    constant_operands = frozenset({"running_mean", "running_var"})
    weight_varies_in_group = False
    keeps_copies_apart = True

    def __init__(self, epsilon: float, momentum: float) -> None:
        super().__init__(epsilon)
        self.momentum = momentum

    def layout(self, shape: Shape, weight: Shape, copies: int = 1) -> Layout:
        batch, channels, places = shape[0] // copies, shape[1], size_of(shape[2:])
        tail = (places,) if len(shape) > 2 else ()
        ones = (1,) * len(tail)
        if copies == 1:
            view, statistics, axes = (batch, channels, *tail), (1, channels, *ones), (0, 2) if tail else (0,)
            return Layout(view, statistics, statistics, axes, batch * places, places)
        view, statistics = (copies, batch, channels, *tail), (copies, 1, channels, *ones)
        axes = (1, 3) if tail else (1,)
        return Layout(view, statistics, (1, 1, channels, *ones), axes, batch * places, places)

    def emit_group_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        self._emit_sums(emit, layout, values, result, emit.copies)

    def emit_parameter_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        self._emit_sums(emit, layout, values, result, 1)

    @staticmethod
    def _emit_sums(emit: Emitter, layout: Layout, values: Array, result: Array, copies: int) -> None:
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
            emit(
                np.matmul, ones.reshape(1, rows), values.reshape(copies, rows, channels), result.reshape(copies, 1, -1)
            )

    def uses_own_statistics(self, emit: Emitter) -> bool:
        return emit.training

    def update(self, emit: Emitter, inputs: Sequence[Array], output: Array, updates: Sequence[Array]) -> None:
        layout = self.layout(output.shape, inputs[1].shape)
        kept, unbiased = emit.constant(1.0 - self.momentum), layout.count / (layout.count - 1)
        for name, running, share in (
            ("mean", updates[0], self.momentum),
            ("variance", updates[1], self.momentum * unbiased),
        ):
            part = emit.memory("part", running.shape)
            emit(np.multiply, emit.memory(name, layout.statistics).reshape(-1), emit.constant(share), part)
            emit(np.multiply, running, kept, running)
            emit(np.add, running, part, running)

    def samples_are_independent(self) -> bool:
        return False

    def places(self, x: Symbol, weight: Symbol) -> Places:
        letters = ("c", "i", "j", "k")[: len(x.shape)]
        count = batch_times(size_of(x.shape[1:]))
        return Places(letters, ("c",), ("c",), (SAMPLE, *letters[1:]), (SAMPLE, *letters), count)

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        """The running statistics are the batch's, moved on by `momentum`."""
        x, weight, _, mean, variance = operands
        count, kept, taken = self.places(x, weight).count, exact(1.0 - self.momentum), exact(self.momentum)
        unbiased = rf"\frac{{{count}}}{{{count} - 1}}"
        return (
            rf"{super().equation(output, operands)}, \quad {mean.at('c')} \leftarrow {kept} \, {mean.at('c')} + {taken}"
            rf" \, \mu_{{c}}, \quad {variance.at('c')} \leftarrow {kept} \, {variance.at('c')} + {taken} \, {unbiased}"
            rf" \, \sigma^{{2}}_{{c}}"
        )


class LayerNormRule(NormalizationRule):
    """h = weight * (x - mean) / sqrt(var + epsilon) + bias, with the mean and variance of each sample by itself.

    weight, bias (shape of the last axes of x): these axes are what is normalised. Source: Ba, Kiros, Hinton 2016;
    PyTorch's LayerNorm.
    """

    name = "layer_norm"

    def layout(self, shape: Shape, weight: Shape, copies: int = 1) -> Layout:
        units = size_of(weight)
        rows = size_of(shape) // units
        return Layout((rows, units), (rows, 1), (1, units), (1,), units)

    def emit_group_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        emit(np.dot, values, emit.ones(layout.count), result.reshape(-1))

    def emit_parameter_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        emit(np.dot, emit.ones(len(values)), values, result.reshape(-1))

    def places(self, x: Symbol, weight: Symbol) -> Places:
        group = x.letters[: len(x.shape) - len(weight.shape)]
        own = x.letters[len(group) :]
        return Places(x.letters, own, group, own, x.letters, str(size_of(weight.shape)))
