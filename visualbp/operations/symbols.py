r"""The symbols of which equations are made, and the rules by which they are read.

An equation is meant literally, for a batch of B samples:

- A value of the batch stands for one sample, as in the document: a vector is a column, a matrix has its rows as they
  are stored. With the index n, or m, in the first place it is that of sample n; `\sum_{n=1}^{B}` runs over the batch.
- Further indices count from 0, as the axes are stored. An index on the left holds for each of its places; one under a
  sum without bounds runs over all places of the axes that it stands at.
- Products of symbols are matrix products, `\odot` and `^{\odot 2}` go element by element, as quotients, roots and
  functions of one number do. A light letter is an element of what the bold one is.
- `=` after a comma defines a letter, `\leftarrow` changes what is on its left, in the order in which it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from visualbp.core.arrays import Shape

SAMPLE, OTHER_SAMPLE = "n", "m"
_BOLD = re.compile(r"\\(?:mathbf|boldsymbol)\{(\\?[A-Za-z]+)\}")
_DERIVATIVE = re.compile(r"(\\frac\{\\partial .+?\}\{\\partial )(.*)\}", re.DOTALL)
_ROWS: tuple[tuple[str, ...], ...] = ((), (), ("t",), ("a", "i"), ("a", "i", "j"))
_ELEMENTS: tuple[tuple[str, ...], ...] = ((), ("i",), ("t", "i"), ("c", "i", "j"), ("a", "c", "i", "j"))


class Symbol(str):
    """The LaTeX of a value, which knows the shape that it stands for: of one sample, or of a whole parameter."""

    shape: Shape
    is_batched: bool

    def __new__(cls, latex: str, shape: Shape = (), is_batched: bool = False) -> Symbol:
        made = super().__new__(cls, latex)
        made.shape, made.is_batched = shape, is_batched
        return made

    @property
    def rows(self) -> tuple[str, ...]:
        """Letters for all axes but the last: what works on the last axis does so for each of these."""
        return _ROWS[len(self.shape)]

    @property
    def letters(self) -> tuple[str, ...]:
        """Letters for all axes."""
        return _ELEMENTS[len(self.shape)]

    def at(self, *places: str) -> str:
        """Return the LaTeX of the part at these places, of which the first may be the sample.

        A part with a place on every axis is a number, and light.
        """
        if not places:
            return str(self)
        axes = len(places) - (self.is_batched and places[0] in (SAMPLE, OTHER_SAMPLE))
        return indexed(self, ", ".join(places), is_number=axes == len(self.shape))


def indexed(latex: str, place: str, is_number: bool) -> str:
    """Return a symbol with an index: below the line where it is a derivative. It gets brackets where it has an index
    already, and where the place is a number, which would make it the name of a time step's own value."""
    if (found := _DERIVATIVE.fullmatch(latex)) is not None:
        return f"{found.group(1)}{indexed(found.group(2), place, is_number)}}}"
    text = _BOLD.sub(r"\1", latex) if is_number else latex
    return rf"\left[{text}\right]_{{{place}}}" if "_" in text or place.isdigit() else f"{text}_{{{place}}}"


def summed(*letters: str) -> str:
    """Return the sign of a sum over samples, and places of a sample."""
    return r"\sum_{n=1}^{B}" if letters == (SAMPLE,) else rf"\sum_{{{', '.join(letters)}}}"


def over_rows(symbol: Symbol) -> tuple[str, ...]:
    """Return the letters of a sum over the rows of all samples."""
    return (SAMPLE, *symbol.rows)


def transposed(latex: str) -> str:
    """Return the transpose of a symbol, in brackets."""
    return rf"\left({latex}\right)^{{T}}"


def exact(number: float) -> str:
    """Return a number in LaTeX with all its digits: `0.9`, `10^{-8}`, `2.5 \\cdot 10^{-7}`."""
    mantissa, _, exponent = f"{number:.12g}".partition("e")
    if not exponent:
        return mantissa
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa} \cdot {power}"


def letters_text(letters: Mapping[str, float | str]) -> str:
    r"""Return what letters stand for, as a line of its own: `, \quad \beta_1 = 0.9, \; \epsilon = 10^{-8}`."""
    if not letters:
        return ""
    parts = (f"{name} = {value if isinstance(value, str) else exact(value)}" for name, value in letters.items())
    return r", \quad " + r", \; ".join(parts)


def has_letter(text: str, letter: str) -> bool:
    """Return whether a formula has a letter, be it Greek, outside words and names of functions."""
    outside = re.sub(r"\\text\{[^}]*\}", " ", text)
    return re.search(rf"(?<![A-Za-z\\]){re.escape(letter)}(?![A-Za-z])", outside) is not None


def batch_times(count: int) -> str:
    """Return B times a count: `B`, `3 B`."""
    return "B" if count == 1 else f"{count} B"


OUTSIDE = r", \quad 0 \text{ outside}"
"""Said where an index may point beyond its array: what is not there counts as 0."""


def slid(stride: int, window: str, within: str, padding: int = 0) -> str:
    """Return where a place within a window lies in what the window slides over: `2 i + p - 1`."""
    start = window if stride == 1 else f"{stride} {window}"
    return f"{start} + {within}" + (f" - {padding}" if padding else "")


def slid_back(stride: int, place: str, window: str, padding: int = 0) -> str:
    """Return where a place lies within a window that slides over it: `u - 2 i + 1`."""
    start = window if stride == 1 else f"{stride} {window}"
    return f"{place} - {start}" + (f" + {padding}" if padding else "")
