"""Choosers for the sample, the unit, and the other axes of the number that is explained."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QWidget

from visualbp.core.arrays import Array, Shape
from visualbp.gui.theme import theme
from visualbp.gui.widgets.flow_layout import FlowLayout
from visualbp.gui.widgets.heights import height_by_width

MOST_AXES = 4


class PlaceBox(QSpinBox):
    """A place on an axis; on that of samples it shows their rows in the data, in their order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: Array | None = None
        """The rows in order, on the axis of samples."""

    def textFromValue(self, value: int) -> str:
        return str(value if self.rows is None else self.rows[value])

    def valueFromText(self, text: str) -> int:
        typed = int(text) if text.strip().isdigit() else 0
        return typed if self.rows is None else int(np.abs(self.rows - typed).argmin())

    def validate(self, text: str, place: int) -> tuple[QValidator.State, str, int]:
        if self.rows is None:
            return super().validate(text, place)
        state = QValidator.State.Intermediate
        if text.strip().isdigit():
            state = QValidator.State.Acceptable if int(text) in self.rows else state
        elif text.strip():
            state = QValidator.State.Invalid
        return state, text, place


class AxisChoosers(QWidget):
    """A small spin box for each axis, with its name. They are made once, shown as needed, and go on in a new line
    where the panel is narrow; so does what is added to `row`."""

    changed = Signal(int, int)
    """An axis, and the place on it that a person has chosen."""
    sample_chosen = Signal(int)
    """The row in the data of the sample that a person has chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(height_by_width())
        self.row = FlowLayout(spacing=10, line_spacing=4)
        self.setLayout(self.row)
        self.pairs = [QWidget(self) for _ in range(MOST_AXES)]
        self.labels = [QLabel(pair) for pair in self.pairs]
        self.boxes = [PlaceBox(pair) for pair in self.pairs]
        for pair, label, box in zip(self.pairs, self.labels, self.boxes, strict=True):
            label.setProperty("dim", True)
            label.setBuddy(box)
            box.setWrapping(True)
            box.valueChanged.connect(self._on_changed)
            inner = QHBoxLayout(pair)
            inner.setContentsMargins(0, 0, 0, 0)
            inner.setSpacing(5)
            inner.addWidget(label)
            inner.addWidget(box)
            self.row.add(pair)
        self._rows: Array | None = None
        self._sorted: Array | None = None
        self.show_axes((), (), ())

    def retheme(self) -> None:
        for label, box in zip(self.labels, self.boxes, strict=True):
            label.setFont(theme().font(11))
            box.setFont(theme().font(11, mono=True))
            box.setFixedSize(theme().px(54), theme().px(25))

    def show_axes(
        self, names: tuple[str, ...], lengths: Shape, places: tuple[int, ...], rows: Array | None = None
    ) -> None:
        """Show a chooser for each axis with more than one place; samples are called by their `rows` in the data."""
        if rows is not self._rows:
            self._rows, self._sorted = rows, None if rows is None else np.sort(rows)
        for axis, (pair, label, box) in enumerate(zip(self.pairs, self.labels, self.boxes, strict=True)):
            used = axis < len(names) and lengths[axis] > 1
            pair.setVisible(used)
            if used:
                label.setText(names[axis])
                box.setAccessibleName(f"The {names[axis]} that is explained")
                of_samples = names[axis] == "sample" and rows is not None and len(rows) == lengths[axis]
                box.setToolTip(f"Which {names[axis]} to explain, from 0 to {lengths[axis] - 1}")
                place = places[axis]
                box.rows = None
                if of_samples and rows is not None and self._sorted is not None:
                    box.setToolTip("Which sample to explain, by its row in the data; those of this batch")
                    box.rows, place = self._sorted, int(np.searchsorted(self._sorted, rows[place]))
                box.blockSignals(True)
                box.setRange(0, lengths[axis] - 1)
                box.setValue(place)
                if box.text() != box.textFromValue(place):
                    box.lineEdit().setText(box.textFromValue(place))  # the same place in another batch
                box.blockSignals(False)

    @Slot(int)
    def _on_changed(self, place: int) -> None:
        sender = self.sender()
        for axis, box in enumerate(self.boxes):
            if box is sender and box.rows is not None:
                self.sample_chosen.emit(int(box.rows[place]))
            elif box is sender:
                self.changed.emit(axis, place)
