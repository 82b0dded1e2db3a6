"""One sample, one name: its row in the data, the same in every panel, kept over iterations, cleared with the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from tests.building import with_training, xor
from tests.gui.bench import Bench
from tests.gui.conftest import MakeBench, MakeCanvasBench, OpenWindow, ShowPanel
from tests.refs import ref
from visualbp.datasets.base import load_dataset, make_spec
from visualbp.debugger.commands import Level, Seek, Train
from visualbp.files import find_model, load_network
from visualbp.gui.canvas.controls import SampleControl
from visualbp.gui.main_window import MainWindow
from visualbp.gui.panels.images import ImagesPanel
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.shown_sample import shown_sample


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    return make_bench(load_network(find_model("digits")))


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    return open_window("digits")


@pytest.fixture
def panel(bench: Bench, show_panel: ShowPanel) -> MathematicsPanel:
    return show_panel(bench, MathematicsPanel, (400, 700))


def test_rows_of_split_and_standardized_data_are_those_before_the_split() -> None:
    whole = load_dataset(make_spec("digits", {"samples": 1797}))
    part = load_dataset(make_spec("digits", {"samples": 100}))
    assert part.rows is not None and part.held_out is not None and part.held_out.rows is not None
    assert sorted([*part.rows, *part.held_out.rows]) == list(range(1797))
    by_row = dict(zip(whole.rows_of(np.arange(1797)).tolist(), whole.inputs, strict=True))
    for place in (0, 7, 99):
        np.testing.assert_array_equal(part.inputs[place], by_row[int(part.rows[place])])


def test_every_part_of_the_window_calls_the_chosen_sample_by_its_row(qtbot: QtBot, window: MainWindow) -> None:
    debugger = window.context.debugger
    debugger.send(Train(1))
    debugger.send(Seek(1, 4))
    debugger.settle()
    snapshot = debugger.snapshot
    row = int(snapshot.rows[5])
    window.selection.choose_sample(row)
    control = window.findChild(SampleControl)
    assert control.number.text() == f"sample {row}"
    mathematics = window.findChild(MathematicsPanel)
    qtbot.waitUntil(lambda: mathematics.card.explanation is not None, timeout=10_000)
    assert mathematics.card.explanation.index[0] == 5
    assert mathematics.axes.boxes[0].text() == str(row)
    samples = window.findChild(ImagesPanel)
    samples.refresh(snapshot)
    assert samples.images.content.describe(5).startswith(f"sample {row}:")
    assert samples.images.content._chosen == 5
    for panel in (window.docks["activations"].panel, window.docks["deltas"].panel):
        panel.extent.choose("sample")
        panel.refresh(snapshot)
        assert panel.extent.buttons["sample"].text() == f"sample {row}"
    tile = next(tile for tile in window.docks["activations"].panel.strip.content.tiles if tile.array is not None)
    assert f"\nsample {row}, " in tile.describe(tile.cell_of((5, 0)))


def test_choosing_by_row_anywhere_chooses_everywhere(qtbot: QtBot, window: MainWindow) -> None:
    debugger = window.context.debugger
    debugger.send(Seek(0, 4))
    debugger.settle()
    rows = np.sort(debugger.snapshot.rows)
    window.selection.choose_sample(int(rows[0]))
    window.findChild(SampleControl)._more.click()
    assert window.selection.sample == rows[1]
    window.findChild(MathematicsPanel).axes.boxes[0].setValue(2)
    assert window.selection.sample == rows[2]
    assert window.findChild(SampleControl).number.text() == f"sample {rows[2]}"
    value = ref("output", "z")
    window.selection.choose_number(value, (7, 1))
    assert window.selection.sample == debugger.snapshot.rows[7]


def test_a_sample_is_kept_over_iterations_and_where_it_is_not_in_the_batch_that_is_said(
    bench: Bench, panel: MathematicsPanel
) -> None:
    bench.step(level=Level.PASS)
    row = int(bench.snapshot.rows[3])
    bench.selection.choose_sample(row)
    bench.send(Train(1))
    bench.step(4)
    assert bench.snapshot.iteration == 1 and row not in bench.snapshot.rows
    shown = shown_sample(bench.snapshot, bench.selection.sample)
    assert shown.row == bench.snapshot.rows[0] and f"sample {row}" in shown.why
    assert panel.why.isVisible() and "is not in this batch" in panel.why.text()
    assert bench.selection.sample == row
    bench.send(Seek(0, 4))
    assert shown_sample(bench.snapshot, bench.selection.sample).place == 3
    assert not panel.why.isVisible()


def test_a_number_that_is_followed_stays_that_of_its_sample_in_another_order(
    bench: Bench, panel: MathematicsPanel
) -> None:
    bench.open(with_training(xor(), shuffle=True, batch_size=4))
    bench.step(3)
    bench.selection.choose_number(ref("hidden", "h"), (1, 2))
    row = int(bench.snapshot.rows[1])
    for _ in range(4):
        bench.step(level=Level.ITERATION)
        bench.step(3)
        place = int(np.flatnonzero(bench.snapshot.rows == row)[0])
        assert panel.card.explanation.index == (place, 2)
        assert panel.card.explanation.number == bench.snapshot.get("hidden", "h")[place, 2]


def test_going_back_along_the_trail_brings_each_numbers_own_sample(bench: Bench, panel: MathematicsPanel) -> None:
    bench.step(level=Level.PASS)
    value, rows = ref("output", "z"), bench.snapshot.rows
    bench.selection.choose_number(value, (2, 0))
    bench.selection.choose_number(value, (4, 1))
    assert bench.selection.sample == rows[4]
    panel.go_back()
    assert bench.selection.sample == rows[2] and panel.card.explanation.index == (2, 0)


def test_terms_and_inputs_are_called_by_their_row(bench: Bench, panel: MathematicsPanel) -> None:
    step = next(step for step in bench.snapshot.plan.steps if step.label.startswith("∂b"))
    bench.send(Seek(0, step.index + 1))
    rows = bench.snapshot.rows
    found = panel.card.explanation
    for term in found.terms:
        assert term.label == f"sample {rows[term.factors[0].index[0]]}"


def test_another_file_has_no_chosen_sample_and_no_number(window: MainWindow) -> None:
    window.selection.choose_sample(42)
    window.selection.choose_number(ref("output", "weight"), (0, 0))
    window.files.open_path(str(find_model("xor")))
    window.context.debugger.settle()
    assert window.selection.sample is None and window.selection.number is None


def test_an_edit_keeps_the_chosen_sample(bench: Bench) -> None:
    bench.selection.choose_sample(42)
    bench.document.edit(lambda network: replace(network, name="other"), "Rename")
    assert bench.selection.sample == 42


def test_a_card_calls_a_number_by_the_row_of_its_sample(make_canvas_bench: MakeCanvasBench) -> None:
    bench = make_canvas_bench(load_network(find_model("digits")))
    bench.step(level=Level.PASS)
    bench.selection.choose_sample(int(bench.snapshot.rows[3]))
    item = bench.item("output")
    content = next(content for content in item.card.content.rows if content.tiles and content.spec.role == "h")
    cell = item.cell_at(item.pos() + content.tiles[0].rect.center())
    assert cell is not None and cell.is_of_sample
    assert cell.words.startswith(f"sample {bench.snapshot.rows[cell.index[0]]}, unit")
    assert f"h[{cell.index[1]}]" in cell.text or f"z[{cell.index[1]}]" in cell.text
