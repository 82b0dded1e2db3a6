"""What a loss is: a scalar, the mean over the batch, with its gradient for the prediction. Semantics are PyTorch's.

A loss is the end of the graph: its upstream is dL/dL = 1, so its reverse-mode rule is dL / d prediction itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.options import Option
from visualbp.core.registry import Registry
from visualbp.operations.base import Emitter, IterationContext
from visualbp.operations.losses.terms import LossTerms
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.words import ShapeTexts, Words


class Loss(LossTerms):
    """A loss of a prediction and a target of the same shape."""

    type_name: ClassVar[str] = ""
    description: ClassVar[str] = ""
    options: ClassVar[tuple[Option, ...]] = ()
    target_kind: ClassVar[Literal["vector", "classes", "binary", "signs"]] = "vector"
    """What a target is: any vector; a class (an index, or a distribution over the last axis); 0 to 1; -1 or 1."""
    expects: ClassVar[Literal["any", "probabilities", "logits"]] = "any"
    """What a prediction has to be."""
    operands = ("prediction", "target")
    constant_operands = frozenset({"target"})

    def __init__(self, **options: Any) -> None:
        self.option_values = options

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.type_name

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return ()

    def averaged_over(self, shape: Shape) -> int:
        """Return the count that the sum is divided by: all elements of the batch, unless a loss says otherwise."""
        return size_of(shape)

    def gradient(self, emit: Emitter, prediction: Array, target: Array, result: Array) -> None:
        """Emit result = dL / d prediction."""
        raise TypeError(f"{self.type_name} has no gradient")

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        self.gradient(emit, inputs[0], inputs[1], result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        if tangent is None:
            return np.zeros((), output.dtype)
        emitter, result = Emitter(_NO_ITERATION, output.dtype, eager=True), np.zeros_like(inputs[0])
        with np.errstate(all="ignore"):
            self.forward(emitter, inputs, np.zeros((), output.dtype))
            self.gradient(emitter, inputs[0], inputs[1], result)
        return np.asarray(np.sum(result * tangent))

    def answer(self, prediction: Array) -> Array:
        """Return y_hat, what a prediction says: probabilities where it is logits, else the prediction itself."""
        return prediction

    def accuracy(self, prediction: Array, target: Array) -> float | None:
        """Return the share of right answers, or None where being right has no meaning."""
        return None

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        what = f"the {self.spoken} of the batch"
        return f"{words.layer} compares {words.sources[0]} with the targets: {what}."

    def vjp_sentence(self, words: Words) -> str:
        return f"{words.result}: prediction minus target" if self.delta_is_difference else words.result

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        return f"from  {', '.join(shapes.operands)}"

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def count_in_numpy(self, code: NumpyCode) -> str:
        """Return the expression of what the sum is divided by."""
        return f"{code.operands[0]}.size"

    def mean_in_numpy(self, code: NumpyCode, values: str) -> str:
        """Return the line that takes the mean of an array. Flat, for the rounding of a sum depends on its order."""
        return f"{code.output} = {values}.ravel().sum() * (1.0 / {self.count_in_numpy(code)})"

    def mean_product_in_numpy(self, code: NumpyCode, one: str, other: str, factor: str = "1.0") -> str:
        """Return the line that takes the mean of a product of two arrays, times a factor."""
        count = self.count_in_numpy(code)
        return f"{code.output} = np.dot({one}.ravel(), {other}.ravel()) * ({factor} / {count})"

    def gradient_in_numpy(self, code: NumpyCode, values: str, factor: str = "1.0") -> str:
        """Return the line that gives the gradient: an array, times a factor, over what the loss divides by."""
        return f"{code.result} = {values} * ({factor} / {self.count_in_numpy(code)})"


def emit_mean(emit: Emitter, values: Array, count: int, output: Array) -> None:
    """Emit output = sum(values) / count, for each copy of the batch on its own."""
    if emit.copies == 1:
        emit(np.add.reduce, values.reshape(-1), 0, None, output)
    else:
        emit(np.add.reduce, values.reshape(emit.copies, -1), 1, None, output)
    emit(np.multiply, output, emit.constant(emit.copies / count), output)


def emit_mean_product(emit: Emitter, one: Array, other: Array, factor: float, output: Array) -> None:
    """Emit output = factor * sum(one * other), for each copy of the batch on its own."""
    if emit.copies == 1:
        emit(np.dot, one.reshape(-1), other.reshape(-1), output)
    else:
        emit(np.vecdot, one.reshape(emit.copies, -1), other.reshape(emit.copies, -1), output)
    emit(np.multiply, output, emit.constant(factor * emit.copies), output)


_NO_ITERATION = IterationContext()

losses: Registry[type[Loss]] = Registry("loss")
