"""The card that is the place of an error is marked, and says what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage

from tests.building import inline, xor
from tests.gui.canvas_bench import CanvasBench
from tests.gui.conftest import MakeCanvasBench
from visualbp.debugger.commands import Level
from visualbp.gui.theme import theme
from visualbp.network import edits


@pytest.fixture
def bench(make_canvas_bench: MakeCanvasBench) -> CanvasBench:
    return make_canvas_bench(xor())


def reddish(bench: CanvasBench, name: str, border: bool) -> int:
    """Count the pixels in the colour of errors along the outline of a card, or at its top right corner."""
    bench.canvas.viewport().repaint()
    image = bench.canvas.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[:, :, :3].astype(int)
    error = QColor(theme().color("error"))
    near = np.abs(pixels - [error.blue(), error.green(), error.red()]).sum(axis=2) < 60
    corners = bench.canvas.mapFromScene(bench.item(name).body).boundingRect()
    if border:
        return int(near[corners.top() + 20 : corners.bottom() - 20, corners.left() - 3 : corners.left() + 4].sum())
    return int(near[corners.top() - 12 : corners.top() + 12, corners.right() - 14 : corners.right() + 12].sum())


def test_a_problem_of_the_drawing_marks_its_card_with_an_outline_and_a_sign(bench: CanvasBench) -> None:
    assert not reddish(bench, "hidden", True) and not reddish(bench, "hidden", False)
    bench.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    bench.settle()
    assert reddish(bench, "hidden", True) > 40 and reddish(bench, "hidden", False) > 10
    bench.undo()
    assert not reddish(bench, "hidden", True) and not reddish(bench, "hidden", False)


def test_data_that_do_not_fit_mark_the_card_they_do_not_fit(bench: CanvasBench) -> None:
    network = bench.network
    bench.document.apply(replace(network, data=inline([[0.0, 1.0, 2.0]] * 4, [[0.0]] * 4)), "Other data")
    bench.settle()
    problem = next(problem for problem in bench.snapshot.problems if problem.severity == "error" and problem.layer)
    assert problem not in bench.document.structure.problems, "only running shows it"
    assert problem.layer is not None
    assert bench.item(problem.layer).card.error == problem.message
    assert reddish(bench, problem.layer, True) > 40 and reddish(bench, problem.layer, False) > 10
    bench.move(bench.grip(problem.layer))
    assert bench.canvas.overlays.bubble.text == problem.text
    bench.document.apply(network, "Back")
    bench.settle()
    assert not any(item.card.error for item in bench.scene.layers.values())
    assert not reddish(bench, problem.layer, True)


def test_the_sentence_is_said_wherever_the_pointer_is_on_the_card(bench: CanvasBench) -> None:
    bench.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    bench.settle()
    item = bench.item("hidden")
    for place in (QPointF(60, 18), item.layout.rows[0].rect.center(), QPointF(90, item.layout.height - 5)):
        bench.move(item.pos() + place)
        assert "hidden: needs an input" in bench.canvas.overlays.bubble.text


def test_a_value_that_is_not_finite_marks_its_card_though_the_step_stands_there(bench: CanvasBench) -> None:
    weight = np.full((4, 2), 1e308)
    bench.document.edit(lambda network: edits.set_parameter(network, "hidden", "weight", weight), "Weight")
    bench.document.edit(lambda network: edits.set_options(network, "hidden", {"activation": "relu"}), "Relu")
    bench.settle()
    bench.step(1, Level.PASS)
    trouble = bench.snapshot.trouble
    assert trouble is not None
    name = trouble.step.layer
    assert bench.item(name).card.active and reddish(bench, name, True) > 40 and reddish(bench, name, False) > 10
    bench.move(bench.item(name).pos() + QPointF(60, 18))
    assert bench.canvas.overlays.bubble.text == f"{name}: {trouble.words}"


def test_far_out_the_sign_is_there_too(bench: CanvasBench) -> None:
    bench.canvas.set_zoom(0.15)
    bench.canvas.centerOn(bench.item("hidden").centre)
    assert bench.scene.is_overview and not reddish(bench, "hidden", False)
    bench.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    bench.settle()
    assert reddish(bench, "hidden", False) > 30
    bench.move(bench.item("hidden").centre)
    assert "hidden: needs an input" in bench.canvas.overlays.bubble.text
