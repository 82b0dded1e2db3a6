"""The keyboard on the canvas: from card to card, and moving them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.canvas_rig import Rig
from tests.gui.test_canvas_follows import row_of
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
def rig(qtbot: QtBot) -> Iterator[Rig]:
    """Thirteen layers in rows of seven and six, of which a part can be seen."""
    made = Rig(row_of(13))
    made.canvas.tidy()
    made.document.undo_stack.clear()
    made.canvas.zoom_to(1.0)
    made.canvas.setFocus()
    yield made
    made.close()


def shown(rig: Rig, name: str) -> bool:
    rig.canvas.glide.finish()
    return bool(rig.canvas.visible_rect().contains(rig.item(name).body))


def test_arrows_select_the_card_that_lies_that_way_and_bring_it_into_view(rig: Rig) -> None:
    rig.selection.select(("hidden_2",))
    for key, name in ((KEY.Key_Right, "hidden_3"), (KEY.Key_Down, "hidden_10"), (KEY.Key_Left, "hidden_9"),
                      (KEY.Key_Up, "hidden_2")):  # fmt: skip
        rig.key(key)
        assert rig.selection.layers == (name,) and shown(rig, name)
    rig.key(KEY.Key_Up)
    assert rig.selection.layers == ("hidden_2",), "there is nothing above"
    assert rig.history() == []


def test_held_down_right_and_left_go_through_all_rows(rig: Rig) -> None:
    rig.selection.select(("input",))
    found = ["input"]
    for _ in range(12):
        rig.key(KEY.Key_Right)
        found.append(rig.selection.layer or "")
    assert found == list(rig.network.names)
    for name in reversed(found[:-1]):
        rig.key(KEY.Key_Left)
        assert rig.selection.layer == name and shown(rig, name)


def test_shift_and_arrows_select_cards_as_well(rig: Rig) -> None:
    rig.selection.select(("hidden_2",))
    rig.key(KEY.Key_Right, SHIFT)
    rig.key(KEY.Key_Right, SHIFT)
    assert rig.selection.layers == ("hidden_2", "hidden_3", "hidden_4")


def test_the_first_arrow_selects_the_lit_card_or_what_is_in_the_middle(rig: Rig) -> None:
    rig.canvas.centerOn(rig.item("hidden_4").centre)
    rig.key(KEY.Key_Right)
    assert rig.selection.layers == ("hidden_4",)
    rig.step(2, Level.LAYER)
    rig.canvas.glide.finish()
    rig.selection.select()
    rig.key(KEY.Key_Right)
    assert rig.selection.layers == (rig.scene.flow.active_layer,)


def test_home_and_end_go_to_the_first_and_the_last_layer(rig: Rig) -> None:
    rig.key(KEY.Key_End)
    assert rig.selection.layers == ("loss",) and shown(rig, "loss")
    rig.key(KEY.Key_Home)
    assert rig.selection.layers == ("input",) and shown(rig, "input")


def test_a_dot_goes_to_the_current_step(rig: Rig) -> None:
    rig.step(2, Level.LAYER)
    rig.canvas.glide.finish()
    rig.canvas.centerOn(QPointF(1e4, 1e4))
    rig.key(KEY.Key_Period)
    assert shown(rig, "hidden_1")


def test_alt_and_arrows_move_the_selected_cards_in_one_step_of_undo(rig: Rig) -> None:
    rig.selection.select(("hidden_2", "hidden_3"))
    before = {name: rig.item(name).centre for name in rig.selection.layers}
    for key in (KEY.Key_Right, KEY.Key_Right, KEY.Key_Down):
        rig.key(key, ALT)
    for name, centre in before.items():
        assert (rig.item(name).centre - centre - QPointF(24, 12)).manhattanLength() < 0.1
    assert rig.history() == ["Move 2 layers"]
    rig.key(KEY.Key_Left, ALT | SHIFT)
    assert 0 < before["hidden_2"].x() + 24 - rig.item("hidden_2").centre.x() < 2
    rig.document.undo_stack.undo()
    assert all(rig.item(name).centre == centre for name, centre in before.items())


def test_after_a_pause_or_for_other_cards_it_is_another_step_of_undo(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("visualbp.gui.canvas.canvas_edits.time.monotonic", lambda: now[0])
    rig.selection.select(("hidden_2",))
    for _ in range(3):
        now[0] += BURST / 2
        rig.key(KEY.Key_Up, ALT)
    now[0] += BURST + 0.1
    rig.key(KEY.Key_Up, ALT)
    rig.selection.select(("hidden_3",))
    rig.key(KEY.Key_Up, ALT)
    assert rig.history() == ["Move hidden_2", "Move hidden_2", "Move hidden_3"]


def test_alt_and_arrows_without_a_selection_say_what_is_missing(rig: Rig) -> None:
    rig.key(KEY.Key_Right, ALT)
    assert rig.messages == ["nothing is selected: select the cards to move first"]


def test_control_and_arrows_move_the_view(rig: Rig) -> None:
    before = rig.canvas.scroll_position
    rig.key(KEY.Key_Right, CONTROL)
    assert rig.canvas.scroll_position.x() > before.x()


def test_far_out_arrows_leave_the_zoom_alone(rig: Rig) -> None:
    rig.canvas.set_zoom(0.15)
    rig.selection.select(("hidden_2",))
    rig.key(KEY.Key_Right)
    rig.key(KEY.Key_End)
    assert rig.canvas.zoom == 0.15


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


def test_on_an_empty_canvas_the_keys_do_nothing(qtbot: QtBot) -> None:
    rig = Rig()
    for key in (KEY.Key_Right, KEY.Key_Home, KEY.Key_End, KEY.Key_Period):
        rig.key(key)
    assert rig.selection.layers == ()
    rig.close()
