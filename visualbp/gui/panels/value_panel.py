"""What the panels of activations and of deltas share: a value of every layer as a strip of heat maps, or of the chosen
layer alone with its histogram; for the whole batch or for one sample; all in one range of colours, which is shown."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref, named
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.plan import Plan
from visualbp.gui.context import Context
from visualbp.gui.layer_values import Assembler, Picture, Shown, shown_values
from visualbp.gui.panels.base import Panel
from visualbp.gui.shown_sample import ShownSample, in_shown_sample
from visualbp.gui.theme import theme
from visualbp.gui.widgets.empty_text import EmptyText, why_empty
from visualbp.gui.widgets.heat_strip import HeatStrip
from visualbp.gui.widgets.layer_view import LayerView
from visualbp.gui.widgets.links import Link, Links
from visualbp.gui.widgets.range_legend import RangeLegend
from visualbp.gui.widgets.shading import Diverging, SharedRange

BATCH, SAMPLE = "batch", "sample"
LATELY = 6
"""Steps after which a value is no longer the newest to follow."""


def layers_with(plan: Plan, roles: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the layers that have any of these roles in an iteration, with those that they have."""
    written = {value for step in plan.steps for value in step.writes}
    found: dict[str, tuple[str, ...]] = {}
    for layer in plan.layers:
        has = tuple(role for role in roles if plan.resolve(named(layer, role)) in written)
        if has:
            found[layer] = has
    return found


class ValuePanel(Panel):
    """Subclasses name the roles as links, the `first` that is shown, and the colour of the pass that computes them."""

    links: ClassVar[tuple[Link, ...]] = ()
    first: ClassVar[str] = ""
    phase_color: ClassVar[str] = "forward"
    backward: ClassVar[bool] = False
    turn = 2

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._plan: Plan | None = None
        self._layers: dict[str, tuple[str, ...]] = {}
        self._range, self._own_range = SharedRange(), SharedRange()
        self._ranges: dict[Ref, SharedRange] = {}
        """The range of each value, while each has its own."""
        self._assembler = Assembler()
        self._choices: dict[str, tuple[Shown, ...]] = {}
        self._strips: dict[str, tuple[Shown, ...]] = {}
        """The values that the strip shows for each role."""
        self._picked: dict[str, str] = {}
        """Which of its values a person wants to see of a layer, by their keys, where it is not what the links say."""
        self._header = Links(self.links, f"{self.title} show", self.first)
        self._header.chosen.connect(self._on_role)
        self.own_scale = QPushButton("own scale")
        self.own_scale.setProperty("flat", True)
        self.own_scale.setCheckable(True)
        self.own_scale.setToolTip(
            "A range of colours for each layer, so that small numbers show beside large ones; off: one for all"
        )
        self.own_scale.setAccessibleName(f"{self.title}: a range of colours for each layer")
        self.own_scale.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.own_scale.toggled.connect(self._on_scale)
        self._links = QWidget()
        row = QHBoxLayout(self._links)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self._header)
        row.addWidget(self.own_scale)
        self.extent = Links(
            (
                Link(BATCH, "batch", "every sample of the batch, one row each"),
                Link(SAMPLE, "sample", "the chosen sample alone; Page Up and Page Down choose another"),
            ),
            "Samples shown",
        )
        self.extent.chosen.connect(self._on_link)
        self.strip = HeatStrip()
        self.layer_view = LayerView()
        self.empty = EmptyText()
        self.legend = RangeLegend()
        self.pages = QStackedWidget()
        for page in (self.strip, self.layer_view, self.empty):
            self.pages.addWidget(page)
        self.footer = QWidget()
        self._foot = QBoxLayout(QBoxLayout.Direction.LeftToRight, self.footer)
        self._foot.setContentsMargins(12, 0, 8, 4)
        self._foot.setSpacing(4)
        self._foot.addWidget(self.legend, 1)
        self._foot.addWidget(self.extent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.pages, 1)
        column.addWidget(self.footer)
        self.strip.content.number_chosen.connect(self._on_number)
        self.strip.content.layer_chosen.connect(self._on_layer)
        self.strip.content.setAccessibleName(f"{self.title} of all layers")
        self.layer_view.number_chosen.connect(self._on_number)
        self.layer_view.back_asked.connect(self._on_back)
        self.layer_view.value_chosen.connect(self._on_value)
        context.selection.number_chosen.connect(self._on_number_chosen)
        self.setFocusProxy(self.strip.content)

    def header(self) -> QWidget | None:
        return self._links

    def retheme(self) -> None:
        self.own_scale.setFont(theme().font(11))
        self.strip.fit()

    @property
    def role(self) -> str:
        """The role that is shown."""
        return self._header.key

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_footer()

    def _fit_footer(self) -> None:
        """Where it is narrow, put the range above the links; a layer alone has its range at the histogram anyway."""
        wanted = self.legend.minimumSizeHint().width() + self.extent.sizeHint().width() + 24
        narrow, alone = wanted > self.width(), self.pages.currentWidget() is self.layer_view
        across = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if self._foot.direction() != across:
            self._foot.setDirection(across)
            self.footer.updateGeometry()
        self.legend.setVisible(not (narrow and alone))

    # -- what is seen ------------------------------------------------------------------------------------------------

    def refresh(self, snapshot: Snapshot) -> None:
        plan = snapshot.plan
        self.footer.setVisible(plan is not None)
        if plan is None:
            self.empty.show_text(*why_empty(snapshot))
            self.pages.setCurrentWidget(self.empty)
            return
        if plan is not self._plan:
            self._plan = plan
            self._layers = layers_with(plan, tuple(link.key for link in self.links))
            self._choices, self._strips = {}, {}
        shown = self.context.selection.shown(snapshot)
        sample = shown.place
        self._show_sample(shown)
        chosen = self.context.selection.layer
        if chosen in self._layers:
            self._show_layer(snapshot, plan, chosen, sample)
        else:
            self._show_strip(snapshot, self._shown(snapshot, plan), sample)
        self._fit_footer()

    def _shown(self, snapshot: Snapshot, plan: Plan) -> list[Picture]:
        if self.role not in self._strips:
            layers = [layer for layer, roles in self._layers.items() if self.role in roles]
            others = (layer for layer in layers if layer != plan.input.layer)  # inputs have a range of their own
            self._strips[self.role] = tuple(Shown(named(layer, self.role)) for layer in others)
        return [self._assembler.picture(snapshot, plan, shown) for shown in self._strips[self.role]]

    def _show_sample(self, shown: ShownSample) -> None:
        """Say which sample it is that is shown alone, and why if it is not the one that was chosen."""
        button = self.extent.buttons[SAMPLE]
        alone = self.extent.key == SAMPLE
        button.setText((shown.text + (f" (not {shown.wanted})" if shown.why else "")) if alone else "sample")
        tip = "the chosen sample alone; Page Up and Page Down choose another"
        button.setToolTip(f"{shown.why}; {shown.text} is shown" if shown.why else tip)

    def _show_strip(self, snapshot: Snapshot, rows: list[Picture], sample: int) -> None:
        content = self.strip.content
        present = [(row.shown.value, row.array) for row in rows if row.array is not None]
        limit = self._range.limit(dict[object, Array](present))
        own: dict[Ref, float] = {}
        if self.own_scale.isChecked():
            self._ranges = {value: self._ranges.get(value, SharedRange()) for value, _ in present}
            own = {value: self._ranges[value].limit({value: array}) for value, array in present}
        self.legend.show_limit(limit, self.own_scale.isChecked())
        content.show_rows(rows, Diverging(limit), sample, self.extent.key == SAMPLE, own)
        newest, is_last = self._newest(snapshot, rows)
        content.mark_current(newest if is_last else None, theme().color(self.phase_color))
        self.strip.follow(newest)
        content.mark_number(self._number(snapshot))
        self.pages.setCurrentWidget(self.strip)
        self.setFocusProxy(content)

    def _number(self, snapshot: Snapshot) -> tuple[Ref, tuple[int, ...]] | None:
        """Return the number that was chosen, of the sample that is shown."""
        return in_shown_sample(snapshot, self.context.selection.number, self.context.selection.sample)

    @staticmethod
    def _newest(snapshot: Snapshot, rows: list[Picture]) -> tuple[Ref | None, bool]:
        """Return the value shown that was computed last, if that was lately, and whether the last step did it."""
        if snapshot.plan is None:
            return None, False
        by_value = {snapshot.resolve(row.shown.value): row.shown.value for row in rows}
        for place in range(snapshot.cursor - 1, max(-1, snapshot.cursor - 1 - LATELY), -1):
            for written in snapshot.plan.steps[place].writes:
                if written in by_value:
                    return by_value[written], place == snapshot.cursor - 1
        return None, False

    def _show_layer(self, snapshot: Snapshot, plan: Plan, layer: str, sample: int) -> None:
        if layer not in self._choices:
            self._choices[layer] = shown_values(plan, layer, self.backward)
        choices = {shown.key: shown for shown in self._choices[layer]}
        first = choices.get(self.role) or self._choices[layer][0]
        shown = choices.get(self._picked.get(layer, ""), first)
        picture = self._assembler.picture(snapshot, plan, shown)
        note = f"it has no {self.role}" if self.role not in choices and len(choices) < 3 else ""
        note = "this path's share: its input goes elsewhere too" if picture.is_share else note
        limit = self._own_range.limit({} if picture.array is None else {shown.value: picture.array})
        self.legend.show_limit(limit)
        self.pages.setCurrentWidget(self.layer_view)  # first: what is hidden does not take over another height
        self.layer_view.show_choices(self._choices[layer], shown.key)
        self.layer_view.show_picture(picture, limit, sample, self.extent.key == SAMPLE, note)
        self.layer_view.mark_number(self._number(snapshot))
        self.setFocusProxy(self.layer_view.heat_map)

    # -- what a person does ------------------------------------------------------------------------------------------

    @Slot(str)
    def _on_link(self, key: str) -> None:
        self.update_now()

    @Slot(bool)
    def _on_scale(self, own: bool) -> None:
        self.update_now()

    @Slot(str)
    def _on_role(self, key: str) -> None:
        """A link is for all layers: whatever was picked for one of them gives way."""
        self._picked.clear()
        self.update_now()

    @Slot(str)
    def _on_value(self, key: str) -> None:
        """Show another value of the layer; where a link shows the same, it is chosen with it."""
        layer = self.context.selection.layer
        if layer is not None:
            self._picked[layer] = key
            self.update_now()

    @Slot(str)
    def _on_layer(self, layer: str) -> None:
        self.context.selection.go_to(layer)

    @Slot()
    def _on_back(self) -> None:
        self.context.selection.select()

    @Slot(object, object)
    def _on_number(self, value: Ref, index: tuple[int, ...]) -> None:
        self.context.selection.choose_number(value, index)

    @Slot(object, object)
    def _on_number_chosen(self, value: Ref, index: tuple[int, ...]) -> None:
        self.strip.content.mark_number((value, index))
        self.layer_view.mark_number((value, index))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        snapshot = self.context.debugger.snapshot
        steps = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
        key = Qt.Key(event.key())
        if key in steps and snapshot.rows is not None:
            rows = np.sort(snapshot.rows)
            here = int(np.searchsorted(rows, self.context.selection.shown(snapshot).row))
            self.context.selection.choose_sample(int(rows[max(0, min(len(rows) - 1, here + steps[key]))]))
        elif key == Qt.Key.Key_Escape and self.context.selection.layer is not None:
            self._on_back()
        else:
            super().keyPressEvent(event)
            return
        event.accept()
