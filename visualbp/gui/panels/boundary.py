"""Decision boundary: what a network with two inputs predicts everywhere, with the data over it."""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Slot
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QToolTip, QVBoxLayout, QWidget

from visualbp.analysis.boundary import Boundary, boundary, has_boundary, is_near, region_of
from visualbp.core.arrays import Array, shape_text
from visualbp.core.ref import Ref
from visualbp.core.visible_text import visible
from visualbp.datasets import DataError, Dataset
from visualbp.datasets.base import encoded_targets
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.plan import Plan
from visualbp.gui.context import Context
from visualbp.gui.painting import number_text
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.plain_text import plain_tip
from visualbp.gui.theme import theme
from visualbp.gui.widgets.answers import class_of
from visualbp.gui.widgets.boundary_picture import BoundaryItem
from visualbp.gui.widgets.class_colors import class_color, class_symbol
from visualbp.gui.widgets.elided_label import ElidedLabel
from visualbp.gui.widgets.empty_text import EmptyText, why_empty
from visualbp.gui.widgets.plot import Axis, Plot

WHILE_RUNNING, WHEN_IDLE = 250, 60
"""Milliseconds between two pictures while training, and from the last step to the picture when it stands still."""
BUDGET_RUNNING, BUDGET_IDLE = 0.010, 0.045
"""Seconds that a picture may take; the grid is as fine as that allows."""
COARSEST, FINEST = 16, 128
MOST_POINTS = 1500
REACH = 9
"""Pixels around a point in which it is meant."""


class BoundaryPanel(Panel):
    """The plane of two inputs, coloured by what the network predicts everywhere, with the samples as points on it."""

    name = "boundary"
    title = "Decision boundary"
    tab = "Boundary"
    places: ClassVar[Places] = {
        Workspace.ANALYZE: DockPlace(Area.ROW, 2),
    }
    hint = "What the network answers for every pair of inputs; the points are the data. Click one to choose the sample"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._plan: Plan | None = None
        self._dataset: Dataset | None = None
        self._classes: Array = np.zeros(0, np.int64)
        self._drawn: tuple[Array, ...] = ()
        self._drawn_running = False
        self._resolution, self._cost = COARSEST, 0.0
        self.boundary: Boundary | None = None
        self.picture = BoundaryItem()
        self.plot = Plot(Axis("left"), Axis("bottom"))
        self.plot.setAccessibleName("Decision boundary")
        self.points = pg.ScatterPlotItem(pxMode=True)
        self.batch = pg.ScatterPlotItem(pxMode=True)
        self.chosen = pg.ScatterPlotItem(pxMode=True)
        for item in (self.picture, self.points, self.batch, self.chosen):
            self.plot.addItem(item, ignoreBounds=True)
        self.words = ElidedLabel(size=11, tone="dim")
        self.empty = EmptyText()
        self.page = QWidget()
        inner = QVBoxLayout(self.page)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(1)
        line = QHBoxLayout()
        line.setContentsMargins(12, 0, 8, 0)
        line.addWidget(self.words)
        inner.addLayout(line)
        inner.addWidget(self.plot, 1)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.page)
        self.pages.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 0, 2, 4)
        column.addWidget(self.pages)
        self.plot.viewport().installEventFilter(self)
        self.plot.viewport().setMouseTracking(True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._compute)
        self.retheme()

    def retheme(self) -> None:
        self.plot.retheme()
        self.plot.left.setGrid(False)
        self.picture.retheme()
        self._dataset = None

    # -- what is seen ------------------------------------------------------------------------------------------------

    def refresh(self, snapshot: Snapshot) -> None:
        plan, dataset = snapshot.plan, snapshot.dataset
        if plan is None or dataset is None:
            self._show_empty(*why_empty(snapshot))
            return
        if not has_boundary(plan):
            takes = shape_text(plan.shapes[plan.input])
            self._show_empty("No boundary to draw", f"This is for networks with two inputs; this one takes {takes}.")
            return
        self.pages.setCurrentWidget(self.page)
        if plan is not self._plan or dataset is not self._dataset:
            self._take_data(plan, dataset)
        self._mark(snapshot, dataset)
        if not self._is_drawn(snapshot, plan) and not self._timer.isActive():
            self._timer.start(WHILE_RUNNING if snapshot.is_running else WHEN_IDLE)

    def _show_empty(self, heading: str, text: str) -> None:
        self.empty.show_text(heading, text)
        self.pages.setCurrentWidget(self.empty)

    def _is_drawn(self, snapshot: Snapshot, plan: Plan) -> bool:
        """Return whether the picture is that of these parameters (arrays never change), and as fine as it can be."""
        arrays = [snapshot.values.get(info.value) for info in plan.lasting]
        same = len(arrays) == len(self._drawn) and all(a is b for a, b in zip(arrays, self._drawn, strict=True))
        return same and (snapshot.is_running or not self._drawn_running)

    def _take_data(self, plan: Plan, dataset: Dataset) -> None:
        """Draw the points of the data, each class with a colour and a shape of its own."""
        self._plan, self._dataset, self._drawn = plan, dataset, ()
        inputs = dataset.inputs
        try:
            targets = encoded_targets(dataset.targets, plan.shapes[plan.prediction], plan.loss_rule.target_kind)
            self._classes = class_of(plan, targets)
        except DataError:
            self._classes = np.zeros(len(inputs), np.int64)  # the Problems panel says what is wrong with the targets
        every = max(1, -(-len(inputs) // MOST_POINTS))
        shown = np.arange(0, len(inputs), every)
        shown = shown[is_near(inputs[shown])]
        count = int(self._classes.max(initial=1)) + 1
        classes = self._classes[shown]
        outline = pg.mkPen(theme().color("text"), width=1)
        self.points.setData(
            pos=inputs[shown],
            size=theme().px(7),
            pen=outline,
            brush=[pg.mkBrush(class_color(int(number), count)) for number in classes],
            symbol=[class_symbol(int(number)) for number in classes],
        )
        self.x_range, self.y_range = region_of(inputs)
        self.plot.set_range(self.x_range, self.y_range)

    def _mark(self, snapshot: Snapshot, dataset: Dataset) -> None:
        """Ring the samples of the batch, unless it is all of them, and the chosen sample."""
        batch = snapshot.batch
        ring = pg.mkPen(theme().color("text"), width=1)
        part = batch is not None and len(batch) < len(dataset)
        places = dataset.inputs[batch[:MOST_POINTS]] if part and batch is not None else np.zeros((0, 2))
        self.batch.setData(pos=places[is_near(places)], size=theme().px(11), pen=ring, brush=None, symbol="o")
        sample = self.context.selection.sample
        chosen = batch[sample : sample + 1] if batch is not None else np.zeros(0, np.int64)
        accent = pg.mkPen(theme().color("accent"), width=2)
        place = dataset.inputs[chosen]
        self.chosen.setData(pos=place[is_near(place)], size=theme().px(14), pen=accent, brush=None, symbol="o")

    @Slot()
    def _compute(self) -> None:
        """Evaluate the grid, as fine as its budget allows, and draw it."""
        snapshot = self.context.debugger.snapshot
        plan = snapshot.plan
        if plan is None or plan is not self._plan or not self.is_seen:
            return
        budget = BUDGET_RUNNING if snapshot.is_running else BUDGET_IDLE
        if self._cost > 0:
            finer = int(self._resolution * min(4.0, (budget / self._cost) ** 0.5))
            self._resolution = max(COARSEST, min(FINEST, finer))
        parameters: dict[Ref, Array] = {info.value: snapshot.values[info.value] for info in plan.lasting}
        started = time.perf_counter()
        self.boundary = boundary(plan, parameters, self.x_range, self.y_range, self._resolution)
        self._cost = max(1e-5, time.perf_counter() - started)
        self.picture.show_boundary(self.boundary)
        self._drawn = tuple(parameters.values())
        self._drawn_running = snapshot.is_running
        could_be_finer = self._resolution < FINEST and self._cost < budget / 2
        if not snapshot.is_running and could_be_finer:
            self._timer.start(0)
        self._say(snapshot, self.boundary)

    def _say(self, snapshot: Snapshot, found: Boundary) -> None:
        wrong = int(np.count_nonzero(~np.isfinite(found.probabilities).all(-1)))
        if wrong:
            share = wrong / found.classes.size
            self.words.show_text(f"{share:.0%} of the plane gives numbers that are not finite", "error")
            return
        count = found.probabilities.shape[-1]
        what = f"{count} classes, stronger where surer"
        if count == 2:
            what = f"● blue: {self._class_name(0)}   ■ red: {self._class_name(1)}"
        data, batch = snapshot.dataset, snapshot.batch
        rings = "   ○ the batch" if data is not None and batch is not None and len(batch) < len(data) else ""
        self.words.show_text(what + rings, "dim")

    def _class_name(self, number: int) -> str:
        names = self._dataset.class_names if self._dataset is not None else ()
        return visible(names[number]) if number < len(names) else f"class {number}"

    # -- hovering and clicking ---------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self.hover_text(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), plain_tip(text), self.plot) if text else QToolTip.hideText()
            return True
        if isinstance(event, QMouseEvent):
            if event.type() == QEvent.Type.MouseMove:
                near = self._sample_near(event.position()) is not None
                shape = Qt.CursorShape.PointingHandCursor if near else Qt.CursorShape.ArrowCursor
                self.plot.viewport().setCursor(shape)
            elif event.type() == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
                self._choose_near(event.position())
                return True
        return super().eventFilter(watched, event)

    def _sample_near(self, position: QPointF) -> int | None:
        """Return the number in the data of the sample that is drawn at a point."""
        if self._dataset is None or self.pages.currentWidget() is not self.page:
            return None
        spot = self.plot.point_at(position)
        width, height = self.plot.view.viewPixelSize()
        inputs = self._dataset.inputs
        distance = np.hypot((inputs[:, 0] - spot.x()) / width, (inputs[:, 1] - spot.y()) / height)
        nearest = int(distance.argmin())
        return nearest if distance[nearest] <= theme().px(REACH) else None

    def _choose_near(self, position: QPointF) -> None:
        sample, batch = self._sample_near(position), self.context.debugger.snapshot.batch
        if sample is not None and batch is not None:
            rows = np.flatnonzero(batch == sample)
            if len(rows):
                self.context.selection.choose_sample(int(rows[0]))

    def hover_text(self, position: QPointF) -> str:
        """Return what hovering says: the sample, or the answer of the network there."""
        if self.pages.currentWidget() is not self.page:
            return ""
        sample = self._sample_near(position)
        if sample is not None and self._dataset is not None:
            x, y = self._dataset.inputs[sample]
            name = self._class_name(int(self._classes[sample]))
            return f"sample {sample}: ({number_text(float(x))}, {number_text(float(y))}), {name}"
        if self.boundary is None:
            return ""
        spot, found = self.plot.point_at(position), self.boundary
        column, row = int(np.abs(found.x - spot.x()).argmin()), int(np.abs(found.y - spot.y()).argmin())
        chances = found.probabilities[row, column]
        likely = int(found.classes[row, column])
        said = "not finite"
        if likely >= 0:
            said = f"{self._class_name(likely)}, probability {number_text(float(chances[likely]))}"
        return f"({number_text(spot.x())}, {number_text(spot.y())}): {said}"
