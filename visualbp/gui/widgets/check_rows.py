"""The rows of a gradient check: rules that are wrong by themselves, and the tensors as bars against the tolerance.

Each row says with a sign and in words which of the three answers it is; the colour only repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QContextMenuEvent,
    QFontMetrics,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from visualbp.analysis.gradient_check_result import TensorCheck
from visualbp.gui.copying import Copy, copies_of_tensor, copy_menu, takes_copy
from visualbp.gui.painting import exact_text
from visualbp.gui.theme import theme
from visualbp.gui.widgets.heights import ColumnScroll

LOWEST, HIGHEST = 1e-13, 1.0
"""The ends of the scale. Below the lower one is round-off."""
LINE, NUMBERS, SIDE, SIGN = 24, 15, 12, 16


def share_of(error: float, low: float = LOWEST, high: float = HIGHEST) -> float:
    """Return where an error lies on the scale, from 0 to 1."""
    if not error > low:
        return 0.0
    return float(min(1.0, np.log(error / low) / np.log(high / low)))


def error_text(error: float) -> str:
    """Return an error as people say it: `2.1e-10`, `0`."""
    if error == 0 or np.isnan(error):
        return "0" if error == 0 else "–"
    mantissa, _, power = f"{error:.1e}".partition("e")
    return f"{mantissa}e{int(power)}".replace("-", "−")


@dataclass(frozen=True)
class CheckRow:
    """One tensor: its names, its largest relative error, what of it failed, is at kinks, or was not measured."""

    layer: str
    parameter: str
    error: float | None
    passed: bool | None
    failed: int = 0
    kinks: int = 0
    unmeasurable: int = 0
    excused: int = 0
    tip: str = ""
    numbers: str = ""
    """The computed and the measured number where the error is largest, for a line of their own."""
    check: TensorCheck | None = field(default=None, compare=False, repr=False)
    """What the row is of, for copying."""

    @property
    def worst(self) -> tuple[float, ...]:
        """The computed and the measured number where the error is largest; nothing where none was measured."""
        check = self.check
        if check is None or not check.errors.size or np.all(np.isnan(check.errors)):
            return ()
        place = np.unravel_index(int(np.nanargmax(check.errors + 2.0 * check.failed)), check.errors.shape)
        return float(check.analytic[place]), float(check.numeric[place])

    @property
    def name(self) -> str:
        """The name for people: `hidden.weight`."""
        return f"{self.layer}.{self.parameter}"

    @property
    def words(self) -> str:
        """What is said beside the bar."""
        if self.passed is None or self.error is None:
            return "cannot be told"
        if not self.passed:
            return f"{self.failed} fail" if self.failed else "fails"
        if self.unmeasurable:
            return f"{self.unmeasurable:,} unmeasured"
        if self.kinks:
            return "1 kink" if self.kinks == 1 else f"{self.kinks} kinks"
        return error_text(self.error)

    @property
    def tone(self) -> str:
        """The name of its colour."""
        return {True: "passed", False: "error", None: "dim"}[self.passed]


@dataclass(frozen=True)
class RuleRow:
    """One rule that is wrong by itself: `hidden.h → z`, and what is probably wrong with it."""

    layer: str
    name: str
    words: str
    tip: str = ""
    passed: bool = False

    @property
    def tone(self) -> str:
        return "error"


class CheckRowsContent(QWidget):
    """The rows. Click, or arrow keys and Enter, choose one."""

    row_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[CheckRow | RuleRow, ...] = ()
        self.tolerance, self.stale = 1e-5, False
        self._hovered, self._focused = -1, -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Relative errors by parameter")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)

    def show_rows(self, rows: Sequence[CheckRow | RuleRow], tolerance: float, stale: bool) -> None:
        """Show these rows against the tolerance; `stale` ones are outdated by an edit."""
        if (tuple(rows), tolerance, stale) != (self.rows, self.tolerance, self.stale):
            self.rows, self.tolerance, self.stale = tuple(rows), tolerance, stale
            self.lay_out()
            self.update()

    def lay_out(self) -> None:
        """Take the height that the rows need."""
        self.setMinimumHeight(self.line * len(self.rows) + theme().px(2))

    @property
    def line(self) -> int:
        """The height of a row, in pixels."""
        has_numbers = any(isinstance(row, CheckRow) and row.numbers for row in self.rows)
        return theme().px(LINE) + (theme().px(NUMBERS) if has_numbers else 0)

    def columns(self) -> tuple[float, float, float]:
        """Return where the labels end, where the tracks begin, and where they end."""
        metrics = QFontMetrics(theme().font(11, mono=True))
        px = theme().px
        label = max((metrics.horizontalAdvance(row.name) for row in self.rows[:200]), default=0)
        bars = [row for row in self.rows[:200] if isinstance(row, CheckRow)]
        words = max((metrics.horizontalAdvance(row.words) for row in bars), default=0)
        left = px(SIDE + SIGN) + min(label, 0.42 * self.width())
        right = self.width() - px(SIDE) - words - px(8)
        return left, min(left + px(10), right - 20), max(right, left + px(30))

    def row_at(self, point: QPointF) -> int:
        """Return the row at a point; -1 below the last."""
        place = int(point.y() // self.line)
        return place if 0 <= place < len(self.rows) else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, current = QPainter(self), theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(current.font(11, mono=True))
        line = self.line
        left, start, stop = self.columns()
        if self.stale:
            painter.setOpacity(0.5)
        first = max(0, event.rect().top() // line)
        for place in range(first, min(len(self.rows), event.rect().bottom() // line + 1)):
            self._paint_row(painter, place, QRectF(0, place * line, self.width(), line), left, start, stop)
        self._paint_tolerance(painter, start + (stop - start) * share_of(self.tolerance))

    def _paint_row(self, painter: QPainter, place: int, box: QRectF, left: float, start: float, stop: float) -> None:
        current, row = theme(), self.rows[place]
        if place == self._hovered or (place == self._focused and self.hasFocus()):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(current.color("raised"))
            painter.drawRoundedRect(box.adjusted(4, 1, -4, -1), 4, 4)
        middle = Qt.AlignmentFlag.AlignVCenter
        side = current.px(SIDE)
        if isinstance(row, CheckRow) and row.numbers:
            below = QRectF(side + current.px(SIGN), box.top() + current.px(LINE) - 3, 0, current.px(NUMBERS))
            below.setRight(self.width() - side)
            self._paint_numbers(painter, row.numbers, below)
            box = QRectF(box.left(), box.top(), box.width(), current.px(LINE))
        self._paint_sign(painter, row, QPointF(side + current.px(5), box.center().y()))
        begin = side + current.px(SIGN)
        painter.setPen(current.color("text"))
        if isinstance(row, RuleRow):
            self._paint_rule(painter, row, box.adjusted(begin, 0, -side, 0))
            return
        label = QRectF(begin, box.top(), left - begin, box.height())
        name = painter.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideMiddle, int(label.width()) + 1)
        painter.drawText(label, middle | Qt.AlignmentFlag.AlignLeft, name)
        height = current.px(10)
        track = QRectF(start, box.center().y() - height / 2, stop - start, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(current.color("field" if place != self._hovered else "line"))
        painter.drawRoundedRect(track, 3, 3)
        color = current.color(row.tone)
        if row.passed is None or row.error is None:
            self._paint_untold(painter, track)
        else:
            filled = QRectF(track)
            filled.setWidth(max(current.px(4), track.width() * share_of(row.error)))
            painter.setBrush(color)
            painter.drawRoundedRect(filled, 3, 3)
            if row.kinks and row.passed:
                self._paint_kink(painter, filled, color)
        painter.setPen(current.color("error" if row.passed is False else "text" if row.kinks else "dim"))
        words = QRectF(stop, box.top(), self.width() - side - stop, box.height())
        painter.drawText(words, middle | Qt.AlignmentFlag.AlignRight, row.words)

    @staticmethod
    def _paint_numbers(painter: QPainter, numbers: str, box: QRectF) -> None:
        """Write the two numbers under the name."""
        painter.save()
        painter.setFont(theme().font(10, mono=True))
        painter.setPen(theme().color("dim"))
        text = painter.fontMetrics().elidedText(numbers, Qt.TextElideMode.ElideRight, int(box.width()))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()

    @staticmethod
    def _paint_rule(painter: QPainter, row: RuleRow, box: QRectF) -> None:
        """Write where the rule is, and at the right what is wrong with it."""
        metrics = painter.fontMetrics()
        words = min(metrics.horizontalAdvance(row.words), 0.6 * box.width())
        place = QRectF(box.left(), box.top(), box.width() - words - theme().px(8), box.height())
        middle = Qt.AlignmentFlag.AlignVCenter
        name = metrics.elidedText(row.name, Qt.TextElideMode.ElideMiddle, int(place.width()))
        painter.drawText(place, middle | Qt.AlignmentFlag.AlignLeft, name)
        painter.setPen(theme().color("error"))
        said = metrics.elidedText(row.words, Qt.TextElideMode.ElideRight, int(words) + 1)
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, said)

    @staticmethod
    def _paint_sign(painter: QPainter, row: CheckRow | RuleRow, center: QPointF) -> None:
        """Draw the answer: a tick, a cross, or a question mark's dash where nothing can be told."""
        size = float(theme().px(4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(theme().color(row.tone), 1.6)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        x, y = center.x(), center.y()
        if row.passed is None:
            painter.drawLine(QPointF(x - size, y), QPointF(x + size, y))
        elif row.passed:
            painter.drawLine(QPointF(x - size, y), QPointF(x - size / 3, y + size * 0.8))
            painter.drawLine(QPointF(x - size / 3, y + size * 0.8), QPointF(x + size, y - size * 0.8))
        else:
            size *= 0.8
            painter.drawLine(QPointF(x - size, y - size), QPointF(x + size, y + size))
            painter.drawLine(QPointF(x - size, y + size), QPointF(x + size, y - size))

    @staticmethod
    def _paint_untold(painter: QPainter, track: QRectF) -> None:
        """Hatch a bar that has no length: what was not measured is neither small nor large."""
        painter.setBrush(QBrush(theme().color("dim"), Qt.BrushStyle.BDiagPattern))
        painter.drawRoundedRect(track, 3, 3)

    @staticmethod
    def _paint_kink(painter: QPainter, filled: QRectF, color: QColor) -> None:
        """Mark a tensor with kinks at the end of its bar, with the sign of a bent line."""
        end = filled.right() + theme().px(5)
        painter.setPen(QPen(color, 1.4))
        middle, size = filled.center().y(), theme().px(4)
        painter.drawLine(QPointF(end, middle + size / 2), QPointF(end + size, middle + size / 2))
        painter.drawLine(QPointF(end + size, middle + size / 2), QPointF(end + 2 * size, middle - size))

    def _paint_tolerance(self, painter: QPainter, x: float) -> None:
        first = next((place for place, row in enumerate(self.rows) if isinstance(row, CheckRow)), len(self.rows))
        pen = QPen(theme().color("error"), 1.2, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        line, bar = self.line, theme().px(LINE)
        for place in range(first, len(self.rows)):  # not over the numbers under the bars
            painter.drawLine(QPointF(x, place * line), QPointF(x, place * line + bar - 2))
        if line == bar:
            painter.drawLine(QPointF(x, len(self.rows) * line), QPointF(x, self.height()))

    # -- gestures ----------------------------------------------------------------------------------------------------

    def row_text(self, place: int) -> str:
        """Return a row with tabs: its name, the computed and the measured number, the error, and what is said."""
        row = self.rows[place]
        if isinstance(row, RuleRow):
            return f"{row.name}\t{row.words}"
        answer = {True: "passes", False: "fails", None: "cannot be told"}[row.passed]
        error = "" if row.error is None else exact_text(row.error)
        return "\t".join((row.name, *map(exact_text, row.worst), error, answer))

    def copies_at(self, place: int) -> list[Copy]:
        """Return what can be copied of a row."""
        row = self.rows[place]
        copies: list[Copy] = [("Copy row", lambda: self.row_text(place))]
        if isinstance(row, CheckRow) and row.check is not None:
            check, worst = row.check, row.worst
            if worst:
                copies.insert(0, ("Copy number", lambda: exact_text(worst[0])))
            copies += copies_of_tensor(check.analytic, "gradient")
            copies += copies_of_tensor(check.numeric, "measured gradient")
        return copies

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        place = self.row_at(QPointF(event.pos())) if by_mouse else self._focused
        if 0 <= place < len(self.rows):
            row = self.rows[place]
            size = row.check.analytic.size if isinstance(row, CheckRow) and row.check is not None else 1
            copy_menu(self.copies_at(place), size, self).popup(event.globalPos())
            event.accept()

    def event(self, event: QEvent) -> bool:
        if takes_copy(event):
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = self.row_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self.rows[place].tip, self) if place >= 0 else QToolTip.hideText()
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.row_at(event.position())
        if place != self._hovered:
            self._hovered = place
            self.setCursor(Qt.CursorShape.PointingHandCursor if place >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.row_at(event.position())
        if place >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._focused = place
            self.row_chosen.emit(place)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        key = Qt.Key(event.key())
        if event.matches(QKeySequence.StandardKey.Copy) and self.rows:
            places = [self._focused] if 0 <= self._focused < len(self.rows) else range(len(self.rows))
            QGuiApplication.clipboard().setText("\n".join(map(self.row_text, places)))
        elif key in steps and self.rows:
            self._focused = max(0, min(len(self.rows) - 1, self._focused + steps[key]))
            row = self.rows[self._focused]
            self.setAccessibleDescription(f"{row.name}: {row.words}")
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._focused >= 0:
            self.row_chosen.emit(self._focused)
        else:
            super().keyPressEvent(event)
            return
        event.accept()


class CheckRows(ColumnScroll):
    """The rows, scrolled where there are many."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.content = CheckRowsContent()
        super().__init__(self.content, parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusProxy(self.content)


class ToleranceScale(QWidget):
    """The foot of the rows: the ends of the scale, and the tolerance under its line."""

    def __init__(self, rows: CheckRows, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(120), theme().px(15))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, current, content = QPainter(self), theme(), self._rows.content
        if not content.rows:
            return
        painter.setFont(current.font(10, mono=True))
        _, start, stop = content.columns()
        metrics = painter.fontMetrics()
        spots = (
            (0.0, error_short(LOWEST), "faint"),
            (1.0, error_short(HIGHEST), "faint"),
            (share_of(content.tolerance), error_short(content.tolerance), "error"),
        )
        for share, text, tone in spots:
            width = metrics.horizontalAdvance(text)
            painter.setPen(current.color(tone))
            place = start + (stop - start) * share - width / 2
            painter.drawText(QRectF(place, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, text)


def error_short(error: float) -> str:
    """Return a power of ten as on an axis: `1e-5`."""
    mantissa, _, power = f"{error:.0e}".partition("e")
    return f"{mantissa}e{int(power)}".replace("-", "−")
