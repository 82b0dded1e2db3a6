"""A reader of the shapes of a step, such as `(2, 4)  =  (3, 2)^T (3, 4)`: whether they fit together as written."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

Shape = tuple[int, ...]
_SHAPE = r"\(\d+(?:, \d+)*\)|scalar"


def _shape(text: str) -> Shape:
    return tuple(int(length) for length in re.findall(r"\d+", text))


def _same(result: Shape, *others: Shape) -> bool:
    return all(other == result for other in others)


def _product(result: Shape, text: str) -> bool:
    """A matrix product, or several added up; heads lie side by side in the last axis of what has them."""
    if not re.fullmatch(rf"(?:{_SHAPE})(?:\^T)?(?: (?:\+ )?(?:{_SHAPE})(?:\^T)?)*", text):
        return False
    total: Shape | None = None
    for summand in text.split(" + "):
        parts = re.findall(rf"({_SHAPE})(\^T)?", summand)
        shapes = []
        for found, turned in parts:
            shape = _shape(found)
            shapes.append((*shape[:-2], shape[-1], shape[-2]) if turned and len(shape) > 1 else shape)
        if len(shapes) == 2:
            images = any(len(shape) == 2 for shape in shapes)
            heads = None if images else {len(s): s[1] for s in (*shapes, result) if len(s) == 4}.get(4)
            if heads is not None:
                shapes = [_by_heads(shape, heads) for shape in shapes]
            try:
                made = (np.zeros(shapes[0]) @ np.zeros(shapes[1])).shape
            except ValueError:
                return False
            if heads is not None and len(result) == 3:
                made = (made[0], made[2], made[1] * made[3])
        elif len(shapes) == 1:
            made = shapes[0]
        else:
            return False
        if total is not None and made != total and made != total[-1:]:
            return False
        total = total or made
    return total == result


def _by_heads(shape: Shape, heads: int) -> Shape:
    """Return (B, heads, T, d / heads) for (B, T, d), also where it is turned."""
    if len(shape) == 4:
        return shape
    samples, first, second = shape
    if second % heads == 0:
        return (samples, heads, first, second // heads)
    return (samples, heads, first // heads, second)


def _turned_product(result: Shape, one: str, other: str) -> bool:
    a, b = _shape(one), _shape(other)
    return len(a) > 2 and a[:-1] == b[:-1] and result == (a[-1], b[-1])


def _sum_over(result: Shape, text: str, over: str) -> bool:
    shape = _shape(text)
    axes = {"the samples": (2,), "samples and positions": (), "samples and places": (3, 4)}[over]
    if axes and len(shape) not in axes:
        return False
    if over == "samples and positions" and len(shape) < 3:
        return False
    return result == ((shape[1],) if over == "samples and places" else shape[-1:])


_S = f"({_SHAPE})"
_FORMS: tuple[tuple[str, Callable[..., bool]], ...] = (
    (rf"=  sum of {_S}\^T {_S} over samples and positions", _turned_product),
    (rf"=  sum of {_S} over (the samples|samples and positions|samples and places)", _sum_over),
    (rf"=  sum of {_S}(?: \* {_S})?", lambda r, a, b=None: len(_shape(a)) > len(r) and (b is None or a == b)),
    (rf"=  {_S} - rate \* {_S}", lambda r, a, b: _same(r, _shape(a), _shape(b))),
    (rf"=  {_S} over {_S}(?: \+ {_S})?", lambda r, *parts: _over(r, *parts)),
    (rf"=  {_S} back through {_S}", lambda r, a, w: len(_shape(w)) == len(r) and _shape(a)[0] == r[0]),
    (rf"=  windows of {_S}", lambda r, a: r[:2] == _shape(a)[:2] and r[2] <= _shape(a)[2]),
    (rf"=  {_S} back over the windows", lambda r, a: r[:2] == _shape(a)[:2]),
    (rf"=  rows of {_S} at {_S}", lambda r, w, x: r == (*_shape(x), _shape(w)[1])),
    (rf"=  {_S} added up by rows", lambda r, a: len(r) == 2 and r[-1] == _shape(a)[-1]),
    (rf"=  {_S} \* {_S} \+ {_S}", lambda r, w, x, b: r == _shape(x) and w == b),
    (r"=  0", lambda r: True),
    (rf"from  (\d+) parts {_S}", lambda r, n, a: int(n) > 1),
    (rf"from  {_S}(?:, {_S})*", lambda r, *_: True),
)


def _over(result: Shape, one: str, other: str, bias: str | None = None) -> bool:
    a, b = _shape(one), _shape(other)
    if bias is not None:
        return result[:2] == (b[0], a[0]) and _shape(bias) == (a[0],)
    return result[:2] in ((b[0], a[0]), (a[1], b[1]))


def shapes_fit(text: str) -> bool:
    """Return whether the shapes of a step fit together."""
    if " numbers in " in text or "  and  " in text or re.fullmatch(_SHAPE, text):
        return True
    found, right = re.match(_SHAPE, text), text
    if found is None:
        return False
    result, right = _shape(found.group()), text[found.end() :].strip()
    if re.fullmatch(rf"=  {_S}(?: \* {_S})+", right):
        shapes = [_shape(shape) for shape in re.findall(_SHAPE, right)]
        try:
            return np.broadcast_shapes(*shapes) == result
        except ValueError:
            return False
    plain = re.sub(rf"\(1 - {_S}\)", r"\1", right)
    if re.fullmatch(rf"=  {_S} \* {_S}(?: \+ {_S} \* {_S})+", plain):
        return _same(result, *(_shape(shape) for shape in re.findall(_SHAPE, plain)))
    for pattern, fits in _FORMS:
        if (match := re.fullmatch(pattern, right)) is not None:
            return bool(fits(result, *match.groups()))
    if re.fullmatch(rf"=  {_S}(?: \+ {_S})+", right):
        return _same(result, *(_shape(shape) for shape in re.findall(_SHAPE, right)))
    return right.startswith("=  ") and _product(result, right.removeprefix("=  "))
