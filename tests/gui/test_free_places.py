"""Cards that are added, pasted or moved cover no other card."""

from __future__ import annotations

import math
from itertools import combinations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtTest import QTest

from tests.building import chain, inline, row_of, xor
from tests.gui.canvas_bench import CanvasBench
from tests.gui.conftest import MakeCanvasBench
from visualbp.gui.canvas.free_place import GAP, overlap, way_to_free_place
from visualbp.gui.canvas.geometry import GRID
from visualbp.network import Network, edits


@pytest.fixture
def bench(make_canvas_bench: MakeCanvasBench) -> CanvasBench:
    return make_canvas_bench(xor())


def covered(bench: CanvasBench) -> list[tuple[str, str]]:
    """Return the pairs of cards that lie on each other."""
    pairs = combinations(bench.scene.layers.values(), 2)
    return [(one.name, other.name) for one, other in pairs if overlap(one.body, other.body)]


boxes = st.builds(
    lambda x, y, high: QRectF(x * GRID, y * GRID, 176, high), st.integers(-60, 60), st.integers(-40, 40),
    st.sampled_from([96.0, 166.0, 244.0]),
)  # fmt: skip


@given(st.lists(boxes, min_size=1, max_size=12), st.lists(boxes, min_size=1, max_size=3))
@settings(max_examples=80, deadline=None)
def test_the_way_leads_to_the_nearest_free_place_on_the_grid(taken: list[QRectF], moving: list[QRectF]) -> None:
    way = way_to_free_place(moving, taken)
    there = [box.translated(way) for box in moving]
    assert not any(overlap(one, other) for one in there for other in taken)
    assert way.x() % GRID == 0 and way.y() % GRID == 0
    roomy = [box.adjusted(-GAP, -GAP, GAP, GAP) for box in taken]
    length = math.hypot(way.x(), way.y())
    reach = math.ceil(length / GRID)
    for x in range(-reach, reach + 1, 2):
        for y in range(-reach, reach + 1, 2):
            if math.hypot(x * GRID, y * GRID) < length - 1 and (x or y):
                other_way = [box.translated(x * GRID, y * GRID) for box in moving]
                assert any(one.intersects(other) for one in other_way for other in roomy), (x, y)


def test_what_covers_nothing_stays_where_it_is() -> None:
    near = QRectF(180, 0, 176, 166)
    assert way_to_free_place([QRectF(0, 0, 176, 166)], [near]) == QPointF()


def test_a_layer_dropped_on_a_card_stands_beside_it_and_undo_is_one_step(bench: CanvasBench) -> None:
    before = bench.network
    bench.drop("add", bench.grip("loss") + QPointF(10, -20))
    assert len(bench.network.layers) == len(before.layers) + 1 and not covered(bench)
    assert len(bench.history()) == 1
    bench.document.undo_stack.undo()
    assert bench.network == before


def test_each_of_many_drops_at_one_place_finds_a_place_of_its_own(bench: CanvasBench) -> None:
    for type_name in ("dense", "conv2d", "mean_squared_error", "input", "dense", "lstm"):
        bench.drop(type_name, QPointF(300, 300))
    assert not covered(bench) and len(bench.network.layers) == 10
    bench.assert_mirrors()


def test_a_dropped_layer_stays_where_it_is_free(bench: CanvasBench) -> None:
    bench.drop("dense", QPointF(300, 360))
    assert bench.item("dense").centre == QPointF(300, 360)


def test_pasting_and_duplicating_cover_nothing(bench: CanvasBench) -> None:
    bench.selection.select(("hidden", "output"))
    bench.canvas.copy()
    for _ in range(3):
        bench.canvas.paste_at(bench.item("hidden").centre)
    for _ in range(3):
        bench.selection.select(("input", "hidden"))
        bench.canvas.duplicate()
    assert len(bench.network.layers) == 16 and not covered(bench)
    bench.canvas.glide.finish()
    for name in bench.selection.layers:
        assert bench.canvas.visible_rect().contains(bench.item(name).body), "what was added can be seen"


def test_layers_pasted_together_keep_their_places_to_each_other(bench: CanvasBench) -> None:
    bench.selection.select(("hidden", "output"))
    bench.canvas.copy()
    bench.canvas.paste_at(bench.item("hidden").centre)
    one, other = (bench.item(name).centre for name in bench.selection.layers)
    assert other - one == bench.item("output").centre - bench.item("hidden").centre


def test_layers_added_from_the_palette_cover_nothing(bench: CanvasBench) -> None:
    for type_name in ("input", "dense", "add", "mean_squared_error", "dropout", "concatenate", "dense", "input"):
        bench.selection.select()
        bench.canvas.add_layer(type_name)
        assert not covered(bench), type_name


def test_inserting_pushes_on_what_is_in_the_way(make_canvas_bench: MakeCanvasBench) -> None:
    network = row_of(6)
    network = edits.add_layer(network, edits.new_layer(network, "dense"), (760.0, 165.0))
    bench = make_canvas_bench(network)
    assert not covered(bench)
    for connection in (("hidden_2", "hidden_3"), ("hidden_1", "hidden_2"), ("input", "hidden_1")):
        bench.canvas.edits.insert_at("dropout", connection)
        assert not covered(bench), connection


def test_inserting_where_a_row_goes_on_below_moves_nothing_else(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(row_of(13))
    bench.canvas.tidy()
    before = dict(bench.network.positions)
    last = next(one for one, other in bench.network.connections if before[other][0] < before[one][0])
    following = bench.network.outputs_of(last)[0]
    bench.canvas.edits.insert_at("dropout", (last, following))
    assert not covered(bench)
    assert all(bench.network.positions[name] == place for name, place in before.items())
    assert bench.item("dropout").centre.y() == bench.item(last).centre.y()


def test_a_card_dragged_onto_a_short_connection_gets_room(bench: CanvasBench) -> None:
    bench.drop("dropout", QPointF(300, 360))
    middle = (bench.item("hidden").centre + bench.item("output").centre) / 2
    start = bench.grip("dropout")
    bench.drag(start, start + middle - bench.item("dropout").centre)
    assert ("hidden", "dropout") in bench.network.connections and not covered(bench)


def test_a_card_moved_onto_another_stands_beside_it_unless_alt_is_held(bench: CanvasBench) -> None:
    start = bench.grip("loss")
    bench.drag(start, start + bench.item("output").centre - bench.item("loss").centre + QPointF(30, 12))
    assert not covered(bench) and bench.history() == ["Move loss"]
    bench.document.undo_stack.undo()
    start = bench.grip("loss")
    place = start + bench.item("output").centre - bench.item("loss").centre + QPointF(30, 12)
    bench.press(start)
    bench.move((start + place) / 2)
    bench.move(place)

    QTest.mouseRelease(
        bench.canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.AltModifier, bench.view(place)
    )
    assert covered(bench) == [("output", "loss")]


def test_cards_that_lie_on_each_other_already_can_be_moved_apart_slowly(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(edits.move_layers(xor(), {"hidden": (230.0, 0.0), "output": (260.0, 60.0)}))
    start, before = bench.grip("output"), bench.item("output").centre
    bench.drag(start, start + QPointF(24, 36))
    assert (bench.item("output").centre - before).manhattanLength() < 90


def test_tidy_covers_nothing_however_high_the_cards_are(make_canvas_bench: MakeCanvasBench) -> None:
    images: Network = chain(
        ("input", "input", {"shape": [1, 8, 8]}), ("one", "conv2d", {"filters": 2}), ("two", "conv2d", {"filters": 2}),
        ("sum", "add", {}), ("flat", "flatten", {}), ("out", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline([[[[0.0] * 8] * 8]] * 2, [0, 1]),
    )  # fmt: skip
    images = edits.connect(edits.disconnect(images, [("one", "two")]), "input", "two")
    images = edits.connect(images, "one", "sum")
    bench = make_canvas_bench(images)
    bench.canvas.tidy()
    assert not covered(bench)
