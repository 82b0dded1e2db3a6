"""Samples as a table: inputs, target, prediction, and whether it is right."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from visualbp.core.arrays import Array
from visualbp.core.visible_text import visible
from visualbp.gui.copying import copy_menu, takes_copy
from visualbp.gui.painting import exact_text, number_text
from visualbp.gui.plain_text import plain_tip
from visualbp.gui.theme import theme
from visualbp.gui.widgets.answers import Answers

MOST_COLUMNS = 8
"""Inputs that have a column of their own."""
MOST_IN_TIP = 24

Index = QModelIndex | QPersistentModelIndex


class SampleModel(QAbstractTableModel):
    """Rows are the samples of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: Array = np.zeros((0, 0))
        self.texts: tuple[str, ...] | None = None
        """What the inputs are in words, where they are sequences; a column of numbers each otherwise."""
        self.names: tuple[str, ...] = ()
        self.answers: Answers | None = None
        self.stale = False
        self.chosen = 0
        self.rows: Array | None = None

    def show_samples(
        self,
        inputs: Array,
        names: tuple[str, ...],
        answers: Answers,
        stale: bool,
        texts: tuple[str, ...] | None = None,
        rows: Array | None = None,
    ) -> None:
        """Show the inputs (N, columns), named, or their `texts`, and the answers; `rows` are those of the data."""
        self.rows = rows
        anew = inputs.shape != self.inputs.shape or names != self.names or (texts is None) != (self.texts is None)
        if anew:
            self.beginResetModel()
        self.inputs, self.names, self.answers, self.stale, self.texts = inputs, names, answers, stale, texts
        if anew:
            self.endResetModel()
        elif len(inputs):
            self.dataChanged.emit(self.index(0, 0), self.index(len(inputs) - 1, self.columnCount() - 1))

    @property
    def shown_inputs(self) -> int:
        """How many columns the inputs take; texts take one."""
        return min(MOST_COLUMNS, self.inputs.shape[1]) if self.texts is None else 1

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.inputs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or self.answers is None else self.shown_inputs + 3

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.TextAlignmentRole and self.texts is not None and section:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole or orientation == Qt.Orientation.Vertical:
            return None
        if section == 0:
            return "sample"
        if section <= self.shown_inputs:
            return self.input_name(section - 1) if self.texts is None else "input"
        return ("target", "prediction")[section - self.shown_inputs - 1]

    def row_name(self, row: int) -> str:
        """Return what a sample is called: its row in the data."""
        return str(row if self.rows is None else self.rows[row])

    def input_name(self, place: int) -> str:
        """Return the heading of an input: its name in the data, or `x[3]`."""
        return visible(self.names[place]) if place < len(self.names) else f"x[{place}]"

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row, column, answers = index.row(), index.column(), self.answers
        if answers is None or not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            if self.texts is not None and column:
                return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.BackgroundRole:
            return theme().color("accent", 0.22) if row == self.chosen else None
        if column == 0:
            if role == Qt.ItemDataRole.ForegroundRole:
                return theme().color("dim")
            return self.row_name(row) if role == Qt.ItemDataRole.DisplayRole else None
        if column <= self.shown_inputs and self.texts is not None:
            if role == Qt.ItemDataRole.ToolTipRole:
                return self._sequence_tip(row)
            return self.texts[row] if role == Qt.ItemDataRole.DisplayRole else None
        if column <= self.shown_inputs:
            number = float(self.inputs[row, column - 1])
            if role == Qt.ItemDataRole.DisplayRole:
                return number_text(number)
            return exact_text(number) if role == Qt.ItemDataRole.ToolTipRole else None
        is_prediction = column == self.shown_inputs + 2
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            words = self._answer(row) if is_prediction else answers.wanted[row]
            return plain_tip(words) if role == Qt.ItemDataRole.ToolTipRole else words
        if role == Qt.ItemDataRole.ForegroundRole and is_prediction:
            return theme().color(self._tone(row))
        return None

    def _sequence_tip(self, row: int) -> str:
        """Return all numbers of a sequence with their names, as far as a tooltip has room for them."""
        numbers = self.inputs[row][:MOST_IN_TIP]
        lines = [f"{self.input_name(place)} = {exact_text(number)}" for place, number in enumerate(numbers)]
        more = len(self.inputs[row]) - len(lines)
        return "\n".join(lines) + (f"\n… {more:,} more" if more else "")

    def _tone(self, row: int) -> str:
        answers = self.answers
        if answers is None or not answers.predicted[row] or self.stale:
            return "dim"
        return {True: "passed", False: "error", None: "text"}[answers.right[row]]

    def _answer(self, row: int) -> str:
        answers = self.answers
        if answers is None or not answers.predicted[row]:
            return "not yet"
        mark = {True: "✓ ", False: "✕ ", None: ""}[answers.right[row]]
        sure = answers.sure[row]
        return f"{mark}{answers.predicted[row]}" + (f"  {sure:.0%}" if sure is not None else "")

    def copy_text(self) -> str:
        """Return the table as tab-separated lines, numbers exact, with a line of names."""
        if self.answers is None:
            return ""
        names = [self.input_name(place) for place in range(self.inputs.shape[1])]
        lines = ["\t".join(["sample", *names, "target", "prediction"])]
        for row, numbers in enumerate(self.inputs):
            cells = [exact_text(number) for number in numbers]
            lines.append("\t".join([self.row_name(row), *cells, self.answers.wanted[row], self.answers.predicted[row]]))
        return "\n".join(lines)


class SampleTable(QTableView):
    """The table. The row of the chosen sample is tinted: a selection of Qt's own would hide what is right and wrong."""

    sample_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.samples = SampleModel()
        self.setModel(self.samples)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setAlternatingRowColors(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("Samples of the batch")
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setResizeContentsPrecision(40)
        header.setMinimumSectionSize(28)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        self.selectionModel().currentRowChanged.connect(self._on_row)
        self.retheme()

    def retheme(self) -> None:
        font = theme().font(11, mono=True)
        self.setFont(font)
        self.horizontalHeader().setFont(theme().font(11))
        self.verticalHeader().setDefaultSectionSize(theme().px(21))
        self.setStyleSheet(
            f"QTableView {{ border: none; }} QTableView::item {{ padding: 0 {theme().px(3)}px; }}"
            "QAbstractScrollArea::corner { background: transparent; }"
        )

    def choose(self, sample: int) -> None:
        """Tint the row of a sample, and bring it into sight if it is another than before."""
        model = self.samples
        if model.chosen != sample:
            model.chosen = sample
            self.viewport().update()
            self.scrollTo(model.index(sample, 0))
        if self.currentIndex().row() != sample and sample < model.rowCount():
            self.selectionModel().blockSignals(True)
            self.setCurrentIndex(model.index(sample, 0))
            self.selectionModel().blockSignals(False)

    @Slot(QModelIndex, QModelIndex)
    def _on_row(self, current: QModelIndex, previous: QModelIndex) -> None:
        if current.isValid():
            self.sample_chosen.emit(current.row())

    def event(self, event: QEvent) -> bool:
        return takes_copy(event) or super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        cell = self.indexAt(event.pos()) if by_mouse else self.currentIndex()
        if not cell.isValid():
            return
        table = self.samples.copy_text().splitlines()
        column = cell.column() if cell.column() <= self.samples.shown_inputs else cell.column() - self.columns()
        row = table[cell.row() + 1]
        copies = [
            ("Copy number", lambda: row.split("\t")[column]),
            ("Copy row", lambda: row),
            ("Copy table", lambda: "\n".join(table)),
        ]
        copy_menu(copies, self.samples.inputs.size, self).popup(event.globalPos())
        event.accept()

    def columns(self) -> int:
        """Return how many columns are shown."""
        return self.samples.columnCount()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.samples.copy_text())
            event.accept()
        else:
            super().keyPressEvent(event)
