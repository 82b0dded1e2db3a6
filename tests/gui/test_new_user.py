"""A new user, from the empty canvas to a trained network in a file, with nothing but mouse and keyboard."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QByteArray, QMimeData, QObject, QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QFont, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSizeGrip,
    QToolButton,
)
from pytestqt.qtbot import QtBot

from tests.gui.canvas_bench import LEFT, NOTHING
from tests.gui.conftest import OpenWindow
from tests.gui.desk import Answers
from tests.gui.person import Person, build_xor, start_empty
from visualbp.debugger.snapshot import CheckDone, Metrics, Mode, Snapshot
from visualbp.files import load_network, save_network
from visualbp.files.autosaved import read_autosave
from visualbp.gui.canvas.layer_list import LAYER_MIME
from visualbp.gui.command_palette import CommandPalette
from visualbp.gui.frame_queue import LONG, FrameQueue
from visualbp.gui.main_window import MainWindow
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.start_page import SampleCard
from visualbp.gui.theme import theme
from visualbp.network import edits

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    """The start page."""
    made = open_window(None)
    made.activateWindow()
    return made


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


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_panels_never_lie_over_each_other_and_the_window_fits_its_screen(
    window: MainWindow, qtbot: QtBot, scale: float
) -> None:
    start_empty(window)
    window.open_sample("xor")
    window.debugger.settle()
    theme().set(scale=scale)
    for size in (QSize(1920, 1080), QSize(1280, 800), QSize(1000, 620)):
        window.resize(size)
        for _ in range(4):
            QApplication.processEvents()
        places = {name: dock.geometry() for name, dock in window.docks.items() if not dock.visibleRegion().isEmpty()}
        assert {"inspector", "mathematics", "activations", "timeline"} <= set(places)
        for (one, first), (other, second) in combinations(places.items(), 2):
            assert not first.intersects(second), f"{one} lies over {other} at {size}, scale {scale}"
        assert window.width() <= (1130 if size.width() < 1130 else size.width())
        assert window.height() <= max(size.height(), 800)


def test_links_of_a_narrow_panel_move_into_a_menu(window: MainWindow, qtbot: QtBot) -> None:
    start_empty(window)
    window.open_sample("xor")
    window.debugger.settle()
    dock = window.docks["gradient_check"]
    dock.setFloating(True)
    title = dock.titleBarWidget()
    more = next(b for b in title.findChildren(QToolButton) if b.text() == "⋯")
    dock.resize(420, 300)
    QApplication.processEvents()
    assert not more.isVisible() and dock.panel.header().isVisible()
    dock.resize(170, 300)
    QApplication.processEvents()
    assert more.isVisible() and not dock.panel.header().isVisible()
    more.menu().aboutToShow.emit()
    actions = more.menu().actions()
    assert [action.text() for action in actions] == [b.text() for b in dock.panel.header().findChildren(QPushButton)]
    actions[1].trigger()
    assert dock.panel.header().findChildren(QPushButton)[1].isChecked()


@pytest.mark.parametrize(("scale", "width"), [(1.0, 1600), (1.0, 1000), (1.5, 1280), (2.0, 1600)])
def test_the_phase_and_the_iteration_can_be_seen_at_every_size(
    window: MainWindow, qtbot: QtBot, scale: float, width: int
) -> None:
    start_empty(window)
    window.open_sample("xor")
    window.debugger.settle()
    theme().set(scale=scale)
    window.resize(width, 800)
    for _ in range(4):
        QApplication.processEvents()
    bar = window.tool_bar
    for widget in (bar.pill, bar.numbers, bar.widgetForAction(window.actions_by_name["train"])):
        assert widget.isVisible() and bar.rect().contains(widget.geometry())


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


def test_panels_grow_with_the_presenter_and_come_back_as_they_were(window: MainWindow, qtbot: QtBot) -> None:
    start_empty(window)
    window.open_sample("xor")
    window.debugger.settle()
    window.resizeDocks([window.docks["palette"]], [240], Qt.Orientation.Horizontal)

    def extents() -> dict[str, tuple[int, int]]:
        for _ in range(4):
            QApplication.processEvents()
        names = ("palette", "inspector", "activations", "gradients", "timeline")
        return {name: (window.docks[name].width(), window.docks[name].height()) for name in names}

    before = extents()
    window.actions_by_name["presenter"].trigger()
    larger = extents()
    assert larger["palette"][0] == pytest.approx(1.5 * before["palette"][0], abs=2)
    assert larger["timeline"][1] > 1.3 * before["timeline"][1]
    window.actions_by_name["presenter"].trigger()
    after = extents()
    for name, size in before.items():
        assert after[name] == pytest.approx(size, abs=4), name


def test_nothing_jumps_when_the_timeline_gets_more_steps_than_it_can_show(window: MainWindow, qtbot: QtBot) -> None:
    person = start_empty(window)
    window.open_sample("xor")
    person.wait()

    def heights() -> list[int]:
        for _ in range(4):
            QApplication.processEvents()
        return [window.docks[name].height() for name in ("timeline", "activations", "gradients", "palette")]

    window.selection.select(("hidden",))
    before, steps = heights(), len(window.debugger.snapshot.plan.steps)  # type: ignore[union-attr]
    for _ in range(8):
        window.canvas.add_layer("dense")
    person.wait()
    assert len(window.debugger.snapshot.plan.steps) > 2 * steps  # type: ignore[union-attr]
    assert heights() == before


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


def test_a_long_message_wraps_and_does_not_widen_the_window(window: MainWindow, qtbot: QtBot) -> None:
    start_empty(window)
    before = window.minimumSizeHint().width()
    window.show_failure("/a/very/long/path/" * 30 + "model.vbp: cannot be read: no such file; choose another one")
    QApplication.processEvents()
    assert window.minimumSizeHint().width() == before
    window.resize(1000, 700)
    QApplication.processEvents()
    assert window.width() == 1000


def test_a_name_from_a_file_is_never_taken_for_markup(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_empty(window)
    name = "<h1>Huge</h1><img src='/etc/icon.png'>"
    window.document.edit(lambda network: replace(network, name=name), "Rename")
    formats: list[Qt.TextFormat] = []

    def cancel(box: QMessageBox) -> QMessageBox.StandardButton:
        assert name in box.text()
        formats.append(box.textFormat())
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "exec", cancel)
    window.files.new()
    window.show_failure(f"{name}: cannot be written")
    formats += [label.textFormat() for label in window.message_bar.findChildren(QLabel) if name in label.text()]
    assert formats == [Qt.TextFormat.PlainText] * 2


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


def test_a_floating_panel_has_an_edge_and_a_corner_to_resize_it_by(window: MainWindow, qtbot: QtBot) -> None:
    start_empty(window)
    dock = window.docks["mathematics"]
    grip = dock.findChild(QSizeGrip)
    assert grip is not None and not grip.isVisible()
    dock.setFloating(True)
    QApplication.processEvents()
    assert grip.isVisible() and grip.geometry().bottomRight() == dock.rect().bottomRight()
    edge, inner = dock.grab().toImage().pixelColor(0, 40), dock.grab().toImage().pixelColor(3, 40)
    assert edge == theme().color("accent") and inner == theme().color("panel")
    dock.setFloating(False)
    QApplication.processEvents()
    assert not grip.isVisible() and dock.contentsMargins().left() == 0


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


def test_an_empty_canvas_shows_the_algorithm_and_says_in_full_that_it_cannot_run(
    window: MainWindow, qtbot: QtBot
) -> None:
    start_empty(window)
    panel = window.docks["mathematics"].panel
    assert isinstance(panel, MathematicsPanel)
    assert panel.code.isVisible() and panel.code.current is None
    colours = {panel.code.grab().toImage().pixel(x, 6) for x in range(0, 200)}
    assert len(colours) > 3, "the first line of the algorithm is written"
    pill = window.tool_bar.pill
    bold, plain = theme().font(12, QFont.Weight.Bold), theme().font(12, QFont.Weight.DemiBold)
    words = QFontMetrics(bold).horizontalAdvance(pill.word) + QFontMetrics(plain).horizontalAdvance(pill.detail)
    assert pill.word == "CANNOT RUN" and words + 8 + 24 <= pill.width()
    build_xor(Person(window))
    assert panel.code.current is not None and panel.equation.isVisible()


def test_the_start_page_can_be_made_very_narrow(window: MainWindow, qtbot: QtBot) -> None:
    theme().set(scale=2.0)
    for width in (1400, 600, 300):
        window.resize(width, 500)
        for _ in range(3):
            QApplication.processEvents()
        assert all(card.width() > 0 for card in window.start_page.findChildren(SampleCard))


def test_a_slow_part_of_a_frame_leaves_as_much_time_to_keys_and_mouse_before_the_next(qtbot: QtBot) -> None:
    now, drawn = [0.0], list[str]()
    queue, owner = FrameQueue(clock=lambda: now[0]), QObject()
    others = QObject(), QObject(), QObject()

    def draw(name: str, milliseconds: float) -> None:
        drawn.append(name)
        now[0] += milliseconds / 1000

    queue.ask(owner, lambda: draw("slow", 2 * LONG))
    queue.ask(owner, lambda: draw("slow", 2 * LONG))  # asking twice is asking once
    for other in others:
        queue.ask(other, lambda: draw("quick", 2))
    queue._draw_next()
    assert drawn == ["slow"] and queue._timer.interval() == 2 * LONG
    queue._draw_next()  # one part a turn, however quick: painting it takes the longer time, and is not seen here
    assert drawn == ["slow", "quick"] and queue._timer.interval() < LONG
    qtbot.waitUntil(lambda: queue.is_empty, timeout=20_000)
    assert drawn == ["slow", "quick", "quick", "quick"]
