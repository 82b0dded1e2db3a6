"""Looking at the canvas: zoom, keys, selection, the pointer over numbers, and the empty canvas."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from tests.building import chain, inline, xor
from tests.gui.canvas_rig import Rig
from tests.gui.workbench import pixels
from tests.refs import ref
from visualbp.debugger.commands import Level
from visualbp.gui.canvas.controls import SampleControl
from visualbp.gui.canvas.menus import canvas_menu, connection_menu, layer_menu
from visualbp.gui.theme import theme
from visualbp.network import Network, edits


@pytest.fixture
def make_rig(qtbot: QtBot) -> Iterator[Callable[..., Rig]]:
    """Makes rigs that are closed when the test has ended, however it ends."""
    made: list[Rig] = []

    def make(network: Network | None = None) -> Rig:
        made.append(Rig(network))
        return made[-1]

    yield make
    for rig in made:
        rig.close()
    theme().set("dark", 1.0)
    theme().reduced_motion = False


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """XOR with each sample twice: of eight samples, cards show the chosen one."""
    corners = [[0, 0], [0, 1], [1, 0], [1, 1]] * 2
    return make_rig(replace(xor(), data=inline(corners, [[0.0], [1.0], [1.0], [0.0]] * 2)))


def wheel(rig: Rig, place: QPointF, turn: int, modifiers: Qt.KeyboardModifier) -> None:
    QApplication.sendEvent(
        rig.canvas.viewport(),
        QWheelEvent(place, place, QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton, modifiers,
                    Qt.ScrollPhase.NoScrollPhase, False),
    )  # fmt: skip


def cell_place(rig: Rig, name: str, row: int, tile: int, cell: tuple[int, int]) -> QPointF:
    item = rig.item(name)
    return item.pos() + item.card.content.rows[row].tiles[tile].cell_rect(*cell).center()


def test_control_and_the_wheel_zoom_at_the_pointer(rig: Rig, qtbot: QtBot) -> None:
    place = QPointF(300, 200)
    before, zoom = rig.canvas.mapToScene(place.toPoint()), rig.canvas.zoom
    with qtbot.waitSignal(rig.canvas.zoom_changed):
        wheel(rig, place, 240, Qt.KeyboardModifier.ControlModifier)
    assert rig.canvas.zoom > zoom * 1.3
    assert (rig.canvas.mapToScene(place.toPoint()) - before).manhattanLength() < 3
    wheel(rig, place, -240, Qt.KeyboardModifier.ControlModifier)
    assert rig.canvas.zoom == pytest.approx(zoom)


def test_the_wheel_alone_scrolls(rig: Rig) -> None:
    before, zoom = rig.canvas.visible_rect().top(), rig.canvas.zoom
    wheel(rig, QPointF(300, 200), -120, Qt.KeyboardModifier.NoModifier)
    assert rig.canvas.visible_rect().top() > before
    assert rig.canvas.zoom == zoom


def test_the_middle_button_pans(rig: Rig) -> None:
    start = rig.canvas.visible_rect().center()
    before = rig.canvas.visible_rect().topLeft()
    rig.press(start, button=Qt.MouseButton.MiddleButton)
    rig.canvas.gesture.move(rig.canvas.pointer(rig.view(start) + QPoint(40, 25)))
    moved = before - rig.canvas.visible_rect().topLeft()
    scale = rig.canvas.transform().m11()
    assert moved.x() * scale == pytest.approx(40, abs=1.5) and moved.y() * scale == pytest.approx(25, abs=1.5)
    rig.release(start, Qt.MouseButton.MiddleButton)
    assert rig.history() == []


def test_a_drag_that_is_held_near_the_edge_scrolls_and_the_layer_stays_under_the_pointer(
    rig: Rig, qtbot: QtBot
) -> None:
    start, before = rig.grip("hidden"), rig.canvas.scroll_position
    view = rig.canvas.viewport().rect()
    rig.press(start)
    rig.move(rig.canvas.mapToScene(view.center()))
    rig.move(rig.canvas.mapToScene(QPoint(view.right() - 4, view.center().y())))
    qtbot.waitUntil(lambda: rig.canvas.scroll_position.x() > before.x() + 60)
    assert rig.canvas.scroll_position.y() == before.y()
    assert abs(rig.view(rig.grip("hidden")).x() - (view.right() - 4)) < 20, "it snaps to the grid, no more"
    rig.key(Qt.Key.Key_Escape)
    held = rig.canvas.scroll_position
    qtbot.wait(100)
    assert rig.canvas.scroll_position == held
    assert rig.history() == []


def test_fit_shows_the_whole_network(rig: Rig) -> None:
    rig.canvas.zoom_to(3.0)
    rig.canvas.fit()
    for item in rig.scene.layers.values():
        assert rig.canvas.visible_rect().contains(item.body)


def test_edits_and_undo_and_steps_of_cards_in_view_leave_zoom_and_place_alone(rig: Rig) -> None:
    rig.canvas.zoom_to(1.37)
    rig.step(1, Level.LAYER)
    rig.canvas.centerOn((rig.item("hidden").centre + rig.item("output").centre) / 2)
    before, zoom = rig.canvas.visible_rect(), rig.canvas.zoom
    rig.step(1, Level.LAYER)
    rig.step(1, Level.LAYER)
    rig.document.edit(lambda network: edits.set_options(network, "hidden", {"units": 6}), "Edit")
    rig.document.undo_stack.undo()
    assert rig.canvas.zoom == zoom
    assert rig.canvas.visible_rect() == before


def test_the_presenters_scale_makes_everything_larger_and_keeps_the_zoom(rig: Rig) -> None:
    zoom, scale = rig.canvas.zoom, rig.canvas.transform().m11()
    theme().set(scale=1.6)
    assert rig.canvas.zoom == zoom
    assert rig.canvas.transform().m11() == pytest.approx(1.6 * scale)


def test_tab_walks_the_layers_in_the_order_in_which_they_run_and_then_leaves(rig: Rig) -> None:
    rig.canvas.setFocus()
    found = []
    for _ in range(4):
        assert rig.canvas.focusNextPrevChild(True)
        found.append(rig.selection.layer)
    assert found == ["input", "hidden", "output", "loss"]
    assert rig.canvas.focusNextPrevChild(False) and rig.selection.layer == "output"


def test_enter_asks_for_the_inspector(rig: Rig, qtbot: QtBot) -> None:
    rig.selection.select(("hidden",))
    with qtbot.waitSignal(rig.canvas.inspector_asked) as asked:
        rig.key(Qt.Key.Key_Return)
    assert asked.args == ["hidden"]


def test_a_selection_made_elsewhere_is_shown_on_the_canvas(rig: Rig) -> None:
    before = pixels(rig.canvas)
    rig.selection.select(("output",))
    assert rig.item("output").card.selected
    assert not np.array_equal(before, pixels(rig.canvas))


def test_a_click_on_a_number_asks_where_it_came_from(rig: Rig) -> None:
    rig.step(1, Level.ITERATION)
    rig.selection.choose_sample(2)
    chosen = []
    rig.selection.number_chosen.connect(lambda value, index: chosen.append((value, index)))
    rig.click(cell_place(rig, "hidden", 0, 0, (0, 3)))
    rig.click(cell_place(rig, "hidden", 2, 0, (1, 1)))
    assert chosen == [(ref("hidden", "h"), (2, 3)), (ref("hidden", "weight"), (1, 1))]


def test_hovering_over_a_number_says_its_name_its_index_and_its_exact_value(rig: Rig) -> None:
    rig.step(3, Level.LAYER)
    rig.selection.choose_sample(1)
    rig.move(cell_place(rig, "hidden", 0, 0, (0, 2)))
    array = rig.snapshot.get("hidden", "h")
    assert array is not None
    assert rig.canvas.overlays.bubble.isVisible()
    assert rig.canvas.overlays.bubble.text == f"hidden.h[1, 2] = {float(array[1, 2])!r}"


def test_hovering_over_a_prediction_says_which_numbers_it_was_made_from(make_rig: Callable[..., Rig]) -> None:
    network = chain(
        ("input", "input", {"shape": [2]}), ("out", "dense", {"units": 3}), ("loss", "softmax_cross_entropy", {}),
        data=inline([[1.0, 2.0], [0.5, -1.0]], [0, 2]),
    )  # fmt: skip
    rig = make_rig(network)
    rig.step(1, Level.PASS)
    logits = rig.snapshot.get("out", "z")
    assert logits is not None
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    rig.move(cell_place(rig, "loss", 0, 0, (0, 1)))
    words = rig.canvas.overlays.bubble.text
    assert words.startswith("ŷ[0, 1] = ") and f"out.z[0, 1] = {float(logits[0, 1])!r}" in words
    assert float(words.split("\n")[0].split("= ")[1]) == pytest.approx(shares[1], rel=1e-12)


def test_hovering_over_what_is_absent_says_so(rig: Rig) -> None:
    item = rig.item("hidden")
    rig.move(item.pos() + item.layout.rows[1].rect.center())
    assert "not yet computed" in rig.canvas.overlays.bubble.text


def test_a_click_left_of_a_card_sets_a_breakpoint_and_another_removes_it(rig: Rig) -> None:
    gutter = rig.item("hidden").pos() + QPointF(-8, 20)
    rig.click(gutter)
    rig.debugger.settle()
    assert {layer for _, layer in rig.debugger.breakpoints} == {"hidden"}
    assert rig.item("hidden").card.breakpoint
    rig.click(gutter)
    rig.debugger.settle()
    assert not rig.debugger.breakpoints and not rig.item("hidden").card.breakpoint


def test_the_sample_can_be_chosen_in_the_legend(rig: Rig) -> None:
    rig.step(1, Level.ITERATION)
    control = rig.canvas.findChild(SampleControl)
    assert control is not None and control.number.text() == "sample 0 of 0–7"
    before = pixels(rig.canvas)
    control._more.click()
    assert rig.selection.sample == 1 and control.number.text() == "sample 1 of 0–7"
    assert not np.array_equal(before, pixels(rig.canvas))


def test_an_empty_canvas_teaches_and_offers_samples(make_rig: Callable[..., Rig], qtbot: QtBot) -> None:
    rig = make_rig()
    hint = rig.canvas.overlays.hint
    assert hint.isVisible()
    with qtbot.waitSignal(rig.canvas.sample_asked) as asked:
        hint.findChild(QPushButton, "sample_xor").click()
    assert asked.args == ["xor"]
    rig.canvas.add_layer("input")
    assert not hint.isVisible()
    rig.document.undo_stack.undo()
    assert hint.isVisible()


def test_the_context_menus_do_what_they_say(rig: Rig) -> None:
    rig.selection.select(("hidden",))
    menu = layer_menu(rig.canvas, "hidden")
    actions = {action.text().split("\t")[0]: action for action in menu.actions() if action.text()}
    actions["Freeze weights"].trigger()
    assert rig.network.layer("hidden").frozen is True
    actions["Disconnect"].trigger()
    assert rig.network.connections == (("output", "loss"),)
    rig.document.undo_stack.undo()
    menu = connection_menu(rig.canvas, ("hidden", "output"), rig.canvas.pointer(QPoint(10, 10)))
    menu.actions()[1].trigger()
    assert ("hidden", "output") not in rig.network.connections
    menu = canvas_menu(rig.canvas, rig.canvas.pointer(QPoint(10, 10)))
    next(a for a in menu.actions() if a.text().startswith("Select all")).trigger()
    assert set(rig.selection.layers) == rig.names()


def test_a_problem_is_shown_on_its_layer_and_said_at_the_pointer(rig: Rig) -> None:
    rig.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    assert "nothing is connected" in rig.item("hidden").card.error
    rig.move(rig.grip("hidden"))
    assert "hidden: needs an input" in rig.canvas.overlays.bubble.text


def test_cards_that_cannot_be_seen_wait_until_they_are(rig: Rig) -> None:
    far = edits.move_layers(rig.network, {"loss": (9000.0, 0.0)})
    rig.document.apply(far, "Move")
    rig.canvas.zoom_to(1.0)
    rig.canvas.centerOn(rig.item("hidden").centre)
    rig.step(1, Level.ITERATION)
    assert rig.item("hidden").seen == rig.snapshot.serial
    assert rig.item("loss").seen != rig.snapshot.serial
    rig.canvas.frame_layer("loss")
    rig.canvas.glide.finish()
    assert rig.item("loss").seen == rig.snapshot.serial
    assert rig.item("loss").card.content.loss == rig.snapshot.loss


def test_layers_without_positions_are_laid_out(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(replace(xor(), positions={}))
    bodies = [item.body for item in rig.scene.layers.values()]
    assert not any(a.intersects(b) for n, a in enumerate(bodies) for b in bodies[n + 1 :])


def test_a_closed_canvas_is_collected(qtbot: QtBot) -> None:
    rig = Rig(xor())
    rig.step(2, Level.LAYER)
    gone = weakref.ref(rig.canvas)
    rig.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    del rig
    gc.collect()
    assert gone() is None
