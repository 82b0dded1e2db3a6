"""A form: a row for each option, with the words on the left, the editor on the right, and what is wrong below it.
Where it is narrow, the words stand above. Which editor an option has is said here: one of them holds a form itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from visualbp.core.expression_parser import ExpressionOption
from visualbp.core.options import (
    BoolOption,
    Choice,
    ChoiceOption,
    EntryOption,
    FloatOption,
    IntOption,
    Option,
    ShapeOption,
    TextOption,
)
from visualbp.datasets.arrays import NamesOption
from visualbp.gui.inspector.editors import (
    MIXED,
    BoolEditor,
    ChoiceEditor,
    FloatEditor,
    IntEditor,
    LineEditor,
    NamesEditor,
    OptionEditor,
    ShapeEditor,
    TextEditor,
    show_in,
    starting_options,
)
from visualbp.gui.inspector.expression_editor import ExpressionEditor
from visualbp.gui.inspector.fields import Combo
from visualbp.gui.inspector.form_layout import NESTED_EDITOR_WIDTH, FormLayout, FormRow
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import theme


class OptionRow:
    """The widgets of one option."""

    def __init__(self, option: Option, form: OptionForm) -> None:
        self.option = option
        self.label = PlainLabel(option.title, form)
        self.label.setProperty("dim", True)
        self.label.setToolTip(option.description)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.editor = editor_for(option)
        self.editor.setParent(form)
        self.label.setBuddy(self.editor)
        self.problem = PlainLabel(form)
        self.problem.setProperty("problem", True)
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.place = FormRow(self.label, self.editor, self.problem, self.editor.takes_whole_row)

    def say(self, problem: str) -> None:
        """Show in words what is wrong with what was typed."""
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))

    def retheme(self) -> None:
        self.label.setFont(theme().font(12))
        self.label.setContentsMargins(0, theme().px(5), 0, 0)
        self.problem.setFont(theme().font(11))

    def remove(self) -> None:
        """Take its widgets off the form for good."""
        for widget in self.place.widgets:
            widget.hide()
            widget.deleteLater()


class OptionForm(QWidget):
    """Shows options and their values. Rows are kept for as long as their option is the same one."""

    changed = Signal(str, object, bool)
    """The name of an option, its new canonical value, and whether it is one of a row of small changes."""

    def __init__(self, parent: QWidget | None = None, nested: bool = False) -> None:
        super().__init__(parent)
        self.rows: dict[str, OptionRow] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._layout = FormLayout(self, nested)
        self.retheme()

    @property
    def options(self) -> tuple[Option, ...]:
        """The options that are shown."""
        return tuple(row.option for row in self.rows.values())

    def show_options(self, options: Sequence[Option], values: Mapping[str, Any]) -> None:
        """Show `values` (canonical, or MIXED) of `options`."""
        if [row.option for row in self.rows.values()] != list(options):
            self._make_rows(options)
        for name, row in self.rows.items():
            row.editor.show_value(values[name])
            row.editor.show_siblings(options, values)
        self.setVisible(bool(self.rows))

    def _make_rows(self, options: Sequence[Option]) -> None:
        kept = {name: row for name, row in self.rows.items() if row.option in options}
        gone = [row for name, row in self.rows.items() if name not in kept]
        self.rows = {option.name: kept.get(option.name) or self._new_row(option) for option in options}
        self._layout.show_rows([row.place for row in self.rows.values()])
        for row in gone:
            row.remove()

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(NESTED_EDITOR_WIDTH), super().minimumSizeHint().height())

    def _new_row(self, option: Option) -> OptionRow:
        row = OptionRow(option, self)
        row.editor.committed.connect(self._on_committed)
        row.editor.problem_changed.connect(self._on_problem)
        row.retheme()
        return row

    def _row_of(self, editor: object) -> OptionRow | None:
        return next((row for row in self.rows.values() if row.editor is editor), None)

    @Slot(object, bool)
    def _on_committed(self, value: object, in_a_row: bool) -> None:
        row = self._row_of(self.sender())
        if row is not None:
            row.say("")
            self.changed.emit(row.option.name, value, in_a_row)

    @Slot(str)
    def _on_problem(self, problem: str) -> None:
        row = self._row_of(self.sender())
        if row is not None:
            row.say(problem)

    def refuse(self, name: str, problem: str) -> None:
        """Show that a value which is fine by itself cannot be taken over."""
        if name in self.rows:
            self.rows[name].say(problem)

    def editor(self, name: str) -> OptionEditor:
        """Return the editor of an option. Raises KeyError."""
        return self.rows[name].editor

    def retheme(self) -> None:
        for row in self.rows.values():
            row.retheme()
            row.editor.retheme()


class EntryEditor(OptionEditor):
    """A choice from a registry, and below it a form for that entry's own options."""

    option: EntryOption

    def __init__(self, option: EntryOption, parent: QWidget | None = None) -> None:
        super().__init__(option, parent)
        self._choice: Choice | None = None
        self.combo = Combo(self)
        for entry in option.registry:
            self.combo.addItem(entry.label or entry.type_name.replace("_", " "), entry.type_name)
            self.combo.setItemData(self.combo.count() - 1, entry.description, Qt.ItemDataRole.ToolTipRole)
        self.combo.setObjectName(f"option_{option.name}")
        self.combo.setAccessibleName(option.title)
        self.combo.setToolTip(option.description)
        self.form = OptionForm(self, nested=True)
        self.form.changed.connect(self._on_option)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.combo)
        column.addWidget(self.form)
        self.setFocusProxy(self.combo)
        self.combo.activated.connect(self._on_activated)

    def show_value(self, value: object) -> None:
        if not isinstance(value, Choice):
            self._choice = None
            show_in(self.combo, MIXED)
            self.form.show_options((), {})
            return
        self._choice = value
        show_in(self.combo, value.type)
        self.form.show_options(self.option.registry.get(value.type).options, value.options)

    def retheme(self) -> None:
        self.form.retheme()

    @Slot(int)
    def _on_activated(self, place: int) -> None:
        name = self.combo.itemData(place)
        if self._choice is not None and name == self._choice.type:
            return
        options = self.option.registry.get(name).options
        self.committed.emit(
            Choice(name, starting_options(options, self._choice.options if self._choice else {})), False
        )

    @Slot(str, object, bool)
    def _on_option(self, name: str, value: object, in_a_row: bool) -> None:
        if self._choice is not None:
            self.committed.emit(Choice(self._choice.type, {**self._choice.options, name: value}), in_a_row)


EDITORS: dict[type[Option], Callable[[Any], OptionEditor]] = {
    IntOption: IntEditor,
    FloatOption: FloatEditor,
    BoolOption: BoolEditor,
    ChoiceOption: ChoiceEditor,
    EntryOption: EntryEditor,
    ShapeOption: ShapeEditor,
    TextOption: TextEditor,
    NamesOption: NamesEditor,
}


def editor_for(option: Option) -> OptionEditor:
    """Return an editor for an option, by its kind; a kind that is not known is edited as JSON."""
    if isinstance(option, ExpressionOption):
        return ExpressionEditor(option)
    for kind in type(option).__mro__:
        if kind in EDITORS:
            return EDITORS[kind](option)
    return LineEditor(option)
