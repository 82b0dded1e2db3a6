"""What has to do with files in the window, without its panels: opened in a moment, and killed without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox, QVBoxLayout, QWidget

from tests.gui.bench import Bench, press_button
from visualbp.core.arrays import Array
from visualbp.gui.autosave import Autosave
from visualbp.gui.file_changes import FileChanges
from visualbp.gui.files_controller import FilesController
from visualbp.gui.recovery import Recovery
from visualbp.gui.settings import Settings
from visualbp.gui.widgets.message_bar import MessageBar
from visualbp.network import edits

BUTTONS = QMessageBox.StandardButton


class Desk(Bench):
    """A bench that opens, saves and recovers files, and says what has become of them."""

    def __init__(self) -> None:
        widget = QWidget()
        super().__init__(parent=widget)
        self._closed = False
        self.files = FilesController(self.context, Settings(), widget)
        self.bar = MessageBar()
        QVBoxLayout(widget).addWidget(self.bar)
        self.autosave = Autosave(self.context, widget)
        self.recovery = Recovery(self.autosave, self.files, self.bar, widget)
        self.changes = FileChanges(self.context, self.files, self.bar, widget)
        for part in (self.files, self.autosave, self.recovery):
            part.failed.connect(self._on_failed)
        for happened in (self.files.opened, self.files.saved):
            happened.connect(self.bar.clear)

    def _on_failed(self, text: str) -> None:
        self.bar.show_message(text, "error")

    # -- what a person does ------------------------------------------------------------------------------------------

    def open_file(self, path: Path | str) -> None:
        assert self.files.open_path(path), self.bar.text
        self.settle()

    def edit(self, units: int = 9) -> None:
        self.document.edit(lambda network: edits.set_options(network, "hidden", {"units": units}), "Change units")
        self.settle()

    def press(self, words: str) -> None:
        """Press a button of the message bar."""
        press_button(self.bar, words)
        self.settle()

    @property
    def words(self) -> list[str]:
        """The words on the buttons of the message bar."""
        return [button.text() for button in self.bar._buttons]

    def weight(self, layer: str = "hidden") -> Array:
        found = self.snapshot.get(layer, "weight")
        assert found is not None
        return found

    # -- its ends ----------------------------------------------------------------------------------------------------

    def close(self, keep: bool = False) -> None:
        """End without a question; `keep`: as a killed process would, with its autosave left where it is."""
        if self._closed:
            return
        self._closed = True
        super().close()
        self.autosave.close(keep)
        self.changes.stop()
        self.parent.deleteLater()


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
