"""The custom activation: an expression in x that a person types, and its derivative.

The derivative may be typed too. That is where a wrong one comes in, and the gradient check finds it. Left empty, it is
derived from the expression.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.differentiation import derivative
from visualbp.core.expression_parser import ExpressionOption, parse_expression
from visualbp.core.expressions import (
    Apply,
    Expression,
    Variable,
    constant_value,
    evaluate,
    functions,
    has_variable,
    in_order,
    latex,
    multiplications,
    pieces,
)
from visualbp.core.number_words import number_latex, told_apart
from visualbp.core.pytorch_code import FunctionClasses
from visualbp.operations.activations.custom_numpy import expression_lines
from visualbp.operations.activations.custom_pytorch import custom_function
from visualbp.operations.activations.elementwise import SIGMOID_CODE
from visualbp.operations.activations.kinds import EPSILON, MARGIN, Elementwise, Slope
from visualbp.operations.base import Emitter
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol

LONGEST_LATEX = 200
"""Characters of LaTeX that are still a formula to read; what is longer is shown by its name."""

TYPED_TOLERANCE = 1e-6
"""How far, relative to it, a typed derivative may be from the derived one beyond what rounding explains: people type
constants with few digits."""

CORNER = 1e-9
"""How close to a corner either side's slope will do."""


def emit_expression(emit: Emitter, name: str, expression: Expression, x: Array, result: Array) -> None:
    """Emit result = expression(x), each distinct part once. `name` keeps its memory apart from that of others.

    Memory for parts is used again as soon as nothing needs them any more, so that a long expression takes little.
    """
    if not isinstance(expression, Apply) or not has_variable(expression):
        if isinstance(expression, Variable):
            emit(np.copyto, result, x)
        else:
            emit(result.fill, constant_value(expression))
        return
    order = in_order(expression)
    varies: set[Expression] = set()
    for part in order:
        if isinstance(part, Variable) or (isinstance(part, Apply) and not varies.isdisjoint(part.operands)):
            varies.add(part)
    steps = [part for part in order if isinstance(part, Apply) and part in varies]
    left = Counter(operand for part in steps for operand in set(part.operands))
    places: dict[Expression, int] = {}
    free: list[int] = []
    arrays: dict[Expression, Array] = {}

    def operand_of(part: Expression) -> Array:
        if part not in arrays:
            with np.errstate(over="ignore"):  # a large number is infinite in float32
                arrays[part] = x if isinstance(part, Variable) else emit.constant(constant_value(part))
        return arrays[part]

    for part in steps:
        operands = [operand_of(operand) for operand in part.operands]
        if part == expression:
            arrays[part] = result
        else:
            places[part] = free.pop() if free else len(places)
            arrays[part] = emit.memory(f"{name} {places[part]}", x.shape)
        emit(functions[part.function].compute, *operands, arrays[part])
        for operand in set(part.operands):
            left[operand] -= 1
            if not left[operand] and operand in places:
                free.append(places[operand])


class Custom(Elementwise):
    """h = expression(z), with delta = upstream * derivative(z); both are expressions in x (`core/expressions.py`)."""

    type_name, label, gives = "custom", "Custom", "any"
    description = "A function that you type, and its derivative: the gradient check tells whether they fit."
    options = (
        ExpressionOption("expression", "x * sigmoid(x)", "a function of x, such as x * sigmoid(x) or max(x, 0.1*x)"),
        ExpressionOption("derivative", "", "its derivative; leave it empty to have it derived", optional=True),
    )
    formula, derivative_formula = "f(z)", "f'(z)"
    plain = "f({})"
    numpy_helpers = (SIGMOID_CODE,)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.expression = parse_expression(options["expression"])
        typed = options["derivative"]
        self.slope = parse_expression(typed) if typed else derivative(self.expression)

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        emit_expression(emit, "part", self.expression, z, h)

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        emit_expression(emit, "part of the slope", self.slope, z, result)

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        return pieces(self.expression, inputs[0])

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return multiplications(self.expression) * size_of(output)

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return (multiplications(self.slope) + 1) * size_of(output)

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        is_short = latex(self.expression, "z", LONGEST_LATEX) is not None
        return rf"f\left({operands[0]}\right)" if is_short else super().right_hand_side(operands)

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        rule = f"{output} = {self.right_hand_side(operands)}"
        text = latex(self.expression, "z", LONGEST_LATEX)
        return rf"{rule}, \quad f(z) = {text}" if text else rule

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        rule = rf"{result} = {upstream} \odot f'\left({operands[0]}\right)"
        text = latex(self.slope, "z", LONGEST_LATEX)
        return rf"{rule}, \quad f'(z) = {text}" if text else rule

    def to_pytorch(self, z: str, functions: FunctionClasses) -> str:
        typed = self.option_values["expression"], self.option_values["derivative"]
        return f"{functions.name_of(typed, lambda name: custom_function(name, *typed))}.apply({z})"

    # -- where each number came from ---------------------------------------------------------------------------------

    def written_out(self, z: str) -> str:
        return latex(self.expression, z, LONGEST_LATEX) or super().written_out(z)

    def in_numbers(self, z: float, h: float) -> str:
        return latex(self.expression, number_latex(z), LONGEST_LATEX) or super().in_numbers(z, h)

    def right_slope(self, z: float, h: float, precision: str = "float64") -> Slope:
        """A derivative that was typed is held against the one derived from the expression; a corner has none."""
        rule, derived = self.slope_at(z, h), derivative(self.expression)
        right = float(evaluate(derived, np.array([z]))[0])
        nudge = CORNER * max(1.0, abs(z))
        rounding = MARGIN * (_rounding_of(self.slope, z) + _rounding_of(derived, z))
        close = abs(right - rule) <= TYPED_TOLERANCE * max(abs(right), abs(rule)) + rounding
        if math.isfinite(right) and not close and not self.has_corner(np.array([z - nudge, z, z + nudge])):
            typed, differs = told_apart(rule, right)
            doubt = f"the typed derivative gives {typed}, and the derivative of the function is {differs}"
            return Slope(right, _slope_formula(derived, z), ", derived from the function", doubt)
        source = ", as typed" if self.option_values["derivative"] else ", derived from the function"
        return Slope(self.slope_at(z, h, precision), _slope_formula(self.slope, z), source)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        parts, value = expression_lines(self.expression, code.operands[0], lambda i: code.kept(f"part_{i}"))
        return [*parts, f"{code.output} = {value}"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        parts, value = expression_lines(self.slope, code.operands[0], lambda i: code.kept(f"slope_part_{i}"))
        return [*parts, f"{code.result} = {code.upstream} * {value}"]


def _rounding_of(expression: Expression, z: float) -> float:
    """Return how far rounding takes the value of an expression: against one with more digits, and by z's own last one.

    What is not finite counts as 0: it is not rounding.
    """
    points = z * (1.0 + EPSILON * np.array([0.0, -1.0, 1.0, 2.0]))
    plain, precise = evaluate(expression, points), evaluate(expression, points.astype(np.longdouble))
    with np.errstate(all="ignore"):
        errors = np.abs(np.concatenate([plain - precise, precise - precise[0]])).astype(np.float64)
    return float(np.nan_to_num(errors, nan=0.0, posinf=0.0).max())


def _slope_formula(expression: Expression, z: float) -> str:
    """Return f'(z) in letters and in numbers, as far as they are short enough to read."""
    letters, numbers = (latex(expression, text, LONGEST_LATEX) for text in ("z", number_latex(z)))
    return " = ".join(part for part in ("f'(z)", letters, numbers) if part)
