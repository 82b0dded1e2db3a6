"""What the canvas, the panels and the inspector share: document, debugger, and what is selected."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from visualbp.core.ref import Ref
from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger
from visualbp.network.network import Connection


class Selection(QObject):
    """What is selected. Shared: a layer chosen on the canvas is chosen in every panel, and back."""

    changed = Signal()
    """The selected layers or connections."""
    number_chosen = Signal(object, object)
    """A Ref and the index of one of its numbers: whoever is asked "where did this come from?" answers."""
    sample_changed = Signal(int)
    """The row of the batch that single-sample views show."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.layers: tuple[str, ...] = ()
        self.connections: tuple[Connection, ...] = ()
        self.number: tuple[Ref, tuple[int, ...]] | None = None
        self.sample = 0

    @property
    def layer(self) -> str | None:
        """The layer that panels show: the last one selected."""
        return self.layers[-1] if self.layers else None

    def select(self, layers: tuple[str, ...] = (), connections: tuple[Connection, ...] = ()) -> None:
        """Select these layers and connections, and nothing else."""
        if (layers, connections) != (self.layers, self.connections):
            self.layers, self.connections = layers, connections
            self.changed.emit()

    def clear(self) -> None:
        """Forget all of it: another network is shown."""
        self.number = None
        self.select()
        self.choose_sample(0)

    def choose_number(self, value: Ref, index: tuple[int, ...]) -> None:
        """Ask where a number came from."""
        self.number = (value, index)
        self.number_chosen.emit(value, index)

    def choose_sample(self, sample: int) -> None:
        """Choose the row of the batch that single-sample views show."""
        if sample != self.sample:
            self.sample = sample
            self.sample_changed.emit(sample)


@dataclass(frozen=True)
class Context:
    """Passed to everything in the window. Edits go through `document`, commands through `debugger`."""

    document: Document
    debugger: Debugger
    selection: Selection
