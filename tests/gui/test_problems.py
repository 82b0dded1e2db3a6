"""The problems panel: what is wrong, in words, and the way there."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.gui.bench import Bench, pixels
from tests.gui.conftest import ShowPanel
from visualbp.debugger.commands import Level
from visualbp.gui.panels.problems import ProblemsPanel
from visualbp.network import Network, edits
from visualbp.network.network import make_layer


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> ProblemsPanel:
    return show_panel(bench, ProblemsPanel, (420, 200))


def texts(panel: ProblemsPanel) -> list[str]:
    return [str(panel.model.data(panel.model.index(row))) for row in range(panel.model.rowCount())]


def test_a_network_that_runs_has_no_problems_and_the_panel_says_so(bench: Bench, panel: ProblemsPanel) -> None:
    assert texts(panel) == []
    empty = pixels(panel)
    bench.open(Network())
    assert not np.array_equal(pixels(panel), empty)


def test_every_problem_says_what_would_mend_it_and_errors_come_first(bench: Bench, panel: ProblemsPanel) -> None:
    network = edits.add_layer(bench.network, make_layer("aside", "dense", {"units": 3}), (0, 0))
    bench.open(edits.disconnect(network, [("input", "hidden")]))
    found = texts(panel)
    assert found[0].startswith("error: hidden: needs an input") and "connect" in found[0]
    assert any(text.startswith("warning: aside: does not lead to the loss") for text in found)
    assert [text.split(":")[0] for text in found] == sorted(text.split(":")[0] for text in found)


def test_a_click_selects_the_layer_and_asks_to_bring_it_into_view(
    qtbot: QtBot, bench: Bench, panel: ProblemsPanel
) -> None:
    bench.open(edits.disconnect(bench.network, [("input", "hidden")]))
    place = panel.list.visualRect(panel.model.index(0)).center()
    with qtbot.waitSignal(bench.selection.layer_wanted) as wanted:
        QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert wanted.args == ["hidden"] and bench.selection.layer == "hidden"


def test_the_enter_key_goes_to_the_layer_too(qtbot: QtBot, bench: Bench, panel: ProblemsPanel) -> None:
    bench.open(edits.disconnect(bench.network, [("hidden", "output")]))
    panel.list.setFocus()
    panel.list.setCurrentIndex(panel.model.index(0))
    with qtbot.waitSignal(bench.selection.layer_wanted):
        QTest.keyClick(panel.list, Qt.Key.Key_Return)
    assert bench.selection.layer is not None


def test_data_that_do_not_fit_are_a_problem_too(bench: Bench, panel: ProblemsPanel) -> None:
    bench.document.edit(lambda network: edits.set_options(network, "input", {"shape": (3,)}), "Wider input")
    bench.settle()
    assert any("takes samples of shape (3)" in text for text in texts(panel))
    bench.undo()
    assert texts(panel) == []


def test_moving_a_layer_on_the_canvas_keeps_the_problems_of_the_data(bench: Bench, panel: ProblemsPanel) -> None:
    bench.document.edit(lambda network: edits.set_options(network, "input", {"shape": (3,)}), "Wider input")
    bench.settle()
    before = texts(panel)
    bench.document.edit(lambda network: edits.move_layers(network, {"input": (-50.0, 0.0)}), "Move")
    assert texts(panel) == before != []


def test_a_value_that_is_not_finite_is_named_with_its_layer(bench: Bench, panel: ProblemsPanel) -> None:
    wild = np.full((4, 2), np.inf)
    bench.document.edit(lambda network: edits.set_parameter(network, "hidden", "weight", wild), "Break it")
    bench.settle()
    bench.step(1, Level.ITERATION)
    found = texts(panel)
    assert found and found[0].startswith("error: hidden: affine") and "z" in found[0]


def test_rows_grow_with_their_words_when_the_panel_gets_narrow(bench: Bench, panel: ProblemsPanel) -> None:
    bench.open(edits.disconnect(bench.network, [("input", "hidden")]))
    wide = panel.list.visualRect(panel.model.index(0)).height()
    panel.resize(170, 300)
    pixels(panel)
    assert panel.list.visualRect(panel.model.index(0)).height() > wide
