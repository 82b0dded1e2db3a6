"""The palette: everything in the registry, found by typing, added by Enter and by double click, dragged by its name."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.gui.bench import pixels, shades
from tests.gui.conftest import MakeBench, ShowPanel
from visualbp.gui.canvas.layer_list import KIND_ROLE, LAYER_MIME
from visualbp.gui.panels.palette import PalettePanel
from visualbp.gui.theme import theme
from visualbp.layers import layer_types


@pytest.fixture
def palette(make_bench: MakeBench, show_panel: ShowPanel) -> PalettePanel:
    return show_panel(make_bench(), PalettePanel, (190, 640))


def shown(palette: PalettePanel) -> list[str]:
    model = palette.list.layers
    found = [model.index(row, 0).data(KIND_ROLE) for row in range(model.rowCount())]
    return [name for name in found if name is not None]


def test_every_registered_layer_is_in_the_palette_under_its_heading(palette: PalettePanel) -> None:
    assert sorted(shown(palette)) == sorted(layer_types.names())
    model, heading = palette.list.layers, "LAYERS"
    for row in range(model.rowCount()):
        index = model.index(row, 0)
        if index.data(KIND_ROLE) is None:
            heading = index.data()
        else:
            assert layer_types.get(index.data(KIND_ROLE)).category.upper() == heading


def test_it_takes_no_turn_of_the_window_when_a_step_is_taken(palette: PalettePanel) -> None:
    debugger = palette.context.debugger
    asked: list[object] = []
    debugger.frames.ask = lambda part, draw, turn=0: asked.append(part)  # type: ignore[method-assign]
    debugger.snapshot_changed.emit(debugger.snapshot)
    assert palette.isVisible() and not any(part[0] == palette.name for part in asked if isinstance(part, tuple))


def test_typing_finds_layers_and_enter_asks_for_the_best(palette: PalettePanel, qtbot: QtBot) -> None:
    QTest.keyClicks(palette.search, "drop")
    assert shown(palette)[0] == "dropout"
    with qtbot.waitSignal(palette.layer_asked) as asked:
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert asked.args == ["dropout"]
    QTest.keyClick(palette.search, Qt.Key.Key_Escape)
    assert len(shown(palette)) == len(layer_types)


def test_a_search_without_a_match_shows_nothing(palette: PalettePanel) -> None:
    QTest.keyClicks(palette.search, "zebra")
    assert shown(palette) == []
    QTest.keyClick(palette.search, Qt.Key.Key_Return)


def test_a_double_click_asks_for_the_layer(palette: PalettePanel, qtbot: QtBot) -> None:
    model = palette.list.layers
    row = next(r for r in range(model.rowCount()) if model.index(r, 0).data(KIND_ROLE) == "dense")
    place = palette.list.visualRect(model.index(row, 0)).center()
    with qtbot.waitSignal(palette.layer_asked) as asked:
        QTest.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseDClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked.args == ["dense"]


def test_arrows_walk_over_the_headings(palette: PalettePanel) -> None:
    found = []
    for _ in range(len(layer_types)):
        QTest.keyClick(palette.search, Qt.Key.Key_Down)
        found.append(palette.list.currentIndex().data(KIND_ROLE))
    assert found == shown(palette)


def test_what_is_dragged_carries_the_name_of_its_type(palette: PalettePanel) -> None:
    model = palette.list.layers
    index = next(i for i in (model.index(r, 0) for r in range(model.rowCount())) if i.data(KIND_ROLE) == "add")
    data = model.mimeData([index])
    assert bytes(data.data(LAYER_MIME).data()) == b"add"
    assert model.flags(index) & Qt.ItemFlag.ItemIsDragEnabled


def test_the_palette_is_drawn_in_both_themes_and_at_any_size(palette: PalettePanel) -> None:
    assert shades(palette) > 30
    dark = pixels(palette).mean()
    theme().set("light", 1.6)
    palette.resize(300, 900)
    assert shades(palette) > 30
    assert pixels(palette).mean() > dark + 80
