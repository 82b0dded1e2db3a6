"""Building a network by hand: every gesture as a person makes it, one step of undo each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.building import xor
from tests.gui.canvas_rig import Rig
from visualbp.gui.canvas.gestures.drop_layer import DropLayer
from visualbp.gui.canvas.popup import LayerPopup
from visualbp.gui.canvas.rename import NameField
from visualbp.network import edits


@pytest.fixture
def rig(qtbot: QtBot) -> Iterator[Rig]:
    made = Rig(xor())
    yield made
    made.close()


@pytest.fixture
def empty(qtbot: QtBot) -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


BELOW = QPointF(300, 190)


def test_a_layer_dropped_on_the_canvas_stands_there_and_is_selected(rig: Rig) -> None:
    rig.drop("dense", BELOW)
    assert rig.names() == {"input", "hidden", "output", "loss", "dense"}
    assert (rig.item("dense").centre - BELOW).manhattanLength() < 14
    assert rig.selection.layers == ("dense",)
    assert rig.history() == ["Add dense"]
    rig.document.undo_stack.undo()
    assert "dense" not in rig.names()
    rig.assert_mirrors()


def test_a_layer_dropped_on_a_connection_is_inserted_there_and_the_connection_lights_up(rig: Rig) -> None:
    edge = rig.scene.connections["hidden", "output"]
    middle = (edge.source.output_port + edge.target.input_port) / 2
    rig.drop("dropout", BELOW, middle, let_go=False)
    assert isinstance(rig.canvas.gesture, DropLayer)
    assert edge.lit
    assert "hidden" in rig.canvas.overlays.bubble.text
    rig.drop("dropout", BELOW, middle)
    assert set(rig.network.connections) == {
        ("input", "hidden"), ("hidden", "dropout"), ("dropout", "output"), ("output", "loss"),
    }  # fmt: skip
    assert rig.history() == ["Insert dropout"]
    rig.assert_mirrors()


def test_an_inserted_layer_makes_room_for_itself(rig: Rig) -> None:
    edge = rig.scene.connections["hidden", "output"]
    rig.drop("dense", (edge.source.output_port + edge.target.input_port) / 2)
    bodies = [item.body for item in rig.scene.layers.values()]
    for number, body in enumerate(bodies):
        assert not any(body.intersects(other) for other in bodies[number + 1 :])


def test_something_else_dragged_over_the_canvas_is_not_taken(rig: Rig) -> None:
    rig.drop("no such layer", BELOW)
    assert rig.canvas.gesture is None
    assert rig.history() == []


def test_a_drag_moves_a_layer_as_one_step_of_undo(rig: Rig) -> None:
    start = rig.grip("hidden")
    before = rig.item("hidden").centre
    rig.drag(start, start + QPointF(30, 90), start + QPointF(60, 120))
    moved = rig.item("hidden").centre - before
    assert abs(moved.x() - 60) <= 12 and abs(moved.y() - 120) <= 12
    assert rig.history() == ["Move hidden"]
    rig.assert_mirrors()
    rig.document.undo_stack.undo()
    assert rig.item("hidden").centre == before
    rig.assert_mirrors()


def test_connections_follow_a_layer_while_it_is_dragged(rig: Rig) -> None:
    start = rig.grip("hidden")
    rig.press(start)
    rig.move(start + QPointF(0, 150))
    edge = rig.scene.connections["input", "hidden"]
    end = edge.route.path.pointAtPercent(1.0)
    assert (end - rig.item("hidden").input_port).manhattanLength() < 0.01
    rig.release(start + QPointF(0, 150))


def test_escape_puts_a_dragged_layer_back(rig: Rig) -> None:
    start, before = rig.grip("hidden"), rig.item("hidden").pos()
    rig.press(start)
    rig.move(start + QPointF(0, 150))
    assert rig.item("hidden").pos() != before
    rig.key(Qt.Key.Key_Escape)
    assert rig.item("hidden").pos() == before
    rig.release(start + QPointF(0, 150))
    assert rig.history() == []


def test_a_dragged_layer_lines_up_with_others(rig: Rig) -> None:
    start = rig.grip("output")
    rig.drag(start, start + QPointF(0, 120))
    start = rig.grip("hidden")
    apart = rig.item("output").centre.y() - rig.item("hidden").centre.y()
    rig.drag(start, start + QPointF(0, apart + 3))
    assert rig.item("hidden").centre.y() == rig.item("output").centre.y()


def test_selected_layers_move_together(rig: Rig) -> None:
    rig.selection.select(("hidden", "output"))
    apart = rig.item("output").centre - rig.item("hidden").centre
    start = rig.grip("hidden")
    rig.drag(start, start + QPointF(0, 120))
    assert rig.item("output").centre - rig.item("hidden").centre == apart
    assert rig.history() == ["Move 2 layers"]


def test_the_rubber_band_selects_what_it_touches(rig: Rig) -> None:
    hidden, output = rig.item("hidden").body, rig.item("output").body
    rig.drag(hidden.topLeft() - QPointF(20, 60), output.center() + QPointF(0, 30))
    assert rig.selection.layers == ("hidden", "output")
    assert rig.item("hidden").card.selected and not rig.item("input").card.selected
    rig.click(BELOW + QPointF(0, 60))
    assert rig.selection.layers == ()


def test_shift_click_adds_to_the_selection_and_takes_away(rig: Rig) -> None:
    rig.click(rig.grip("hidden"))
    rig.click(rig.grip("output"), Qt.KeyboardModifier.ShiftModifier)
    assert rig.selection.layers == ("hidden", "output")
    rig.click(rig.grip("hidden"), Qt.KeyboardModifier.ShiftModifier)
    assert rig.selection.layers == ("output",)


def test_ports_are_connected_by_dragging(rig: Rig) -> None:
    rig.document.edit(lambda network: edits.disconnect(network, [("hidden", "output")]), "Disconnect")
    rig.drag(rig.item("hidden").output_port, rig.item("output").input_port)
    assert ("hidden", "output") in rig.network.connections
    rig.document.edit(lambda network: edits.disconnect(network, [("hidden", "output")]), "Disconnect")
    rig.drag(rig.item("output").input_port, rig.item("hidden").output_port)
    assert ("hidden", "output") in rig.network.connections
    rig.assert_mirrors()


def test_an_impossible_connection_is_refused_while_dragging_with_the_reason(rig: Rig) -> None:
    target = rig.item("output").input_port
    rig.press(rig.item("input").output_port)
    rig.move(target - QPointF(60, 0))
    rig.move(target)
    bubble = rig.canvas.overlays.bubble
    assert bubble.isVisible()
    assert "output takes one input" in bubble.text
    rig.release(target)
    assert ("input", "output") not in rig.network.connections
    assert rig.history() == []
    assert not bubble.isVisible()
    assert any("takes one input" in message for message in rig.messages)


def test_a_cycle_is_refused(rig: Rig) -> None:
    rig.drop("add", BELOW)
    rig.drag(rig.item("output").output_port, rig.item("add").input_port)
    assert ("output", "add") in rig.network.connections
    rig.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    rig.drag(rig.item("add").output_port, rig.item("hidden").input_port)
    assert ("add", "hidden") not in rig.network.connections
    assert any("cycle" in message for message in rig.messages)


def test_picking_a_connection_up_and_letting_it_go_removes_it(rig: Rig) -> None:
    rig.drag(rig.item("output").input_port, rig.item("output").input_port + QPointF(-30, 160))
    assert ("hidden", "output") not in rig.network.connections
    rig.document.undo_stack.undo()
    assert ("hidden", "output") in rig.network.connections
    rig.assert_mirrors()


def test_picking_a_connection_up_moves_it_to_another_layer_in_one_step(rig: Rig) -> None:
    rig.drop("dense", BELOW)
    rig.drag(rig.item("output").input_port, rig.item("dense").input_port)
    assert ("hidden", "dense") in rig.network.connections
    assert ("hidden", "output") not in rig.network.connections
    assert len(list(rig.history())) == 2


def test_a_loose_connection_offers_what_fits_and_connects_the_choice(rig: Rig) -> None:
    rig.drag(rig.item("hidden").output_port, rig.item("hidden").output_port + QPointF(40, 180))
    popup = rig.canvas.findChild(LayerPopup)
    assert popup is not None and popup.isVisible()
    offered = {popup.list.layers.index(row, 0).data(0x0100) for row in range(popup.list.layers.rowCount())}
    assert "dense" in offered and "add" in offered
    assert "input" not in offered, "an input layer takes no input"
    QTest.keyClicks(popup.search, "dropout")
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert ("hidden", "dropout") in rig.network.connections
    assert rig.history() == ["Add dropout"]


def test_a_loose_layer_dropped_on_a_connection_is_inserted(rig: Rig) -> None:
    rig.drop("dropout", BELOW)
    edge = rig.scene.connections["hidden", "output"]
    middle = (edge.source.output_port + edge.target.input_port) / 2
    start = rig.grip("dropout")
    to = middle + (start - rig.item("dropout").centre)
    rig.press(start)
    rig.move(start + QPointF(10, -40))
    rig.move(to)
    assert edge.lit
    rig.release(to)
    assert ("hidden", "dropout") in rig.network.connections
    assert ("dropout", "output") in rig.network.connections
    assert list(rig.history())[-1] == "Insert dropout"
    rig.assert_mirrors()


def test_delete_removes_a_layer_with_its_connections_and_undo_brings_both_back(rig: Rig) -> None:
    rig.click(rig.grip("hidden"))
    rig.key(Qt.Key.Key_Delete)
    assert "hidden" not in rig.names()
    assert rig.network.connections == (("output", "loss"),)
    assert rig.selection.layers == ()
    rig.document.undo_stack.undo()
    assert ("input", "hidden") in rig.network.connections
    rig.assert_mirrors()


def test_a_connection_is_selected_near_its_line_and_deleted(rig: Rig) -> None:
    edge = rig.scene.connections["hidden", "output"]
    start, end = edge.source.output_port, edge.target.input_port
    rig.click(start + (end - start) * 0.7 + QPointF(0, 6))
    assert rig.selection.connections == (("hidden", "output"),)
    rig.key(Qt.Key.Key_Delete)
    assert ("hidden", "output") not in rig.network.connections
    assert rig.history() == ["Disconnect hidden from output"]


def test_copied_layers_are_pasted_with_the_connections_among_them(rig: Rig) -> None:
    rig.selection.select(("hidden", "output"))
    rig.canvas.copy()
    rig.canvas.paste_at(BELOW)
    assert {"hidden_2", "output_2"} <= rig.names()
    assert ("hidden_2", "output_2") in rig.network.connections
    assert rig.selection.layers == ("hidden_2", "output_2")
    assert rig.network.layer("hidden_2").options == rig.network.layer("hidden").options
    middle = (rig.item("hidden_2").centre + rig.item("output_2").centre) / 2
    assert (middle - BELOW).manhattanLength() < 14
    rig.assert_mirrors()


def test_what_is_no_network_on_the_clipboard_is_refused_in_words(rig: Rig) -> None:
    QApplication.clipboard().setText("a shopping list")
    rig.canvas.paste()
    assert rig.history() == []
    assert any("clipboard" in message for message in rig.messages)


def test_a_duplicate_stands_clear_of_its_original(rig: Rig) -> None:
    rig.selection.select(("hidden",))
    rig.canvas.duplicate()
    assert rig.selection.layers == ("hidden_2",)
    assert not rig.item("hidden_2").body.intersects(rig.item("hidden").body)


def test_a_double_click_on_the_name_renames_in_place(rig: Rig) -> None:
    rig.double_click(rig.item("hidden").pos() + QPointF(60, 18))
    field = rig.canvas.findChild(NameField)
    assert field is not None
    QTest.keyClicks(field, "first")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert "first" in rig.names() and ("input", "first") in rig.network.connections
    assert rig.history() == ["Rename hidden to first"]
    rig.assert_mirrors()


def test_renaming_keeps_the_item_and_the_selection(rig: Rig) -> None:
    rig.click(rig.grip("hidden"))
    item = rig.item("hidden")
    rig.document.edit(lambda network: edits.rename_layer(network, "hidden", "first"), "Rename")
    assert rig.item("first") is item
    assert rig.selection.layers == ("first",)
    rig.document.undo_stack.undo()
    assert rig.item("hidden") is item and rig.selection.layers == ("hidden",)
    rig.assert_mirrors()


def test_a_taken_name_is_refused_and_the_field_stays(rig: Rig) -> None:
    rig.canvas.rename("hidden")
    field = rig.canvas.findChild(NameField)
    assert field is not None
    QTest.keyClicks(field, "output")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.isVisible() and field.property("invalid")
    assert "there is a layer called output already" in rig.canvas.overlays.bubble.text
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert "hidden" in rig.names()


def test_everything_can_be_undone_to_the_start_and_done_again_to_the_end(rig: Rig) -> None:
    first = rig.network
    rig.drop("dense", BELOW)
    rig.drag(rig.item("hidden").output_port, rig.item("dense").input_port)
    start = rig.grip("dense")
    rig.drag(start, start + QPointF(96, 24))
    rig.selection.select(("dense",))
    rig.canvas.duplicate()
    rig.canvas.tidy()
    rig.canvas.delete_selected()
    last, stack = rig.network, rig.document.undo_stack
    assert stack.count() >= 6
    while stack.canUndo():
        stack.undo()
        rig.assert_mirrors()
    assert rig.network == first
    while stack.canRedo():
        stack.redo()
        rig.assert_mirrors()
    assert rig.network == last


def test_a_network_is_built_from_nothing_by_choosing_layers_one_after_another(empty: Rig) -> None:
    for type_name in ("input", "dense", "dense", "binary_cross_entropy"):
        empty.canvas.add_layer(type_name)
    assert empty.network.connections == (("input", "dense"), ("dense", "dense_2"), ("dense_2", "loss"))
    xs = [empty.item(name).centre.x() for name in ("input", "dense", "dense_2", "loss")]
    assert xs == sorted(xs) and min(b - a for a, b in pairwise(xs)) >= 200
    assert empty.document.structure.can_run


def test_a_layer_added_behind_a_selected_one_goes_between_it_and_the_next(rig: Rig) -> None:
    rig.selection.select(("hidden",))
    rig.canvas.add_layer("dropout")
    assert ("hidden", "dropout") in rig.network.connections
    assert ("dropout", "output") in rig.network.connections
    assert rig.document.structure.can_run


def test_a_layer_added_at_a_selected_loss_goes_before_it(rig: Rig) -> None:
    rig.selection.select(("loss",))
    rig.canvas.add_layer("dense")
    assert ("output", "dense") in rig.network.connections and ("dense", "loss") in rig.network.connections


def test_tidy_lays_the_layers_out_from_left_to_right(rig: Rig) -> None:
    rig.document.edit(lambda n: edits.move_layers(n, {"hidden": (900.0, 300.0), "input": (500.0, 0.0)}), "Mess")
    rig.canvas.tidy()
    xs = [rig.item(name).centre.x() for name in ("input", "hidden", "output", "loss")]
    assert xs == sorted(xs)
    assert list(rig.history())[-1] == "Tidy layout"
    rig.assert_mirrors()
