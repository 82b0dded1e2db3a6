"""Equations that are set in type: few, but with everything in them that any of many has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

import ziamath
from latex2mathml.converter import convert

ziamath.config.svg2 = False


def features(latex: str) -> set[tuple[str, ...]]:
    """What there is to set in an equation: each kind of part within the two that it stands in, and each character.

    Raises AssertionError where there is a command in it that is not known.
    """
    text = convert(latex)
    assert "\\" not in text, f"a command that is not known: {latex}"
    found: set[tuple[str, ...]] = set()

    def look(part: ElementTree.Element, *within: str) -> None:
        kind = " ".join([part.tag.rpartition("}")[2], *(f"{name}={value}" for name, value in sorted(part.items()))])
        found.add((*within[-2:], kind))
        found.update((kind, character) for character in (part.text or "").strip())
        for child in part:
            look(child, *within, kind)

    look(ElementTree.fromstring(text))
    return found


def covering(equations: Iterable[str]) -> list[str]:
    """Return equations, short ones first, such that every feature of any of them is in one of these.

    Of equations that differ in their numbers alone, which are set alike, only one is looked at.
    """
    seen: set[tuple[str, ...]] = set()
    chosen, alike = [], {re.sub(r"\d+", "0", equation): equation for equation in sorted(equations)}
    for equation in sorted(alike.values(), key=lambda latex: (len(latex), latex)):
        own = features(equation)
        if not own <= seen:
            chosen.append(equation)
            seen |= own
    return chosen


def paths(latex: str) -> int:
    """Set an equation, and return how many glyphs and lines are drawn of it."""
    return ziamath.Latex(latex).svg().count("<path")
