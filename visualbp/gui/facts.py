"""The right end of the status bar: precision, data, parameters, and what the worker is doing."""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QLabel

from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.plan import Plan
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
        """Show the precision, how many samples and parameters there are, and what the worker is doing."""
        plan = snapshot.plan
        facts: list[str] = [self._document.network.precision]
        if snapshot.dataset is not None:
            facts.append(f"{len(snapshot.dataset):,} sample{'s' if len(snapshot.dataset) != 1 else ''}")
        if plan is not None:
            facts.append(f"{_parameters(plan):,} parameters")
        facts.append(f"worker {snapshot.mode}")
        text = "   ".join(facts)
        if text != self.text():
            self.setText(text)


@lru_cache(maxsize=4)
def _parameters(plan: Plan) -> int:
    return sum(math.prod(plan.shapes[info.value]) for info in plan.parameters)
