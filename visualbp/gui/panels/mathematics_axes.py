"""Choosers for the sample, the unit, and the other axes of the number that is explained."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QWidget

from visualbp.core.arrays import Shape
from visualbp.gui.theme import theme
from visualbp.gui.widgets.flow_layout import FlowLayout
from visualbp.gui.widgets.heights import height_by_width

MOST_AXES = 4


class AxisChoosers(QWidget):
    """A small spin box for each axis, with its name. They are made once, shown as needed, and go on in a new line
    where the panel is narrow; so does what is added to `row`."""

    changed = Signal(int, int)
    """An axis, and the place on it that a person has chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(height_by_width())
        self.row = FlowLayout(spacing=10, line_spacing=4)
        self.setLayout(self.row)
        self.pairs = [QWidget(self) for _ in range(MOST_AXES)]
        self.labels = [QLabel(pair) for pair in self.pairs]
        self.boxes = [QSpinBox(pair) for pair in self.pairs]
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
        self.show_axes((), (), ())

    def retheme(self) -> None:
        for label, box in zip(self.labels, self.boxes, strict=True):
            label.setFont(theme().font(11))
            box.setFont(theme().font(11, mono=True))
            box.setFixedSize(theme().px(54), theme().px(25))

    def show_axes(self, names: tuple[str, ...], lengths: Shape, places: tuple[int, ...]) -> None:
        """Show a chooser for each axis with more than one place."""
        for axis, (pair, label, box) in enumerate(zip(self.pairs, self.labels, self.boxes, strict=True)):
            used = axis < len(names) and lengths[axis] > 1
            pair.setVisible(used)
            if used:
                label.setText(names[axis])
                box.setAccessibleName(f"The {names[axis]} that is explained")
                box.setToolTip(f"Which {names[axis]} to explain, from 0 to {lengths[axis] - 1}")
                box.blockSignals(True)
                box.setRange(0, lengths[axis] - 1)
                box.setValue(places[axis])
                box.blockSignals(False)

    @Slot(int)
    def _on_changed(self, place: int) -> None:
        sender = self.sender()
        for axis, box in enumerate(self.boxes):
            if box is sender:
                self.changed.emit(axis, place)
