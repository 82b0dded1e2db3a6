"""How elements of values are written in the document's notation, and which sample they belong to."""

from __future__ import annotations

import re

from visualbp.core.arrays import Array
from visualbp.core.number_words import Index
from visualbp.core.ref import Ref
from visualbp.engine.notation import LOSS, Notation, derivative
from visualbp.engine.plan import Plan

_WORDS = {
    "h": "activation",
    "x": "input",
    "y": "target",
}
_BOLD = re.compile(r"\\(?:mathbf|boldsymbol)\{(\\?[A-Za-z]+)\}")


def element_symbol(notation: Notation, value: Ref, index: Index) -> str:
    """Return the LaTeX of one element, such as `W^{(2)}_{0,3}`. The sample is left out: it is said beside."""
    within = index[1:] if notation.plan.resolve(value) in notation.plan.batched else index
    return indexed_symbol(notation, value, ",".join(map(str, within)))


def indexed_symbol(notation: Notation, value: Ref, place: str) -> str:
    """Return the LaTeX of the element `place` of a value, which may be letters: `W^{(2)}_{0,i}`."""
    value = notation.plan.resolve(value)
    if not place:
        return notation.symbol(value)
    if value.is_gradient and not value.is_delta and value.sender is None:
        return derivative(LOSS, indexed_symbol(notation, value.of, place))
    symbol = _BOLD.sub(r"\1", notation.symbol(value))
    return rf"\left[{symbol}\right]_{{{place}}}" if "_" in symbol else f"{symbol}_{{{place}}}"


def in_data(rows: Array | None, index: Index) -> Index:
    """Return an index in a batch of these `rows` of the data, with the sample's row in the place of its place."""
    return index if rows is None or not index else (int(rows[index[0]]), *index[1:])


def sample_text(plan: Plan, value: Ref, index: Index, rows: Array | None = None) -> str:
    """Return `sample 2`, or `sample 2, unit 1` for an index of a value that has one; of a parameter the index alone."""
    if value not in plan.batched:
        return f"[{', '.join(map(str, index))}]"
    sample, *rest = in_data(rows, index)
    return f"sample {sample}" + (f", unit {', '.join(map(str, rest))}" if rest else "")


def word_of(value: Ref) -> str:
    """Return what an element of a value is, in a word or two: `weight`, `activation`, `δ`, `first moment`."""
    if value.is_slot:
        return value.slot.replace("_", " ")
    if value.is_delta:
        return "δ"
    kind, _, which = value.role.partition("_")
    if value.is_gradient:
        return "upstream" if kind == "h" else "gradient"
    if kind in ("weight", "bias"):
        return f"{kind} {which}".strip().replace("_", " ")
    return _WORDS.get(value.role, value.role.replace("_", " "))
