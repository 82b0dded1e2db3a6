"""The choice of data: a source and its options; a table for samples in the model file; a file dialog for CSV."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from visualbp.core.arrays import Array, shape_text
from visualbp.core.options import Option, OptionError
from visualbp.core.reading import read_beginning
from visualbp.datasets import DataSpec, datasets
from visualbp.datasets.arrays import ArrayOption, NamesOption
from visualbp.datasets.base import make_spec
from visualbp.debugger.prepare import DataProblem
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context
from visualbp.gui.file_dialogs import ask_to_open
from visualbp.gui.inspector.editors import LineEditor, starting_options
from visualbp.gui.inspector.fields import Combo
from visualbp.gui.inspector.form import OptionForm
from visualbp.gui.inspector.samples_editor import SamplesEditor
from visualbp.gui.plain_text import PlainLabel, plain_tip
from visualbp.gui.theme import theme

NO_DATA = "choose ..."
OWN = ("inline", "csv")
"""Where a person's own data come from: they stand apart from the data that are here to learn with."""
MOST_COPIED = 1000
"""Samples that are taken along when data become a table."""
PATH = "path"


class DataEditor(QWidget):
    """Edits a network's DataSpec. What an entry needs (arrays, a path) is told by the kinds of its options."""

    committed = Signal(object, bool)
    """The new DataSpec, and whether it is one of a row of small changes."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._spec: DataSpec | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.combo = Combo(self)
        self.combo.setObjectName("data_source")
        self.combo.setAccessibleName("Where the data come from")
        self.combo.setPlaceholderText(NO_DATA)
        for own in (False, True):
            if own:
                self.combo.insertSeparator(self.combo.count())
            entries = [entry for entry in datasets if (entry.type_name in OWN) == own]
            for entry in sorted(entries, key=lambda entry: entry.label):
                self.combo.addItem(entry.label, entry.type_name)
                self.combo.setItemData(self.combo.count() - 1, entry.description, Qt.ItemDataRole.ToolTipRole)
        self.about, self.facts, self.problem = PlainLabel(self), PlainLabel(self), PlainLabel(self)
        self.browse = QPushButton("Choose file ...", self)
        self.browse.setToolTip("Choose a CSV file with a line of column names")
        self.form = OptionForm(self)
        self.samples = SamplesEditor(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for label in (self.about, self.facts, self.problem):
            label.setWordWrap(True)
        self.about.setProperty("dim", True)
        self.facts.setProperty("dim", True)
        self.problem.setProperty("problem", True)
        for widget in (self.combo, self.about, self.browse, self.form, self.samples, self.facts, self.problem):
            column.addWidget(widget)
        self.combo.activated.connect(self._on_source)
        self.browse.clicked.connect(self._on_browse)
        self.form.changed.connect(self._on_option)
        self.samples.committed.connect(self._on_samples)
        self.retheme()

    def retheme(self) -> None:
        for label in (self.about, self.facts, self.problem):
            label.setFont(theme().font(11))
        self.form.retheme()
        self.samples.retheme()

    def show_spec(self, spec: DataSpec | None, snapshot: Snapshot) -> None:
        """Show a spec, and what has become of it: how many samples, or why they cannot be read."""
        self._spec = spec
        self.combo.setCurrentIndex(-1 if spec is None else self.combo.findData(spec.source))
        entry = None if spec is None else datasets.get(spec.source)
        options: tuple[Option, ...] = () if entry is None else entry.options
        arrays = tuple(option for option in options if isinstance(option, ArrayOption))
        lines = tuple(option for option in options if option not in arrays)
        self.about.setText("The network needs samples to learn from." if entry is None else entry.description)
        self.browse.setVisible(any(option.name == PATH for option in options))
        self.form.show_options(lines, {} if spec is None else spec.options)
        self.samples.setVisible(len(arrays) == 2)
        if spec is not None and len(arrays) == 2:
            self.samples.show_samples(spec.options[arrays[0].name], spec.options[arrays[1].name])
        current = snapshot.generation == self._context.document.generation
        wrong = [p.reason for p in snapshot.problems if isinstance(p, DataProblem)] if current else []
        self.problem.setText(wrong[0] if wrong else "")
        self.problem.setVisible(bool(wrong))
        self.facts.setText(_facts(snapshot) if spec is not None and not wrong else "")
        self.facts.setVisible(bool(self.facts.text()))
        if spec is not None:
            self._suggest_columns(spec)

    def _suggest_columns(self, spec: DataSpec) -> None:
        """Say which columns a file has, in the empty fields that want their names."""
        if PATH not in spec.options:
            return
        columns = file_columns(str(spec.options[PATH]), self._context.document.folder)
        for name, row in self.form.rows.items():
            if isinstance(row.option, NamesOption) and isinstance(row.editor, LineEditor):
                default = "the last" if name == "target" else "all others"
                row.editor.line.setPlaceholderText(default)
                row.editor.line.setToolTip(
                    plain_tip(f"{row.option.description}\ncolumns: {', '.join(columns)}") if columns else ""
                )

    # -- edits -------------------------------------------------------------------------------------------------------

    @Slot(int)
    def _on_source(self, place: int) -> None:
        name = self.combo.itemData(place)
        if self._spec is not None and name == self._spec.source:
            return
        options = datasets.get(name).options
        given: dict[str, Any] = dict(self._spec.options) if self._spec is not None else {}
        if any(option.name == PATH for option in options):
            path = self._ask_for_file()
            if not path:
                self.show_spec(self._spec, self._context.debugger.snapshot)
                return
            given[PATH] = path
        arrays = [option for option in options if isinstance(option, ArrayOption)]
        if len(arrays) == 2:
            given.update(zip((option.name for option in arrays), self._starting_samples(), strict=True))
        self.committed.emit(DataSpec(name, starting_options(options, given)), False)

    def _starting_samples(self) -> tuple[Array, Array]:
        """Return the first of the present samples, or four of zeros in the shapes of the network."""
        dataset = self._context.debugger.snapshot.dataset
        if dataset is not None and len(dataset):
            return dataset.inputs[:MOST_COPIED], dataset.targets[:MOST_COPIED]
        structure, network = self._context.document.structure, self._context.document.network
        shape = structure.shapes.get(structure.input or "", (2,))
        before = network.inputs_of(structure.loss) if structure.loss else ()
        target = structure.shapes.get(before[0], (1,)) if before else (1,)
        return np.zeros((4, *shape)), np.zeros((4, *target))

    def _ask_for_file(self) -> str:
        folder = self._context.document.folder
        chosen = ask_to_open(self, "Choose data", "Tables (*.csv *.tsv *.txt);;All files (*)")
        return relative_path(str(chosen), folder) if chosen is not None else ""

    @Slot()
    def _on_browse(self) -> None:
        path = self._ask_for_file()
        if path and self._spec is not None:
            self._commit({**self._spec.options, PATH: path, "inputs": (), "target": ()}, PATH)

    @Slot(str, object, bool)
    def _on_option(self, name: str, value: object, in_a_row: bool) -> None:
        if self._spec is not None:
            self._commit({**self._spec.options, name: value}, name, in_a_row)

    @Slot(object, object)
    def _on_samples(self, inputs: Array, targets: Array) -> None:
        if self._spec is None:
            return
        names = [option.name for option in datasets.get(self._spec.source).options if isinstance(option, ArrayOption)]
        self._commit({**self._spec.options, names[0]: inputs, names[1]: targets}, names[0])

    def _commit(self, options: dict[str, Any], name: str, in_a_row: bool = False) -> None:
        assert self._spec is not None
        try:
            self.committed.emit(make_spec(self._spec.source, options), in_a_row)
        except OptionError as error:
            self.form.refuse(name, str(error))


def _facts(snapshot: Snapshot) -> str:
    dataset = snapshot.dataset
    if dataset is None:
        return ""
    held_out = f", {len(dataset.held_out):,} held out" if dataset.held_out is not None else ""
    classes = f", {int(dataset.targets.max()) + 1} classes" if dataset.targets_are_classes and len(dataset) else ""
    return f"{len(dataset):,} samples of shape {shape_text(dataset.input_shape)}{classes}{held_out}"


def relative_path(path: str, folder: Path | None) -> str:
    """Return `path` as a model file in `folder` should name it: relative where it lies below, else whole."""
    if folder is not None and (whole := Path(path).resolve()).is_relative_to(folder.resolve()):
        return whole.relative_to(folder.resolve()).as_posix()
    return os.path.abspath(path)


LONGEST_HEADER = 100_000
"""Bytes of a file in which its first line is looked for."""
PATIENCE = 0.5
"""Seconds that a file may take to answer: the window waits for it."""


def file_columns(path: str, folder: Path | None) -> tuple[str, ...]:
    """Return the names in the first line of a CSV file; none if it cannot be read (the session says why)."""
    try:
        first = read_beginning(Path(folder or ".") / path, LONGEST_HEADER, PATIENCE).decode("utf-8-sig", "ignore")
    except (OSError, ValueError):
        return ()
    first = re.split(r"[\r\n]", first, maxsplit=1)[0]
    delimiter = max(",;\t", key=first.count)
    return tuple(cell.strip() for cell in next(csv.reader([first], delimiter=delimiter), []))
