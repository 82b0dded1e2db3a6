"""What an operation is, and how its rules are written down.

A rule does not compute at once. It *emits* calls of NumPy functions on buffers that exist already::

    emit(np.dot, x, weight.T, z)      # the last argument is where the result goes
    emit(np.add, z, bias, z)

The same rule then serves three uses. The debugger keeps the calls of each step and runs them one step at a time;
training runs the calls of all steps in a row, with nothing in between (which is as fast as NumPy can go); and a probe,
such as the gradient check, runs them at once on arrays of its own. One rule, one arithmetic, the same bits.

Beside its rules an operation says all else about itself: its equations, its sentences, its shapes in words, where each
number came from, its lines of NumPy, and how many multiplications it takes. Nobody else has to know it by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import (
    Draft,
    Element,
    terms_by_jacobian,
    update_terms_by_difference,
    vjp_terms_by_jacobian,
)
from visualbp.operations.words import MOST_SHOWN, Saying, ShapeTexts, Words, listed

Call = tuple[Callable[..., Any], tuple[Any, ...]]


@dataclass
class IterationContext:
    """What a rule may know of the iteration: its number and the seed. All randomness is drawn from these two, so that
    any iteration can be replayed alone. The owner moves `iteration` on; rules read it when they run."""

    seed: int = 0
    iteration: int = 0

    def generator(self, stream: int) -> np.random.Generator:
        """Return a generator for one use (`stream`) in one iteration, keyed by (seed, iteration, stream)."""
        key = self.seed & (2**64 - 1) | stream << 64  # one whole number: NumPy would round a list of large ones
        return np.random.Generator(np.random.Philox(key=key, counter=self.iteration << 64))


class Emitter:
    """Takes the calls of one node's rules, and hands out the node's private memory.

    `training` is false for inference (dropout passes everything through). `eager` runs each call when it is emitted.
    `copies` is how many copies of one batch lie one after the other in every value, for probes that evaluate many
    variations of it at once: the copies share their random numbers, and a loss gives one number for each.
    """

    def __init__(
        self,
        context: IterationContext,
        dtype: np.dtype[Any],
        training: bool = True,
        eager: bool = False,
        stream: int = 0,
        copies: int = 1,
    ) -> None:
        self.context = context
        self.dtype = dtype
        self.training = training
        self.stream = stream
        self.copies = copies
        self.calls: list[Call] = []
        self._eager = eager
        self._memory: dict[str, Array] = {}

    def __call__(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        if keywords:
            function = partial(function, **keywords)
        if self._eager:
            function(*arguments)
        else:
            self.calls.append((function, arguments))

    def take_calls(self) -> tuple[Call, ...]:
        """Return the calls emitted since the last time."""
        calls, self.calls = tuple(self.calls), []
        return calls

    def memory(self, name: str, shape: Shape, dtype: Any = None) -> Array:
        """Return the buffer of this name and shape: the forward rule leaves there what the backward rules need."""
        key = f"{name} {shape}"
        if key not in self._memory:
            self._memory[key] = np.zeros(shape, dtype or self.dtype)
        return self._memory[key]

    def constant(self, value: float) -> Array:
        """Return `value` as a 0-d array of the right type: NumPy takes it without conversion, twice as fast."""
        key = f"constant {value!r}"
        if key not in self._memory:
            self._memory[key] = np.array(value, self.dtype)
        return self._memory[key]

    def ones(self, count: int) -> Array:
        """Return a vector of ones: a product with it is the fastest sum over the batch."""
        key = f"ones {count}"
        if key not in self._memory:
            self._memory[key] = np.ones(count, self.dtype)
        return self._memory[key]


class Operation:
    """One differentiable function of several operands.

    Shapes are whole shapes: batch axis first for values, none for parameters. Subclasses are immutable.
    """

    name: ClassVar[str] = ""
    """The word in the timeline and in messages."""
    operands: ClassVar[tuple[str, ...]] = ("x",)
    """Names of the operands, in order. An operation on any number of values has one name, for all of them."""
    constant_operands: ClassVar[frozenset[str]] = frozenset()
    """Operands that have no derivative, such as targets."""
    numpy_helpers: ClassVar[tuple[str, ...]] = ()
    """The sources of functions that its lines of NumPy call."""
    is_weighted: ClassVar[bool] = False
    """Whether it multiplies by a layer's weights, looks up in them, or makes them, as in the algorithm's z."""
    weights_behind: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The weight matrix through which an operand's gradient goes back, upstream @ W, by the names of both operands."""
    gives: ClassVar[Literal["any", "probabilities"]] = "any"
    """What its numbers are to a loss that follows: probabilities lie between 0 and 1, whatever the operands."""
    saying: ClassVar[Saying | None] = None
    """Its sentence as data, for an operation that says the same in every place: `sentence` comes from it."""
    vjp_sayings: ClassVar[Mapping[str, Saying]] = MappingProxyType({})
    """Likewise what follows `The error signal of ...`, by the name of the operand."""
    glossary: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What words of its own mean in its explanations and shapes, as `glossary.py` says."""
    keeps_copies_apart: ClassVar[bool] = False
    """Whether the copies of a batch (see `Emitter`) do not depend on each other, where the samples of each do."""
    minus_infinity_is_meant: ClassVar[bool] = False
    """Whether -inf in the output is meant, and no trouble: masked scores."""
    output_in_any_order: ClassVar[bool] = False
    """Whether the forward rule takes an output whose axes lie in another order in memory, and no rule reads it."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the output for operands of these shapes."""
        return shapes[0]

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        """Emit the calls that compute `output`."""
        raise TypeError(f"{self.name} has no forward rule")

    def update(self, emit: Emitter, inputs: Sequence[Array], output: Array, updates: Sequence[Array]) -> None:
        """Emit the calls that move the layer's buffers `updates` on, after the forward rule of a step of training.

        Probes never call it: the forward rule leaves its inputs alone.
        """
        raise TypeError(f"{self.name} has no buffers to update")

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        """Emit the calls that put upstream @ d output / d inputs[operand] into `result` (the vector-Jacobian product).

        `upstream` is dL/d output, with the output's shape; `result` has the operand's shape.
        """
        raise TypeError(f"{self.name} has no reverse-mode rule for operand {operand}")

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        """Return d output along `tangents`, one for each operand, None for an operand that does not move."""
        raise TypeError(f"{self.name} has no forward-mode rule")

    def operand_problem(self, operand: int, array: Array, shapes: Sequence[Shape]) -> str | None:
        """Return why the data `array` cannot be this operand, in words, or None. `shapes` are those of all operands."""
        return None

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        """Return which piece of a piecewise rule each element is on (any integers), or None for a smooth rule.

        Two evaluations with different branches have a kink between them, and no finite difference is to be trusted.
        """
        return None

    def departs_from_derivative(self, inputs: Sequence[Array]) -> Array | None:
        """Return where (a mask of the first operand) the reverse-mode rule is on purpose not the derivative, or None.

        Such as a clamp that PyTorch has in its backward rule alone: no difference of the forward rule can tell there.
        """
        return None

    def samples_are_independent(self) -> bool:
        """Return whether each sample of the output depends on the same sample of the input alone."""
        return True

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Return the multiplications of the forward rule."""
        return size_of(output)

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        """Return the multiplications of the reverse-mode rule for one operand."""
        return size_of(output)

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        """Return the forward rule in LaTeX, to be read as `symbols.py` says, with these symbols."""
        rule = self.right_hand_side(operands) or rf"\mathrm{{{self.name}}}({', '.join(operands)})"
        return f"{output} = {rule}"

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        """Return the forward rule in LaTeX without the output, and without what says what letters mean; nothing where
        the rule is no single expression, or one for each part of the output."""
        return ""

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        """Return the reverse-mode rule in LaTeX; `result` and `upstream` are the symbols of the two gradients."""
        return rf"{result} = {upstream} \, \frac{{\partial {output}}}{{\partial {operands[operand]}}}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        """Return one sentence, with its full stop, that says what the forward rule does."""
        if self.saying is not None:
            return self._said(self.saying, words)
        given = [text for text, is_value in zip(words.sources, words.are_values, strict=True) if is_value]
        return f"{words.layer} computes {words.output} from {listed(given or words.sources)}, by {self.plain_name}."

    def vjp_sentence(self, words: Words) -> str:
        """Return how the gradient of the output becomes that of an operand: what follows `The error signal of ...`."""
        if (saying := self.vjp_sayings.get(self.operand_name(words.operand))) is not None:
            return self._said(saying, words)
        if words.are_values[words.operand]:
            return f"goes back through {self.plain_name} to {words.source}"
        return f"goes back through {self.plain_name} to become {words.result}"

    def _said(self, saying: Saying, words: Words) -> str:
        names = [self.operand_name(operand) for operand in range(len(words.sources))]
        return words.filled(saying, names, vars(self))

    def shapes_text(self, shapes: ShapeTexts) -> str:
        """Return the right-hand side in shapes, such as `=  (4, 2)^T (4, 4)`: rows are samples."""
        if len(shapes.operands) > MOST_SHOWN:
            return f"from  {len(shapes.operands)} parts {shapes.operands[0]}"
        return f"from  {', '.join(shapes.operands)}"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        """Return the same for the gradient of an operand."""
        return f"from  {shapes.upstream}" if shapes.upstream else f"from  {', '.join(shapes.operands)}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        """Return what an element of the output is the sum of."""
        moving = [operand for operand in range(len(element.layers)) if not self.is_constant(operand)]
        return terms_by_jacobian(element, self.name, "", moving)

    def vjp_terms(self, element: Element) -> Draft:
        """Return what an element of an operand's gradient is the sum of."""
        return vjp_terms_by_jacobian(element, self.name)

    def update_terms(self, element: Element) -> Draft:
        """Return what an element of a buffer that the forward rule moves on is the sum of."""
        return update_terms_by_difference(element, self.name)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        """Return the forward rule as lines of plain NumPy, as `NumpyCode` says."""
        raise TypeError(f"{self.name} has no lines of NumPy")

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        """Return the reverse-mode rule for one operand as lines of plain NumPy."""
        raise TypeError(f"{self.name} has no lines of NumPy for the way back")

    def update_numpy_lines(self, code: NumpyCode) -> list[str]:
        """Return the lines that move the buffers on, which follow the forward lines."""
        return []

    # -- operands ----------------------------------------------------------------------------------------------------

    @property
    def plain_name(self) -> str:
        """The name as words: `layer norm`."""
        return self.name.replace("_", " ")

    def operand_name(self, operand: int) -> str:
        """Return what an operand is called; all beyond the last name share it."""
        return self.operands[min(operand, len(self.operands) - 1)]

    def weight_behind(self, operand: int) -> int | None:
        """Return which operand is the weight matrix that the gradient of `operand` goes back through, if any."""
        name = self.weights_behind.get(self.operand_name(operand))
        return None if name is None else self.operands.index(name)

    def is_constant(self, operand: int) -> bool:
        """Return whether no gradient goes back to an operand."""
        return self.operand_name(operand) in self.constant_operands


@dataclass(frozen=True)
class Evaluation:
    """An operation applied once to arrays, with what its backward rules need."""

    operation: Operation
    inputs: tuple[Array, ...]
    output: Array
    emitter: Emitter = field(repr=False)

    def vjp(self, operand: int, upstream: Array) -> Array:
        """Return upstream @ d output / d inputs[operand]."""
        result = np.zeros(self.inputs[operand].shape, self.output.dtype)
        with np.errstate(all="ignore"):
            self.operation.vjp(self.emitter, operand, upstream, self.inputs, self.output, result)
        return result


def evaluate(
    operation: Operation,
    inputs: Sequence[Array],
    context: IterationContext | None = None,
    training: bool = True,
    stream: int = 0,
) -> Evaluation:
    """Run the forward rule of `operation` at once, into fresh memory."""
    dtype = np.result_type(*[array.dtype for array in inputs])
    emitter = Emitter(context or IterationContext(), dtype, training, eager=True, stream=stream)
    output = np.zeros(operation.output_shape([array.shape for array in inputs]), dtype)
    with np.errstate(all="ignore"):
        operation.forward(emitter, inputs, output)
    return Evaluation(operation, tuple(inputs), output, emitter)


def emit_copy(emit: Emitter, target: Array, source: Array) -> None:
    """Emit target = source, of one shape and type; nothing where both are the same piece of memory."""
    one, other = target.__array_interface__, source.__array_interface__
    if (one["data"], target.strides) != (other["data"], source.strides):
        emit(np.copyto, target, source)


def as_rows(array: Array) -> Array:
    """Return `array` as a matrix whose rows are its last axis, without a copy."""
    rows = array.reshape(-1, array.shape[-1])
    if not np.shares_memory(rows, array) and array.size:
        raise ValueError("a buffer must be contiguous")
    return rows


MANY_ROWS, FEW_COLUMNS = 256, 32
"""From so many rows of so few columns, the maximum of each row is found quicker column by column."""


def emit_row_maximum(emit: Emitter, rows: Array, maximum: Array) -> None:
    """Emit maximum (N, 1) = the largest element of each row of `rows` (N, n). Both ways give the same bits."""
    count, width = rows.shape
    if count < MANY_ROWS or width > FEW_COLUMNS:
        emit(np.maximum.reduce, rows, 1, None, maximum, True)
        return
    flat = maximum.reshape(-1)
    emit(np.copyto, flat, rows[:, 0])
    for column in range(1, width):
        emit(np.maximum, flat, rows[:, column], out=flat)
