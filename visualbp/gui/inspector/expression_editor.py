"""The editor of an expression in x: what is wrong is pointed at while it is typed, and it is set in mathematics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from visualbp.core.differentiation import derivative
from visualbp.core.expression_parser import ExpressionError, ExpressionOption, parse_expression
from visualbp.core.expressions import Expression, latex
from visualbp.core.options import Option, OptionError
from visualbp.gui.equations import Equations, EquationView
from visualbp.gui.inspector.editors import MIXED, OptionEditor
from visualbp.gui.inspector.fields import ParsedLine
from visualbp.gui.theme import theme

LONGEST_SET = 300
"""Characters of LaTeX that are still a formula to read."""


def pointer_text(text: str, position: int, characters: int) -> str:
    """Return the text with a caret below a place, in two lines of at most `characters`, cut around the place."""
    plain = "".join(" " if letter.isspace() else letter for letter in text)
    start = max(0, min(position - characters // 2, len(plain) + 1 - characters))
    shown = plain[start : start + characters]
    if start:
        shown = "…" + shown[1:]
    if start + characters < len(plain):
        shown = shown[:-1] + "…"
    return shown + "\n" + " " * (position - start) + "^"


class ExpressionLine(ParsedLine):
    """A line in a font of equal widths."""

    def retheme(self) -> None:
        self.setFont(theme().font(12, mono=True))


class ExpressionEditor(OptionEditor):
    """A line for the expression; below it the place of what is wrong, or the expression as it is understood. An
    expression that may be left empty shows what is derived then."""

    option: ExpressionOption
    takes_whole_row = True

    def __init__(self, option: Option, parent: QWidget | None = None) -> None:
        super().__init__(option, parent)
        self._error: ExpressionError | None = None
        self._of = ""
        """The expression that this is the derivative of."""
        self.line = ExpressionLine(self._parsed, self._text_of, self)
        self.line.setObjectName(f"option_{option.name}")
        self.line.setAccessibleName(option.title)
        self.line.setToolTip(option.description)
        self.pointer = QLabel(self)
        self.pointer.setProperty("problem", True)
        self.pointer.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.pointer.hide()
        self.formula = EquationView(Equations(self), 15.0, self)
        self.formula.setAccessibleName(f"{option.title} in mathematics")
        self.setFocusProxy(self.line)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        for widget in (self.line, self.pointer, self.formula):
            column.addWidget(widget)
        self.line.committed.connect(self.committed)
        self.line.problem_changed.connect(self.problem_changed)
        self.line.textChanged.connect(self._show_state)
        self.retheme()

    def retheme(self) -> None:
        self.line.retheme()
        self.pointer.setFont(theme().font(11, mono=True))
        self.formula.retheme()
        self._show_state()

    # -- the value ---------------------------------------------------------------------------------------------------

    def _parsed(self, text: str) -> object:
        """Return what was typed. Raises OptionError, with the place, which is pointed at as well."""
        if self.option.optional and not text.strip():
            return ""
        try:
            parse_expression(text)
        except ExpressionError as error:
            raise OptionError(str(error)) from None
        return self.option.parse(text)

    @staticmethod
    def _text_of(value: object) -> str:
        return value if isinstance(value, str) else ""

    def show_value(self, value: object) -> None:
        if value is MIXED:
            self.line.show_mixed()
        else:
            self.line.show_value(value)
        self._show_state()

    def show_siblings(self, options: Sequence[Option], values: Mapping[str, Any]) -> None:
        """Take over the expression whose derivative this is, if it may be left empty."""
        if not self.option.optional:
            return
        others = [option.name for option in options if isinstance(option, ExpressionOption) and not option.optional]
        of = values.get(others[0]) if others else ""
        if of != self._of and isinstance(of, str):
            self._of = of
            self._show_state()

    # -- what is seen ------------------------------------------------------------------------------------------------

    @Slot()
    def _show_state(self) -> None:
        """Point at what is wrong with the text as it is, or set it in mathematics."""
        text = self.line.text()
        expression: Expression | None = None
        self._error = None
        try:
            if text.strip():
                expression = parse_expression(text)
            elif self.option.optional and self._of:
                expression = derivative(parse_expression(self._of))
            elif not self.option.optional:
                parse_expression(text)
        except ExpressionError as error:
            self._error = error
        self._point()
        derived = self.option.optional and not text.strip()
        self.line.setPlaceholderText("derived, as below" if derived and expression is not None else "")
        self._set(expression)

    def _point(self) -> None:
        error = self._error
        self.pointer.setVisible(error is not None and bool(error.text.strip()))
        if error is not None:
            letter = max(1, QFontMetrics(self.pointer.font()).horizontalAdvance("0"))
            characters = max(8, (self.width() - theme().px(8)) // letter)
            self.pointer.setText(pointer_text(error.text, error.position, characters))
            self.pointer.setAccessibleName(f"It goes wrong at character {error.position + 1}")

    def _set(self, expression: Expression | None) -> None:
        text = None if expression is None else latex(expression, "x", LONGEST_SET)
        name = "f'(x)" if self.option.optional else "f(x)"
        self.formula.setVisible(text is not None)
        self.formula.set_latex("" if text is None else f"{name} = {text}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._point()
