"""Group normalisation: the channels of each sample, in groups, each group brought to mean 0 and deviation 1."""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.number_words import Index
from visualbp.operations.base import Emitter
from visualbp.operations.normalization.rule import Layout, emit_channel_sums
from visualbp.operations.normalization.terms import Normalization
from visualbp.operations.normalization.words import CHANNEL_SUMS, NORMALIZED, Places, channel_places, place_in_channel
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.words import Words

GROUP_SUMS = """\
def group_sums(values):  # (B, groups, channels of a group, places); a product with ones is the fastest sum
    rows = values.reshape(values.shape[0] * values.shape[1], -1)
    return (rows @ np.ones(rows.shape[1], values.dtype)).reshape(*values.shape[:2], 1, 1)
"""


class GroupNorm(Normalization):
    """h = weight * (x - mean) / sqrt(var + epsilon) + bias, with the mean and variance of each group of channels.

    x (B, C) or (B, C, ...): the C channels of a sample lie in `groups` groups of C / groups channels that follow each
    other; a group's mean is over its channels and all their places, in one sample. weight, bias (C). Source: Wu, He
    2018; PyTorch's GroupNorm.
    """

    name = "group_norm"
    numpy_helpers = (GROUP_SUMS, CHANNEL_SUMS, NORMALIZED)
    sums = "group_sums"

    def __init__(self, groups: int, epsilon: float) -> None:
        super().__init__(epsilon)
        self.groups = groups

    def layout(self, shape: Shape, weight: Shape, copies: int = 1) -> Layout:
        batch, channels, places = shape[0], shape[1] // self.groups, size_of(shape[2:])
        view, parameters = (batch, self.groups, channels, places), (1, self.groups, channels, 1)
        return Layout(view, (batch, self.groups, 1, 1), parameters, (2, 3), channels * places, places)

    def emit_group_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        emit(np.dot, values.reshape(-1, layout.count), emit.ones(layout.count), result.reshape(-1))

    def emit_parameter_sums(self, emit: Emitter, layout: Layout, values: Array, result: Array) -> None:
        emit_channel_sums(emit, layout, values, result)

    def places(self, x: Symbol, weight: Symbol) -> Places:
        letters, channels = channel_places(x), x.shape[0] // self.groups
        count = str(channels * size_of(x.shape[1:]))
        if channels == 1:
            return Places(letters, ("c",), ("c",), letters[1:], letters, count)
        over = ("d", *letters[1:])
        if self.groups == 1:
            return Places(letters, ("c",), (), over, over, count)
        group = rf"k_{{c}} = \left\lfloor \frac{{c}}{{{channels}}} \right\rfloor"
        return Places(letters, ("c",), ("c",), over, over, count, r"\left[k_{d} = k_{c}\right] \,", group)

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        groups = f"each of {self.groups} groups of {'units' if words.axes == 1 else 'channels'}"
        which = groups if self.groups > 1 else "each sample"
        return f"{words.layer} brings {which} of {words.sources[0]} to mean 0 and deviation 1, times W plus b."

    def sharing(self, words: Words) -> str:
        return "of each group" if self.groups > 1 else "of each sample"

    def group_text(self, shape: Shape, layout: Layout) -> str:
        return f"its group of {'channels' if len(shape) > 2 else 'units'}" if self.groups > 1 else "its sample"

    def member_text(self, index: Index, parameter_axes: int) -> str:
        return place_in_channel(index)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def count_text(self, code: NumpyCode) -> str:
        return str(size_of(code.shapes[0][1:]) // self.groups)

    def parameter_sums(self, values: str, code: NumpyCode) -> str:
        channels, *places = code.shapes[0][1:]
        shape = ", ".join(map(str, (-1, channels, *([size_of(tuple(places))] if places else []))))
        return f"channel_sums(({values}).reshape({shape})).reshape(-1)"
