"""One layer's value in full: heat map, histogram, and a few statistics; beside each other where the panel is wide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from visualbp.core.arrays import Array, shape_text
from visualbp.core.ref import Ref
from visualbp.gui.layer_values import Picture, Shown
from visualbp.gui.painting import number_text
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import Arrangement, Sheet
from visualbp.gui.widgets.elided_label import ElidedLabel
from visualbp.gui.widgets.heat_map import HeatMap
from visualbp.gui.widgets.heat_tile import Meaning
from visualbp.gui.widgets.histogram import Histogram
from visualbp.gui.widgets.map_scroll import MapScroll
from visualbp.gui.widgets.shading import Diverging
from visualbp.gui.widgets.sheets import arrangement, has_pictures
from visualbp.gui.widgets.value_chooser import ValueChooser

ROLE_WORDS = {"upstream": "∂L/∂h", "delta": "δ"}


def statistics(array: Array, missing: Array | None = None) -> str:
    """Return mean, standard deviation, extremes, and the share of zeros, in one line; NaN and infinity are left out."""
    flat = np.asarray(array, float).reshape(-1) if missing is None else np.asarray(array[~missing], float)
    wrong = int(np.count_nonzero(~np.isfinite(flat)))
    finite = flat[np.isfinite(flat)] if wrong else flat
    if not finite.size:
        return "no finite number" if flat.size else "no numbers"
    with np.errstate(over="ignore", invalid="ignore"):
        parts = [f"mean {number_text(float(finite.mean()))}", f"sd {number_text(float(finite.std()))}"]
    zeros = np.count_nonzero(finite == 0) / finite.size
    if zeros:
        parts.append(f"zero {zeros:.0%}")
    parts += [f"min {number_text(float(finite.min()))}", f"max {number_text(float(finite.max()))}"]
    return "  ".join(parts)


class LayerView(QWidget):
    """A value of one layer, and a chooser where it has more of them; `back_asked` when a person wants all layers again.

    Pictures are shown as pictures: one sample's in as many lines as make them largest, those of a batch below each
    other.
    """

    number_chosen = Signal(object, object)
    back_asked = Signal()
    value_chosen = Signal(str)
    """The key of the value that a person wants to see."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[Picture, float, int, bool, str] | None = None
        self._facts_of: Array | None = None
        self._facts_sample: int | None = None
        self._marked = -1
        self.back = QPushButton("‹ all")
        self.back.setProperty("link", True)
        self.back.setToolTip("Show all layers (Esc)")
        self.back.setAccessibleName("Show all layers")
        self.back.clicked.connect(self.back_asked)
        self.name = ElidedLabel(weight=QFont.Weight.DemiBold, is_name=True)
        self.facts = ElidedLabel(size=10, tone="dim", mono=True)
        self.shape = PlainLabel()
        self.shape.setProperty("dim", True)
        self.chooser = ValueChooser()
        self.chooser.chosen.connect(self.value_chosen)
        self.heat_map, self.histogram = HeatMap(), Histogram()
        self.map_scroll = MapScroll(self.heat_map)
        self.map_scroll.fitted.connect(self._show_map)
        self.heat_map.number_chosen.connect(self.number_chosen)
        self.histogram.number_chosen.connect(self.number_chosen)
        title = QHBoxLayout()
        title.setSpacing(6)
        title.addWidget(self.back)
        title.addWidget(self.name, 1)
        title.addWidget(self.chooser)
        title.addWidget(self.shape)
        self.pictures = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self.pictures.setSpacing(8)
        self.pictures.addWidget(self.map_scroll, 3)
        self.pictures.addWidget(self.histogram, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 0)
        column.setSpacing(4)
        column.addLayout(title)
        column.addLayout(self.pictures, 1)
        column.addWidget(self.facts)
        theme().changed.connect(self.retheme)
        self.retheme()

    @Slot()
    def retheme(self) -> None:
        self.back.setFont(theme().font(11))
        self.shape.setFont(theme().font(11, mono=True))
        self.chooser.retheme()

    # -- what is shown -----------------------------------------------------------------------------------------------

    def show_choices(self, choices: Sequence[Shown], key: str) -> None:
        """Offer these values, of which `key` is shown. A layer with no more than two has no chooser: links do."""
        self.chooser.setVisible(len(choices) > 2)
        self.chooser.show_choices([(shown.key, shown.words) for shown in choices], key)

    def show_picture(self, picture: Picture, limit: float, sample: int, alone: bool, note: str = "") -> None:
        """Show a value: the whole batch, with the chosen `sample` marked, or that sample `alone`.

        `note` goes beside the name.
        """
        self._shown = picture, limit, sample, alone, note
        array, value = picture.array, picture.shown.value
        alone = alone and len(picture.shape) > 1
        role = ROLE_WORDS.get(value.name, picture.shown.words)
        named = value.layer if self.chooser.isVisibleTo(self) else f"{value.layer}  {role}"
        self.name.show_text(named + (f"   ({note})" if note else ""))
        self.shape.setText("outdated" if picture.stale else shape_text(picture.shape))
        self.shape.setToolTip(", ".join(picture.axes))
        self._fit_title(picture.stale)
        self._divide(has_pictures(picture.shape))
        one = min(sample, len(array) - 1) if alone and array is not None else None
        self.map_scroll.arrange(partial(_arranged, picture, one))
        self.heat_map.mark_sample(None if alone else sample)
        self.histogram.show_array(value, array, limit, picture.stale, one, picture.missing, picture.shown.members)
        self._show_facts(picture, one)
        if sample != self._marked and not alone:
            self._follow(sample)
        self._marked = sample

    def _fit_title(self, outdated: bool) -> None:
        """Leave the shape to hovering where there is no room for it beside the name."""
        name = min(self.name.sizeHint().width(), theme().px(120))
        others = self.back.sizeHint().width() + self.shape.sizeHint().width() + name + theme().px(42)
        others += self.chooser.sizeHint().width() if self.chooser.isVisibleTo(self) else 0
        self.shape.setVisible(outdated or others <= self.width())

    def _divide(self, more: bool) -> None:
        """Give pictures `more` of the room than rows of vectors have, at the cost of the histogram."""
        share = 5 if more else 3
        if self.pictures.stretch(0) != share:
            self.pictures.setStretch(0, share)
            self.pictures.activate()

    @Slot()
    def _show_map(self) -> None:
        """Draw the pictures, arranged for the place that there is."""
        if self._shown is not None:
            picture, limit = self._shown[:2]
            value, array, shading = picture.shown.value, picture.array, Diverging(limit)
            grid, meaning = self.map_scroll.arrangement, Meaning(picture.axes, picture.shown.members, picture.hole)
            self.heat_map.show_array(value, array, shading, grid, picture.stale, None, picture.missing, meaning)

    def _show_facts(self, picture: Picture, sample: int | None) -> None:
        array, missing = picture.array, picture.missing
        if array is self._facts_of and sample == self._facts_sample:
            return
        if sample is not None and array is not None:
            array, missing = array[sample], missing if missing is None else missing[sample]
        self.facts.show_text(" " if array is None else statistics(array, missing))
        self._facts_of, self._facts_sample = picture.array, sample

    def _follow(self, sample: int) -> None:
        """Bring the pictures of a sample that was chosen just now into sight."""
        tile = self.heat_map.tile
        if tile.array is None or not isinstance(tile.grid, Sheet) or tile.array.ndim < 2 or sample >= len(tile.array):
            return
        cell = tile.cell_of((sample, *(0 for _ in tile.array.shape[1:])))
        place = None if cell is None else tile.cell_rect(cell)
        if place is not None:
            self.map_scroll.show_place(place.toAlignedRect())

    def mark_number(self, number: tuple[Ref, tuple[int, ...]] | None) -> None:
        """Mark the number that is followed, if it is in the array shown."""
        self.heat_map.mark_number(number)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = event.size().width() > 2.2 * event.size().height()
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self.pictures.direction() != direction:
            self.pictures.setDirection(direction)
        if self._shown is not None:
            self._fit_title(self._shown[0].stale)


def _arranged(picture: Picture, sample: int | None, width: int, height: int) -> Arrangement | None:
    """Return the arrangement of a picture, of the whole batch or of one sample, for a heat map of this width."""
    return None if picture.array is None else arrangement(picture.array.shape, picture.axes, sample, width, height)
