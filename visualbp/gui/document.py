"""The document: the network being edited, its undo stack, its path. Every edit is one command: the network before and
after it, so no inverse can be wrong, and unchanged layers are shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from visualbp.files import moved
from visualbp.files.stamp import Stamp
from visualbp.network import Network, Structure, structure_of
from visualbp.network.diff import difference
from visualbp.network.network import Parameters


class EditCommand(QUndoCommand):
    """The one command. Edits with the same `merge` key in a row become one, such as typing into one field."""

    def __init__(self, document: Document, before: Network, after: Network, text: str, merge: str = "") -> None:
        super().__init__(text)
        self._document, self.before, self.after, self.merge = document, before, after, merge
        self._folder = document.folder
        """Where relative paths of the two networks start; Save As can have moved the document since."""

    def redo(self) -> None:
        self._show(self.after)

    def undo(self) -> None:
        self._show(self.before)

    def _show(self, network: Network) -> None:
        folder = self._document.folder
        self._document._show(network if folder is None else moved(network, self._folder, folder))

    def id(self) -> int:
        return 1 if self.merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, EditCommand) or other.merge != self.merge:
            return False
        self.after = other.after
        self.setObsolete(self.before == self.after)
        return True


class Document(QObject):
    """The network on the canvas. `generation` counts what a session must take over: all but movements on the canvas."""

    changed = Signal(object)
    """The network, after any edit, undo, redo, or opening."""
    network_edited = Signal(object, bool)
    """The network where the session has to take it over, and whether it is a fresh one."""
    state_changed = Signal()
    """Path, name, or whether there is unsaved work."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.network = Network()
        self.path: Path | None = None
        self.sample: str | None = None
        """The name of the sample model that this was opened from, if it was."""
        self.stamp: Stamp | None = None
        """What the file at `path` was when it was last read or written here, or overwriting it was agreed to."""
        self.parameters_on_disk: Parameters = {}
        """The parameters that are in the file. The state at hand is saved if it has these, wherever it stands."""
        self.generation = 0
        self.opened_at = 0
        """The generation at which this network was opened: a snapshot of an older one is of another network."""
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(1000)
        self.undo_stack.cleanChanged.connect(self._on_clean_changed)
        self._structure: Structure | None = None
        self._trained = False
        self._saving: Network | None = None
        """The network that is being written, if one is."""
        self._was_clean = True

    @property
    def structure(self) -> Structure:
        """The checked structure of the network as it is now."""
        if self._structure is None:
            self._structure = structure_of(self.network)
        return self._structure

    @property
    def is_modified(self) -> bool:
        """Whether there is work that is not in the file: edits, or weights that it took training to come to.

        What is on its way to the file is not in it yet.
        """
        return self._trained or self.is_saving or not self.undo_stack.isClean()

    @property
    def is_saving(self) -> bool:
        """Whether the network, as it was a moment ago, is being written."""
        return self._saving is not None

    @property
    def is_only_trained(self) -> bool:
        """Whether weights are the only work that is not in the file."""
        return self._trained and self.undo_stack.isClean()

    def set_trained(self, trained: bool) -> None:
        """Note whether there are trained weights that are not in the file, and worth asking about."""
        if trained != self._trained:
            self._trained = trained
            self.state_changed.emit()

    def apply(self, network: Network, text: str, merge: str = "", before: Network | None = None) -> None:
        """Make `network` the present one, as one step of undo called `text`.

        `before` is what undo returns to where that is not the present network: an edit of a weight in mid-training
        returns to the weight as it was then.
        """
        if network is self.network:
            return
        self.undo_stack.push(EditCommand(self, before or self.network, network, text, merge))

    def edit(self, change: Callable[[Network], Network], text: str, merge: str = "") -> None:
        """Apply a pure edit to the present network."""
        self.apply(change(self.network), text, merge)

    def open(
        self,
        network: Network,
        path: Path | None = None,
        sample: str | None = None,
        stamp: Stamp | None = None,
        modified: bool = False,
    ) -> None:
        """Show another network, with an empty undo stack. `modified`: it is not what the file at `path` holds."""
        self.path, self.sample, self.stamp = path, sample, stamp
        self.parameters_on_disk = {} if modified else network.parameters
        self._trained, self._saving = False, None
        self.undo_stack.clear()
        if modified:
            self.undo_stack.resetClean()
        else:
            self.undo_stack.setClean()  # an empty stack that had been reset does not become clean by clearing it
        self._show(network, fresh=True)
        self.state_changed.emit()

    def lose_file(self) -> None:
        """Note that what is shown is in no file any more: it was removed, or another program has written it."""
        self.undo_stack.resetClean()
        self.state_changed.emit()

    def begin_saving(self) -> None:
        """Note that the network as it is now is being written. `saved_as` or `not_saved` ends that.

        Edits go on meanwhile; what they lead away from is what will be in the file.
        """
        self._saving, self._was_clean = self.network, self.undo_stack.isClean()
        self.undo_stack.setClean()

    def not_saved(self) -> None:
        """Note that the file was not written: it holds what it held."""
        self._saving = None
        if not self._was_clean:
            self.undo_stack.resetClean()
        self.state_changed.emit()

    def saved_as(self, path: Path, name: str, parameters: Parameters, stamp: Stamp, trained: bool = False) -> None:
        """Note that what was being saved is now in the file at `path`, under this name, with these parameters.

        A path of data leads to the same file from there. `trained`: the weights have moved on meanwhile.
        """
        old = self._saving.name if self._saving is not None else name
        network = moved(self.network, self.folder, path.parent)
        if network.name == old != name:
            network = replace(network, name=name)
        self._saving = None
        self.path, self.sample, self.stamp = path, None, stamp
        self.parameters_on_disk = parameters
        if network is not self.network:
            self._show(network)
        self._trained = trained
        self.state_changed.emit()

    @property
    def folder(self) -> Path | None:
        """Where relative paths of data start; None before the network has a file."""
        return self.path.parent if self.path else None

    def _show(self, network: Network, fresh: bool = False) -> None:
        old, self.network = self.network, network
        changes = difference(old, network)
        if fresh or changes.needs_new_plan:  # where layers stand changes nothing else
            self._structure = None
        if fresh or changes.needs_new_plan or changes.parameters:
            self.generation += 1
            if fresh:
                self.opened_at = self.generation
            self.network_edited.emit(network, fresh)
        self.changed.emit(network)

    def _on_clean_changed(self, clean: bool) -> None:
        self.state_changed.emit()
