"""The derivative of an expression, as an expression: the chain rule on the tree, tidied up as it is built."""

from __future__ import annotations

import math
from collections.abc import Callable

from visualbp.core.expressions import (
    COMPARISONS,
    Apply,
    Expression,
    Number,
    Variable,
    constant_value,
    has_variable,
    in_order,
)

ZERO, ONE, TWO = Number(0.0), Number(1.0), Number(2.0)


def derivative(expression: Expression) -> Expression:
    """Return d expression / dx.

    At a corner one side's slope is taken: 0 for abs, relu and sign, and for max and min the slope of the operand that
    has no x, if there is one, so that max(x, 0) has the slope 0 at 0 as ReLU has.
    """
    slopes: dict[Expression, Expression] = {}
    for part in in_order(expression):
        if isinstance(part, Apply):
            slopes[part] = _slope_of(part, [slopes[operand] for operand in part.operands])
        else:
            slopes[part] = ONE if isinstance(part, Variable) else ZERO
    return slopes[expression]


def _slope_of(part: Apply, slopes: list[Expression]) -> Expression:
    match part.function:
        case "add":
            return add(*slopes)
        case "subtract":
            return subtract(*slopes)
        case "multiply":
            (a, b), (da, db) = part.operands, slopes
            return add(multiply(da, b), multiply(a, db))
        case "divide":
            (a, b), (da, db) = part.operands, slopes
            if db == ZERO:
                return divide(da, b)
            return divide(subtract(multiply(da, b), multiply(a, db)), power(b, TWO))
        case "power":
            return _slope_of_power(part, *slopes)
        case "negate":
            return negate(slopes[0])
        case "max" | "min":
            return _slope_of_extreme(part, *slopes)
        case "where":
            return where(part.operands[0], slopes[1], slopes[2])
    if part.function in COMPARISONS or part.function == "sign" or slopes[0] == ZERO:
        return ZERO
    return _CHAIN[part.function](part.operands[0], part, slopes[0])


_CHAIN: dict[str, Callable[[Expression, Expression, Expression], Expression]] = {
    "exp": lambda u, whole, slope: multiply(slope, whole),
    "log": lambda u, whole, slope: divide(slope, u),
    "sqrt": lambda u, whole, slope: divide(slope, multiply(TWO, whole)),
    "tanh": lambda u, whole, slope: multiply(slope, subtract(ONE, power(whole, TWO))),
    "sinh": lambda u, whole, slope: multiply(slope, Apply("cosh", (u,))),
    "cosh": lambda u, whole, slope: multiply(slope, Apply("sinh", (u,))),
    "sin": lambda u, whole, slope: multiply(slope, Apply("cos", (u,))),
    "cos": lambda u, whole, slope: negate(multiply(slope, Apply("sin", (u,)))),
    "tan": lambda u, whole, slope: multiply(slope, add(ONE, power(whole, TWO))),
    "atan": lambda u, whole, slope: divide(slope, add(ONE, power(u, TWO))),
    "sigmoid": lambda u, whole, slope: multiply(slope, multiply(whole, subtract(ONE, whole))),
    "softplus": lambda u, whole, slope: multiply(slope, Apply("sigmoid", (u,))),
    "relu": lambda u, whole, slope: where(Apply("greater", (u, ZERO)), slope, ZERO),
    "abs": lambda u, whole, slope: multiply(slope, Apply("sign", (u,))),
}
"""The slope of f(u) from u, f(u) and the slope of u."""


def _slope_of_power(part: Apply, base_slope: Expression, exponent_slope: Expression) -> Expression:
    base, exponent = part.operands
    if isinstance(exponent, Apply) and exponent.function == "negate":
        exponent = negate(exponent.operands[0])  # -2 is written as a sign and a number
    if exponent_slope == ZERO:
        return multiply(multiply(exponent, power(base, subtract(exponent, ONE))), base_slope)
    growth = multiply(exponent_slope, Apply("log", (base,)))
    if base_slope == ZERO:
        return multiply(part, growth)
    return multiply(part, add(growth, divide(multiply(exponent, base_slope), base)))


def _slope_of_extreme(part: Apply, one_slope: Expression, other_slope: Expression) -> Expression:
    one, other = part.operands
    if not has_variable(one):  # where both are equal, its slope shall win
        one, other, one_slope, other_slope = other, one, other_slope, one_slope
    first_wins = Apply("greater" if part.function == "max" else "less", (one, other))
    return where(first_wins, one_slope, other_slope)


# -- building, with what is plain to see done at once ----------------------------------------------------------------


def _folded(function: str, *operands: Expression) -> Expression | None:
    """Return the number that a function of numbers is, unless it is not a finite one."""
    if not all(isinstance(operand, Number) for operand in operands):
        return None
    value = constant_value(Apply(function, operands))
    return Number(value) if math.isfinite(value) else None


def _is(expression: Expression, function: str) -> bool:
    return isinstance(expression, Apply) and expression.function == function


def _inner(expression: Expression) -> Expression:
    assert isinstance(expression, Apply)
    return expression.operands[0]


def _is_above_0(expression: Expression) -> bool:
    return isinstance(expression, Number) and expression.value > 0.0


def negate(a: Expression) -> Expression:
    """Return -a: a number with its sign turned, and -(-a) as a."""
    if isinstance(a, Number):
        return Number(-a.value) if a.value else ZERO
    return _inner(a) if _is(a, "negate") else Apply("negate", (a,))


def add(a: Expression, b: Expression) -> Expression:
    """Return a + b: without a 0, with a difference for a negative b, and with 2 a for a + a."""
    if a == ZERO:
        return b
    if b == ZERO:
        return a
    if _is(b, "negate"):
        return subtract(a, _inner(b))
    if isinstance(b, Number) and b.value < 0.0:
        return subtract(a, Number(-b.value))
    if a == b:
        return multiply(TWO, a)
    return _folded("add", a, b) or Apply("add", (a, b))


def subtract(a: Expression, b: Expression) -> Expression:
    """Return a - b: without a 0, with a sum for a negated b, and with 0 for a - a."""
    if b == ZERO:
        return a
    if a == ZERO:
        return negate(b)
    if a == b:
        return ZERO
    if _is(b, "negate"):
        return add(a, _inner(b))
    return _folded("subtract", a, b) or Apply("subtract", (a, b))


def multiply(a: Expression, b: Expression) -> Expression:
    """Return a b: 0 if either is, without a 1, with signs taken outside and numbers taken together at the front."""
    if ZERO in (a, b):
        return ZERO
    if a == ONE:
        return b
    if b == ONE:
        return a
    if (number := _folded("multiply", a, b)) is not None:
        return number
    if _is(a, "negate"):
        return negate(multiply(_inner(a), b))
    if _is(b, "negate"):
        return negate(multiply(a, _inner(b)))
    if isinstance(b, Number):
        a, b = b, a
    if isinstance(a, Number):
        if a.value < 0.0:
            return negate(multiply(Number(-a.value), b))
        if isinstance(b, Apply) and b.function == "multiply" and isinstance(b.operands[0], Number):
            factor = _folded("multiply", a, b.operands[0])
            if factor is not None:
                return multiply(factor, b.operands[1])
    elif isinstance(b, Apply) and b.function == "multiply" and isinstance(b.operands[0], Number):
        return multiply(b.operands[0], multiply(a, b.operands[1]))
    elif isinstance(a, Apply) and a.function == "multiply" and isinstance(a.operands[0], Number):
        return multiply(a.operands[0], multiply(a.operands[1], b))
    elif isinstance(a, Apply) and a.function == "power" and a.operands[0] == b and _is_above_0(a.operands[1]):
        return power(b, add(a.operands[1], ONE))
    if isinstance(b, Apply) and b.function == "divide" and b.operands[0] == ONE:
        return divide(a, b.operands[1])
    return Apply("multiply", (a, b)) if a != b else power(a, TWO)


def divide(a: Expression, b: Expression) -> Expression:
    """Return a / b: without a 1, with the sign outside, and with a number that both have at the front cancelled."""
    if a == ZERO and b != ZERO:
        return ZERO
    if b == ONE:
        return a
    if _is(a, "negate"):
        return negate(divide(_inner(a), b))
    if isinstance(a, Apply) and a.function == "multiply" and isinstance(a.operands[0], Number):
        if isinstance(b, Number) and (factor := _folded("divide", a.operands[0], b)) is not None:
            return multiply(factor, a.operands[1])
        if isinstance(b, Apply) and b.function == "multiply" and b.operands[0] == a.operands[0]:
            return divide(a.operands[1], b.operands[1])
    return _folded("divide", a, b) or Apply("divide", (a, b))


def power(a: Expression, b: Expression) -> Expression:
    """Return a^b: 1 for the exponent 0, and a itself for the exponent 1."""
    if b == ZERO:
        return ONE
    if b == ONE:
        return a
    return _folded("power", a, b) or Apply("power", (a, b))


def where(condition: Expression, one: Expression, other: Expression) -> Expression:
    """Return `one` where the condition holds and `other` elsewhere; for 1 and 0 that is the condition itself."""
    if one == other:
        return one
    if one == ONE and other == ZERO and isinstance(condition, Apply) and condition.function in COMPARISONS:
        return condition
    return Apply("where", (condition, one, other))
