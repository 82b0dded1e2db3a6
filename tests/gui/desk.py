"""What has to do with files in the window, without its panels: opened in a moment, and killed without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QMessageBox, QVBoxLayout, QWidget

from visualbp.core.arrays import Array
from visualbp.debugger.commands import Command, Level, SetNetwork, StepForward, Train
from visualbp.gui.autosave import Autosave
from visualbp.gui.context import Context, Selection
from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger
from visualbp.gui.file_changes import FileChanges
from visualbp.gui.files_controller import FilesController
from visualbp.gui.recovery import Recovery
from visualbp.gui.settings import Settings
from visualbp.gui.widgets.message_bar import MessageBar
from visualbp.network import Network, edits

BUTTONS = QMessageBox.StandardButton


class Desk(QWidget):
    """Takes the main window's place."""

    def __init__(self) -> None:
        super().__init__()
        self._ended = False
        self.document, self.debugger = Document(self), Debugger(self)
        self.context = Context(self.document, self.debugger, Selection(self))
        self.files = FilesController(self.context, Settings(), self)
        self.bar = MessageBar()
        QVBoxLayout(self).addWidget(self.bar)
        self.autosave = Autosave(self.context, self)
        self.recovery = Recovery(self.autosave, self.files, self.bar, self)
        self.changes = FileChanges(self.context, self.files, self.bar, self)
        for part in (self.files, self.autosave, self.recovery):
            part.failed.connect(self._on_failed)
        for happened in (self.files.opened, self.files.saved):
            happened.connect(self.bar.clear)
        self.document.network_edited.connect(self._on_edited)

    @Slot(object, bool)
    def _on_edited(self, network: Network, fresh: bool) -> None:
        self.debugger.generation = self.document.generation
        self.debugger.send(SetNetwork(network, self.document.generation, self.document.folder, fresh))

    @Slot(str)
    def _on_failed(self, text: str) -> None:
        self.bar.show_message(text, "error")

    # -- what a person does ------------------------------------------------------------------------------------------

    def open(self, path: Path | str) -> None:
        assert self.files.open_path(path), self.bar.text
        self.debugger.settle()

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.debugger.send(command)
        self.debugger.settle()

    def train(self, iterations: int, then_steps: int = 0) -> None:
        """Train whole iterations, and step on into the next."""
        self.send(Train(iterations), *[StepForward(Level.OPERATION)] * then_steps)

    @property
    def place(self) -> tuple[int, int]:
        return self.debugger.snapshot.iteration, self.debugger.snapshot.cursor

    def edit(self, units: int = 9) -> None:
        self.document.edit(lambda network: edits.set_options(network, "hidden", {"units": units}), "Change units")
        self.debugger.settle()

    def press(self, words: str) -> None:
        """Press a button of the message bar."""
        next(button for button in self.bar._buttons if button.text() == words).click()
        self.debugger.settle()

    @property
    def words(self) -> list[str]:
        """The words on the buttons of the message bar."""
        return [button.text() for button in self.bar._buttons]

    def weight(self, layer: str = "hidden") -> Array:
        found = self.debugger.snapshot.get(layer, "weight")
        assert found is not None
        return found

    # -- its ends ----------------------------------------------------------------------------------------------------

    def end(self, keep: bool = False) -> None:
        """End without a question; `keep`: as a killed process would, with its autosave left where it is."""
        if self._ended:
            return
        self._ended = True
        self.debugger.close()
        self.autosave.close(keep)
        self.changes.stop()
        self.deleteLater()


class Answers:
    """Answers every question with the same button, and notes what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, button: QMessageBox.StandardButton = BUTTONS.Cancel) -> None:
        self.asked: list[str] = []
        self.button = button
        monkeypatch.setattr(QMessageBox, "exec", self._answering())

    def _answering(self) -> object:
        def answer(box: QMessageBox) -> QMessageBox.StandardButton:
            self.asked.append(box.text())
            return self.button

        return answer
