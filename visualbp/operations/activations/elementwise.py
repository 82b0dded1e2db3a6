"""The activation functions of each element alone: each one entry with its rule sigma(z), its derivative sigma'(z), both
in LaTeX and both in NumPy.

The derivative may use h = sigma(z), which is cached: for tanh and the sigmoid it is all that is needed. Every rule
holds from 0 to 1e300 and at saturation; rules that would make inf * 0 there say how they avoid it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import FloatOption, Option
from visualbp.operations.activations.kinds import Elementwise, Piecewise
from visualbp.operations.base import Emitter
from visualbp.operations.symbols import Symbol

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
GELU_SCALE = math.sqrt(2.0 / math.pi)
GELU_CUBIC = 0.044715


class Linear(Elementwise):
    """z itself, with the derivative 1: no activation."""

    type_name, label, gives = "linear", "Linear", "any"
    description = "Passes z on as it is."
    formula, derivative_formula = "z", "1"
    plain = "{}"
    numpy_function, numpy_slope = "{z}", "1.0"
    pytorch = "{z}"

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        emit(np.copyto, h, z)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        emit(result.fill, 1.0)

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        return str(operands[0])

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return f"{output} = {operands[0]}"


class Relu(Piecewise):
    """max(z, 0), with the derivative 0 at 0, as PyTorch has it."""

    type_name, label, gives = "relu", "ReLU", "any"
    description = "Lets positive values pass and stops the others; its derivative does not shrink."
    formula, derivative_formula = r"\max(z, 0)", r"\left[z > 0\right]"
    plain, flat_up_to = "max(0, {})", 0.0
    numpy_function = "np.maximum({z}, 0.0)"
    numpy_slope = "np.sign({h})  # 1 where z > 0, and 0 elsewhere"
    pytorch = "torch.relu({z})"

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        emit(np.maximum, z, emit.memory("zeros", z.shape), out=h)  # twice as fast as with one constant zero

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        emit(np.sign, h, result)  # h is never negative, so its sign is 1 where z > 0, and 0 elsewhere


class LeakyRelu(Piecewise):
    """z above 0 and slope * z elsewhere, with the derivative `slope` at 0, as PyTorch has it."""

    type_name, label, gives = "leaky_relu", "Leaky ReLU", "any"
    description = "As ReLU, but negative values pass with a small slope, so that no unit dies."
    options = (FloatOption("slope", 0.01, "the slope below 0", minimum=-1e6, maximum=1e6),)
    formula = r"z \text{ if } z > 0 \text{ else } \alpha z"
    derivative_formula = r"1 \text{ if } z > 0 \text{ else } \alpha"
    numpy_function = "np.where({z} > 0.0, {z}, {slope} * {z})"
    numpy_slope = "np.where({z} > 0.0, 1.0, {slope}).astype({z}.dtype)"
    pytorch = "functional.leaky_relu({z}, {slope})"

    @property
    def letters(self) -> dict[str, float | str]:  # type: ignore[override]
        return {r"\alpha": self.option_values["slope"]}

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        positive = emit.memory("positive", z.shape, bool)
        emit(np.greater, z, emit.constant(0.0), positive)
        emit(np.multiply, z, emit.constant(self.option_values["slope"]), h)
        emit(np.copyto, h, z, "same_kind", positive)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        positive = emit.memory("positive", z.shape, bool)
        emit(np.greater, z, emit.constant(0.0), positive)
        emit(result.fill, self.option_values["slope"])
        emit(np.copyto, result, emit.constant(1.0), "same_kind", positive)


class Elu(Piecewise):
    """Clevert, Unterthiner, Hochreiter 2015. The exponential sees min(z, 0) alone, and cannot overflow."""

    type_name, label, gives = "elu", "ELU", "any"
    description = "As ReLU above 0; below, it bends smoothly to -alpha."
    options: ClassVar[tuple[Option, ...]] = (
        FloatOption("alpha", 1.0, "how far below 0 it goes", minimum=0.0, maximum=1e6),
    )
    formula = r"z \text{ if } z > 0 \text{ else } \alpha (e^{z} - 1)"
    derivative_formula = r"1 \text{ if } z > 0 \text{ else } \alpha e^{z}"
    numpy_function = "np.maximum({z}, 0.0) + {alpha} * np.expm1(np.minimum({z}, 0.0))"
    numpy_slope = "np.where({z} > 0.0, 1.0, {alpha} * np.exp(np.minimum({z}, 0.0)))"
    pytorch = "functional.elu({z}, {alpha})"

    @property
    def alpha(self) -> float:
        """The factor of e^z - 1 below 0: for large negative z the output is -alpha, times the scale."""
        return float(self.option_values["alpha"])

    @property
    def scale(self) -> float:
        """What all of it is multiplied by; 1 but in SELU."""
        return 1.0

    @property
    def letters(self) -> dict[str, float | str]:  # type: ignore[override]
        return {r"\alpha": self.alpha, r"\lambda": self.scale}

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        below = emit.memory("below", z.shape)
        emit(np.minimum, z, emit.constant(0.0), out=below)
        emit(np.expm1, below, below)
        emit(np.multiply, below, emit.constant(self.alpha * self.scale), below)
        emit(np.maximum, z, emit.constant(0.0), out=h)
        if self.scale != 1.0:
            emit(np.multiply, h, emit.constant(self.scale), h)
        emit(np.add, h, below, h)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        positive = emit.memory("positive", z.shape, bool)
        emit(np.greater, z, emit.constant(0.0), positive)
        emit(np.minimum, z, emit.constant(0.0), out=result)
        emit(np.exp, result, result)
        emit(np.multiply, result, emit.constant(self.alpha * self.scale), result)
        emit(np.copyto, result, emit.constant(self.scale), "same_kind", positive)


class Selu(Elu):
    """Klambauer and others 2017; the two constants keep mean 0 and variance 1 from layer to layer."""

    type_name, label, gives = "selu", "SELU", "any"
    description = "A scaled ELU that keeps activations at mean 0 and variance 1."
    options = ()
    formula = r"\lambda z \text{ if } z > 0 \text{ else } \lambda \alpha (e^{z} - 1)"
    derivative_formula = r"\lambda \text{ if } z > 0 \text{ else } \lambda \alpha e^{z}"
    numpy_function, numpy_slope = "selu({z})", "selu_slope({z})"
    numpy_helpers = (
        f"""\
def selu(z):
    return {SELU_SCALE} * np.maximum(z, 0.0) + {SELU_ALPHA * SELU_SCALE} * np.expm1(np.minimum(z, 0.0))""",
        f"""\
def selu_slope(z):
    return np.where(z > 0.0, {SELU_SCALE}, {SELU_ALPHA * SELU_SCALE} * np.exp(np.minimum(z, 0.0)))""",
    )
    pytorch = "functional.selu({z})"

    @property
    def alpha(self) -> float:
        return SELU_ALPHA

    @property
    def scale(self) -> float:
        return SELU_SCALE


class Gelu(Elementwise):
    """The tanh form (Hendrycks, Gimpel 2016): z/2 (1 + tanh(c (z + 0.044715 z^3)))."""

    type_name, label, gives = "gelu", "GELU", "any"
    description = "A smooth ReLU: z times the chance that a normal variable is below z."
    formula = r"\frac{z}{2}\left(1 + \tanh\left(c\,(z + 0.044715 z^{3})\right)\right)"
    derivative_formula = r"\frac{1 + t}{2} + \frac{z}{2}(1 - t^{2})\, c\,(1 + 0.134145 z^{2})"
    letters = MappingProxyType({"t": r"\tanh\left(c\,(z + 0.044715 z^{3})\right)", "c": r"\sqrt{2 / \pi}"})
    numpy_function, numpy_slope = "{z} / gelu_divisor({z})", "gelu_slope({z})"
    numpy_helpers = (
        f"""\
def gelu_divisor(z):
    \"\"\"1 + e^-2u = 2 / (1 + tanh u), with u = {GELU_SCALE} (z + {GELU_CUBIC} z^3).\"\"\"
    bounded = np.clip(z, -30.0, 30.0)  # beyond, tanh u is exactly 1, and z^3 may overflow
    return np.exp({-2.0 * GELU_SCALE} * ((bounded * bounded * {GELU_CUBIC} + 1.0) * bounded)) + 1.0""",
        f"""\
def gelu_slope(z):
    \"\"\"s + 2 z u' s (1 - s), with s = (1 + tanh u) / 2.\"\"\"
    bounded, s = np.clip(z, -30.0, 30.0), 1.0 / gelu_divisor(z)
    polynomial = {2.0 * GELU_SCALE} * ((bounded * bounded * {3.0 * GELU_CUBIC} + 1.0) * bounded)
    return ((1.0 - s) * polynomial + 1.0) * s""",
    )
    pytorch = 'functional.gelu({z}, approximate="tanh")'

    def _bounded(self, emit: Emitter, z: Array) -> Array:
        """Beyond 30 the tanh is exactly 1: its polynomials see z cut off there, and cannot overflow."""
        bounded = emit.memory("bounded", z.shape)
        emit(np.minimum, z, emit.constant(30.0), out=bounded)
        emit(np.maximum, bounded, emit.constant(-30.0), out=bounded)
        return bounded

    def _emit_exponential(self, emit: Emitter, bounded: Array, result: Array) -> None:
        """Emit 1 + e^-2u, u the argument of the tanh. (1 + tanh u) / 2 is its inverse, and loses no digit where tanh is
        almost -1."""
        emit(np.multiply, bounded, bounded, result)
        emit(np.multiply, result, emit.constant(GELU_CUBIC), result)
        emit(np.add, result, emit.constant(1.0), result)
        emit(np.multiply, result, bounded, result)
        emit(np.multiply, result, emit.constant(-2.0 * GELU_SCALE), result)
        emit(np.exp, result, result)
        emit(np.add, result, emit.constant(1.0), result)

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        self._emit_exponential(emit, self._bounded(emit, z), h)
        emit(np.divide, z, h, h)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        """With s = (1 + tanh u) / 2 the derivative is s + 2 z u' s (1 - s)."""
        bounded, polynomial = self._bounded(emit, z), emit.memory("polynomial", z.shape)
        share = emit.memory("share", z.shape)
        self._emit_exponential(emit, bounded, share)
        emit(np.reciprocal, share, share)
        emit(np.multiply, bounded, bounded, polynomial)
        emit(np.multiply, polynomial, emit.constant(3.0 * GELU_CUBIC), polynomial)
        emit(np.add, polynomial, emit.constant(1.0), polynomial)
        emit(np.multiply, polynomial, bounded, polynomial)
        emit(np.multiply, polynomial, emit.constant(2.0 * GELU_SCALE), polynomial)
        emit(np.subtract, emit.constant(1.0), share, result)
        emit(np.multiply, result, polynomial, result)
        emit(np.add, result, emit.constant(1.0), result)
        emit(np.multiply, result, share, result)


def emit_sigmoid(emit: Emitter, z: Array, result: Array) -> None:
    """Emit result = 1 / (1 + e^-z). Where e^-z overflows to inf, the quotient is the right limit, 0."""
    emit(np.negative, z, result)
    emit(np.exp, result, result)
    emit(np.add, result, emit.constant(1.0), result)
    emit(np.reciprocal, result, result)


SIGMOID_CODE = """\
def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))"""


class Silu(Elementwise):
    """z sigmoid(z), with the derivative s (1 + z (1 - s)), s = sigmoid(z)."""

    type_name, label, gives = "silu", "SiLU", "any"
    description = "z times its sigmoid, also called swish."
    formula = r"z\,\text{sigmoid}(z)"
    derivative_formula = r"s\,(1 + z (1 - s))"
    letters = MappingProxyType({"s": r"\text{sigmoid}(z)"})
    numpy_function, numpy_slope = "{z} * sigmoid({z})", "silu_slope({z})"
    numpy_helpers = (
        SIGMOID_CODE,
        """\
def silu_slope(z):
    s = sigmoid(z)
    return ((1.0 - s) * z + 1.0) * s""",
    )
    pytorch = "functional.silu({z})"

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        emit_sigmoid(emit, z, h)
        emit(np.multiply, h, z, h)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        sigmoid = emit.memory("sigmoid", z.shape)
        emit_sigmoid(emit, z, sigmoid)
        emit(np.subtract, emit.constant(1.0), sigmoid, result)
        emit(np.multiply, result, z, result)
        emit(np.add, result, emit.constant(1.0), result)
        emit(np.multiply, result, sigmoid, result)


class Sigmoid(Elementwise):
    """1 / (1 + e^-z), with the derivative h (1 - h), which is 1/4 at most. Where e^-z overflows, h is 0."""

    type_name, label, gives = "sigmoid", "Sigmoid", "probabilities"
    description = "Squeezes to (0, 1). Its derivative is at most 1/4: deep stacks of it vanish."
    formula, derivative_formula = r"\frac{1}{1 + e^{-z}}", r"h (1 - h)"
    plain = "sigmoid({})"
    numpy_function, numpy_slope, numpy_helpers = "sigmoid({z})", "({h} * (1.0 - {h}))", (SIGMOID_CODE,)
    pytorch = "torch.sigmoid({z})"

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        emit_sigmoid(emit, z, h)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        emit(np.subtract, emit.constant(1.0), h, result)
        emit(np.multiply, result, h, result)


class Tanh(Elementwise):
    """tanh(z), with the derivative 1 - h^2."""

    type_name, label, gives = "tanh", "Tanh", "any"
    description = "Squeezes to (-1, 1), with the derivative 1 at 0."
    formula, derivative_formula = r"\tanh(z)", "1 - h^{2}"
    plain = "tanh({})"
    numpy_function, numpy_slope = "np.tanh({z})", "(1.0 - {h}**2)"
    pytorch = "torch.tanh({z})"

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        emit(np.tanh, z, h)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        emit(np.square, h, result)
        emit(np.subtract, emit.constant(1.0), result, result)


class Softplus(Elementwise):
    """log(1 + e^z), and z itself above 20, with the derivative 1 there, as PyTorch has it."""

    type_name, label, gives = "softplus", "Softplus", "any"
    description = "A smooth ReLU whose derivative is the sigmoid."
    formula, derivative_formula = r"\log(1 + e^{z})", r"\text{sigmoid}(z)"
    threshold: ClassVar[float] = 20.0
    numpy_function = f"np.where({{z}} > {threshold}, {{z}}, np.logaddexp({{z}}, 0.0))"
    numpy_slope = f"np.where({{z}} > {threshold}, 1.0, sigmoid({{z}}))"
    numpy_helpers = (SIGMOID_CODE,)
    pytorch = "functional.softplus({z})"

    def _large(self, emit: Emitter, z: Array) -> Array:
        large = emit.memory("large", z.shape, bool)
        emit(np.greater, z, emit.constant(self.threshold), large)
        return large

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        large = self._large(emit, z)
        emit(np.logaddexp, z, emit.constant(0.0), h)
        emit(np.copyto, h, z, "same_kind", large)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        large = self._large(emit, z)
        emit_sigmoid(emit, z, result)
        emit(np.copyto, result, emit.constant(1.0), "same_kind", large)

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        return inputs[0] > self.threshold
