"""What the canvas paints: absent is not zero, the present step stands out, and no network can break it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from tests.building import chain, inline, xor
from tests.gui.bench import pixels
from tests.gui.canvas_bench import CanvasBench, xor_twice
from tests.gui.conftest import MakeCanvasBench
from visualbp.core.arrays import frozen_copy
from visualbp.debugger.commands import Level
from visualbp.gui.canvas.flow import flow_of
from visualbp.gui.canvas.ranges import rounded_up
from visualbp.gui.theme import theme
from visualbp.network import Network, edits
from visualbp.network.network import make_layer


@pytest.fixture
def bench(make_canvas_bench: MakeCanvasBench) -> CanvasBench:
    return make_canvas_bench(xor_twice())


def part(bench: CanvasBench, rect: QRectF) -> np.ndarray:
    """Return the pixels of a rectangle of the scene."""
    box = bench.canvas.mapFromScene(rect).boundingRect()
    bench.canvas.pulse.stop()
    return pixels(bench.canvas)[box.top() : box.bottom(), box.left() : box.right()]


def strip(bench: CanvasBench, name: str, row: int) -> np.ndarray:
    item = bench.item(name)
    return part(bench, item.layout.rows[row].rect.adjusted(3, 3, -3, -3).translated(item.pos()))


def colors(picture: np.ndarray) -> int:
    """Return how many colours there are in a picture."""
    return len(np.unique(np.ascontiguousarray(picture).view(np.uint32)))


def has_color(picture: np.ndarray, color: str) -> bool:
    wanted = theme().color(color)
    near = np.abs(picture[..., :3].astype(int) - [wanted.blue(), wanted.green(), wanted.red()]).max(axis=-1)
    return bool((near <= 3).any())


def test_what_is_not_computed_is_hatched_and_zeros_are_not(bench: CanvasBench) -> None:
    absent = strip(bench, "hidden", 0)
    bench.step(3)  # batch, z, h: of sample 0, which is (0, 0), both are exactly zero
    array = bench.snapshot.get("hidden", "h")
    assert array is not None and not array[0].any()
    zeros = strip(bench, "hidden", 0)
    assert colors(absent) > colors(zeros)
    assert not np.array_equal(absent, zeros)


def test_another_sample_has_another_picture(bench: CanvasBench) -> None:
    bench.step(3)
    zeros = strip(bench, "hidden", 0)
    bench.selection.choose_sample(3)
    assert not np.array_equal(zeros, strip(bench, "hidden", 0))


def test_of_a_batch_of_a_few_samples_all_are_shown(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(xor())
    bench.step(3)
    h = bench.snapshot.get("hidden", "h")
    (tile,) = bench.item("hidden").card.content.rows[0].tiles
    assert np.array_equal(tile.matrix, h)
    assert tile.index(2, 1) == (2, 1)


def test_the_present_step_is_outlined_in_the_colour_of_its_direction(bench: CanvasBench) -> None:
    around = bench.item("hidden").body.adjusted(-4, -4, 4, 4)
    around.setHeight(8)  # the upper edge alone: letters inside have these colours, too
    assert not has_color(part(bench, around), "forward")
    bench.step(2, Level.LAYER)
    assert bench.item("hidden").card.active == "forward"
    assert has_color(part(bench, around), "forward")
    bench.step(1, Level.PASS)
    assert bench.item("hidden").card.active == "" and bench.item("loss").card.active == "forward"
    bench.step(3, Level.LAYER)
    assert bench.item("hidden").card.active == "backward"
    assert has_color(part(bench, around), "backward")


def test_connections_show_what_they_carry_and_what_has_passed(bench: CanvasBench) -> None:
    lines = bench.scene.connections
    bench.step(2, Level.LAYER)
    assert lines["input", "hidden"].carrying and lines["input", "hidden"].color == "forward"
    assert lines["hidden", "output"].color == ""
    bench.step(2, Level.LAYER)
    assert not lines["input", "hidden"].carrying and lines["input", "hidden"].color == "forward"
    assert lines["output", "loss"].carrying
    bench.step(1, Level.LAYER)  # the loss sends its gradient back
    assert lines["output", "loss"].carrying and lines["output", "loss"].color == "backward"
    bench.step(1, Level.ITERATION)
    assert lines["hidden", "output"].color == "backward"
    assert lines["input", "hidden"].color == "forward", "no gradient goes into the data"


def test_a_residual_connection_runs_above_the_cards_that_it_skips(make_canvas_bench: MakeCanvasBench) -> None:
    network = chain(
        ("input", "input", {"shape": [3]}), ("one", "dense", {"units": 3}), ("two", "dense", {"units": 3}),
        ("sum", "add", {}), ("loss", "mean_squared_error", {}),
        data=inline(np.eye(3), np.eye(3)),
    )  # fmt: skip
    network = edits.connect(network, "input", "sum")
    bench = make_canvas_bench(network)
    skip, direct = bench.scene.connections["input", "sum"], bench.scene.connections["one", "two"]
    for name in ("one", "two"):
        assert not skip.crosses(bench.item(name).body)
        assert skip.route.label.y() < bench.item(name).body.top()
    assert abs(direct.route.path.pointAtPercent(0.5).y() - direct.source.output_port.y()) < 1
    bench.step(1, Level.ITERATION)
    assert skip.color == "forward", "the input takes no gradient"


def test_the_card_of_the_loss_shows_its_number(bench: CanvasBench) -> None:
    before = part(bench, bench.item("loss").body)
    bench.step(1, Level.PASS)
    assert bench.item("loss").card.content.loss == bench.snapshot.loss
    assert not np.array_equal(before, part(bench, bench.item("loss").body))


def test_an_edited_weight_leaves_outdated_values_dimmed(bench: CanvasBench) -> None:
    bench.selection.choose_sample(3)
    bench.step(1, Level.PASS)
    fresh = strip(bench, "hidden", 0)
    weight = bench.snapshot.get("hidden", "weight")
    assert weight is not None
    bench.document.edit(lambda n: edits.set_parameter(n, "hidden", "weight", frozen_copy(weight + 1)), "Edit")
    bench.settle()
    assert bench.item("hidden").card.content.rows[0].stale
    assert not np.array_equal(fresh, strip(bench, "hidden", 0))


def test_a_value_that_is_not_finite_is_marked_on_its_card(bench: CanvasBench) -> None:
    bad = frozen_copy(np.array([[np.inf, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]))
    bench.document.edit(lambda network: edits.set_parameter(network, "hidden", "weight", bad), "Edit")
    bench.step(4)
    card = bench.item("hidden").card
    assert "affine" in card.error
    assert has_color(strip(bench, "hidden", 2), "error")
    assert bench.scene.ranges.limit("weight") < 10, "infinity does not spread the range"


def test_the_pulse_runs_once_and_not_at_all_with_reduced_motion(bench: CanvasBench, qtbot: QtBot) -> None:
    bench.step(2, Level.LAYER)
    assert bench.canvas.pulse.is_running
    qtbot.waitUntil(lambda: not bench.canvas.pulse.is_running, timeout=30_000)
    assert all(edge.pulse is None for edge in bench.scene.connections.values())
    theme().reduced_motion = True
    bench.step(1, Level.LAYER)
    assert not bench.canvas.pulse.is_running


def test_light_and_dark_differ_and_both_show_the_network(bench: CanvasBench) -> None:
    bench.step(1, Level.ITERATION)
    dark = pixels(bench.canvas)[..., :3]
    theme().set("light")
    light = pixels(bench.canvas)[..., :3]
    assert dark.mean() < 60 < 180 < light.mean()


def test_far_out_the_whole_network_is_still_drawn_and_shows_the_step(bench: CanvasBench) -> None:
    bench.step(2, Level.LAYER)
    bench.canvas.set_zoom(0.15)
    bench.canvas.centerOn(bench.scene.network_bounds().center())
    assert bench.scene.is_overview
    picture = part(bench, bench.item("hidden").body.adjusted(-20, -20, 20, 20))
    assert has_color(picture, "forward")
    assert not has_color(part(bench, bench.item("output").body), "forward")
    bench.canvas.set_zoom(1.0)
    assert not bench.scene.is_overview
    bench.canvas.frame_layer("hidden")
    assert bench.item("hidden").card.content.rows[0].tiles


NETWORKS = {
    "one unit": chain(
        ("input", "input", {"shape": [1]}), ("only", "dense", {"units": 1}), ("loss", "mean_squared_error", {}),
        data=inline([[1.0]], [[2.0]]),
    ),
    "images": chain(
        ("input", "input", {"shape": [2, 8, 8]}), ("flat", "flatten", {}), ("many", "dense", {"units": 1000}),
        ("out", "dense", {"units": 3}), ("loss", "softmax_cross_entropy", {}),
        data=inline(np.random.default_rng(0).normal(size=(5, 2, 8, 8)), [0, 1, 2, 0, 1]),
    ),
    "a batch of 1000": replace(xor(), data=inline(np.ones((1000, 2)), np.ones((1000, 1)))),
    "no network": Network(),
    "no data": replace(xor(), data=None),
    "a loss alone": edits.add_layer(Network(), make_layer("loss", "mean_squared_error"), (0.0, 0.0)),
    "huge values": xor(parameters={"hidden": {"weight": frozen_copy(np.full((4, 2), 1e300))}}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(NETWORKS))
@pytest.mark.parametrize("scale", [1.0, 1.6])
def test_any_network_is_drawn(make_canvas_bench: MakeCanvasBench, name: str, scale: float) -> None:
    theme().set(scale=scale)
    bench = make_canvas_bench(NETWORKS[name])
    bench.step(6)
    bench.step(1, Level.ITERATION)
    for zoom in (1.0, 0.4, 0.1):
        bench.canvas.set_zoom(zoom)
        bench.canvas.centerOn(bench.scene.network_bounds().center())
        assert colors(pixels(bench.canvas)) > 8


def test_every_index_on_an_image_card_is_that_of_its_pixel(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(NETWORKS["images"])
    bench.selection.choose_sample(3)
    bench.step(1)
    data = bench.snapshot.get("input", "h")
    assert data is not None
    tiles = bench.item("input").card.content.rows[0].tiles
    assert len(tiles) == 2
    for channel, tile in enumerate(tiles):
        for row, column in ((0, 0), (3, 5), (7, 7)):
            assert tile.index(row, column) == (3, channel, row, column)
            assert tile.matrix[row, column] == data[3, channel, row, column]


def test_a_strip_of_a_thousand_units_points_at_true_indices(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(NETWORKS["images"])
    bench.step(1, Level.PASS)
    many = bench.snapshot.get("many", "h")
    assert many is not None
    (tile,) = bench.item("many").card.content.rows[0].tiles
    for column in (0, 17, tile.matrix.shape[1] - 1):
        assert tile.matrix[0, column] == many[tile.index(0, column)]


def test_a_range_is_a_round_number_at_least_as_large_as_what_it_holds() -> None:
    for limit in (1e-9, 0.017, 0.2, 0.5593, 1.0, 4.0, 71.0, 3e20):
        found = rounded_up(limit)
        assert limit <= found <= 2.01 * limit
    assert rounded_up(0.2) == pytest.approx(0.2)


def test_a_range_forgets_values_that_are_no_longer_shown(bench: CanvasBench) -> None:
    bench.step(1, Level.ITERATION)
    assert {"h", "delta", "weight"} <= set(bench.scene.ranges.limits)
    bench.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    bench.settle()
    assert bench.snapshot.plan is None
    assert bench.scene.ranges.limits == {}


def test_what_has_passed_agrees_with_the_steps_of_the_plan(bench: CanvasBench) -> None:
    plan = bench.snapshot.plan
    assert plan is not None
    for _ in range(len(plan.steps)):
        bench.step(1)
        snapshot, flow = bench.snapshot, flow_of(bench.snapshot)
        for (source, target), direction in flow.passed.items():
            done = plan.steps[: snapshot.cursor]
            assert any(step.layer == target for step in done)
            sent = any(v.layer == source for step in done if step.layer == target for v in step.writes)
            assert (direction == "backward") == sent
