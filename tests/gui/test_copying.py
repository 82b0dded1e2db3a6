"""Numbers, rows and tensors are copied exactly, from wherever they stand; in the canvas Ctrl+C copies layers still."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from tests.gui.bench import Bench
from tests.gui.conftest import MakeCanvasBench, ShowPanel
from visualbp.debugger.commands import CheckGradients, Level
from visualbp.gui.copying import MOST_COPIED, copies_of, numpy_text, put_on_clipboard, table_text
from visualbp.gui.panels.activations import ActivationsPanel
from visualbp.gui.panels.gradient_check import GradientCheckPanel
from visualbp.gui.panels.images import ImagesPanel
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.widgets.number_table import NumberTable

CONTROL = Qt.KeyboardModifier.ControlModifier


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


def right_click(widget: QWidget, place: QPoint) -> QMenu:
    """Ask for the menu at a place, as a right click does."""
    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(widget, QContextMenuEvent(reason, place, widget.mapToGlobal(place)))
    menus = [menu for menu in widget.findChildren(QMenu) if menu.isVisible()]
    assert len(menus) == 1
    return menus[0]


def choose(menu: QMenu, words: str) -> str:
    """Choose an entry; return what it has copied."""
    QGuiApplication.clipboard().setText("")
    next(action for action in menu.actions() if action.text() == words).trigger()
    menu.close()
    return clipboard()


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 2, 3)])
def test_the_text_of_an_array_gives_the_same_array(shape: tuple[int, ...], kind: type) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(kind)
    back = eval(numpy_text(array), {"np": np})
    assert back.dtype == array.dtype and np.array_equal(back, array)
    rows = [[float(text) for text in line.split("\t")] for line in table_text(array).splitlines()]
    assert np.array_equal(np.array(rows).reshape(shape), array)


def test_what_is_not_finite_is_copied_as_numpy_writes_it() -> None:
    array = np.array([[np.nan, np.inf], [-np.inf, -0.1]])
    assert np.array_equal(eval(numpy_text(array), {"np": np}), array, equal_nan=True)


def test_a_number_and_its_row_are_exact() -> None:
    array = np.random.default_rng(1).normal(size=(3, 4))
    copies = dict(copies_of(array, (1, 2)))
    assert float(copies["Copy number"]()) == array[1, 2]
    assert [float(text) for text in copies["Copy row"]().split("\t")] == array[1].tolist()


def test_too_many_numbers_are_refused(qtbot: object, bench: Bench, show_panel: ShowPanel) -> None:
    panel = show_panel(bench, ActivationsPanel, (300, 300))
    QGuiApplication.clipboard().setText("before")
    put_on_clipboard(lambda: "all", MOST_COPIED + 1, panel)
    assert clipboard() == "before"


def test_a_heat_map_copies_number_row_and_tensor(bench: Bench, show_panel: ShowPanel) -> None:
    bench.step(level=Level.PASS)
    panel = show_panel(bench, ActivationsPanel, (300, 320))
    content, array = panel.strip.content, bench.snapshot.get("hidden", "h")
    tile = next(tile for tile in content.tiles if tile.value.layer == "hidden")
    place = tile.cell_rect(tile.cell_of((2, 1))).center().toPoint()
    assert float(choose(right_click(content, place), "Copy number")) == array[2, 1]
    row = choose(right_click(content, place), "Copy row")
    assert [float(text) for text in row.split("\t")] == array[2].tolist()
    assert np.array_equal(eval(choose(right_click(content, place), "Copy tensor (as NumPy array)")), array)
    lines = choose(right_click(content, place), "Copy tensor (with tabs)").splitlines()
    assert len(lines) == len(array)


def test_control_c_copies_the_number_that_was_clicked(bench: Bench, show_panel: ShowPanel) -> None:
    bench.step(level=Level.PASS)
    panel = show_panel(bench, ActivationsPanel, (300, 320))
    content, array = panel.strip.content, bench.snapshot.get("hidden", "h")
    tile = next(tile for tile in content.tiles if tile.value.layer == "hidden")
    QTest.mouseClick(content, Qt.MouseButton.LeftButton, pos=tile.cell_rect(tile.cell_of((3, 2))).center().toPoint())
    QTest.keyClick(content, Qt.Key.Key_C, CONTROL)
    assert float(clipboard()) == array[3, 2]


def test_the_mathematics_copy_a_factor_its_row_the_terms_and_the_tensor(bench: Bench, show_panel: ShowPanel) -> None:
    bench.go_to("∂W output")
    panel = show_panel(bench, MathematicsPanel, (400, 700))
    card, found = panel.card, panel.card.explanation
    place = card.links[1].rect.center().toPoint()
    assert float(choose(right_click(card, place), "Copy number")) == found.terms[0].factors[1].number
    label, *numbers = choose(right_click(card, place), "Copy row").split("\t")
    assert label == found.terms[0].label
    assert [float(text) for text in numbers] == [*(f.number for f in found.terms[0].factors), found.terms[0].product]
    assert len(choose(right_click(card, place), "Copy all terms").splitlines()) == len(found.terms)
    corner = QPoint(20, 20)
    copied = choose(right_click(card, corner), "Copy tensor (as NumPy array)")
    assert np.array_equal(eval(copied), bench.snapshot.find(found.value))
    assert float(choose(right_click(card, corner), "Copy number")) == found.number
    card.setFocus()
    card._chosen = -1
    QTest.keyClick(card, Qt.Key.Key_C, CONTROL)
    assert float(clipboard()) == found.number


def test_a_row_of_the_check_is_copied_with_both_numbers_and_its_tensors(bench: Bench, show_panel: ShowPanel) -> None:
    panel = show_panel(bench, GradientCheckPanel, (420, 300))
    bench.send(CheckGradients())
    content = panel.rows.content
    row, place = content.rows[0], QPoint(40, 8)
    check = panel.result.layers[row.layer][row.parameter]
    name, computed, measured, error, answer = choose(right_click(content, place), "Copy row").split("\t")
    assert (name, answer) == (row.name, "passes") and float(error) == row.error
    spot = np.unravel_index(int(check.errors.argmax()), check.errors.shape)
    assert (float(computed), float(measured)) == (check.analytic[spot], check.numeric[spot])
    copied = choose(right_click(content, place), "Copy measured gradient (as NumPy array)")
    assert np.array_equal(eval(copied), check.numeric)
    content._focused = 1
    QTest.keyClick(content, Qt.Key.Key_C, CONTROL)
    assert clipboard().startswith(content.rows[1].name + "\t")


def test_a_table_of_numbers_offers_number_row_and_tensor(qtbot: object, closing: object) -> None:
    table, array = NumberTable(), np.random.default_rng(2).normal(size=(3, 2))
    table.resize(300, 200)
    table.show_array(array)
    table.show()
    place = table.visualRect(table.numbers.index(1, 1)).center()
    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(table.viewport(), QContextMenuEvent(reason, place, table.viewport().mapToGlobal(place)))
    menu = next(menu for menu in table.findChildren(QMenu) if menu.isVisible())
    assert float(choose(menu, "Copy number")) == array[1, 1]
    table.close()
    table.deleteLater()


def test_a_sample_is_copied_with_its_row_in_the_data(bench: Bench, show_panel: ShowPanel) -> None:
    bench.step(level=Level.PASS)
    panel = show_panel(bench, ImagesPanel, (420, 300))
    table = panel.table
    place = table.visualRect(table.samples.index(2, 0)).center()
    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(table.viewport(), QContextMenuEvent(reason, place, table.viewport().mapToGlobal(place)))
    menu = next(menu for menu in table.findChildren(QMenu) if menu.isVisible())
    assert choose(menu, "Copy row").split("\t")[0] == str(bench.snapshot.rows[2])


@pytest.mark.parametrize("kind", [ActivationsPanel, MathematicsPanel, GradientCheckPanel])
def test_where_numbers_have_the_focus_the_key_is_theirs(bench: Bench, show_panel: ShowPanel, kind: type) -> None:
    bench.step(level=Level.PASS)
    panel = show_panel(bench, kind, (400, 400))
    widgets = {
        ActivationsPanel: lambda: panel.strip.content,
        MathematicsPanel: lambda: panel.card,
        GradientCheckPanel: lambda: panel.rows.content,
    }
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_C, CONTROL)
    event.ignore()
    QApplication.sendEvent(widgets[kind](), event)
    assert event.isAccepted()


def test_in_the_canvas_control_c_is_for_layers(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench()
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_C, CONTROL)
    event.ignore()
    QApplication.sendEvent(bench.canvas, event)
    assert not event.isAccepted()
