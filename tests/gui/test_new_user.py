"""A new user, from the empty canvas to a trained network in a file, with nothing but mouse and keyboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QByteArray, QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
)
from pytestqt.qtbot import QtBot

from tests.gui.canvas_bench import LEFT, NOTHING
from tests.gui.conftest import OpenWindow
from tests.gui.desk import Answers
from tests.gui.person import build_xor, start_empty
from visualbp.debugger.snapshot import CheckDone, Metrics, Mode, Snapshot
from visualbp.files import load_network, save_network
from visualbp.files.autosaved import read_autosave
from visualbp.gui.canvas.layer_list import LAYER_MIME
from visualbp.gui.command_palette import CommandPalette
from visualbp.gui.main_window import MainWindow
from visualbp.network import edits

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    """The start page."""
    return open_window(None)


def test_xor_from_an_empty_canvas_to_full_accuracy_and_into_a_file(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = start_empty(window)
    build_xor(person)
    document, debugger = window.document, window.debugger
    assert document.network.connections == (("input", "dense"), ("dense", "dense_2"), ("dense_2", "loss"))
    assert debugger.snapshot.plan is not None, debugger.snapshot.problems
    steps = len(debugger.snapshot.plan.steps)

    for _ in range(steps):
        person.key(Qt.Key.Key_F11)
    assert (debugger.snapshot.iteration, debugger.snapshot.cursor) == (0, steps)
    weight = debugger.snapshot.get("dense", "weight")
    for _ in range(3):
        person.key(Qt.Key.Key_F10, SHIFT)
    assert debugger.snapshot.cursor < steps
    for _ in range(3):
        person.key(Qt.Key.Key_F10)
    np.testing.assert_array_equal(debugger.snapshot.get("dense", "weight"), weight)

    checks: list[CheckDone] = []
    accuracies: list[float | None] = []

    def hear(event: object) -> None:
        if isinstance(event, CheckDone):
            checks.append(event)
        elif isinstance(event, Metrics):
            accuracies.append(event.accuracy)

    debugger.happened.connect(hear)
    person.key(Qt.Key.Key_F8)
    qtbot.waitUntil(lambda: bool(checks), timeout=10_000)
    assert checks[0].result.passed  # type: ignore[attr-defined, union-attr]

    person.push("train")
    qtbot.waitUntil(
        lambda: bool(accuracies) and accuracies[-1] == 1.0 and (debugger.snapshot.loss or 1) < 0.1, timeout=60_000
    )
    person.push("pause")
    person.wait()
    debugger.happened.disconnect(hear)
    assert not debugger.snapshot.is_running

    path = tmp_path / "my xor.vbp"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(path), ""))
    person.key(Qt.Key.Key_S, CTRL)
    assert not document.is_modified
    saved = load_network(path)
    np.testing.assert_array_equal(saved.parameters["dense"]["weight"], debugger.snapshot.get("dense", "weight"))
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    hidden = np.tanh(inputs @ saved.parameters["dense"]["weight"].T + saved.parameters["dense"]["bias"])
    output = hidden @ saved.parameters["dense_2"]["weight"].T + saved.parameters["dense_2"]["bias"]
    assert (output[:, 0] > 0).tolist() == [False, True, True, False]

    while document.undo_stack.canUndo():
        person.key(Qt.Key.Key_Z, CTRL)
    assert document.network.layers == ()
    while document.undo_stack.canRedo():
        person.key(Qt.Key.Key_Z, CTRL | SHIFT)
    assert document.network.layers == saved.layers and document.network.connections == saved.connections


def test_a_drag_that_comes_in_from_the_palette_does_not_scroll_the_canvas(window: MainWindow, qtbot: QtBot) -> None:
    person = start_empty(window)
    canvas = person.canvas
    shown = canvas.visible_rect()
    edge = canvas.mapToScene(QPoint(3, 200))
    data = QMimeData()
    data.setData(LAYER_MIME, QByteArray(b"dense"))
    copy = Qt.DropAction.CopyAction
    for x in (2, 8, 14, 20, 26):  # slowly over the edge
        event = QDragEnterEvent if x == 2 else QDragMoveEvent
        QApplication.sendEvent(canvas.viewport(), event(QPoint(x, 200), copy, data, LEFT, NOTHING))
        qtbot.wait(60)
    QApplication.sendEvent(canvas.viewport(), QDragMoveEvent(QPoint(300, 200), copy, data, LEFT, NOTHING))
    qtbot.wait(60)
    QApplication.sendEvent(canvas.viewport(), QDropEvent(QPointF(300, 200), copy, data, LEFT, NOTHING))
    assert canvas.visible_rect() == shown
    assert person.view(edge) == QPoint(3, 200)
    assert (person.item("dense").centre - canvas.mapToScene(QPoint(300, 200))).manhattanLength() < 20


def test_a_layer_dropped_into_a_saved_network_leaves_it_able_to_run(window: MainWindow, qtbot: QtBot) -> None:
    """The weights of the layer behind no longer fit: it starts anew, and all others keep theirs."""
    person = start_empty(window)
    window.open_sample("worked_example")
    person.wait()
    QApplication.processEvents()
    given = window.document.network.parameters
    edge = window.canvas.network_scene.connections["input", "hidden"]
    person.drop("dense", QPointF(0, 400), (edge.source.output_port + edge.target.input_port) / 2)
    snapshot = window.debugger.snapshot
    assert ("input", "dense") in window.document.network.connections
    assert snapshot.plan is not None, snapshot.problems
    assert snapshot.get("hidden", "weight").shape == (2, 4)  # type: ignore[union-attr]
    np.testing.assert_array_equal(snapshot.get("output", "weight"), given["output"]["weight"])
    person.key(Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(window.debugger.snapshot.get("hidden", "weight"), given["hidden"]["weight"])


def test_xor_can_be_built_with_the_keyboard_alone(window: MainWindow, qtbot: QtBot) -> None:
    """Layers come from the command palette, each behind the last; the canvas has the focus from the start."""
    person = start_empty(window)
    assert window.canvas.hasFocus()
    for words in ("add input", "add dense", "add dense", "add binary cross-entropy"):
        person.key(Qt.Key.Key_K, CTRL)
        palette = QApplication.activePopupWidget()
        assert isinstance(palette, CommandPalette)
        QTest.keyClicks(palette.findChild(QLineEdit), words)
        QTest.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Return)
        person.wait()
    network = window.document.network
    assert network.connections == (("input", "dense"), ("dense", "dense_2"), ("dense_2", "loss"))
    person.key(Qt.Key.Key_Escape)
    for expected in ("input", "dense", "dense_2"):
        person.key(Qt.Key.Key_Tab)
        assert window.selection.layer == expected
    person.type_into("option_units", "1")


def test_the_command_palette_says_that_it_has_found_nothing_and_is_gone_when_closed(
    window: MainWindow, qtbot: QtBot
) -> None:
    person = start_empty(window)
    person.key(Qt.Key.Key_K, CTRL)
    palette = QApplication.activePopupWidget()
    assert isinstance(palette, CommandPalette)
    assert any(label.isVisible() for label in palette.findChildren(QLabel)) is False
    QTest.keyClicks(palette.findChild(QLineEdit), "qqq")
    assert [label.text() for label in palette.findChildren(QLabel) if label.isVisible()]
    QTest.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Return)
    with qtbot.waitSignal(palette.destroyed, timeout=30_000):
        palette.close()


def test_recovering_old_work_asks_about_the_present_work_first(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = start_empty(window)
    left = window.autosave.path.with_name("0-left.vbp")
    save_network(replace(window.document.network, name="Older"), left)
    build_xor(person)
    present = window.document.network
    window.recovery.offer()
    assert "Older" in window.message_bar.text
    answers = Answers(monkeypatch)
    recover = next(b for b in window.message_bar.findChildren(QPushButton) if "Recover" in b.text())
    QTest.mouseClick(recover, LEFT)
    assert answers.asked and window.document.network is present and left.exists()
    assert "Older" in window.message_bar.text, "the offer stands"
    left.unlink()


def test_undo_in_a_field_takes_back_the_edit_once_there_is_no_typing_to_take_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    person = start_empty(window)
    build_xor(person)
    person.click_card("dense")
    person.type_into("option_units", "7")
    field = person.shown(QLineEdit, "option_units")
    assert window.document.network.layer("dense").options["units"] == 7
    QTest.keyClicks(field, "9")
    QTest.keyClick(field, Qt.Key.Key_Z, CTRL)  # the typing
    assert isinstance(field, QLineEdit) and field.text() == "7"
    QTest.keyClick(field, Qt.Key.Key_Z, CTRL)  # the edit
    person.wait()
    assert window.document.network.layer("dense").options["units"] == 4 and field.text() == "4"
    QTest.keyClick(field, Qt.Key.Key_Z, CTRL | SHIFT)
    assert window.document.network.layer("dense").options["units"] == 7


def test_an_edit_is_kept_for_after_a_crash_within_seconds(window: MainWindow, qtbot: QtBot) -> None:
    person = start_empty(window)
    assert not window.autosave.path.exists()
    person.drop("dense", person.canvas.visible_rect().center())
    qtbot.waitUntil(window.autosave.path.exists, timeout=30_000)
    assert read_autosave(window.autosave.path).network.names == ("dense",)


def test_breakpoints_are_set_on_all_selected_layers_and_follow_a_new_name(window: MainWindow, qtbot: QtBot) -> None:
    person = start_empty(window)
    window.open_sample("xor")
    person.wait()
    debugger = window.debugger
    window.selection.select(("hidden", "output"))
    QTest.keyClick(window.canvas, Qt.Key.Key_F9)
    person.wait()
    assert {layer for _, layer in debugger.snapshot.breakpoints} == {"hidden", "output"}
    window.document.edit(lambda network: edits.rename_layer(network, "hidden", "middle"), "Rename")
    person.wait()
    assert {layer for _, layer in debugger.snapshot.breakpoints} == {"middle", "output"}
    window.selection.select(("middle",))
    QTest.keyClick(window.canvas, Qt.Key.Key_F9)
    QTest.keyClick(window.canvas, Qt.Key.Key_F9)  # before the window has heard of the first
    window.selection.select(("middle", "output"))
    QTest.keyClick(window.canvas, Qt.Key.Key_F9)
    person.wait()
    assert debugger.snapshot.breakpoints == frozenset()


def test_training_goes_on_through_quick_edits_and_an_edit_just_after_pause_does_not_start_it_again(
    window: MainWindow, qtbot: QtBot
) -> None:
    person = start_empty(window)
    window.open_sample("xor")
    person.wait()
    debugger, modes = window.debugger, list[Mode]()

    def note(snapshot: Snapshot) -> None:
        modes.append(snapshot.mode)

    for stop in ("pause", "reset"):
        window.actions_by_name["train"].trigger()
        qtbot.waitUntil(lambda: debugger.snapshot.mode == Mode.TRAINING, timeout=30_000)
        modes.clear()
        debugger.snapshot_changed.connect(note)
        for units in (7, 8, 9, 10):
            changed = edits.set_options(window.document.network, "hidden", {"units": units})
            window.document.apply(changed, "Change units")
            qtbot.wait(20)
        qtbot.waitUntil(lambda: debugger.snapshot.generation == window.document.generation, timeout=30_000)
        assert set(modes) == {Mode.TRAINING}
        debugger.snapshot_changed.disconnect(note)
        assert debugger.snapshot.get("hidden", "bias").shape == (10,)  # type: ignore[union-attr]
        window.actions_by_name[stop].trigger()
        window.document.undo_stack.undo()
        person.wait()
        assert debugger.snapshot.mode == Mode.IDLE, stop
