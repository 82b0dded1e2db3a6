"""The timeline: what its strip shows, and where clicks, drags and keys lead."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.building import chain, inline
from tests.gui.bench import Bench, pixels
from tests.gui.conftest import ShowPanel
from visualbp.debugger.commands import Level, Seek, Train
from visualbp.engine.notation import Notation
from visualbp.engine.plan import Phase
from visualbp.gui.equations import lines_of, typeset
from visualbp.gui.panels.timeline import TimelinePanel
from visualbp.network import Network, edits


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> TimelinePanel:
    return show_panel(bench, TimelinePanel, (1100, 90))


def chip(panel: TimelinePanel, step: int) -> QPoint:
    return panel.strip.chip_rect(step).center().toPoint()


def deep(layers: int) -> Network:
    hidden = [(f"layer_{place}", "dense", {"units": 3, "activation": "tanh"}) for place in range(layers)]
    return chain(
        ("input", "input", {"shape": [2]}),
        *hidden,
        ("output", "dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "binary_cross_entropy", {}),
        data=inline([[0, 0], [1, 1]], [[0.0], [1.0]]),
    )


def test_a_click_on_a_chip_goes_to_the_state_after_that_step(bench: Bench, panel: TimelinePanel) -> None:
    for step in (6, 2, 9):
        QTest.mouseClick(panel.strip, Qt.MouseButton.LeftButton, pos=chip(panel, step))
        bench.settle()
        assert bench.snapshot.cursor == step + 1
        assert bench.snapshot.step == bench.snapshot.plan.steps[step]


def test_dragging_over_the_chips_scrubs_to_where_the_drag_ends(bench: Bench, panel: TimelinePanel) -> None:
    QTest.mousePress(panel.strip, Qt.MouseButton.LeftButton, pos=chip(panel, 1))
    for step in range(2, 11):
        QTest.mouseMove(panel.strip, chip(panel, step))
    QTest.mouseRelease(panel.strip, Qt.MouseButton.LeftButton, pos=chip(panel, 10))
    bench.settle()
    bench.settle()
    assert bench.snapshot.cursor == 11


def test_left_and_right_step_one_operation_and_with_control_one_layer(bench: Bench, panel: TimelinePanel) -> None:
    panel.strip.setFocus()
    QTest.keyClick(panel.strip, Qt.Key.Key_Right)
    QTest.keyClick(panel.strip, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    bench.settle()
    assert (bench.snapshot.cursor, bench.snapshot.step.layer) == (3, "hidden")
    QTest.keyClick(panel.strip, Qt.Key.Key_Left)
    bench.settle()
    assert bench.snapshot.cursor == 2


def test_the_chips_look_different_before_at_and_after_the_current_step(bench: Bench, panel: TimelinePanel) -> None:
    bench.send(Seek(0, 9))
    picture = pixels(panel.strip)

    def fill(step: int) -> tuple[int, ...]:
        rect = panel.strip.chip_rect(step).toRect()
        return tuple(int(c) for c in picture[rect.top() + 3, rect.center().x()][:3])

    done_forward, done_backward, current, to_come = fill(2), fill(7), fill(8), fill(10)
    assert len({done_forward, done_backward, current, to_come}) == 4
    bench.send(Seek(0, 3))
    assert not np.array_equal(picture, pixels(panel.strip))


def test_the_current_chip_is_in_view_however_many_steps_there_are(qtbot: QtBot, bench: Bench) -> None:
    bench.open(deep(120))
    panel = TimelinePanel(bench.context)
    qtbot.addWidget(panel)
    panel.resize(900, 110)
    panel.show()
    for cursor in (1, 200, 471, 30):
        bench.send(Seek(0, cursor))
        rect = panel.strip.chip_rect(cursor - 1)
        assert rect.left() >= 0 and rect.right() <= panel.strip.width()


def test_a_click_on_the_line_of_ticks_goes_far_in_a_deep_network(qtbot: QtBot, bench: Bench) -> None:
    bench.open(deep(120))
    panel = TimelinePanel(bench.context)
    qtbot.addWidget(panel)
    panel.resize(900, 110)
    panel.show()
    count = panel.strip.count
    place = QPoint(panel.strip.width() // 2, panel.strip.height() - 14)
    QTest.mouseClick(panel.strip, Qt.MouseButton.LeftButton, pos=place)
    bench.settle()
    assert abs(bench.snapshot.cursor - count / 2) < 4


def test_the_buttons_go_on_and_back_by_iterations_with_the_same_values(bench: Bench, panel: TimelinePanel) -> None:
    bench.send(Seek(3, 7))
    weight = bench.snapshot.get("hidden", "weight")
    for words in ("+10", "−10"):
        QTest.mouseClick(panel.buttons[words], Qt.MouseButton.LeftButton)
        bench.settle()
    assert (bench.snapshot.iteration, bench.snapshot.cursor) == (3, 7)
    assert np.array_equal(bench.snapshot.get("hidden", "weight"), weight)


def test_first_and_last_are_the_ends_of_what_has_been_run(bench: Bench, panel: TimelinePanel) -> None:
    bench.send(Train(25))
    reached = bench.snapshot.iteration
    assert reached == 24
    QTest.mouseClick(panel.buttons["first"], Qt.MouseButton.LeftButton)
    bench.settle()
    assert (bench.snapshot.iteration, bench.snapshot.cursor) == (0, 0)
    QTest.mouseClick(panel.buttons["last"], Qt.MouseButton.LeftButton)
    bench.settle()
    assert bench.snapshot.iteration == reached
    assert panel.slider.maximum() == reached


def test_dragging_the_slider_goes_to_an_iteration_and_pauses_what_runs(bench: Bench, panel: TimelinePanel) -> None:
    bench.send(Train(40))
    bench.debugger.send(Train(None))
    panel.slider.setSliderDown(True)
    panel.slider.setSliderPosition(5)
    panel.slider.setSliderDown(False)
    bench.settle()
    bench.settle()
    assert bench.snapshot.iteration == 5 and not bench.snapshot.is_running


def test_a_changed_network_begins_an_iteration_range_of_its_own(bench: Bench, panel: TimelinePanel) -> None:
    bench.send(Train(30))
    bench.document.edit(lambda network: edits.set_options(network, "hidden", {"units": 5}), "More units")
    bench.settle()
    assert panel.slider.minimum() == bench.snapshot.iteration
    QTest.mouseClick(panel.buttons["first"], Qt.MouseButton.LeftButton)
    bench.settle()
    assert bench.snapshot.iteration == panel.slider.minimum()


def test_a_breakpoint_is_marked_on_its_first_chip(bench: Bench, panel: TimelinePanel) -> None:
    before = pixels(panel.strip)
    panel.strip.breakpoint_wanted.emit(Phase.BACKWARD, "hidden")
    bench.settle()
    assert bench.debugger.breakpoints == {(Phase.BACKWARD, "hidden")}
    changed = np.argwhere((pixels(panel.strip) != before).any(axis=2))
    first = next(s.index for s in bench.snapshot.plan.steps if s.group == (Phase.BACKWARD, "hidden"))
    rect = panel.strip.chip_rect(first)
    assert len(changed)
    assert (abs(changed[:, 1] - rect.left()) < 10).all()


def test_hovering_names_the_step_its_shapes_and_what_it_does(bench: Bench, panel: TimelinePanel) -> None:
    tip = panel.strip.tip(1)
    assert "hidden z" in tip and "(4, 4)" in tip and "takes input" in tip


def test_hovering_shows_the_equation_of_a_step_once_it_is_set(bench: Bench, panel: TimelinePanel) -> None:
    step = bench.snapshot.plan.steps[9]
    for line in lines_of(Notation(bench.snapshot.plan).step_equation(step)):
        typeset(line)
    document = QTextDocument()
    document.setHtml(panel.strip.tip(9))
    words = QTextDocument()
    words.setHtml(panel.strip.tip(9).split("<p>")[0])
    assert document.size().height() > words.size().height() + 15, "there is a picture below the words"


def test_without_a_network_that_runs_the_strip_says_so_and_nothing_can_be_pressed(
    bench: Bench, panel: TimelinePanel
) -> None:
    bench.open(Network())
    assert not panel.slider.isEnabled() and not panel.buttons["+1"].isEnabled()
    QTest.mouseClick(panel.strip, Qt.MouseButton.LeftButton, pos=QPoint(60, 10))
    QTest.keyClick(panel.strip, Qt.Key.Key_End)
    bench.settle()
    assert bench.snapshot.plan is None


def test_stepping_to_the_end_by_keyboard_shows_every_chip_done(bench: Bench, panel: TimelinePanel) -> None:
    panel.strip.setFocus()
    QTest.keyClick(panel.strip, Qt.Key.Key_End)
    bench.settle()
    assert bench.snapshot.cursor == panel.strip.count
    bench.step(1, Level.OPERATION)
    assert (bench.snapshot.iteration, bench.snapshot.cursor) == (1, 1)
