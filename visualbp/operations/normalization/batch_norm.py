"""Batch normalisation: each channel brought to mean 0 and deviation 1 over the batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.number_words import Index, plain
from visualbp.operations.base import Emitter
from visualbp.operations.normalization.rule import Layout, emit_channel_sums
from visualbp.operations.normalization.terms import Group, Normalization, X
from visualbp.operations.normalization.words import CHANNEL_SUMS, NORMALIZED, Places, channel_places, place_in_channel
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import SAMPLE, Symbol, batch_times, exact
from visualbp.operations.terms import Block, Draft, Element, Factor, constant, one_term
from visualbp.operations.words import Words


class BatchNorm(Normalization):
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
    numpy_helpers = (CHANNEL_SUMS, NORMALIZED)
    sums = "channel_sums"

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
        emit_channel_sums(emit, layout, values, result, emit.copies)

    def emit_parameter_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        emit_channel_sums(emit, layout, values, result)

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
        letters = channel_places(x)
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

    # -- in words ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _channel(axes: int) -> str:
        """Return what has a mean of its own, in samples of so many axes."""
        return {1: "unit", 2: "position", 3: "channel"}.get(axes, "entry")

    def sentence(self, words: Words) -> str:
        return (
            f"{words.layer} brings each {self._channel(words.axes)} of {words.sources[0]} to mean 0 and deviation 1"
            " over the batch, times W plus b; the running statistics follow."
        )

    def sharing(self, words: Words) -> str:
        return "that the batch shares"

    def group_text(self, shape: Shape, layout: Layout) -> str:
        return f"its {self._channel(len(shape) - 1)} over the batch"

    def member_text(self, index: Index, parameter_axes: int) -> str:
        return place_in_channel(index)

    # -- where each number came from ---------------------------------------------------------------------------------

    def update_terms(self, element: Element) -> Draft:
        """running = (1 - momentum) running + momentum * the batch's own, taken apart into its samples."""
        (channel,), group, share = element.index, Group(self, element), self.momentum
        members = group.met_by((channel,))
        x, mean = group.x[members], group.mean(group.index(members[0]))
        before = element.before()
        kept = one_term(
            constant(1.0 - share, r"\left(1 - \alpha\right)", "what is kept").called("kept"), before, label="before"
        )
        if element.buffer == 0:
            weight = constant(share / len(x), r"\frac{\alpha}{N}", f"momentum {share:g} over {len(x)} numbers").called(
                "share"
            )
            block = Block(
                weight.number * x,
                lambda i: (weight, element.input(X, group.index(members[i]))),
                lambda i: self.member_text(element.in_data(group.index(members[i])), 1),
            )
            formula = rf"\left(1 - \alpha\right) {before.symbol} + \frac{{\alpha}}{{N}} \sum_{{i}} x_{{i}}"
            return Draft(
                formula, f"what is kept of the running mean, and a share of the mean of {group.words}", [kept, block]
            )
        weight = constant(
            share / (len(x) - 1), r"\frac{\alpha}{N - 1}", f"momentum {share:g} over {len(x)} numbers less one"
        ).called("share")

        def factors(i: int) -> tuple[Factor, ...]:
            index = group.index(members[i])
            symbol = rf"\left({element.input_symbol(X, index)} - \mu\right)"
            off = element.derived(
                x[i] - mean, symbol, X, index, f"x less the mean of {group.words}, {plain(mean)}"
            ).called("x − mean")
            return weight, off, off

        squares = Block(
            weight.number * (x - mean) ** 2,
            factors,
            lambda i: self.member_text(element.in_data(group.index(members[i])), 1),
        )
        of_squares = r"\frac{\alpha}{N - 1} \sum_{i} \left(x_{i} - \mu\right)^2"
        return Draft(
            rf"\left(1 - \alpha\right) {before.symbol} + {of_squares}",
            f"what is kept of the running variance, and a share of the variance of {group.words}",
            [kept, squares],
            cancels=weight.number * float(np.dot(np.abs(x - mean), np.abs(x) + abs(mean))),
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def count_text(self, code: NumpyCode) -> str:
        x, channels, *places = code.operands[0], *code.shapes[0][1:]
        return f"({x}.size // {channels})" if places else f"len({x})"

    def parameter_sums(self, values: str, code: NumpyCode) -> str:
        return f"channel_sums({values}).reshape(-1)"

    def update_numpy_lines(self, code: NumpyCode) -> list[str]:
        count, share = self.count_text(code), repr(self.momentum)
        mean, variance = (f"{code.kept(name)}.reshape(-1)" for name in ("mean", "variance"))
        running_mean, running_var = code.updates
        return [
            f"{running_mean}[:] = {running_mean} * (1.0 - {share}) + {mean} * {share}",
            f"{running_var}[:] = {running_var} * (1.0 - {share}) + {variance} * ({share} * ({count} / ({count} - 1)))",
        ]
