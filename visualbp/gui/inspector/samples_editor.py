"""The editor of data that are written in the model file: one table, a row for each sample, its targets at the end."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from visualbp.core.arrays import Array
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import theme
from visualbp.gui.widgets.flow_layout import FlowLayout
from visualbp.gui.widgets.number_model import NumberError, parse_table
from visualbp.gui.widgets.number_table import NumberTable

MOST_SAMPLES = 100_000


class SamplesEditor(QWidget):
    """Shows inputs (N, *shape) and targets (N,) or (N, *shape) as one matrix; targets of whole numbers stay classes."""

    committed = Signal(object, object)
    """The new inputs, and the new targets."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inputs: Array = np.zeros((1, 1))
        self._targets: Array = np.zeros((1, 1))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.table = NumberTable(self)
        self.table.setObjectName("samples")
        self.table.set_editable(True)
        self.table.set_name("samples")
        self.facts, self.problem = PlainLabel(self), PlainLabel(self)
        self.facts.setProperty("dim", True)
        self.facts.setWordWrap(True)
        self.problem.setProperty("problem", True)
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.add = self._link("add sample", "Add a copy of the last sample below it")
        self.remove = self._link("remove", "Remove the samples that are selected in the table, or the last one")
        self.paste = self._link(
            "paste table", "Replace all samples by the table on the clipboard; its last columns are the targets"
        )
        row = FlowLayout(spacing=8)
        for link in (self.add, self.remove, self.paste):
            row.add(link)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        for widget in (self.facts, self.table):
            column.addWidget(widget)
        column.addLayout(row)
        column.addWidget(self.problem)
        self.table.edited.connect(self._on_edited)
        self.table.refused.connect(self._say)
        self.add.clicked.connect(self._on_add)
        self.remove.clicked.connect(self._on_remove)
        self.paste.clicked.connect(self._on_paste)
        self.retheme()

    def _link(self, words: str, tip: str) -> QPushButton:
        link = QPushButton(words, self)
        link.setProperty("link", True)
        link.setToolTip(tip)
        return link

    def retheme(self) -> None:
        for widget in (self.facts, self.problem, self.add, self.remove, self.paste):
            widget.setFont(theme().font(11))
        self.table.retheme()

    def show_samples(self, inputs: Array, targets: Array) -> None:
        """Show inputs (n, ...) and targets as a table, a row for each sample: its inputs, then its targets."""
        if inputs is self._inputs and targets is self._targets:
            return
        self._inputs, self._targets = inputs, targets
        matrix = np.hstack([inputs.reshape(len(inputs), -1), targets.reshape(len(targets), -1)[: len(inputs)]])
        self.table.show_array(matrix)
        width = matrix.shape[1] - self._input_width
        what = "the class" if targets.ndim == 1 else f"{width} target{'s' if width > 1 else ''}"
        inputs_word = f"{self._input_width} input{'s' if self._input_width > 1 else ''}"
        self.facts.setText(f"{len(inputs):,} samples: {inputs_word}, then {what}")

    @property
    def _input_width(self) -> int:
        return int(np.prod(self._inputs.shape[1:], dtype=np.int64))

    def _take(self, matrix: Array, width: int) -> None:
        """Split a matrix into inputs, its first `width` columns, and targets, and hand both on."""
        inputs = matrix[:, :width]
        if width == self._input_width:
            inputs = inputs.reshape(len(matrix), *self._inputs.shape[1:])
        targets = matrix[:, width:]
        if self._targets.ndim == 1 and targets.shape[1] == 1:
            targets = targets[:, 0]
        elif targets.shape[1:] != self._targets.shape[1:] and targets[0].size == self._targets[0].size:
            targets = targets.reshape(len(matrix), *self._targets.shape[1:])
        self._say("")
        self.committed.emit(np.ascontiguousarray(inputs), np.ascontiguousarray(targets))

    @Slot(object, object)
    def _on_edited(self, matrix: Array, index: tuple[int, ...]) -> None:
        self._take(matrix, self._input_width)

    def _matrix(self) -> Array:
        return self.table.numbers.array if self.table.numbers.array is not None else np.zeros((1, 2))

    @Slot()
    def _on_add(self) -> None:
        matrix = self._matrix()
        if len(matrix) < MOST_SAMPLES:
            self._take(np.vstack([matrix, matrix[-1:]]), self._input_width)

    @Slot()
    def _on_remove(self) -> None:
        matrix = self._matrix()
        rows = sorted({cell.row() for cell in self.table.selectedIndexes()}) or [len(matrix) - 1]
        if len(rows) >= len(matrix):
            self._say("one sample at least has to stay")
            return
        self.table.clearSelection()
        self._take(np.delete(matrix, rows, axis=0), self._input_width)

    @Slot()
    def _on_paste(self) -> None:
        """Replace everything: as many target columns as there are now, all others are inputs."""
        try:
            rows = parse_table(QGuiApplication.clipboard().text())
            lengths = {len(row) for row in rows}
            if len(lengths) > 1:
                wrong = next(place for place, row in enumerate(rows) if len(row) != len(rows[0]))
                raise NumberError(f"row {wrong + 1} has {len(rows[wrong])} values, and the first has {len(rows[0])}")
            targets = self._targets.reshape(len(self._targets), -1).shape[1]
            if len(rows[0]) <= targets:
                raise NumberError(
                    f"a row has {len(rows[0])} values; it needs inputs, and then {targets} for the target"
                )
            if len(rows) > MOST_SAMPLES:
                raise NumberError(f"{len(rows):,} samples are too many for a table; put them into a CSV file")
        except NumberError as error:
            self._say(str(error))
            return
        self._take(np.array(rows), len(rows[0]) - targets)

    @Slot(str)
    def _say(self, problem: str) -> None:
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
