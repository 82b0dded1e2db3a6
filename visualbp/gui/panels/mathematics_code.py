"""The algorithm as pseudo-code with the current line marked, as a source debugger marks it."""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import accumulate

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from visualbp.engine.plan import Phase
from visualbp.gui.panels.timeline_ticks import phase_color
from visualbp.gui.picture_cache import PictureCache
from visualbp.gui.theme import theme

LINE_HEIGHT, BLANK_HEIGHT, GUTTER = 20, 8, 34
SMALLEST = 7.0


class PseudocodeView(QWidget):
    """Paints lines of pseudo-code; one of them can be the current one, in the colour of its phase."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[str, ...] = ()
        self._current: int | None = None
        self._phase = Phase.FORWARD
        self._pictures = PictureCache()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("The algorithm")

    @property
    def current(self) -> int | None:
        """The index of the marked line."""
        return self._current

    def show_lines(self, lines: tuple[str, ...], current: int | None, phase: Phase) -> None:
        """Show the lines, with the current one in the colour of its phase; None marks none."""
        if (lines, current, phase) == (self._lines, self._current, self._phase):
            return
        if lines != self._lines:
            self._lines = lines
            self.retheme()
        else:
            for line in (self._current, current):
                if line is not None:
                    self.update(self.line_rect(line).toAlignedRect())  # the others stay as they are
        self._current, self._phase = current, phase
        self.setAccessibleDescription(lines[current].strip() if current is not None else "")

    def retheme(self) -> None:
        self.setFixedHeight(max(1, round(self._top_of(len(self._lines)))))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(260), self.minimumHeight())

    def _top_of(self, line: int) -> float:
        """Return where a line begins; blank ones are lower."""
        return _tops(self._lines, theme().px(LINE_HEIGHT), theme().px(BLANK_HEIGHT))[line]

    def line_rect(self, line: int) -> QRectF:
        """Return where a line is drawn, over the whole width."""
        return QRectF(0, self._top_of(line), self.width(), self._top_of(line + 1) - self._top_of(line))

    def _font(self) -> QFont:
        """Return the largest font, up to the usual size, in which the longest line fits."""
        font = theme().font(11.5, mono=True)
        widest = max((theme().advance(line, 11.5, mono=True) for line in self._lines), default=1.0)
        room = self.width() - theme().px(GUTTER) - theme().px(8)
        if widest > room > 0:
            font.setPixelSize(max(round(SMALLEST * theme().scale), int(font.pixelSize() * room / widest)))
        return font

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        font, number = self._font(), 0
        for index, line in enumerate(self._lines):
            if not line.strip():
                continue
            number += 1
            rect = self.line_rect(index)
            if not rect.intersects(QRectF(event.rect())):
                continue
            phase = self._phase if index == self._current else None
            key = (number, line, phase, font.pixelSize())
            self._pictures.paint(painter, rect, key, partial(_draw_line, rect, number, line, phase, font))
        painter.end()


@lru_cache(maxsize=8)
def _tops(lines: tuple[str, ...], height: int, blank_height: int) -> tuple[int, ...]:
    """Return where each line begins, and where the last one ends."""
    return tuple(accumulate((height if line.strip() else blank_height for line in lines), initial=0))


def _draw_line(rect: QRectF, number: int, line: str, phase: Phase | None, font: QFont, painter: QPainter) -> None:
    """Draw a line with its number; the current one has a `phase`."""
    current, marked = theme(), phase is not None
    if phase is not None:
        color = phase_color(Phase.FORWARD if phase == Phase.LOAD else phase)
        painter.fillRect(rect, current.color(color, 0.18))
        painter.fillRect(QRectF(0, rect.top(), current.px(3), rect.height()), current.color(color))
    painter.setFont(current.font(10, mono=True))
    painter.setPen(current.color("dim" if marked else "faint"))
    gutter = QRectF(0, rect.top(), current.px(GUTTER - 12), rect.height())
    painter.drawText(gutter, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(number))
    heading = not line.startswith(" ")
    font.setWeight(QFont.Weight.Bold if marked else QFont.Weight.Medium if heading else QFont.Weight.Normal)
    painter.setFont(font)
    painter.setPen(current.color("text" if marked or heading else "dim"))
    place = rect.adjusted(current.px(GUTTER), 0, 0, 0)
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, line)
