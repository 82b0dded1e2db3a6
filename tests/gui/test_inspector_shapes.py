"""The inspector of what has more than two axes, of running statistics, of typed functions and of schedules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.building import chain, inline
from tests.gui.bench import Bench, pixels, shades
from tests.gui.conftest import MakeBench, ShowPanel
from tests.gui.shape_networks import images, typed
from tests.refs import ref
from visualbp.core.options import Choice
from visualbp.debugger.commands import Level
from visualbp.gui.inspector.expression_editor import ExpressionEditor, pointer_text
from visualbp.gui.inspector.value_section import ValueSection
from visualbp.gui.panels.inspector import InspectorPanel
from visualbp.gui.theme import theme
from visualbp.gui.widgets.rate_curve import RateCurve
from visualbp.network import Network
from visualbp.optimizers.schedules import SCHEDULE


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    return make_bench(images(6))


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> InspectorPanel:
    return show_panel(bench, InspectorPanel, (380, 900))


def section(bench: Bench, panel: InspectorPanel, layer: str, name: str) -> ValueSection:
    bench.selection.select((layer,))
    pixels(panel)
    return panel.layer_page.sections[name]


def click(part: ValueSection, index: tuple[int, ...]) -> None:
    spot = part.filters.place_of(index).toPoint()
    QTest.mouseClick(part.filters.map, Qt.MouseButton.LeftButton, pos=spot)


# -- filters ---------------------------------------------------------------------------------------------------------


def test_filters_are_tiles_and_a_click_shows_the_numbers_of_one(bench: Bench, panel: InspectorPanel) -> None:
    part = section(bench, panel, "conv2", "weight")
    weight = bench.snapshot.get("conv2", "weight")
    assert weight.shape == (4, 6, 3, 3)
    np.testing.assert_array_equal(part.table.numbers.array, weight[0, 0])
    before = pixels(part.filters)
    click(part, (2, 5, 1, 0))
    np.testing.assert_array_equal(part.table.numbers.array, weight[2, 5])
    assert part.block_label.text() == "filter 2, channel 5"
    assert bench.selection.number == (ref("conv2", "weight"), (2, 5, 1, 0))
    assert not np.array_equal(before, pixels(part.filters)), "the chosen tile has a frame"


def test_an_edited_weight_of_a_filter_changes_that_weight_alone_and_can_be_undone(
    bench: Bench, panel: InspectorPanel
) -> None:
    part = section(bench, panel, "conv2", "weight")
    before = bench.snapshot.get("conv2", "weight")
    click(part, (1, 3, 0, 0))
    assert part.table.numbers.write(2, 1, [[7.5]])
    bench.settle()
    after = bench.snapshot.get("conv2", "weight")
    assert np.argwhere(after != before).tolist() == [[1, 3, 2, 1]] and after[1, 3, 2, 1] == 7.5
    assert bench.document.undo_stack.undoText() == "Edit conv2.weight[1, 3, 2, 1]"
    np.testing.assert_array_equal(part.table.numbers.array, after[1, 3])
    bench.undo()
    np.testing.assert_array_equal(bench.snapshot.get("conv2", "weight"), before)


def test_a_number_chosen_elsewhere_brings_its_filter_into_the_table(bench: Bench, panel: InspectorPanel) -> None:
    part = section(bench, panel, "conv2", "weight")
    bench.selection.choose_number(ref("conv2", "weight"), (3, 1, 2, 2))
    assert part.table.numbers.prefix == (3, 1)
    assert part.table.numbers.array_index(2, 2) == (3, 1, 2, 2)
    assert "conv2.weight[3, 1, 2, 2]" in part.table.numbers.place_text(2, 2)


def test_copying_a_parameter_takes_all_filters(bench: Bench, panel: InspectorPanel) -> None:
    part = section(bench, panel, "conv", "weight")
    QTest.mouseClick(part.copy_link, Qt.MouseButton.LeftButton)
    rows = [[float(cell) for cell in line.split("\t")] for line in QGuiApplication.clipboard().text().splitlines()]
    np.testing.assert_array_equal(np.array(rows), bench.snapshot.get("conv", "weight").reshape(6, 9))


def test_the_gradient_of_filters_is_hatched_until_it_is_computed(bench: Bench, panel: InspectorPanel) -> None:
    part = section(bench, panel, "conv", "weight")
    part._links[1].click()
    hatched = pixels(part.filters)
    assert part.filters.map.tile.array is None
    bench.step(level=Level.ITERATION)
    assert part.filters.map.tile.array is bench.snapshot.find(ref("conv", "gradient/weight"))
    assert not np.array_equal(hatched, pixels(part.filters))


def test_a_parameter_of_three_axes_is_shown_channel_by_channel(bench: Bench, panel: InspectorPanel) -> None:
    network = chain(
        ("input", "input", {"shape": [2, 4, 4]}), ("norm", "layer_norm", {}), ("flat", "flatten", {}),
        ("output", "dense", {"units": 2}), ("loss", "mean_squared_error", {}),
        data=inline(np.random.default_rng(0).normal(size=(3, 2, 4, 4)), np.zeros((3, 2))),
    )  # fmt: skip
    bench.open(network)
    part = section(bench, panel, "norm", "weight")
    click(part, (1, 2, 3))
    assert part.table.numbers.array.shape == (4, 4) and part.block_label.text() == "channel 1"
    assert bench.selection.number == (ref("norm", "weight"), (1, 2, 3))


# -- running statistics ----------------------------------------------------------------------------------------------


def test_running_statistics_are_shown_and_only_read(bench: Bench, panel: InspectorPanel) -> None:
    part = section(bench, panel, "norm", "running_mean")
    assert "running_var" in panel.layer_page.sections
    before = part.table.numbers.array
    assert before is not None and not before.any()
    bench.step(level=Level.ITERATION)
    np.testing.assert_array_equal(part.table.numbers.array, bench.snapshot.get("norm", "running_mean"))
    assert part.table.numbers.array.any()
    assert not part.table.numbers.write(0, 0, [[5.0]])
    assert not part.lock.isVisible() and part.note.isVisible()
    assert bench.document.undo_stack.count() == 0


# -- typed functions -------------------------------------------------------------------------------------------------


@pytest.fixture
def editors(bench: Bench, panel: InspectorPanel) -> tuple[ExpressionEditor, ExpressionEditor]:
    bench.open(typed("x * sigmoid(x)"))
    bench.selection.select(("function",))
    form = panel.layer_page.form
    one, other = form.editor("expression"), form.editor("derivative")
    assert isinstance(one, ExpressionEditor) and isinstance(other, ExpressionEditor)
    return one, other


def keep_typing(editor: ExpressionEditor, text: str) -> None:
    editor.line.setFocus()
    editor.line.selectAll()
    QTest.keyClicks(editor.line, text)
    QApplication.processEvents()


def test_a_mistake_is_pointed_at_while_typing_and_what_was_typed_stays(
    bench: Bench, panel: InspectorPanel, editors: tuple[ExpressionEditor, ExpressionEditor]
) -> None:
    editor = editors[0]
    keep_typing(editor, "tanh(x) + 3y")
    assert editor.pointer.isVisible()
    text, caret = editor.pointer.text().split("\n")
    assert text == "tanh(x) + 3y" and caret.index("^") == text.index("y")
    row = panel.layer_page.form.rows["expression"]
    assert row.problem.isVisible() and "operator is missing" in row.problem.text()
    QTest.keyClick(editor.line, Qt.Key.Key_Return)
    bench.step(2)
    assert editor.line.text() == "tanh(x) + 3y", "neither Enter nor stepping takes it away"
    assert bench.document.undo_stack.count() == 0
    QTest.keyClick(editor.line, Qt.Key.Key_Backspace)
    assert not editor.pointer.isVisible() and not row.problem.isVisible()
    QTest.keyClick(editor.line, Qt.Key.Key_Return)
    assert bench.network.layer("function").options["expression"] == "tanh(x) + 3"


def test_an_empty_derivative_shows_what_is_derived_and_follows_the_expression(
    qtbot: QtBot, bench: Bench, panel: InspectorPanel, editors: tuple[ExpressionEditor, ExpressionEditor]
) -> None:
    expression, slope = editors
    assert slope.line.text() == "" and "derived" in slope.line.placeholderText()
    first = slope.formula.latex
    qtbot.waitUntil(lambda: slope.formula.is_ready, timeout=30_000)
    assert shades(slope.formula) > 4
    keep_typing(expression, "x**3")
    QTest.keyClick(expression.line, Qt.Key.Key_Return)
    assert slope.formula.latex != first and "3" in slope.formula.latex and "x^{2}" in slope.formula.latex
    assert expression.formula.latex == "f(x) = x^{3}"


def test_a_typed_derivative_is_set_as_typed_even_if_it_is_wrong(
    bench: Bench, panel: InspectorPanel, editors: tuple[ExpressionEditor, ExpressionEditor]
) -> None:
    slope = editors[1]
    keep_typing(slope, "5*x")
    QTest.keyClick(slope.line, Qt.Key.Key_Return)
    assert bench.network.layer("function").options["derivative"] == "5*x"
    assert slope.formula.latex == r"f'(x) = 5 \, x"
    bench.undo()
    assert slope.line.text() == "" and "sigmoid" in slope.formula.latex


def test_an_activation_of_a_dense_layer_can_be_typed_too(bench: Bench, panel: InspectorPanel) -> None:
    bench.open(typed())
    bench.selection.select(("hidden",))
    combo = panel.layer_page.form.editor("activation").combo
    place = combo.findData("custom")
    combo.setCurrentIndex(place)
    combo.activated.emit(place)
    nested = panel.layer_page.form.editor("activation").form
    keep_typing(nested.editor("expression"), "sin(x)")
    QTest.keyClick(nested.editor("expression").line, Qt.Key.Key_Return)
    assert bench.network.layer("hidden").options["activation"].options["expression"] == "sin(x)"
    assert nested.editor("derivative").formula.latex == r"f'(x) = \cos\left(x\right)"


@pytest.mark.parametrize("position", [0, 7, 500, 999])
def test_a_long_expression_is_cut_around_the_place_that_is_wrong(position: int) -> None:
    text = "x" * position + "?" + "x" * (999 - position)
    shown, caret = pointer_text(text, position, 40).split("\n")
    assert len(shown) <= 40 and shown[caret.index("^")] == "?"


# -- schedules -------------------------------------------------------------------------------------------------------


def with_schedule(network: Network, schedule: Choice) -> Network:
    return replace(network, training=replace(network.training, schedule=schedule))


def test_a_schedule_shows_its_rates_and_a_constant_one_nothing(bench: Bench, panel: InspectorPanel) -> None:
    curve = panel.network_page.curve
    bench.selection.select()
    assert not curve.isVisibleTo(panel.network_page)
    bench.document.edit(
        lambda n: with_schedule(n, SCHEDULE.parse({"type": "cosine", "iterations": 100, "warm_up": 10})), "Schedule"
    )
    assert curve.isVisibleTo(panel.network_page)
    rates = curve.rates
    assert max(rates) == pytest.approx(0.1, rel=0.02) and rates[0] == pytest.approx(0.1 / 11)
    assert rates[-1] == pytest.approx(0.0, abs=1e-3)
    bench.undo()
    assert not curve.isVisibleTo(panel.network_page)


def test_the_curve_runs_through_its_rates(qtbot: QtBot) -> None:
    curve = RateCurve()
    qtbot.addWidget(curve)
    curve.resize(300, 64)
    for schedule in ("step", "exponential", "cosine", "warm_up"):
        curve.show_schedule(SCHEDULE.parse(schedule), 0.1, 0)
        picture = pixels(curve)
        accent = theme().color("accent")
        wanted = np.array([accent.blue(), accent.green(), accent.red()], int)
        for place in (20, 80, 140):
            iteration = place * curve._end / 159
            spot: QPointF = curve.place_of(iteration, curve.rates[place])
            around = picture[max(0, int(spot.y()) - 3) : int(spot.y()) + 4, int(spot.x()) - 3 : int(spot.x()) + 4, :3]
            assert (np.abs(around.astype(int) - wanted).max(-1) < 60).any(), (schedule, place)
    assert curve.hover_text(QPoint(0, 0).x()).startswith("iteration 0: rate")
