"""The formula with the numbers plugged in, as a line that breaks where a formula may: before a sign or a relation.

Products and sums are painted as text, number by number: that takes no time, each number has its factor's colour, and
hovering tells it exactly. What needs real setting (fractions, roots, powers) has no pieces: it is set as an equation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from visualbp.analysis.explain import Explanation, Factor
from visualbp.gui.panels.mathematics_words import factor_color
from visualbp.gui.theme import theme

LINE_HEIGHT, SIZE, RAISED = 19, 12, 8.5

_NUMBER = re.compile(r"\{?(-?)(\d+(?:\.\d+)?|\\infty|\\text\{NaN\})(?: \\times 10\^\{(-?\d+)\})?\}?")
_NAME = re.compile(r"\\(?:text\{([\w -]+)\}|(tanh|log|exp|sin|cos|max|min))(?=\\left\()")
_SIGNS = {
    r"\left(": "(",
    r"\right)": ")",
    r"\cdots": "…",
    r"\cdot": "·",
    r"\neq": "≠",
    r"\,": "",
    "+": "+",
    "=": "=",
    ",": ",",
}
_SPACED = frozenset("·+=≠")
_BREAKS = frozenset("+=≠")


@dataclass(frozen=True)
class Piece:
    """A number, a sign or a name in a formula. `raised` is its power of ten, `is_number` whether it stands for one."""

    text: str
    is_number: bool = False
    raised: str = ""


@dataclass(frozen=True)
class Spot:
    """A number of the line that answers hovering: where it is, what it is exactly, and the factor that it is."""

    rect: QRectF
    number: float
    factor: Factor | None


@lru_cache(maxsize=256)
def pieces_of(latex: str) -> tuple[Piece, ...]:
    """Return a formula of numbers in pieces; none where it has anything that text cannot show."""
    pieces: list[Piece] = []
    rest = latex.strip()
    while rest:
        if (found := _NAME.match(rest)) is not None:
            pieces.append(Piece(found.group(1) or found.group(2)))
            rest = rest[found.end() :].lstrip()
            continue
        if (found := _NUMBER.match(rest)) is not None:
            sign, digits, power = found.groups()
            text = {r"\infty": "∞", r"\text{NaN}": "NaN"}.get(digits, digits)
            minus = "−" if sign else ""
            times = "" if power is None else "×10"
            pieces.append(Piece(f"{minus}{text}{times}", True, (power or "").replace("-", "−")))
            rest = rest[found.end() :].lstrip()
            continue
        sign = next((known for known in _SIGNS if rest.startswith(known)), "")
        if not sign:
            return ()
        if _SIGNS[sign]:
            pieces.append(Piece(_SIGNS[sign]))
        rest = rest[len(sign) :].lstrip()
    return tuple(pieces)


def says_something(explanation: Explanation) -> bool:
    """Return whether the formula in numbers is more than the number itself: `0.5 = 0.5` is not."""
    left, _, right = explanation.numbers_latex.partition(" = ")
    return bool(explanation.numbers_latex) and left != right


@dataclass(frozen=True)
class Placed:
    """A piece where it stands: `place` is the left end of its base line."""

    piece: Piece
    place: QPointF
    font: QFont
    color: QColor
    power_at: QPointF
    power_font: QFont
    spot: Spot | None

    def paint(self, painter: QPainter) -> None:
        """Draw the piece, and its raised part, where it was placed."""
        painter.setPen(self.color)
        painter.setFont(self.font)
        painter.drawText(self.place, self.piece.text)
        if self.piece.raised:
            painter.setFont(self.power_font)
            painter.drawText(self.power_at, self.piece.raised)


def place_numbers(explanation: Explanation, x: float, y: float, width: float) -> tuple[list[Placed], float]:
    """Return the formula in numbers from (x, y) on, and where it ends."""
    current = theme()
    font, bold = current.font(SIZE, mono=True), current.font(SIZE, QFont.Weight.DemiBold, mono=True)
    power_font, row = current.font(RAISED, mono=True), current.px(LINE_HEIGHT)
    factors = _factors_of(explanation)
    left, numbers, after_relation = x, 0, False
    placed: list[Placed] = []
    for group in _groups(pieces_of(explanation.numbers_latex)):
        widths = [_width(piece) for piece in group]
        if left > x and left + sum(widths) > x + width:
            left, y = x + current.px(14), y + row
        for piece, taken in zip(group, widths, strict=True):
            if left + taken > x + width and left > x + current.px(14):
                left, y = x + current.px(14), y + row
            color, spot = "dim", None
            if piece.is_number:
                factor = factors[numbers] if not after_relation and numbers < len(factors) else None
                exact = explanation.number if after_relation else None if factor is None else factor.number
                if exact is not None:
                    spot = Spot(QRectF(left, y, taken, row), exact, factor)
                color = "text" if factor is None else factor_color(factor)
                numbers += 1
            after_relation = after_relation or piece.text in ("=", "≠")
            own = bold if after_relation else font
            start = left + (_space() if piece.text in _SPACED else 0.0)
            base = y + (row + QFontMetricsF(own).capHeight()) / 2
            power = start + QFontMetricsF(own).horizontalAdvance(piece.text) if piece.raised else start
            power_at = QPointF(power, base - row * 0.24)
            placed.append(Placed(piece, QPointF(start, base), own, current.color(color), power_at, power_font, spot))
            left += taken
    return placed, y + row


def _factors_of(explanation: Explanation) -> tuple[Factor, ...]:
    """Return the factors in the order in which their numbers stand; none where the formula has others."""
    pieces = pieces_of(explanation.numbers_latex)
    relation = next((place for place, piece in enumerate(pieces) if piece.text in ("=", "≠")), len(pieces))
    count = sum(piece.is_number for piece in pieces[:relation])
    factors = tuple(factor for term in explanation.terms for factor in term.factors)
    plain = all(piece.is_number or piece.text in "()·+…" for piece in pieces[:relation])
    return factors[:count] if plain and len(factors) >= count else ()


def _groups(pieces: tuple[Piece, ...]) -> list[list[Piece]]:
    """Return the pieces that stay on one line as long as they fit: a sign, and what follows up to the next."""
    groups: list[list[Piece]] = [[]]
    for piece in pieces:
        if piece.text in _BREAKS and groups[-1]:
            groups.append([])
        groups[-1].append(piece)
    return groups


def _width(piece: Piece) -> float:
    space = 2 * _space() if piece.text in _SPACED else _space() if piece.text == "," else 0.0
    return theme().advance(piece.text, SIZE, mono=True) + space + theme().advance(piece.raised, RAISED, mono=True)


def _space() -> float:
    return theme().advance("0", SIZE, mono=True) * 0.45
