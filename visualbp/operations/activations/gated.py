"""Activations that are z times a gate between 0 and 1, beside those of long standing in elementwise.py."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array
from visualbp.operations.activations.elementwise import SIGMOID_CODE, emit_sigmoid
from visualbp.operations.activations.kinds import Elementwise
from visualbp.operations.base import Emitter


class Mish(Elementwise):
    """z tanh(softplus(z)) (Misra 2019). With e = e^z the gate is e (e + 2) / (e (e + 2) + 2).

    From z = 20 on the gate is 1 in both precisions, so that e need not become larger.
    """

    type_name, label, gives = "mish", "Mish", "any"
    description = "z times the tanh of its softplus: smooth, and a little of what is negative passes."
    formula = r"z\,\tanh(\log(1 + e^{z}))"
    derivative_formula = r"g + z\,s\,(1 - g^{2})"
    letters = MappingProxyType({"g": r"\tanh(\log(1 + e^{z}))", "s": r"\text{sigmoid}(z)"})
    full: ClassVar[float] = 20.0
    numpy_function, numpy_slope = "{z} * mish_gate({z})", "mish_slope({z})"
    numpy_helpers = (
        SIGMOID_CODE,
        f"""\
def mish_gate(z):
    \"\"\"tanh(log(1 + e^z)).\"\"\"
    e = np.exp(np.minimum(z, {full}))  # from there on it is 1
    return e * (e + 2.0) / (e * (e + 2.0) + 2.0)""",
        """\
def mish_slope(z):
    gate = mish_gate(z)
    return (1.0 - gate**2) * sigmoid(z) * z + gate""",
    )
    pytorch = "functional.mish({z})"

    def _emit_gate(self, emit: Emitter, z: Array, gate: Array) -> None:
        product = emit.memory("product", z.shape)
        emit(np.minimum, z, emit.constant(self.full), out=product)
        emit(np.exp, product, product)
        emit(np.add, product, emit.constant(2.0), gate)
        emit(np.multiply, product, gate, product)
        emit(np.add, product, emit.constant(2.0), gate)
        emit(np.divide, product, gate, gate)

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        self._emit_gate(emit, z, h)
        emit(np.multiply, h, z, h)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        gate, sigmoid = emit.memory("gate", z.shape), emit.memory("sigmoid", z.shape)
        self._emit_gate(emit, z, gate)
        emit_sigmoid(emit, z, sigmoid)
        emit(np.square, gate, result)
        emit(np.subtract, emit.constant(1.0), result, result)
        emit(np.multiply, result, sigmoid, result)
        emit(np.multiply, result, z, result)
        emit(np.add, result, gate, result)


class HardSwish(Elementwise):
    """z min(max(z + 3, 0), 6) / 6 (Howard 2019), with the derivative 0 at -3 and 1 at 3, as PyTorch has it."""

    type_name, label, gives = "hard_swish", "Hard swish", "any"
    description = "SiLU in three straight or bent pieces: 0 below -3, z above 3, quick in between."
    formula = r"z\,\frac{\min(\max(z + 3, 0), 6)}{6}"
    derivative_formula = (
        r"1 \text{ if } z \ge 3 \text{ else } \frac{z}{3} + \frac{1}{2} \text{ if } z > -3 \text{ else } 0"
    )
    corner: ClassVar[float] = 3.0
    flat_up_to = -3.0
    numpy_function = "{z} * (np.clip({z} + 3.0, 0.0, 6.0) / 6.0)"
    numpy_slope = "np.where({z} >= 3.0, 1.0, np.where({z} <= -3.0, 0.0, {z} / 3.0 + 0.5))"
    pytorch = "functional.hardswish({z})"

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        emit(np.add, z, emit.constant(self.corner), h)
        emit(np.maximum, h, emit.constant(0.0), out=h)
        emit(np.minimum, h, emit.constant(2.0 * self.corner), out=h)
        emit(np.divide, h, emit.constant(2.0 * self.corner), h)  # before the product: 6 z could overflow
        emit(np.multiply, h, z, h)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        outside = emit.memory("outside", z.shape, bool)
        emit(np.divide, z, emit.constant(self.corner), result)
        emit(np.add, result, emit.constant(0.5), result)
        emit(np.greater_equal, z, emit.constant(self.corner), outside)
        emit(np.copyto, result, emit.constant(1.0), "same_kind", outside)
        emit(np.less_equal, z, emit.constant(-self.corner), outside)
        emit(np.copyto, result, emit.constant(0.0), "same_kind", outside)

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        z = inputs[0]
        return (z > -self.corner).astype(np.int8) + (z >= self.corner)
