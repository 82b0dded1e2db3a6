"""The small widgets that forms are made of: a line that parses what is typed, a switch, and a quiet combo box."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QWidget

from visualbp.core.options import OptionError
from visualbp.core.visible_text import visible
from visualbp.gui.theme import theme

STEPPER = 18


class ParsedLine(QLineEdit):
    """A line of text that stands for a value. What is typed is parsed at once, and taken over with Enter or on leaving.

    What cannot be parsed stays as it was typed; `problem_changed` says in words what is wrong with it.
    """

    committed = Signal(object, bool)
    """The new value, and whether it is one of a row of small changes."""
    problem_changed = Signal(str)

    def __init__(
        self,
        parse: Callable[[str], object],
        text_of: Callable[[object], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._parse = parse
        self._text_of: Callable[[object], str] = lambda value: visible(text_of(value))  # it can be a stranger's file's
        self._value: object = None
        self._problem = ""
        self.setTextMargins(-2, 0, 0, 0)  # in line with the words in combo boxes
        self.textEdited.connect(self._on_edited)
        self.editingFinished.connect(self.commit)

    @property
    def problem(self) -> str:
        """What is wrong with what is typed, in words; empty when nothing is."""
        return self._problem

    def show_value(self, value: object) -> None:
        """Show a value. What a person is typing stays, unless the value has changed meanwhile."""
        if self.isModified() and _same(value, self._value):
            return
        self._value = value
        text = self._text_of(value)
        if text != self.text():
            self.setText(text)
        self.setModified(False)
        self._say("")

    def show_mixed(self) -> None:
        """Show that several things with different values are edited together."""
        self.show_value(None)
        self.setPlaceholderText("several values")

    @Slot(str)
    def _on_edited(self, text: str) -> None:
        self._parsed()

    def _parsed(self) -> tuple[bool, object]:
        try:
            value = self._parse(self.text())
        except OptionError as error:
            self._say(str(error))
            return False, None
        self._say("")
        return True, value

    def _say(self, problem: str) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        self.setProperty("invalid", bool(problem))
        self.style().unpolish(self)
        self.style().polish(self)
        self.setAccessibleDescription(problem)
        self.problem_changed.emit(problem)

    @Slot()
    def commit(self) -> None:
        """Take over what was typed, if it is a new value."""
        if not self.isModified():
            return
        fine, value = self._parsed()
        if not fine:
            return
        self.setText(self.text() if not _same(value, self._value) else self._text_of(value))
        if not _same(value, self._value):  # the typing is history now: undo takes the edit back
            self._value = value
            self.committed.emit(value, False)

    def event(self, event: QEvent) -> bool:
        """Leave the keys of undo and redo to the window once there is no typing to take back."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            keys = QKeySequence.StandardKey
            if (event.matches(keys.Undo) and not self.isUndoAvailable()) or (
                event.matches(keys.Redo) and not self.isRedoAvailable()
            ):
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.isModified():
            self.setModified(False)
            self.setText(self._text_of(self._value))
            self._say("")
            return
        super().keyPressEvent(event)


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and bool(one == other)


class SteppedLine(ParsedLine):
    """A line for a number, with arrows: keys, small buttons at its end, and the wheel while it has the focus."""

    def __init__(
        self,
        parse: Callable[[str], object],
        text_of: Callable[[object], str],
        stepped: Callable[[object, int], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parse, text_of, parent)
        self._stepped = stepped
        self.setMouseTracking(True)
        self.setTextMargins(-2, 0, STEPPER, 0)

    def step(self, by: int) -> None:
        """Change the number by some steps."""
        self.commit()
        if self._value is None or self.problem:
            return
        value = self._stepped(self._value, by)
        if not _same(value, self._value):
            self._value = value
            self.setText(self._text_of(value))
            self.committed.emit(value, True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            ten = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            self.step(ten if event.key() == Qt.Key.Key_Up else -ten)
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            self.step(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            event.ignore()

    def _arrows(self) -> tuple[QRectF, QRectF]:
        width = theme().px(STEPPER)
        left = self.width() - width - 2.0
        return QRectF(left, 2, width, self.height() / 2 - 2), QRectF(
            left, self.height() / 2, width, self.height() / 2 - 2
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for arrow, by in zip(self._arrows(), (1, -1), strict=True):
            if arrow.contains(event.position()) and self.isEnabled():
                self.setFocus()
                self.step(by)
                return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = any(arrow.contains(event.position()) for arrow in self._arrows())
        self.setCursor(Qt.CursorShape.ArrowCursor if over else Qt.CursorShape.IBeamCursor)
        super().mouseMoveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().color("dim"), 1.3))
        for arrow, direction in zip(self._arrows(), (-1, 1), strict=True):
            middle, reach = arrow.center(), theme().px(3)
            middle.setY(middle.y() - direction * theme().px(1))
            tip = QPointF(middle.x(), middle.y() + direction * reach / 2)
            for side in (-reach, reach):
                painter.drawLine(QPointF(middle.x() + side, middle.y() - direction * reach / 2), tip)
        painter.end()


class Switch(QAbstractButton):
    """On or off, with the word beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.mixed = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._ringed = False

    def sizeHint(self) -> QSize:
        return QSize(theme().px(96), theme().px(26))

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ringed = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ringed = False
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        current = theme()
        on = self.isChecked() and not self.mixed
        width, height = current.px(30), current.px(16)
        track = QRectF(1, (self.height() - height) / 2, width, height)
        painter.setPen(QPen(current.color("accent" if on or self._ringed else "faint"), 1))
        painter.setBrush(current.color("accent" if on else "field"))
        painter.drawRoundedRect(track, height / 2, height / 2)
        share = 0.5 if self.mixed else 1.0 if on else 0.0
        radius = height / 2 - current.px(3)
        knob = QPointF(track.left() + height / 2 + share * (width - height), track.center().y())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(current.color("on_accent" if on else "dim"))
        painter.drawEllipse(knob, radius, radius)
        painter.setFont(current.font(12))
        painter.setPen(current.color("text" if self.isEnabled() else "faint"))
        words = "several" if self.mixed else "on" if on else "off"
        place = QRectF(track.right() + current.px(8), 0, self.width(), self.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        if self._ringed:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(current.color("accent", 0.6), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.end()


class Combo(QComboBox):
    """A combo box that lets the wheel scroll the form, unless it has the focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().color("dim"), 1.4))
        reach = theme().px(4)
        middle = QPointF(self.width() - theme().px(13), self.height() / 2)
        tip = QPointF(middle.x(), middle.y() + reach / 2)
        for side in (-reach, reach):
            painter.drawLine(QPointF(middle.x() + side, middle.y() - reach / 2), tip)
        painter.end()
