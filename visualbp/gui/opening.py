"""Opening what takes much memory or time: it is asked first, in the bar above the canvas, and can be stopped.

Nothing waits for the answer: what is open stays open, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Slot

from visualbp.debugger.commands import Pause
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.engine_thread import Debugger
from visualbp.gui.files_controller import FilesController
from visualbp.gui.widgets.message_bar import MessageBar


class OpeningBar(MessageBar):
    """The message bar, which also asks whether to open a large network; while it opens, it offers to stop."""

    def __init__(self, files: FilesController, debugger: Debugger) -> None:
        super().__init__()
        self._debugger = debugger
        self._opening = ""
        """What is said while a large network opens."""
        files.large.connect(self.ask_before_opening)
        files.slow.connect(lambda words, stop: self.show_message(words, "info", ("Stop", stop), dismiss="Hide"))
        debugger.snapshot_changed.connect(self._on_snapshot)

    @Slot(str, object)
    def ask_before_opening(self, words: str, action: Callable[[], bool]) -> None:
        """Say `words`, which name the file and what it needs, and open it by `action` if the person wants it."""

        def wanted() -> None:
            if action():
                self._opening = f"Opening: {words}"
                stop = "Stop", lambda: self._debugger.send(Pause())
                self.show_message(self._opening, "info", stop, dismiss="Hide")

        self.ask("opening", words, "info", ("Open it", wanted))

    @Slot(object)
    def _on_snapshot(self, snapshot: Snapshot) -> None:
        if self._opening and snapshot.generation >= self._debugger.generation:
            if self.text == self._opening:  # something else may have been said since
                self.clear()
            self._opening = ""
