"""A click on a layer's name, wherever it stands, brings its card into view."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from tests.building import row_of
from tests.gui.conftest import OpenWindow
from visualbp.debugger.commands import CheckGradients, Level, StepForward
from visualbp.gui.main_window import MainWindow
from visualbp.network import edits

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    """Twelve layers at 100 %, the current step at the third of them; the last ones are in view, and not the step's."""
    made = open_window(size=(1600, 1000))
    made.document.open(row_of(12))
    made.files.opened.emit()
    for _ in range(3):
        made.debugger.send(StepForward(Level.LAYER))
    made.debugger.settle()
    QApplication.processEvents()
    look_away(made)
    return made


def look_away(window: MainWindow) -> None:
    window.canvas.zoom_to(1.0)
    window.canvas.centerOn(window.canvas.network_scene.layers["loss"].centre)


def sees(window: MainWindow, name: str) -> bool:
    window.canvas.glide.finish()
    return window.canvas.visible_rect().contains(window.canvas.network_scene.layers[name].body)


def click(widget: QWidget, place: QPointF | QPoint) -> None:
    QTest.mouseClick(widget, LEFT, Qt.KeyboardModifier.NoModifier, QPointF(place).toPoint())


def open_panel(window: MainWindow, name: str) -> QWidget:
    window.docks[name].show()
    window.docks[name].raise_()
    QApplication.processEvents()
    window.docks[name].panel.update_now()
    window.debugger.settle()
    return window.docks[name].panel


def on_pill(window: MainWindow) -> str:
    click(window.tool_bar.pill, window.tool_bar.pill.rect().center())
    return "hidden_2"


def on_current_chip(window: MainWindow) -> str:
    strip = window.docks["timeline"].panel.strip
    click(strip, strip.chip_rect(window.debugger.snapshot.cursor - 1).center())
    return "hidden_2"


def on_another_chip(window: MainWindow) -> str:
    QTest.qWait(150)
    strip = window.docks["timeline"].panel.strip
    click(strip, strip.chip_rect(0).center())
    window.debugger.settle()
    return "input"


def on_row(window: MainWindow, panel: str) -> str:
    content = open_panel(window, panel).strip.content
    tile = content.tiles[1]
    click(content, QPoint(tile.rect.left() - 4, tile.rect.top() - 4 if content._titled else tile.rect.center().y()))
    return str(tile.value.layer)


def on_gradients(window: MainWindow) -> str:
    panel = open_panel(window, "gradients")
    layers = tuple(panel.reader.parts)
    port = panel.plot.viewport()
    for x in range(0, port.width(), 4):
        if panel._layer_at(QPointF(x, port.height() / 2)) == layers[0]:
            click(port, QPoint(x, port.height() // 2))
            return layers[0]
    raise AssertionError("no layer")


def on_problem(window: MainWindow) -> str:
    window.document.edit(lambda network: edits.disconnect(network, [("input", "hidden_1")]), "Disconnect")
    window.debugger.settle()
    panel = open_panel(window, "problems")
    row = next(place for place, problem in enumerate(panel.model.problems) if problem.layer == "hidden_1")
    click(panel.list.viewport(), panel.list.visualRect(panel.model.index(row)).center())
    return "hidden_1"


def on_check_row(window: MainWindow) -> str:
    panel = open_panel(window, "gradient_check")
    window.debugger.send(CheckGradients())
    window.debugger.settle()
    panel.update_now()
    content = panel.rows.content
    place = next(place for place, row in enumerate(content.rows) if row.layer == "hidden_1")
    y = next(y for y in range(content.height()) if content.row_at(QPointF(20, y)) == place)
    click(content, QPoint(20, y + 2))
    return "hidden_1"


def on_mathematics(window: MainWindow) -> str:
    label = open_panel(window, "mathematics").step_label
    click(label, QPoint(20, label.height() // 2))
    return "hidden_2"


CLICKS: dict[str, Callable[[MainWindow], str]] = {
    "phase pill": on_pill,
    "chip of the current step": on_current_chip,
    "chip of another step": on_another_chip,
    "row of activations": lambda window: on_row(window, "activations"),
    "row of deltas": lambda window: on_row(window, "deltas"),
    "gradients": on_gradients,
    "problem": on_problem,
    "step of the mathematics": on_mathematics,
    "row of the gradient check": on_check_row,
}


@pytest.mark.parametrize("where", CLICKS)
def test_a_click_on_a_name_brings_the_card_into_view(window: MainWindow, where: str) -> None:
    assert not sees(window, "hidden_1") and not sees(window, "hidden_2")
    name = CLICKS[where](window)
    assert sees(window, name)


def test_far_out_a_click_on_a_name_zooms_in_so_that_the_card_can_be_read(window: MainWindow) -> None:
    window.canvas.set_zoom(0.1)
    window.selection.go_to("hidden_5")
    assert not window.canvas.network_scene.is_overview and sees(window, "hidden_5")
    assert window.selection.layers == ("hidden_5",)


def test_showing_a_layer_selects_nothing_and_a_name_that_is_gone_does_nothing(window: MainWindow) -> None:
    window.selection.show_layer("hidden_4")
    assert sees(window, "hidden_4") and window.selection.layers == ()
    window.selection.show_layer("gone")
    assert sees(window, "hidden_4")


def test_the_pill_shows_the_next_layer_at_the_start_and_the_place_of_an_error(window: MainWindow) -> None:
    window.actions_by_name["reset"].trigger()
    window.debugger.settle()
    look_away(window)
    on_pill(window)
    assert sees(window, "input")
    window.document.edit(lambda network: edits.disconnect(network, [("hidden_1", "hidden_2")]), "Disconnect")
    window.debugger.settle()
    look_away(window)
    on_pill(window)
    assert sees(window, "hidden_2")
