"""Cards of layers whose values are images, sequences and attention: the pictures are theirs, every cell is a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from tests.building import chain, inline
from tests.gui.canvas_rig import Rig
from tests.gui.shape_networks import ALL, images, sequences, tokens
from tests.gui.workbench import pixels
from tests.refs import ref
from visualbp.datasets.base import make_spec
from visualbp.debugger.commands import Level, Seek
from visualbp.gui.canvas.content import RowContent
from visualbp.gui.canvas.tiles import fitted
from visualbp.gui.theme import theme
from visualbp.network import Network


@pytest.fixture
def make_rig(qtbot: QtBot) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(network: Network | None = None) -> Rig:
        made.append(Rig(network))
        return made[-1]

    yield make
    for rig in made:
        rig.close()
    theme().set("dark", 1.0)


def row(rig: Rig, layer: str, role: str) -> RowContent:
    return next(content for content in rig.item(layer).card.content.rows if content.spec.role == role)


def picture(rig: Rig, layer: str, role: str) -> np.ndarray:
    """Return the pixels of a row of a card."""
    rig.canvas.pulse.stop()
    item = rig.item(layer)
    rect = row(rig, layer, role).spec.rect.translated(item.pos())
    box = rig.canvas.mapFromScene(rect).boundingRect()
    return pixels(rig.canvas)[box.top() : box.bottom(), box.left() : box.right()]


def go_to(rig: Rig, label: str) -> None:
    assert rig.snapshot.plan is not None
    step = next(step for step in rig.snapshot.plan.steps if step.label == label)
    rig.send(Seek(rig.snapshot.iteration, step.index + 1))


def assert_cells_are_numbers(rig: Rig, layer: str, role: str) -> None:
    """Every cell that is drawn says the number that the snapshot has at its index."""
    item, content = rig.item(layer), row(rig, layer, role)
    for tile in content.tiles:
        for place in ((0, 0), (tile.matrix.shape[0] - 1, tile.matrix.shape[1] - 1)):
            cell = item.cell_at(item.pos() + tile.cell_rect(*place).center())
            assert cell is not None
            array = rig.snapshot.find(cell.value)
            assert array is not None and cell.number == array[cell.index]


def test_a_convolution_shows_its_filters_as_tiles_and_its_channels_as_square_images(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(images(6))
    rig.step(level=Level.ITERATION)
    rig.selection.choose_sample(int(rig.snapshot.rows[2]))
    filters = row(rig, "conv", "weight").tiles
    weight = rig.snapshot.get("conv", "weight")
    assert [tile.prefix for tile in filters] == [(number, 0) for number in range(6)]
    for number, tile in enumerate(filters):
        np.testing.assert_array_equal(tile.matrix, weight[number, 0])
    for role in ("h", "delta"):
        tiles, array = row(rig, "conv", role).tiles, rig.snapshot.get("conv", role)
        assert len(tiles) == 6
        for channel, tile in enumerate(tiles):
            np.testing.assert_array_equal(tile.matrix, array[2, channel])
            assert tile.rect.width() == pytest.approx(tile.rect.height())
            assert row(rig, "conv", role).spec.rect.adjusted(-1, -1, 1, 1).contains(tile.rect)
    for role in ("h", "delta", "weight"):
        assert_cells_are_numbers(rig, "conv", role)


def test_hovering_over_a_channel_names_its_place_in_words(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(images())
    rig.step(level=Level.PASS)
    item, tile = rig.item("conv"), row(rig, "conv", "h").tiles[3]
    cell = item.cell_at(item.pos() + tile.cell_rect(4, 5).center())
    assert cell is not None and cell.text.endswith(f"\nsample {rig.snapshot.rows[0]}, channel 3, row 4, column 5")


def test_the_input_of_image_data_shows_the_image_in_light_and_dark(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(images())
    rig.step()
    content, data = row(rig, "input", "h"), rig.snapshot.get("input", "h")
    (tile,) = content.tiles
    np.testing.assert_array_equal(tile.matrix, data[0, 0])
    assert content.gray == (0.0, 1.0)
    brightest = np.unravel_index(int(data[0, 0].argmax()), (8, 8))
    item = rig.item("input")
    spot = rig.canvas.mapFromScene(item.pos() + tile.cell_rect(*(int(i) for i in brightest)).center())
    for name in ("dark", "light"):
        theme().set(name)
        blue, green, red, _ = pixels(rig.canvas)[spot.y(), spot.x()]
        wanted = theme().color("text")
        assert np.abs(np.array([red, green, blue], int) - [wanted.red(), wanted.green(), wanted.blue()]).max() < 40


def test_a_vector_is_an_image_only_if_the_data_say_so(make_rig: Callable[..., Rig]) -> None:
    flat = chain(
        ("input", "input", {"shape": [64]}), ("output", "dense", {"units": 10}), ("loss", "softmax_cross_entropy", {}),
        data=make_spec("digits", {"samples": 20}),
    )  # fmt: skip
    rig = make_rig(flat)
    rig.step()
    assert row(rig, "input", "h").tiles[0].rect.height() > 30
    item, tile = rig.item("input"), row(rig, "input", "h").tiles[0]
    assert tile.matrix.shape == (8, 8)
    cell = item.cell_at(item.pos() + tile.cell_rect(3, 5).center())
    assert cell is not None and cell.index == (0, 29) and cell.number == rig.snapshot.get("input", "h")[0, 29]
    generator = np.random.default_rng(0)
    rig.open(replace(flat, data=inline(generator.random((3, 64)), [0, 1, 2])))
    rig.step()
    content = row(rig, "input", "h")
    assert content.gray is None and content.spec.rect.height() < 20


def test_the_attention_card_shows_the_matrix_of_each_head(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(tokens(heads=2))
    hatched = None
    for label in ("attend masked", "attend attention"):
        go_to(rig, label)
        shown = picture(rig, "attend", "attention")
        assert hatched is None or not np.array_equal(hatched, shown)
        hatched = shown
    tiles, array = row(rig, "attend", "attention").tiles, rig.snapshot.get("attend", "attention")
    assert len(tiles) == 2
    for head, tile in enumerate(tiles):
        np.testing.assert_array_equal(tile.matrix, array[0, head])
    assert_cells_are_numbers(rig, "attend", "attention")
    assert rig.scene.ranges.limit("attention") == 1.0


def test_a_recurrent_card_fills_in_from_above_as_time_goes_on(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(sequences())
    go_to(rig, "rnn h[2]")
    content = row(rig, "rnn", "h")
    (tile,), (hole,) = content.tiles, content.holes
    assert tile.matrix.shape == (3, 5) and hole.top() == pytest.approx(tile.rect.bottom())
    for time in range(3):
        np.testing.assert_array_equal(tile.matrix[time], rig.snapshot.find(ref("rnn", f"h[{time}]"))[0])
    assert_cells_are_numbers(rig, "rnn", "h")
    item = rig.item("rnn")
    assert item.is_on_absent(item.pos() + hole.center()) and not item.is_on_absent(item.pos() + tile.rect.center())


def test_going_back_through_time_fills_the_deltas_from_below(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(sequences(return_sequence=False))
    plan = rig.snapshot.plan
    assert plan is not None
    step = next(s for s in plan.steps if ref("rnn", "gradient/z[4]") in s.writes)
    rig.send(Seek(0, step.index + 1))
    content = row(rig, "rnn", "delta")
    (tile,), (hole,) = content.tiles, content.holes
    assert tile.matrix.shape == (3, 5) and hole.bottom() == pytest.approx(tile.rect.top())
    np.testing.assert_array_equal(tile.matrix[0], rig.snapshot.find(ref("rnn", "gradient/z[4]"))[0])
    assert_cells_are_numbers(rig, "rnn", "delta")


def test_the_cell_of_an_lstm_has_a_row_of_its_own_that_fills_in_as_time_goes_on(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(sequences(kind="lstm"))
    go_to(rig, "rnn c[2]")
    (tile,), (hole,) = row(rig, "rnn", "c").tiles, row(rig, "rnn", "c").holes
    assert tile.matrix.shape == (3, 5) and hole.top() == pytest.approx(tile.rect.bottom())
    for time in range(3):
        np.testing.assert_array_equal(tile.matrix[time], rig.snapshot.find(ref("rnn", f"c[{time}]"))[0])
    assert_cells_are_numbers(rig, "rnn", "c")
    rig.step(level=Level.ITERATION)
    (tile,) = row(rig, "rnn", "delta").tiles
    assert tile.matrix.shape == (7, 20)  # the error signals of its four gates side by side


def test_a_click_on_a_time_asks_for_the_number_of_that_time(make_rig: Callable[..., Rig], qtbot: QtBot) -> None:
    rig = make_rig(sequences())
    rig.step(level=Level.PASS)
    rig.canvas.zoom_to(1.0)
    rig.canvas.frame_layer("rnn")
    tile = row(rig, "rnn", "h").tiles[0]
    with qtbot.waitSignal(rig.selection.number_chosen) as asked:
        rig.click(rig.item("rnn").pos() + tile.cell_rect(4, 2).center())
    assert asked.args == [ref("rnn", "h[4]"), (0, 2)]


def test_class_indices_do_not_spread_the_range_of_activations(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(tokens())
    rig.step(2, Level.LAYER)
    largest = max(np.abs(rig.snapshot.get(name, "h")).max() for name in ("embed",))
    assert rig.snapshot.get("input", "h").max() > 2 * rig.scene.ranges.limit("h")
    assert rig.scene.ranges.limit("h") <= 2.01 * largest


@pytest.mark.parametrize("name", list(ALL))
def test_every_step_of_every_kind_of_network_is_drawn_near_and_far(make_rig: Callable[..., Rig], name: str) -> None:
    rig = make_rig(ALL[name]())
    plan = rig.snapshot.plan
    assert plan is not None
    for cursor in range(0, len(plan.steps) + 1, max(1, len(plan.steps) // 6)):
        rig.send(Seek(0, cursor))
        for zoom in (1.0, 0.4):
            rig.canvas.set_zoom(zoom)
            rig.canvas.centerOn(rig.scene.network_bounds().center())
            assert len(np.unique(pixels(rig.canvas).view(np.uint32))) > 8
        for item in rig.scene.layers.values():
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
