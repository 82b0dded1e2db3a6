"""The main window: it puts the parts together, and passes on what each of them knows how to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QIcon, QKeyEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from visualbp.core.visible_text import visible
from visualbp.gui import dialogs
from visualbp.gui.actions import Actions
from visualbp.gui.autosave import Autosave
from visualbp.gui.bug_menu import BugMenu
from visualbp.gui.canvas import Canvas
from visualbp.gui.command_palette import open_palette
from visualbp.gui.context import Context, Selection
from visualbp.gui.debug_controller import DebugController
from visualbp.gui.dock import PanelDock
from visualbp.gui.document import Document
from visualbp.gui.engine_thread import Debugger
from visualbp.gui.facts import Facts
from visualbp.gui.faults import Faults
from visualbp.gui.file_changes import FileChanges
from visualbp.gui.files_controller import FilesController
from visualbp.gui.last_work import LastWork
from visualbp.gui.menu_bar import MenuBar
from visualbp.gui.menus import fill_menus
from visualbp.gui.opening import OpeningBar
from visualbp.gui.panels import registry
from visualbp.gui.panels.base import LEAST_WIDTH
from visualbp.gui.panels.palette import PalettePanel
from visualbp.gui.plain_text import PlainStatusBar
from visualbp.gui.recovery import Recovery
from visualbp.gui.rooms import Room
from visualbp.gui.settings import Settings
from visualbp.gui.start_page import StartPage, sample_cards
from visualbp.gui.status_messages import StatusMessages
from visualbp.gui.theme import apply_theme, pixmap, theme
from visualbp.gui.tool_bar import ToolBar
from visualbp.gui.view_controller import ViewController
from visualbp.gui.widgets.empty_text import EmptyText
from visualbp.gui.workspace_controller import WorkspaceController
from visualbp.gui.workspaces import Workspaces
from visualbp.network.edits import clear_parameters

LEAST_HEIGHT = 160
LEAST_CENTRE = {Room.WIDE: 3 * LEAST_WIDTH + 2, Room.MEDIUM: 2 * LEAST_WIDTH + 1}
"""Pixels to which the canvas can shrink. So many panels fit below it: Qt does not keep their room beside the right
column by itself, and would draw them over each other."""


class MainWindow(QMainWindow):
    """The window. `document`, `debugger` and `selection` are what its parts share."""

    ended = Signal()
    """It is closed for good."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = Settings()
        theme().reduced_motion = self.settings.reduced_motion
        theme().set(self.settings.theme, self.settings.scale)
        apply_theme()
        self.setObjectName("main_window")
        self.setWindowIcon(QIcon(pixmap("visualbp", size=64)))
        self.document = Document(self)
        self.debugger = Debugger(self)
        self.selection = Selection(self)
        self.context = Context(self.document, self.debugger, self.selection)
        self.actions_by_name = Actions(self)
        self.files = FilesController(self.context, self.settings, self)
        self.debug = DebugController(self.context, self.actions_by_name, self)
        self.autosave = Autosave(self.context, self)
        self.last_work = LastWork(self.context, self.settings)
        self._build_centre()
        self.recovery = Recovery(self.autosave, self.files, self.message_bar, self)
        self.file_changes = FileChanges(self.context, self.files, self.message_bar, self)
        self._build_docks()
        self._build_tool_bar()
        self._build_menus()
        self._build_status_bar()
        self._bind()
        self.remembers = True
        """Whether the end of this window is written to the settings."""
        self._finished = False
        self.resize(1600, 1000)
        self.view.restore()
        self.show_start_page()
        self._show_title()
        self.tool_bar.show_snapshot(self.debugger.snapshot)
        self.messages.show_snapshot(self.debugger.snapshot)
        QTimer.singleShot(0, self, self._offer_recovery)

    def leave_no_trace(self) -> None:
        """Be the window of a picture: nothing of it is kept, and nothing that was left is offered in it."""
        self.remembers = False
        self.autosave.close()

    # -- building ----------------------------------------------------------------------------------------------------

    def _build_centre(self) -> None:
        self.canvas = Canvas(self.context)
        self.start_page = StartPage(sample_cards)
        self.message_bar = OpeningBar(self.files, self.debugger)
        self.faults = Faults(self.message_bar, self)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.canvas)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.message_bar)
        column.addWidget(self.pages, 1)
        self.setCentralWidget(centre)

    def _build_docks(self) -> None:
        self.setDockNestingEnabled(True)
        self.setTabPosition(
            Qt.DockWidgetArea.AllDockWidgetAreas, self.tabPosition(Qt.DockWidgetArea.LeftDockWidgetArea)
        )
        panels = sorted(registry.PANELS, key=lambda panel: next(iter(panel.places.items())))
        self.docks = {panel.name: PanelDock(panel(self.context), self) for panel in panels}
        self.workspaces = Workspaces(self, self.docks, self.settings)
        self.workspaces.room_changed.connect(self._on_room)
        self._on_room(self.workspaces.room)
        self.view = ViewController(self, self.docks, self.workspaces, self.actions_by_name, self.settings)

    def _build_tool_bar(self) -> None:
        self.tool_bar = ToolBar(self.actions_by_name)
        self.addToolBar(self.tool_bar)
        self.tool_bar.speed_changed.connect(self.debug.set_speed)
        self.tool_bar.pill.clicked.connect(self.canvas.show_current)

    def _build_menus(self) -> None:
        self.menu_bar = MenuBar()
        self.setMenuBar(self.menu_bar)
        panels = [dock.toggleViewAction() for dock in self.docks.values()]
        fill_menus(self.menu_bar, self.actions_by_name, panels, BugMenu(self.context, self), self.open_sample)
        self.arranging = WorkspaceController(
            self, self.docks, self.workspaces, self.menu_bar, self.actions_by_name, self.settings
        )

    def _build_status_bar(self) -> None:
        self.facts = Facts(self.document, self.debugger)
        self.setStatusBar(PlainStatusBar(self))
        self.statusBar().addPermanentWidget(self.facts)
        self.statusBar().setSizeGripEnabled(False)
        self.messages = StatusMessages(self.statusBar(), self.context, self.docks.get("problems"), self)

    def _bind(self) -> None:
        canvas, files, stack = self.canvas, self.files, self.document.undo_stack
        self.actions_by_name.bind(
            {
                **files.slots(),
                "start_page": self.show_start_page,
                "quit": self.close,
                "undo": stack.undo,
                "redo": stack.redo,
                "copy": canvas.copy,
                "paste": canvas.paste,
                "duplicate": canvas.duplicate,
                "delete": canvas.delete_selected,
                "select_all": canvas.select_all,
                "tidy": canvas.tidy,
                "new_seed": self.new_seed,
                "fit": canvas.fit,
                "zoom_in": canvas.zoom_in,
                "zoom_out": canvas.zoom_out,
                "zoom_reset": _call(canvas.zoom_to, 1.0),
                "command_palette": self.show_command_palette,
                "keys": self.show_keys,
                "fault_log": self.faults.open_log,
                "about": _call(dialogs.show_about, self),
            }
        )
        for name, can_changed, can in (
            ("undo", stack.canUndoChanged, stack.canUndo()),
            ("redo", stack.canRedoChanged, stack.canRedo()),
        ):
            can_changed.connect(self.actions_by_name[name].setEnabled)
            self.actions_by_name[name].setEnabled(can)
        stack.undoTextChanged.connect(self._on_undo_text)
        stack.redoTextChanged.connect(self._on_redo_text)
        self.debugger.snapshot_changed.connect(self.tool_bar.show_snapshot)
        self.debugger.happened.connect(self.tool_bar.take_event)
        self.debug.failed.connect(self.messages.say_failed)
        self.debug.broken.connect(self.faults.report)
        files.failed.connect(self.show_failure)
        for part in (self.autosave, self.recovery, self.arranging):
            part.failed.connect(self.show_failure)
        files.opened.connect(self._on_opened)
        files.saved.connect(self.message_bar.clear)
        files.saved.connect(self.messages.say_saved)
        files.noted.connect(self.message_bar.show_message)
        files.writing.slow.connect(self.messages.say_slow)
        self.document.state_changed.connect(self._show_title)
        self.document.changed.connect(self._on_document)
        canvas.message.connect(self.messages.say)
        canvas.sample_asked.connect(self.open_sample)
        canvas.inspector_asked.connect(self._focus_inspector)
        for dock in self.docks.values():
            for text in dock.panel.findChildren(EmptyText):
                text.problems_asked.connect(self._show_problems)
            if isinstance(dock.panel, PalettePanel):
                dock.panel.layer_asked.connect(canvas.add_layer)
        self.start_page.sample_chosen.connect(self.open_sample)
        self.start_page.path_chosen.connect(self.files.open_path)
        self.start_page.new_asked.connect(files.new)
        self.start_page.open_asked.connect(files.open)
        self.start_page.back_asked.connect(self.show_canvas)

    # -- pages and messages ------------------------------------------------------------------------------------------

    @Slot()
    def show_start_page(self) -> None:
        """Show samples and recent files; what is open stays open."""
        last = self.settings.last if not self.document.network.layers else ""
        self.start_page.show_recent(last, self.settings.recent, bool(self.document.network.layers))
        self.workspaces.hide()
        self.menu_bar.show_workspaces(False)
        self.tool_bar.hide()
        self.pages.setCurrentWidget(self.start_page)

    @Slot()
    def show_canvas(self) -> None:
        """Show the canvas, and the panels as they were."""
        self.pages.setCurrentWidget(self.canvas)
        self.tool_bar.show()
        self.menu_bar.show_workspaces(True)
        self.workspaces.unhide()

    @Slot(str)
    def open_sample(self, name: str) -> None:
        """Open a sample model by its name."""
        self.files.open_path(name)

    @Slot()
    def _on_opened(self) -> None:
        self.message_bar.clear()
        self.workspaces.suit(is_empty=not self.document.network.layers)
        self.show_canvas()
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        self.selection.clear()
        self.messages.clear()
        for dock in self.docks.values():
            dock.panel.scroll_to_start()
        self.last_work.restore_breakpoints()
        QTimer.singleShot(0, self, self.canvas.fit)

    @Slot(str)
    def show_failure(self, text: str) -> None:
        """Say that something could not be done, in one sentence, without blocking anything."""
        self.message_bar.show_message(text, "error")

    @Slot()
    def _show_problems(self) -> None:
        self.workspaces.bring("problems")
        self.docks["problems"].panel.setFocus()

    @Slot(str)
    def _focus_inspector(self, layer: str) -> None:
        dock = self.docks["inspector"]
        dock.show()
        dock.raise_()
        dock.panel.setFocus()
        dock.panel.focusNextChild()

    @Slot()
    def _offer_recovery(self) -> None:
        if self.remembers:
            self.recovery.offer()

    # -- what is seen ------------------------------------------------------------------------------------------------

    @Slot()
    def _show_title(self) -> None:
        document = self.document
        edited = "  •  edited" if document.is_modified else ""
        self.menu_bar.show_title(f"{document.network.name}{edited}")
        self.setWindowTitle(f"{self.menu_bar.title} – visualbp")
        self.setWindowModified(False)

    @Slot(object)
    def _on_document(self, network: object) -> None:
        self._show_title()
        names = set(self.document.network.names)
        if not names.issuperset(self.selection.layers):  # undo can take a selected layer away
            self.selection.select(tuple(name for name in self.selection.layers if name in names))
        if self.document.network.layers and self.pages.currentWidget() is self.start_page:
            self.show_canvas()

    @Slot(str)
    def _on_room(self, room: str) -> None:
        self.pages.setMinimumSize(LEAST_CENTRE.get(Room(room), LEAST_WIDTH), LEAST_HEIGHT)

    @Slot(str)
    def _on_undo_text(self, text: str) -> None:
        self._name_edit("undo", "Undo", text)

    @Slot(str)
    def _on_redo_text(self, text: str) -> None:
        self._name_edit("redo", "Redo", text)

    def _name_edit(self, action: str, word: str, text: str) -> None:
        self.actions_by_name[action].setText(f"{word} {visible(text[:1].lower() + text[1:])}".strip())

    # -- small things --------------------------------------------------------------------------------------------------

    def show_command_palette(self) -> None:
        open_palette(self, self.actions_by_name.all(), self.canvas.add_layer, self.docks, self.open_sample)

    def show_keys(self) -> None:
        dialogs.show_keys(self)

    def new_seed(self) -> None:
        """Draw new initial weights with the next seed."""
        self.document.apply(
            clear_parameters(self.document.network, self.document.network.seed + 1), "New initial weights"
        )

    def sizeHint(self) -> QSize:
        return QSize(1600, 1000)

    # -- the end -----------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            self.debug.key_is_repeated = event.isAutoRepeat()
        return super().event(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about unsaved work, remember the session, and end the thread."""
        if not self.recovery.may_close():
            event.ignore()
            return
        self.finish()
        event.accept()

    def finish(self) -> None:
        """Remember the session, end the thread, and let go of all files. A second time does nothing."""
        if self._finished:
            return
        self._finished = True
        if self.remembers:
            self.view.remember()
            self.last_work.remember()
        self.ended.emit()
        self.hide()  # at once, whatever the thread still has to finish
        self.files.end()
        self.debugger.close()
        self.autosave.close(keep=not self.recovery.asks)
        self.file_changes.stop()


def _call(function: Callable[..., object], *arguments: object) -> Callable[[], None]:
    def call() -> None:
        function(*arguments)

    return call
