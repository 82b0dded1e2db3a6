"""The right end of the status bar: precision, data, parameters, and what the worker is doing."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QLabel

from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger


class Facts(QLabel):
    """Follows the debugger."""

    def __init__(self, document: Document, debugger: Debugger) -> None:
        super().__init__()
        self.setObjectName("facts")
        self._document = document
        debugger.snapshot_changed.connect(self.show_snapshot)
        self.show_snapshot(debugger.snapshot)

    @Slot(object)
    def show_snapshot(self, snapshot: Snapshot) -> None:
        plan = snapshot.plan
        facts: list[str] = [self._document.network.precision]
        if snapshot.dataset is not None:
            facts.append(f"{len(snapshot.dataset):,} sample{'s' if len(snapshot.dataset) != 1 else ''}")
        if plan is not None:
            count = sum(snapshot.values[info.value].size for info in plan.parameters if info.value in snapshot.values)
            facts.append(f"{count:,} parameters")
        facts.append(f"worker {snapshot.mode}")
        self.setText("   ".join(facts))
