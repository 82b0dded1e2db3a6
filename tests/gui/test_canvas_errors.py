"""The card that is the place of an error is marked, and says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from tests.building import inline, xor
from tests.gui.canvas_rig import Rig
from visualbp.debugger.commands import Level
from visualbp.gui.theme import theme
from visualbp.network import edits


@pytest.fixture
def rig(qtbot: QtBot) -> Iterator[Rig]:
    made = Rig(xor())
    yield made
    made.close()


def reddish(rig: Rig, name: str, border: bool) -> int:
    """Count the pixels in the colour of errors along the outline of a card, or at its top right corner."""
    rig.canvas.viewport().repaint()
    image = rig.canvas.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[:, :, :3].astype(int)
    error = QColor(theme().color("error"))
    near = np.abs(pixels - [error.blue(), error.green(), error.red()]).sum(axis=2) < 60
    corners = rig.canvas.mapFromScene(rig.item(name).body).boundingRect()
    if border:
        return int(near[corners.top() + 20 : corners.bottom() - 20, corners.left() - 3 : corners.left() + 4].sum())
    return int(near[corners.top() - 12 : corners.top() + 12, corners.right() - 14 : corners.right() + 12].sum())


def test_a_problem_of_the_drawing_marks_its_card_with_an_outline_and_a_sign(rig: Rig) -> None:
    assert not reddish(rig, "hidden", True) and not reddish(rig, "hidden", False)
    rig.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    rig.debugger.settle()
    assert reddish(rig, "hidden", True) > 40 and reddish(rig, "hidden", False) > 10
    rig.document.undo_stack.undo()
    rig.debugger.settle()
    assert not reddish(rig, "hidden", True) and not reddish(rig, "hidden", False)


def test_data_that_do_not_fit_mark_the_card_they_do_not_fit(rig: Rig) -> None:
    network = rig.network
    rig.document.apply(replace(network, data=inline([[0.0, 1.0, 2.0]] * 4, [[0.0]] * 4)), "Other data")
    rig.debugger.settle()
    problem = next(problem for problem in rig.snapshot.problems if problem.severity == "error" and problem.layer)
    assert problem not in rig.document.structure.problems, "only running shows it"
    assert problem.layer is not None
    assert rig.item(problem.layer).card.error == problem.message
    assert reddish(rig, problem.layer, True) > 40 and reddish(rig, problem.layer, False) > 10
    rig.move(rig.grip(problem.layer))
    assert rig.canvas.overlays.bubble.text == problem.text
    rig.document.apply(network, "Back")
    rig.debugger.settle()
    assert not any(item.card.error for item in rig.scene.layers.values())
    assert not reddish(rig, problem.layer, True)


def test_the_sentence_is_said_wherever_the_pointer_is_on_the_card(rig: Rig) -> None:
    rig.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    rig.debugger.settle()
    item = rig.item("hidden")
    for place in (QPointF(60, 18), item.layout.rows[0].rect.center(), QPointF(90, item.layout.height - 5)):
        rig.move(item.pos() + place)
        assert "hidden: needs an input" in rig.canvas.overlays.bubble.text


def test_a_value_that_is_not_finite_marks_its_card_though_the_step_stands_there(rig: Rig) -> None:
    weight = np.full((4, 2), 1e308)
    rig.document.edit(lambda network: edits.set_parameter(network, "hidden", "weight", weight), "Weight")
    rig.document.edit(lambda network: edits.set_options(network, "hidden", {"activation": "relu"}), "Relu")
    rig.debugger.settle()
    rig.step(1, Level.PASS)
    trouble = rig.snapshot.trouble
    assert trouble is not None
    name = trouble.step.layer
    assert rig.item(name).card.active and reddish(rig, name, True) > 40 and reddish(rig, name, False) > 10
    rig.move(rig.item(name).pos() + QPointF(60, 18))
    assert rig.canvas.overlays.bubble.text == f"{name}: {trouble.words}"


def test_far_out_the_sign_is_there_too(rig: Rig) -> None:
    rig.canvas.set_zoom(0.15)
    rig.canvas.centerOn(rig.item("hidden").centre)
    assert rig.scene.is_overview and not reddish(rig, "hidden", False)
    rig.document.edit(lambda network: edits.disconnect(network, [("input", "hidden")]), "Disconnect")
    rig.debugger.settle()
    assert reddish(rig, "hidden", False) > 30
    rig.move(rig.item("hidden").centre)
    assert "hidden: needs an input" in rig.canvas.overlays.bubble.text
