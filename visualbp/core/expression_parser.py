"""From a text to an expression: a parser of its own for a small language, so that no text can do more than compute.

Numbers, x, pi, e; + - * / ** and parentheses; comparisons, which are 1 where they hold and 0 elsewhere; and the named
functions. Length, depth and size are bounded, and so is the time that any text can take.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, NoReturn

from visualbp.core.expressions import COMPARISONS, Apply, Expression, Number, X, constant_value, functions
from visualbp.core.options import OptionError, TextOption

LONGEST = 1000
MOST_OPERATIONS = 300
DEEPEST = 100
"""How many operations may be inside each other, in a tree."""
DEEPEST_NESTING = 40
"""How many parentheses may be: each takes several frames of the parser's stack."""

_OPERATORS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "**": "power",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
    "!=": "not_equal",
}
_BY_NAME = {name: name for name in functions if name not in {*_OPERATORS.values(), "negate"}}
_ALIASES = {"ln": "log", "arctan": "atan", "maximum": "max", "minimum": "min"}
_CONSTANTS = {"pi": math.pi, "e": math.e}
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<operator>\*\*|<=|>=|==|!=|[-+*/<>(),])"
)
_HINTS = {
    "^": "powers are written **",
    "=": "write == to compare",
    "−": "write a plain -",
    "×": "write * for a product",
    "·": "write * for a product",
    "²": "write **2 for a square",
    "√": "write sqrt(...) for a root",
    "[": "parentheses are ( and )",
    "{": "parentheses are ( and )",
    "|": "write abs(...) for a size",
}


class ExpressionError(ValueError):
    """A text that is no expression. `position` is the character, from 0, where it goes wrong."""

    def __init__(self, message: str, text: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.message, self.text, self.position = message, text, position

    @property
    def pointer(self) -> str:
        """The text with a caret below the place, in two lines."""
        return re.sub(r"\s", " ", self.text) + "\n" + " " * self.position + "^"


class _Token(NamedTuple):
    kind: Literal["number", "name", "operator", "end"]
    text: str
    position: int


@dataclass(frozen=True)
class _Part:
    """A part of the tree that is being built, with what is needed to judge it."""

    expression: Expression
    depth: int
    constant: bool


class _Parser:
    """One run over one text, by recursive descent: comparison < sum < product < sign < power < atom."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens()
        self.place = 0
        self.operations = 0
        self.nesting = 0

    def fail(self, message: str, position: int) -> NoReturn:
        """Raise ExpressionError for the character at `position`."""
        raise ExpressionError(message, self.text, position)

    def _tokens(self) -> list[_Token]:
        found: list[_Token] = []
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                wrong = self.text[position]
                self.fail(_HINTS.get(wrong, f"{wrong!r} has no meaning here"), position)
            if match.lastgroup in ("number", "name", "operator"):
                found.append(_Token(match.lastgroup, match.group(), position))  # type: ignore[arg-type]
            position = match.end()
        return [*found, _Token("end", "", len(self.text))]

    @property
    def token(self) -> _Token:
        """The token that comes next; at the end, one of the kind `end`."""
        return self.tokens[self.place]

    def take(self, *texts: str) -> _Token | None:
        """Take the next token if it is one of these operators."""
        token = self.token
        if token.kind != "operator" or token.text not in texts:
            return None
        self.place += 1
        return token

    def build(self, function: str, position: int, *parts: _Part) -> _Part:
        """Return a function of parts, unless the tree gets too large, or a part without x is not a finite number."""
        self.operations += 1
        depth = 1 + max(part.depth for part in parts)
        if self.operations > MOST_OPERATIONS:
            self.fail(f"an expression has at most {MOST_OPERATIONS} operations", position)
        if depth > DEEPEST:
            self.fail(f"at most {DEEPEST} operations can be inside each other", position)
        whole = Apply(function, tuple(part.expression for part in parts))
        if not all(part.constant for part in parts):
            return _Part(whole, depth, False)
        value = constant_value(whole)
        if not math.isfinite(value):
            self.fail(f"this is {value}, not a finite number", position)
        return _Part(whole, depth, True)

    # -- the grammar ---------------------------------------------------------------------------------------------------

    def whole(self) -> _Part:
        """Return the expression that the whole text is: a comparison, and nothing after it."""
        part = self.comparison()
        token = self.token
        if token.kind == "end":
            return part
        if token.text == ")":
            self.fail("this parenthesis was not opened", token.position)
        if token.text == ",":
            self.fail("a comma stands between the arguments of a function only", token.position)
        self.fail("an operator is missing here, such as *", token.position)

    def comparison(self) -> _Part:
        """comparison = sum, or sum < sum, and likewise for the other signs."""
        part = self.sum()
        compared = {sign for sign, name in _OPERATORS.items() if name in COMPARISONS}
        if (token := self.take(*compared)) is None:
            return part
        part = self.build(_OPERATORS[token.text], token.position, part, self.sum())
        if self.token.text in compared:
            self.fail("one comparison at a time; put parentheses, and multiply them", self.token.position)
        return part

    def sum(self) -> _Part:
        """sum = product, then any number of + product or - product, from the left."""
        part = self.product()
        while token := self.take("+", "-"):
            part = self.build(_OPERATORS[token.text], token.position, part, self.product())
        return part

    def product(self) -> _Part:
        """product = signed, then any number of * signed or / signed, from the left."""
        part = self.signed()
        while token := self.take("*", "/"):
            part = self.build(_OPERATORS[token.text], token.position, part, self.signed())
        return part

    def signed(self) -> _Part:
        """signed = + signed, or - signed, or a power: -x**2 is -(x**2)."""
        if (token := self.take("+", "-")) is None:
            return self.power()
        self.descend(token.position)
        part = self.signed()
        self.nesting -= 1
        return part if token.text == "+" else self.build("negate", token.position, part)

    def power(self) -> _Part:
        """power = atom, or atom ** signed."""
        base = self.atom()
        if (token := self.take("**")) is None:
            return base
        self.descend(token.position)
        exponent = self.signed()  # from the right: 2**3**2 is 2**9
        self.nesting -= 1
        return self.build("power", token.position, base, exponent)

    def descend(self, position: int) -> None:
        """Go one level deeper; fail where that is too deep."""
        self.nesting += 1
        if self.nesting > DEEPEST_NESTING:
            self.fail(f"this is nested more than {DEEPEST_NESTING} deep", position)

    def atom(self) -> _Part:
        """atom = a number, x, a constant, a function with its arguments, or a comparison in parentheses."""
        token = self.token
        if token.kind == "number":
            self.place += 1
            value = float(token.text)
            if math.isinf(value):
                self.fail("this number is too large", token.position)
            return _Part(Number(value), 0, True)
        if token.kind == "name":
            self.place += 1
            return self.named(token)
        if self.take("("):
            self.descend(token.position)
            part = self.comparison()
            self.close(token)
            return part
        if token.kind == "end":
            self.fail("something is missing at the end" if self.place else "there is nothing here", token.position)
        self.fail(f"a number, x or a function is missing before {token.text!r}", token.position)

    def close(self, opening: _Token) -> None:
        """Take the parenthesis that closes `opening`, and go one level up; fail where it is missing."""
        self.nesting -= 1
        if self.take(")") is not None:
            return
        if self.token.kind == "end":
            self.fail("this parenthesis is not closed", opening.position)
        wrong = "a comma stands between the arguments of a function only"
        missing = "an operator or a closing parenthesis is missing here"
        self.fail(wrong if self.token.text == "," else missing, self.token.position)

    def named(self, token: _Token) -> _Part:
        """Return x, a constant, or a function with its arguments."""
        name = _ALIASES.get(token.text, token.text)
        opening = self.token if self.token.text == "(" else None
        if name in _BY_NAME:
            if opening is None:
                self.fail(f"{token.text} takes its argument in parentheses", token.position)
            return self.build(name, token.position, *self.arguments(token, functions[name].arity))
        if name == "x" or name in _CONSTANTS:
            if opening is not None:
                self.fail(f"{name} is not a function; write {name}*(...) for a product", opening.position)
            return _Part(X, 0, False) if name == "x" else _Part(Number(_CONSTANTS[name]), 0, True)
        known = [*_BY_NAME, *_ALIASES, *_CONSTANTS]
        near = difflib.get_close_matches(name[:40], known, n=1)
        help_text = f"did you mean {near[0]}?" if near else "the variable is x"
        if opening is not None and not near:
            help_text = f"there are {', '.join(_BY_NAME)}"
        shown = name if len(name) <= 40 else name[:37] + "..."
        what = "function" if opening is not None else "name"
        self.fail(f"there is no {what} {shown}; {help_text}", token.position)

    def arguments(self, name: _Token, arity: int) -> list[_Part]:
        """Return the arguments of a function: `arity` comparisons in parentheses, with commas between them."""
        opening = self.token
        self.place += 1
        self.descend(opening.position)
        if self.token.text == ")":
            self.fail(f"{name.text} takes {_counted(arity)}, not 0", name.position)
        parts = [self.comparison()]
        while self.take(","):
            parts.append(self.comparison())
        self.close(opening)
        if len(parts) != arity:
            self.fail(f"{name.text} takes {_counted(arity)}, not {len(parts)}", name.position)
        return parts


def _counted(arity: int) -> str:
    return "1 argument" if arity == 1 else f"{arity} arguments"


@lru_cache(maxsize=256)
def parse_expression(text: str) -> Expression:
    """Return the expression in x that `text` writes down. Raises ExpressionError, and nothing else."""
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression has at most {LONGEST} characters", text, LONGEST)
    if not text.strip():
        raise ExpressionError("there is no expression; write one in x, such as tanh(x)", text, 0)
    return _Parser(text).whole().expression


@dataclass(frozen=True)
class ExpressionOption(TextOption):
    """An expression in x, kept as its text. `optional` says that it may be empty."""

    longest: int = LONGEST
    optional: bool = False

    def parse(self, value: Any) -> str:
        text = super().parse(value).strip()
        if self.optional and not text:
            return ""
        try:
            parse_expression(text)
        except ExpressionError as error:
            raise OptionError(f"{self.name}: {error}") from None
        return text
