"""Expressions in one variable x: the tree, what its functions compute, and how it looks in LaTeX.

A tree is made by the parser (`expression_parser.py`) or by differentiation (`differentiation.py`) from a fixed table of
functions: nothing else can be in it, and nothing of it is ever run as code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from visualbp.core.arrays import Array


@dataclass(frozen=True)
class Number:
    """A constant of an expression."""

    value: float


@dataclass(frozen=True)
class Variable:
    """The x of an expression."""


@dataclass(frozen=True)
class Apply:
    """A function of the table applied to operands. Operators and comparisons are functions too."""

    function: str
    operands: tuple[Expression, ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Kept, because trees share parts: hashing from the leaves up each time would take the square of their size.
        object.__setattr__(self, "_hash", hash((self.function, self.operands)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Apply):
            return self is other
        return self._hash == other._hash and (self.function, self.operands) == (other.function, other.operands)


Expression = Number | Variable | Apply
X = Variable()


@dataclass(frozen=True)
class Function:
    """An entry of the table. `compute(*operands, result)` puts the value into `result`, which is none of the operands.

    `latex` sets it from its operands' LaTeX. `pieces(*operands)` says which piece of a piecewise function each element
    is on. `cost` is the count of multiplications and divisions.
    """

    name: str
    arity: int
    compute: Callable[..., object]
    latex: Callable[..., str]
    pieces: Callable[..., Array] | None = None
    cost: int = 0


def _sigmoid(x: Array, result: Array) -> None:
    """1 / (1 + e^-x): where e^-x overflows the quotient is the right limit, 0."""
    np.negative(x, result)
    np.exp(result, result)
    np.add(result, 1.0, result)
    np.reciprocal(result, result)


def _power(base: Array, exponent: Array, result: Array) -> None:
    """Whole powers that are met often are products, several times as fast."""
    whole = float(exponent) if np.ndim(exponent) == 0 else 0.0
    if whole == 2.0:
        np.multiply(base, base, result)
    elif whole == 3.0:
        np.multiply(base, base, result)
        np.multiply(result, base, result)
    elif whole == -1.0:
        np.divide(1.0, base, result)
    else:
        np.power(base, exponent, result)


def _where(condition: Array, one: Array, other: Array, result: Array) -> None:
    np.copyto(result, other)
    np.copyto(result, one, where=np.not_equal(condition, 0.0))


def _named(name: str) -> Callable[..., str]:
    def latex(*operands: str) -> str:
        return rf"{name}\left({', '.join(operands)}\right)"

    return latex


def _compared(sign: str) -> Callable[..., str]:
    return lambda one, other: rf"\left[{one} {sign} {other}\right]"


def _positive(x: Array) -> Array:
    return np.greater(x, 0.0)


def _operator(one: str, other: str) -> str:
    raise TypeError("operators are set by latex(), which knows where parentheses are needed")


_TABLE = (
    Function("add", 2, np.add, _operator),
    Function("subtract", 2, np.subtract, _operator),
    Function("multiply", 2, np.multiply, _operator, cost=1),
    Function("divide", 2, np.divide, _operator, cost=1),
    Function("power", 2, _power, _operator, cost=1),
    Function("negate", 1, np.negative, lambda x: f"-{x}"),
    Function("less", 2, np.less, _compared("<"), np.less),
    Function("less_equal", 2, np.less_equal, _compared(r"\leq"), np.less_equal),
    Function("greater", 2, np.greater, _compared(">"), np.greater),
    Function("greater_equal", 2, np.greater_equal, _compared(r"\geq"), np.greater_equal),
    Function("equal", 2, np.equal, _compared("="), np.equal),
    Function("not_equal", 2, np.not_equal, _compared(r"\neq"), np.not_equal),
    Function("exp", 1, np.exp, lambda x: rf"e^{{{x}}}"),
    Function("log", 1, np.log, _named(r"\log")),
    Function("sqrt", 1, np.sqrt, lambda x: rf"\sqrt{{{x}}}"),
    Function("tanh", 1, np.tanh, _named(r"\tanh")),
    Function("sinh", 1, np.sinh, _named(r"\sinh")),
    Function("cosh", 1, np.cosh, _named(r"\cosh")),
    Function("sin", 1, np.sin, _named(r"\sin")),
    Function("cos", 1, np.cos, _named(r"\cos")),
    Function("tan", 1, np.tan, _named(r"\tan")),
    Function("atan", 1, np.arctan, _named(r"\arctan")),
    Function("sigmoid", 1, _sigmoid, _named(r"\text{sigmoid}"), cost=1),
    Function("softplus", 1, lambda x, result: np.logaddexp(x, 0.0, result), _named(r"\text{softplus}")),
    Function("relu", 1, lambda x, result: np.maximum(x, 0.0, out=result), _named(r"\text{relu}"), _positive),
    Function("abs", 1, np.absolute, lambda x: rf"\left|{x}\right|", _positive),
    Function("sign", 1, np.sign, _named(r"\text{sign}"), np.sign),
    Function("max", 2, lambda a, b, result: np.maximum(a, b, out=result), _named(r"\max"), np.greater),
    Function("min", 2, lambda a, b, result: np.minimum(a, b, out=result), _named(r"\min"), np.less),
    Function("where", 3, _where, _named(r"\text{where}"), lambda condition, one, other: np.not_equal(condition, 0.0)),
)
functions = {function.name: function for function in _TABLE}
COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})


# -- walking ---------------------------------------------------------------------------------------------------------


def in_order(expression: Expression) -> list[Expression]:
    """Return the distinct parts of an expression, operands before what uses them, the whole last."""
    done: dict[Expression, None] = {}
    waiting: list[tuple[Expression, bool]] = [(expression, False)]
    while waiting:
        part, operands_done = waiting.pop()
        if part in done:
            continue
        if operands_done or not isinstance(part, Apply):
            done[part] = None
        else:
            waiting.append((part, True))
            waiting.extend((operand, False) for operand in reversed(part.operands))
    return list(done)


def has_variable(expression: Expression) -> bool:
    """Return whether an expression depends on x at all."""
    return any(isinstance(part, Variable) for part in in_order(expression))


def is_piecewise(expression: Expression) -> bool:
    """Return whether an expression has a function with pieces in it, such as abs or max: it may have corners."""
    return any(isinstance(part, Apply) and functions[part.function].pieces for part in in_order(expression))


def multiplications(expression: Expression) -> int:
    """Return the multiplications and divisions for one element; what is met twice is computed once."""
    return sum(functions[part.function].cost for part in in_order(expression) if isinstance(part, Apply))


def _values(expression: Expression, x: Array) -> dict[Expression, Array]:
    values: dict[Expression, Array] = {}
    with np.errstate(all="ignore"):
        for part in in_order(expression):
            if isinstance(part, Apply):
                operands = [values[operand] for operand in part.operands]
                values[part] = np.zeros(np.broadcast_shapes(*(np.shape(o) for o in operands)), x.dtype)
                functions[part.function].compute(*operands, values[part])
            else:
                values[part] = x if isinstance(part, Variable) else np.asarray(part.value, x.dtype)
    return values


def evaluate(expression: Expression, x: Array) -> Array:
    """Return the value of an expression for each element of x, in its type. What is undefined is nan or infinite."""
    found: Array = np.array(np.broadcast_to(_values(expression, x)[expression], x.shape))
    return found


def constant_value(expression: Expression) -> float:
    """Return the value of an expression without x."""
    return float(evaluate(expression, np.zeros(())))


def pieces(expression: Expression, x: Array) -> Array | None:
    """Return which piece of a piecewise expression each element of x is on, as integers; None for a smooth one."""
    values, found = _values(expression, x), None
    for part in values:
        if isinstance(part, Apply) and (rule := functions[part.function].pieces) is not None:
            with np.errstate(invalid="ignore"):  # where it is undefined, any piece will do
                piece = rule(*(values[operand] for operand in part.operands)).astype(np.int64)
            found = piece if found is None else found * 1_000_003 + piece  # distinct for any real number of pieces
    return None if found is None else np.broadcast_to(found, x.shape)


# -- LaTeX -----------------------------------------------------------------------------------------------------------

_SUM, _PRODUCT, _POWER, _ATOM = range(4)
"""How tightly a text holds together; where it has to hold more tightly, it gets parentheses."""


def latex(expression: Expression, variable: str = "x", longest: int = 1000) -> str | None:
    """Return an expression in LaTeX, x written as `variable`; None where that takes more than `longest` characters."""
    texts: dict[Expression, tuple[str, int]] = {}
    for part in in_order(expression):
        if isinstance(part, Number):
            texts[part] = _number_latex(part.value)
        elif isinstance(part, Variable):
            texts[part] = variable, _tightness_of(variable)
        else:
            texts[part] = _apply_latex(part.function, [texts[operand] for operand in part.operands])
        if len(texts[part][0]) > longest:  # parts are shared, texts are not: a derivative's could fill the memory
            return None
    return texts[expression][0]


def _tightness_of(variable: str) -> int:
    """Return how tightly what is written in place of x holds together: a symbol, or a number with or without a sign."""
    if variable.lstrip("{").startswith("-"):
        return _SUM
    if r"\times" in variable:
        return _PRODUCT
    return _POWER if "^" in variable or "_" in variable else _ATOM


def _number_latex(value: float) -> tuple[str, int]:
    mantissa, _, exponent = f"{value:.6g}".partition("e")
    if exponent:
        mantissa = rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return mantissa, _SUM if value < 0 else _PRODUCT if exponent else _ATOM


def _apply_latex(function: str, operands: Sequence[tuple[str, int]]) -> tuple[str, int]:
    def held(place: int, tightness: int) -> str:
        text, own = operands[place]
        return text if own >= tightness else rf"\left({text}\right)"

    match function:
        case "add":
            return f"{held(0, _SUM)} + {held(1, _PRODUCT)}", _SUM
        case "subtract":
            return f"{held(0, _SUM)} - {held(1, _PRODUCT)}", _SUM
        case "multiply":
            one, other = held(0, _PRODUCT), held(1, _PRODUCT)
            return one + (r" \cdot " if other[0].isdigit() else r" \, ") + other, _PRODUCT
        case "divide":
            return rf"\frac{{{operands[0][0]}}}{{{operands[1][0]}}}", _PRODUCT
        case "power":
            return f"{held(0, _ATOM)}^{{{operands[1][0]}}}", _POWER
        case "negate":
            return f"-{held(0, _PRODUCT)}", _SUM
        case "exp":
            return functions[function].latex(operands[0][0]), _POWER
    return functions[function].latex(*(text for text, _ in operands)), _ATOM
