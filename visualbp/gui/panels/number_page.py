"""What stands on the card of numbers, laid out once for each width: a list of marks that is painted as often as needed.

To lay a card out takes as long as to paint it, for every number has to be measured; and its height is asked for several
times before it is painted once. So both come from one page, which keeps where each mark stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen

from visualbp.analysis.explain import Explanation, Factor
from visualbp.gui.equations import Formula, draw_equation
from visualbp.gui.painting import number_text
from visualbp.gui.panels.mathematics_numbers import Spot, pieces_of, place_numbers, says_something
from visualbp.gui.panels.mathematics_words import element_name, factor_color
from visualbp.gui.theme import theme

PADDING, ROW, TITLE_ROW, GAP = 12, 19, 22, 5
SMALL = 11
FORMULA_SIZE = 15.0
TIMES = "×"
WRAPPED = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)

Mark = Callable[[QPainter], None]


@dataclass(frozen=True)
class Look:
    """How an explanation is shown: `outdated`, `brief` (without the rule and its formula, where the equation of the
    step stands above the card anyway), or `hurried` (without what has to be set, since it will have changed before it
    could be read)."""

    outdated: bool = False
    brief: bool = False
    hurried: bool = False


@dataclass(frozen=True)
class FactorLink:
    """A factor on the card: it answers hovering, and clicking if it can be followed."""

    rect: QRectF
    factor: Factor


class Page:
    """A card of one width, from top to bottom. `set_equation` gives what is set of a LaTeX text, or nothing yet."""

    def __init__(
        self, found: Explanation, width: int, look: Look, set_equation: Callable[[str], Formula | None]
    ) -> None:
        self._marks: list[Mark] = []
        self._set_equation = set_equation
        self._x = float(theme().px(PADDING))
        self._width = width - 2 * self._x
        self._y = float(theme().px(10))
        self.links: list[FactorLink] = []
        """The factors of the products."""
        self.spots: list[Spot] = []
        """The numbers of the formula."""
        self._write(found, look)
        self.height = round(self._y + theme().px(8))

    def paint(self, painter: QPainter) -> None:
        for mark in self._marks:
            mark(painter)

    # -- from top to bottom ------------------------------------------------------------------------------------------

    def _write(self, found: Explanation, look: Look) -> None:
        px = theme().px
        self._title(found, look)
        brief = look.brief and bool(found.terms)
        if found.rule and not brief:
            self._words(found.rule, "dim")
        if found.formula_latex and not brief:
            self._formula(found.formula_latex)
        if says_something(found):
            self._numbers(found, look)
        if found.terms:
            self._y += px(2)
            self._terms(found)
        if found.note:
            wrong = not found.total.agrees or (found.number is not None and not math.isfinite(found.number))
            self._y += px(3)
            self._words(found.note, "error" if wrong else "dim")

    def _title(self, found: Explanation, look: Look) -> None:
        current, row = theme(), theme().px(TITLE_ROW - 4)
        number = number_text(found.number, signed=True)
        bold = current.font(12.5, QFont.Weight.DemiBold, mono=True)
        taken = QFontMetricsF(bold).horizontalAdvance(number)
        self._text(number, self._x + self._width - taken, row, bold, "text" if found.number is not None else "dim")
        font = current.font(12, QFont.Weight.Medium, mono=True)
        name = element_name(found.value, found.index) + ("  outdated" if look.outdated else "")
        left = self._width - taken - current.px(10)
        name = QFontMetricsF(font).elidedText(name, Qt.TextElideMode.ElideMiddle, left)
        self._text(name, self._x, row, font, "accent")
        self._y += current.px(TITLE_ROW)

    def _words(self, text: str, color: str) -> None:
        font, pen = theme().font(SMALL), theme().color(color)
        box = QFontMetricsF(font).boundingRect(QRectF(0, 0, self._width, 10_000), WRAPPED, text)
        place = QRectF(self._x, self._y, self._width, box.height() + 2)

        def mark(painter: QPainter) -> None:
            painter.setFont(font)
            painter.setPen(pen)
            painter.drawText(place, WRAPPED, text)

        self._marks.append(mark)
        self._y += box.height() + theme().px(GAP)

    def _formula(self, latex: str) -> None:
        formula, size = self._set_equation(latex), float(theme().px(FORMULA_SIZE))
        if formula is None:
            self._y += size * 2.2 + theme().px(GAP)
            return
        size = min(size, self._width / formula.width) if formula.width else size
        place, color = QPointF(self._x, self._y), theme().color("text")
        self._marks.append(lambda painter: draw_equation(painter, formula, place, size, color))
        self._y += max(formula.height, 1.0) * size + theme().px(GAP)

    def _numbers(self, found: Explanation, look: Look) -> None:
        """The formula with the numbers plugged in; what text cannot show is set as an equation, and arrives later."""
        if not pieces_of(found.numbers_latex):
            if not look.hurried:
                self._formula(found.numbers_latex)
            return
        placed, self._y = place_numbers(found, self._x, self._y, self._width)
        for one in placed:
            self._marks.append(one.paint)
            if one.spot is not None:
                self.spots.append(one.spot)
        self._y += theme().px(2)

    def _terms(self, found: Explanation) -> None:
        """The products as a table: label, factors in columns of their own, product."""
        current = theme()
        px, row = current.px, current.px(ROW)
        times, gap = _advance(f" {TIMES} "), px(10)
        texts = [[number_text(factor.number, signed=True) for factor in term.factors] for term in found.terms]
        widths = [[_advance(text) for text in line] for line in texts]
        columns = [max(line[k] for line in widths if k < len(line)) for k in range(max(map(len, widths)))]
        products = [number_text(term.product, signed=True) for term in found.terms]
        product_width = max(map(_advance, products))
        factors_width = sum(columns) + times * (len(columns) - 1)
        labels = max(current.advance(term.label, SMALL) for term in found.terms)
        stacked = labels + gap + factors_width + gap + product_width > self._width and labels > px(30)
        font, mono = current.font(SMALL), current.font(SMALL, mono=True)
        start = max(self._x, self._x + self._width - product_width - gap - factors_width)
        for term, line, taken, product in zip(found.terms, texts, widths, products, strict=True):
            if term.label:
                self._text(term.label, self._x, row, font, "dim")
                self._y += row - px(3) if stacked else 0
            left = start
            for column, factor in enumerate(term.factors):
                right = left + columns[column]
                self._factor(factor, line[column], QRectF(right - taken[column], self._y, taken[column], row), mono)
                self.links.append(FactorLink(QRectF(left, self._y, columns[column], row), factor))
                if column + 1 < len(term.factors):
                    self._text(TIMES, right + (times - _advance(TIMES)) / 2, row, mono, "dim")
                left = right + times
            self._text(product, self._x + self._width - _advance(product), row, mono, "text")
            self._y += row
        if found.more:
            self._total(f"{found.more:,} more term{'s' if found.more > 1 else ''}", found.total.rest, "dim")
        if found.total.count > 1 and found.total.number is not None:
            self._line(QPointF(self._x, self._y + 2), QPointF(self._x + self._width, self._y + 2), "line")
            self._y += px(4)
            self._total("sum", found.total.number, "text")

    def _total(self, words: str, number: float, color: str) -> None:
        row, text = theme().px(ROW), number_text(number, signed=True)
        self._text(words, self._x, row, theme().font(SMALL), "dim")
        self._text(text, self._x + self._width - _advance(text), row, theme().font(SMALL, mono=True), color)
        self._y += row

    def _factor(self, factor: Factor, text: str, place: QRectF, font: QFont) -> None:
        color = factor_color(factor)
        self._text(text, place.x(), place.height(), font, color)
        if factor.value is not None:
            base = place.bottom() - theme().px(3)
            self._line(QPointF(place.left(), base), QPointF(place.right(), base), color, 0.3)

    # -- marks -------------------------------------------------------------------------------------------------------

    def _text(self, text: str, x: float, row: float, font: QFont, color: str) -> None:
        """One line, in the middle of a row that begins here."""
        metrics, pen = QFontMetricsF(font), theme().color(color)
        place = QPointF(x, self._y + (row - metrics.height()) / 2 + metrics.ascent())

        def mark(painter: QPainter) -> None:
            painter.setFont(font)
            painter.setPen(pen)
            painter.drawText(place, text)

        self._marks.append(mark)

    def _line(self, start: QPointF, end: QPointF, color: str, alpha: float = 1.0) -> None:
        pen = QPen(theme().color(color, alpha), 1)

        def mark(painter: QPainter) -> None:
            painter.setPen(pen)
            painter.drawLine(start, end)

        self._marks.append(mark)


def _advance(number: str) -> float:
    """Return how wide a number of the table is."""
    return theme().advance(number, SMALL, mono=True)
