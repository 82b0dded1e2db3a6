"""What the canvas paints: absent is not zero, the present step stands out, and no network can break it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from tests.building import chain, inline, xor
from tests.gui.canvas_rig import Rig
from tests.gui.workbench import pixels
from visualbp.core.arrays import frozen_copy
from visualbp.debugger.commands import Level
from visualbp.gui.canvas.flow import flow_of
from visualbp.gui.canvas.ranges import rounded_up
from visualbp.gui.theme import theme
from visualbp.network import Network, edits
from visualbp.network.network import make_layer


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


def part(rig: Rig, rect: QRectF) -> np.ndarray:
    """Return the pixels of a rectangle of the scene."""
    box = rig.canvas.mapFromScene(rect).boundingRect()
    rig.canvas.pulse.stop()
    return pixels(rig.canvas)[box.top() : box.bottom(), box.left() : box.right()]


def strip(rig: Rig, name: str, row: int) -> np.ndarray:
    item = rig.item(name)
    return part(rig, item.layout.rows[row].rect.adjusted(3, 3, -3, -3).translated(item.pos()))


def colors(picture: np.ndarray) -> int:
    """Return how many colours there are in a picture."""
    return len(np.unique(np.ascontiguousarray(picture).view(np.uint32)))


def has_color(picture: np.ndarray, color: str) -> bool:
    wanted = theme().color(color)
    near = np.abs(picture[..., :3].astype(int) - [wanted.blue(), wanted.green(), wanted.red()]).max(axis=-1)
    return bool((near <= 3).any())


def test_what_is_not_computed_is_hatched_and_zeros_are_not(rig: Rig) -> None:
    absent = strip(rig, "hidden", 0)
    rig.step(3)  # batch, z, h: of sample 0, which is (0, 0), both are exactly zero
    array = rig.snapshot.get("hidden", "h")
    assert array is not None and not array[0].any()
    zeros = strip(rig, "hidden", 0)
    assert colors(absent) > colors(zeros)
    assert not np.array_equal(absent, zeros)


def test_another_sample_has_another_picture(rig: Rig) -> None:
    rig.step(3)
    zeros = strip(rig, "hidden", 0)
    rig.selection.choose_sample(3)
    assert not np.array_equal(zeros, strip(rig, "hidden", 0))


def test_of_a_batch_of_a_few_samples_all_are_shown(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(xor())
    rig.step(3)
    h = rig.snapshot.get("hidden", "h")
    (tile,) = rig.item("hidden").card.content.rows[0].tiles
    assert np.array_equal(tile.matrix, h)
    assert tile.index(2, 1) == (2, 1)


def test_the_present_step_is_outlined_in_the_colour_of_its_direction(rig: Rig) -> None:
    around = rig.item("hidden").body.adjusted(-4, -4, 4, 4)
    assert not has_color(part(rig, around), "forward")
    rig.step(2, Level.LAYER)
    assert rig.item("hidden").card.active == "forward"
    assert has_color(part(rig, around), "forward")
    rig.step(1, Level.PASS)
    assert rig.item("hidden").card.active == "" and rig.item("loss").card.active == "forward"
    rig.step(3, Level.LAYER)
    assert rig.item("hidden").card.active == "backward"
    assert has_color(part(rig, around), "backward")


def test_connections_show_what_they_carry_and_what_has_passed(rig: Rig) -> None:
    lines = rig.scene.connections
    rig.step(2, Level.LAYER)
    assert lines["input", "hidden"].carrying and lines["input", "hidden"].color == "forward"
    assert lines["hidden", "output"].color == ""
    rig.step(2, Level.LAYER)
    assert not lines["input", "hidden"].carrying and lines["input", "hidden"].color == "forward"
    assert lines["output", "loss"].carrying
    rig.step(1, Level.LAYER)  # the loss sends its gradient back
    assert lines["output", "loss"].carrying and lines["output", "loss"].color == "backward"
    rig.step(1, Level.ITERATION)
    assert lines["hidden", "output"].color == "backward"
    assert lines["input", "hidden"].color == "forward", "no gradient goes into the data"


def test_a_residual_connection_runs_above_the_cards_that_it_skips(make_rig: Callable[..., Rig]) -> None:
    network = chain(
        ("input", "input", {"shape": [3]}), ("one", "dense", {"units": 3}), ("two", "dense", {"units": 3}),
        ("sum", "add", {}), ("loss", "mean_squared_error", {}),
        data=inline(np.eye(3), np.eye(3)),
    )  # fmt: skip
    network = edits.connect(network, "input", "sum")
    rig = make_rig(network)
    skip, direct = rig.scene.connections["input", "sum"], rig.scene.connections["one", "two"]
    for name in ("one", "two"):
        assert not skip.crosses(rig.item(name).body)
        assert skip.route.label.y() < rig.item(name).body.top()
    assert abs(direct.route.path.pointAtPercent(0.5).y() - direct.source.output_port.y()) < 1
    rig.step(1, Level.ITERATION)
    assert skip.color == "forward", "the input takes no gradient"


def test_the_card_of_the_loss_shows_its_number(rig: Rig) -> None:
    before = part(rig, rig.item("loss").body)
    rig.step(1, Level.PASS)
    assert rig.item("loss").card.content.loss == rig.snapshot.loss
    assert not np.array_equal(before, part(rig, rig.item("loss").body))


def test_an_edited_weight_leaves_outdated_values_dimmed(rig: Rig) -> None:
    rig.selection.choose_sample(3)
    rig.step(1, Level.PASS)
    fresh = strip(rig, "hidden", 0)
    weight = rig.snapshot.get("hidden", "weight")
    assert weight is not None
    rig.document.edit(lambda n: edits.set_parameter(n, "hidden", "weight", frozen_copy(weight + 1)), "Edit")
    rig.debugger.settle()
    assert rig.item("hidden").card.content.rows[0].stale
    assert not np.array_equal(fresh, strip(rig, "hidden", 0))


def test_a_value_that_is_not_finite_is_marked_on_its_card(rig: Rig) -> None:
    bad = frozen_copy(np.array([[np.inf, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]))
    rig.document.edit(lambda network: edits.set_parameter(network, "hidden", "weight", bad), "Edit")
    rig.step(4)
    card = rig.item("hidden").card
    assert "affine" in card.error
    assert has_color(strip(rig, "hidden", 2), "error")
    assert rig.scene.ranges.limit("weight") < 10, "infinity does not spread the range"


def test_the_pulse_runs_once_and_not_at_all_with_reduced_motion(rig: Rig, qtbot: QtBot) -> None:
    rig.step(2, Level.LAYER)
    assert rig.canvas.pulse.is_running
    qtbot.waitUntil(lambda: not rig.canvas.pulse.is_running, timeout=30_000)
    assert all(edge.pulse is None for edge in rig.scene.connections.values())
    theme().reduced_motion = True
    rig.step(1, Level.LAYER)
    assert not rig.canvas.pulse.is_running


def test_light_and_dark_differ_and_both_show_the_network(rig: Rig) -> None:
    rig.step(1, Level.ITERATION)
    dark = pixels(rig.canvas)[..., :3]
    theme().set("light")
    light = pixels(rig.canvas)[..., :3]
    assert dark.mean() < 60 < 180 < light.mean()


def test_far_out_the_whole_network_is_still_drawn_and_shows_the_step(rig: Rig) -> None:
    rig.step(2, Level.LAYER)
    rig.canvas.set_zoom(0.15)
    rig.canvas.centerOn(rig.scene.network_bounds().center())
    assert rig.scene.is_overview
    picture = part(rig, rig.item("hidden").body.adjusted(-20, -20, 20, 20))
    assert has_color(picture, "forward")
    assert not has_color(part(rig, rig.item("output").body), "forward")
    rig.canvas.set_zoom(1.0)
    assert not rig.scene.is_overview
    rig.canvas.frame_layer("hidden")
    assert rig.item("hidden").card.content.rows[0].tiles


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
def test_any_network_is_drawn(make_rig: Callable[..., Rig], name: str, scale: float) -> None:
    theme().set(scale=scale)
    rig = make_rig(NETWORKS[name])
    rig.step(6)
    rig.step(1, Level.ITERATION)
    for zoom in (1.0, 0.4, 0.1):
        rig.canvas.set_zoom(zoom)
        rig.canvas.centerOn(rig.scene.network_bounds().center())
        assert colors(pixels(rig.canvas)) > 8


def test_every_index_on_an_image_card_is_that_of_its_pixel(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(NETWORKS["images"])
    rig.selection.choose_sample(3)
    rig.step(1)
    data = rig.snapshot.get("input", "h")
    assert data is not None
    tiles = rig.item("input").card.content.rows[0].tiles
    assert len(tiles) == 2
    for channel, tile in enumerate(tiles):
        for row, column in ((0, 0), (3, 5), (7, 7)):
            assert tile.index(row, column) == (3, channel, row, column)
            assert tile.matrix[row, column] == data[3, channel, row, column]


def test_a_strip_of_a_thousand_units_points_at_true_indices(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(NETWORKS["images"])
    rig.step(1, Level.PASS)
    many = rig.snapshot.get("many", "h")
    assert many is not None
    (tile,) = rig.item("many").card.content.rows[0].tiles
    for column in (0, 17, tile.matrix.shape[1] - 1):
        assert tile.matrix[0, column] == many[tile.index(0, column)]


def test_a_range_is_a_round_number_at_least_as_large_as_what_it_holds() -> None:
    for limit in (1e-9, 0.017, 0.2, 0.5593, 1.0, 4.0, 71.0, 3e20):
        found = rounded_up(limit)
        assert limit <= found <= 2.01 * limit
    assert rounded_up(0.2) == pytest.approx(0.2)


def test_a_range_forgets_values_that_are_no_longer_shown(rig: Rig) -> None:
    rig.step(1, Level.ITERATION)
    assert {"h", "delta", "weight"} <= set(rig.scene.ranges.limits)
    rig.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    rig.debugger.settle()
    assert rig.snapshot.plan is None
    assert rig.scene.ranges.limits == {}


def test_what_has_passed_agrees_with_the_steps_of_the_plan(rig: Rig) -> None:
    plan = rig.snapshot.plan
    assert plan is not None
    for _ in range(len(plan.steps)):
        rig.step(1)
        snapshot, flow = rig.snapshot, flow_of(rig.snapshot)
        for (source, target), direction in flow.passed.items():
            done = plan.steps[: snapshot.cursor]
            assert any(step.layer == target for step in done)
            sent = any(v.layer == source for step in done if step.layer == target for v in step.writes)
            assert (direction == "backward") == sent
