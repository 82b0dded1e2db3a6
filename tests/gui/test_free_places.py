"""Cards that are added, pasted or moved cover no other card."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.building import chain, inline, xor
from tests.gui.canvas_rig import Rig
from tests.gui.test_canvas_follows import row_of
from visualbp.gui.canvas.free_place import GAP, overlap, way_to_free_place
from visualbp.gui.canvas.geometry import GRID
from visualbp.network import Network, edits


@pytest.fixture
def rig(qtbot: QtBot) -> Iterator[Rig]:
    made = Rig(xor())
    yield made
    made.close()


def covered(rig: Rig) -> list[tuple[str, str]]:
    """Return the pairs of cards that lie on each other."""
    pairs = combinations(rig.scene.layers.values(), 2)
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


def test_a_layer_dropped_on_a_card_stands_beside_it_and_undo_is_one_step(rig: Rig) -> None:
    before = rig.network
    rig.drop("add", rig.grip("loss") + QPointF(10, -20))
    assert len(rig.network.layers) == len(before.layers) + 1 and not covered(rig)
    assert len(rig.history()) == 1
    rig.document.undo_stack.undo()
    assert rig.network == before


def test_each_of_many_drops_at_one_place_finds_a_place_of_its_own(rig: Rig) -> None:
    for type_name in ("dense", "conv2d", "mean_squared_error", "input", "dense", "lstm"):
        rig.drop(type_name, QPointF(300, 300))
    assert not covered(rig) and len(rig.network.layers) == 10
    rig.assert_mirrors()


def test_a_dropped_layer_stays_where_it_is_free(rig: Rig) -> None:
    rig.drop("dense", QPointF(300, 360))
    assert rig.item("dense").centre == QPointF(300, 360)


def test_pasting_and_duplicating_cover_nothing(rig: Rig) -> None:
    rig.selection.select(("hidden", "output"))
    rig.canvas.copy()
    for _ in range(3):
        rig.canvas.paste_at(rig.item("hidden").centre)
    for _ in range(3):
        rig.selection.select(("input", "hidden"))
        rig.canvas.duplicate()
    assert len(rig.network.layers) == 16 and not covered(rig)
    rig.canvas.glide.finish()
    for name in rig.selection.layers:
        assert rig.canvas.visible_rect().contains(rig.item(name).body), "what was added can be seen"


def test_layers_pasted_together_keep_their_places_to_each_other(rig: Rig) -> None:
    rig.selection.select(("hidden", "output"))
    rig.canvas.copy()
    rig.canvas.paste_at(rig.item("hidden").centre)
    one, other = (rig.item(name).centre for name in rig.selection.layers)
    assert other - one == rig.item("output").centre - rig.item("hidden").centre


def test_layers_added_from_the_palette_cover_nothing(rig: Rig) -> None:
    for type_name in ("input", "dense", "add", "mean_squared_error", "dropout", "concatenate", "dense", "input"):
        rig.selection.select()
        rig.canvas.add_layer(type_name)
        assert not covered(rig), type_name


def test_inserting_pushes_on_what_is_in_the_way(qtbot: QtBot) -> None:
    network = row_of(6)
    network = edits.add_layer(network, edits.new_layer(network, "dense"), (760.0, 165.0))
    rig = Rig(network)
    assert not covered(rig)
    for connection in (("hidden_2", "hidden_3"), ("hidden_1", "hidden_2"), ("input", "hidden_1")):
        rig.canvas.edits.insert_at("dropout", connection)
        assert not covered(rig), connection
    rig.close()


def test_inserting_where_a_row_goes_on_below_moves_nothing_else(qtbot: QtBot) -> None:
    rig = Rig(row_of(13))
    rig.canvas.tidy()
    before = dict(rig.network.positions)
    last = next(one for one, other in rig.network.connections if before[other][0] < before[one][0])
    following = rig.network.outputs_of(last)[0]
    rig.canvas.edits.insert_at("dropout", (last, following))
    assert not covered(rig)
    assert all(rig.network.positions[name] == place for name, place in before.items())
    assert rig.item("dropout").centre.y() == rig.item(last).centre.y()
    rig.close()


def test_a_card_dragged_onto_a_short_connection_gets_room(rig: Rig) -> None:
    rig.drop("dropout", QPointF(300, 360))
    middle = (rig.item("hidden").centre + rig.item("output").centre) / 2
    start = rig.grip("dropout")
    rig.drag(start, start + middle - rig.item("dropout").centre)
    assert ("hidden", "dropout") in rig.network.connections and not covered(rig)


def test_a_card_moved_onto_another_stands_beside_it_unless_alt_is_held(rig: Rig) -> None:
    start = rig.grip("loss")
    rig.drag(start, start + rig.item("output").centre - rig.item("loss").centre + QPointF(30, 12))
    assert not covered(rig) and rig.history() == ["Move loss"]
    rig.document.undo_stack.undo()
    start = rig.grip("loss")
    place = start + rig.item("output").centre - rig.item("loss").centre + QPointF(30, 12)
    rig.press(start)
    rig.move((start + place) / 2)
    rig.move(place)

    QTest.mouseRelease(
        rig.canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.AltModifier, rig.view(place)
    )
    assert covered(rig) == [("output", "loss")]


def test_cards_that_lie_on_each_other_already_can_be_moved_apart_slowly(qtbot: QtBot) -> None:
    rig = Rig(edits.move_layers(xor(), {"hidden": (230.0, 0.0), "output": (260.0, 60.0)}))
    start, before = rig.grip("output"), rig.item("output").centre
    rig.drag(start, start + QPointF(24, 36))
    assert (rig.item("output").centre - before).manhattanLength() < 90
    rig.close()


def test_tidy_covers_nothing_however_high_the_cards_are(qtbot: QtBot) -> None:
    images: Network = chain(
        ("input", "input", {"shape": [1, 8, 8]}), ("one", "conv2d", {"filters": 2}), ("two", "conv2d", {"filters": 2}),
        ("sum", "add", {}), ("flat", "flatten", {}), ("out", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline([[[[0.0] * 8] * 8]] * 2, [0, 1]),
    )  # fmt: skip
    images = edits.connect(edits.disconnect(images, [("one", "two")]), "input", "two")
    images = edits.connect(images, "one", "sum")
    rig = Rig(images)
    rig.canvas.tidy()
    assert not covered(rig)
    rig.close()
