"""The window as a person uses it: names that others rely on, keys, files, and a clean end."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QGraphicsView, QMenu
from pytestqt.qtbot import QtBot

from tests.gui.bench import press_button, shut
from tests.gui.conftest import OpenWindow
from tests.gui.desk import Answers
from visualbp.datasets.base import make_spec
from visualbp.files import load_network, save_network
from visualbp.gui import create_window
from visualbp.gui.autosave import Autosave
from visualbp.gui.command_palette import rank
from visualbp.gui.main_window import MainWindow
from visualbp.gui.theme import theme
from visualbp.network import edits

ACTIONS = [
    "new",
    "open",
    "save",
    "save_as",
    "undo",
    "redo",
    "delete",
    "step_layer",
    "step_operation",
    "step_out",
    "step_back",
    "step_back_operation",
    "run_iteration",
    "continue",
    "pause",
    "reset",
    "check_gradients",
]
PANELS = [
    "palette",
    "inspector",
    "activations",
    "deltas",
    "gradients",
    "gradient_check",
    "loss",
    "mathematics",
    "timeline",
]


def press(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key as a person does, and wait for what it does."""
    from PySide6.QtTest import QTest

    window.activateWindow()
    QTest.keyClick(window.canvas, key, modifiers)
    window.debugger.settle()


def test_names_that_others_rely_on_are_there(window: MainWindow) -> None:
    for name in ACTIONS:
        assert window.findChild(QAction, f"action_{name}") is not None, name
    for name in PANELS:
        assert window.findChild(QDockWidget, f"panel_{name}") is not None, name
    assert window.findChild(QGraphicsView, "canvas") is window.canvas
    assert window.document.network.name and window.document.undo_stack is not None
    assert window.debugger.snapshot.plan is not None


def test_a_whole_iteration_can_be_stepped_by_keyboard_and_back(window: MainWindow) -> None:
    plan = window.debugger.snapshot.plan
    assert plan is not None
    for done in range(1, len(plan.steps) + 1):
        press(window, Qt.Key.Key_F11)
        assert window.debugger.snapshot.cursor == done
    press(window, Qt.Key.Key_F10)
    assert window.debugger.snapshot.iteration == 1
    press(window, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    assert window.debugger.snapshot.iteration == 0
    press(window, Qt.Key.Key_F5, Qt.KeyboardModifier.ShiftModifier)
    assert (window.debugger.snapshot.iteration, window.debugger.snapshot.cursor) == (0, 0)


def test_the_place_is_said_in_words(window: MainWindow) -> None:
    pill = window.tool_bar.pill
    press(window, Qt.Key.Key_F11, Qt.KeyboardModifier.ShiftModifier)
    assert pill.word == "FORWARD"
    press(window, Qt.Key.Key_F10)
    assert pill.word == "BACKWARD" and "of" in pill.detail


def test_a_breakpoint_stops_continue(window: MainWindow) -> None:
    window.selection.select(("output",))
    press(window, Qt.Key.Key_F9)
    window.debug.share = 1.0
    press(window, Qt.Key.Key_F5)
    following = window.debugger.snapshot.next_step
    assert following is not None and following.layer == "output"


def test_close_in_mid_training_ends_the_thread(window: MainWindow) -> None:
    window.actions_by_name["train"].trigger()
    shut(window)
    assert not window.debugger._thread.isRunning()


def test_undo_and_redo_go_from_the_start_to_the_end(window: MainWindow) -> None:
    document = window.document
    states = [document.network]
    document.edit(lambda n: edits.set_options(n, "hidden", {"units": 9}), "Change units")
    states.append(document.network)
    document.edit(lambda n: edits.rename_layer(n, "hidden", "middle"), "Rename")
    states.append(document.network)
    document.edit(lambda n: edits.remove_layers(n, ["middle"]), "Delete middle")
    states.append(document.network)
    for expected in reversed(states[:-1]):
        window.actions_by_name["undo"].trigger()
        assert document.network == expected
    for expected in states[1:]:
        window.actions_by_name["redo"].trigger()
        assert document.network == expected


def test_trained_weights_are_saved_and_opened_again(window: MainWindow, tmp_path: Path) -> None:
    for _ in range(3):
        window.actions_by_name["run_iteration"].trigger()
    window.debugger.settle()
    weight = window.debugger.snapshot.get("hidden", "weight")
    assert weight is not None
    path = tmp_path / "mine.vbp"
    assert window.files.save_to(path)
    assert (load_network(path).parameters["hidden"]["weight"] == weight).all()
    assert window.files.open_path(path)
    window.debugger.settle()
    assert (window.debugger.snapshot.get("hidden", "weight") == weight).all()  # type: ignore[union-attr]
    assert window.settings.recent[0] == path.resolve()


def test_a_table_is_found_after_save_as_into_another_folder_and_after_undo(window: MainWindow, tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("a,b,label\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    (tmp_path / "deep").mkdir()
    network = replace(
        window.document.network,
        data=make_spec("csv", {"path": "points.csv", "inputs": ["a", "b"], "target": "label"}),
    )
    save_network(network, tmp_path / "mine.vbp")
    assert window.files.open_path(tmp_path / "mine.vbp")
    window.document.edit(lambda n: edits.set_options(n, "hidden", {"units": 9}), "Change units")
    assert window.files.save_to(tmp_path / "deep" / "moved.vbp")
    for move in ("undo", "redo"):
        window.actions_by_name[move].trigger()
        window.debugger.settle()
        assert window.debugger.snapshot.plan is not None, window.debugger.snapshot.problems
        assert len(window.debugger.snapshot.dataset) == 4  # type: ignore[arg-type]


def test_a_new_network_takes_the_name_of_its_file(window: MainWindow, tmp_path: Path) -> None:
    window.document.open(replace(window.document.network, name="Untitled"))
    assert window.files.save_to(tmp_path / "gates.vbp")
    assert window.document.network.name == "gates" == load_network(tmp_path / "gates.vbp").name
    assert not window.document.is_modified


def test_a_file_that_cannot_be_read_leaves_the_open_document_alone(window: MainWindow, tmp_path: Path) -> None:
    before = window.document.network
    bad = tmp_path / "bad.vbp"
    bad.write_text('{"format": "visualbp", "version": 1, "layers": [')
    assert not window.files.open_path(bad)
    assert window.document.network is before
    assert "bad.vbp" in window.message_bar.text


def test_unsaved_work_is_asked_about_and_cancel_keeps_the_window(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.document.edit(lambda n: edits.set_options(n, "hidden", {"units": 9}), "Change units")
    answers = Answers(monkeypatch)
    window.close()
    assert answers.asked and window.isVisible()


def test_work_of_a_crashed_window_is_offered_again(window: MainWindow, open_window: OpenWindow, qtbot: QtBot) -> None:
    window.document.edit(lambda n: edits.set_options(n, "hidden", {"units": 9}), "Change units")
    assert not window.autosave.save()
    left = window.autosave.path
    crashed = left.with_name("0-crashed.vbp")
    crashed.write_bytes(left.read_bytes())
    other = open_window(None)
    qtbot.waitUntil(lambda: "unsaved work" in other.message_bar.text, timeout=30_000)
    press_button(other.message_bar, "Recover it")
    assert other.document.network.layer("hidden").options["units"] == 9
    assert other.document.is_modified
    assert not crashed.exists()


def test_a_clean_end_leaves_nothing_to_recover(window: MainWindow) -> None:
    window.document.edit(lambda n: edits.set_options(n, "hidden", {"units": 9}), "Change units")
    assert not window.autosave.save()
    assert window.autosave.path.exists()
    shut(window)
    assert not window.autosave.path.exists()
    assert Autosave(window.context).left_behind() == []


def test_theme_scale_and_layout_are_remembered(window: MainWindow, open_window: OpenWindow) -> None:
    window.actions_by_name["theme"].trigger()
    window.actions_by_name["presenter"].trigger()
    window.docks["deltas"].hide()
    shut(window)
    again = open_window(None)
    assert theme().palette.name == "light" and theme().scale == pytest.approx(1.5)
    assert not again.docks["deltas"].isVisible()


def test_every_panel_draws_something_in_every_state(window: MainWindow) -> None:
    for steps in (0, 3, 9):
        for _ in range(steps):
            press(window, Qt.Key.Key_F11)
        for dock in window.docks.values():
            dock.show()
            dock.raise_()
            image = dock.widget().grab().toImage()
            colours = {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
            assert len(colours) > 1, f"{dock.objectName()} is empty after {steps} steps"


def test_the_command_palette_finds_commands_by_a_few_letters() -> None:
    assert rank("step lay", "Step layer") is not None
    assert rank("xyz", "Step layer") is None
    assert rank("step", "Step layer") < rank("step", "Undo step")  # type: ignore[operator]


def test_a_closed_window_is_collected(qtbot: QtBot) -> None:
    window = create_window("xor")
    window.show()
    window.debugger.settle()
    shut(window)
    reference = weakref.ref(window)
    window.deleteLater()
    del window
    collected: Callable[[], bool] = lambda: (gc.collect(), reference() is None)[1]  # noqa: E731
    qtbot.waitUntil(collected, timeout=30_000)


def test_the_network_is_exported_with_its_weights_as_they_are_now(window: MainWindow, tmp_path: Path) -> None:
    window.actions_by_name["run_iteration"].trigger()
    window.debugger.settle()
    assert window.files.export_to(tmp_path / "xor.py")
    text = (tmp_path / "xor.py").read_text(encoding="utf-8")
    compile(text, "xor.py", "exec")
    weight = window.debugger.snapshot.get("hidden", "weight")
    assert weight is not None and repr(float(weight[0, 0])) in text
    assert "xor.py" in window.message_bar.text


def test_a_network_that_cannot_run_is_not_exported(window: MainWindow, tmp_path: Path) -> None:
    window.document.edit(lambda n: edits.disconnect(n, [("hidden", "output")]), "Disconnect")
    window.debugger.settle()
    assert not window.files.export_to(tmp_path / "xor.py")
    assert "see Problems" in window.message_bar.text and not (tmp_path / "xor.py").exists()


def test_a_reset_workspace_leaves_the_start_page_alone(window: MainWindow) -> None:
    window.docks["deltas"].hide()
    window.show_start_page()
    window.actions_by_name["reset_workspace"].trigger()
    assert not any(dock.isVisible() for dock in window.docks.values())
    window.show_canvas()
    assert window.docks["deltas"].isVisible()


def test_a_panel_on_a_tab_in_the_back_is_not_drawn_until_it_comes_to_the_front(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = window.docks["loss"]
    drawn: list[int] = []
    refresh = loss.panel.refresh
    monkeypatch.setattr(loss.panel, "refresh", lambda snapshot: (drawn.append(snapshot.cursor), refresh(snapshot)))
    window.docks["gradient_check"].raise_()
    qtbot.waitUntil(lambda: not loss.panel.is_seen)
    drawn.clear()
    press(window, Qt.Key.Key_F11)
    press(window, Qt.Key.Key_F11)
    assert drawn == []
    loss.raise_()
    qtbot.waitUntil(lambda: drawn == [2])
    press(window, Qt.Key.Key_F11)
    assert drawn[-1] == 3


def test_the_menu_of_lessons_opens_the_sample_that_it_names(window: MainWindow) -> None:
    menu = next(menu for menu in window.menuBar().findChildren(QMenu) if menu.title() == "&Lessons")
    menu.aboutToShow.emit()
    action = next(action for action in menu.actions() if "piral" in action.text())
    action.trigger()
    assert window.document.network.name == action.text()
