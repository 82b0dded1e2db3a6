"""Weights that are given, by hand or by a file, and weights that another initialiser draws anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.building import xor
from tests.gui.bench import Bench
from tests.gui.conftest import MakeBench, ShowPanel
from visualbp.core.options import Choice
from visualbp.debugger.commands import Reset
from visualbp.files import load_network, save_network
from visualbp.gui.panels.inspector import InspectorPanel
from visualbp.gui.saved_state import live_network
from visualbp.network import edits

CONSTANT = Choice("constant", {"value": 0.5})


def weight(bench: Bench) -> np.ndarray:
    array = bench.snapshot.get("hidden", "weight")
    assert array is not None
    return array.copy()


def choose_initializer(panel: InspectorPanel, choice: Choice) -> None:
    panel.layer_page.form.editor("weight_init").committed.emit(choice, False)


@pytest.fixture
def reopened(make_bench: MakeBench, tmp_path: Path) -> Bench:
    """A bench with XOR that was trained, saved and opened again."""
    first = make_bench(xor())
    first.train(30)
    path = tmp_path / "trained.vbp"
    save_network(live_network(first.document, first.snapshot)(), path)
    bench = make_bench()
    bench.document.open(load_network(path), path)
    bench.settle()
    return bench


@pytest.fixture
def panel(reopened: Bench, show_panel: ShowPanel) -> InspectorPanel:
    panel = show_panel(reopened, InspectorPanel, (410, 760))
    reopened.selection.select(("hidden",))
    return panel


def test_a_trained_and_reopened_layer_says_that_its_weights_come_from_the_file(panel: InspectorPanel) -> None:
    note = panel.layer_page.given
    assert note.isVisible()
    assert note.words.text().startswith("weight and bias come from the file")
    assert "an initialiser counts for new weights" in note.words.text()


def test_another_initialiser_leaves_given_weights_as_they_are(reopened: Bench, panel: InspectorPanel) -> None:
    before = weight(reopened)
    choose_initializer(panel, CONSTANT)
    reopened.settle()
    assert np.array_equal(weight(reopened), before)
    assert panel.layer_page.given.isVisible()


def test_new_initial_weights_draws_this_layer_and_no_other_as_one_undo_step(
    reopened: Bench, panel: InspectorPanel
) -> None:
    before, output = weight(reopened), reopened.snapshot.get("output", "weight").copy()
    choose_initializer(panel, CONSTANT)
    panel.layer_page.given.button.click()
    reopened.settle()
    assert np.all(weight(reopened) == 0.5)
    assert np.array_equal(reopened.snapshot.get("output", "weight"), output)
    assert not panel.layer_page.given.isVisible()
    reopened.send(Reset())
    assert np.all(weight(reopened) == 0.5)
    assert reopened.document.undo_stack.count() == 2
    reopened.undo()
    assert np.array_equal(weight(reopened), before)
    assert panel.layer_page.given.isVisible()


def test_weights_set_by_hand_are_called_so(bench: Bench, show_panel: ShowPanel) -> None:
    panel = show_panel(bench, InspectorPanel, (410, 760))
    bench.selection.select(("hidden",))
    assert not panel.layer_page.given.isVisible()
    bench.document.edit(lambda network: edits.set_parameter(network, "hidden", "bias", np.ones(4)), "Edit")
    bench.settle()
    assert panel.layer_page.given.words.text().startswith("bias was set by hand")


def test_another_initialiser_draws_anew_what_is_not_given(bench: Bench, show_panel: ShowPanel) -> None:
    panel = show_panel(bench, InspectorPanel, (410, 760))
    bench.selection.select(("hidden",))
    before = weight(bench)
    choose_initializer(panel, CONSTANT)
    bench.settle()
    assert np.all(weight(bench) == 0.5)
    bench.undo()
    assert np.array_equal(weight(bench), before)


def test_undo_of_another_initialiser_brings_the_trained_weights_back(bench: Bench, show_panel: ShowPanel) -> None:
    panel = show_panel(bench, InspectorPanel, (410, 760))
    bench.selection.select(("hidden",))
    bench.train(20)
    trained, output = weight(bench), bench.snapshot.get("output", "weight").copy()
    choose_initializer(panel, CONSTANT)
    bench.settle()
    assert np.all(weight(bench) == 0.5)
    assert np.array_equal(bench.snapshot.get("output", "weight"), output)
    bench.undo()
    assert np.array_equal(weight(bench), trained)


def test_an_optimisers_memory_of_weights_that_are_drawn_anew_begins_at_zero(make_bench: MakeBench) -> None:
    network = xor()
    momentum = replace(network.training.optimizer, options={**network.training.optimizer.options, "momentum": 0.9})
    bench = make_bench(replace(network, training=replace(network.training, optimizer=momentum)))
    bench.train(5)
    bench.document.edit(lambda network: edits.set_options(network, "hidden", {"weight_init": CONSTANT}), "Change")
    bench.settle()
    (slot,) = [ref for ref in bench.snapshot.values if ref.is_slot and ref.of.text == "hidden.weight"]
    assert not np.any(bench.snapshot.values[slot])
