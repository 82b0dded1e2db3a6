"""Cards of layers whose values are images, sequences and attention: the pictures are theirs, every cell is a number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from tests.building import chain, inline
from tests.gui.bench import pixels
from tests.gui.canvas_bench import CanvasBench
from tests.gui.conftest import MakeCanvasBench
from tests.gui.shape_networks import ALL, images, sequences, tokens
from tests.refs import ref
from visualbp.datasets.base import make_spec
from visualbp.debugger.commands import Level, Seek
from visualbp.gui.canvas.content import RowContent
from visualbp.gui.canvas.tiles import fitted
from visualbp.gui.theme import theme


def row(bench: CanvasBench, layer: str, role: str) -> RowContent:
    return next(content for content in bench.item(layer).card.content.rows if content.spec.role == role)


def picture(bench: CanvasBench, layer: str, role: str) -> np.ndarray:
    """Return the pixels of a row of a card."""
    bench.canvas.pulse.stop()
    item = bench.item(layer)
    rect = row(bench, layer, role).spec.rect.translated(item.pos())
    box = bench.canvas.mapFromScene(rect).boundingRect()
    return pixels(bench.canvas)[box.top() : box.bottom(), box.left() : box.right()]


def assert_cells_are_numbers(bench: CanvasBench, layer: str, role: str) -> None:
    """Every cell that is drawn says the number that the snapshot has at its index."""
    item, content = bench.item(layer), row(bench, layer, role)
    for tile in content.tiles:
        for place in ((0, 0), (tile.matrix.shape[0] - 1, tile.matrix.shape[1] - 1)):
            cell = item.cell_at(item.pos() + tile.cell_rect(*place).center())
            assert cell is not None
            array = bench.snapshot.find(cell.value)
            assert array is not None and cell.number == array[cell.index]


def test_a_convolution_shows_its_filters_as_tiles_and_its_channels_as_square_images(
    make_canvas_bench: MakeCanvasBench,
) -> None:
    bench = make_canvas_bench(images(6))
    bench.selection.choose_sample(2)
    bench.step(level=Level.ITERATION)
    filters = row(bench, "conv", "weight").tiles
    weight = bench.snapshot.get("conv", "weight")
    assert [tile.prefix for tile in filters] == [(number, 0) for number in range(6)]
    for number, tile in enumerate(filters):
        np.testing.assert_array_equal(tile.matrix, weight[number, 0])
    for role in ("h", "delta"):
        tiles, array = row(bench, "conv", role).tiles, bench.snapshot.get("conv", role)
        assert len(tiles) == 6
        for channel, tile in enumerate(tiles):
            np.testing.assert_array_equal(tile.matrix, array[2, channel])
            assert tile.rect.width() == pytest.approx(tile.rect.height())
            assert row(bench, "conv", role).spec.rect.adjusted(-1, -1, 1, 1).contains(tile.rect)
    for role in ("h", "delta", "weight"):
        assert_cells_are_numbers(bench, "conv", role)


def test_hovering_over_a_channel_names_its_place_in_words(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(images())
    bench.step(level=Level.PASS)
    item, tile = bench.item("conv"), row(bench, "conv", "h").tiles[3]
    cell = item.cell_at(item.pos() + tile.cell_rect(4, 5).center())
    assert cell is not None and cell.text.endswith("\nsample 0, channel 3, row 4, column 5")


def test_the_input_of_image_data_shows_the_image_in_light_and_dark(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(images())
    bench.step()
    content, data = row(bench, "input", "h"), bench.snapshot.get("input", "h")
    (tile,) = content.tiles
    np.testing.assert_array_equal(tile.matrix, data[0, 0])
    assert content.gray == (0.0, 1.0)
    brightest = np.unravel_index(int(data[0, 0].argmax()), (8, 8))
    item = bench.item("input")
    spot = bench.canvas.mapFromScene(item.pos() + tile.cell_rect(*(int(i) for i in brightest)).center())
    for name in ("dark", "light"):
        theme().set(name)
        blue, green, red, _ = pixels(bench.canvas)[spot.y(), spot.x()]
        wanted = theme().color("text")
        assert np.abs(np.array([red, green, blue], int) - [wanted.red(), wanted.green(), wanted.blue()]).max() < 40


def test_a_vector_is_an_image_only_if_the_data_say_so(make_canvas_bench: MakeCanvasBench) -> None:
    flat = chain(
        ("input", "input", {"shape": [64]}), ("output", "dense", {"units": 10}), ("loss", "softmax_cross_entropy", {}),
        data=make_spec("digits", {"samples": 20}),
    )  # fmt: skip
    bench = make_canvas_bench(flat)
    bench.step()
    assert row(bench, "input", "h").tiles[0].rect.height() > 30
    item, tile = bench.item("input"), row(bench, "input", "h").tiles[0]
    assert tile.matrix.shape == (8, 8)
    cell = item.cell_at(item.pos() + tile.cell_rect(3, 5).center())
    assert cell is not None and cell.index == (0, 29) and cell.number == bench.snapshot.get("input", "h")[0, 29]
    generator = np.random.default_rng(0)
    bench.open(replace(flat, data=inline(generator.random((3, 64)), [0, 1, 2])))
    bench.step()
    content = row(bench, "input", "h")
    assert content.gray is None and content.spec.rect.height() < 20


def test_the_attention_card_shows_the_matrix_of_each_head(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(tokens(heads=2))
    hatched = None
    for label in ("attend masked", "attend attention"):
        bench.go_to(label)
        shown = picture(bench, "attend", "attention")
        assert hatched is None or not np.array_equal(hatched, shown)
        hatched = shown
    tiles, array = row(bench, "attend", "attention").tiles, bench.snapshot.get("attend", "attention")
    assert len(tiles) == 2
    for head, tile in enumerate(tiles):
        np.testing.assert_array_equal(tile.matrix, array[0, head])
    assert_cells_are_numbers(bench, "attend", "attention")
    assert bench.scene.ranges.limit("attention") == 1.0


def test_a_recurrent_card_fills_in_from_above_as_time_goes_on(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(sequences())
    bench.go_to("rnn h[2]")
    content = row(bench, "rnn", "h")
    (tile,), (hole,) = content.tiles, content.holes
    assert tile.matrix.shape == (3, 5) and hole.top() == pytest.approx(tile.rect.bottom())
    for time in range(3):
        np.testing.assert_array_equal(tile.matrix[time], bench.snapshot.find(ref("rnn", f"h[{time}]"))[0])
    assert_cells_are_numbers(bench, "rnn", "h")
    item = bench.item("rnn")
    assert item.is_on_absent(item.pos() + hole.center()) and not item.is_on_absent(item.pos() + tile.rect.center())


def test_going_back_through_time_fills_the_deltas_from_below(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(sequences(return_sequence=False))
    plan = bench.snapshot.plan
    assert plan is not None
    step = next(s for s in plan.steps if ref("rnn", "gradient/z[4]") in s.writes)
    bench.send(Seek(0, step.index + 1))
    content = row(bench, "rnn", "delta")
    (tile,), (hole,) = content.tiles, content.holes
    assert tile.matrix.shape == (3, 5) and hole.bottom() == pytest.approx(tile.rect.top())
    np.testing.assert_array_equal(tile.matrix[0], bench.snapshot.find(ref("rnn", "gradient/z[4]"))[0])
    assert_cells_are_numbers(bench, "rnn", "delta")


def test_the_cell_of_an_lstm_has_a_row_of_its_own_that_fills_in_as_time_goes_on(
    make_canvas_bench: MakeCanvasBench,
) -> None:
    bench = make_canvas_bench(sequences(kind="lstm"))
    bench.go_to("rnn c[2]")
    (tile,), (hole,) = row(bench, "rnn", "c").tiles, row(bench, "rnn", "c").holes
    assert tile.matrix.shape == (3, 5) and hole.top() == pytest.approx(tile.rect.bottom())
    for time in range(3):
        np.testing.assert_array_equal(tile.matrix[time], bench.snapshot.find(ref("rnn", f"c[{time}]"))[0])
    assert_cells_are_numbers(bench, "rnn", "c")
    bench.step(level=Level.ITERATION)
    (tile,) = row(bench, "rnn", "delta").tiles
    assert tile.matrix.shape == (7, 20)  # the error signals of its four gates side by side


def test_a_click_on_a_time_asks_for_the_number_of_that_time(make_canvas_bench: MakeCanvasBench, qtbot: QtBot) -> None:
    bench = make_canvas_bench(sequences())
    bench.step(level=Level.PASS)
    bench.canvas.zoom_to(1.0)
    bench.canvas.frame_layer("rnn")
    tile = row(bench, "rnn", "h").tiles[0]
    with qtbot.waitSignal(bench.selection.number_chosen) as asked:
        bench.click(bench.item("rnn").pos() + tile.cell_rect(4, 2).center())
    assert asked.args == [ref("rnn", "h[4]"), (0, 2)]


def test_class_indices_do_not_spread_the_range_of_activations(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(tokens())
    bench.step(2, Level.LAYER)
    largest = max(np.abs(bench.snapshot.get(name, "h")).max() for name in ("embed",))
    assert bench.snapshot.get("input", "h").max() > 2 * bench.scene.ranges.limit("h")
    assert bench.scene.ranges.limit("h") <= 2.01 * largest


@pytest.mark.parametrize("name", list(ALL))
def test_every_step_of_every_kind_of_network_is_drawn_near_and_far(
    make_canvas_bench: MakeCanvasBench, name: str
) -> None:
    bench = make_canvas_bench(ALL[name]())
    plan = bench.snapshot.plan
    assert plan is not None
    for cursor in range(0, len(plan.steps) + 1, max(1, len(plan.steps) // 6)):
        bench.send(Seek(0, cursor))
        for zoom in (1.0, 0.4):
            bench.canvas.set_zoom(zoom)
            bench.canvas.centerOn(bench.scene.network_bounds().center())
            assert len(np.unique(pixels(bench.canvas).view(np.uint32))) > 8
        for item in bench.scene.layers.values():
            for content in item.card.content.rows:
                for tile in content.tiles:
                    assert content.spec.rect.adjusted(-1, -1, 1, 1).contains(tile.rect)


@pytest.mark.parametrize(("count", "side"), [(1, 8), (6, 8), (48, 3), (512, 14), (3, 200)])
def test_pictures_are_as_large_as_fits_and_never_lie_over_each_other(count: int, side: int) -> None:
    place = QRectF(10, 20, 128, 46)
    found = fitted(place, count, side, side)
    assert 1 <= len(found) <= count
    for number, rect in enumerate(found):
        assert place.adjusted(-0.01, -0.01, 0.01, 0.01).contains(rect)
        assert rect.width() == pytest.approx(rect.height())
        assert not any(rect.intersects(other) for other in found[:number])
