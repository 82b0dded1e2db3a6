"""Loss: the loss over iterations, and accuracy where there is one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, Slot
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QToolTip, QVBoxLayout, QWidget

from visualbp.debugger.commands import Pause, Seek
from visualbp.debugger.snapshot import Event, Losses, Metrics, Snapshot, Truncate
from visualbp.gui.context import Context
from visualbp.gui.painting import exact_text, number_text
from visualbp.gui.panels.base import Panel
from visualbp.gui.panels.place import Area, DockPlace, Places, Workspace
from visualbp.gui.theme import theme
from visualbp.gui.widgets.elided_label import ElidedLabel
from visualbp.gui.widgets.empty_text import EmptyText, why_empty
from visualbp.gui.widgets.links import Link, Links
from visualbp.gui.widgets.loss_log import LossLog
from visualbp.gui.widgets.norm_lines import decade_range, log10_of
from visualbp.gui.widgets.plot import Axis, Plot, line_pen, style_axis
from visualbp.gui.widgets.point_log import PointLog
from visualbp.gui.widgets.series_buttons import Series, SeriesButtons
from visualbp.gui.widgets.shading import nice_limit

SERIES = (
    Series("loss", "loss", "accent", "the loss of each batch"),
    Series("accuracy", "accuracy", "passed", "the share of right answers on the data that it learns from"),
    Series("held_out", "held out", "dim", "the share of right answers on data kept from training"),
)
SHORTEST = 10
"""Iterations that the axis shows at least."""


class LossPanel(Panel):
    """The loss over iterations, with accuracy on an axis of its own, and a line at the current iteration."""

    name = "loss"
    title = "Loss"
    places: ClassVar[Places] = {
        Workspace.STEP: DockPlace(Area.ROW, 2, 1),
        Workspace.ANALYZE: DockPlace(Area.ROW, 1),
    }
    hint = "The loss over iterations. Wheel: zoom; drag: move; double-click: go to that iteration"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.losses, self.scores = LossLog(), PointLog(2)
        self._limits, self._decades = (0.0, 1.0), (-1.0, 0.0)
        self._follows = True
        self._header = Links(
            (Link("linear", "linear", "a linear axis"), Link("log", "log", "a logarithmic axis")), "Axis of the loss"
        )
        self._header.chosen.connect(self._on_link)
        self.legend = SeriesButtons(SERIES, "Lines shown")
        self.legend.changed.connect(self.update_now)
        self.fit = QPushButton("show all")
        self.fit.setProperty("link", True)
        self.fit.setToolTip("Show all iterations (double-click goes to one)")
        self.fit.clicked.connect(self._on_fit)
        self.fit.hide()
        self.trouble = ElidedLabel(size=11, tone="error")
        self.trouble.hide()
        self.plot = Plot(Axis("left"), Axis("bottom"))
        self.plot.setAccessibleName("Loss over iterations")
        self.shares = Axis("right", "percent")
        self.plot.item.setAxisItems({"right": self.shares})
        self.shares.unlinkFromView()
        self.shares.setRange(-0.002, 1.002)
        self.curves = {series.key: pg.PlotCurveItem(connect="finite") for series in SERIES}
        self.marker = pg.InfiniteLine(angle=90, movable=False)
        self.wrong = pg.InfiniteLine(angle=90, movable=False)
        for item in (*self.curves.values(), self.marker, self.wrong):
            self.plot.addItem(item, ignoreBounds=True)
        self.empty = EmptyText()
        self._lay_out()
        self.plot.view.setMouseEnabled(True, False)
        self.plot.view.setLimits(xMin=-1)
        self.plot.view.sigRangeChangedManually.connect(self._on_zoomed)
        self.plot.viewport().installEventFilter(self)
        self.retheme()

    def _lay_out(self) -> None:
        page = QWidget()
        head = QHBoxLayout()
        head.setContentsMargins(10, 0, 8, 0)
        head.addWidget(self.legend)
        head.addStretch(1)
        head.addWidget(self.fit)
        words = QHBoxLayout()
        words.setContentsMargins(13, 0, 8, 0)
        words.addWidget(self.trouble)
        inner = QVBoxLayout(page)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(1)
        inner.addLayout(head)
        inner.addLayout(words)
        inner.addWidget(self.plot, 1)
        self.page = page
        self.pages = QStackedWidget()
        self.pages.addWidget(page)
        self.pages.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 0, 2, 4)
        column.addWidget(self.pages)

    def header(self) -> QWidget | None:
        return self._header

    def retheme(self) -> None:
        self.plot.retheme()
        style_axis(self.shares)
        self.shares.setWidth(theme().px(38))
        for series in SERIES:
            dashed = series.key == "held_out"
            self.curves[series.key].setPen(line_pen(theme().color(series.color), dashed))
        self.marker.setPen(line_pen(theme().color("dim"), dashed=True))
        self.wrong.setPen(line_pen(theme().color("error")))
        self.fit.setFont(theme().font(11))

    # -- what happens ------------------------------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        if isinstance(event, Losses):
            self.losses.add(event.first, event.losses)
        elif isinstance(event, Metrics):
            scores = (event.accuracy, event.held_out_accuracy)
            self.scores.add(event.iteration, tuple(np.nan if score is None else score for score in scores))
        elif isinstance(event, Truncate):
            self.losses.truncate(event.iteration)
            self.scores.truncate(event.iteration)
        else:
            return
        self.update_soon()

    # -- what is seen ------------------------------------------------------------------------------------------------

    def refresh(self, snapshot: Snapshot) -> None:
        if snapshot.plan is None and not (len(self.losses) and snapshot.network.layers):
            self.empty.show_text(*why_empty(snapshot))
            self.pages.setCurrentWidget(self.empty)
            return
        if not len(self.losses):
            self.empty.show_text("No loss yet", "Step past the loss, run an iteration, or train.")
            self.pages.setCurrentWidget(self.empty)
            return
        self.pages.setCurrentWidget(self.page)
        low, high = self._visible_iterations(snapshot)
        self._draw_loss(low, high)
        self._draw_scores()
        self.marker.setValue(snapshot.iteration)
        self._say(snapshot)

    def _visible_iterations(self, snapshot: Snapshot) -> tuple[float, float]:
        """Return the range of iterations shown: all of them, up to a round number, unless a person has zoomed in."""
        if self._follows:
            last = max(self.losses.end - 1, snapshot.iteration, SHORTEST)
            self.plot.set_range(x=(0.0, nice_limit(float(last))))
        left, right = self.plot.view.viewRange()[0]
        return max(0.0, left), right

    def _draw_loss(self, low: float, high: float) -> None:
        x, y = self.losses.envelope(low, high, max(50, self.plot.width()))
        logarithmic = self._header.key == "log"
        self.plot.left.set_kind("decades" if logarithmic else "plain")
        if logarithmic:
            y = log10_of(y)
            self._decades = decade_range(y, self._decades, fewest=1.0)
        else:
            self._limits = linear_range(y)
        self.plot.set_range(y=self._decades if logarithmic else self._limits)
        shown = self.legend.is_on("loss")
        self.curves["loss"].setData(*((x, y) if shown else ([], [])))

    def _draw_scores(self) -> None:
        """Draw the shares of right answers from the bottom to the top of the plot: 0 to 1."""
        bottom, top = self._decades if self._header.key == "log" else self._limits
        x, any_shown = self.scores.iterations.astype(float), False
        for column, key in enumerate(("accuracy", "held_out")):
            share = self.scores.rows[:, column]
            exists = bool(np.isfinite(share).any())
            self.legend.buttons[key].setVisible(exists)
            shown = exists and self.legend.is_on(key)
            any_shown |= shown
            self.curves[key].setData(*((x, bottom + share * (top - bottom)) if shown else ([], [])))
        if self.shares.isVisible() != any_shown:
            self.plot.item.showAxis("right", any_shown)

    def _say(self, snapshot: Snapshot) -> None:
        loss = self.losses.at(snapshot.iteration)
        newest = snapshot.loss if snapshot.loss is not None else loss
        self.legend.buttons["loss"].show_text("loss" if newest is None else f"loss {number_text(newest)}")
        row = self.scores.latest(snapshot.iteration)
        for column, key, words in ((0, "accuracy", "accuracy"), (1, "held_out", "held out")):
            score = np.nan if row is None else row[column]
            self.legend.buttons[key].show_text(words if np.isnan(score) else f"{words} {score:.0%}")
        first = self.losses.first_wrong
        self.wrong.setVisible(first is not None)
        self.trouble.setVisible(first is not None)
        if first is not None:
            self.wrong.setValue(first)
            self.trouble.show_text(f"Not finite from iteration {first:,} on: such points are not drawn.")

    # -- what a person does ------------------------------------------------------------------------------------------

    @Slot(str)
    def _on_link(self, key: str) -> None:
        self.update_now()

    @Slot(object)
    def _on_zoomed(self, axes: object) -> None:
        self._follows = False
        self.fit.show()
        self.update_now()

    @Slot()
    def _on_fit(self) -> None:
        self._follows = True
        self.fit.hide()
        self.plot.forget_range()
        self.update_now()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self.hover_text(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), text, self.plot) if text else QToolTip.hideText()
            return True
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonDblClick:
            self._go_to(round(self.plot.point_at(event.position()).x()))
            return True
        return super().eventFilter(watched, event)

    def hover_text(self, position: QPointF) -> str:
        """Return the exact loss, and the shares of right answers, of the iteration under a point."""
        iteration = round(self.plot.point_at(position).x())
        if not 0 <= iteration < self.losses.end:
            return ""
        loss, row = self.losses.at(iteration), self.scores.latest(iteration)
        lines = [f"iteration {iteration:,}: " + ("loss not kept" if loss is None else f"loss {exact_text(loss)}")]
        if row is not None:
            names = ("accuracy", "held out")
            lines += [f"{name} {score:.2%}" for name, score in zip(names, row, strict=True) if np.isfinite(score)]
        return "\n".join(lines)

    def _go_to(self, iteration: int) -> None:
        snapshot = self.context.debugger.snapshot
        if snapshot.plan is None or not 0 <= iteration < self.losses.end:
            return
        if snapshot.is_running:
            self.context.debugger.send(Pause())
        self.context.debugger.send(Seek(iteration, len(snapshot.plan.steps)))


def linear_range(y: np.ndarray) -> tuple[float, float]:
    """Return a range with round ends that holds all finite values, and zero."""
    finite = y[np.isfinite(y)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    top = nice_limit(high) if high > 0 else 0.0
    bottom = -nice_limit(-low) if low < 0 else 0.0
    return (bottom, top) if top > bottom else (bottom, bottom + 1.0)
