"""Opening, saving, and asking about unsaved work. What is in the document is never lost by any of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from visualbp.core.arrays import Array
from visualbp.core.visible_text import visible
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.needs import expected_needs
from visualbp.engine.plan import Phase, PlanError
from visualbp.files import FileError, find_model, load_network, moved, save_network
from visualbp.files.samples import sample_paths
from visualbp.gui.actions import Slots
from visualbp.gui.context import Context
from visualbp.gui.settings import Settings
from visualbp.gui.waiting import GivenUpError, Waiting
from visualbp.interchange import ExportError, write_pytorch
from visualbp.network import Network
from visualbp.network.edits import drop_unfit_parameters

SUFFIX = ".vbp"
FILTER = "visualbp models (*.vbp)"


def has_trained(snapshot: Snapshot) -> bool:
    """Return whether the weights have moved away from where the run started."""
    return snapshot.iteration > 0 or snapshot.phase == Phase.UPDATE


def with_live_parameters(network: Network, snapshot: Snapshot) -> Network:
    """Return the network with parameters and buffers as they are now, if it has been trained: what a save writes."""
    plan = snapshot.plan
    if plan is None or not has_trained(snapshot):
        return network
    live: dict[str, dict[str, Array]] = {}
    for info in plan.lasting:
        array = snapshot.values.get(info.value)
        if array is not None:
            live.setdefault(info.value.layer, {})[info.value.role] = array
    return drop_unfit_parameters(replace(network, parameters={**network.parameters, **live}))


class FilesController(QObject):
    """What the File menu does. `opened` follows every change of what is open."""

    opened = Signal()
    saved = Signal()
    noted = Signal(str)
    """Something worth saying that is no failure."""
    failed = Signal(str)
    """One sentence for the message bar."""
    slow = Signal(str, object)
    """That a file is long in coming, and what gives it up."""
    large = Signal(str, object)
    """What a file needs that takes much to open, and what opens it all the same."""

    def __init__(self, context: Context, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self.context, self.settings, self._window = context, settings, window
        self._reading: Waiting[Network] | None = None

    # -- opening -----------------------------------------------------------------------------------------------------

    def new(self) -> None:
        """Start with an empty canvas, after asking about unsaved work."""
        if self.may_discard():
            self.context.document.open(Network())
            self.opened.emit()

    def open(self) -> None:
        """Ask for a file, and open it."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open a model", self.settings.folder, FILTER)
        if name:
            self.open_path(Path(name))

    def open_path(self, path: Path | str, confirmed: bool = False) -> bool:
        """Open a file, or a sample by its name. On failure the open document stays as it is, and `failed` says why.

        What needs much memory or time is opened once it is `confirmed`; `large` asks for that.
        """
        try:
            found = find_model(str(path))
            network = self._waited_for(found.name, lambda: load_network(found))
        except FileError as error:
            self.failed.emit(error.text)
            return False
        except GivenUpError:
            return False
        needs = None if confirmed else expected_needs(network)
        if needs is not None and needs.are_large:
            self.large.emit(f"{found.name} needs {needs.text}.", partial(self.open_path, found, confirmed=True))
            return False
        if not self.may_discard():
            return False
        sample = found.stem if found in sample_paths() else None
        self.context.document.open(network, found, sample)
        if sample is None:
            self.settings.add_recent(found)
            self.settings.folder = str(found.parent)
        self.opened.emit()
        return True

    def _waited_for(self, name: str, read: Callable[[], Network]) -> Network:
        """Return what `read` reads, with the window alive meanwhile. A second opening gives up the first."""
        self.give_up()
        self._reading = Waiting(read)
        return self._reading.result(lambda: self.slow.emit(f"Reading {name} takes long.", self.give_up))

    def give_up(self) -> None:
        """Wait no longer for a file that is being read."""
        if self._reading is not None:
            self._reading.give_up()

    def recover(self, network: Network) -> None:
        """Show a network from an autosave; it belongs to no file yet."""
        self.context.document.open(network)
        self.context.document.undo_stack.resetClean()
        self.context.document.state_changed.emit()
        self.opened.emit()

    # -- saving ------------------------------------------------------------------------------------------------------

    def save(self) -> bool:
        """Save to the document's file; a sample or a new network asks for a name first."""
        document = self.context.document
        if document.path is None or document.sample is not None:
            return self.save_as()
        return self.save_to(document.path)

    def save_as(self) -> bool:
        document = self.context.document
        folder = Path(self.settings.folder) if self.settings.folder else Path.home()
        start = (
            document.path if document.path and document.sample is None else folder / f"{document.network.name}{SUFFIX}"
        )
        name, _ = QFileDialog.getSaveFileName(self._window, "Save the model", str(start), FILTER)
        if not name:
            return False
        path = Path(name)
        return self.save_to(path if path.suffix else path.with_suffix(SUFFIX))

    def save_to(self, path: Path) -> bool:
        """Write the network, with its weights as they are now, and say if that cannot be done."""
        document = self.context.document
        network = moved(document.network, document.folder, path.parent)
        if network.name == Network().name:
            network = replace(network, name=path.stem)
        try:
            save_network(with_live_parameters(network, self.context.debugger.snapshot), path)
        except FileError as error:
            self.failed.emit(error.text)
            return False
        document.saved_as(path, network)
        self.settings.add_recent(path)
        self.settings.folder = str(path.parent)
        self.saved.emit()
        if network.bugs and not network.bug_hunt:
            self.noted.emit(
                "The planted bugs are not in the file. Debug, Plant a bug, This network is a bug hunt keeps them."
            )
        return True

    def slots(self) -> Slots:
        """Return what the actions of the File menu do here, by their names."""
        return {
            "new": self.new,
            "open": self.open,
            "save": self.save,
            "save_as": self.save_as,
            "export": self.export,
        }

    def export(self) -> None:
        """Ask for a name, and write a PyTorch program there."""
        name = self.context.document.network.name
        start = str(Path(self.settings.folder or Path.home()) / f"{name}.py")
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Export to PyTorch", start, "Python (*.py)")
        if chosen:
            self.export_to(Path(chosen).with_suffix(".py"))

    def export_to(self, path: Path) -> bool:
        """Write a PyTorch program with the weights as they are now, and say if that cannot be done."""
        snapshot = self.context.debugger.snapshot
        network = with_live_parameters(self.context.document.network, snapshot)
        try:
            if snapshot.dataset is None or snapshot.plan is None:
                raise ExportError("A network has to run before it can be exported: see Problems.")
            write_pytorch(network, network.parameters, snapshot.dataset, path)
        except (ExportError, PlanError, FileError) as error:
            self.failed.emit(error.text if isinstance(error, FileError) else str(error))
            return False
        bugs = " The planted bugs are not in it: PyTorch finds the gradients itself." if network.bugs else ""
        self.noted.emit(f"Exported to {path}. Run it with: python {path.name} --iterations 20 --print-losses.{bugs}")
        return True

    def may_discard(self) -> bool:
        """Return whether the present work may go: nothing unsaved, or saved now, or given up by the person."""
        if not self.context.document.is_modified:
            return True
        name = self.context.document.network.name
        box = QMessageBox(self._window)
        box.setWindowTitle("Unsaved work")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(f"Save the changes to {visible(name)}?")
        box.setInformativeText("They are lost otherwise.")
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        answer = box.exec()
        if answer == buttons.Save:
            return self.save()
        return answer == buttons.Discard
