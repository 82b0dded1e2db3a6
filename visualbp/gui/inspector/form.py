"""A form: a row for each option, with the words on the left, the editor on the right, and what is wrong below it.
Where it is narrow, the words stand above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from visualbp.core.options import Option
from visualbp.gui.inspector.editors import OptionEditor, editor_for
from visualbp.gui.inspector.form_layout import NESTED_EDITOR_WIDTH, FormLayout, FormRow
from visualbp.gui.theme import theme


class OptionRow:
    """The widgets of one option."""

    def __init__(self, option: Option, form: OptionForm) -> None:
        self.option = option
        self.label = QLabel(option.title, form)
        self.label.setProperty("dim", True)
        self.label.setToolTip(option.description)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.editor = editor_for(option)
        self.editor.setParent(form)
        self.label.setBuddy(self.editor)
        self.problem = QLabel(form)
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
