"""Custom activations in PyTorch: the typed expression and its derivative, as a torch.autograd.Function.

The derivative is the model's own, typed or derived: a wrong one stays as wrong as it is, and training goes astray in
the same way.
"""

from __future__ import annotations

import math
from collections import Counter

from visualbp.core.differentiation import derivative
from visualbp.core.expression_parser import parse_expression
from visualbp.core.expressions import Apply, Expression, Variable, constant_value, has_variable, in_order
from visualbp.core.python_text import docstring

LONGEST_PART = 70
"""Characters of a part that is still written within another; a longer one gets a line and a name of its own."""

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)
Text = tuple[str, int]
"""A part's code, and how tightly it holds together."""

_OPERATORS = {"add": ("+", _SUM), "subtract": ("-", _SUM), "multiply": ("*", _PRODUCT), "divide": ("/", _PRODUCT)}
_COMPARISONS = {
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
_NAMED = frozenset(("exp", "log", "sqrt", "tanh", "sinh", "cosh", "sin", "cos", "tan", "atan", "sigmoid"))
_ALSO_NAMED = frozenset(("relu", "abs", "sign"))


def custom_function(name: str, expression: str, slope: str) -> str:
    """Return the class `name` for a custom activation; `slope` is its typed derivative, empty for a derived one."""
    expression, slope = " ".join(expression.split()), " ".join(slope.split())
    tree = parse_expression(expression)
    typed = parse_expression(slope) if slope else derivative(tree)
    whose = f"the derivative {slope}" if slope else "its derivative"
    forward = "\n".join(f"        {line}" for line in _lines(tree, "{}"))
    backward = "\n".join(f"        {line}" for line in _lines(typed, "upstream * {}"))
    saved = "        (x,) = context.saved_tensors\n"
    return f"""class {name}(torch.autograd.Function):
{docstring(f"{expression}, with {whose}.", "    ")}

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
{forward}

    @staticmethod
    def backward(context: Any, upstream: Tensor) -> Tensor:
{saved}{backward}"""


def _lines(expression: Expression, returned: str) -> list[str]:
    """Return the statements that compute an expression of x; the last returns it, put into `returned`."""
    order = in_order(expression)
    uses = Counter(operand for part in order if isinstance(part, Apply) for operand in set(part.operands))
    texts: dict[Expression, Text] = {}
    lines: list[str] = []
    for part in order:
        if not isinstance(part, Apply) or not has_variable(part):
            texts[part] = ("x", _ATOM) if isinstance(part, Variable) else _constant(constant_value(part))
            continue
        text = _applied(part, texts)
        if part != expression and (uses[part] > 1 or len(text[0]) > LONGEST_PART):
            name = f"part_{len(lines) + 1}"
            lines.append(f"{name} = {text[0]}")
            text = (name, _ATOM)
        texts[part] = text
    if not has_variable(expression):
        texts[expression] = (f"torch.full_like(x, {texts[expression][0]})", _ATOM)
    elif isinstance(expression, Variable) and returned == "{}":
        texts[expression] = ("x.clone()", _ATOM)
    held = texts[expression][0] if returned == "{}" else _held(texts[expression], _POWER)
    return [*lines, f"return {returned.format(held)}"]


def _constant(value: float) -> Text:
    if not math.isfinite(value):
        return ("torch.nan" if math.isnan(value) else "torch.inf" if value > 0 else "-torch.inf"), _SIGN
    return repr(value), _SIGN if math.copysign(1.0, value) < 0 else _ATOM


def _held(text: Text, tightness: int) -> str:
    return text[0] if text[1] >= tightness else f"({text[0]})"


def _applied(part: Apply, texts: dict[Expression, Text]) -> Text:
    operands = [texts[operand] for operand in part.operands]
    plain = [text for text, _ in operands]
    varies = [has_variable(operand) for operand in part.operands]
    function = part.function
    if function in _OPERATORS:
        sign, own = _OPERATORS[function]
        return f"{_held(operands[0], own)} {sign} {_held(operands[1], own + 1)}", own
    if function in _COMPARISONS:
        compared = f"{_held(operands[0], _SUM + 1)} {_COMPARISONS[function]} {_held(operands[1], _SUM + 1)}"
        return f"({compared}).to(x.dtype)", _ATOM
    if function in _NAMED or function in _ALSO_NAMED:
        return f"torch.{function}({plain[0]})", _ATOM
    match function:
        case "negate":
            return f"-{_held(operands[0], _SIGN)}", _SIGN
        case "power":
            return f"{_held(operands[0], _ATOM)} ** {_held(operands[1], _SIGN)}", _POWER
        case "softplus":
            return f"torch.logaddexp({plain[0]}, torch.zeros_like(x))", _ATOM
        case "max" | "min":
            return _extreme(function, plain, varies), _ATOM
        case "where":
            return _choice(operands[0], plain, varies), _ATOM
    raise TypeError(f"the function {function} has no form in PyTorch")


def _extreme(function: str, operands: list[str], varies: list[bool]) -> str:
    if all(varies):
        return f"torch.{function}imum({operands[0]}, {operands[1]})"
    moving, fixed = operands if varies[0] else reversed(operands)
    bound = "min" if function == "max" else "max"
    return f"torch.clamp({moving}, {bound}={fixed})"


def _choice(condition: Text, operands: list[str], varies: list[bool]) -> str:
    """torch.where takes numbers too, but two numbers would make it forget the precision; a fixed condition chooses."""
    one, other = operands[1], operands[2]
    if not any(varies[1:]):
        one = f"torch.full_like(x, {one})"
    if not varies[0]:
        return f"torch.where(torch.full_like(x, {condition[0]}) != 0, {one}, {other})"
    return f"torch.where({_held(condition, _SUM + 1)} != 0, {one}, {other})"
