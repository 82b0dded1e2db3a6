"""Gradients: for each layer the norms of delta, dW and db, and how far the update goes, now and over iterations."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Slot
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QToolTip, QVBoxLayout, QWidget

from visualbp.analysis.gradient_flow import Badge, error_signals, flows_in_stages
from visualbp.analysis.standstill import standstill
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.debugger.snapshot import Event, Metrics, Snapshot, Truncate
from visualbp.engine.plan import ParameterInfo, Phase, Plan
from visualbp.gui.context import Context
from visualbp.gui.painting import exact_text, number_text
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.stages import Stages
from visualbp.gui.theme import theme
from visualbp.gui.widgets.bars import BarsItem
from visualbp.gui.widgets.elided_label import ElidedLabel
from visualbp.gui.widgets.empty_text import EmptyText, why_empty
from visualbp.gui.widgets.links import Link, Links
from visualbp.gui.widgets.norm_history import NormHistory
from visualbp.gui.widgets.norm_lines import NormsOverTime, decade_range, log10_of
from visualbp.gui.widgets.plot import Axis, NamesAxis, Plot, line_pen
from visualbp.gui.widgets.series_buttons import Series, SeriesButtons

SERIES = (
    Series("delta", "‖δ‖", "backward", "the norm of δ, the error signal"),
    Series("weight", "‖∂W‖", "accent", "the norm of the gradient of the weights"),
    Series("bias", "‖∂b‖", "accent", "the norm of the gradient of the biases", 0.5),
    Series("ratio", "update : weight", "forward", "the norm of the update, relative to the norm of the weights"),
)
MOST_BARS = 40
"""Layers that are drawn as bars; more are drawn as lines over depth."""
BADGES_AFTER = 60
"""Milliseconds of quiet after which badges are worked out: they need whole arrays, and stepping does not wait."""
STAGE, STAGES_APART = 0.005, 4
"""Seconds of that at a time, and the milliseconds in between."""


@dataclass(frozen=True)
class LayerParts:
    """What a layer has: deltas (a recurrent one many), the gradients of its weights, and of its other parameters."""

    deltas: tuple[Ref, ...]
    weights: tuple[Ref, ...]
    others: tuple[Ref, ...]
    measured: tuple[tuple[Ref, ...], tuple[Ref, ...], tuple[Ref, ...]]
    """The deltas, and the gradients of weights and others, by the names that snapshots know them by."""


def parts_of(plan: Plan) -> dict[str, LayerParts]:
    """Return the layers that have a delta or parameters, in the order in which they run."""
    found: dict[str, LayerParts] = {}
    deltas = error_signals(plan)
    parameters: dict[str, list[ParameterInfo]] = defaultdict(list)
    for info in plan.parameters:
        parameters[info.value.layer].append(info)
    for layer in plan.layers:
        mine = parameters[layer]
        weights = tuple(info.value for info in mine if info.spec.penalised)
        others = tuple(info.value for info in mine if not info.spec.penalised)
        measured = deltas[layer], gradients_of(plan, weights), gradients_of(plan, others)
        parts = LayerParts(deltas[layer], weights, others, measured)
        if parts.deltas or mine:
            found[layer] = parts
    return found


Norms = tuple[float | None, float | None, float | None, float | None]
"""One layer's delta, weights, biases and ratio, in the order of SERIES; None where not computed yet."""


class NormReader:
    """Reads the norms of all layers from snapshots. It keeps where the weights stood before the update."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.parts: dict[str, LayerParts] = {}
        self.metrics: Metrics | None = None
        self._start: tuple[int, int, Mapping[Ref, Array]] | None = None

    def read(self, snapshot: Snapshot, plan: Plan) -> tuple[list[Norms], list[bool]]:
        """Return the norms of each layer of `parts`, and whether they are outdated."""
        if plan is not self.plan:
            self.plan, self.parts, self._start = plan, parts_of(plan), None
        if snapshot.phase != Phase.UPDATE:
            self._start = (snapshot.generation, snapshot.iteration, snapshot.values)
        rows, stale = [], []
        for layer, parts in self.parts.items():
            delta, weight, other = (joint_norm(snapshot, values) for values in parts.measured)
            rows.append((delta, weight, other, self._ratio(snapshot, layer, parts)))
            stale.append(bool(snapshot.stale) and any(not snapshot.stale.isdisjoint(part) for part in parts.measured))
        return rows, stale

    def _ratio(self, snapshot: Snapshot, layer: str, parts: LayerParts) -> float | None:
        """Return the update relative to the weights: as measured at the iteration's end, or, within the update, from
        where the weights stood before it."""
        if snapshot.plan is None or snapshot.phase != Phase.UPDATE or not parts.weights:
            return None
        metrics, start = self.metrics, self._start
        at_end = snapshot.next_step is None
        if at_end and metrics is not None and metrics.iteration == snapshot.iteration and layer in metrics.layers:
            return metrics.layers[layer].update_ratio
        updated = all(value in snapshot.norms for value in parts.weights)
        if start is None or start[:2] != (snapshot.generation, snapshot.iteration) or not updated:
            return None
        with np.errstate(all="ignore"):
            change = [snapshot.values[value] - start[2][value] for value in parts.weights]
            before = math.hypot(*(float(np.linalg.norm(start[2][value])) for value in parts.weights))
            return math.hypot(*(float(np.linalg.norm(array)) for array in change)) / before if before else None


def gradients_of(plan: Plan, values: tuple[Ref, ...]) -> tuple[Ref, ...]:
    """Return the gradients of these values, under the names that the plan keeps them by."""
    return tuple(plan.resolve(value.gradient) for value in values)


def joint_norm(snapshot: Snapshot, values: tuple[Ref, ...]) -> float | None:
    """Return the norm of several values together, or None if one is not computed yet. Outdated values count."""
    norms = []
    for value in values:
        norm = snapshot.norms.get(value)
        if norm is None and value in snapshot.stale:
            array = snapshot.values.get(value)
            norm = None if array is None else float(np.linalg.norm(array))
        if norm is None:
            return None
        norms.append(norm)
    return math.hypot(*norms) if norms else None


Found = tuple[dict[str, tuple[Badge, ...]], str]
"""What is wrong with the flow through each layer, and why none flows at all."""


def badges_in_stages(snapshot: Snapshot, plan: Plan) -> Generator[None, None, Found]:
    """Find what is wrong, layer by layer."""
    fresh = snapshot.values
    if snapshot.stale:
        fresh = {value: array for value, array in fresh.items() if value not in snapshot.stale}
    flows = yield from flows_in_stages(plan, fresh, snapshot.norms)
    yield
    return {layer: flow.badges for layer, flow in flows.items() if flow.badges}, standstill(plan, fresh)


class GradientsPanel(Panel):
    """Logarithmic bars for each layer: norms of its gradients, and its update ratio; or the same over iterations."""

    name = "gradients"
    title = "Gradients"
    places: ClassVar[Places] = {
        Workspace.STEP: DockPlace(Area.ROW, 2),
        Workspace.ANALYZE: DockPlace(Area.ROW, 0),
        Workspace.COMPARE: DockPlace(Area.ROW, 2),
    }
    hint = "How large the gradient is in each layer: bars that shrink from right to left are a vanishing gradient"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.reader, self.history = NormReader(), NormHistory()
        self._rows: list[Norms] = []
        self._badges: Mapping[str, tuple[Badge, ...]] = {}
        self._range = (-4.0, 0.0)
        self._header = Links(
            (
                Link("now", "now", "the norms of this iteration, layer by layer"),
                Link("time", "over time", "the norms over iterations, a line for each layer"),
            ),
            "Gradients shown",
        )
        self._header.chosen.connect(self._on_link)
        self.legend = SeriesButtons(SERIES, "Bars shown")
        self.legend.changed.connect(self.update_now)
        self.names = NamesAxis()
        self.plot = Plot(Axis("left", "decades"), self.names)
        self.plot.setAccessibleName("Norms of the gradients by layer")
        self.bars = BarsItem()
        self.plot.addItem(self.bars)
        self.lines = [pg.PlotCurveItem(connect="finite") for _ in SERIES]
        for line in self.lines:
            self.plot.addItem(line)
        self.time = NormsOverTime(self.history)
        self.empty = EmptyText()
        self.reason = ElidedLabel("", 11, "dim")
        self.reason.setAccessibleName("Why no gradient flows")
        self._lay_out()
        self.plot.viewport().installEventFilter(self)
        self.plot.viewport().setMouseTracking(True)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.timeout.connect(self._find_badges)
        self._finding: Stages[Found] | None = None
        self.retheme()

    def _lay_out(self) -> None:
        now = QWidget()
        below = QVBoxLayout(now)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(2)
        head = QHBoxLayout()
        head.setContentsMargins(10, 0, 8, 0)
        head.addWidget(self.legend)
        head.addStretch(1)
        below.addLayout(head)
        below.addWidget(self.plot, 1)
        below.addWidget(self.reason)
        self.reason.setContentsMargins(10, 0, 8, 0)
        self.reason.hide()
        self.now = now
        self.pages = QStackedWidget()
        for page in (self.now, self.time, self.empty):
            self.pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 0, 2, 4)
        column.addWidget(self.pages, 1)

    def header(self) -> QWidget | None:
        return self._header

    def retheme(self) -> None:
        self.plot.retheme()
        self.time.retheme()
        for line, series in zip(self.lines, SERIES, strict=True):
            line.setPen(line_pen(theme().color(series.color, series.alpha)))

    # -- what is seen ------------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_snapshot(self, snapshot: Snapshot) -> None:
        self._finding = None  # of a step that has passed
        self._quiet.stop()
        super()._on_snapshot(snapshot)

    def handle(self, event: Event) -> None:
        if isinstance(event, Metrics):
            self.reader.metrics = event
            self.history.add(event)
            self._badges = {layer: norms.badges for layer, norms in event.layers.items() if norms.badges}
            snapshot = self.context.debugger.snapshot
            if event.iteration == snapshot.iteration and snapshot.next_step is None:
                self.update_soon()
        elif isinstance(event, Truncate):
            self.history.truncate(event.iteration)
            if self.reader.metrics is not None and self.reader.metrics.iteration >= event.iteration:
                self.reader.metrics = None

    def refresh(self, snapshot: Snapshot) -> None:
        plan = snapshot.plan
        if plan is None:
            self.empty.show_text(*why_empty(snapshot))
            self.pages.setCurrentWidget(self.empty)
        elif self._header.key == "time":
            self.time.show_history(snapshot.iteration, self.context.selection.layer)
            self.pages.setCurrentWidget(self.time)
        else:
            self._show_now(snapshot, plan)
            self.pages.setCurrentWidget(self.now)

    def _show_now(self, snapshot: Snapshot, plan: Plan) -> None:
        if plan is not self.reader.plan:
            self._badges = {}
            self._show_reason("")
        self._rows, stale = self.reader.read(snapshot, plan)
        layers = tuple(self.reader.parts)
        numbers = np.array([[np.nan if n is None else n for n in row] for row in self._rows]).reshape(-1, len(SERIES))
        logs = log10_of(numbers)
        shown = [self.legend.is_on(series.key) for series in SERIES]
        self._range = decade_range(logs[:, shown], self._range)
        self.plot.set_range((-0.5, max(0.5, len(layers) - 0.5)), self._range)
        as_bars = len(layers) <= MOST_BARS
        self.bars.setVisible(as_bars)
        if as_bars:
            has = [[on and can for on, can in zip(shown, self._can(layer), strict=True)] for layer in layers]
            colors = [theme().color(series.color, series.alpha) for series in SERIES]
            self.bars.show_values(self._rows, has, colors, stale)
        for place, line in enumerate(self.lines):
            line.setVisible(not as_bars and shown[place])
            if not as_bars:
                line.setData(np.arange(len(layers), dtype=float), logs[:, place])
        self._show_names(layers)
        if not snapshot.is_running:  # while it runs, the worker says what is wrong, with the metrics
            self._finding = None
            self._quiet.start(BADGES_AFTER)

    def _can(self, layer: str) -> tuple[bool, ...]:
        parts = self.reader.parts[layer]
        return bool(parts.deltas), bool(parts.weights), bool(parts.others), bool(parts.weights)

    def _show_names(self, layers: tuple[str, ...]) -> None:
        chosen = self.context.selection.layer
        place = layers.index(chosen) if chosen in layers else -1
        marks = [self._badges[layer][0].kind if self._badges.get(layer) else "" for layer in layers]
        self.names.show_names(layers, place, marks)

    @Slot()
    def _find_badges(self) -> None:
        """Name what is wrong with the flow, once the stepping pauses for a moment, in stages."""
        snapshot = self.context.debugger.snapshot
        if snapshot.plan is None or snapshot.plan is not self.reader.plan:
            self._finding = None
            return
        if self._finding is None:
            self._finding = Stages(badges_in_stages(snapshot, snapshot.plan))
        if not self._finding.go_on(STAGE):
            self._quiet.start(STAGES_APART)
            return
        self._badges, reason = self._finding.result
        self._finding = None
        self._show_names(tuple(self.reader.parts))
        self._show_reason(reason)

    def _show_reason(self, text: str) -> None:
        """Say why all gradients are exactly 0: then there are no bars, and no ratio that a badge could go by."""
        self.reason.show_text(text)
        self.reason.setVisible(bool(text))

    @Slot(str)
    def _on_link(self, key: str) -> None:
        self.update_now()

    # -- hovering and clicking ---------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self.hover_text(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), text, self.plot) if text else QToolTip.hideText()
            return True
        if isinstance(event, QMouseEvent):
            if event.type() == QEvent.Type.MouseMove:
                self.bars.hover(self._bar_at(event.position()))
                on_layer = self._layer_at(event.position()) is not None
                shape = Qt.CursorShape.PointingHandCursor if on_layer else Qt.CursorShape.ArrowCursor
                self.plot.viewport().setCursor(shape)
            elif event.type() == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
                layer = self._layer_at(event.position())
                if layer is not None:
                    self.context.selection.go_to(layer)
                    return True
        return super().eventFilter(watched, event)

    def _bar_at(self, position: QPointF) -> tuple[int, int] | None:
        return self.bars.bar_at(self.plot.point_at(position), self.plot.view.viewPixelSize()[0])

    def _layer_at(self, position: QPointF) -> str | None:
        place = round(self.plot.point_at(position).x())
        layers = tuple(self.reader.parts)
        return layers[place] if 0 <= place < len(layers) else None

    def hover_text(self, position: QPointF) -> str:
        """Return what hovering over the plot says: the exact norms of the layer, and what is wrong with it."""
        layer = self._layer_at(position)
        if layer is None:
            return ""
        row = self._rows[list(self.reader.parts).index(layer)]
        lines = [layer]
        for series, value, can in zip(SERIES, row, self._can(layer), strict=True):
            if can:
                text = "not yet computed" if value is None else f"{number_text(value)}  ({exact_text(value)})"
                lines.append(f"{series.text} = {text}")
        lines += [f"{badge.kind}: {badge.cause}" for badge in self._badges.get(layer, ())]
        return "\n".join(lines)
