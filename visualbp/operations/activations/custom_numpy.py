"""The expression of a custom activation as lines of NumPy, with the bits that its rule gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from visualbp.core.expressions import Apply, Expression, Variable, constant_value, has_variable, in_order

LONGEST_PART = 70
"""Characters of a part that is still written within another; a longer one gets a line and a name of its own."""

_OPERATORS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
_COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})
_FUNCTIONS = {"atan": "np.arctan", "max": "np.maximum", "min": "np.minimum", "sigmoid": "sigmoid"}
"""Where the name is not NumPy's own."""


def expression_lines(expression: Expression, z: str, name: Callable[[int], str]) -> tuple[list[str], str]:
    """Return the lines that compute parts of an expression of the array `z`, and the whole, fit to stand in a product.

    `name` gives the variable of the part with that number.
    """
    if not has_variable(expression):
        return [], f"np.full_like({z}, {_number(constant_value(expression))})"
    order = in_order(expression)
    uses = Counter(operand for part in order if isinstance(part, Apply) for operand in part.operands)
    texts: dict[Expression, str] = {}
    varying: set[Expression] = set()
    lines: list[str] = []
    for part in order:
        if isinstance(part, Variable):
            varying.add(part)
            texts[part] = z
        elif not isinstance(part, Apply) or varying.isdisjoint(part.operands):
            texts[part] = _number(constant_value(part))
        else:
            varying.add(part)
            texts[part] = _applied(part, [texts[operand] for operand in part.operands], z)
            if part != expression and (uses[part] > 1 or len(texts[part]) > LONGEST_PART):
                lines.append(f"{name(len(lines) + 1)} = {texts[part]}")
                texts[part] = name(len(lines))
    return lines, texts[expression]


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "np.nan" if np.isnan(value) else "np.inf" if value > 0 else "(-np.inf)"
    return repr(value) if np.copysign(1.0, value) > 0 else f"({value!r})"


def _applied(part: Apply, operands: list[str], z: str) -> str:
    """Return a function of operands that each hold together, as an expression that does so too."""
    function = part.function
    if function in _OPERATORS:
        text = f"({operands[0]} {_OPERATORS[function]} {operands[1]})"
        return f"{text}.astype({z}.dtype)" if function in _COMPARISONS else text
    match function:
        case "negate":
            return f"(-{operands[0]})"
        case "power":
            return _power(part.operands[1], *operands)
        case "softplus":
            return f"np.logaddexp({operands[0]}, 0.0)"
        case "relu":
            return f"np.maximum({operands[0]}, 0.0)"
        case "where":
            condition, one, other = operands
            return f"np.where({condition} != 0.0, {one}, {other}).astype({z}.dtype)"
    return f"{_FUNCTIONS.get(function, f'np.{function}')}({', '.join(operands)})"


def _power(exponent: Expression, base: str, text: str) -> str:
    """Whole powers that are met often are products, as in the rule."""
    match None if has_variable(exponent) else constant_value(exponent):
        case 2.0:
            return f"np.square({base})"
        case 3.0:
            return f"(np.square({base}) * {base})"
        case -1.0:
            return f"(1.0 / {base})"
    return f"np.power({base}, {text})"
