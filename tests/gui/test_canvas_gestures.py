"""Building a network by hand: every gesture as a person makes it, one step of undo each."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.building import xor
from tests.gui.canvas_bench import CanvasBench
from tests.gui.conftest import MakeCanvasBench
from visualbp.gui.canvas.gestures.drop_layer import DropLayer
from visualbp.gui.canvas.popup import LayerPopup
from visualbp.gui.canvas.rename import NameField
from visualbp.network import edits


@pytest.fixture
def bench(make_canvas_bench: MakeCanvasBench) -> CanvasBench:
    return make_canvas_bench(xor())


BELOW = QPointF(300, 190)


def test_a_layer_dropped_on_the_canvas_stands_there_and_is_selected(bench: CanvasBench) -> None:
    bench.drop("dense", BELOW)
    assert bench.names() == {"input", "hidden", "output", "loss", "dense"}
    assert (bench.item("dense").centre - BELOW).manhattanLength() < 14
    assert bench.selection.layers == ("dense",)
    assert bench.history() == ["Add dense"]
    bench.document.undo_stack.undo()
    assert "dense" not in bench.names()
    bench.assert_mirrors()


def test_a_layer_dropped_on_a_connection_is_inserted_there_and_the_connection_lights_up(bench: CanvasBench) -> None:
    edge = bench.scene.connections["hidden", "output"]
    middle = (edge.source.output_port + edge.target.input_port) / 2
    bench.drop("dropout", BELOW, middle, let_go=False)
    assert isinstance(bench.canvas.gesture, DropLayer)
    assert edge.lit
    assert "hidden" in bench.canvas.overlays.bubble.text
    bench.drop("dropout", BELOW, middle)
    assert set(bench.network.connections) == {
        ("input", "hidden"), ("hidden", "dropout"), ("dropout", "output"), ("output", "loss"),
    }  # fmt: skip
    assert bench.history() == ["Insert dropout"]
    bench.assert_mirrors()


def test_an_inserted_layer_makes_room_for_itself(bench: CanvasBench) -> None:
    edge = bench.scene.connections["hidden", "output"]
    bench.drop("dense", (edge.source.output_port + edge.target.input_port) / 2)
    bodies = [item.body for item in bench.scene.layers.values()]
    for number, body in enumerate(bodies):
        assert not any(body.intersects(other) for other in bodies[number + 1 :])


def test_something_else_dragged_over_the_canvas_is_not_taken(bench: CanvasBench) -> None:
    bench.drop("no such layer", BELOW)
    assert bench.canvas.gesture is None
    assert bench.history() == []


def test_a_drag_moves_a_layer_as_one_step_of_undo(bench: CanvasBench) -> None:
    start = bench.grip("hidden")
    before = bench.item("hidden").centre
    bench.drag(start, start + QPointF(30, 90), start + QPointF(60, 120))
    moved = bench.item("hidden").centre - before
    assert abs(moved.x() - 60) <= 12 and abs(moved.y() - 120) <= 12
    assert bench.history() == ["Move hidden"]
    bench.assert_mirrors()
    bench.document.undo_stack.undo()
    assert bench.item("hidden").centre == before
    bench.assert_mirrors()


def test_connections_follow_a_layer_while_it_is_dragged(bench: CanvasBench) -> None:
    start = bench.grip("hidden")
    bench.press(start)
    bench.move(start + QPointF(0, 150))
    edge = bench.scene.connections["input", "hidden"]
    end = edge.route.path.pointAtPercent(1.0)
    assert (end - bench.item("hidden").input_port).manhattanLength() < 0.01
    bench.release(start + QPointF(0, 150))


def test_escape_puts_a_dragged_layer_back(bench: CanvasBench) -> None:
    start, before = bench.grip("hidden"), bench.item("hidden").pos()
    bench.press(start)
    bench.move(start + QPointF(0, 150))
    assert bench.item("hidden").pos() != before
    bench.key(Qt.Key.Key_Escape)
    assert bench.item("hidden").pos() == before
    bench.release(start + QPointF(0, 150))
    assert bench.history() == []


def test_a_dragged_layer_lines_up_with_others(bench: CanvasBench) -> None:
    start = bench.grip("output")
    bench.drag(start, start + QPointF(0, 120))
    start = bench.grip("hidden")
    apart = bench.item("output").centre.y() - bench.item("hidden").centre.y()
    bench.drag(start, start + QPointF(0, apart + 3))
    assert bench.item("hidden").centre.y() == bench.item("output").centre.y()


def test_selected_layers_move_together(bench: CanvasBench) -> None:
    bench.selection.select(("hidden", "output"))
    apart = bench.item("output").centre - bench.item("hidden").centre
    start = bench.grip("hidden")
    bench.drag(start, start + QPointF(0, 120))
    assert bench.item("output").centre - bench.item("hidden").centre == apart
    assert bench.history() == ["Move 2 layers"]


def test_the_rubber_band_selects_what_it_touches(bench: CanvasBench) -> None:
    hidden, output = bench.item("hidden").body, bench.item("output").body
    bench.drag(hidden.topLeft() - QPointF(20, 60), output.center() + QPointF(0, 30))
    assert bench.selection.layers == ("hidden", "output")
    assert bench.item("hidden").card.selected and not bench.item("input").card.selected
    bench.click(BELOW + QPointF(0, 60))
    assert bench.selection.layers == ()


def test_shift_click_adds_to_the_selection_and_takes_away(bench: CanvasBench) -> None:
    bench.click(bench.grip("hidden"))
    bench.click(bench.grip("output"), Qt.KeyboardModifier.ShiftModifier)
    assert bench.selection.layers == ("hidden", "output")
    bench.click(bench.grip("hidden"), Qt.KeyboardModifier.ShiftModifier)
    assert bench.selection.layers == ("output",)


def test_ports_are_connected_by_dragging(bench: CanvasBench) -> None:
    bench.document.edit(lambda network: edits.disconnect(network, [("hidden", "output")]), "Disconnect")
    bench.drag(bench.item("hidden").output_port, bench.item("output").input_port)
    assert ("hidden", "output") in bench.network.connections
    bench.document.edit(lambda network: edits.disconnect(network, [("hidden", "output")]), "Disconnect")
    bench.drag(bench.item("output").input_port, bench.item("hidden").output_port)
    assert ("hidden", "output") in bench.network.connections
    bench.assert_mirrors()


def test_an_impossible_connection_is_refused_while_dragging_with_the_reason(bench: CanvasBench) -> None:
    target = bench.item("output").input_port
    bench.press(bench.item("input").output_port)
    bench.move(target - QPointF(60, 0))
    bench.move(target)
    bubble = bench.canvas.overlays.bubble
    assert bubble.isVisible()
    assert "output takes one input" in bubble.text
    bench.release(target)
    assert ("input", "output") not in bench.network.connections
    assert bench.history() == []
    assert not bubble.isVisible()
    assert any("takes one input" in message for message in bench.messages)


def test_a_cycle_is_refused(bench: CanvasBench) -> None:
    bench.drop("add", BELOW)
    bench.drag(bench.item("output").output_port, bench.item("add").input_port)
    assert ("output", "add") in bench.network.connections
    bench.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    bench.drag(bench.item("add").output_port, bench.item("hidden").input_port)
    assert ("add", "hidden") not in bench.network.connections
    assert any("cycle" in message for message in bench.messages)


def test_picking_a_connection_up_and_letting_it_go_removes_it(bench: CanvasBench) -> None:
    bench.drag(bench.item("output").input_port, bench.item("output").input_port + QPointF(-30, 160))
    assert ("hidden", "output") not in bench.network.connections
    bench.document.undo_stack.undo()
    assert ("hidden", "output") in bench.network.connections
    bench.assert_mirrors()


def test_picking_a_connection_up_moves_it_to_another_layer_in_one_step(bench: CanvasBench) -> None:
    bench.drop("dense", BELOW)
    bench.drag(bench.item("output").input_port, bench.item("dense").input_port)
    assert ("hidden", "dense") in bench.network.connections
    assert ("hidden", "output") not in bench.network.connections
    assert len(list(bench.history())) == 2


def test_a_loose_connection_offers_what_fits_and_connects_the_choice(bench: CanvasBench) -> None:
    bench.drag(bench.item("hidden").output_port, bench.item("hidden").output_port + QPointF(40, 180))
    popup = bench.canvas.findChild(LayerPopup)
    assert popup is not None and popup.isVisible()
    offered = {popup.list.layers.index(row, 0).data(0x0100) for row in range(popup.list.layers.rowCount())}
    assert "dense" in offered and "add" in offered
    assert "input" not in offered, "an input layer takes no input"
    QTest.keyClicks(popup.search, "dropout")
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert ("hidden", "dropout") in bench.network.connections
    assert bench.history() == ["Add dropout"]


def test_a_loose_layer_dropped_on_a_connection_is_inserted(bench: CanvasBench) -> None:
    bench.drop("dropout", BELOW)
    edge = bench.scene.connections["hidden", "output"]
    middle = (edge.source.output_port + edge.target.input_port) / 2
    start = bench.grip("dropout")
    to = middle + (start - bench.item("dropout").centre)
    bench.press(start)
    bench.move(start + QPointF(10, -40))
    bench.move(to)
    assert edge.lit
    bench.release(to)
    assert ("hidden", "dropout") in bench.network.connections
    assert ("dropout", "output") in bench.network.connections
    assert list(bench.history())[-1] == "Insert dropout"
    bench.assert_mirrors()


def test_delete_removes_a_layer_with_its_connections_and_undo_brings_both_back(bench: CanvasBench) -> None:
    bench.click(bench.grip("hidden"))
    bench.key(Qt.Key.Key_Delete)
    assert "hidden" not in bench.names()
    assert bench.network.connections == (("output", "loss"),)
    assert bench.selection.layers == ()
    bench.document.undo_stack.undo()
    assert ("input", "hidden") in bench.network.connections
    bench.assert_mirrors()


def test_a_connection_is_selected_near_its_line_and_deleted(bench: CanvasBench) -> None:
    edge = bench.scene.connections["hidden", "output"]
    start, end = edge.source.output_port, edge.target.input_port
    bench.click(start + (end - start) * 0.7 + QPointF(0, 6))
    assert bench.selection.connections == (("hidden", "output"),)
    bench.key(Qt.Key.Key_Delete)
    assert ("hidden", "output") not in bench.network.connections
    assert bench.history() == ["Disconnect hidden from output"]


def test_copied_layers_are_pasted_with_the_connections_among_them(bench: CanvasBench) -> None:
    bench.selection.select(("hidden", "output"))
    bench.canvas.copy()
    bench.canvas.paste_at(BELOW)
    assert {"hidden_2", "output_2"} <= bench.names()
    assert ("hidden_2", "output_2") in bench.network.connections
    assert bench.selection.layers == ("hidden_2", "output_2")
    assert bench.network.layer("hidden_2").options == bench.network.layer("hidden").options
    middle = (bench.item("hidden_2").centre + bench.item("output_2").centre) / 2
    assert (middle - BELOW).manhattanLength() < 14
    bench.assert_mirrors()


def test_what_is_no_network_on_the_clipboard_is_refused_in_words(bench: CanvasBench) -> None:
    QApplication.clipboard().setText("a shopping list")
    bench.canvas.paste()
    assert bench.history() == []
    assert any("clipboard" in message for message in bench.messages)


def test_a_duplicate_stands_clear_of_its_original(bench: CanvasBench) -> None:
    bench.selection.select(("hidden",))
    bench.canvas.duplicate()
    assert bench.selection.layers == ("hidden_2",)
    assert not bench.item("hidden_2").body.intersects(bench.item("hidden").body)


def test_a_double_click_on_the_name_renames_in_place(bench: CanvasBench) -> None:
    bench.double_click(bench.item("hidden").pos() + QPointF(60, 18))
    field = bench.canvas.findChild(NameField)
    assert field is not None
    QTest.keyClicks(field, "first")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert "first" in bench.names() and ("input", "first") in bench.network.connections
    assert bench.history() == ["Rename hidden to first"]
    bench.assert_mirrors()


def test_renaming_keeps_the_item_and_the_selection(bench: CanvasBench) -> None:
    bench.click(bench.grip("hidden"))
    item = bench.item("hidden")
    bench.document.edit(lambda network: edits.rename_layer(network, "hidden", "first"), "Rename")
    assert bench.item("first") is item
    assert bench.selection.layers == ("first",)
    bench.document.undo_stack.undo()
    assert bench.item("hidden") is item and bench.selection.layers == ("hidden",)
    bench.assert_mirrors()


def test_a_taken_name_is_refused_and_the_field_stays(bench: CanvasBench) -> None:
    bench.canvas.rename("hidden")
    field = bench.canvas.findChild(NameField)
    assert field is not None
    QTest.keyClicks(field, "output")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.isVisible() and field.property("invalid")
    assert "there is a layer called output already" in bench.canvas.overlays.bubble.text
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert "hidden" in bench.names()


def test_everything_can_be_undone_to_the_start_and_done_again_to_the_end(bench: CanvasBench) -> None:
    first = bench.network
    bench.drop("dense", BELOW)
    bench.drag(bench.item("hidden").output_port, bench.item("dense").input_port)
    start = bench.grip("dense")
    bench.drag(start, start + QPointF(96, 24))
    bench.selection.select(("dense",))
    bench.canvas.duplicate()
    bench.canvas.tidy()
    bench.canvas.delete_selected()
    last, stack = bench.network, bench.document.undo_stack
    assert stack.count() >= 6
    while stack.canUndo():
        stack.undo()
        bench.assert_mirrors()
    assert bench.network == first
    while stack.canRedo():
        stack.redo()
        bench.assert_mirrors()
    assert bench.network == last


def test_a_network_is_built_from_nothing_by_choosing_layers_one_after_another(
    make_canvas_bench: MakeCanvasBench,
) -> None:
    bench = make_canvas_bench()
    for type_name in ("input", "dense", "dense", "binary_cross_entropy"):
        bench.canvas.add_layer(type_name)
    assert bench.network.connections == (("input", "dense"), ("dense", "dense_2"), ("dense_2", "loss"))
    xs = [bench.item(name).centre.x() for name in ("input", "dense", "dense_2", "loss")]
    assert xs == sorted(xs) and min(b - a for a, b in pairwise(xs)) >= 200
    assert bench.document.structure.can_run


def test_a_layer_added_behind_a_selected_one_goes_between_it_and_the_next(bench: CanvasBench) -> None:
    bench.selection.select(("hidden",))
    bench.canvas.add_layer("dropout")
    assert ("hidden", "dropout") in bench.network.connections
    assert ("dropout", "output") in bench.network.connections
    assert bench.document.structure.can_run


def test_a_layer_added_at_a_selected_loss_goes_before_it(bench: CanvasBench) -> None:
    bench.selection.select(("loss",))
    bench.canvas.add_layer("dense")
    assert ("output", "dense") in bench.network.connections and ("dense", "loss") in bench.network.connections


def test_tidy_lays_the_layers_out_from_left_to_right(bench: CanvasBench) -> None:
    bench.document.edit(lambda n: edits.move_layers(n, {"hidden": (900.0, 300.0), "input": (500.0, 0.0)}), "Mess")
    bench.canvas.tidy()
    xs = [bench.item(name).centre.x() for name in ("input", "hidden", "output", "loss")]
    assert xs == sorted(xs)
    assert list(bench.history())[-1] == "Tidy layout"
    bench.assert_mirrors()
