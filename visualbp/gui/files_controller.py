"""Opening, saving, and asking about unsaved work. What is in the document is never lost by any of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from visualbp.core.visible_text import visible
from visualbp.engine.needs import expected_needs
from visualbp.engine.plan import PlanError
from visualbp.files import FileError, find_model, moved, save_network
from visualbp.files.autosaved import Autosaved
from visualbp.files.samples import sample_paths
from visualbp.files.save import clear_unfinished
from visualbp.files.stamp import Disk, Stamp, compare, load_stamped
from visualbp.gui.actions import Slots
from visualbp.gui.context import Context
from visualbp.gui.file_dialogs import ask_to_open, ask_to_save
from visualbp.gui.picture_file import write_picture
from visualbp.gui.plain_text import file_name_for
from visualbp.gui.saved_state import TrainedWork, live_network
from visualbp.gui.settings import Settings
from visualbp.gui.waiting import GivenUpError, Waiting
from visualbp.gui.writing import Writing
from visualbp.interchange import ExportError, write_listing, write_pytorch
from visualbp.network import Network
from visualbp.network.network import Parameters

SUFFIX = ".vbp"
FILTER = "visualbp models (*.vbp)"
BUTTONS = QMessageBox.StandardButton
EXPORTS = "PyTorch program (*.py);;Iteration in plain NumPy (*.numpy.py)"


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
        self.writing = Writing(self)
        self._trained = TrainedWork(context, self)
        self._reading: Waiting[tuple[Network, Stamp | None]] | None = None

    # -- opening -----------------------------------------------------------------------------------------------------

    def new(self) -> None:
        """Start with an empty canvas, after asking about unsaved work."""
        if self.may_discard():
            self.context.document.open(Network())
            self.opened.emit()

    def open(self) -> None:
        """Ask for a file, and open it."""
        path = ask_to_open(self._window, "Open a model", FILTER)
        if path is not None:
            self.open_path(path)

    def open_path(self, path: Path | str, confirmed: bool = False) -> bool:
        """Open a file, or a sample by its name. On failure the open document stays as it is, and `failed` says why.

        What needs much memory or time is opened once it is `confirmed`; `large` asks for that.
        """
        try:
            found = find_model(str(path))
            network, stamp = self._waited_for(found.name, lambda: load_stamped(found))
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
        self.context.document.open(network, found, sample, stamp)
        if sample is None:
            clear_unfinished(found)
            self.settings.add_recent(found)
            self.settings.folder = str(found.parent)
        self.opened.emit()
        return True

    def _waited_for(self, name: str, read: Callable[[], tuple[Network, Stamp | None]]) -> tuple[Network, Stamp | None]:
        """Return what `read` reads, with the window alive meanwhile. A second opening gives up the first."""
        self.give_up()
        self._reading = Waiting(read)
        return self._reading.result(lambda: self.slow.emit(f"Reading {name} takes long.", self.give_up))

    def give_up(self) -> None:
        """Wait no longer for a file that is being read."""
        if self._reading is not None:
            self._reading.give_up()

    def recover(self, work: Autosaved) -> None:
        """Show unsaved work as it was: with its file's name and place, its data, and not saved."""
        path, sample = work.path, work.sample
        if sample is not None:
            path = next((found for found in sample_paths() if found.stem == sample), None)
            sample = sample if path is not None else None
        self.context.document.open(work.network, path, sample, work.stamp, modified=True)
        self.opened.emit()

    def reload(self) -> bool:
        """Show what is in the document's file now, in the place of what is here."""
        document = self.context.document
        self.writing.wait()
        if document.path is None or (document.is_modified and not self._may_reload()):
            return False
        try:
            network, stamp = load_stamped(document.path)
        except FileError as error:
            self.failed.emit(error.text)
            return False
        document.open(network, document.path, document.sample, stamp)
        return True

    def _may_reload(self) -> bool:
        name = self.context.document.network.name
        box = self._question("Reload the file", f"Reload {name}, and lose the changes that were made here?")
        box.setInformativeText("They cannot be brought back.")
        box.setStandardButtons(BUTTONS.Discard | BUTTONS.Cancel)
        box.button(BUTTONS.Discard).setText("Reload")
        box.setDefaultButton(BUTTONS.Cancel)
        return box.exec() == BUTTONS.Discard

    # -- saving ------------------------------------------------------------------------------------------------------

    def save(self) -> bool:
        """Save to the document's file; a sample or a new network asks for a name first."""
        document = self.context.document
        if document.path is None or document.sample is not None:
            return self.save_as()
        return self.save_to(document.path)

    def save_as(self) -> bool:
        """Ask for a file, and save to it; return whether that was done."""
        document = self.context.document
        start = Path(f"{file_name_for(document.network.name)}{SUFFIX}")
        if document.path and document.sample is None:
            start = document.path
        path = self._ask_for_name("Save the model", start, FILTER, SUFFIX)
        return path is not None and self.save_to(path)

    def save_to(self, path: Path) -> bool:
        """Write the network, with its weights as they are now, and say if that cannot be done."""
        document = self.context.document
        self.writing.wait()
        if path == document.path and document.stamp is not None:
            match self._may_overwrite(path):
                case BUTTONS.Open:
                    return self.save_as()
                case BUTTONS.Cancel:
                    return False
        self.writing.wait()  # for what was begun while a question was open
        network, folder, opened = document.network, document.folder, document.opened_at
        name = path.stem if network.name == Network().name else network.name
        live = live_network(document, self.context.debugger.snapshot)

        def write() -> tuple[Parameters, Stamp]:
            written = replace(moved(live(), folder, path.parent), name=name)
            return written.parameters, save_network(written, path)

        def settle(saved: tuple[Parameters, Stamp] | None) -> None:
            if document.opened_at != opened:
                return
            if saved is None:
                document.not_saved()
            else:
                parameters, stamp = saved
                document.saved_as(path, name, parameters, stamp, self._trained.is_beyond(parameters))

        document.begin_saving()
        try:
            self.writing.run(f"Saving {path.name} …", write, settle)
        except FileError as error:
            self.failed.emit(error.text)
            return False
        self.settings.add_recent(path)
        self.settings.folder = str(path.parent)
        self.saved.emit()
        if network.bugs and not network.bug_hunt:
            self.noted.emit(
                "The planted bugs are not in the file. Debug, Plant a bug, This network is a bug hunt keeps them."
            )
        return True

    def _may_overwrite(self, path: Path) -> QMessageBox.StandardButton:
        """Return Save where the file is as it was last seen here, or else what the person says: Open is Save as."""
        stamp = self.context.document.stamp
        if stamp is None or compare(path, stamp)[0] != Disk.CHANGED:
            return BUTTONS.Save
        box = self._question("The file has changed", f"{path.name} was changed by another program. Overwrite it?")
        box.setInformativeText("What the other program has written is lost then.")
        box.setStandardButtons(BUTTONS.Save | BUTTONS.Open | BUTTONS.Cancel)
        box.button(BUTTONS.Save).setText("Overwrite")
        box.button(BUTTONS.Open).setText("Save as …")
        box.setDefaultButton(BUTTONS.Cancel)
        answer = BUTTONS(box.exec())
        return answer if answer in (BUTTONS.Save, BUTTONS.Open) else BUTTONS.Cancel

    def _ask_for_name(self, title: str, start: Path, kinds: str, suffix: str) -> Path | None:
        """Ask where to write. A name without a suffix gets one, and then the dialog has not asked about that file."""
        path = ask_to_save(self._window, title, start, kinds)
        if path is None or path.suffix:
            return path
        path = path.with_name(path.name + suffix)
        if path.exists():
            box = self._question(title, f"{path.name} is there already. Replace it?")
            box.setStandardButtons(BUTTONS.Save | BUTTONS.Cancel)
            box.button(BUTTONS.Save).setText("Replace")
            box.setDefaultButton(BUTTONS.Cancel)
            if box.exec() != BUTTONS.Save:
                return None
        return path

    def _question(self, title: str, text: str) -> QMessageBox:
        box = QMessageBox(self._window)
        box.setWindowTitle(title)
        box.setTextFormat(Qt.TextFormat.PlainText)  # names from files are words, whatever is in them
        box.setText(visible(text))
        return box

    def save_picture(self) -> None:
        """Save what the window shows as a PNG file."""
        start = Path(f"{file_name_for(self.context.document.network.name)}.png")
        picture = self._window.grab().toImage()  # a pixmap belongs to the window's thread
        path = self._ask_for_name("Save a picture", start, "PNG (*.png)", ".png")
        if path is None:
            return
        self.writing.wait()
        try:
            self.writing.run(f"Saving {path.name} …", lambda: write_picture(picture, path))
        except FileError as error:
            self.failed.emit(error.text)

    def slots(self) -> Slots:
        """Return what the actions of the File menu do here, by their names."""
        return {
            "new": self.new,
            "open": self.open,
            "save": self.save,
            "save_as": self.save_as,
            "export": self.export,
            "save_picture": self.save_picture,
        }

    def export(self) -> None:
        """Ask for a name, and write a program there: PyTorch, or, as its suffix says, plain NumPy."""
        name = file_name_for(self.context.document.network.name)
        path = self._ask_for_name("Export", Path(f"{name}.py"), EXPORTS, ".py")
        if path is not None:
            self.export_to(path)

    def export_to(self, path: Path) -> bool:
        """Write a program with the weights as they are now, and say if that cannot be done."""
        self.writing.wait()
        snapshot = self.context.debugger.snapshot
        dataset, live = snapshot.dataset, live_network(self.context.document, snapshot)
        is_listing = path.name.lower().endswith(".numpy.py")

        def write() -> Network:
            if dataset is None or snapshot.plan is None:
                raise ExportError("A network has to run before it can be exported: see Problems.")
            network = live()
            export = write_listing if is_listing else write_pytorch
            export(network, network.parameters, dataset, path)
            return network

        try:
            network = self.writing.run(f"Exporting to {path.name} …", write)
        except (ExportError, PlanError, FileError) as error:
            self.failed.emit(error.text if isinstance(error, FileError) else str(error))
            return False
        if is_listing:
            self.noted.emit(f"Exported to {path}. Run it with: python {path.name} 20.")
            return True
        bugs = " The planted bugs are not in it: PyTorch finds the gradients itself." if network.bugs else ""
        self.noted.emit(f"Exported to {path}. Run it with: python {path.name} --iterations 20 --print-losses.{bugs}")
        return True

    def may_discard(self) -> bool:
        """Return whether the present work may go: nothing unsaved, or saved now, or given up by the person."""
        document = self.context.document
        while True:
            self.writing.wait()
            if not document.is_modified:
                return True
            what = "the trained weights of" if document.is_only_trained else "the changes to"
            box = self._question("Unsaved work", f"Save {what} {document.network.name}?")
            box.setInformativeText("They are lost otherwise.")
            box.setStandardButtons(BUTTONS.Save | BUTTONS.Discard | BUTTONS.Cancel)
            box.setDefaultButton(BUTTONS.Save)
            answer = box.exec()
            if answer == BUTTONS.Discard:
                return True
            if answer != BUTTONS.Save or not self.save():
                return False
            if document.undo_stack.isClean():  # a training that goes on is not asked about again
                return True

    def end(self) -> None:
        """Wait no longer for what is being read, and until what is being written is safe."""
        self.give_up()
        self.writing.finish()
