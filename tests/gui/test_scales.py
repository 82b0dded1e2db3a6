"""A scale for each layer, or one for all: small layers are seen beside large ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.building import xor
from tests.gui.bench import Bench, pixels
from tests.gui.conftest import MakeBench, ShowPanel
from visualbp.debugger.commands import Level
from visualbp.gui.painting import STEPS
from visualbp.gui.panels.activations import ActivationsPanel
from visualbp.gui.panels.deltas import DeltasPanel
from visualbp.gui.widgets.shading import Diverging
from visualbp.network import Network


def uneven() -> Network:
    """A network whose output is a thousand times as large as its hidden layer."""
    network = xor()
    return replace(network, parameters={"output": {"weight": 4000.0 * np.array([[-1.0, 2.0, -3.0, 4.0]])}})


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    made = make_bench(uneven())
    made.step(level=Level.PASS)
    return made


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> ActivationsPanel:
    made = show_panel(bench, ActivationsPanel, (300, 320))
    made._header.choose("z")
    return made


def tile_of(panel: ActivationsPanel, layer: str) -> object:
    return next(tile for tile in panel.strip.content.tiles if tile.value.layer == layer)


def limits(panel: ActivationsPanel) -> dict[str, float]:
    return {tile.value.layer: tile.shading.limit for tile in panel.strip.content.tiles}


def test_with_one_scale_all_layers_share_it_and_with_their_own_each_has_one(panel: ActivationsPanel) -> None:
    one = limits(panel)
    assert len(set(one.values())) == 1
    before = pixels(panel.strip.content)
    panel.own_scale.click()
    own = limits(panel)
    assert own["hidden"] <= 2.5 and own["output"] == one["output"] > 100
    assert not np.array_equal(before, pixels(panel.strip.content))
    panel.own_scale.click()
    assert limits(panel) == one
    assert np.array_equal(before, pixels(panel.strip.content))


def test_what_is_shown_says_which_scale_it_is(bench: Bench, panel: ActivationsPanel) -> None:
    assert panel.legend.ends == (f"−{panel.legend.limit:g}", f"+{panel.legend.limit:g}")
    panel.own_scale.click()
    assert panel.legend.ends == ("− own", "own +") and "own" in panel.legend.toolTip()
    content = panel.strip.content
    row = next(row for row in content._rows if row.shown.value.layer == "hidden")
    assert content.title(row, 280)[1].startswith("±")


def test_the_scale_is_kept_over_steps_and_follows_the_numbers(bench: Bench, panel: ActivationsPanel) -> None:
    panel.own_scale.click()
    bench.step(level=Level.ITERATION)
    bench.step(3)
    assert panel.own_scale.isChecked()
    z = bench.snapshot.get("hidden", "z")
    limit = limits(panel)["hidden"]
    assert np.abs(z).max() <= limit <= 2.1 * np.abs(z).max()


def test_zero_stays_neutral_and_what_is_not_finite_is_marked(panel: ActivationsPanel) -> None:
    panel.own_scale.click()
    for layer in ("hidden", "output"):
        shading = tile_of(panel, layer).shading
        assert isinstance(shading, Diverging)
        zero, wrong = shading.indices(np.array([[0.0, np.nan]]))[0]
        assert zero == STEPS and wrong not in range(2 * STEPS + 1)


def test_deltas_have_the_switch_too_and_it_is_in_the_header(
    bench: Bench, show_panel: ShowPanel, panel: ActivationsPanel
) -> None:
    for each in (panel, show_panel(bench, DeltasPanel, (300, 320))):
        assert each.header().isAncestorOf(each.own_scale) and each.own_scale.isCheckable()
        assert each.own_scale.toolTip() and each.own_scale.accessibleName()
