"""The panel of the gradient check: it runs, it can be stopped, it finds the fault, and it knows when it is old."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.building import chain, inline, xor
from tests.gui.bench import Bench, pixels
from tests.gui.conftest import ShowPanel
from tests.gui.shape_networks import images
from tests.refs import ref
from visualbp.analysis.gradient_check import CheckOptions, CheckResult, gradient_check, reverse_mode_gradient
from visualbp.analysis.gradient_check_passes import point_at
from visualbp.core.ref import Ref
from visualbp.debugger.commands import CheckGradients, Level
from visualbp.debugger.session import Session
from visualbp.debugger.snapshot import CheckDone, Mode, Progress
from visualbp.gui.panels.gradient_check import GradientCheckPanel
from visualbp.gui.theme import theme
from visualbp.gui.widgets.check_rows import CheckRow, RuleRow, error_text, share_of
from visualbp.gui.widgets.error_map import ErrorShading
from visualbp.network import Network, edits
from visualbp.network.bugs import PlantedBug


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> GradientCheckPanel:
    return show_panel(bench, GradientCheckPanel, (302, 230))


def planted(network: Network, fault: Ref, method: str = "every") -> CheckResult:
    """Return the check of gradients of which one has the wrong sign."""
    session = Session()
    session.set_network(network)
    executor = session.executor
    assert executor is not None
    parameters, indices = executor.parameter_views(), executor.batch_indices(0)
    batch = parameters, executor.inputs[indices], executor.targets[indices], executor.context
    gradients: Mapping[Ref, np.ndarray] = reverse_mode_gradient(point_at(executor.plan, *batch))
    wrong = {value: -array if value == fault else array for value, array in gradients.items()}
    return gradient_check(executor.plan, *batch, CheckOptions(method=method), wrong)


def click_row(panel: GradientCheckPanel, place: int) -> None:
    spot = QPoint(40, round((place + 0.5) * theme().px(24)))
    QTest.mouseClick(panel.rows.content, Qt.MouseButton.LeftButton, pos=spot)


def test_the_button_checks_every_parameter_and_says_that_all_pass(bench: Bench, panel: GradientCheckPanel) -> None:
    assert panel.headline.text() == "Not checked yet"
    before = pixels(panel)
    QTest.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    bench.settle()
    assert panel.headline.text() == "✓ 17 of 17 pass" and panel.headline.tone == "passed"
    assert [row.name for row in panel.rows.content.rows] == [
        "hidden.weight",
        "hidden.bias",
        "output.weight",
        "output.bias",
    ]
    assert panel.result is not None and panel.result.worst is not None
    assert panel.result.worst.text in panel.worst.text()
    assert not np.array_equal(before, pixels(panel))


@pytest.mark.parametrize("method", ["sampled", "directional"])
def test_the_method_that_was_chosen_is_the_one_that_runs_and_is_named(
    bench: Bench, panel: GradientCheckPanel, method: str
) -> None:
    panel.method.choose(method)
    QTest.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    bench.settle()
    assert panel.result is not None and panel.result.method == method
    assert method in panel.notes.text()


def test_a_step_to_another_iteration_outdates_the_result(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.send(CheckGradients())
    assert not panel.is_outdated
    bench.step(level=Level.ITERATION)
    assert not panel.is_outdated
    bench.step(level=Level.ITERATION)
    assert panel.is_outdated and "outdated" in panel.notes.text() and panel.headline.tone == "dim"


def test_a_result_does_not_outlive_the_parameters_that_it_is_about(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.send(CheckGradients())
    bench.open(xor(5))
    assert panel.result is None and panel.headline.text() == "Not checked yet"


def test_a_wrong_gradient_lights_its_own_bar_alone(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.debugger.happened.emit(CheckDone(1, 0, planted(xor(), ref("output", "weight"))))
    rows = {row.name: row for row in panel.rows.content.rows}
    assert [name for name, row in rows.items() if not row.passed] == ["output.weight"]
    assert rows["output.weight"].words == "4 fail"
    assert panel.headline.text() == "✕ 4 of 17 fail"


def test_a_failure_along_a_direction_is_told_too(bench: Bench, panel: GradientCheckPanel) -> None:
    result = planted(xor(), ref("hidden", "weight"), "directional")
    bench.debugger.happened.emit(CheckDone(1, 0, result))
    assert not result.passed
    assert "fail" in panel.headline.text()
    assert [row.words for row in panel.rows.content.rows if not row.passed] == ["fails"]


def test_clicking_a_failed_bar_opens_its_errors_and_goes_to_the_worst_number(
    bench: Bench, panel: GradientCheckPanel
) -> None:
    result = planted(xor(), ref("hidden", "weight"))
    bench.debugger.happened.emit(CheckDone(1, 0, result))
    click_row(panel, 0)
    assert panel.pages.currentWidget() is panel.detail
    assert bench.selection.layer == "hidden"
    value, index = bench.selection.number or (None, ())
    assert value == ref("hidden", "gradient/weight")
    errors = result.layers["hidden"]["weight"].errors
    assert errors[index] == errors.max()
    error = theme().color("error")
    reds = (pixels(panel.errors)[..., :3] == [error.blue(), error.green(), error.red()]).all(-1)
    assert reds.any()
    QTest.keyClick(panel.errors, Qt.Key.Key_Escape)
    assert panel.pages.currentWidget() is panel.table


def test_clicking_a_bar_that_passed_only_opens_it(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.send(CheckGradients())
    click_row(panel, 2)
    assert panel.pages.currentWidget() is panel.detail and "output.weight" in panel.detail_name.text()
    assert bench.selection.number is None


def test_a_cell_of_the_errors_tells_both_gradients_and_chooses_its_number(
    bench: Bench, panel: GradientCheckPanel
) -> None:
    bench.send(CheckGradients())
    click_row(panel, 0)
    pixels(panel)
    box = panel.errors.tile.cell_rect((3, 1))
    assert box is not None and panel.result is not None
    check = panel.result.layers["hidden"]["weight"]
    text = panel.errors.hover_text(QPointF(box.center()))
    assert "hidden.∂weight[3, 1]" in text
    assert repr(float(check.analytic[3, 1])) in text and repr(float(check.numeric[3, 1])) in text
    QTest.mouseClick(panel.errors, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    assert bench.selection.number == (ref("hidden", "gradient/weight"), (3, 1))


def test_the_worst_number_can_be_clicked(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.send(CheckGradients())
    QTest.mouseClick(panel.worst, Qt.MouseButton.LeftButton, pos=QPoint(20, 5))
    assert panel.result is not None and panel.result.worst is not None
    worst = panel.result.worst
    assert bench.selection.number == (ref(worst.layer, worst.parameter).gradient, worst.index)


def test_the_keyboard_opens_a_bar(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.send(CheckGradients())
    content = panel.rows.content
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return):
        QTest.keyClick(content, key)
    assert "hidden.bias" in panel.detail_name.text()


def test_a_long_check_shows_progress_and_can_be_cancelled(
    qtbot: QtBot, bench: Bench, panel: GradientCheckPanel
) -> None:
    generator = np.random.default_rng(0)
    big = chain(
        ("input", "input", {"shape": [300]}),
        ("hidden", "dense", {"units": 300, "activation": "tanh"}),
        ("hidden_2", "dense", {"units": 300, "activation": "tanh"}),
        ("output", "dense", {"units": 10}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(generator.random((256, 300)), generator.integers(0, 10, 256)),
    )
    bench.open(big)
    shares: list[float] = []
    bench.debugger.happened.connect(lambda event: shares.append(event.share) if isinstance(event, Progress) else None)
    QTest.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bench.snapshot.mode == Mode.CHECKING and len(shares) > 1, timeout=20000)
    qtbot.waitUntil(lambda: panel.button.text() == "Cancel", timeout=30_000)  # panels take turns while something runs
    assert panel.progress.isVisible() and "Checking" in panel.headline.text()
    QTest.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    bench.settle()
    assert bench.snapshot.mode == Mode.IDLE
    assert panel.result is None and panel.button.text() == "Check" and not panel.progress.isVisible()
    assert shares == sorted(shares)


def test_a_check_that_cannot_be_made_leaves_the_panel_ready(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.open(
        chain(
            ("input", "input", {"shape": [1]}),
            ("output", "dense", {"units": 1}),
            ("loss", "mean_squared_error", {}),
            data=inline([[1e300]], [[0.0]]),
            parameters={"output": {"weight": np.array([[1e300]]), "bias": np.zeros(1)}},
        )
    )
    QTest.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    bench.settle()
    assert panel.headline.text() == "Not checked yet" and panel.button.isEnabled()


def test_without_a_network_there_is_no_button(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.open(Network())
    assert not panel.button.isVisible() and "open a sample" in panel.empty.text.text()


def test_bars_survive_a_low_panel_and_many_tensors(bench: Bench, panel: GradientCheckPanel) -> None:
    rows = [CheckRow(f"a_layer_with_a_long_name_{n}", "weight", 10.0 ** -(n % 16), True) for n in range(2000)]
    panel.rows.content.show_rows(rows, 1e-5, False)
    bench.send(CheckGradients())
    panel.resize(220, 100)
    assert len(np.unique(pixels(panel).reshape(-1, 4), axis=0)) > 8


# -- the parts -------------------------------------------------------------------------------------------------------


def test_errors_are_placed_by_their_logarithm() -> None:
    assert share_of(0.0) == 0.0 and share_of(float("nan")) == 0.0 and share_of(5.0) == 1.0
    assert share_of(1e-5) == pytest.approx(8 / 13)
    assert [error_text(e) for e in (2.13e-10, 0.0, 0.3)] == ["2.1e−10", "0", "3.0e−1"]


def test_errors_above_the_tolerance_are_red_below_it_green_and_unmeasured_neither() -> None:
    shading = ErrorShading(1e-5)
    places = shading.indices(np.array([1e-9, 9e-6, 2e-5, 1.0, np.nan]))
    colors = shading.table()[places]
    red, green = (colors >> 16) & 0xFF, (colors >> 8) & 0xFF
    assert (green[:2] > red[:2]).all() and (red[2:4] > green[2:4]).all()
    assert f"{colors[4] & 0xFFFFFF:06x}" == theme().palette.line[1:]


def test_the_errors_of_filters_are_tiles_with_square_cells(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.open(images(6))
    bench.send(CheckGradients())
    place = next(n for n, row in enumerate(panel.rows.content.rows) if row.name == "conv2.weight")
    panel.rows.content.row_chosen.emit(place)
    pixels(panel)
    tile = panel.errors.tile
    for index in ((0, 0, 0, 0), (3, 5, 2, 1)):
        box = tile.cell_rect(tile.cell_of(index))
        assert box.width() == pytest.approx(box.height())
        text = panel.errors.hover_text(box.center())
        assert f"[{', '.join(map(str, index))}]" in text
        assert text.endswith("filter {}, channel {}, row {}, column {}".format(*index))


# -- three answers ---------------------------------------------------------------------------------------------------


def with_bug(kind: str) -> Network:
    return edits.plant_bug(xor(), PlantedBug(kind, "hidden", "h", "z"))


def test_a_rule_that_is_wrong_comes_first_with_its_entry_and_kind_and_chooses_its_layer(
    bench: Bench, panel: GradientCheckPanel
) -> None:
    bench.open(with_bug("sign"))
    bench.send(CheckGradients())
    first, *others = panel.rows.content.rows
    assert isinstance(first, RuleRow) and not any(isinstance(row, RuleRow) for row in others)
    assert first.name == "hidden.h → z" and first.words.startswith("wrong sign  [")
    assert "wrong sign" in panel.worst.text() and "hidden.h, on the way back to z" in first.tip
    assert [row.name for row in others if row.passed is False] == ["hidden.weight", "hidden.bias"]
    click_row(panel, 0)
    assert bench.selection.layer == "hidden" and panel.pages.currentWidget() is panel.table


def undecided() -> Network:
    return chain(
        ("input", "input", {"shape": [1]}),
        ("output", "dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "binary_cross_entropy", {}),
        data=inline([[1.0]], [[0.0]]),
        parameters={"output": {"weight": np.array([[400.0]]), "bias": np.zeros(1)}},
    )


def test_what_cannot_be_told_is_neither_a_pass_nor_a_failure(bench: Bench, panel: GradientCheckPanel) -> None:
    bench.open(undecided())
    bench.send(CheckGradients())
    assert panel.headline.text() == "– cannot be told" and panel.headline.tone == "text"
    rows = panel.rows.content.rows
    assert [(row.passed, row.words) for row in rows] == [(None, "cannot be told")] * 2
    assert "2 cannot be told" in panel.notes.text()
    signs = pixels(panel.rows.content)
    passed, error = theme().color("passed"), theme().color("error")
    for color in (passed, error):
        width = theme().px(26)  # where the signs are: the line of the tolerance further right is red
        assert not (signs[:, :width, :3] == [color.blue(), color.green(), color.red()]).all(-1).any()


def test_the_three_answers_have_three_signs(panel: GradientCheckPanel) -> None:
    pictures = []
    for answer in (True, False, None):
        panel.rows.content.show_rows([CheckRow("a", "weight", 1e-9, answer)], 1e-5, False)
        picture = pixels(panel.rows.content)[: theme().px(24), theme().px(8) : theme().px(26), :3]
        pictures.append((picture != picture[0, 0]).any(-1))
    assert all(picture.any() for picture in pictures)
    assert not any(np.array_equal(pictures[a], pictures[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
