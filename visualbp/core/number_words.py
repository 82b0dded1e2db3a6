"""How single numbers and places are written where one is explained: in LaTeX, and in words."""

from __future__ import annotations

import math
import re

import numpy as np

from visualbp.core.arrays import Shape
from visualbp.core.ref import Ref

Index = tuple[int, ...]

DIGITS = 4
_LETTER = re.compile(r"(?<![A-Za-z\\])([zh])(?![A-Za-z])")


def element_text(value: Ref, index: Index) -> str:
    """Return the plain name of one element, such as `hidden.weight[0, 3]`."""
    return value.text.removeprefix(".") + (f"[{', '.join(map(str, index))}]" if index else "")


def row_text(leading: Index) -> str:
    """Return the name of a row of a batch: `sample 2`, or `sample 2, position 1` in a sequence."""
    position = f", position {', '.join(map(str, leading[1:]))}" if len(leading) > 1 else ""
    return f"sample {leading[0]}{position}"


def pixel_text(sample: int, row: int, column: int) -> str:
    """Return the name of a place in an image of the batch."""
    return f"sample {sample}, row {row}, column {column}"


def unraveled(place: int, shape: Shape) -> Index:
    """Return the index of the element at `place` in row-major order."""
    index = []
    for length in reversed(shape):
        place, within = divmod(place, length)
        index.append(within)
    return tuple(reversed(index))


def number_latex(number: float) -> str:
    """Return a number with four significant digits. Braces keep a sign close to its digits."""
    number += 0.0  # no -0
    if math.isnan(number):
        return r"\text{NaN}"
    if math.isinf(number):
        text = r"\infty" if number > 0 else r"-\infty"
    elif number == 0 or 1e-3 <= abs(number) < 1e4:
        text = f"{number:.{DIGITS}g}"
    else:
        mantissa, _, exponent = f"{number:.{DIGITS - 1}e}".partition("e")
        text = rf"{mantissa} \times 10^{{{int(exponent)}}}"
    return f"{{{text}}}" if text.startswith("-") else text


def bracketed(number: float) -> str:
    """Return a number that can stand in a product or a power: in brackets if it has a sign or is a product itself."""
    text = number_latex(number)
    return rf"\left({text}\right)" if text.startswith("{-") or "times" in text else text


def plugged(formula: str, z: float, h: float) -> str:
    """Return a formula in z and h with their numbers in place of the letters."""
    return _LETTER.sub(lambda found: bracketed(z if found.group(1) == "z" else h), formula)


def plain(number: float) -> str:
    """Return a number for a sentence."""
    return f"{number:.{DIGITS}g}"


def quotient(number: float, by: float) -> float:
    """Return a quotient as arrays have it: by 0 it is infinite, and 0 by 0 is nan."""
    with np.errstate(all="ignore"):
        return float(np.float64(number) / np.float64(by))


def told_apart(one: float, other: float) -> tuple[str, str]:
    """Return two different numbers for a sentence, with as many digits as it takes to see that they differ."""
    for digits in range(DIGITS, 18):
        texts = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if texts[0] != texts[1]:
            return texts
    return repr(one), repr(other)
