"""Equations as pictures: LaTeX set by ziamath, kept as SVG by its text, painted in any size and colour.

Setting an equation takes 10 to 300 ms, so nothing here does it while a step is shown: an `Equations` object has it done
by a process beside the window, one after the other, and says when each is ready.
"""

from __future__ import annotations

import logging
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from PySide6.QtCore import QByteArray, QObject, QPointF, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QWidget

from visualbp.gui.picture_cache import KeptPictures
from visualbp.gui.theme import theme
from visualbp.gui.typesetter import INK, Answer, set_equation
from visualbp.gui.typesetting import typesetting
from visualbp.gui.widgets.heights import HeightByWidth

SMALLER = 0.72
"""How large a line is that says what letters of the equation mean."""
MOST_KEPT = 400
"""Equations: of an ordinary network all, of a thousand layers those of some hundred steps. Each takes some 5 kB."""
PAUSE = 30
"""Milliseconds between two equations that nobody waits for, so that typing and stepping come first."""
WHILE_RUNNING = 300
"""Milliseconds that an equation has to stay wanted while steps fly by, before it is worth setting."""
BEFORE_THE_FIRST = 300
"""Milliseconds before the first equation: what sets it has to be started, and the window comes first."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Formula:
    """An equation that has been set. Lengths are in units of the font size. `error` says why it could not be set."""

    latex: str
    packed: bytes
    """The SVG, compressed to a third."""
    width: float
    height: float
    error: str = ""
    scale: float = 1.0
    """How large it is beside others, where several stand below one another."""

    @property
    def svg(self) -> str:
        return zlib.decompress(self.packed).decode()


_kept: dict[str, Formula] = {}
_pictures = KeptPictures()


def typeset(latex: str) -> Formula:
    """Return the set equation, at once if it has been set before. Never raises: see `Formula.error`."""
    return _kept.get(latex) or _set(latex)


def typeset_already(latex: str) -> Formula | None:
    """Return the equation if it has been set before; costs nothing."""
    return _kept.get(latex)


def _set(latex: str) -> Formula:
    return _keep(latex, set_equation(latex))


def _keep(latex: str, answer: Answer) -> Formula:
    svg, width, height, error = answer
    if error:
        log.warning("cannot set the equation %s: %s", latex, error)
    if len(_kept) >= MOST_KEPT:
        del _kept[next(iter(_kept))]
    found = _kept[latex] = Formula(latex, zlib.compress(svg.encode()), width, height, error)
    return found


def _picture(latex: str, color: str, size: float, ratio: float) -> QPixmap:
    formula = typeset(latex)
    width, height = formula.width * size, formula.height * size
    pixmap = QPixmap(max(1, round(width * ratio)), max(1, round(height * ratio)))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    if formula.error:
        painter.scale(ratio, ratio)
        painter.setPen(QColor(color))
        font = theme().font(12, mono=True)
        font.setPixelSize(max(6, round(size * 0.8)))
        painter.setFont(font)
        painter.drawText(QRectF(0, 0, width, height), Qt.AlignmentFlag.AlignVCenter, latex)
    else:
        renderer = QSvgRenderer(QByteArray(formula.svg.replace(INK, color).encode()))
        renderer.render(painter, QRectF(0, 0, pixmap.width(), pixmap.height()))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def equation_pixmap(latex: str, size: float, color: QColor, ratio: float = 1.0) -> QPixmap:
    """Return the equation as a picture with a font of `size` pixels; kept, and set now if it was not yet."""
    key = latex, color.name(), round(size, 1), ratio
    return _pictures.get(key, partial(_picture, *key))


def draw_equation(painter: QPainter, formula: Formula, place: QPointF, size: float, color: QColor) -> None:
    """Draw a set equation with its top left corner at `place`."""
    ratio = painter.device().devicePixelRatioF()
    painter.drawPixmap(place, equation_pixmap(formula.latex, size * formula.scale, color, ratio))


def lines_of(latex: str) -> tuple[str, ...]:
    r"""Return an equation of several, joined by `\quad`, as lines to set below one another."""
    parts = (part.strip().removesuffix(",").strip() for part in latex.replace(r"\qquad", r"\quad").split(r"\quad"))
    return tuple(part for part in parts if part)


def _beside(place: int, formula: Formula) -> Formula:
    """Return an equation as it stands in a list: one after the first that says what letters mean is smaller."""
    if not place or r"\leftarrow" in formula.latex:
        return formula
    return replace(formula, width=formula.width * SMALLER, height=formula.height * SMALLER, scale=SMALLER)


class Equations(QObject):
    """Sets equations while the window has nothing else to do: first those wanted now, then those that may come."""

    ready = Signal(str)
    """The LaTeX of an equation that has just been set."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._under_way = ""
        """The equation that is being set."""
        self._wanted: deque[str] = deque()
        self._later: deque[str] = deque()
        self.patient = False
        """Set while the debugger runs: equations that are shown for a moment only are not set."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._set_one)
        typesetting().done.connect(self._on_done)

    def get(self, latex: str) -> Formula | None:
        """Return the equation if it is set; otherwise it is set next, and `ready` tells when."""
        found = typeset_already(latex)
        if found is None and latex not in self._wanted and latex != self._under_way:
            self._wanted.append(latex)
            self._timer.start(self._pause())
        return found

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being set that somebody waits for."""
        return not self._under_way and not self._wanted

    def prefetch(self, equations: Iterable[str]) -> None:
        """Set these one after the other when there is time, as far as half of what is kept goes: the first of them
        shall not make way for the last. They take the place of those asked for before."""
        unset = (latex for latex in equations if typeset_already(latex) is None)
        self._later = deque(islice(unset, MOST_KEPT // 2))
        self._go_on()

    def forget_wanted(self) -> None:
        """What was wanted is no longer shown: do not set it first."""
        self._wanted.clear()

    def stop(self) -> None:
        """Stop setting the equations that wait."""
        self._timer.stop()

    def _pause(self) -> int:
        if self.patient:
            return WHILE_RUNNING
        return 0 if typesetting().is_ready else BEFORE_THE_FIRST

    def _go_on(self) -> None:
        if self._under_way:
            return
        if self._wanted:
            self._timer.start(self._pause())
        elif self._later and not self._timer.isActive():
            self._timer.start(max(PAUSE, self._pause()))

    @Slot()
    def _set_one(self) -> None:
        queue = self._wanted or self._later
        while queue and typeset_already(queue[0]) is not None:  # for somebody else, meanwhile
            queue.popleft()
        if queue and not self._under_way:
            self._under_way = queue.popleft()
            typesetting().ask(self._under_way)

    @Slot(str, object)
    def _on_done(self, latex: str, answer: Answer) -> None:
        """Take an equation that has been set, whoever asked for it."""
        if typeset_already(latex) is None:
            _keep(latex, answer)
        if latex == self._under_way:
            self._under_way = ""
        if latex in self._wanted:
            self._wanted.remove(latex)
        self.ready.emit(latex)
        self._go_on()


class EquationView(HeightByWidth):
    """Shows one equation, or several below one another. While a new one is being set, the old one stays, dimmed."""

    PREFERRED_WIDTH = 200
    SMALLEST = 0.5
    """How far an equation is made smaller to fit the width; a wider one is cut."""
    GAP = 0.5
    """Between two lines, in units of the font size."""

    def __init__(self, equations: Equations, size: float = 22.0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._equations, self._size = equations, size
        self._latex = ""
        self._lines: tuple[str, ...] = ()
        self._shown: tuple[Formula, ...] = ()
        self.setAccessibleName("Equation")
        equations.ready.connect(self._on_ready)

    @property
    def latex(self) -> str:
        """What is shown, in LaTeX."""
        return self._latex

    @property
    def is_ready(self) -> bool:
        """Whether what is shown is what was asked for last."""
        return tuple(formula.latex for formula in self._shown) == self._lines

    def set_latex(self, latex: str) -> None:
        """Show `latex`, now if it is set, else as soon as it is."""
        if latex == self._latex:
            return
        self._latex, self._lines = latex, lines_of(latex)
        self.setAccessibleDescription(latex)
        self._equations.forget_wanted()
        self._take()

    def retheme(self) -> None:
        self.measure_anew()

    @Slot(str)
    def _on_ready(self, latex: str) -> None:
        if latex in self._lines:
            self._take()

    def _take(self) -> None:
        found = tuple(self._equations.get(line) for line in self._lines)
        formulas = tuple(formula for formula in found if formula is not None)
        if len(formulas) == len(found):
            self._shown = tuple(map(_beside, range(len(formulas)), formulas))
            self.measure_anew()
        self.update()

    def _font_size(self, width: int) -> float:
        size = theme().px(self._size) * 1.0
        widest = max((formula.width for formula in self._shown), default=0.0)
        if widest * size > width - 2 > 0:
            size = max(size * self.SMALLEST, (width - 2) / widest)
        return size

    def height_at(self, width: int) -> int:
        height = sum(formula.height for formula in self._shown) + self.GAP * max(0, len(self._shown) - 1)
        return max(theme().px(self._size * 1.6), round(height * self._font_size(width)) + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        color = theme().color("text" if self.is_ready else "faint")
        size = self._font_size(self.width())
        total = sum(formula.height for formula in self._shown) + self.GAP * max(0, len(self._shown) - 1)
        y = max(0.0, (self.height() - total * size) / 2)
        for formula in self._shown:
            draw_equation(painter, formula, QPointF(0, y), size, color)
            y += (formula.height + self.GAP) * size
        painter.end()
