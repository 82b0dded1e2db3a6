"""The card with the numbers: where one number came from, as products that add up. Each factor can be followed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
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

from visualbp.analysis.explain import Explanation, Factor, Term
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.gui.copying import Copy, copies_of_tensor, copy_menu, takes_copy
from visualbp.gui.equations import Equations, Formula, typeset_already
from visualbp.gui.painting import draw_absent, exact_text, number_text
from visualbp.gui.panels.mathematics_numbers import Spot
from visualbp.gui.panels.mathematics_words import Names, factor_color
from visualbp.gui.panels.number_page import SMALL, FactorLink, Look, Page
from visualbp.gui.picture_cache import PictureCache
from visualbp.gui.theme import theme
from visualbp.gui.widgets.heights import HeightByWidth

PLAIN = Look()
EMPTY_HEIGHT, LEAST_HEIGHT = 72, 20


class NumberCard(HeightByWidth):
    """Paints an explanation. `followed` says which factor a person wants explained next."""

    followed = Signal(object)
    """A Factor that stands for an element of a value."""

    def __init__(self, equations: Equations, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._equations = equations
        self._explanation: Explanation | None = None
        self._message = ""
        self._look = Look()
        self._pages: dict[int, Page] = {}
        """What is shown, by the width for which it was laid out."""
        self._chosen = -1
        self.array_of: Callable[[Ref], Array | None] = lambda value: None
        """The array of a value, for copying."""
        self._pictures = PictureCache()
        """The card as it is, until something on it changes."""
        self._coming = self._pictures
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Where a number came from")
        equations.ready.connect(self._on_equation)

    @property
    def explanation(self) -> Explanation | None:
        """What is shown; None while no number is followed."""
        return self._explanation

    @property
    def spots(self) -> tuple[Spot, ...]:
        """The numbers of the formula as they stand on the card."""
        page = self._page(self.width())
        return () if page is None else tuple(page.spots)

    @property
    def links(self) -> tuple[FactorLink, ...]:
        """The factors as they stand on the card."""
        page = self._page(self.width())
        return () if page is None else tuple(page.links)

    def show_explanation(self, explanation: Explanation | None, look: Look = PLAIN, message: str = "") -> None:
        """Show an explanation, or, without one, a hatched card with a message."""
        self.prepare(explanation, look, message)
        self.show_prepared()

    def prepare(self, explanation: Explanation | None, look: Look = PLAIN, message: str = "") -> None:
        """Lay out what `show_prepared` will show, and draw it where nobody sees it: the two together would be too long
        for one turn of the event loop."""
        self._explanation, self._look, self._message = explanation, look, message
        self._pages.clear()
        self._coming = PictureCache()
        page = self._page(self.width())
        self._chosen = min(self._chosen, -1 if page is None else len(page.links) - 1)
        if page is not None and self.isVisible():
            around = QRectF(0, 0, self.width(), page.height)
            hints = QPainter.RenderHint.Antialiasing
            self._coming.picture(around, self._key(), self._draw, self.devicePixelRatio(), hints)

    def show_prepared(self) -> None:
        """Show what was prepared; until now the card has looked as before."""
        self._pictures = self._coming
        self.setAccessibleDescription(self._description())
        self.measure_anew()

    def retheme(self) -> None:
        self._pages.clear()
        self._pictures.clear()
        self.measure_anew()

    def _description(self) -> str:
        found = self._explanation
        if found is None:
            return self._message
        terms = "; ".join(
            f"{term.label}: {' times '.join(map(_text, term.factors))} is {number_text(term.product)}"
            for term in found.terms
        )
        name = self._look.names.element(found.value, found.index)
        return f"{name} is {number_text(found.number)}: {found.rule}. {terms}. {found.note}"

    @Slot(str)
    def _on_equation(self, latex: str) -> None:
        found = self._explanation
        if found is not None and latex in (found.formula_latex, found.numbers_latex):
            self.retheme()

    # -- measuring and painting --------------------------------------------------------------------------------------

    def _page(self, width: int) -> Page | None:
        """Return what is shown, laid out for a width; nothing if there is only a message."""
        if self._explanation is None:
            return None
        if width not in self._pages:
            self._pages[width] = Page(self._explanation, width, self._look, self._set_equation)
        return self._pages[width]

    def _set_equation(self, latex: str) -> Formula | None:
        return typeset_already(latex) if self._look.hurried else self._equations.get(latex)

    def height_at(self, width: int) -> int:
        page = self._page(width)
        return theme().px(EMPTY_HEIGHT) if page is None else page.height

    def sizeHint(self) -> QSize:
        """Return a size without laying out for it: layouts ask for the height at the width that they have."""
        return QSize(theme().px(self.PREFERRED_WIDTH), theme().px(LEAST_HEIGHT))

    def _key(self) -> tuple[bool, int]:
        return self.hasFocus(), self._chosen

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._pictures.paint(painter, QRectF(self.rect()), self._key(), self._draw)
        painter.end()

    def _draw(self, painter: QPainter) -> None:
        current, page = theme(), self._page(self.width())
        height = self.height() if page is None else page.height
        frame = QRectF(0, 0, self.width(), height).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(current.color("accent" if self.hasFocus() and self._chosen < 0 else "line"), 1))
        painter.setBrush(current.color("background" if current.is_dark else "field"))
        painter.drawRoundedRect(frame, 8, 8)
        if page is None:
            draw_absent(painter, frame.adjusted(6, 6, -6, -6), self._message)
            return
        if self._chosen >= 0:
            self._light(painter, page.links[self._chosen])
        page.paint(painter)

    def _light(self, painter: QPainter, link: FactorLink) -> None:
        """Lie behind the factor that a click would follow, and underline it more strongly."""
        if link.factor.value is None:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("accent", 0.22))
        painter.drawRoundedRect(link.rect.adjusted(-3, 1, 3, -1), 3, 3)
        painter.setPen(QPen(theme().color(factor_color(link.factor), 0.8), 1))
        base = link.rect.bottom() - theme().px(3)
        start = link.rect.right() - theme().advance(_text(link.factor), SMALL, mono=True)
        painter.drawLine(QPointF(start, base), QPointF(link.rect.right(), base))

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
        if event.button() == Qt.MouseButton.LeftButton:
            self._follow(self._link_at(event.position()))

    def copies_at(self, place: int) -> list[Copy]:
        """Return what can be copied: of the factor with this place among the links, or of what is explained."""
        found = self._explanation
        if found is None:
            return []
        number, index = self._number, found.index
        value: Ref | None = found.value
        rows = [term_text(term) for term in found.terms]
        copies: list[Copy] = []
        if 0 <= place < len(self.links):
            factor = self.links[place].factor
            number, value, index = factor.number, factor.value, factor.index
            row = next(term for term in found.terms if factor in term.factors)
            copies.append(("Copy row", lambda: term_text(row)))
        if number is not None:
            exact = exact_text(number)
            copies.insert(0, ("Copy number", lambda: exact))
        if rows:
            copies.append(("Copy all terms", lambda: "\n".join(rows)))
        array = None if value is None else self.array_of(value)
        if array is not None and len(index) == array.ndim:
            copies += copies_of_tensor(array)
        return copies

    @property
    def _number(self) -> float | None:
        """The number that is explained; before a step has made it, the one that a check has computed."""
        if self._explanation is None:
            return None
        if self._explanation.number is None and self._look.check is not None:
            return self._look.check.entry.computed
        return self._explanation.number

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        place = self._link_at(QPointF(event.pos())) if by_mouse else self._chosen
        copies = self.copies_at(place)
        if copies and self._explanation is not None:
            array = self.array_of(self._explanation.value)
            copy_menu(copies, 0 if array is None else array.size, self).popup(event.globalPos())
            event.accept()

    def _follow(self, place: int) -> None:
        if 0 <= place < len(self.links) and self.links[place].factor.value is not None:
            self._chosen = -1
            self.followed.emit(self.links[place].factor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        followable = [i for i, link in enumerate(self.links) if link.factor.value is not None]
        if event.matches(QKeySequence.StandardKey.Copy) and self._number is not None:
            QGuiApplication.clipboard().setText(self.copies_at(self._chosen)[0][1]())
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
        if takes_copy(event):
            return True
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self._link_at(QPointF(event.pos()))
            spot = next((spot for spot in self.spots if spot.rect.contains(QPointF(event.pos()))), None)
            if spot is not None:
                tip = (
                    exact_text(spot.number)
                    if spot.factor is None
                    else factor_tip(spot.factor, self._look.names, clicks=False)
                )
                QToolTip.showText(event.globalPos(), tip, self, spot.rect.toRect())
            elif found >= 0:
                link = self.links[found]
                QToolTip.showText(
                    event.globalPos(), factor_tip(link.factor, self._look.names), self, link.rect.toRect()
                )
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


def _text(factor: Factor) -> str:
    return number_text(factor.number, signed=True)


def term_text(term: Term) -> str:
    """Return a term with tabs: its label, the factors, and the product, exact."""
    return "\t".join((term.label, *(exact_text(factor.number) for factor in term.factors), exact_text(term.product)))


def factor_tip(factor: Factor, names: Names, clicks: bool = True) -> str:
    """Return what hovering over a factor says; `clicks` is whether a click follows it."""
    name = "" if factor.value is None else names.element(factor.value, factor.index)
    what = factor.meaning if not name else f"{factor.meaning}, from {name}" if factor.meaning else name
    click = "" if factor.value is None or not clicks else "\nclick to see where it came from"
    of = f"\nof {names.within(factor.value, factor.index)} = {exact_text(factor.argument)}" if factor.written else ""
    return f"{what} = {exact_text(factor.number)}{of}{click}"
