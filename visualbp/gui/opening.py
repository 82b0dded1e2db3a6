"""Opening a network that takes much memory or time: it is asked first, in the bar above the canvas, and can be stopped.

Nothing waits for the answer: what is open stays open, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot

from visualbp.debugger.commands import Pause
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.engine_thread import Debugger
from visualbp.gui.files_controller import FilesController
from visualbp.gui.widgets.message_bar import MessageBar


class LargeOpening(QObject):
    """Asks whether to open a large network; while it opens, says so and offers to stop."""

    def __init__(self, files: FilesController, debugger: Debugger, bar: MessageBar) -> None:
        super().__init__(files)
        self._debugger, self._bar = debugger, bar
        self._shown = ""
        files.large.connect(self.ask)
        debugger.snapshot_changed.connect(self._on_snapshot)

    @Slot(str, object)
    def ask(self, words: str, action: Callable[[], bool]) -> None:
        """Say `words`, which name the file and what it needs, and open it by `action` if the person wants it."""

        def wanted() -> None:
            if action():
                self._shown = f"Opening: {words}"
                stop = "Stop", lambda: self._debugger.send(Pause())
                self._bar.show_message(self._shown, "info", stop, dismiss="Hide")

        self._bar.show_message(words, "info", ("Open it", wanted))

    @Slot(object)
    def _on_snapshot(self, snapshot: Snapshot) -> None:
        if self._shown and snapshot.generation >= self._debugger.generation:
            if self._bar.text == self._shown:  # something else may have been said since
                self._bar.hide()
            self._shown = ""
