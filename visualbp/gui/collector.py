"""When Python looks for objects that only hold each other: where a wait is expected, and not in the middle of a step.

To find them the collector goes through everything that is alive, at whatever allocation reaches its limit, on the
window's thread or the worker's, and holds up both: 200 ms for the cards, plans and steps of a thousand layers. What is
there when a network has been opened stays for as long as it is open. So it is set aside then, and again when its plan
and its first picture are there; what is looked through while a person steps is only what has been made since.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Slot

from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger


class Collector(QObject):
    """Collects at each opening, and sets what is left aside for as long as the window is there. To be made after all
    that shows the document."""

    def __init__(self, document: Document, debugger: Debugger, parent: QObject) -> None:
        super().__init__(parent)
        self._debugger = debugger
        self._is_fresh = self._is_unseen = False
        document.network_edited.connect(self._on_edited)
        document.changed.connect(self._on_changed)
        debugger.frames.painted.connect(self._on_painted)

    @Slot(object, bool)
    def _on_edited(self, network: object, fresh: bool) -> None:
        self._is_fresh = self._is_fresh or fresh

    @Slot(object)
    def _on_changed(self, network: object) -> None:
        if self._is_fresh:
            self._is_fresh, self._is_unseen = False, True
            gc.unfreeze()  # what the former network has left
            _set_aside()

    @Slot()
    def _on_painted(self) -> None:
        if self._is_unseen and self._debugger.snapshot.plan is not None and self._debugger.frames.is_empty:
            self._is_unseen = False
            _set_aside()

    @Slot()
    def end(self) -> None:
        """The window is closed: it, too, is let go of."""
        gc.unfreeze()


def _set_aside() -> None:
    gc.collect()
    gc.freeze()
