"""What the status bar says, for a while, of steps, files and commands; what wants an answer is in the message bar."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDockWidget, QStatusBar

from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context

SHORT, USUAL, LONG = 5000, 6000, 8000
"""Milliseconds for which a message stays."""


class StatusMessages(QObject):
    """Writes into `bar`. `problems` is brought forward when a command failed because the network cannot run."""

    def __init__(self, bar: QStatusBar, context: Context, problems: QDockWidget | None, parent: QObject) -> None:
        super().__init__(parent)
        self._bar, self._context, self._problems = bar, context, problems
        context.debugger.snapshot_changed.connect(self.show_snapshot)

    @Slot(object)
    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Say what is wrong at this step, until something else is said; or what has just been done."""
        if snapshot.trouble is not None:
            self._bar.showMessage(snapshot.trouble.text)
        elif snapshot.message:
            self._bar.showMessage(snapshot.message, LONG)

    def clear(self) -> None:
        """Say nothing any more of the network that was open before."""
        self._bar.clearMessage()

    @Slot(str)
    def say(self, text: str) -> None:
        """Say why something on the canvas cannot be, or what was done there."""
        self._bar.showMessage(text, USUAL)

    @Slot(str)
    def say_failed(self, text: str) -> None:
        """Say why a command could not be carried out."""
        self._bar.showMessage(text, LONG)
        if self._context.debugger.snapshot.plan is None and self._problems is not None:
            self._problems.show()
            self._problems.raise_()

    @Slot()
    def say_saved(self) -> None:
        self._bar.showMessage(f"Saved {self._context.document.path}", SHORT)

    @Slot(str)
    def say_slow(self, words: str) -> None:
        """Say what is still being written, until something else is said."""
        self._bar.showMessage(words)
