"""The bench that the tests of the window stand on: a document, a debugger and a selection without a window.

What needs files builds on it in `desk.py`, what needs a canvas in `canvas_bench.py`; `conftest.py` makes and closes
them.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from visualbp.debugger.commands import Command, Level, Seek, SetNetwork, StepForward, Train
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context, Selection
from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger
from visualbp.gui.main_window import MainWindow
from visualbp.gui.widgets.message_bar import MessageBar
from visualbp.network import Network


class Bench:
    """Takes the main window's place: hands every edit of the document on to the debugger."""

    def __init__(self, network: Network | None = None, parent: QObject | None = None) -> None:
        self.parent = parent or QObject()
        """What the parts belong to, as they belong to the window."""
        self.document, self.debugger = Document(self.parent), Debugger(self.parent)
        self.selection = Selection(self.parent)
        self.context = Context(self.document, self.debugger, self.selection)
        self.document.network_edited.connect(self._on_edited)
        if network is not None:
            self.open(network)

    def _on_edited(self, network: Network, fresh: bool) -> None:
        self.debugger.generation = self.document.generation
        self.debugger.send(SetNetwork(network, self.document.generation, self.document.folder, fresh))

    @property
    def network(self) -> Network:
        return self.document.network

    @property
    def snapshot(self) -> Snapshot:
        return self.debugger.snapshot

    @property
    def place(self) -> tuple[int, int]:
        """The iteration, and how many of its steps are done."""
        return self.snapshot.iteration, self.snapshot.cursor

    def open(self, network: Network) -> None:
        self.document.open(network)
        self.settle()

    def settle(self) -> None:
        """Wait until all is done that was asked for, and seen."""
        assert self.debugger.settle()

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.debugger.send(command)
        self.settle()

    def step(self, count: int = 1, level: Level = Level.OPERATION) -> None:
        self.send(*[StepForward(level)] * count)

    def train(self, iterations: int, then_steps: int = 0) -> None:
        """Train whole iterations, and step on into the next."""
        self.send(Train(iterations), *[StepForward(Level.OPERATION)] * then_steps)

    def go_to(self, label: str) -> None:
        """Go to the state after the step with this label."""
        assert self.snapshot.plan is not None
        step = next(step for step in self.snapshot.plan.steps if step.label == label)
        self.send(Seek(self.snapshot.iteration, step.index + 1))

    def undo(self) -> None:
        self.document.undo_stack.undo()
        self.settle()

    def close(self) -> None:
        self.debugger.close()


def shut(window: MainWindow) -> None:
    """Close a window without being asked about unsaved work: nobody answers a question here."""
    window.files.may_discard = lambda: True  # type: ignore[method-assign]
    window.close()


def press_button(bar: MessageBar, words: str) -> None:
    """Press the button of a message bar with these words."""
    next(button for button in bar._buttons if button.text() == words).click()


def type_over(field: QLineEdit, text: str, key: Qt.Key = Qt.Key.Key_Return) -> None:
    """Type over what stands in a field, as a person does, and press a key."""
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, key)


def pixels(widget: QWidget) -> np.ndarray:
    """Return what a widget looks like, as (height, width, 4) bytes."""
    QApplication.processEvents()
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    view = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return view[:, : image.width()].copy()


def shades(widget: QWidget) -> int:
    """Return how many different colours a widget shows: 1 or 2 for an empty box."""
    picture = pixels(widget)
    return len(np.unique(picture.reshape(-1, 4), axis=0))
