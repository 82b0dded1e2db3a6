"""The panel of the loss: no point is lost, however many there are, and none is drawn that is no number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.gui.bench import Bench, pixels
from tests.gui.conftest import ShowPanel
from visualbp.debugger.commands import Level, Reset, StepBack, Train
from visualbp.debugger.snapshot import Losses, Metrics, Truncate
from visualbp.gui.panels.loss import LossPanel, linear_range
from visualbp.gui.widgets.loss_log import BLOCK, MOST_BLOCKS, MOST_RAW, LossLog
from visualbp.network import edits


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> LossPanel:
    return show_panel(bench, LossPanel, (364, 220))


def drawn(panel: LossPanel) -> tuple[np.ndarray, np.ndarray]:
    panel.context.debugger.settle()
    x, y = panel.curves["loss"].getData()
    return np.asarray(x), np.asarray(y)


def test_each_loss_that_is_computed_is_a_point(bench: Bench, panel: LossPanel) -> None:
    assert "No loss yet" in panel.empty.heading.text()
    losses = []
    for _ in range(5):
        bench.step(level=Level.ITERATION)
        losses.append(bench.snapshot.loss)
    x, y = drawn(panel)
    assert x.tolist() == [0, 1, 2, 3, 4] and y.tolist() == losses


def test_training_at_full_speed_loses_no_point(bench: Bench, panel: LossPanel) -> None:
    bench.send(Train(3000))
    assert len(panel.losses) == 3000
    assert not np.isnan(panel.losses._raw[:3000]).any()


def test_the_marker_stands_at_the_iteration_and_stepping_back_keeps_the_points(bench: Bench, panel: LossPanel) -> None:
    bench.send(Train(20))
    bench.send(*[StepBack(Level.ITERATION)] * 5)
    assert panel.marker.value() == bench.snapshot.iteration == 14
    assert len(panel.losses) == 20


def test_a_reset_and_an_edit_forget_what_they_outdate(bench: Bench, panel: LossPanel) -> None:
    bench.send(Train(10))
    bench.document.edit(lambda network: edits.set_options(network, "hidden", {"units": 6}), "More units")
    bench.settle()
    assert len(panel.losses) == bench.snapshot.iteration
    bench.send(Reset())
    assert len(panel.losses) == 0


def test_the_logarithmic_axis_shows_logarithms(bench: Bench, panel: LossPanel) -> None:
    bench.send(Train(50))
    _, linear = drawn(panel)
    QTest.mouseClick(panel._header.buttons["log"], Qt.MouseButton.LeftButton)
    _, logs = drawn(panel)
    np.testing.assert_allclose(10.0**logs, linear, rtol=1e-12)
    assert panel.plot.left.kind == "decades"


def test_accuracy_is_shown_where_there_is_one(bench: Bench, panel: LossPanel) -> None:
    bench.send(Train(1500))
    QApplication.processEvents()
    assert panel.legend.buttons["accuracy"].isVisible() and "%" in panel.legend.buttons["accuracy"].text()
    assert not panel.legend.buttons["held_out"].isVisible()
    x, y = panel.curves["accuracy"].getData()
    low, high = panel._limits
    shares = (np.asarray(y) - low) / (high - low)
    assert x[-1] == 1499 and np.isin(np.round(shares, 9), [0.0, 0.25, 0.5, 0.75, 1.0]).all()
    panel.handle(Metrics(1499, 1.0, 0.5, {}))
    bench.settle()
    assert panel.legend.buttons["held_out"].text() == "held out 50%"


def test_losses_that_are_not_finite_are_left_out_and_named(bench: Bench, panel: LossPanel) -> None:
    bench.step(level=Level.ITERATION)
    panel.handle(Losses(1, (0.5, float("nan"), float("inf"), 0.25)))
    x, y = drawn(panel)
    assert x.tolist() == [0, 1, 2, 3, 4] and np.isnan(y).tolist() == [False, False, True, True, False]
    assert "iteration 2" in panel.trouble.text() and panel.trouble.isVisible()
    panel.handle(Truncate(2))
    drawn(panel)
    assert not panel.trouble.isVisible()


def test_hovering_tells_the_exact_loss(bench: Bench, panel: LossPanel) -> None:
    bench.send(Train(10))
    pixels(panel)
    spot = panel.plot.mapFromScene(panel.plot.view.mapViewToScene(QPointF(4.0, 0.3)))
    loss = panel.losses.at(4)
    assert loss is not None
    assert panel.hover_text(QPointF(spot)).startswith(f"iteration 4: loss {loss!r}")


def test_a_double_click_goes_to_that_iteration(bench: Bench, panel: LossPanel) -> None:
    bench.send(Train(10))
    pixels(panel)
    spot = panel.plot.mapFromScene(panel.plot.view.mapViewToScene(QPointF(3.0, 0.3)))
    QTest.mouseDClick(panel.plot.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    bench.settle()
    assert bench.snapshot.iteration == 3 and bench.snapshot.next_step is None


def test_zooming_in_stays_while_it_trains_and_show_all_undoes_it(bench: Bench, panel: LossPanel) -> None:
    bench.send(Train(100))
    pixels(panel)
    middle = panel.plot.viewport().rect().center()
    wheel = QWheelEvent(
        QPointF(middle),
        QPointF(panel.plot.viewport().mapToGlobal(middle)),
        QPoint(0, 0),
        QPoint(0, 480),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(panel.plot.viewport(), wheel)
    zoomed = panel.plot.view.viewRange()[0]
    assert zoomed[1] - zoomed[0] < 80
    bench.send(Train(100))
    assert panel.plot.view.viewRange()[0] == zoomed
    QTest.mouseClick(panel.fit, Qt.MouseButton.LeftButton)
    left, right = panel.plot.view.viewRange()[0]
    assert left <= 0 and right >= 199


def test_a_million_points_are_drawn_as_a_few_hundred(bench: Bench, panel: LossPanel) -> None:
    bench.step(level=Level.ITERATION)
    losses = np.random.default_rng(0).random(1_000_000)
    losses[123_456] = 7.0
    panel.handle(Losses(0, tuple(losses)))
    x, y = drawn(panel)
    assert len(x) <= 2 * panel.plot.width()
    assert y.max() == 7.0 and y.min() == losses.min()
    assert abs(x[int(y.argmax())] - 123_456) < 1_000_000 / 200


# -- the parts -------------------------------------------------------------------------------------------------------

EVENTS = st.lists(
    st.tuples(st.sampled_from(["add", "cut"]), st.integers(0, 1500), st.integers(1, 700), st.integers(0, 99)),
    max_size=14,
)


@settings(deadline=None, max_examples=60)
@given(EVENTS, st.integers(0, 1500), st.integers(1, 1500), st.integers(2, 40))
def test_an_envelope_holds_the_extremes_of_what_was_added(
    events: list[tuple[str, int, int, int]], low: int, extent: int, columns: int
) -> None:
    log, model = LossLog(), np.full(4000, np.nan)
    for kind, place, count, seed in events:
        if kind == "add":
            losses = np.random.default_rng(seed).standard_normal(count)
            log.add(place, losses.tolist())
            model[place : place + count] = losses
        else:
            log.truncate(place)
            model[place:] = np.nan
    known = np.flatnonzero(~np.isnan(model))
    assert log.end >= (known[-1] + 1 if len(known) else 0)
    x, y = log.envelope(low, low + extent, columns)
    assert len(x) == len(y) <= max(2 * columns, 2 * (extent // BLOCK + 3))
    expected = model[low : min(low + extent, log.end - 1) + 1] if log.end > low else model[:0]
    if np.isfinite(expected).any():
        assert np.nanmax(y) >= np.nanmax(expected) and np.nanmin(y) <= np.nanmin(expected)
        wide = model[low // BLOCK * BLOCK : low + extent + BLOCK + 1]
        assert np.nanmax(y) <= np.nanmax(wide) and np.nanmin(y) >= np.nanmin(wide)


def test_beyond_what_is_kept_itself_the_extremes_of_blocks_remain() -> None:
    log = LossLog()
    total, part = int(MOST_RAW * 1.6), 1 << 18
    for first in range(0, total, part):
        losses = np.full(part, 1.0)
        losses[7] = 50.0 if first == 0 else 2.0
        log.add(first, losses)
    assert log.at(0) is None and log.at(log.end - 1) == 1.0
    _, y = log.envelope(0, log.end, 500)
    assert np.nanmax(y) == 50.0 and np.nanmin(y) == 1.0
    assert len(log._raw) <= MOST_RAW


def test_a_log_of_a_hundred_million_losses_is_no_larger_than_one_of_ten_million() -> None:
    log, part = LossLog(), 1 << 19
    losses = np.full(part, 1.0)
    sizes, millions = [], 10
    for first in range(0, 100_000_000, part):
        losses[3] = 9.0 if first == 50 * part else 2.0
        log.add(first, losses)
        if first > millions * 1_000_000:
            sizes.append(log._raw.nbytes + log._low.nbytes + log._high.nbytes)
            millions += 30
    assert max(sizes) <= 8 * (MOST_RAW + 2 * MOST_BLOCKS)
    x, y = log.envelope(0, log.end, 400)
    assert np.nanmin(y) == 1.0 and abs(x[np.nanargmax(y)] - 50 * part) < log.end / 400
    log.truncate(30 * part)
    log.add(30 * part, [4.0, 5.0])
    assert log.end == 30 * part + 2 and np.nanmax(log.envelope(0, log.end, 400)[1]) == 5.0


def test_points_that_begin_late_leave_a_gap_and_no_loss() -> None:
    log = LossLog()
    log.add(5000, [3.0, 4.0])
    assert (log.at(5000), log.at(5001), log.at(4999), log.at(5002)) == (3.0, 4.0, None, None)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_a_linear_range_holds_zero_and_all_values(values: list[float]) -> None:
    low, high = linear_range(np.array(values))
    assert low <= min(0.0, *values) * (1 - 1e-9) + 1e-9 and high >= max(0.0, *values) * (1 - 1e-9) and low < high
