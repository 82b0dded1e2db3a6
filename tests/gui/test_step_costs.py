"""A step costs what it shows: long work goes in stages, what has not changed is not made or painted again."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import pytest
from PySide6.QtGui import QPainter
from pytestqt.qtbot import QtBot

from tests.building import xor
from tests.gui.conftest import MakeBench, ShowPanel
from tests.refs import ref
from visualbp.analysis.gradient_flow import flows_in_stages, layer_flows
from visualbp.debugger.commands import Level
from visualbp.debugger.session import Session
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.plan import Plan
from visualbp.files import load_network
from visualbp.files.samples import find_model
from visualbp.gui import create_window, painting
from visualbp.gui.canvas.heat import HeatRow
from visualbp.gui.layer_values import Assembler, Shown
from visualbp.gui.panels import gradients
from visualbp.gui.panels.gradients import GradientsPanel
from visualbp.gui.panels.mathematics import MathematicsPanel
from visualbp.gui.panels.mathematics_card import NumberCard
from visualbp.gui.stages import Stages
from visualbp.gui.theme import DARK, LIGHT, theme
from visualbp.gui.tool_bar import layer_place


def snapshot_after(steps: int, sample: str = "xor") -> tuple[Snapshot, Plan]:
    session = Session()
    session.set_network(load_network(find_model(sample)))
    for _ in range(steps):
        session.step()
    snapshot = session.snapshot()
    assert snapshot.plan is not None
    return snapshot, snapshot.plan


def test_stages_run_one_at_a_time_and_return_their_result() -> None:
    seen: list[int] = []

    def count() -> Generator[None, None, str]:
        for number in range(3):
            seen.append(number)
            yield
        return "counted"

    stages = Stages(count())
    for done in (1, 2, 3):
        assert not stages.go_on(0.0) and len(seen) == done
    assert stages.go_on(0.0) and stages.result == "counted" and stages.go_on(0.0)


@pytest.mark.parametrize("sample", ["vanishing", "residual", "recurrence_growing"])
def test_the_flow_in_stages_is_the_flow_at_once(sample: str) -> None:
    steps = len(snapshot_after(0, sample)[1].steps)
    snapshot, plan = snapshot_after(steps * 3 // 4, sample)
    stages = Stages(flows_in_stages(plan, snapshot.values, snapshot.norms))
    turns = 0
    while not stages.go_on(0.0):
        turns += 1
    whole = layer_flows(plan, snapshot.values, snapshot.norms)
    assert stages.result == whole and turns >= 2 * len(whole)


def test_badges_of_a_step_that_has_passed_are_not_looked_for_any_more(
    qtbot: QtBot, make_bench: MakeBench, show_panel: ShowPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradients, "STAGE", 0.0)
    monkeypatch.setattr(gradients, "STAGES_APART", 60_000)
    bench = make_bench(load_network(find_model("vanishing")))
    panel = show_panel(bench, GradientsPanel, (364, 220))
    bench.step(12)
    assert bench.snapshot.plan is not None
    panel._find_badges()
    assert panel._finding is not None, "ten layers are more than one stage"
    bench.debugger.snapshot_changed.emit(bench.snapshot)
    assert panel._finding is None
    monkeypatch.setattr(gradients, "STAGES_APART", 0)
    qtbot.waitUntil(panel._quiet.isActive, timeout=30_000)  # looked for anew, once it is quiet
    qtbot.waitUntil(lambda: not panel._quiet.isActive() and panel._finding is None, timeout=30_000)
    flows = layer_flows(bench.snapshot.plan, bench.snapshot.values, bench.snapshot.norms)
    assert panel._badges == {layer: flow.badges for layer, flow in flows.items() if flow.badges}


def test_the_card_of_numbers_is_never_drawn_at_the_size_of_the_step_before(
    make_bench: MakeBench, show_panel: ShowPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[tuple[int, int]] = []
    draw = NumberCard._draw

    def noted(card: NumberCard, painter: QPainter) -> None:
        picture = painter.device()
        painted.append((picture.width(), picture.height()))
        draw(card, painter)

    monkeypatch.setattr(NumberCard, "_draw", noted)
    bench = make_bench(load_network(find_model("vanishing")))
    panel = show_panel(bench, MathematicsPanel, (400, 900))
    bench.settle()
    heights = set()
    for _ in range(6):
        painted.clear()
        bench.step(level=Level.OPERATION)
        assert set(painted) == {panel.card.size().toTuple()}, "at the size that it has in the end, and at no other"
        heights.add(panel.card.height())
    assert len(heights) > 2, "its height does change"


@pytest.mark.parametrize("sample", ["xor", "digits_convolution", "copy_transformer"])
def test_the_place_of_a_layer_is_counted_among_those_with_operations(sample: str) -> None:
    _, plan = snapshot_after(0, sample)
    working = [name for name in plan.layers if any(node.layer == name for node in plan.nodes)]
    for name in (*plan.layers, "nobody"):
        expected = f"{working.index(name) + 1} of {len(working)}" if name in working else ""
        assert layer_place(plan, name) == expected


def test_the_parameters_in_the_status_bar_are_those_that_there_are(qtbot: QtBot) -> None:
    window = create_window("digits_convolution")
    qtbot.addWidget(window)
    window.debugger.settle()
    network = window.document.network
    snapshot = window.debugger.snapshot
    assert snapshot.plan is not None and network.layers
    count = sum(snapshot.values[info.value].size for info in snapshot.plan.parameters)
    assert f"{count:,} parameters" in window.facts.text()
    window.close()


def test_what_has_not_changed_is_the_same_picture_and_what_has_is_another() -> None:
    session = Session()
    session.set_network(xor())
    for _ in range(3):
        session.step()
    before = session.snapshot()
    plan = before.plan
    assert plan is not None
    assembler, hidden = Assembler(), plan.layers[1]
    shown = [Shown(ref(hidden, role)) for role in ("z", "h", "delta")]
    first = [assembler.picture(before, plan, one) for one in shown]
    assert all(assembler.picture(before, plan, one) is picture for one, picture in zip(shown, first, strict=True))
    while session.executor is not None and not session.executor.at_end:
        session.step()
    after = session.snapshot()
    again = [assembler.picture(after, plan, one) for one in shown]
    assert again[0] is first[0] and again[1] is first[1], "the same arrays"
    assert again[2] is not first[2] and again[2].array is not None


def test_a_row_of_a_card_keeps_its_images_for_the_same_range_and_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    matrices = [np.array([[1.0, -1.0]]), np.array([[0.5], [np.nan]]), np.array([[0.0, 0.25], [np.inf, -2.0]])]
    row = HeatRow(matrices)
    kept = row.images(1.0)
    assert kept == [painting.heat_image(matrix, 1.0) for matrix in matrices]
    assert row.images(1.0) is kept
    wider = row.images(2.0)
    assert wider is not kept and wider == [painting.heat_image(matrix, 2.0) for matrix in matrices]
    monkeypatch.setattr(theme(), "palette", LIGHT if theme().is_dark else DARK)
    other = row.images(2.0)
    assert other is not wider and other == [painting.heat_image(matrix, 2.0) for matrix in matrices]
