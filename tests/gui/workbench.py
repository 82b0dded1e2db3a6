"""A document, a debugger and a selection without a window: what a single panel needs to be tested by itself."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from visualbp.debugger.commands import Command, Level, SetNetwork, StepForward
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context, Selection
from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger
from visualbp.network import Network


class Workbench(QObject):
    """Takes the main window's place: hands every edit of the document on to the debugger."""

    def __init__(self, network: Network | None = None) -> None:
        super().__init__()
        self.document, self.debugger, self.selection = Document(self), Debugger(self), Selection(self)
        self.context = Context(self.document, self.debugger, self.selection)
        self.document.network_edited.connect(self._on_edited)
        if network is not None:
            self.open(network)

    @Slot(object, bool)
    def _on_edited(self, network: Network, fresh: bool) -> None:
        self.debugger.generation = self.document.generation
        self.debugger.send(SetNetwork(network, self.document.generation, self.document.folder, fresh))

    @property
    def network(self) -> Network:
        return self.document.network

    @property
    def snapshot(self) -> Snapshot:
        return self.debugger.snapshot

    def open(self, network: Network) -> None:
        self.document.open(network)
        self.debugger.settle()

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.debugger.send(command)
        self.debugger.settle()

    def step(self, count: int = 1, level: Level = Level.OPERATION) -> None:
        self.send(*[StepForward(level)] * count)

    def close(self) -> None:
        self.debugger.close()


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
