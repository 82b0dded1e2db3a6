"""Where the rows of a form stand: the words on the left and the editor on the right, or, where it is narrow, the words
above the editor; what is wrong is said below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize
from PySide6.QtWidgets import QLabel, QLayoutItem, QWidget

from visualbp.gui.theme import theme
from visualbp.gui.widgets.widget_layout import WidgetLayout, height_of

EDITOR_WIDTH, NESTED_EDITOR_WIDTH = 120, 72
"""Pixels that an editor needs beside its words, at scale 1."""
GAP, LINE_GAP = 10, 4


@dataclass(frozen=True)
class FormRow:
    """The widgets of a row. With `takes_whole_row` the words always stand above the editor."""

    label: QLabel
    editor: QWidget
    problem: QLabel
    takes_whole_row: bool

    @property
    def widgets(self) -> tuple[QWidget, ...]:
        """All that stands in the row."""
        return self.label, self.editor, self.problem


class FormLayout(WidgetLayout):
    """Rows below each other. Their arrangement follows from the width alone, for all of them alike."""

    def __init__(self, parent: QWidget, nested: bool) -> None:
        super().__init__(GAP, parent)
        self._rows: tuple[FormRow, ...] = ()
        self._nested = nested

    def show_rows(self, rows: Sequence[FormRow]) -> None:
        """Arrange these rows; the widgets of those that have gone are taken out."""
        kept = {id(widget) for row in rows for widget in row.widgets}
        for row in self._rows:
            for widget in row.widgets:
                if id(widget) not in kept:
                    self.remove(widget)
        known = {id(item.widget()) for item in self._items}
        for row in rows:
            for widget in row.widgets:
                if id(widget) not in known:
                    self.insert_widget(self.count(), widget)
        self._rows = tuple(rows)
        self.invalidate()

    def arranged(self, width: int) -> list[tuple[QLayoutItem, QRect]]:
        items = {id(item.widget()): item for item in self.shown()}
        stacked, line_gap = self._is_narrow(width), theme().px(LINE_GAP)
        left = self._words_share(width)
        beside = QRect(left + GAP, 0, width - left - GAP, 0)
        whole = QRect(0, 0, width, 0)
        places: list[tuple[QLayoutItem, QRect]] = []
        y = 0

        def put(widget: QWidget, column: QRect) -> int:
            item = items.get(id(widget))
            if item is None:
                return 0
            height = height_of(item, column.width())
            places.append((item, QRect(column.left(), y, column.width(), height)))
            return height + line_gap

        for row in self._rows:
            if stacked or row.takes_whole_row:
                for widget in row.widgets:
                    y += put(widget, whole)
            else:
                y += max(put(row.label, QRect(0, 0, left, 0)), put(row.editor, beside))
                y += put(row.problem, whole if self._nested else beside)
        return places

    def _words_width(self) -> int:
        """Return the width that all words have room in without being wrapped."""
        return max((row.label.fontMetrics().horizontalAdvance(row.label.text()) + 2 for row in self._rows), default=0)

    def _is_narrow(self, width: int) -> bool:
        editor = theme().px(NESTED_EDITOR_WIDTH if self._nested else EDITOR_WIDTH)
        return self._words_width() + GAP + editor > width

    def _words_share(self, width: int) -> int:
        """Return how wide the column of words is: a good part of the width, if words and editors fit into that."""
        room = width - GAP
        least = max((row.editor.minimumSizeHint().width() for row in self._rows), default=0)
        return max(min(room // 2 if self._nested else room * 5 // 11, room - least), self._words_width())

    def sizeHint(self) -> QSize:
        editors = max((row.editor.sizeHint().width() for row in self._rows), default=0)
        width = self._words_width() + GAP + max(editors, theme().px(EDITOR_WIDTH))
        return QSize(width, self.heightForWidth(width))

    def minimumSize(self) -> QSize:
        least = max((row.editor.minimumSizeHint().width() for row in self._rows), default=0)
        return QSize(least, self.sizeHint().height())
