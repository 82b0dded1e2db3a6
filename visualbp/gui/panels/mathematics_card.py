"""The card with the numbers: where one number came from, as products that add up. Each factor can be followed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QToolTip, QWidget

from visualbp.analysis.explain import Explanation, Factor
from visualbp.gui.equations import Equations, draw_equation, typeset_already
from visualbp.gui.painting import draw_absent, exact_text, number_text
from visualbp.gui.panels.mathematics_numbers import Spot, lay_out_numbers, pieces_of, says_something
from visualbp.gui.panels.mathematics_words import element_name, factor_color
from visualbp.gui.picture_cache import PictureCache
from visualbp.gui.theme import theme
from visualbp.gui.widgets.heights import HeightByWidth

PADDING, ROW, TITLE_ROW, GAP = 12, 19, 22, 5
FORMULA_SIZE = 15.0
TIMES = "×"


@dataclass(frozen=True)
class Link:
    """A number on the card that answers hovering, and clicking if it can be followed."""

    rect: QRectF
    factor: Factor


class NumberCard(HeightByWidth):
    """Paints an explanation. `followed` says which factor a person wants explained next."""

    followed = Signal(object)
    """A Factor that stands for an element of a value."""

    def __init__(self, equations: Equations, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._equations = equations
        self._explanation: Explanation | None = None
        self._stale = False
        self._message = ""
        self._brief = False
        self._links: tuple[Link, ...] | None = None
        self._spots: tuple[Spot, ...] = ()
        self._chosen = -1
        self.is_hurried = False
        """Whether the numbers will have changed before a formula that has to be set could be read."""
        self._pictures = PictureCache()
        """The card as it is, until something on it changes."""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Where a number came from")
        equations.ready.connect(self._on_equation)

    @property
    def explanation(self) -> Explanation | None:
        return self._explanation

    @property
    def spots(self) -> tuple[Spot, ...]:
        """The numbers of the formula as they were painted last."""
        return self._spots

    @property
    def links(self) -> tuple[Link, ...]:
        """The factors as they stand on the card."""
        if self._links is None:
            self._links = self._lay_out(None, self.width())[1]
        return self._links

    def show_explanation(
        self, explanation: Explanation | None, stale: bool = False, message: str = "", brief: bool = False
    ) -> None:
        """Show an explanation, or, without one, a hatched card with a message. `brief` leaves out the rule and its
        formula, where the equation of the step stands above the card anyway."""
        self._explanation, self._stale, self._message, self._brief = explanation, stale, message, brief
        self._spots = ()
        self._chosen = min(self._chosen, self._followable_count - 1)
        self.setAccessibleDescription(self._description())
        self.retheme()

    def retheme(self) -> None:
        self._pictures.clear()
        self._links = None
        self.measure_anew()

    @property
    def _followable_count(self) -> int:
        if self._explanation is None:
            return 0
        return sum(factor.value is not None for term in self._explanation.terms for factor in term.factors)

    def _description(self) -> str:
        found = self._explanation
        if found is None:
            return self._message
        terms = "; ".join(
            f"{term.label}: {' times '.join(map(_text, term.factors))} is {number_text(term.product)}"
            for term in found.terms
        )
        name = element_name(found.value, found.index)
        return f"{name} is {number_text(found.number)}: {found.rule}. {terms}. {found.note}"

    @Slot(str)
    def _on_equation(self, latex: str) -> None:
        found = self._explanation
        if found is not None and latex in (found.formula_latex, found.numbers_latex):
            self.retheme()

    def height_at(self, width: int) -> int:
        return self._lay_out(None, width)[0]

    def resizeEvent(self, event: object) -> None:
        self._links = None

    # -- painting and measuring, which are one ------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._pictures.paint(painter, QRectF(self.rect()), (self.hasFocus(), self._chosen), self._draw)
        painter.end()

    def _draw(self, painter: QPainter) -> None:
        current = theme()
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(current.color("accent" if self.hasFocus() and self._chosen < 0 else "line"), 1))
        painter.setBrush(current.color("background" if current.is_dark else "field"))
        painter.drawRoundedRect(frame, 8, 8)
        if self._explanation is None:
            draw_absent(painter, frame.adjusted(6, 6, -6, -6), self._message)
        else:
            self._links = self._lay_out(painter, self.width())[1]

    def _lay_out(self, painter: QPainter | None, outer_width: int) -> tuple[int, tuple[Link, ...]]:
        """Go through a card of this width from top to bottom, painting if there is a painter, and return its height
        and its factors."""
        current, found = theme(), self._explanation
        if found is None:
            return current.px(72), ()
        pad = current.px(PADDING)
        width = outer_width - 2 * pad
        y = float(current.px(10))
        y = self._title(painter, found, pad, y, width)
        brief = self._brief and bool(found.terms)
        if found.rule and not brief:
            y = self._words(painter, found.rule, "dim", pad, y, width)
        if found.formula_latex and not brief:
            y = self._formula(painter, found.formula_latex, pad, y, width)
        if says_something(found):
            y = self._numbers(painter, found, pad, y, width)
        links: list[Link] = []
        if found.terms:
            y = self._terms(painter, found, pad, y + current.px(2), width, links)
        if found.note:
            wrong = not found.agrees or (found.number is not None and not math.isfinite(found.number))
            y = self._words(painter, found.note, "error" if wrong else "dim", pad, y + current.px(3), width)
        return round(y + current.px(8)), tuple(links)

    def _title(self, painter: QPainter | None, found: Explanation, x: float, y: float, width: float) -> float:
        current = theme()
        if painter is not None:
            row = QRectF(x, y, width, current.px(TITLE_ROW - 4))
            number = number_text(found.number, signed=True)
            painter.setFont(current.font(12.5, QFont.Weight.DemiBold, mono=True))
            painter.setPen(current.color("text" if found.number is not None else "dim"))
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
            taken = painter.fontMetrics().horizontalAdvance(number) + current.px(10)
            painter.setFont(current.font(12, QFont.Weight.Medium, mono=True))
            painter.setPen(current.color("accent"))
            name = element_name(found.value, found.index) + ("  outdated" if self._stale else "")
            name = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, int(width - taken))
            painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        return y + current.px(TITLE_ROW)

    def _words(self, painter: QPainter | None, text: str, color: str, x: float, y: float, width: float) -> float:
        font = theme().font(11)
        flags = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        box = QFontMetricsF(font).boundingRect(QRectF(0, 0, width, 10_000), flags, text)
        if painter is not None:
            painter.setFont(font)
            painter.setPen(theme().color(color))
            painter.drawText(QRectF(x, y, width, box.height() + 2), flags, text)
        return y + box.height() + theme().px(GAP)

    def _formula(self, painter: QPainter | None, latex: str, x: float, y: float, width: float) -> float:
        formula = typeset_already(latex) if self.is_hurried else self._equations.get(latex)
        size = float(theme().px(FORMULA_SIZE))
        if formula is None:
            return y + size * 2.2 + theme().px(GAP)
        size = min(size, width / formula.width) if formula.width else size
        if painter is not None:
            draw_equation(painter, formula, QPointF(x, y), size, theme().color("text"))
        return y + max(formula.height, 1.0) * size + theme().px(GAP)

    def _numbers(self, painter: QPainter | None, found: Explanation, x: float, y: float, width: float) -> float:
        """The formula with the numbers plugged in; what text cannot show is set as an equation, and arrives later."""
        if not pieces_of(found.numbers_latex):
            if self.is_hurried:
                return y
            return self._formula(painter, found.numbers_latex, x, y, width)
        y, spots = lay_out_numbers(painter, found, x, y, width)
        if painter is not None:
            self._spots = spots
        return y + theme().px(2)

    def _terms(
        self, painter: QPainter | None, found: Explanation, x: float, y: float, width: float, links: list[Link]
    ) -> float:
        """Lay the products out as a table: label, factors in columns of their own, product."""
        current = theme()
        font, small = current.font(11, mono=True), current.font(11)
        times = _advance(f" {TIMES} ")
        count = max(len(term.factors) for term in found.terms)
        columns = [
            max((_advance(_text(t.factors[k])) for t in found.terms if k < len(t.factors)), default=0.0)
            for k in range(count)
        ]
        products = max(_advance(number_text(t.product, signed=True)) for t in found.terms)
        factors_width = sum(columns) + times * (count - 1)
        labels = max(current.advance(t.label, 11) for t in found.terms)
        gap = current.px(10)
        stacked = labels + gap + factors_width + gap + products > width and labels > current.px(30)
        row = current.px(ROW)
        for term in found.terms:
            if painter is not None and term.label:
                painter.setFont(small)
                painter.setPen(current.color("dim"))
                place = QRectF(x, y, width if stacked else labels + gap, row)
                painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, term.label)
            if stacked and term.label:
                y += row - current.px(3)
            right = x + width - products - gap
            left = max(x, right - factors_width)
            for column, factor in enumerate(term.factors):
                rect = QRectF(left, y, columns[column], row)
                if painter is not None:
                    self._factor(painter, factor, rect, len(links), font)
                    if column + 1 < len(term.factors):
                        painter.setPen(current.color("dim"))
                        beside = QRectF(rect.right(), y, times, row)
                        painter.drawText(beside, Qt.AlignmentFlag.AlignCenter, TIMES)
                links.append(Link(rect, factor))
                left += columns[column] + times
            if painter is not None:
                painter.setFont(font)
                painter.setPen(current.color("text"))
                place = QRectF(x, y, width, row)
                text = number_text(term.product, signed=True)
                painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
            y += row
        if found.more:
            words = f"{found.more:,} more term{'s' if found.more > 1 else ''}"
            y = self._total(painter, words, found.rest, "dim", x, y, width)
        if found.terms_total > 1 and found.sum is not None:
            if painter is not None:
                painter.setPen(QPen(current.color("line"), 1))
                painter.drawLine(QPointF(x, y + 2), QPointF(x + width, y + 2))
            y = self._total(painter, "sum", found.sum, "text", x, y + current.px(4), width)
        return y

    def _total(
        self, painter: QPainter | None, words: str, number: float, color: str, x: float, y: float, width: float
    ) -> float:
        row = theme().px(ROW)
        if painter is not None:
            painter.setFont(theme().font(11))
            painter.setPen(theme().color("dim"))
            place = QRectF(x, y, width, row)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
            painter.setFont(theme().font(11, mono=True))
            painter.setPen(theme().color(color))
            text = number_text(number, signed=True)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        return y + row

    def _factor(self, painter: QPainter, factor: Factor, rect: QRectF, place: int, font: QFont) -> None:
        current = theme()
        lit = factor.value is not None and place == self._chosen
        painter.setFont(font)
        if lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(current.color("accent", 0.22))
            painter.drawRoundedRect(rect.adjusted(-3, 1, 3, -1), 3, 3)
        painter.setPen(current.color(factor_color(factor)))
        painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, _text(factor))
        if factor.value is not None:
            painter.setPen(QPen(current.color(factor_color(factor), 0.8 if lit else 0.3), 1))
            base = rect.bottom() - current.px(3)
            start = rect.right() - _advance(_text(factor))
            painter.drawLine(QPointF(start, base), QPointF(rect.right(), base))

    # -- gestures ----------------------------------------------------------------------------------------------------

    def _link_at(self, place: QPointF) -> int:
        for index, link in enumerate(self.links):
            if link.rect.adjusted(-3, 0, 3, 0).contains(place):
                return index
        return -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self._link_at(event.position())
        followable = found >= 0 and self.links[found].factor.value is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if followable else Qt.CursorShape.ArrowCursor)
        if found != self._chosen:
            self._chosen = found
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._chosen = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._follow(self._link_at(event.position()))

    def _follow(self, place: int) -> None:
        if 0 <= place < len(self.links) and self.links[place].factor.value is not None:
            self._chosen = -1
            self.followed.emit(self.links[place].factor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        followable = [i for i, link in enumerate(self.links) if link.factor.value is not None]
        if event.matches(QKeySequence.StandardKey.Copy) and self._explanation and self._explanation.number is not None:
            QGuiApplication.clipboard().setText(exact_text(self._explanation.number))
        elif event.key() in (Qt.Key.Key_Right, Qt.Key.Key_Down) and followable:
            later = [i for i in followable if i > self._chosen]
            self._chosen = later[0] if later else followable[0]
            self.update()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Up) and followable:
            earlier = [i for i in followable if i < self._chosen]
            self._chosen = earlier[-1] if earlier else followable[-1]
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._follow(self._chosen)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self._link_at(QPointF(event.pos()))
            spot = next((spot for spot in self._spots if spot.rect.contains(QPointF(event.pos()))), None)
            if spot is not None:
                tip = exact_text(spot.number) if spot.factor is None else factor_tip(spot.factor, clicks=False)
                QToolTip.showText(event.globalPos(), tip, self, spot.rect.toRect())
            elif found >= 0:
                link = self.links[found]
                QToolTip.showText(event.globalPos(), factor_tip(link.factor), self, link.rect.toRect())
            elif (
                self._explanation is not None
                and self._explanation.number is not None
                and event.pos().y() < theme().px(34)
            ):
                QToolTip.showText(event.globalPos(), exact_text(self._explanation.number), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)


def _advance(number: str) -> float:
    """Return how wide a number of the table is."""
    return theme().advance(number, 11, mono=True)


def _text(factor: Factor) -> str:
    return number_text(factor.number, signed=True)


def factor_tip(factor: Factor, clicks: bool = True) -> str:
    """Return what hovering over a factor says; `clicks` is whether a click follows it."""
    name = "" if factor.value is None else element_name(factor.value, factor.index)
    what = factor.meaning if not name else f"{factor.meaning}, from {name}" if factor.meaning else name
    click = "" if factor.value is None or not clicks else "\nclick to see where it came from"
    return f"{what} = {exact_text(factor.number)}{click}"
