"""Opening a large network: it is asked first, nothing waits for the answer, and it can be stopped."""

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

from tests.gui.bench import press_button
from visualbp.core import reading
from visualbp.datasets.base import make_spec
from visualbp.debugger.commands import Level, Pause, StepForward
from visualbp.engine import needs
from visualbp.gui.main_window import MainWindow


def large_model(path: Path, layers: int = 3, units: int = 5000) -> str:
    """A model of some hundred megabytes: weights of `units` by `units`."""
    names = ["input", *(f"wide_{index}" for index in range(layers)), "output", "loss"]
    record = {
        "format": "visualbp",
        "version": 1,
        "name": "large",
        "layers": [
            {"name": "input", "type": "input", "shape": [2]},
            *({"name": name, "type": "dense", "units": units} for name in names[1:-2]),
            {"name": "output", "type": "dense", "units": 2},
            {"name": "loss", "type": "softmax_cross_entropy"},
        ],
        "connections": [list(pair) for pair in pairwise(names)],
        "data": {"source": "xor"},
    }
    path.write_text(json.dumps(record))
    return str(path)


def test_a_large_model_is_asked_about_and_what_is_open_goes_on(window: MainWindow, tmp_path: Path) -> None:
    before = window.document.network
    assert not window.files.open_path(large_model(tmp_path / "large.vbp"))
    assert window.message_bar.text == "large.vbp needs about 2.2 GB of memory."
    assert window.document.network is before and window.isEnabled()
    window.debugger.send(StepForward(Level.ITERATION))
    assert window.debugger.settle() and window.debugger.snapshot.cursor > 0
    press_button(window.message_bar, "Not now")
    assert window.document.network is before and window.message_bar.text == ""


def test_a_small_model_is_not_asked_about(window: MainWindow, tmp_path: Path) -> None:
    assert window.files.open_path(large_model(tmp_path / "small.vbp", units=10))
    assert window.document.network.name == "large"


def test_a_large_model_opens_once_it_is_wanted(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "MUCH_MEMORY", 1)
    assert not window.files.open_path(large_model(tmp_path / "m.vbp", units=10))
    press_button(window.message_bar, "Open it")
    assert window.message_bar.text.startswith("Opening: m.vbp needs about")
    assert window.debugger.settle()
    assert window.document.network.name == "large" and window.debugger.snapshot.plan is not None
    assert window.message_bar.text == ""


def test_the_opening_can_be_stopped(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "MUCH_MEMORY", 1)
    model = large_model(tmp_path / "m.vbp", layers=200, units=400)
    assert not window.files.open_path(model)
    press_button(window.message_bar, "Open it")
    press_button(window.message_bar, "Stop")
    assert window.debugger.settle()
    assert window.debugger.snapshot.plan is None
    assert [problem.message for problem in window.debugger.snapshot.problems] == ["opening was stopped"]
    assert window.files.open_path("xor", confirmed=True)  # and the window goes on
    assert window.debugger.settle() and window.debugger.snapshot.plan is not None


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No file gives anything until this is set, as on a drive that has gone."""
    event, read = threading.Event(), os.read
    monkeypatch.setattr(reading.os, "read", lambda descriptor, count: (event.wait(30), read(descriptor, count))[1])
    yield event
    event.set()


def test_the_window_lives_while_a_file_does_not_answer(
    window: MainWindow, silent: threading.Event, tmp_path: Path
) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(window.message_bar.text)
        window.debugger.send(StepForward(Level.ITERATION))
        silent.set()

    QTimer.singleShot(300, look)
    assert window.files.open_path(large_model(tmp_path / "slow.vbp", units=10))
    assert seen == ["Reading slow.vbp takes long."] and window.document.network.name == "large"


def test_a_file_that_does_not_answer_can_be_given_up(
    window: MainWindow, silent: threading.Event, tmp_path: Path
) -> None:
    before = window.document.network
    QTimer.singleShot(300, lambda: press_button(window.message_bar, "Stop"))
    assert not window.files.open_path(large_model(tmp_path / "slow.vbp", units=10))
    assert window.document.network is before and window.message_bar.text == ""


def test_data_that_do_not_answer_can_be_stopped(window: MainWindow, silent: threading.Event, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    data = make_spec("csv", {"path": str(table)})
    window.document.edit(lambda network: replace(network, data=data), "Other data")
    QTimer.singleShot(600, lambda: window.debugger.send(Pause()))
    assert window.debugger.settle()
    assert "reading it was stopped" in window.debugger.snapshot.problems[-1].text
