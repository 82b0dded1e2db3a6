"""The keyboard on the canvas: from card to card, and moving them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from tests.building import row_of
from tests.gui.canvas_bench import CanvasBench
from tests.gui.conftest import MakeCanvasBench
from visualbp.debugger.commands import Level
from visualbp.gui.canvas.canvas_edits import BURST
from visualbp.gui.canvas.keys import KEYS
from visualbp.gui.canvas.neighbours import nearest, neighbour
from visualbp.gui.dialogs import show_keys

ALT, SHIFT, CONTROL = (
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
KEY = Qt.Key


@pytest.fixture
def bench(make_canvas_bench: MakeCanvasBench) -> CanvasBench:
    """Thirteen layers in rows of seven and six, of which a part can be seen."""
    made = make_canvas_bench(row_of(13))
    made.canvas.tidy()
    made.document.undo_stack.clear()
    made.canvas.zoom_to(1.0)
    made.canvas.setFocus()
    return made


def shown(bench: CanvasBench, name: str) -> bool:
    bench.canvas.glide.finish()
    return bool(bench.canvas.visible_rect().contains(bench.item(name).body))


def test_arrows_select_the_card_that_lies_that_way_and_bring_it_into_view(bench: CanvasBench) -> None:
    bench.selection.select(("hidden_2",))
    for key, name in ((KEY.Key_Right, "hidden_3"), (KEY.Key_Down, "hidden_10"), (KEY.Key_Left, "hidden_9"),
                      (KEY.Key_Up, "hidden_2")):  # fmt: skip
        bench.key(key)
        assert bench.selection.layers == (name,) and shown(bench, name)
    bench.key(KEY.Key_Up)
    assert bench.selection.layers == ("hidden_2",), "there is nothing above"
    assert bench.history() == []


def test_held_down_right_and_left_go_through_all_rows(bench: CanvasBench) -> None:
    bench.selection.select(("input",))
    found = ["input"]
    for _ in range(12):
        bench.key(KEY.Key_Right)
        found.append(bench.selection.layer or "")
    assert found == list(bench.network.names)
    for name in reversed(found[:-1]):
        bench.key(KEY.Key_Left)
        assert bench.selection.layer == name and shown(bench, name)


def test_shift_and_arrows_select_cards_as_well(bench: CanvasBench) -> None:
    bench.selection.select(("hidden_2",))
    bench.key(KEY.Key_Right, SHIFT)
    bench.key(KEY.Key_Right, SHIFT)
    assert bench.selection.layers == ("hidden_2", "hidden_3", "hidden_4")


def test_the_first_arrow_selects_the_lit_card_or_what_is_in_the_middle(bench: CanvasBench) -> None:
    bench.canvas.centerOn(bench.item("hidden_4").centre)
    bench.key(KEY.Key_Right)
    assert bench.selection.layers == ("hidden_4",)
    bench.step(2, Level.LAYER)
    bench.canvas.glide.finish()
    bench.selection.select()
    bench.key(KEY.Key_Right)
    assert bench.selection.layers == (bench.scene.flow.active_layer,)


def test_home_and_end_go_to_the_first_and_the_last_layer(bench: CanvasBench) -> None:
    bench.key(KEY.Key_End)
    assert bench.selection.layers == ("loss",) and shown(bench, "loss")
    bench.key(KEY.Key_Home)
    assert bench.selection.layers == ("input",) and shown(bench, "input")


def test_a_dot_goes_to_the_current_step(bench: CanvasBench) -> None:
    bench.step(2, Level.LAYER)
    bench.canvas.glide.finish()
    bench.canvas.centerOn(QPointF(1e4, 1e4))
    bench.key(KEY.Key_Period)
    assert shown(bench, "hidden_1")


def test_alt_and_arrows_move_the_selected_cards_in_one_step_of_undo(bench: CanvasBench) -> None:
    bench.selection.select(("hidden_2", "hidden_3"))
    before = {name: bench.item(name).centre for name in bench.selection.layers}
    for key in (KEY.Key_Right, KEY.Key_Right, KEY.Key_Down):
        bench.key(key, ALT)
    for name, centre in before.items():
        assert (bench.item(name).centre - centre - QPointF(24, 12)).manhattanLength() < 0.1
    assert bench.history() == ["Move 2 layers"]
    bench.key(KEY.Key_Left, ALT | SHIFT)
    assert 0 < before["hidden_2"].x() + 24 - bench.item("hidden_2").centre.x() < 2
    bench.document.undo_stack.undo()
    assert all(bench.item(name).centre == centre for name, centre in before.items())


def test_after_a_pause_or_for_other_cards_it_is_another_step_of_undo(
    bench: CanvasBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("visualbp.gui.canvas.canvas_edits.time.monotonic", lambda: now[0])
    bench.selection.select(("hidden_2",))
    for _ in range(3):
        now[0] += BURST / 2
        bench.key(KEY.Key_Up, ALT)
    now[0] += BURST + 0.1
    bench.key(KEY.Key_Up, ALT)
    bench.selection.select(("hidden_3",))
    bench.key(KEY.Key_Up, ALT)
    assert bench.history() == ["Move hidden_2", "Move hidden_2", "Move hidden_3"]


def test_alt_and_arrows_without_a_selection_say_what_is_missing(bench: CanvasBench) -> None:
    bench.key(KEY.Key_Right, ALT)
    assert bench.messages == ["nothing is selected: select the cards to move first"]


def test_control_and_arrows_move_the_view(bench: CanvasBench) -> None:
    before = bench.canvas.scroll_position
    bench.key(KEY.Key_Right, CONTROL)
    assert bench.canvas.scroll_position.x() > before.x()


def test_far_out_arrows_leave_the_zoom_alone(bench: CanvasBench) -> None:
    bench.canvas.set_zoom(0.15)
    bench.selection.select(("hidden_2",))
    bench.key(KEY.Key_Right)
    bench.key(KEY.Key_End)
    assert bench.canvas.zoom == 0.15


def test_the_list_of_keys_names_them_all(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    show_keys(parent)
    dialog = parent.findChild(QDialog, "keys")
    texts = {label.text() for label in dialog.findChildren(QLabel)}
    assert {key for key, _ in KEYS} | {words for _, words in KEYS} <= texts
    dialog.close()
    QApplication.processEvents()


def test_a_card_in_the_same_row_comes_before_a_nearer_one_in_another() -> None:
    bodies = {"start": QRectF(0, 0, 176, 166), "level": QRectF(600, 20, 176, 166), "near": QRectF(200, 200, 176, 166)}
    assert neighbour(bodies, "start", 1, 0) == "level"
    assert neighbour(bodies, "start", 0, 1) == "near"
    assert neighbour(bodies, "start", -1, 0) is None
    assert nearest(bodies, QPointF(300, 290)) == "near"
    assert nearest({}, QPointF()) is None


def test_on_an_empty_canvas_the_keys_do_nothing(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench()
    for key in (KEY.Key_Right, KEY.Key_Home, KEY.Key_End, KEY.Key_Period):
        bench.key(key)
    assert bench.selection.layers == ()
