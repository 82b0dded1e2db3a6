"""The custom activation: an expression in x that a person types, and its derivative.

The derivative may be typed too. That is where a wrong one comes in, and the gradient check finds it. Left empty, it is
derived from the expression.
"""

from __future__ import annotations

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
    functions,
    has_variable,
    in_order,
    latex,
    multiplications,
    pieces,
)
from visualbp.core.pytorch_code import FunctionClasses
from visualbp.operations.activations import Elementwise, activations
from visualbp.operations.base import Emitter
from visualbp.operations.custom_pytorch import custom_function
from visualbp.operations.symbols import Symbol

LONGEST_LATEX = 200
"""Characters of LaTeX that are still a formula to read; what is longer is shown by its name."""


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

    type_name, label = "custom", "Custom"
    description = "A function that you type, and its derivative: the gradient check tells whether they fit."
    options = (
        ExpressionOption("expression", "x * sigmoid(x)", "a function of x, such as x * sigmoid(x) or max(x, 0.1*x)"),
        ExpressionOption("derivative", "", "its derivative; leave it empty to have it derived", optional=True),
    )
    formula, derivative_formula = "f(z)", "f'(z)"

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

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        text = latex(self.expression, "z", LONGEST_LATEX)
        if not text:
            return rf"{output} = {self.function_text}\left({operands[0]}\right)"
        return rf"{output} = f\left({operands[0]}\right), \quad f(z) = {text}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        rule = rf"{result} = {upstream} \odot f'\left({operands[0]}\right)"
        text = latex(self.slope, "z", LONGEST_LATEX)
        return rf"{rule}, \quad f'(z) = {text}" if text else rule

    def to_pytorch(self, z: str, functions: FunctionClasses) -> str:
        typed = self.option_values["expression"], self.option_values["derivative"]
        return f"{functions.name_of(typed, lambda name: custom_function(name, *typed))}.apply({z})"


activations.register(Custom)
