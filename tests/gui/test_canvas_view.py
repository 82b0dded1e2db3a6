"""Looking at the canvas: zoom, keys, selection, the pointer over numbers, and the empty canvas."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from tests.building import chain, inline, xor
from tests.gui.bench import pixels
from tests.gui.canvas_bench import CanvasBench, xor_twice
from tests.gui.conftest import MakeCanvasBench
from tests.refs import ref
from visualbp.debugger.commands import Level
from visualbp.gui.canvas.controls import SampleControl
from visualbp.gui.canvas.menus import canvas_menu, connection_menu, layer_menu
from visualbp.gui.theme import theme
from visualbp.network import edits


@pytest.fixture
def bench(make_canvas_bench: MakeCanvasBench) -> CanvasBench:
    return make_canvas_bench(xor_twice())


def wheel(bench: CanvasBench, place: QPointF, turn: int, modifiers: Qt.KeyboardModifier) -> None:
    QApplication.sendEvent(
        bench.canvas.viewport(),
        QWheelEvent(place, place, QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton, modifiers,
                    Qt.ScrollPhase.NoScrollPhase, False),
    )  # fmt: skip


def cell_place(bench: CanvasBench, name: str, row: int, tile: int, cell: tuple[int, int]) -> QPointF:
    item = bench.item(name)
    return item.pos() + item.card.content.rows[row].tiles[tile].cell_rect(*cell).center()


def test_control_and_the_wheel_zoom_at_the_pointer(bench: CanvasBench, qtbot: QtBot) -> None:
    place = QPointF(300, 200)
    before, zoom = bench.canvas.mapToScene(place.toPoint()), bench.canvas.zoom
    with qtbot.waitSignal(bench.canvas.zoom_changed):
        wheel(bench, place, 240, Qt.KeyboardModifier.ControlModifier)
    assert bench.canvas.zoom > zoom * 1.3
    assert (bench.canvas.mapToScene(place.toPoint()) - before).manhattanLength() < 3
    wheel(bench, place, -240, Qt.KeyboardModifier.ControlModifier)
    assert bench.canvas.zoom == pytest.approx(zoom)


def test_the_wheel_alone_scrolls(bench: CanvasBench) -> None:
    before, zoom = bench.canvas.visible_rect().top(), bench.canvas.zoom
    wheel(bench, QPointF(300, 200), -120, Qt.KeyboardModifier.NoModifier)
    assert bench.canvas.visible_rect().top() > before
    assert bench.canvas.zoom == zoom


def test_the_middle_button_pans(bench: CanvasBench) -> None:
    start = bench.canvas.visible_rect().center()
    before = bench.canvas.visible_rect().topLeft()
    bench.press(start, button=Qt.MouseButton.MiddleButton)
    bench.canvas.gesture.move(bench.canvas.pointer(bench.view(start) + QPoint(40, 25)))
    moved = before - bench.canvas.visible_rect().topLeft()
    scale = bench.canvas.transform().m11()
    assert moved.x() * scale == pytest.approx(40, abs=1.5) and moved.y() * scale == pytest.approx(25, abs=1.5)
    bench.release(start, Qt.MouseButton.MiddleButton)
    assert bench.history() == []


def test_a_drag_that_is_held_near_the_edge_scrolls_and_the_layer_stays_under_the_pointer(
    bench: CanvasBench, qtbot: QtBot
) -> None:
    start, before = bench.grip("hidden"), bench.canvas.scroll_position
    view = bench.canvas.viewport().rect()
    bench.press(start)
    bench.move(bench.canvas.mapToScene(view.center()))
    bench.move(bench.canvas.mapToScene(QPoint(view.right() - 4, view.center().y())))
    qtbot.waitUntil(lambda: bench.canvas.scroll_position.x() > before.x() + 60)
    assert bench.canvas.scroll_position.y() == before.y()
    assert abs(bench.view(bench.grip("hidden")).x() - (view.right() - 4)) < 20, "it snaps to the grid, no more"
    bench.key(Qt.Key.Key_Escape)
    held = bench.canvas.scroll_position
    qtbot.wait(100)
    assert bench.canvas.scroll_position == held
    assert bench.history() == []


def test_fit_shows_the_whole_network(bench: CanvasBench) -> None:
    bench.canvas.zoom_to(3.0)
    bench.canvas.fit()
    for item in bench.scene.layers.values():
        assert bench.canvas.visible_rect().contains(item.body)


def test_edits_and_undo_and_steps_of_cards_in_view_leave_zoom_and_place_alone(bench: CanvasBench) -> None:
    bench.canvas.zoom_to(1.37)
    bench.step(1, Level.LAYER)
    bench.canvas.centerOn((bench.item("hidden").centre + bench.item("output").centre) / 2)
    before, zoom = bench.canvas.visible_rect(), bench.canvas.zoom
    bench.step(1, Level.LAYER)
    bench.step(1, Level.LAYER)
    bench.document.edit(lambda network: edits.set_options(network, "hidden", {"units": 6}), "Edit")
    bench.document.undo_stack.undo()
    assert bench.canvas.zoom == zoom
    assert bench.canvas.visible_rect() == before


def test_the_presenters_scale_makes_everything_larger_and_keeps_the_zoom(bench: CanvasBench) -> None:
    zoom, scale = bench.canvas.zoom, bench.canvas.transform().m11()
    theme().set(scale=1.6)
    assert bench.canvas.zoom == zoom
    assert bench.canvas.transform().m11() == pytest.approx(1.6 * scale)


def test_tab_walks_the_layers_in_the_order_in_which_they_run_and_then_leaves(bench: CanvasBench) -> None:
    bench.canvas.setFocus()
    found = []
    for _ in range(4):
        assert bench.canvas.focusNextPrevChild(True)
        found.append(bench.selection.layer)
    assert found == ["input", "hidden", "output", "loss"]
    assert bench.canvas.focusNextPrevChild(False) and bench.selection.layer == "output"


def test_enter_asks_for_the_inspector(bench: CanvasBench, qtbot: QtBot) -> None:
    bench.selection.select(("hidden",))
    with qtbot.waitSignal(bench.canvas.inspector_asked) as asked:
        bench.key(Qt.Key.Key_Return)
    assert asked.args == ["hidden"]


def test_a_selection_made_elsewhere_is_shown_on_the_canvas(bench: CanvasBench) -> None:
    before = pixels(bench.canvas)
    bench.selection.select(("output",))
    assert bench.item("output").card.selected
    assert not np.array_equal(before, pixels(bench.canvas))


def test_a_click_on_a_number_asks_where_it_came_from(bench: CanvasBench) -> None:
    bench.step(1, Level.ITERATION)
    bench.selection.choose_sample(2)
    chosen = []
    bench.selection.number_chosen.connect(lambda value, index: chosen.append((value, index)))
    bench.click(cell_place(bench, "hidden", 0, 0, (0, 3)))
    bench.click(cell_place(bench, "hidden", 2, 0, (1, 1)))
    assert chosen == [(ref("hidden", "h"), (2, 3)), (ref("hidden", "weight"), (1, 1))]


def test_hovering_over_a_number_says_its_name_its_index_and_its_exact_value(bench: CanvasBench) -> None:
    bench.step(3, Level.LAYER)
    bench.selection.choose_sample(1)
    bench.move(cell_place(bench, "hidden", 0, 0, (0, 2)))
    array = bench.snapshot.get("hidden", "h")
    assert array is not None
    assert bench.canvas.overlays.bubble.isVisible()
    assert bench.canvas.overlays.bubble.text == f"hidden.h[2] = {float(array[1, 2])!r}\nsample 1, unit 2"


def test_hovering_over_a_prediction_says_which_numbers_it_was_made_from(make_canvas_bench: MakeCanvasBench) -> None:
    network = chain(
        ("input", "input", {"shape": [2]}), ("out", "dense", {"units": 3}), ("loss", "softmax_cross_entropy", {}),
        data=inline([[1.0, 2.0], [0.5, -1.0]], [0, 2]),
    )  # fmt: skip
    bench = make_canvas_bench(network)
    bench.step(1, Level.PASS)
    logits = bench.snapshot.get("out", "z")
    assert logits is not None
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    bench.move(cell_place(bench, "loss", 0, 0, (0, 1)))
    words = bench.canvas.overlays.bubble.text
    assert words.startswith("ŷ[1] = ") and f"out.z[1] = {float(logits[0, 1])!r}" in words
    assert float(words.split("\n")[0].split("= ")[1]) == pytest.approx(shares[1], rel=1e-12)


def test_hovering_over_what_is_absent_says_so(bench: CanvasBench) -> None:
    item = bench.item("hidden")
    bench.move(item.pos() + item.layout.rows[1].rect.center())
    assert "not yet computed" in bench.canvas.overlays.bubble.text


def test_a_click_left_of_a_card_sets_a_breakpoint_and_another_removes_it(bench: CanvasBench) -> None:
    gutter = bench.item("hidden").pos() + QPointF(-8, 20)
    bench.click(gutter)
    bench.settle()
    assert {layer for _, layer in bench.debugger.breakpoints} == {"hidden"}
    assert bench.item("hidden").card.breakpoint
    bench.click(gutter)
    bench.settle()
    assert not bench.debugger.breakpoints and not bench.item("hidden").card.breakpoint


def test_the_sample_can_be_chosen_in_the_legend(bench: CanvasBench) -> None:
    bench.step(1, Level.ITERATION)
    control = bench.canvas.findChild(SampleControl)
    assert control is not None and control.number.text() == "sample 0"
    before = pixels(bench.canvas)
    control._more.click()
    assert bench.selection.sample == 1 and control.number.text() == "sample 1"
    assert not np.array_equal(before, pixels(bench.canvas))


def test_an_empty_canvas_teaches_and_offers_samples(make_canvas_bench: MakeCanvasBench, qtbot: QtBot) -> None:
    bench = make_canvas_bench()
    hint = bench.canvas.overlays.hint
    assert hint.isVisible()
    with qtbot.waitSignal(bench.canvas.sample_asked) as asked:
        hint.findChild(QPushButton, "sample_xor").click()
    assert asked.args == ["xor"]
    bench.canvas.add_layer("input")
    assert not hint.isVisible()
    bench.document.undo_stack.undo()
    assert hint.isVisible()


def test_the_context_menus_do_what_they_say(bench: CanvasBench) -> None:
    bench.selection.select(("hidden",))
    menu = layer_menu(bench.canvas, "hidden")
    actions = {action.text().split("\t")[0]: action for action in menu.actions() if action.text()}
    actions["Freeze weights"].trigger()
    assert bench.network.layer("hidden").frozen is True
    actions["Disconnect"].trigger()
    assert bench.network.connections == (("output", "loss"),)
    bench.document.undo_stack.undo()
    menu = connection_menu(bench.canvas, ("hidden", "output"), bench.canvas.pointer(QPoint(10, 10)))
    menu.actions()[1].trigger()
    assert ("hidden", "output") not in bench.network.connections
    menu = canvas_menu(bench.canvas, bench.canvas.pointer(QPoint(10, 10)))
    next(a for a in menu.actions() if a.text().startswith("Select all")).trigger()
    assert set(bench.selection.layers) == bench.names()


def test_a_problem_is_shown_on_its_layer_and_said_at_the_pointer(bench: CanvasBench) -> None:
    bench.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    assert "nothing is connected" in bench.item("hidden").card.error
    bench.move(bench.grip("hidden"))
    assert "hidden: needs an input" in bench.canvas.overlays.bubble.text


def test_cards_that_cannot_be_seen_wait_until_they_are(bench: CanvasBench) -> None:
    far = edits.move_layers(bench.network, {"loss": (9000.0, 0.0)})
    bench.document.apply(far, "Move")
    bench.canvas.zoom_to(1.0)
    bench.canvas.centerOn(bench.item("hidden").centre)
    bench.step(1, Level.ITERATION)
    assert bench.item("hidden").seen == bench.snapshot.serial
    assert bench.item("loss").seen != bench.snapshot.serial
    bench.canvas.frame_layer("loss")
    bench.canvas.glide.finish()
    assert bench.item("loss").seen == bench.snapshot.serial
    assert bench.item("loss").card.content.loss == bench.snapshot.loss


def test_layers_without_positions_are_laid_out(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(replace(xor(), positions={}))
    bodies = [item.body for item in bench.scene.layers.values()]
    assert not any(a.intersects(b) for n, a in enumerate(bodies) for b in bodies[n + 1 :])


def test_a_closed_canvas_is_collected(qtbot: QtBot) -> None:
    bench = CanvasBench(xor())
    bench.step(2, Level.LAYER)
    gone = weakref.ref(bench.canvas)
    bench.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    del bench
    gc.collect()
    assert gone() is None
