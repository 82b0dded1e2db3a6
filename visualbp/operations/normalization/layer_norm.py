"""Layer normalisation: each sample, or each position of it, brought to mean 0 and deviation 1 by itself."""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.number_words import Index, row_text
from visualbp.operations.base import Emitter
from visualbp.operations.normalization.rule import Layout
from visualbp.operations.normalization.terms import Normalization
from visualbp.operations.normalization.words import NORMALIZED, Places, laid_out
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.words import Words

ROW_SUMS = """\
def row_sums(values):  # (rows, units); a product with ones is the fastest sum
    return (values @ np.ones(values.shape[1], values.dtype)).reshape(-1, 1)
"""


class LayerNorm(Normalization):
    """h = weight * (x - mean) / sqrt(var + epsilon) + bias, with the mean and variance of each sample by itself.

    weight, bias (shape of the last axes of x): these axes are what is normalised. Source: Ba, Kiros, Hinton 2016;
    PyTorch's LayerNorm.
    """

    name = "layer_norm"
    numpy_helpers = (ROW_SUMS, NORMALIZED)
    sums = "row_sums"

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

    # -- in words ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _group(axes: int) -> str:
        """Return what is brought to mean 0, in samples of so many axes."""
        return "each position" if axes == 2 else "each sample"

    def sentence(self, words: Words) -> str:
        return (
            f"{words.layer} brings {self._group(words.axes)} of {words.sources[0]} to mean 0 and deviation 1, times W"
            " plus b."
        )

    def sharing(self, words: Words) -> str:
        return f"of {self._group(words.axes)}"

    def group_text(self, shape: Shape, layout: Layout) -> str:
        return "its position" if layout.count != size_of(shape[1:]) else "its sample"

    def member_text(self, index: Index, parameter_axes: int) -> str:
        return row_text(index[: len(index) - parameter_axes])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def count_text(self, code: NumpyCode) -> str:
        return str(size_of(code.shapes[1]))

    def parameter_sums(self, values: str, code: NumpyCode) -> str:
        is_flat = len(code.shapes[0]) == 2
        rows = f"len({code.upstream})" if is_flat else f"{code.upstream}.size // {size_of(code.shapes[1])}"
        summed = f"np.ones({rows}, {code.upstream}.dtype) @ ({values})"
        return laid_out(summed, (size_of(code.shapes[1]),), code.shapes[1])
