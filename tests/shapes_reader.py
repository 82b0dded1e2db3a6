"""A reader of the shapes of a step, such as `(2, 4)  =  (3, 2)^T (3, 4)`: whether they fit together as written.

What is written in products, sums and transpositions is reckoned, for whatever operation it is. Words beside them stand
with their claim about shapes (`Told`), `result[:-1] == x`: its names come in the order of the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.claims_reader import words_of
from tests.sentence_reader import claim
from visualbp.core.arrays import shape_text
from visualbp.operations.glossary import GLOSSARY, SMALL_WORDS
from visualbp.operations.words import Told

Shape = tuple[int, ...]
_SHAPE = r"\(\d+(?:, \d+)*\)|scalar"
_OVER = {"the samples": "rows", "samples and positions": "positions", "samples and places": "places", "": "any"}
_PIECE = re.compile(
    rf"(?P<shape>{_SHAPE})(?P<turned>\^T)?|(?P<rest>\(1 - )|(?P<rate>rate)|(?P<close>\))|(?P<sign> [+*-] | )"
)


def shape_of(text: str) -> Shape:
    return tuple(int(length) for length in re.findall(r"\d+", text))


class _Reckoner:
    """The shape of an expression, by recursive descent: sums of products of shapes."""

    def __init__(self, text: str, result: Shape, flat: bool = False) -> None:
        self.pieces: list[re.Match[str]] = []
        place = 0
        while place < len(text):
            found = _PIECE.match(text, place)
            if found is None:
                raise ValueError(f"no shape: {text[place:]!r}")
            self.pieces.append(found)
            place = found.end()
        self.result, self.flat = result, flat

    def whole(self) -> Shape:
        shape = self.sum()
        if self.pieces:
            raise ValueError("more than an expression")
        return shape

    def sum(self) -> Shape:
        shape = self.product()
        while self._takes(" + ", " - "):
            other = self.product()
            if other not in (shape, shape[-1:]):
                raise ValueError(f"{shape} and {other} cannot be added")
        return shape

    def product(self) -> Shape:
        shape = self.factor()
        while True:
            if self._takes(" * "):
                shape = np.broadcast_shapes(shape, self.factor())
            elif self._takes(" "):
                shape = self._matrix_product(shape, self.factor())
            else:
                return shape

    def factor(self) -> Shape:
        piece = self.pieces.pop(0)
        if piece["rest"]:
            shape = self.sum()
            if not self.pieces or not self.pieces.pop(0)["close"]:
                raise ValueError("an open bracket")
            return shape
        if piece["rate"]:
            return ()
        if not piece["shape"]:
            raise ValueError(f"no factor: {piece.group()!r}")
        shape = shape_of(piece["shape"])
        if self.flat and len(shape) > 2:
            shape = (int(np.prod(shape[:-1])), shape[-1])
        return (*shape[:-2], shape[-1], shape[-2]) if piece["turned"] and len(shape) > 1 else shape

    def _matrix_product(self, one: Shape, other: Shape) -> Shape:
        """A matrix product; heads lie side by side in the last axis of what has them."""
        if {len(one), len(other), len(self.result)} == {3, 4} and min(len(one), len(other)) > 2:
            heads = next(shape[1] for shape in (one, other, self.result) if len(shape) == 4)
            one, other = _by_heads(one, heads), _by_heads(other, heads)
        shape = (np.zeros(one) @ np.zeros(other)).shape
        if len(shape) == 4 and len(self.result) == 3:
            shape = (shape[0], shape[2], shape[1] * shape[3])
        return shape

    def _takes(self, *signs: str) -> bool:
        if self.pieces and self.pieces[0]["sign"] in signs:
            self.pieces.pop(0)
            return True
        return False


def _by_heads(shape: Shape, heads: int) -> Shape:
    """Return (B, heads, T, d / heads) for (B, T, d), also where it is turned."""
    if len(shape) == 4:
        return shape
    samples, first, second = shape
    if second % heads == 0:
        return (samples, heads, first, second // heads)
    return (samples, heads, first // heads, second)


def _reckoned(right: str, result: Shape) -> bool:
    if (found := re.fullmatch(r"sum of (.+?)(?: over (.+))?", right)) is None:
        return _Reckoner(right, result).whole() == result
    expression, over = found.group(1), _OVER[found.group(2) or ""]
    if "^T" in expression:
        return over == "positions" and len(shape_of(expression.split("^T")[0])) > 2 and _flat(expression, result)
    shape = _Reckoner(expression, result).whole()
    if over == "positions":
        return len(shape) > 2 and result == shape[-1:]
    if over == "places":
        return len(shape) > 2 and result == shape[1:2]
    if over == "any":
        return len(result) < len(shape) and all(length in shape for length in result)
    return len(shape) == 2 and result == shape[1:]


def _flat(expression: str, result: Shape) -> bool:
    return _Reckoner(expression, result, flat=True).whole() == result


def shapes_fit(text: str) -> bool:
    """Return whether the shapes of a step fit together."""
    if " numbers in " in text or "  and  " in text or re.fullmatch(_SHAPE, text):
        return True
    found = re.match(rf"({_SHAPE})  (=|from)  (.+)", text)
    if found is None:
        return False
    result, relation, right = shape_of(found[1]), found[2], found[3]
    if relation == "from":
        return re.fullmatch(rf"(?:\d+ parts )?(?:{_SHAPE})(?:, (?:{_SHAPE}))*", right) is not None
    if right == "0":
        return True
    try:
        return _reckoned(right, result)
    except (ValueError, KeyError, IndexError):
        return False


def check_shapes(
    text: str, result: Shape, shapes: Mapping[str, Shape], own: Mapping[str, str], options: Mapping[str, Any]
) -> None:
    """Hold the right-hand side of a step's shapes against those of its operands and of upstream, by their names."""
    shown = [shape_of(found) for found in re.findall(_SHAPE, text)]
    claim(all(shape in shapes.values() for shape in shown), f"{text!r} has a shape that nothing has")
    if not isinstance(text, Told):
        claim(shapes_fit(f"{shape_text(result)}  {text}"), f"{shape_text(result)}  {text}: the shapes do not fit")
        return
    for name, value in text.values.items():
        claim(
            name in shapes and value == shape_text(shapes[name]), f"{name} is {shapes.get(name)}, and {value} is said"
        )
    said = dict.fromkeys(re.findall(r"\{(\w+)\}", text.saying.text))
    named = dict.fromkeys(re.findall(r"\w+", text.saying.claim))
    claim(list(said) == [name for name in named if name in shapes], f"{text!r} names {list(said)} in another order")
    list(words_of(text.saying.text, {**dict.fromkeys(SMALL_WORDS, ""), **GLOSSARY, **own}))
    claim(
        bool(eval(text.saying.claim, {**options, **shapes, "result": result})),
        f"{text!r} for {shape_text(result)} is not so: {text.saying.claim}",
    )
