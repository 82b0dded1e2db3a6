"""An editor for each kind of option; `form.py` says which kind has which, and no layer or data set needs its own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from visualbp.core.options import (
    ChoiceOption,
    EntryOption,
    FloatOption,
    IntOption,
    Option,
    OptionError,
    parse_options,
)
from visualbp.gui.inspector.fields import Combo, ParsedLine, SteppedLine, Switch

MIXED = object()
"""Shown for a value that differs between the layers that are edited together."""


class OptionEditor(QWidget):
    """The base: shows a canonical value, and tells of the next one."""

    committed = Signal(object, bool)
    """The new canonical value, and whether it is one of a row of small changes (to be one step of undo)."""
    problem_changed = Signal(str)
    """What is wrong with what was typed, in words; empty when it is fine again."""
    takes_whole_row: ClassVar[bool] = False
    """Whether its words stand above it, however wide the form is."""

    def __init__(self, option: Option, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option = option
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    def show_value(self, value: object) -> None:
        """Show a canonical value, or MIXED."""
        raise TypeError(f"the editor of {self.option.name} shows nothing")

    def show_siblings(self, options: Sequence[Option], values: Mapping[str, Any]) -> None:
        """Take over what the other options of the form are, where that matters."""

    def retheme(self) -> None:
        """Colours or sizes have changed."""

    def _hold(self, widget: QWidget) -> None:
        """Make `widget` the whole of the editor."""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(widget)
        widget.setObjectName(f"option_{self.option.name}")
        widget.setAccessibleName(self.option.title)
        widget.setToolTip(self.option.description)
        self.setFocusProxy(widget)


class LineEditor(OptionEditor):
    """Any option that can be written in a line."""

    def __init__(self, option: Option, parent: QWidget | None = None) -> None:
        super().__init__(option, parent)
        self.line = self._line()
        self._hold(self.line)
        self.line.committed.connect(self.committed)
        self.line.problem_changed.connect(self.problem_changed)

    def _line(self) -> ParsedLine:
        return ParsedLine(self._parsed, self.text_of, self)

    def _parsed(self, text: str) -> object:
        return self.option.parse(self.read(text))

    def read(self, text: str) -> object:
        """Return what was typed as the option takes it; what makes no sense is returned as it is, to be refused."""
        try:
            return json.loads(text)
        except ValueError:
            return text

    def text_of(self, value: object) -> str:
        """Return how a canonical value is written in the line."""
        return "" if value is None else json.dumps(self.option.plain(value))

    def show_value(self, value: object) -> None:
        if value is MIXED:
            self.line.show_mixed()
        else:
            self.line.show_value(value)


class IntEditor(LineEditor):
    """A line for a whole number, with arrows to the next one; `10,000` may be typed."""

    option: IntOption

    def _line(self) -> ParsedLine:
        return SteppedLine(self._parsed, self.text_of, self._stepped, self)

    def read(self, text: str) -> object:
        try:
            return int(text.replace(",", "").replace(" ", ""))
        except ValueError:
            return text

    def text_of(self, value: object) -> str:
        return "" if value is None else str(value)

    def _stepped(self, value: object, by: int) -> object:
        assert isinstance(value, int)
        return min(self.option.maximum, max(self.option.minimum, value + by))


class FloatEditor(LineEditor):
    """A line for a number, with arrows that change its second digit; a comma may stand for the point."""

    option: FloatOption

    def _line(self) -> ParsedLine:
        return SteppedLine(self._parsed, self.text_of, self._stepped, self)

    def read(self, text: str) -> object:
        plain = text.strip().replace("−", "-")
        if plain.count(",") == 1 and "." not in plain:
            plain = plain.replace(",", ".")
        try:
            return float(plain)
        except ValueError:
            return text

    def text_of(self, value: object) -> str:
        if value is None:
            return ""
        text = repr(value)
        return text.removesuffix(".0")

    def _stepped(self, value: object, by: int) -> object:
        """Return the next number in the second digit: 0.1, 0.11, ...; 0 becomes 0.1."""
        assert isinstance(value, float)
        size = 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.1
        moved = round(value + by * size, 12) if abs(value) > 1e-9 or not value else value + by * size
        try:
            return self.option.parse(float(f"{moved:.10g}"))
        except OptionError:
            return value


class ShapeEditor(LineEditor):
    """A line for a shape: `1, 8, 8`, `1x8x8` and `[1, 8, 8]` are the same."""

    def read(self, text: str) -> object:
        parts = text.replace("(", " ").replace(")", " ").replace("[", " ").replace("]", " ").replace("x", " ")
        try:
            return [int(part) for part in parts.replace(",", " ").split()]
        except ValueError:
            return text

    def text_of(self, value: object) -> str:
        return ", ".join(map(str, value)) if isinstance(value, tuple) else ""


class TextEditor(LineEditor):
    """A line for any text, taken as it is typed."""

    def read(self, text: str) -> object:
        return text

    def text_of(self, value: object) -> str:
        return "" if value is None else str(value)


class NamesEditor(LineEditor):
    """A line for names with commas between them."""

    def read(self, text: str) -> object:
        return tuple(part.strip() for part in text.split(",") if part.strip())

    def text_of(self, value: object) -> str:
        return ", ".join(value) if isinstance(value, tuple) else ""


class BoolEditor(OptionEditor):
    """A switch: on, off, or mixed where several layers differ."""

    def __init__(self, option: Option, parent: QWidget | None = None) -> None:
        super().__init__(option, parent)
        self.switch = Switch(self)
        self._hold(self.switch)
        self.switch.clicked.connect(self._on_clicked)

    def show_value(self, value: object) -> None:
        self.switch.mixed = value is MIXED
        self.switch.setChecked(value is True)
        self.switch.update()

    @Slot(bool)
    def _on_clicked(self, checked: bool) -> None:
        self.switch.mixed = False
        self.committed.emit(checked, False)


class ChoiceEditor(OptionEditor):
    """A few words to choose from."""

    option: ChoiceOption

    def __init__(self, option: ChoiceOption, parent: QWidget | None = None) -> None:
        super().__init__(option, parent)
        self.combo = Combo(self)
        for word in option.choices:
            self.combo.addItem(word.replace("_", " "), word)
        self._hold(self.combo)
        self.combo.activated.connect(self._on_activated)

    def show_value(self, value: object) -> None:
        show_in(self.combo, value)

    @Slot(int)
    def _on_activated(self, place: int) -> None:
        self.committed.emit(self.combo.itemData(place), False)


def show_in(combo: QComboBox, value: object) -> None:
    """Show the item of a combo box that stands for `value`, or that there are several."""
    combo.setCurrentIndex(combo.findData(value) if isinstance(value, str) else -1)
    combo.setPlaceholderText("several values" if value is MIXED else "")


def starting_options(options: Sequence[Option], old: Mapping[str, Any]) -> dict[str, Any]:
    """Return options for an entry that was just chosen: those of the `old` one that fit, and something for the rest."""
    given: dict[str, Any] = {}
    for option in options:
        if option.required:
            given[option.name] = starting_value(option)
        if option.name in old:
            with suppress(OptionError):  # the same word for something else: it starts anew
                given[option.name] = option.parse(old[option.name])
    return parse_options(options, given)


def starting_value(option: Option) -> Any:
    """Return a value for a required option that nobody has given yet."""
    match option:
        case IntOption():
            return option.minimum
        case FloatOption():
            return min(option.maximum, max(option.minimum, 0.1))
        case ChoiceOption():
            return option.choices[0]
        case EntryOption():
            return option.registry.names()[0]
        case _:
            return ""
