"""Values of every shape in the panels of activations and deltas: images as images, time downwards, attention as a
matrix, the steps inside a layer, and what a recurrent layer computes at each time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.gui.bench import Bench, pixels
from tests.gui.conftest import MakeBench, ShowPanel
from tests.gui.shape_networks import ALL, images, sequences, tokens
from tests.refs import ref
from visualbp.core.arrays import shape_text
from visualbp.debugger.commands import Level, Seek
from visualbp.gui.panels.activations import ActivationsPanel
from visualbp.gui.panels.deltas import DeltasPanel
from visualbp.gui.panels.value_panel import ValuePanel
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import Sheet, cell_rect
from visualbp.gui.widgets.heat_tile import HeatTile
from visualbp.gui.widgets.sheets import arrangement, small_arrangement
from visualbp.network import Network

Make = Callable[..., tuple[Bench, ValuePanel]]


@pytest.fixture
def make(make_bench: MakeBench, show_panel: ShowPanel) -> Make:
    """Makes a bench and a panel on it."""

    def made(
        network: Network, kind: type[ValuePanel] = ActivationsPanel, size: tuple[int, int] = (262, 260)
    ) -> tuple[Bench, ValuePanel]:
        bench = make_bench(network)
        return bench, show_panel(bench, kind, size)

    return made


def shown_tile(panel: ValuePanel) -> HeatTile:
    pixels(panel)
    return panel.layer_view.heat_map.tile


def choose(panel: ValuePanel, words: str) -> None:
    """Open the chooser's menu and take an entry."""
    chooser = panel.layer_view.chooser
    QTest.mouseClick(chooser, Qt.MouseButton.LeftButton)
    action = next(action for action in chooser.list.actions() if action.text() == words)
    chooser.list.setActiveAction(action)
    QTest.keyClick(chooser.list, Qt.Key.Key_Return)
    QApplication.processEvents()


def offered(panel: ValuePanel) -> list[str]:
    return [words for _, words in panel.layer_view.chooser.choices]


# -- images ----------------------------------------------------------------------------------------------------------


def test_one_sample_of_images_is_a_grid_of_its_channels_with_square_pixels(make: Make) -> None:
    bench, panel = make(images(6))
    bench.step(level=Level.PASS)
    bench.selection.select(("conv",))
    panel.extent.choose("sample")
    bench.selection.choose_sample(2)
    tile, array = shown_tile(panel), bench.snapshot.get("conv", "h")
    assert isinstance(tile.grid, Sheet) and tile.grid.count == array[2].size
    for channel in range(6):
        boxes = [tile.cell_rect(tile.cell_of((2, channel, row, 7))) for row in (0, 7)]
        assert all(box.width() == pytest.approx(box.height()) for box in boxes)
        assert tile.number(tile.cell_of((2, channel, 3, 4))) == array[2, channel, 3, 4]
    assert tile.cell_of((1, 0, 0, 0)) is None, "another sample is not shown"


def test_a_batch_of_images_has_the_channels_of_a_sample_in_its_row_and_scrolls(make: Make) -> None:
    bench, panel = make(images(6))
    bench.step(level=Level.PASS)
    bench.selection.select(("conv",))
    tile = shown_tile(panel)
    corner = {(b, c): tile.cell_rect(tile.cell_of((b, c, 0, 0))).topLeft() for b in (0, 1, 19) for c in range(6)}
    for sample in (0, 1, 19):
        assert len({corner[sample, channel].y() for channel in range(6)}) == 1
    assert corner[0, 0].y() < corner[1, 0].y() < corner[19, 0].y()
    bar = panel.layer_view.map_scroll.verticalScrollBar()
    assert bar.maximum() > 0 and bar.value() == 0
    bench.selection.choose_sample(19)
    QApplication.processEvents()
    assert bar.value() > 0, "the chosen sample comes into sight"


def test_what_is_absent_fills_the_place_and_does_not_scroll(make: Make) -> None:
    bench, panel = make(images(6))
    bench.step(level=Level.PASS)
    bench.selection.select(("conv",))
    pixels(panel)
    bar = panel.layer_view.map_scroll.verticalScrollBar()
    assert bar.maximum() > 0
    bench.selection.select()
    bench.send(Seek(0, 1))
    bench.selection.select(("conv",))
    pixels(panel)
    assert bar.maximum() == 0


def test_hovering_over_a_pixel_names_its_channel_row_and_column(make: Make) -> None:
    bench, panel = make(images())
    bench.step(level=Level.PASS)
    bench.selection.select(("conv",))
    tile, array = shown_tile(panel), bench.snapshot.get("conv", "h")
    spot = tile.cell_rect(tile.cell_of((0, 2, 3, 5))).center()
    text = panel.layer_view.heat_map.hover_text(spot)
    assert text == f"conv.h[0, 2, 3, 5] = {float(array[0, 2, 3, 5])!r}\nsample 0, channel 2, row 3, column 5"


def test_clicking_a_pixel_asks_where_it_came_from(make: Make, qtbot: QtBot) -> None:
    bench, panel = make(images())
    bench.step(level=Level.ITERATION)
    bench.selection.select(("conv",))
    tile = shown_tile(panel)
    spot = tile.cell_rect(tile.cell_of((1, 2, 3, 5))).center().toPoint()
    with qtbot.waitSignal(bench.selection.number_chosen) as asked:
        QTest.mouseClick(panel.layer_view.heat_map, Qt.MouseButton.LeftButton, pos=spot)
    assert asked.args == [ref("conv", "h"), (1, 2, 3, 5)]


def test_in_the_strip_of_all_layers_an_image_layer_shows_the_channels_of_the_chosen_sample(make: Make) -> None:
    bench, panel = make(images(), size=(262, 620))
    bench.step(level=Level.PASS)
    bench.selection.choose_sample(3)
    pixels(panel)
    tile = next(t for t in panel.strip.content.tiles if t.value == ref("conv", "h"))
    assert tile.cell_of((3, 5, 7, 7)) is not None and tile.cell_of((2, 5, 7, 7)) is None
    box = tile.cell_rect(tile.cell_of((3, 5, 7, 7)))
    assert box.width() == pytest.approx(box.height()) and QRect(tile.rect).contains(box.toRect())


def test_where_a_strip_is_narrow_the_name_stays_whole_and_the_shape_gives_way(make: Make) -> None:
    bench, panel = make(images(), size=(262, 620))
    bench.step(level=Level.PASS)
    content = panel.strip.content
    row = next(row for row in content._rows if row.shown.value == ref("conv", "h"))
    shape = shape_text(row.shape[1:])
    titles = [content.title(row, width) for width in range(300, 40, -10)]
    assert titles[0] == ("conv", f"sample 0  {shape}")
    assert [shown for _, shown in titles] == sorted((shown for _, shown in titles), key=len, reverse=True)
    assert {shown for _, shown in titles} == {f"sample 0  {shape}", shape, ""}
    assert {name for name, _ in titles} == {"conv"}


def test_an_image_that_changes_changes_the_picture(make: Make) -> None:
    bench, panel = make(images())
    bench.selection.select(("conv",))
    hatched = pixels(panel)
    bench.step(level=Level.ITERATION)
    first = pixels(panel)
    bench.step(level=Level.ITERATION)
    assert not np.array_equal(hatched, first) and not np.array_equal(first, pixels(panel))


# -- sequences -------------------------------------------------------------------------------------------------------


def test_time_runs_downwards_and_samples_are_blocks_with_room_between(make: Make) -> None:
    bench, panel = make(sequences())
    bench.step(level=Level.PASS)
    bench.selection.select(("rnn",))
    tile = shown_tile(panel)
    tops = [[tile.cell_rect(tile.cell_of((b, t, 0))) for t in range(7)] for b in range(4)]
    for block in tops:
        heights = [below.top() - above.top() for above, below in pairwise(block)]
        assert max(heights) == pytest.approx(min(heights)) and min(heights) > 0
    assert tops[1][0].top() > tops[0][6].bottom() + 2
    spot = tile.cell_rect(tile.cell_of((1, 3, 2))).center()
    assert panel.layer_view.heat_map.hover_text(spot).endswith("\nsample 1, time 3, feature 2")


def test_a_recurrent_layer_offers_its_states_and_they_fill_in_step_by_step(make: Make) -> None:
    bench, panel = make(sequences())
    bench.selection.select(("rnn",))
    assert offered(panel) == ["h", "h[t]", "z[t]", "x[t]"]
    choose(panel, "h[t]")
    panel.extent.choose("sample")
    bench.go_to("rnn h[2]")
    tile = shown_tile(panel)
    for time in range(7):
        cell = tile.cell_of((0, time, 1))
        assert tile.is_missing(cell) == (time > 2)
        text = panel.layer_view.heat_map.hover_text(tile.cell_rect(cell).center())
        assert text.startswith(f"rnn.h[{time}][0, 1]") and ("not yet computed" in text) == (time > 2)
    early = pixels(panel)
    bench.go_to("rnn h[6]")
    assert not np.array_equal(early, pixels(panel))
    assert tile.missing is None
    np.testing.assert_array_equal(tile.array[:, 4], bench.snapshot.find(ref("rnn", "h[4]")))


def test_a_click_on_a_time_step_asks_for_the_number_of_that_step(make: Make, qtbot: QtBot) -> None:
    bench, panel = make(sequences(), DeltasPanel)
    bench.step(level=Level.ITERATION)
    bench.selection.select(("rnn",))
    assert "δ[t]" in offered(panel)
    choose(panel, "δ[t]")
    tile = shown_tile(panel)
    spot = tile.cell_rect(tile.cell_of((0, 5, 3))).center().toPoint()
    with qtbot.waitSignal(bench.selection.number_chosen) as asked:
        QTest.mouseClick(panel.layer_view.heat_map, Qt.MouseButton.LeftButton, pos=spot)
    assert asked.args == [ref("rnn", "gradient/z[5]"), (0, 3)]
    assert tile.cell_of_number(*asked.args) == tile.cell_of((0, 5, 3))


@pytest.mark.parametrize(("kind", "role"), [("lstm", "c"), ("gru", "h")])
def test_the_way_back_through_a_gated_state_can_be_seen_over_time(make: Make, kind: str, role: str) -> None:
    bench, panel = make(sequences(kind=kind), DeltasPanel)
    bench.step(level=Level.ITERATION)
    bench.selection.select(("rnn",))
    choose(panel, f"∂{role}[t]")
    tile = shown_tile(panel)
    for time in range(7):
        gradient = bench.snapshot.find(ref("rnn", f"gradient/{role}[{time}]"))
        np.testing.assert_array_equal(tile.array[:, time], gradient)


# -- attention -------------------------------------------------------------------------------------------------------


def test_attention_offers_every_step_inside_it_and_shows_a_matrix_for_each_head(make: Make) -> None:
    bench, panel = make(tokens(heads=2))
    bench.step(level=Level.PASS)
    bench.selection.select(("attend",))
    assert offered(panel) == ["h", "query", "key", "value", "scores", "masked", "attention", "mix"]
    choose(panel, "attention")
    panel.extent.choose("sample")
    tile, array = shown_tile(panel), bench.snapshot.get("attend", "attention")
    assert tile.value == ref("attend", "attention") and tile.array is array
    assert (tile.grid.row_word, tile.grid.column_word, tile.grid.member_word) == ("query", "key", "head")
    box = tile.cell_rect(tile.cell_of((0, 1, 3, 2)))
    assert box.width() == pytest.approx(box.height())
    assert panel.layer_view.heat_map.hover_text(box.center()).endswith("\nsample 0, head 1, query 3, key 2")


def test_the_names_of_the_axes_are_written_beside_the_matrix(make: Make) -> None:
    bench, panel = make(tokens())
    bench.step(level=Level.PASS)
    bench.selection.select(("attend",))
    panel.extent.choose("sample")
    choose(panel, "attention")
    tile = shown_tile(panel)
    assert tile.grid.left > 0 and tile.grid.top > 0
    picture = pixels(panel.layer_view.heat_map)
    for margin in (picture[: tile.grid.top - 1, tile.grid.left :], picture[tile.grid.top :, : tile.grid.left - 1]):
        assert len(np.unique(margin.reshape(-1, 4), axis=0)) > 4, "letters have many shades"


def test_scores_that_the_mask_has_closed_are_hatched_and_no_error(make: Make) -> None:
    bench, panel = make(tokens())
    bench.step(level=Level.PASS)
    bench.selection.select(("attend",))
    choose(panel, "masked")
    panel.extent.choose("sample")
    tile = shown_tile(panel)
    closed, open_ = tile.cell_of((0, 0, 1, 4)), tile.cell_of((0, 0, 4, 1))
    assert "closed by the mask" in tile.describe(closed) and "=" in tile.describe(open_)
    error = theme().color("error")
    picture = pixels(panel)
    assert not (picture[..., :3] == [error.blue(), error.green(), error.red()]).all(-1).any()


def test_what_was_picked_for_a_layer_stays_while_stepping_and_a_link_takes_it_back(make: Make) -> None:
    bench, panel = make(tokens())
    bench.step(level=Level.PASS)
    bench.selection.select(("attend",))
    choose(panel, "scores")
    bench.step(level=Level.ITERATION)
    bench.selection.select(("norm",))
    bench.selection.select(("attend",))
    assert shown_tile(panel).value == ref("attend", "scores")
    panel._header.choose("z")
    assert shown_tile(panel).value == ref("attend", "h")


def test_what_each_user_of_a_value_sends_back_can_be_seen(make: Make) -> None:
    bench, panel = make(tokens(), DeltasPanel)
    bench.step(level=Level.ITERATION)
    bench.selection.select(("embed",))
    assert any(words.startswith("∂h from attend") for words in offered(panel))
    choose(panel, next(words for words in offered(panel) if words == "∂h from attend.key"))
    np.testing.assert_array_equal(shown_tile(panel).array, bench.snapshot.find(ref("embed", "upstream", "attend.key")))


# -- any shape, any size ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(ALL))
@pytest.mark.parametrize(("size", "scale"), [((150, 110), 1.0), ((262, 230), 1.6), ((900, 240), 1.0)])
def test_every_value_of_every_layer_is_drawn_at_every_size(
    make: Make, name: str, size: tuple[int, int], scale: float
) -> None:
    bench, panel = make(ALL[name](), size=size)
    bench.step(level=Level.ITERATION)
    theme().set(scale=scale)
    for layer in ("", *bench.network.names):
        bench.selection.select((layer,) if layer else ())
        for extent in ("batch", "sample"):
            panel.extent.choose(extent)
            for key, _ in panel.layer_view.chooser.choices or [("", "")]:
                panel._picked[layer] = key
                panel.update_now()
                assert len(np.unique(pixels(panel).view(np.uint32))) > 8


SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 9), st.integers(1, 9)) | st.tuples(
    st.integers(1, 6), st.integers(1, 9), st.integers(1, 9)
)


@given(SHAPES, st.booleans(), st.booleans(), st.integers(30, 500), st.integers(20, 300))
@settings(max_examples=120, deadline=None)
def test_every_index_has_one_place_in_a_sheet_and_every_place_its_index(
    shape: tuple[int, ...], alone: bool, small: bool, width: int, height: int
) -> None:
    axes = ("sample", "head", "query", "key")[-len(shape) :]
    sample = shape[0] - 1
    made = (
        small_arrangement(shape, axes, sample, alone, width, height)
        if small
        else arrangement(shape, axes, sample if alone else None, width, height)
    )
    array = np.arange(np.prod(shape), dtype=float).reshape(shape)
    wanted = array[sample] if alone or small else array
    assert made.count == wanted.size
    rect = QRect(7, 5, width, max(height, getattr(made, "pixel_height", 0)))
    places = set()
    for flat in wanted.reshape(-1).astype(int).tolist():
        cell = made.cell_of(flat)
        assert made.flat(cell) == flat
        block = made.block_of(cell, rect)
        box = cell_rect(block, cell)
        found = made.block_at(QPointF(box.center()), rect)
        assert found is None or found == block or box.width() < 1 or box.height() < 1
        places.add((block.offset, round(box.left(), 3), round(box.top(), 3)))
    assert len(places) == wanted.size
    assert sum(len(run) for run in made.runs()) == wanted.size
    exposed = made.blocks(rect, QRect(rect.left(), rect.top(), rect.width(), 1))
    assert exposed and exposed[0].offset == made.offset
