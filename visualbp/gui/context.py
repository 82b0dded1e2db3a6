"""What the canvas, the panels and the inspector share: document, debugger, and what is selected."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from visualbp.core.ref import Ref
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger
from visualbp.gui.shown_sample import ShownSample, row_of, shown_sample
from visualbp.network.network import Connection


class Selection(QObject):
    """What is selected. Shared: a layer chosen on the canvas is chosen in every panel, and back."""

    changed = Signal()
    """The selected layers or connections."""
    number_chosen = Signal(object, object)
    """A Ref and the index of one of its numbers: whoever is asked "where did this come from?" answers."""
    layer_wanted = Signal(str)
    """A layer whose name was clicked somewhere: its card should come into view."""
    sample_changed = Signal()
    """The sample that was chosen, by its row in the data."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.layers: tuple[str, ...] = ()
        self.connections: tuple[Connection, ...] = ()
        self.number: tuple[Ref, tuple[int, ...]] | None = None
        self.sample: int | None = None
        """The row in the data of the sample that was chosen; what is shown says `shown_sample`."""
        self._document: Document | None = None
        self._debugger: Debugger | None = None
        self._opened: tuple[object, object] | None = None

    def attach(self, document: Document, debugger: Debugger) -> None:
        """Be the selection of these: a number is of a sample of the snapshot, and another file has other samples."""
        self._document, self._debugger = document, debugger
        document.network_edited.connect(self._on_network)

    @Slot(object, bool)
    def _on_network(self, network: object, fresh: bool) -> None:
        if fresh and self._document is not None:
            opened = self._document.path, self._document.sample
            if opened != self._opened or opened == (None, None):  # the same file, read anew, has the same samples
                self.forget()
            self._opened = opened

    @property
    def layer(self) -> str | None:
        """The layer that panels show: the last one selected."""
        return self.layers[-1] if self.layers else None

    def select(self, layers: tuple[str, ...] = (), connections: tuple[Connection, ...] = ()) -> None:
        """Select these layers and connections, and nothing else."""
        if (layers, connections) != (self.layers, self.connections):
            self.layers, self.connections = layers, connections
            self.changed.emit()

    @Slot(str)
    def go_to(self, layer: str) -> None:
        """Select a layer because its name was clicked, and bring its card into view."""
        self.select((layer,))
        self.show_layer(layer)

    @Slot(str)
    def show_layer(self, layer: str) -> None:
        """Bring a layer's card into view; what is selected stays so."""
        if layer:
            self.layer_wanted.emit(layer)

    def clear(self) -> None:
        """Forget all of it: another network is shown."""
        self.select()
        self.forget()

    def choose_number(self, value: Ref, index: tuple[int, ...]) -> None:
        """Ask where a number came from; its sample is chosen with it. The index is that in the snapshot."""
        row = None if self._debugger is None else row_of(self._debugger.snapshot, value, index)
        is_other = row is not None and row != self.sample
        if is_other:
            self.sample = row
        self.number = (value, index)
        self.number_chosen.emit(value, index)
        if is_other:
            self.sample_changed.emit()

    def shown(self, snapshot: Snapshot) -> ShownSample:
        """Return the sample that single-sample views show of a snapshot."""
        return shown_sample(snapshot, self.sample)

    def choose_sample(self, row: int | None) -> None:
        """Choose the sample, by its row in the data, that single-sample views show; None for none in particular."""
        if row != self.sample:
            self.sample = row
            self.sample_changed.emit()

    def forget(self) -> None:
        """Let go of the sample and the number: another document has others."""
        self.number = None
        self.choose_sample(None)


@dataclass(frozen=True)
class Context:
    """Passed to everything in the window. Edits go through `document`, commands through `debugger`."""

    document: Document
    debugger: Debugger
    selection: Selection

    def __post_init__(self) -> None:
        self.selection.attach(self.document, self.debugger)
