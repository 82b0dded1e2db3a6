"""What is said, and can be done, when another program or another window has to do with the files at hand."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Slot

from visualbp.debugger.commands import SetNetwork
from visualbp.gui.context import Context
from visualbp.gui.file_watch import FileWatch, OpenFiles
from visualbp.gui.files_controller import FilesController
from visualbp.gui.widgets.message_bar import MessageBar

ABOUT, ABOUT_TABLE, ABOUT_OTHERS = "file", "table", "other windows"


class FileChanges(QObject):
    """Asks in the message bar, and never acts by itself."""

    def __init__(self, context: Context, files: FilesController, bar: MessageBar, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._files, self._bar = context, files, bar
        self._path: Path | None = None
        context.document.state_changed.connect(self._on_state)  # before the two that may ask anew
        self.watch = FileWatch(context.document, self)
        self.watch.changed.connect(self._on_changed)
        self.watch.gone.connect(self._on_gone)
        self.watch.restored.connect(self._on_restored)
        self.watch.table_changed.connect(self._on_table)
        self.open_files = OpenFiles(context.document, self)
        self.open_files.shared.connect(self._on_shared)

    @property
    def _name(self) -> str:
        path = self._context.document.path
        return path.name if path is not None else ""

    @Slot()
    def _on_state(self) -> None:
        """Another document: what was asked about the last one is settled."""
        if self._context.document.path != self._path:
            self._path = self._context.document.path
            for about in (ABOUT, ABOUT_TABLE, ABOUT_OTHERS):
                self._bar.withdraw(about)

    @Slot()
    def _on_changed(self) -> None:
        lost = " Reload loses what was changed here." if self._context.document.is_modified else ""
        self._bar.ask(
            ABOUT,
            f"{self._name} was changed by another program.{lost}",
            "info",
            ("Reload", self._reload),
            ("Keep mine", self._keep),
        )

    @Slot()
    def _on_gone(self) -> None:
        self._context.document.lose_file()
        self._bar.ask(
            ABOUT,
            f"{self._name} was removed or renamed by another program. What was in it is here, and in no file now.",
            "info",
            ("Save it again", self._files.save),
            ("Save as …", self._files.save_as),
        )

    @Slot()
    def _on_restored(self) -> None:
        self._bar.withdraw(ABOUT)

    @Slot(str)
    def _on_table(self, path: str) -> None:
        self._bar.ask(
            ABOUT_TABLE,
            f"{Path(path).name}, which the network learns from, was changed by another program.",
            "info",
            ("Read it again", self._read_table),
        )

    @Slot()
    def _on_shared(self) -> None:
        self._bar.ask(
            ABOUT_OTHERS,
            f"{self._name} is open in another window of visualbp too. When one of them saves, the other is told.",
            "info",
        )

    def _reload(self) -> None:
        if not self._files.reload():
            self._on_changed()  # it is still to be decided about

    def _keep(self) -> None:
        """Go on with what is here, which is in no file now; saving it asks no more."""
        self.watch.accept()
        self._context.document.lose_file()

    def _read_table(self) -> None:
        document, debugger = self._context.document, self._context.debugger
        debugger.send(SetNetwork(document.network, document.generation, document.folder, reload=True))

    def stop(self) -> None:
        """Watch nothing any more, and let go of the file."""
        self.watch.stop()
        self.open_files.release()
