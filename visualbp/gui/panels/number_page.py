"""What stands on the card of numbers, laid out once for each width: a list of marks that is painted as often as needed.

To lay a card out takes as long as to paint it, for every number has to be measured; and its height is asked for several
times before it is painted once. So both come from one page, which keeps where each mark stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen

from visualbp.analysis.explain import Explanation, Factor, Term
from visualbp.gui.checked_entry import CheckedEntry
from visualbp.gui.equations import Formula, draw_equation
from visualbp.gui.painting import number_text
from visualbp.gui.panels.mathematics_numbers import Spot, pieces_of, place_numbers, says_something
from visualbp.gui.panels.mathematics_words import Names, factor_color
from visualbp.gui.theme import theme

PADDING, ROW, TITLE_ROW, GAP = 12, 19, 22, 5
SMALL, HEAD, HEAD_ROW = 11, 9.5, 15
FORMULA_SIZE = 15.0
TIMES, PRODUCT = "×", "product"
WRAPPED = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)

Mark = Callable[[QPainter], None]


@dataclass(frozen=True)
class Look:
    """How an explanation is shown: `outdated`, `brief` (without the rule and its formula, where the equation of the
    step stands above the card anyway), or `hurried` (without what has to be set, since it will have changed before it
    could be read); and what its numbers are called."""

    outdated: bool = False
    brief: bool = False
    hurried: bool = False
    names: Names = field(default_factory=Names)
    check: CheckedEntry | None = None
    """What a gradient check has said of the number."""


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
        self._set_equation, self._names = set_equation, look.names
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
        if says_something(found) and not _is_call(found):  # a call has its argument and its result in its own row
            self._numbers(found, look)
        if found.terms:
            self._y += px(2)
            self._terms(found)
        if look.check is not None:
            self._check(look.check)
        if found.note:
            wrong = not found.total.agrees or (found.number is not None and not math.isfinite(found.number))
            self._y += px(3)
            note = found.note
            if found.number is None and look.check is not None:
                note = note.replace("not computed yet: ", "from the check; in this iteration ")
            self._words(note, "error" if wrong else "dim")

    def _title(self, found: Explanation, look: Look) -> None:
        current, row = theme(), theme().px(TITLE_ROW - 4)
        number = found.number
        if number is None and look.check is not None:
            number = look.check.entry.computed
        text = number_text(number, signed=True)
        bold = current.font(12.5, QFont.Weight.DemiBold, mono=True)
        taken = QFontMetricsF(bold).horizontalAdvance(text)
        self._text(text, self._x + self._width - taken, row, bold, "text" if number is not None else "dim")
        font = current.font(12, QFont.Weight.Medium, mono=True)
        outdated = "  outdated" if look.outdated else ""
        forms = [form + outdated for form in self._names.forms(found.value, found.index)]
        name = _fitting(forms, font, self._width - taken - current.px(10))
        self._text(name, self._x, row, font, "accent")
        self._y += current.px(TITLE_ROW)

    def _check(self, checked: CheckedEntry) -> None:
        """What the gradient check computed and measured, their difference, and the answer."""
        entry, row = checked.entry, theme().px(ROW)
        font, mono = theme().font(SMALL), theme().font(SMALL, mono=True)
        of = f"gradient check of iteration {checked.iteration:,}" + (", outdated" if checked.outdated else "")
        self._rule()
        self._text(of, self._x, row, font, "dim")
        self._y += row
        measured = "nothing" if entry.measured is None else check_number(entry.measured)
        lines = [("computed", check_number(entry.computed)), ("measured", measured)]
        if entry.difference is not None:
            lines.append(("difference", f"{entry.difference:+.2g}".replace("-", "−")))
        for words, text in lines:
            self._text(words, self._x, row, font, "dim")
            self._text(text, self._x + self._width - _advance(text), row, mono, "text")
            self._y += row
        sign, tone = {True: ("✓ ", "passed"), False: ("✕ ", "error"), None: ("– ", "dim")}[entry.passed]
        error = "" if entry.error is None else f", relative error {entry.error:.1e}".replace("e-0", "e-")
        self._words(f"{sign}{entry.words}{error}", "dim" if checked.outdated else tone)

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
        if len(found.terms) == 1 and found.total.count == 1:
            term = found.terms[0]
            if len(term.factors) == 1 and term.factors[0].written:
                self._call(term.factors[0])
            else:
                self._product(term)
        else:
            self._sum(found)

    def _call(self, factor: Factor) -> None:
        """One function: `tanh( z[3] = +1.043 ) = +0.7791`. The argument can be followed."""
        before, _, after = factor.written.partition("{}")
        name, mono = self._names.within(factor.value, factor.index), theme().font(SMALL, mono=True)
        bold, row = theme().font(SMALL, QFont.Weight.DemiBold, mono=True), theme().px(ROW)
        argument, result = number_text(factor.argument, signed=True), number_text(factor.number, signed=True)
        space, left = _advance(" "), self._x
        inside = f"{before.rstrip()} {name} = " if before else f"{name} = "
        whole = _advance(f"{inside}{argument} {after} = {result}")
        if whole > self._width:  # the name is on hover too
            inside = before
        self._text(inside, left, row, mono, "dim")
        left += _advance(inside)
        place = QRectF(left, self._y, _advance(argument), row)
        self._factor(factor, argument, place, mono)
        self.links.append(FactorLink(place, factor))
        left = place.right() + (space if inside != before and before else 0)
        self._text(after, left, row, mono, "dim")
        left += _advance(after)
        if left + _advance(f" = {result}") > self._x + self._width:
            left, self._y = self._x, self._y + row
        self._text(" = ", left, row, mono, "dim")
        self._text(result, left + _advance(" = "), row, bold, "text")
        self._y += row

    def _product(self, term: Term) -> None:
        """One product from top to bottom: for each factor its head, its name and its number; and what they make."""
        current, row = theme(), theme().px(ROW)
        font, mono = current.font(SMALL), current.font(SMALL, mono=True)
        several, right = len(term.factors) > 1, self._x + self._width
        signs = _advance(f"{TIMES} ") if several else 0.0
        heads = [factor.head for factor in term.factors]
        widest = max(current.advance(head, SMALL) for head in heads)
        for place, (factor, head) in enumerate(zip(term.factors, heads, strict=True)):
            text = number_text(factor.number, signed=True)
            taken, left = _advance(text), self._x
            if place:
                self._text(TIMES, left, row, mono, "dim")
            left += signs
            room = right - taken - current.px(10) - left
            forms = self._names.forms_of_factor(factor)
            if head not in forms and room - widest - current.px(10) > _advance("0") * 8:
                self._text(head, left, row, font, "dim")
                left += widest + current.px(10)
            elif head:
                forms = (head,)
            name = _fitting(forms, mono, right - taken - current.px(10) - left)
            self._text(name, left, row, mono, factor_color(factor))
            spot = QRectF(right - taken, self._y, taken, row)
            self._factor(factor, text, spot, mono)
            self.links.append(FactorLink(spot, factor))
            self._y += row
        if several:
            self._rule()
            self._total("product", term.product, "text")

    def _sum(self, found: Explanation) -> None:
        """The products as a table: label, factors in columns of their own under their heads, `=`, and the product."""
        current = theme()
        px, row = current.px, current.px(ROW)
        times, equals, gap = _advance(f" {TIMES} "), _advance(" = "), px(10)
        most = max(len(term.factors) for term in found.terms)
        texts = [[number_text(factor.number, signed=True) for factor in term.factors] for term in found.terms]
        columns = [0.0] * most if most > 1 else []
        heads = list(columns)
        for term, line in zip(found.terms, texts, strict=True):
            for column, (factor, text) in enumerate(zip(term.factors, line, strict=True)):
                if len(line) > 1:
                    columns[column] = max(columns[column], _advance(text))
                    heads[column] = max(heads[column], current.advance(factor.head, HEAD))
        products = [number_text(term.product, signed=True) for term in found.terms]
        product_width = max(*map(_advance, products), current.advance(PRODUCT, HEAD) if most > 1 else 0.0)
        between = times * max(0, most - 1) + (equals if most > 1 else 0.0)
        wide = [max(both) for both in zip(columns, heads, strict=True)]
        if sum(wide) + between + product_width <= self._width:
            columns = wide  # otherwise the heads are cut to their numbers
        factors_width = sum(columns) + between
        apart = factors_width + product_width > self._width  # the product has a line of its own
        labels = max(current.advance(term.label, SMALL) for term in found.terms)
        stacked = labels + gap + factors_width + product_width > self._width and labels > px(30) and most > 1
        font, mono = current.font(SMALL), current.font(SMALL, mono=True)
        right = self._x + self._width
        start = max(self._x, right - product_width - factors_width)
        shown: tuple[str, ...] = ()
        for term, line, product in zip(found.terms, texts, products, strict=True):
            own = tuple(factor.head for factor in term.factors)
            if len(own) > 1 and own != shown:
                self._heads(own, start, columns, times)
                shown = own
            if term.label:
                self._text(term.label, self._x, row, font, "dim")
                self._y += row - px(3) if stacked and len(own) > 1 else 0
            spot = QRectF(right - _advance(product), self._y, _advance(product), row)
            if len(own) == 1:  # it is its own product
                self._factor(term.factors[0], product, spot, mono)
                self.links.append(FactorLink(spot, term.factors[0]))
            else:
                end = self._factors(term, line, start, columns, times, mono)
                if apart:
                    self._y += row
                    end = spot.x() - equals
                self._text("=", end + (equals - _advance("=")) / 2, row, mono, "dim")
                self._text(product, spot.x(), row, mono, "text")
            self._y += row
        if found.more:
            self._total(f"{found.more:,} more term{'s' if found.more > 1 else ''}", found.total.rest, "dim")
        if found.total.count > 1 and found.total.number is not None:
            self._rule()
            self._total("sum", found.total.number, "text")

    def _heads(self, heads: tuple[str, ...], start: float, columns: list[float], times: float) -> None:
        """What each column is: `weight`, `activation`, `product`."""
        font, row, right = theme().font(HEAD), theme().px(HEAD_ROW), start
        for place, head in enumerate(heads):
            right += columns[place] + (times if place else 0.0)
            head = QFontMetricsF(font).elidedText(head, Qt.TextElideMode.ElideRight, columns[place] + times / 2)
            self._text(head, right - theme().advance(head, HEAD), row, font, "dim")
        end = self._x + self._width
        self._text(PRODUCT, end - theme().advance(PRODUCT, HEAD), row, font, "dim")
        self._y += row

    def _factors(
        self, term: Term, texts: list[str], start: float, columns: list[float], times: float, font: QFont
    ) -> float:
        """The factors of a term in their columns; return where the last column ends."""
        left, row = start, float(theme().px(ROW))
        for column, (factor, text) in enumerate(zip(term.factors, texts, strict=True)):
            right = left + columns[column]
            self._factor(factor, text, QRectF(right - _advance(text), self._y, _advance(text), row), font)
            self.links.append(FactorLink(QRectF(left, self._y, columns[column], row), factor))
            if column + 1 < len(term.factors):
                self._text(TIMES, right + (times - _advance(TIMES)) / 2, row, font, "dim")
                left = right + times
        return start + sum(columns) + times * (len(columns) - 1)

    def _rule(self) -> None:
        self._line(QPointF(self._x, self._y + 2), QPointF(self._x + self._width, self._y + 2), "line")
        self._y += theme().px(4)

    def _total(self, words: str, number: float, color: str) -> None:
        row, text = theme().px(ROW), number_text(number, signed=True)
        mono, right = theme().font(SMALL, mono=True), self._x + self._width
        self._text(words, self._x, row, theme().font(SMALL), "dim")
        self._text("=", right - _advance(f" = {text}") + _advance(" "), row, mono, "dim")
        self._text(text, right - _advance(text), row, mono, color)
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


def _fitting(forms: Sequence[str], font: QFont, room: float) -> str:
    """Return the first of some forms of a name that has room, or the last of them, cut in the middle."""
    metrics = QFontMetricsF(font)
    fits = next((form for form in forms if metrics.horizontalAdvance(form) <= room), None)
    return metrics.elidedText(forms[-1], Qt.TextElideMode.ElideMiddle, room) if fits is None else fits


def check_number(number: float) -> str:
    """Return a number of a check with as many digits as it takes to see where two of them differ."""
    return f"{number:+.9g}".replace("-", "−")


def _is_call(found: Explanation) -> bool:
    """Return whether a number is one function of another, and the rule that ran is not in doubt."""
    return found.total.agrees and len(found.terms) == 1 and [bool(f.written) for f in found.terms[0].factors] == [True]


def _advance(number: str) -> float:
    """Return how wide a number of the table is."""
    return theme().advance(number, SMALL, mono=True)
