r"""A reader of the equations that the program shows: it takes the LaTeX at its word, and computes what it says.

It knows nothing of the engine. Symbols are bound to arrays by their LaTeX; everything else is read by the rules at the
head of `visualbp/operations/symbols.py`. What cannot be read raises `UnreadableError`, which names the equation.

    read(r"z = W h + b", {"z": Bound(z, True), "W": Bound(w), "h": Bound(h, True), "b": Bound(b)})["z"]
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray
Tokens = tuple[str, ...]
Tree = tuple[Any, ...]

SAMPLES = ("n", "m")
_TOKEN = re.compile(
    r"\\text\{[^}]*\}|\\mathrm\{[^}]*\}|\\(?:left|right)\s*(?:\\[A-Za-z]+|\\[{}|]|.)|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S"
)
_SPACES = {r"\,", r"\;", r"\!", r"\:", r"\ "}
_DELIMITERS = {
    r"\left(": "(", r"\right)": ")", r"\left[": "[", r"\right]": "]", r"\left|": "|<", r"\right|": ">|",
    r"\left\lVert": "||<", r"\right\rVert": ">||", r"\left\langle": "<<", r"\right\rangle": ">>",
    r"\left\lfloor": "fl<", r"\right\rfloor": ">fl", r"\left\{": "set<", r"\right\}": ">set",
}  # fmt: skip
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    r"\le": lambda a, b: a <= b, r"\leq": lambda a, b: a <= b, r"\ge": lambda a, b: a >= b,
    r"\geq": lambda a, b: a >= b, r"\neq": lambda a, b: a != b,
}  # fmt: skip


def _of_all(rule: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda *numbers: functools.reduce(rule, numbers)


def _softmax(z: Array) -> Array:
    shifted = np.exp(z - np.max(z))
    return shifted / shifted.sum()


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    r"\log": np.log, r"\tanh": np.tanh, r"\text{tanh}": np.tanh, r"\sinh": np.sinh, r"\cosh": np.cosh,
    r"\sin": np.sin, r"\cos": np.cos, r"\tan": np.tan, r"\arctan": np.arctan,
    r"\text{sign}": np.sign, r"\text{sigmoid}": lambda z: 0.5 * (1.0 + np.tanh(np.asarray(z) / 2.0)),
    r"\text{softplus}": lambda z: np.logaddexp(0.0, z), r"\text{relu}": lambda z: np.maximum(z, 0.0),
    r"\text{where}": lambda c, a, b: np.where(np.asarray(c) != 0.0, a, b),
    r"\max": _of_all(np.maximum), r"\min": _of_all(np.minimum), r"\text{softmax}": _softmax,
}  # fmt: skip
"""Functions that a reader knows by name."""


class UnreadableError(ValueError):
    """An equation that cannot be read, or says what cannot be: a product of shapes that do not fit, a missing index."""


@dataclass(frozen=True)
class Bound:
    """What a symbol stands for: an array, with the samples along its first axis if it is of the batch."""

    array: Array
    is_batched: bool = False


@dataclass
class _Definition:
    """A letter that an equation defines: with indices, as a function of a letter, or plainly."""

    tokens: Tokens
    indices: tuple[str, ...] = ()
    parameter: Tokens = ()
    body: Tree = ()


@dataclass
class _Scope:
    """Where an expression is evaluated: the sample, the letters of indices, and a function's own letter."""

    sample: int | None = None
    letters: dict[str, int] = field(default_factory=dict)
    own: dict[Tokens, Any] = field(default_factory=dict)

    def having(self, **changes: Any) -> _Scope:
        return _Scope(**{"sample": self.sample, "letters": self.letters, "own": self.own, **changes})


def tokens_of(latex: str) -> Tokens:
    found = (_DELIMITERS.get(re.sub(r"\s", "", token) if token.startswith((r"\left", r"\right")) else token, token)
             for token in _TOKEN.findall(latex))  # fmt: skip
    return tuple(token for token in found if token not in _SPACES)


def light(tokens: Tokens) -> Tokens:
    r"""Return a symbol without its bold face: `\mathbf{h}` becomes h."""
    out: list[str] = []
    place = 0
    while place < len(tokens):
        if tokens[place] in (r"\mathbf", r"\boldsymbol") and tokens[place + 1] == "{" and tokens[place + 3] == "}":
            out.append(tokens[place + 2])
            place += 4
        else:
            out.append(tokens[place])
            place += 1
    return tuple(out)


def read(
    latex: str,
    symbols: Mapping[str, Bound],
    *,
    samples: int = 0,
    texts: Mapping[str, float] | None = None,
    sets: Mapping[str, Sequence[Array]] | None = None,
) -> dict[str, Array]:
    """Return what an equation gives for every symbol that it is about, by the symbol's LaTeX.

    `symbols` has every symbol of the equation, also those on the left, whose arrays tell the shape (and, where they are
    changed, what they were). `texts` are numbers that are given in words, `sets` collections of numbers.
    """
    try:
        return _Reader(latex, symbols, samples, texts or {}, sets or {}).read()
    except UnreadableError as error:
        raise UnreadableError(f"{error}\n  in {latex}") from None


class _Reader:
    def __init__(
        self,
        latex: str,
        symbols: Mapping[str, Bound],
        samples: int,
        texts: Mapping[str, float],
        sets: Mapping[str, Sequence[Array]],
    ) -> None:
        self.latex = latex
        self.bound = dict(symbols)
        self.samples = samples or max((len(b.array) for b in symbols.values() if b.is_batched), default=0)
        self.texts, self.sets = texts, sets
        self.names: dict[Tokens, str] = {}
        for name in symbols:
            self.names.setdefault(tokens_of(name), name)
        for name in symbols:
            self.names.setdefault(light(tokens_of(name)), name)
        self.definitions: dict[Tokens, _Definition] = {}
        self.collections: dict[str, Sequence[Array]] = {}
        self.outside = False
        self.logarithm_of_0 = -math.inf
        self.memo: dict[Any, Any] = {}
        self.target_shape: tuple[int, ...] = ()

    # -- statements ------------------------------------------------------------------------------------------------

    def read(self) -> dict[str, Array]:
        statements = [s for s in re.split(r",\s*\\(?:quad|qquad|;)\s*", self.latex)]
        rest: list[tuple[str, str, str]] = []
        for place, statement in enumerate(statements):
            statement = self._expanded(statement.strip())
            if statement == r"0 \text{ outside}":
                self.outside = True
                continue
            if statement == r"0 \log 0 = 0":
                self.logarithm_of_0 = -1e300  # times 0 it is 0
                continue
            left, relation, right = self._split(statement)
            if relation == "=" and place and not self._is_target(left):
                self._define(left, right)
            else:
                rest.append((left, relation, right))
        for definition in {id(definition): definition for definition in self.definitions.values()}.values():
            definition.body = self._parse(definition.body[0])
        results: dict[str, Array] = {}
        checks: list[tuple[str, str]] = []
        for left, relation, right in rest:
            if relation == r"\in":
                checks.append((left, right))
                self._declare(left, right)
        for left, relation, right in rest:
            if relation == r"\in":
                continue
            names = [left]
            while relation == "=" and self._top_level(right, "=") is not None:
                middle, right = self._top_level(right, "=") or ("", "")
                names.append(middle)
            body = self._parse(right)
            computed = [self._assign(name, body) for name in names]
            for name, array in computed:
                results[name] = array
                self.bound[name] = Bound(array, self.bound[name].is_batched)
            if relation == r"\leftarrow":
                self.memo.clear()
        for left, right in checks:
            self._check_member(left, right)
        if not results:
            raise UnreadableError("says nothing of any symbol")
        return results

    def _expanded(self, statement: str) -> str:
        """Write out sums over senders, and lists with dots."""
        if (
            found := re.search(r"\\sum_\{(s|t = (\d+))\}(?:\^\{(\d+)\})? (.*)_\{\\leftarrow ([st])\}$", statement)
        ) is not None:
            whole = found.group(4)
            if found.group(1) == "s":
                parts = [name for name in self.bound if name.startswith(rf"{whole}_{{\leftarrow ")]
            else:
                first, last = int(found.group(2)), int(found.group(3))
                parts = [rf"{whole}_{{\leftarrow t = {t}}}" for t in range(first, last + 1)]
            return statement[: found.start()] + " + ".join(parts)
        for dots in (r"\cdots", r"\ldots"):
            if dots in statement:
                head, tail = statement.split(f", \\, {dots}, \\, ")
                opening = head.index(r"\left[") + len(r"\left[")
                items, last = head[opening:].split(r", \, "), tail.partition(r"\right]")[0].strip()
                items = [item.strip() for item in items]
                while items[-1] != last:
                    items.append(_next(items[-2], items[-1]))
                    if len(items) > 2000:
                        raise UnreadableError("dots that lead nowhere")
                return head[:opening] + r", \, ".join(items) + r"\right]"
        return statement

    def _split(self, statement: str) -> tuple[str, str, str]:
        for relation in (r"\leftarrow", r"\in", "="):
            if (sides := self._top_level(statement, relation)) is not None:
                return sides[0], relation, sides[1]
        raise UnreadableError(f"no statement: {statement}")

    @staticmethod
    def _top_level(text: str, relation: str) -> tuple[str, str] | None:
        """Return both sides of the first relation outside all brackets."""
        depth = 0
        place = 0
        while place < len(text):
            if text.startswith(r"\left", place) and not text.startswith(r"\leftarrow", place):
                depth, place = depth + 1, place + 6
            elif text.startswith(r"\right", place):
                depth, place = depth - 1, place + 7
            elif text[place] in "{([":
                depth, place = depth + 1, place + 1
            elif text[place] in "})]":
                depth, place = depth - 1, place + 1
            elif (
                depth == 0
                and text.startswith(relation, place)
                and text[place + len(relation) : place + len(relation) + 1] in (" ", "")
            ):
                return text[:place].strip(), text[place + len(relation) :].strip()
            else:
                place += 1
        return None

    def _is_target(self, left: str) -> bool:
        try:
            self._target(left)
        except UnreadableError:
            return False
        return True

    def _target(self, left: str) -> tuple[str, tuple[Tree, ...]]:
        parser = _Parser(self, tokens_of(left))
        tree = parser.symbol()
        if tree is None or parser.place != len(parser.tokens) or tree[0] != "symbol":
            raise UnreadableError(f"an unknown symbol on the left: {left}")
        return tree[1], tree[2]

    def _define(self, left: str, right: str) -> None:
        tokens = tokens_of(left)
        definition = _Definition(tokens)
        if tokens[-1] == ")" and "(" in tokens:
            cut = tokens.index("(")
            definition = _Definition(tokens[:cut], parameter=tokens[cut + 1 : -1])
        elif tokens[-1] == "}" and "_" in tokens:
            cut = len(tokens) - 1 - tokens[::-1].index("_")
            inside = tokens[cut + 2 : -1]
            definition = _Definition(tokens[:cut], indices=tuple(t for t in inside if t != ","))
        if definition.tokens in self.definitions:
            raise UnreadableError(f"{left} is defined twice")
        definition.body = (right,)
        self.definitions[definition.tokens] = definition
        bare = light(definition.tokens)
        self.definitions.setdefault(bare, definition)

    def _declare(self, left: str, right: str) -> None:
        if right.startswith(r"\text{"):
            text = right[len(r"\text{") : -1]
            if text not in self.sets:
                raise UnreadableError(f"nobody knows which are {text}")
            self.collections[left] = self.sets[text]

    def _check_member(self, left: str, right: str) -> None:
        if left in self.collections:
            return
        name = next((n for t, n in self.names.items() if t == tokens_of(left)[: len(t)] and t), None)
        tokens = tokens_of(right)
        if name is None or tokens[0] != "set<":
            raise UnreadableError(f"{left} is in what?")
        parser = _Parser(self, tokens[1:])
        members = [self.value(parser.expression(), _Scope())]
        while parser.take(","):
            members.append(self.value(parser.expression(), _Scope()))
        array = self.bound[name].array
        near = np.min([np.abs(array - float(member)) for member in members], axis=0)
        if near.max() > 1e-12:
            raise UnreadableError(f"{left} is none of {members}")

    def _parse(self, text: str) -> Tree:
        parser = _Parser(self, tokens_of(text))
        tree = parser.expression()
        if parser.place != len(parser.tokens):
            raise UnreadableError(f"cannot go on at {' '.join(parser.tokens[parser.place :])}")
        return tree

    # -- assigning -------------------------------------------------------------------------------------------------

    def _assign(self, left: str, body: Tree) -> tuple[str, Array]:
        name, indices = self._target(left)
        bound = self.bound[name]
        shape = bound.array.shape[1:] if bound.is_batched else bound.array.shape
        letters = []
        for index in indices:
            if index[0] != "letter":
                raise UnreadableError(f"an index on the left that is no letter: {left}")
            letters.append(index[1])
        result = np.full(bound.array.shape, np.nan)
        self.target_shape = shape[len(letters) :]
        for sample in range(self.samples) if bound.is_batched else [None]:
            where = (sample,) if bound.is_batched else ()
            for places in itertools.product(*(range(n) for n in shape[: len(letters)])):
                scope = _Scope(sample, dict(zip(letters, places, strict=True)))
                result[(*where, *places)] = _fitted(self.value(body, scope), self.target_shape)
        return name, result

    # -- evaluating ------------------------------------------------------------------------------------------------

    def value(self, tree: Tree, scope: _Scope) -> Any:
        return getattr(self, f"_{tree[0]}")(tree, scope)

    def _number(self, tree: Tree, scope: _Scope) -> Any:
        return tree[1]

    def _letter(self, tree: Tree, scope: _Scope) -> Any:
        name = tree[1]
        if name in scope.letters:
            return scope.letters[name]
        if (name,) in scope.own:
            return scope.own[(name,)]
        if name == "B":
            return self.samples
        raise UnreadableError(f"nobody knows what {name} is")

    def _own(self, tree: Tree, scope: _Scope) -> Any:
        """A name that the equation defines, or a function's own letter."""
        tokens, indices = tree[1], tree[2]
        if tokens in scope.own or light(tokens) in {light(own) for own in scope.own}:
            found = next(value for own, value in scope.own.items() if light(own) == light(tokens))
            return self._element(found, [self.value(index, scope) for index in indices])
        if len(tokens) == 1 and tokens[0] in scope.letters:
            return scope.letters[tokens[0]]
        definition = self.definitions.get(tokens)
        if definition is None or definition.parameter:
            raise UnreadableError(f"nobody says what {''.join(tokens)} is")
        sample, own = scope.sample, list(indices)
        if own and own[0][0] == "letter" and own[0][1] in SAMPLES and definition.indices[:1] not in (("n",), ("m",)):
            sample = int(self.value(own.pop(0), scope))
        places = [int(self.value(index, scope)) for index in own]
        if len(places) < len(definition.indices):
            raise UnreadableError(f"{''.join(tokens)} needs {len(definition.indices)} indices")
        key = (definition.tokens, sample, tuple(places[: len(definition.indices)]))
        if scope.own or key not in self.memo:
            inner = scope.having(sample=sample, letters=dict(zip(definition.indices, places, strict=False)))
            found = self.value(definition.body, inner)
            if scope.own:
                return self._element(found, places[len(definition.indices) :])
            self.memo[key] = found
        return self._element(self.memo[key], places[len(definition.indices) :])

    def _element(self, array: Any, places: Sequence[int]) -> Any:
        if not places:
            return array
        array = np.asarray(array)
        if array.ndim == 2 and array.shape[1] == 1 and len(places) == 1:
            array = array[:, 0]
        return self._at(array, places)

    def _at(self, array: Array, places: Sequence[Any]) -> Any:
        if len(places) > array.ndim:
            raise UnreadableError(f"{len(places)} indices for {array.ndim} axes")
        whole = []
        for place, length in zip(places, array.shape, strict=False):
            if place != int(place):
                raise UnreadableError(f"the index {place} is no whole number")
            if not 0 <= place < length:
                if self.outside:
                    return _column(np.zeros(array.shape[len(places) :]))
                raise UnreadableError(f"the index {place} is outside 0 to {length - 1}")
            whole.append(int(place))
        return _column(array[tuple(whole)])

    def _symbol(self, tree: Tree, scope: _Scope) -> Any:
        _, name, indices = tree
        bound = self.bound[name]
        array, places = bound.array, list(indices)
        if bound.is_batched:
            if places and places[0][0] == "letter" and places[0][1] in SAMPLES:
                sample = int(self.value(places.pop(0), scope))
            elif scope.sample is None:
                raise UnreadableError(f"{name} of which sample?")
            else:
                sample = scope.sample
            array = array[sample]
        return self._at(array, [_scalar(self.value(index, scope)) for index in places])

    def _sum(self, tree: Tree, scope: _Scope) -> Any:
        total: Any = None
        for inner in self._ranges(tree[1], tree[2], scope):
            value = self.value(tree[2], inner)
            total = value if total is None else total + value
        if total is None:
            raise UnreadableError("a sum over nothing")
        return total

    def _each(self, tree: Tree, scope: _Scope) -> Any:
        """A sum over all members of a collection."""
        letter, body = tree[1], tree[2]
        return sum(
            self.value(body, scope.having(own={**scope.own, (letter,): float(member)}))
            for array in self.collections[letter]
            for member in array.reshape(-1)
        )

    def _largest(self, tree: Tree, scope: _Scope) -> Any:
        return max(_scalar(self.value(tree[2], inner)) for inner in self._ranges(tree[1], tree[2], scope))

    def _argmax(self, tree: Tree, scope: _Scope) -> Any:
        best: tuple[float, Any] | None = None
        for inner in self._ranges(tree[1], tree[2], scope):
            value = _scalar(self.value(tree[2], inner))
            if best is None or value > best[0]:
                best = (value, tuple(inner.letters[letter] for letter, _, _ in tree[1]))
        return best[1] if best else ()

    def _ranges(self, bounds: Sequence[tuple[str, Any, Any]], body: Tree, scope: _Scope) -> Iterator[_Scope]:
        spans = []
        for letter, first, last in bounds:
            if first is not None:
                low, high = int(_scalar(self.value(first, scope))), int(_scalar(self.value(last, scope)))
                length = self._length(letter, body, scope)
                if letter in SAMPLES and length is None:
                    raise UnreadableError(f"a sum over {letter}, which is not in it")
                if letter in SAMPLES:  # samples are counted from 1 in the document
                    if (low, high) != (1, self.samples):
                        raise UnreadableError(f"samples {low} to {high}, and there are {self.samples}")
                    low, high = 0, high - 1
                elif length is not None and high >= length:
                    raise UnreadableError(f"{letter} runs to {high}, and there are {length}")
                spans.append(range(low, high + 1))
                continue
            length = self.samples if letter in SAMPLES else self._length(letter, body, scope)
            if length is None:
                raise UnreadableError(f"nobody says how far {letter} runs")
            if letter in SAMPLES and self._length(letter, body, scope) is None:
                raise UnreadableError(f"a sum over {letter}, which is not in it")
            spans.append(range(length))
        for places in itertools.product(*spans):
            letters = dict(zip((bound[0] for bound in bounds), places, strict=True))
            yield scope.having(letters={**scope.letters, **letters})

    def _length(self, letter: str, tree: Any, scope: _Scope) -> int | None:
        """Return how many places the axes have at which a letter stands in an expression; they must agree."""
        found = set(self._lengths(letter, tree, scope))
        if len(found) > 1:
            raise UnreadableError(f"{letter} stands at axes of {sorted(found)}")
        return found.pop() if found else None

    def _lengths(self, letter: str, tree: Any, scope: _Scope) -> Iterator[int]:
        if not isinstance(tree, tuple) or not tree:
            return
        if isinstance(tree[0], tuple):
            yield from self._lengths(letter, tree[0], scope)
        if tree[0] == "symbol":
            bound = self.bound[tree[1]]
            places = list(tree[2])
            shape = bound.array.shape
            if bound.is_batched and not (places and places[0][0] == "letter" and places[0][1] in SAMPLES):
                shape = shape[1:]
            for index, length in zip(places, shape, strict=False):
                if index == ("letter", letter):
                    yield length
        elif tree[0] == "own" and len(tree) > 2:
            yield from self._lengths_of_own(letter, tree, scope)
        for part in tree[1:]:
            if isinstance(part, tuple):
                yield from self._lengths(letter, part, scope)

    def _lengths_of_own(self, letter: str, tree: Tree, scope: _Scope) -> Iterator[int]:
        tokens, places = tree[1], list(tree[2])
        for own, value in scope.own.items():
            if light(own) == light(tokens) and places == [("letter", letter)]:
                yield np.asarray(value).shape[0]
                return
        definition = self.definitions.get(tokens)
        if definition is None or not places:
            return
        of_sample = places[0][0] == "letter" and places[0][1] in SAMPLES
        if of_sample and definition.indices[:1] not in (("n",), ("m",)) and places.pop(0) == ("letter", letter):
            yield self.samples
        for index, parameter in zip(places, definition.indices, strict=False):
            if index == ("letter", letter):
                yield from self._lengths(parameter, definition.body, scope)
        if len(places) > len(definition.indices) and places[-1] == ("letter", letter):
            zero = scope.having(sample=0, letters=dict.fromkeys(definition.indices, 0))
            yield np.asarray(self.value(definition.body, zero)).shape[0]

    def _text(self, tree: Tree, scope: _Scope) -> Any:
        if tree[1] not in self.texts:
            raise UnreadableError(f"nobody knows the {tree[1]}")
        return self.texts[tree[1]]

    def _add(self, tree: Tree, scope: _Scope) -> Any:
        a, b = self.value(tree[1], scope), self.value(tree[2], scope)
        if isinstance(a, tuple):
            return tuple(x + y for x, y in zip(a, b, strict=True))
        return _together(a, b, np.add)

    def _subtract(self, tree: Tree, scope: _Scope) -> Any:
        return _together(self.value(tree[1], scope), self.value(tree[2], scope), np.subtract)

    def _negate(self, tree: Tree, scope: _Scope) -> Any:
        return -self.value(tree[1], scope)

    def _times(self, tree: Tree, scope: _Scope) -> Any:
        return _product(self.value(tree[1], scope), self.value(tree[2], scope))

    def _hadamard(self, tree: Tree, scope: _Scope) -> Any:
        a, b = np.asarray(self.value(tree[1], scope)), np.asarray(self.value(tree[2], scope))
        if a.shape != b.shape:
            raise UnreadableError(f"a product by elements of {a.shape} and {b.shape}")
        return a * b

    def _quotient(self, tree: Tree, scope: _Scope) -> Any:
        a, b = self.value(tree[1], scope), self.value(tree[2], scope)
        with np.errstate(all="ignore"):
            return _together(a, b, np.divide)

    def _power(self, tree: Tree, scope: _Scope) -> Any:
        base, exponent = self.value(tree[1], scope), self.value(tree[2], scope)
        if np.ndim(base) and np.size(base) != 1:
            raise UnreadableError("a power of an array: of its elements or of the matrix?")
        with np.errstate(all="ignore"):
            return np.power(float(_scalar(base)), float(_scalar(exponent)))

    def _powers(self, tree: Tree, scope: _Scope) -> Any:
        return np.power(self.value(tree[1], scope), float(_scalar(self.value(tree[2], scope))))

    def _exponential(self, tree: Tree, scope: _Scope) -> Any:
        with np.errstate(all="ignore"):
            return np.exp(self.value(tree[1], scope))

    def _root(self, tree: Tree, scope: _Scope) -> Any:
        return np.sqrt(self.value(tree[1], scope))

    def _transposed(self, tree: Tree, scope: _Scope) -> Any:
        value = self.value(tree[1], scope)
        return _matrix(value).T if np.ndim(value) else value

    def _size(self, tree: Tree, scope: _Scope) -> Any:
        return np.abs(self.value(tree[1], scope))

    def _norm(self, tree: Tree, scope: _Scope) -> Any:
        return float(np.sqrt(np.sum(np.square(self.value(tree[1], scope)))))

    def _inner(self, tree: Tree, scope: _Scope) -> Any:
        a, b = np.asarray(self.value(tree[1], scope)), np.asarray(self.value(tree[2], scope))
        if a.shape != b.shape:
            raise UnreadableError(f"an inner product of {a.shape} and {b.shape}")
        return float(np.sum(a * b))

    def _floor(self, tree: Tree, scope: _Scope) -> Any:
        return math.floor(_scalar(self.value(tree[1], scope)))

    def _tuple(self, tree: Tree, scope: _Scope) -> Any:
        return tuple(int(self.value(part, scope)) for part in tree[1])

    def _joined(self, tree: Tree, scope: _Scope) -> Any:
        return np.concatenate([np.asarray(self.value(part, scope)) for part in tree[1]], axis=0)

    def _listed(self, tree: Tree, scope: _Scope) -> Any:
        parts = [np.asarray(self.value(part, scope)) for part in tree[1]]
        return np.stack([part[:, 0] if part.ndim == 2 and part.shape[1] == 1 else part for part in parts])

    def _holds(self, tree: Tree, scope: _Scope) -> Any:
        first, *others = (self.value(part, scope) for part in tree[1])
        held: Any = True
        for sign, other in zip(tree[2], others, strict=True):
            held = np.logical_and(held, _COMPARISONS[sign](first, other))
            first = other
        return np.asarray(held, float) if np.ndim(held) else float(held)

    def _if(self, tree: Tree, scope: _Scope) -> Any:
        holds = self.value(tree[2], scope)
        if np.ndim(holds):
            raise UnreadableError("a condition on an array")
        return self.value(tree[1] if holds else tree[3], scope)

    def _vec(self, tree: Tree, scope: _Scope) -> Any:
        return np.asarray(self.value(tree[1], scope)).reshape(-1, 1)

    def _unvec(self, tree: Tree, scope: _Scope) -> Any:
        return np.asarray(self.value(tree[1], scope)).reshape(self.target_shape)

    def _zero(self, tree: Tree, scope: _Scope) -> Any:
        return _Zero()

    def _call(self, tree: Tree, scope: _Scope) -> Any:
        tokens, arguments = tree[1], [self.value(part, scope) for part in tree[2]]
        definition = self.definitions.get(tokens)
        if definition is None:
            with np.errstate(all="ignore"):
                if tokens == (r"\log",):
                    return np.where(np.equal(arguments[0], 0.0), self.logarithm_of_0, np.log(arguments[0]))[()]
                return _FUNCTIONS[tokens[0]](*arguments)
        (argument,) = arguments
        if definition.parameter[0] == r"\mathbf":
            return self.value(definition.body, scope.having(own={definition.parameter: argument}, letters={}))
        array = np.asarray(argument, float)
        flat = []
        for number in array.reshape(-1):
            inner = scope.having(own={definition.parameter: float(number)}, letters={})
            flat.append(float(_scalar(self.value(definition.body, inner))))
        return np.array(flat).reshape(array.shape) if array.ndim else flat[0]


class _Zero(float):
    """The vector of zeros, of any length: what it is multiplied with is 0."""


def _next(before: str, item: str) -> str:
    """Return what follows in a list whose numbers rise by one."""
    ours, theirs = re.split(r"(\d+)", item), re.split(r"(\d+)", before)
    if len(ours) != len(theirs):
        raise UnreadableError(f"what comes after {item}?")
    return "".join(str(2 * int(a) - int(b)) if a != b else a for a, b in zip(ours, theirs, strict=True))


def _scalar(value: Any) -> Any:
    if np.ndim(value):
        if np.size(value) != 1:
            raise UnreadableError(f"an array of {np.shape(value)} where a number is meant")
        return np.asarray(value).reshape(()).item()
    return value


def _column(array: Any) -> Any:
    """A vector stands as a column."""
    array = np.asarray(array)
    return float(array) if array.ndim == 0 else array.reshape(-1, 1) if array.ndim == 1 else array


def _fitted(value: Any, shape: tuple[int, ...]) -> Any:
    """Return a value in the shape that is asked for, if it has that shape."""
    have = np.shape(value)
    if have != shape and have[:-1] == shape and have[-1:] == (1,):
        return np.asarray(value).reshape(shape)
    if have != shape and _without_ones(have) == _without_ones(shape):
        return np.asarray(value).reshape(shape)
    if have != shape and (have or value != 0.0):
        raise UnreadableError(f"{have} where {shape} is meant")
    return value


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Axes of one place at the front do not count: one head, one number."""
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape


def _together(a: Any, b: Any, rule: Callable[[Any, Any], Any]) -> Any:
    if np.ndim(a) and np.ndim(b) and np.shape(a) != np.shape(b):
        if np.size(b) == 1:
            b = _scalar(b)
        else:
            raise UnreadableError(f"{rule.__name__} {np.shape(a)} and {np.shape(b)}")
    return rule(a, b)


def _matrix(value: Any) -> Any:
    array = np.asarray(value)
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    return array


def _product(a: Any, b: Any) -> Any:
    if isinstance(a, _Zero) or isinstance(b, _Zero):
        return _Zero()
    if not np.ndim(a) or not np.ndim(b):
        return a * b
    a, b = _matrix(a), _matrix(b)
    if np.size(a) == 1:
        return _scalar(a) * b
    if np.size(b) == 1:
        return a * _scalar(b)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise UnreadableError(f"a product of {a.shape} and {b.shape}")
    return a @ b


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, reader: _Reader, tokens: Tokens) -> None:
        self.reader, self.tokens, self.place = reader, tokens, 0
        self.by_first: dict[str, list[Tokens]] = {}
        for name in sorted(reader.names, key=len, reverse=True):
            if name:
                self.by_first.setdefault(name[0], []).append(name)

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.place + ahead] if self.place + ahead < len(self.tokens) else ""

    def take(self, token: str) -> bool:
        if self.peek() == token:
            self.place += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise UnreadableError(f"{token} expected at {' '.join(self.tokens[self.place :]) or 'the end'}")

    # -- expressions -------------------------------------------------------------------------------------------------

    def expression(self) -> Tree:
        tree = self.sum()
        if self.take(r"\text{ if }"):
            condition = self.condition()
            self.expect(r"\text{ else }")
            return ("if", tree, condition, self.expression())
        return tree

    def condition(self) -> Tree:
        parts, signs = [self.sum()], []
        while self.peek() in _COMPARISONS:
            signs.append(self.peek())
            self.place += 1
            parts.append(self.sum())
        if not signs:
            raise UnreadableError("a condition that compares nothing")
        return ("holds", tuple(parts), tuple(signs))

    def sum(self) -> Tree:
        tree = ("negate", self.term()) if self.take("-") else self.term()
        while self.peek() in ("+", "-"):
            kind = "add" if self.peek() == "+" else "subtract"
            self.place += 1
            tree = (kind, tree, self.term())
        return tree

    def term(self) -> Tree:
        tree = self.factor()
        while True:
            if self.take(r"\odot"):
                tree = ("hadamard", tree, self.factor())
            elif self.take("/"):
                tree = ("quotient", tree, self.factor())
            elif self.take(r"\cdot") or self.take(r"\times") or self._begins_factor():
                tree = ("times", tree, self.factor())
            else:
                return tree

    def _begins_factor(self) -> bool:
        token = self.peek()
        if not token or token in ("+", "-", ")", "]", "}", ",", ";", "^", "_", ">|", ">||", ">>", ">fl", ">set"):
            return False
        return token not in _COMPARISONS and token not in (r"\text{ if }", r"\text{ else }", r"\in", r"\leftarrow")

    def factor(self) -> Tree:
        tree = self.base()
        while self.take("^"):
            if self.peek() != "{":
                token = self.peek()
                self.place += 1
                tree = ("transposed", tree) if token == "T" else ("power", tree, ("number", float(token)))
                continue
            self.expect("{")
            if self.take("T"):
                tree = ("transposed", tree)
            elif self.take(r"\odot"):
                tree = ("powers", tree, self.expression())
            else:
                tree = ("power", tree, self.expression())
            self.expect("}")
        return tree

    def base(self) -> Tree:
        if (call := self.call()) is not None:
            return call
        if (symbol := self.symbol()) is not None:
            return symbol
        token = self.peek()
        self.place += 1
        if re.fullmatch(r"\d+(\.\d+)?", token):
            return ("number", float(token) if "." in token else int(token))
        match token:
            case "(":
                return self.parenthesised()
            case "{":
                self.place -= 1
                return self.group()
            case "[":
                return self.bracketed()
            case r"\frac":
                return ("quotient", self.group(), self.group())
            case r"\sqrt":
                return ("root", self.group())
            case "|<" | "||<" | "fl<":
                kind, end = {"|<": ("size", ">|"), "||<": ("norm", ">||"), "fl<": ("floor", ">fl")}[token]
                inside = self.expression()
                self.expect(end)
                return (kind, inside)
            case "<<":
                first = self.expression()
                self.expect(",")
                second = self.expression()
                self.expect(">>")
                return ("inner", first, second)
            case r"\sum":
                return self.summed()
            case r"\infty":
                return ("number", math.inf)
            case r"\pi":
                return ("number", math.pi)
            case r"\mathbf" if self.tokens[self.place : self.place + 3] == ("{", "0", "}"):
                self.place += 3
                return ("zero",)
            case r"\mathrm{vec}":
                kind = "vec"
                if self.take("^"):
                    if self.tokens[self.place : self.place + 4] != ("{", "-", "1", "}"):
                        raise UnreadableError("a power of vec")
                    self.place += 4
                    kind = "unvec"
                self.expect("(")
                inside = self.expression()
                self.expect(")")
                return (kind, inside)
            case "e" if self.peek() == "^":
                self.place += 1
                return ("exponential", self.group())
        if token.startswith(r"\text{"):
            return ("text", token[len(r"\text{") : -1])
        if re.fullmatch(r"[A-Za-z]|\\[A-Za-z]+", token):
            return ("letter", token)
        raise UnreadableError(f"cannot read {token or 'the end'}")

    def group(self) -> Tree:
        self.expect("{")
        tree = self.expression()
        self.expect("}")
        return tree

    def parenthesised(self) -> Tree:
        first = self.expression()
        if self.take(","):
            parts = [first, self.expression()]
            self.expect(")")
            return ("tuple", tuple(parts))
        self.expect(")")
        return first

    def bracketed(self) -> Tree:
        first = self.sum()
        if self.peek() in _COMPARISONS:
            parts, signs = [first], []
            while self.peek() in _COMPARISONS:
                signs.append(self.peek())
                self.place += 1
                parts.append(self.sum())
            self.expect("]")
            return ("holds", tuple(parts), tuple(signs))
        parts, kind = [first], "joined" if self.peek() == ";" else "listed"
        while self.take(";" if kind == "joined" else ","):
            parts.append(self.sum())
        self.expect("]")
        return (kind, tuple(parts))

    # -- sums --------------------------------------------------------------------------------------------------------

    def summed(self) -> Tree:
        self.expect("_")
        if self.tokens[self.place + 2 : self.place + 3] == ("}",) and self.peek(1) in self.reader.collections:
            letter = self.peek(1)
            self.place += 3
            return ("each", letter, self.term_of_sum())
        bounds = self.bounds()
        if self.take("^"):
            last = self.group()
            bounds = [(letter, first, last) for letter, first, _ in bounds]
        return ("sum", tuple(bounds), self.term_of_sum())

    def term_of_sum(self) -> Tree:
        return self.term()

    def bounds(self) -> list[tuple[str, Any, Any]]:
        self.expect("{")
        if re.fullmatch(r"\d+", self.peek()):
            first: Any = ("number", int(self.peek()))
            self.place += 1
            self.expect(r"\le")
            letters = self.letters()
            self.expect("<")
            last: Any = ("subtract", self.sum(), ("number", 1))
            self.expect("}")
            return [(letter, first, last) for letter in letters]
        letters = self.letters()
        if self.take("="):
            first = self.sum()
            self.expect("}")
            return [(letters[0], first, None)]
        self.expect("}")
        return [(letter, None, None) for letter in letters]

    def letters(self) -> list[str]:
        found = [self.peek()]
        self.place += 1
        while self.take(","):
            found.append(self.peek())
            self.place += 1
        if not all(re.fullmatch(r"[a-z]", letter) for letter in found):
            raise UnreadableError(f"no letters to sum over: {found}")
        return found

    # -- names ---------------------------------------------------------------------------------------------------------

    def call(self) -> Tree | None:
        """Read a function of something, or a maximum over places."""
        for tokens, definition in sorted(self.reader.definitions.items(), key=lambda item: -len(item[0])):
            after = self.place + len(tokens)
            if (
                definition.parameter
                and self.tokens[self.place : after] == tokens
                and self.tokens[after : after + 1] == ("(",)
            ):
                self.place = after
                return ("call", tokens, self.arguments())
        token = self.peek()
        if token in (r"\max", r"\text{argmax}") and self.peek(1) == "_":
            self.place += 2
            return ("argmax" if "arg" in token else "largest", tuple(self.bounds()), self.term())
        if token not in _FUNCTIONS:
            return None
        self.place += 1
        if self.peek() == "(":
            return ("call", (token,), self.arguments())
        return ("call", (token,), (self.factor(),))

    def arguments(self) -> tuple[Tree, ...]:
        self.expect("(")
        parts = [self.expression()]
        while self.take(","):
            parts.append(self.expression())
        self.expect(")")
        return tuple(parts)

    def symbol(self) -> Tree | None:
        """Read a symbol, bound or defined, with its indices; a derivative may have them below its line."""
        tokens = self._bound_here(self.place)
        if tokens is not None and not self._defined_here(longer_than=len(tokens)):
            self.place += len(tokens)
            return ("symbol", self.reader.names[tokens], self.indices())
        if self.peek() == "[" and (tokens := self._bound_here(self.place + 1)) is not None:
            end = self.place + 1 + len(tokens)
            if self.tokens[end : end + 2] == ("]", "_"):
                self.place = end + 1
                return ("symbol", self.reader.names[tokens], self.indices())
        if self.tokens[self.place : self.place + 3] == (r"\frac", "{", r"\partial"):
            return self.derivative()
        for tokens in sorted(self.reader.definitions, key=len, reverse=True):
            if tokens and self.tokens[self.place : self.place + len(tokens)] == tokens:
                self.place += len(tokens)
                return ("own", tokens, self.indices())
        for definition in self.reader.definitions.values():
            own = definition.parameter
            for tokens in (own, light(own)):
                if tokens and self.tokens[self.place : self.place + len(tokens)] == tokens:
                    self.place += len(tokens)
                    return ("own", tokens, self.indices())
        return None

    def _defined_here(self, longer_than: int) -> bool:
        names = (name for name in self.reader.definitions if len(name) > longer_than)
        return any(self.tokens[self.place : self.place + len(name)] == name for name in names)

    def _bound_here(self, place: int) -> Tokens | None:
        here = self.tokens[place] if place < len(self.tokens) else ""
        return next(
            (name for name in self.by_first.get(here, ()) if self.tokens[place : place + len(name)] == name), None
        )

    def derivative(self) -> Tree:
        opening = (r"\frac", "{", r"\partial", r"\mathcal", "{", "L", "}", "}", "{", r"\partial")
        if self.tokens[self.place : self.place + len(opening)] != opening:
            raise UnreadableError("a derivative that nobody has")
        self.place += len(opening)
        wrapped = self.take("[")
        names = (name[len(opening) : -1] for name in self.reader.names if name[: len(opening)] == opening)
        fitting = [name for name in names if self.tokens[self.place : self.place + len(name)] == name]
        if not fitting:
            raise UnreadableError(f"a derivative by what? {' '.join(self.tokens[self.place :])}")
        of = max(fitting, key=len)
        self.place += len(of)
        if wrapped:
            self.expect("]")
        indices = self.indices()
        self.expect("}")
        return ("symbol", self.reader.names[(*opening, *of, "}")], indices)

    def indices(self) -> tuple[Tree, ...]:
        if self.peek() != "_":
            return ()
        self.place += 1
        if self.peek() != "{":
            raise UnreadableError("an index without braces")
        self.expect("{")
        parts = [self.sum()]
        while self.take(","):
            parts.append(self.sum())
        self.expect("}")
        return tuple(parts)
