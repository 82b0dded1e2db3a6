"""The panels of activations and deltas: what they show is what was computed, and what was not is hatched."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.building import chain, inline, xor
from tests.gui.bench import Bench, pixels
from tests.gui.conftest import ShowPanel
from tests.refs import ref
from visualbp.debugger.commands import Level
from visualbp.gui.panels.activations import ActivationsPanel
from visualbp.gui.panels.deltas import DeltasPanel
from visualbp.gui.panels.value_panel import ValuePanel
from visualbp.gui.theme import theme
from visualbp.gui.widgets.heat_tile import HeatTile
from visualbp.gui.widgets.shading import Diverging
from visualbp.network import Network, edits

PANELS = (ActivationsPanel, DeltasPanel)


Shown = Callable[..., ValuePanel]


@pytest.fixture
def shown(bench: Bench, show_panel: ShowPanel) -> Shown:
    return lambda kind, size=(262, 230): show_panel(bench, kind, size)


def tile(panel: ValuePanel, layer: str, role: str) -> HeatTile:
    return next(t for t in panel.strip.content.tiles if t.value == ref(layer, role))


def layers_of(panel: ValuePanel) -> list[str]:
    return [t.value.layer for t in panel.strip.content.tiles]


def test_before_the_first_step_everything_is_absent(bench: Bench, shown: Shown) -> None:
    for kind in PANELS:
        panel = shown(kind)
        assert layers_of(panel) == ["hidden", "output"]
        assert all(t.array is None for t in panel.strip.content.tiles)
        centre = QPointF(panel.strip.content.tiles[0].rect.center())
        assert "not yet computed" in panel.strip.content.hover_text(centre)


def test_each_step_fills_in_what_it_has_computed(bench: Bench, shown: Shown) -> None:
    panel = shown(ActivationsPanel)
    before = pixels(panel)
    bench.step(3)  # load, hidden z, hidden h
    assert tile(panel, "hidden", "h").array is bench.snapshot.get("hidden", "h")
    assert tile(panel, "output", "h").array is None
    assert not np.array_equal(before, pixels(panel))


def test_the_links_switch_between_z_and_h_and_between_delta_and_upstream(bench: Bench, shown: Shown) -> None:
    bench.step(level=Level.ITERATION)
    for kind, roles in ((ActivationsPanel, ("z", "h")), (DeltasPanel, ("delta", "upstream"))):
        panel = shown(kind)
        for role in roles:
            header = panel.header()
            assert header is not None
            QTest.mouseClick(panel._header.buttons[role], Qt.MouseButton.LeftButton)
            np.testing.assert_array_equal(tile(panel, "hidden", role).array, bench.snapshot.get("hidden", role))


def test_all_cells_share_the_range_that_the_legend_shows(bench: Bench, shown: Shown) -> None:
    bench.step(level=Level.ITERATION)
    panel = shown(ActivationsPanel)
    limits = {t.shading.limit for t in panel.strip.content.tiles}  # type: ignore[attr-defined]
    largest = max(np.abs(bench.snapshot.get(layer, "h")).max() for layer in ("hidden", "output"))
    assert limits == {panel.legend.limit} and largest <= panel.legend.limit <= 1.6 * largest


def test_a_layer_alone_has_the_range_of_its_own_values(bench: Bench, shown: Shown) -> None:
    bench.step(level=Level.ITERATION)
    panel = shown(ActivationsPanel)
    bench.selection.select(("hidden",))
    largest = np.abs(bench.snapshot.get("hidden", "h")).max()
    assert largest <= panel.legend.limit <= 1.6 * largest
    assert panel.layer_view.heat_map.tile.shading == Diverging(panel.legend.limit)


def test_clicking_a_cell_chooses_the_number_and_its_sample(qtbot: QtBot, bench: Bench, shown: Shown) -> None:
    bench.step(level=Level.ITERATION)
    panel = shown(DeltasPanel)
    pixels(panel)
    box = tile(panel, "hidden", "delta").cell_rect((2, 1))
    assert box is not None
    with qtbot.waitSignal(bench.selection.number_chosen) as asked:
        QTest.mouseClick(panel.strip.content, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    assert asked.args == [ref("hidden", "delta"), (2, 1)]
    assert bench.selection.sample == 2


def test_clicking_a_title_shows_that_layer_alone_and_escape_shows_all(bench: Bench, shown: Shown) -> None:
    bench.step(level=Level.ITERATION)
    panel = shown(ActivationsPanel)
    title = tile(panel, "output", "h").rect.topLeft() - QPoint(-5, 8)
    QTest.mouseClick(panel.strip.content, Qt.MouseButton.LeftButton, pos=title)
    assert bench.selection.layer == "output"
    assert panel.pages.currentWidget() is panel.layer_view
    np.testing.assert_array_equal(panel.layer_view.heat_map.tile.array, bench.snapshot.get("output", "h"))
    mean = float(np.mean(bench.snapshot.get("output", "h")))
    assert f"mean {mean:.4g}"[:9] in panel.layer_view.facts.text()
    QTest.keyClick(panel.layer_view.heat_map, Qt.Key.Key_Escape)
    assert bench.selection.layer is None and panel.pages.currentWidget() is panel.strip


def test_a_layer_without_z_shows_its_h_and_says_so(bench: Bench, shown: Shown) -> None:
    network = edits.insert_on_connection(xor(), edits.new_layer(xor(), "dropout"), ("hidden", "output"), (0.0, 0.0))
    bench.open(network)
    bench.step(level=Level.ITERATION)
    panel = shown(ActivationsPanel)
    panel._header.choose("z")
    assert layers_of(panel) == ["hidden", "output"]
    bench.selection.select(("dropout",))
    assert panel.layer_view.heat_map.tile.value == ref("dropout", "h")
    assert "no z" in panel.layer_view.name.text()


def test_one_sample_alone_shows_its_row_and_page_down_the_next(bench: Bench, shown: Shown) -> None:
    bench.step(level=Level.ITERATION)
    panel = shown(ActivationsPanel)
    QTest.mouseClick(panel.extent.buttons["sample"], Qt.MouseButton.LeftButton)
    assert tile(panel, "hidden", "h").copy_text().count("\n") == 0
    QTest.keyClick(panel.strip.content, Qt.Key.Key_PageDown)
    QTest.keyClick(panel.strip.content, Qt.Key.Key_PageDown)
    assert bench.selection.sample == 2 and panel.extent.buttons["sample"].text() == "sample 2"
    numbers = [float(cell) for cell in tile(panel, "hidden", "h").copy_text().split("\t")]
    np.testing.assert_array_equal(numbers, bench.snapshot.get("hidden", "h")[2])


def test_outdated_values_are_marked_after_a_weight_is_edited(bench: Bench, shown: Shown) -> None:
    bench.step(6)
    panel = shown(ActivationsPanel)
    weight = np.ones((4, 2))
    weight.setflags(write=False)
    bench.document.edit(lambda network: edits.set_parameter(network, "hidden", "weight", weight), "Edit weight")
    bench.settle()
    assert tile(panel, "hidden", "h").stale
    bench.selection.select(("hidden",))
    assert panel.layer_view.shape.text() == "outdated"


def deep(count: int) -> Network:
    layers = [("input", "input", {"shape": [2]})]
    layers += [(f"layer_{n}", "dense", {"units": 1, "activation": "tanh"}) for n in range(count)]
    return chain(*layers, ("loss", "mean_squared_error", {}), data=inline([[0.0, 1.0], [1.0, 0.0]], [[0.0], [1.0]]))


def test_a_network_of_300_layers_scrolls_and_follows_the_step(bench: Bench, shown: Shown) -> None:
    bench.open(deep(300))
    panel = shown(ActivationsPanel, (240, 180))
    bench.step(level=Level.PASS)
    content, bar = panel.strip.content, panel.strip.verticalScrollBar()
    assert len(content.tiles) == 300 and bar.maximum() > 0
    current = content.rect_of(ref("layer_299", "h"))
    assert bar.value() <= current.center().y() <= bar.value() + panel.strip.viewport().height()


@pytest.mark.parametrize("batch", [1, 1000])
def test_pictures_and_batches_of_any_size_are_drawn(bench: Bench, shown: Shown, batch: int) -> None:
    generator = np.random.default_rng(0)
    bench.open(
        chain(
            ("input", "input", {"shape": [1, 8, 8]}),
            ("flat", "flatten", {}),
            ("output", "dense", {"units": 3}),
            ("loss", "softmax_cross_entropy", {}),
            data=inline(generator.random((batch, 1, 8, 8)), generator.integers(0, 3, batch)),
        )
    )
    bench.step(level=Level.ITERATION)
    for kind in PANELS:
        panel = shown(kind)
        for extent in ("batch", "sample"):
            panel.extent.choose(extent)
            for layer in ((), ("input",), ("flat",), ("output",)):
                bench.selection.select(layer)
                assert len(np.unique(pixels(panel).reshape(-1, 4), axis=0)) > 8


def test_values_that_are_not_finite_are_marked(bench: Bench, shown: Shown) -> None:
    bench.open(
        chain(
            ("input", "input", {"shape": [1]}),
            ("output", "dense", {"units": 1}),
            ("loss", "mean_squared_error", {}),
            data=inline([[1e300], [1.0]], [[0.0], [1.0]]),
            parameters={"output": {"weight": np.array([[1e300]]), "bias": np.zeros(1)}},
        )
    )
    bench.step(2)
    assert np.isinf(bench.snapshot.get("output", "h")).any()
    panel = shown(ActivationsPanel)
    error = theme().color("error")
    picture = pixels(panel)
    assert (picture[..., :3] == [error.blue(), error.green(), error.red()]).all(-1).any()


def test_without_a_network_the_panel_says_what_to_do(bench: Bench, shown: Shown) -> None:
    panel = shown(ActivationsPanel)
    bench.open(Network())
    assert panel.pages.currentWidget() is panel.empty
    assert "open a sample" in panel.empty.text.text()
    bench.open(edits.remove_layers(xor(), ["loss"]))
    assert "See Problems" in panel.empty.text.text()


def test_both_themes_and_the_presenters_size_are_drawn(bench: Bench, shown: Shown) -> None:
    bench.step(level=Level.ITERATION)
    panel = shown(ActivationsPanel)
    dark = pixels(panel)
    try:
        theme().set("light")
        assert not np.array_equal(dark, pixels(panel))
        theme().set("dark", 1.6)
        assert tile(panel, "hidden", "h").rect.left() > 12
    finally:
        theme().set("dark", 1.0)
