"""The panel of gradients: its bars are the norms, its words the cause, its lines the past."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.building import xor
from tests.gui.bench import Bench, pixels
from tests.gui.conftest import ShowPanel
from tests.refs import ref
from visualbp.debugger.commands import Level, Reset, Train
from visualbp.files import load_network
from visualbp.files.samples import find_model
from visualbp.gui.panels.gradients import SERIES, GradientsPanel
from visualbp.gui.widgets.norm_lines import decade_range
from visualbp.gui.widgets.plot import decade_ticks, decimated, names_that_fit, plain_ticks, runs_of
from visualbp.gui.widgets.point_log import FEWEST_POINTS, MOST_BYTES, MOST_POINTS, PointLog
from visualbp.network import edits


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> GradientsPanel:
    return show_panel(bench, GradientsPanel, (364, 220))


def row(panel: GradientsPanel, layer: str) -> dict[str, float | None]:
    values = panel._rows[list(panel.reader.parts).index(layer)]
    return {series.key: value for series, value in zip(SERIES, values, strict=True)}


def test_bars_are_the_norms_of_what_was_computed_and_absent_before(bench: Bench, panel: GradientsPanel) -> None:
    assert set(row(panel, "hidden").values()) == {None}
    empty = pixels(panel)
    bench.step(level=Level.PASS)
    bench.step(level=Level.PASS)
    snapshot = bench.snapshot
    for layer in ("hidden", "output"):
        for key, role in (("delta", "delta"), ("weight", "gradient/weight"), ("bias", "gradient/bias")):
            assert row(panel, layer)[key] == pytest.approx(np.linalg.norm(snapshot.find(ref(layer, role))), rel=1e-12)
        assert row(panel, layer)["ratio"] is None
    assert not np.array_equal(empty, pixels(panel))


def test_the_update_ratio_is_the_change_of_the_weights_relative_to_them(bench: Bench, panel: GradientsPanel) -> None:
    bench.step(level=Level.PASS)
    before = bench.snapshot.get("hidden", "weight")
    assert before is not None
    bench.step(level=Level.PASS)
    steps = bench.snapshot.plan.steps if bench.snapshot.plan else ()
    while ref("hidden", "weight") not in (bench.snapshot.step.writes if bench.snapshot.step else ()):
        bench.step()
    assert bench.snapshot.cursor < len(steps)
    after = bench.snapshot.get("hidden", "weight")
    ratio = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert row(panel, "hidden")["ratio"] == pytest.approx(ratio, rel=1e-12)
    bench.step(level=Level.ITERATION)
    assert row(panel, "hidden")["ratio"] is not None


def test_the_ratio_at_an_iterations_end_is_known_after_training_too(bench: Bench, panel: GradientsPanel) -> None:
    bench.send(Train(50))
    bench.step(level=Level.ITERATION)
    snapshot = bench.snapshot
    gradient, weight = snapshot.find(ref("output", "gradient/weight")), snapshot.get("output", "weight")
    assert gradient is not None and weight is not None
    start = weight + 0.1 * gradient  # plain gradient descent at the default rate of 0.1
    expected = 0.1 * np.linalg.norm(gradient) / np.linalg.norm(start)
    assert row(panel, "output")["ratio"] == pytest.approx(expected, rel=1e-6)


def test_the_axis_holds_every_bar(bench: Bench, panel: GradientsPanel) -> None:
    bench.step(level=Level.ITERATION)
    low, high = panel.plot.view.viewRange()[1]
    for layer in panel.reader.parts:
        for value in row(panel, layer).values():
            assert value is not None and low <= np.log10(value) <= high


def test_clicking_a_bar_selects_its_layer_and_hovering_tells_the_exact_norm(
    bench: Bench, panel: GradientsPanel
) -> None:
    bench.step(level=Level.ITERATION)
    pixels(panel)
    spot = panel.plot.mapFromScene(panel.plot.view.mapViewToScene(QPointF(1.0, -3.0)))
    QTest.mouseClick(panel.plot.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert bench.selection.layer == "output"
    delta = float(np.linalg.norm(bench.snapshot.get("output", "delta")))
    text = panel.hover_text(QPointF(spot))
    assert text.startswith("output") and f"{delta:.10g}"[:9] in text


def test_switching_a_series_off_takes_its_bars_away(bench: Bench, panel: GradientsPanel) -> None:
    bench.step(level=Level.ITERATION)
    before = pixels(panel.plot)
    QTest.mouseClick(panel.legend.buttons["weight"], Qt.MouseButton.LeftButton)
    assert not np.array_equal(before, pixels(panel.plot))


def test_a_vanishing_gradient_is_named_with_its_cause(qtbot: QtBot, bench: Bench, panel: GradientsPanel) -> None:
    bench.open(load_network(find_model("vanishing")))
    bench.step(level=Level.ITERATION)
    qtbot.waitUntil(lambda: "vanishing" in panel.names.marks)
    place = panel.names.marks.index("vanishing")
    assert panel.names.names[place] == "hidden_1"
    spot = panel.plot.mapFromScene(panel.plot.view.mapViewToScene(QPointF(float(place), -4.0)))
    assert "vanishing: " in panel.hover_text(QPointF(spot)) and "Sigmoid" in panel.hover_text(QPointF(spot))


def test_over_time_there_is_a_point_for_each_iteration_that_was_stepped(bench: Bench, panel: GradientsPanel) -> None:
    norms = []
    for _ in range(4):
        bench.step(level=Level.ITERATION)
        norms.append(float(np.linalg.norm(bench.snapshot.find(ref("hidden", "gradient/weight")))))
    panel._header.choose("time")
    np.testing.assert_allclose(panel.history.series("hidden", "weight"), norms, rtol=1e-12)
    assert panel.history.iterations.tolist() == [0, 1, 2, 3]
    assert panel.time.key.names == ("hidden", "output")
    bench.send(Reset())
    assert len(panel.history) == 0


def test_a_network_of_300_layers_is_drawn_as_lines_over_depth(bench: Bench, panel: GradientsPanel) -> None:
    network, before = xor(), "input"
    for _ in range(300):
        layer = edits.new_layer(network, "dense")
        network = edits.insert_on_connection(network, layer, (before, "hidden"), (0.0, 0.0))
        before = layer.name
    bench.open(network)
    bench.step(level=Level.PASS)
    bench.step(level=Level.PASS)
    assert len(panel.reader.parts) == 302 and not panel.bars.isVisible()
    _, y = panel.lines[0].getData()
    deltas = [np.log10(np.linalg.norm(bench.snapshot.get(layer, "delta"))) for layer in panel.reader.parts]
    np.testing.assert_allclose(y, deltas, rtol=1e-9)


def test_norms_that_are_zero_or_not_finite_do_not_break_the_picture(bench: Bench, panel: GradientsPanel) -> None:
    bench.step(level=Level.ITERATION)
    plain = pixels(panel.plot)
    odd = [(0.0, np.nan, np.inf, None), (1e-300, 1e300, 0.5, 0.5)]
    has = [(True,) * 4] * 2
    colors = panel.bars._colors
    panel.bars.show_values(odd, has, colors)
    assert not np.array_equal(plain, pixels(panel.plot))


# -- the parts -------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), max_size=60), st.integers(0, 60))
def test_a_log_of_points_is_a_sorted_dictionary(points: list[tuple[int, float]], cut: int) -> None:
    log, model = PointLog(1), {}
    for iteration, value in points:
        log.add(iteration, (value,))
        model[iteration] = value
    log.truncate(cut)
    model = {iteration: value for iteration, value in model.items() if iteration < cut}
    assert log.iterations.tolist() == sorted(model)
    assert log.rows[:, 0].tolist() == [model[iteration] for iteration in sorted(model)]


def test_a_log_of_points_stays_small_and_in_order() -> None:
    log = PointLog(2)
    for iteration in range(3 * MOST_POINTS):
        log.add(iteration, (float(iteration), 0.0))
    assert len(log) <= MOST_POINTS and log.iterations[-1] == 3 * MOST_POINTS - 1
    assert (np.diff(log.iterations) > 0).all() and (log.rows[:, 0] == log.iterations).all()


@pytest.mark.parametrize("width", [48, 400, 4000])
def test_the_wider_its_rows_the_fewer_points_a_log_keeps(width: int) -> None:
    log = PointLog(width)
    for iteration in range(1500):
        log.add(iteration, np.full(width, float(iteration)))
    assert len(log) >= min(1500, FEWEST_POINTS) // 2
    assert log._rows.nbytes <= 2 * max(MOST_BYTES, FEWEST_POINTS * width * 8)
    assert log.iterations[-1] == 1499 and (log.rows[:, 0] == log.iterations).all()


@given(st.floats(-30, 30), st.floats(0.5, 60), st.integers(2, 12))
def test_decades_are_labelled_without_crowding(low: float, extent: float, most: int) -> None:
    ((_, ticks),) = decade_ticks(low, low + extent, most)
    assert len(ticks) <= most + 1
    assert all(low - 1e-6 <= tick <= low + extent + 1e-6 for tick in ticks)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 12))
def test_plain_ticks_are_round_and_within(low: float, extent: float, most: int) -> None:
    ((step, ticks),) = plain_ticks(low, low + extent, most)
    assert len(ticks) <= most + 1
    assert all(abs(tick / step - round(tick / step)) < 1e-6 for tick in ticks)


def test_a_range_of_decades_stays_while_it_fits() -> None:
    first = decade_range(np.array([-3.5, -0.5]), (-1.0, 0.0))
    assert first[0] <= -3.5 and first[1] >= -0.5
    assert decade_range(np.array([-3.2, -0.7]), first) == first
    assert decade_range(np.array([np.nan]), first) == first
    assert decade_range(np.array([-9.0, -0.7]), first)[0] <= -9.0


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 40))
def test_a_decimated_line_keeps_its_extremes(count: int, columns: int) -> None:
    y = np.sin(np.arange(count) * 1.7) * np.arange(count)
    _, kept = decimated(np.arange(count, dtype=float), y, columns)
    assert len(kept) <= max(2 * columns, 2 * columns if count > 2 * columns else count)
    assert kept.max() == y.max() and kept.min() == y.min()


def test_names_are_cut_to_their_numbers_and_badges_run_together() -> None:
    assert names_that_fit(("hidden_1", "output"), 30, 6.4) == ("1", "output")
    assert names_that_fit(("hidden_1", "output"), 80, 6.4) == ("hidden_1", "output")
    assert runs_of(("a", "a", "", "b", "a")) == [(0, 2, "a"), (3, 4, "b"), (4, 5, "a")]
