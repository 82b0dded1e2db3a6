"""What a designer would object to is looked for in every workspace, at every size and scale that people have."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from tests.building import chain, inline
from tests.gui.conftest import OpenWindow
from tests.gui.walk import SCALES, SIZES, objections, settle
from visualbp.debugger.commands import Level, StepForward
from visualbp.gui.main_window import MainWindow
from visualbp.gui.theme import theme
from visualbp.gui.widgets.elided_label import ElidedLabel
from visualbp.network import Network


def long_row() -> Network:
    """Forty layers in a row, whose names begin alike."""
    names = [f"hidden_layer_of_the_encoder_{place}" for place in range(1, 39)]
    layers = [(name, "dense", {"units": 3, "activation": "tanh"}) for name in names]
    return chain(
        ("input", "input", {"shape": [2]}),
        *layers,
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]),
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("model", ["xor", "long row"])
def test_nothing_is_cut_or_hidden_in_any_workspace(open_window: OpenWindow, model: str, size: tuple[int, int]) -> None:
    window = open_window("xor")
    if model == "long row":
        window.document.open(long_row())
    window.debugger.settle()
    window.canvas.fit()
    for _ in range(6):
        window.debugger.send(StepForward(Level.LAYER))
    found: list[str] = []
    for scale in SCALES:
        theme().set(scale=scale)
        window.resize(*size)
        settle(window)
        for name in window.workspaces.names:
            window.workspaces.show(name)
            settle(window)
            found += [f"{name} at {size}, scale {scale}: {words}" for words in objections(window)]
            if (window.width(), window.height()) != size:
                found.append(f"{name}, scale {scale}: the window grew to {window.width()} x {window.height()}")
    assert not found, "\n".join(found)


def test_a_walk_notices_what_it_is_for(window: MainWindow) -> None:
    settle(window)
    assert objections(window) == []
    panel = window.docks["mathematics"].panel
    trial = QWidget(panel)
    trial.setObjectName("trial")
    row = QHBoxLayout(trial)
    cut, small, shortened = QLabel("a label that is cut"), QLabel("small"), ElidedLabel("a name that is long")
    cut.setFixedWidth(20)
    tiny = QFont(small.font())
    tiny.setPixelSize(8)
    small.setStyleSheet("font-size: 8px")
    shortened.setFixedWidth(30)
    button = QPushButton("a button that is cut")
    button.setFixedWidth(40)
    for part in (cut, small, shortened, button):
        row.addWidget(part)
    trial.setGeometry(0, 0, 400, 60)
    trial.show()
    settle(window)
    said = "\n".join(objections(window))
    for words in (
        "'a label that is cut' needs",
        "'small' has letters of 8 px",
        "of 'a name that is long' only",
        "button",
    ):
        assert words in said, f"{words} is not in:\n{said}"
    shortened.setGeometry(cut.geometry())
    assert "lies over" in "\n".join(objections(window))
    trial.deleteLater()
    window.tool_bar.pill.hide()
    assert "the phase cannot be seen whole" in "\n".join(objections(window))
