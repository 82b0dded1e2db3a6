"""One place says what is wrong, with a button where a single edit fixes it; the other panels lead there."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from tests.building import xor
from tests.gui.bench import Bench
from tests.gui.conftest import ShowPanel
from visualbp.gui.main_window import MainWindow
from visualbp.gui.panels.problems import ProblemsPanel
from visualbp.gui.widgets.empty_text import CANNOT_RUN, EmptyText
from visualbp.network import Network, edits


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> ProblemsPanel:
    return show_panel(bench, ProblemsPanel, (420, 300))


def buttons(panel: ProblemsPanel) -> list[QPushButton]:
    QApplication.sendPostedEvents()
    QApplication.processEvents()
    return [b for b in panel.list.findChildren(QPushButton, "fix_problem") if b.isVisible()]


def unconnected(network: Network) -> Network:
    return edits.disconnect(network, [("input", "hidden")])


def test_a_button_makes_the_edit_that_fixes_the_problem_as_one_undo_step(bench: Bench, panel: ProblemsPanel) -> None:
    bench.document.edit(lambda network: edits.set_options(network, "input", {"shape": (5,)}), "Change")
    bench.settle()
    (button,) = buttons(panel)
    assert button.text() == "Set its shape to 2"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    bench.settle()
    assert bench.snapshot.plan is not None and panel.model.problems == ()
    assert bench.document.undo_stack.undoText() == "Set its shape to 2"
    assert buttons(panel) == []
    bench.undo()
    assert bench.snapshot.plan is None and len(buttons(panel)) == 1


def test_the_button_is_reached_and_pressed_with_the_keyboard(bench: Bench, panel: ProblemsPanel) -> None:
    bench.open(unconnected(xor()))
    (button,) = buttons(panel)
    button.setFocus()
    assert button.hasFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    QApplication.processEvents()
    bench.settle()
    assert bench.snapshot.plan is not None


def test_the_button_stands_below_the_words_of_its_row_also_where_it_is_narrow(
    bench: Bench, panel: ProblemsPanel
) -> None:
    bench.open(unconnected(xor()))
    for width in (420, 200, 300):
        panel.resize(width, 300)
        (button,) = buttons(panel)
        row = panel.list.visualRect(panel.model.index(0))
        assert row.contains(button.geometry()), width
        assert button.geometry().top() > row.center().y(), width


def test_a_problem_that_has_no_single_fix_has_no_button(bench: Bench, panel: ProblemsPanel) -> None:
    bench.open(Network())
    assert panel.model.rowCount() and buttons(panel) == []


def test_other_panels_say_one_short_line_and_their_link_brings_problems(window: MainWindow) -> None:
    window.document.edit(unconnected, "Disconnect")
    window.debugger.settle()
    for name in ("activations", "deltas", "gradients", "loss"):
        window.workspaces.bring(name)
        QApplication.processEvents()
        window.docks[name].panel.update_now()
        (empty,) = [e for e in window.docks[name].panel.findChildren(EmptyText) if e.isVisible()]
        assert empty.heading.text() == CANNOT_RUN, name
        assert "needs an input" not in empty.text.text(), name
        assert empty.link.isVisible() and not empty.text.isVisible(), name
    window.docks["problems"].hide()
    empty.link.click()
    QApplication.processEvents()
    assert window.docks["problems"].isVisible() and window.docks["problems"].panel.is_seen


def test_an_empty_canvas_still_says_what_to_do(window: MainWindow) -> None:
    window.document.open(Network())
    window.debugger.settle()
    window.workspaces.bring("activations")
    QApplication.processEvents()
    (empty,) = [e for e in window.docks["activations"].panel.findChildren(EmptyText) if e.isVisible()]
    assert "open a sample" in empty.text.text() and empty.text.isVisible() and not empty.link.isVisible()
