"""The trail of numbers that a person has followed: back, forward, and crumbs to click."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from visualbp.core.ref import Ref
from visualbp.gui.panels.mathematics_words import Index, element_name
from visualbp.gui.theme import theme

HEIGHT = 20
LONGEST = 50
BETWEEN = "  ›  "


@dataclass(frozen=True)
class Crumb:
    """An element, as it stood after `at` steps of the iteration; None for as it stands now.

    `row` is the row in the data of its sample, where it is of one: its place in the batch is another in each batch.
    """

    value: Ref
    index: Index
    at: int | None = None
    row: int | None = None

    @property
    def text(self) -> str:
        """The element's name: `hidden W[0, 3]`, or `hidden h[3], sample 25`."""
        if self.row is None:
            return element_name(self.value, self.index)
        return f"{element_name(self.value, self.index[1:])}, sample {self.row}"


class Trail:
    """Crumbs with a position, as the history of a browser: going on from the middle forgets what came after."""

    def __init__(self) -> None:
        self.crumbs: list[Crumb] = []
        self.place = -1

    @property
    def current(self) -> Crumb | None:
        """The number that is followed now; None on an empty trail."""
        return self.crumbs[self.place] if self.crumbs else None

    def go(self, crumb: Crumb) -> None:
        """Follow to `crumb`; the same one again changes nothing."""
        if crumb != self.current:
            self.crumbs = [*self.crumbs[: self.place + 1], crumb][-LONGEST:]
            self.place = len(self.crumbs) - 1

    def replace(self, crumb: Crumb) -> None:
        """Look at another element in the place of the current one."""
        if self.crumbs:
            self.crumbs[self.place] = crumb
        else:
            self.go(crumb)

    def move_to(self, place: int) -> bool:
        """Go to a crumb; return whether there is one."""
        if 0 <= place < len(self.crumbs) and place != self.place:
            self.place = place
            return True
        return False

    def clear(self) -> None:
        self.crumbs, self.place = [], -1


class TrailView(QWidget):
    """Paints the crumbs, the current one last if they do not all fit."""

    chosen = Signal(int)
    """The place of a crumb that was clicked."""

    def __init__(self, trail: Trail, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trail = trail
        self._hovered = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("The numbers followed so far")
        self.retheme()

    def retheme(self) -> None:
        self.setFixedHeight(theme().px(HEIGHT))
        self.update()

    def refresh(self) -> None:
        """Show the trail as it is now."""
        self.setAccessibleDescription(" to ".join(crumb.text for crumb in self._trail.crumbs))
        self.setToolTip("\n".join(crumb.text for crumb in self._trail.crumbs))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(120), self.height())

    def _places(self) -> list[tuple[int, QRectF]]:
        """Return which crumbs are shown, and where: as many before the current one as fit, then those after it."""
        metrics = QFontMetricsF(theme().font(10.5, QFont.Weight.Medium, mono=True))
        between = metrics.horizontalAdvance(BETWEEN)
        widths = [metrics.horizontalAdvance(crumb.text) for crumb in self._trail.crumbs]
        first = self._trail.place
        used = widths[first] if widths else 0.0
        while first > 0 and used + between + widths[first - 1] <= self.width():
            first -= 1
            used += between + widths[first]
        found, x = [], 0.0
        for place in range(max(0, first), len(widths)):
            if x > self.width():
                break
            found.append((place, QRectF(x, 0, widths[place], self.height())))
            x += widths[place] + between
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        current = theme()
        for place, rect in self._places():
            here = place == self._trail.place
            painter.setFont(current.font(10.5, QFont.Weight.Medium if here else QFont.Weight.Normal, mono=True))
            color = (
                "text"
                if here
                else "accent"
                if place == self._hovered
                else "dim"
                if place < self._trail.place
                else "faint"
            )
            painter.setPen(current.color(color))
            middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(rect.adjusted(0, 0, 4, 0), middle, self._trail.crumbs[place].text)
            if place + 1 < len(self._trail.crumbs):
                painter.setPen(current.color("faint"))
                painter.drawText(QRectF(rect.right(), 0, current.px(40), rect.height()), middle, BETWEEN)
        painter.end()

    def _place_at(self, point: QPointF) -> int:
        return next((place for place, rect in self._places() if rect.contains(point)), -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hovered = self._place_at(event.position())
        self.setCursor(Qt.CursorShape.PointingHandCursor if self._hovered >= 0 else Qt.CursorShape.ArrowCursor)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position())
        if place >= 0:
            self.chosen.emit(place)
