"""What a person does with workspaces: choose one, make, delete, export and import one; and moving between panels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QInputDialog, QMainWindow, QWidget

from visualbp.files import FileError
from visualbp.gui.actions import ARRANGE, Actions
from visualbp.gui.dock import PanelDock
from visualbp.gui.file_dialogs import ask_to_open, ask_to_save
from visualbp.gui.menu_bar import MenuBar
from visualbp.gui.own_workspaces import SUFFIX, checked_name, export_workspace, import_workspace
from visualbp.gui.panels.place import Workspace
from visualbp.gui.settings import Settings
from visualbp.gui.workspaces import Workspaces

KINDS_OF_FILE = f"Workspaces (*{SUFFIX})"
MOST_KEYS = 9
"""Workspaces that have a key: Ctrl+1 to Ctrl+9."""


class WorkspaceController(QObject):
    """Keeps actions, tabs and menus in step with the workspaces."""

    failed = Signal(str)

    def __init__(
        self,
        window: QMainWindow,
        docks: Mapping[str, PanelDock],
        workspaces: Workspaces,
        bar: MenuBar,
        actions: Actions,
        settings: Settings,
    ) -> None:
        super().__init__(window)
        self._window, self._workspaces, self._bar = window, workspaces, bar
        for name, dock in docks.items():
            if dock.panel.brought_by:
                actions[dock.panel.brought_by].triggered.connect(partial(self._bring, name))
        self._docks, self._actions, self._settings = docks, actions, settings
        self._own: list[QAction] = []
        actions.bind(
            {
                **{f"workspace_{name}": partial(workspaces.show, name) for name in Workspace},
                "reset_workspace": workspaces.reset,
                "new_workspace": self.make,
                "delete_workspace": self.delete,
                "export_workspace": self.export,
                "import_workspace": self.take_in,
                "next_panel": partial(self.move, 1),
                "previous_panel": partial(self.move, -1),
            }
        )
        bar.workspaces.chosen.connect(workspaces.show)
        bar.workspaces.set_menu([actions[spec.name] for spec in ARRANGE])
        workspaces.changed.connect(self._on_changed)
        workspaces.listed.connect(self._on_listed)
        self._on_listed()

    # -- what is shown -----------------------------------------------------------------------------------------------

    @Slot()
    def _on_listed(self) -> None:
        for action in self._own:
            self._window.removeAction(action)
            action.deleteLater()
        self._own = [self._own_action(place, name) for place, name in enumerate(self._workspaces.own)]
        built_in = [self._actions[f"workspace_{name}"] for name in Workspace]
        self._bar.workspaces.show_workspaces([*built_in, *self._own], self._workspaces.names)
        self._on_changed(self._workspaces.current)

    def _own_action(self, place: int, name: str) -> QAction:
        action = QAction(name.replace("&", "&&"), self._window)
        action.setCheckable(True)
        number = len(Workspace) + 1 + place
        if number <= MOST_KEYS:
            action.setShortcut(QKeySequence(f"Ctrl+{number}"))
        action.triggered.connect(partial(self._on_own, name))
        self._window.addAction(action)
        return action

    def _on_own(self, name: str, checked: bool = False) -> None:
        self._workspaces.show(name)
        self._on_changed(name)

    @Slot(str)
    def _on_changed(self, current: str) -> None:
        for name in Workspace:
            self._actions[f"workspace_{name}"].setChecked(name == current)
        for own, action in zip(self._workspaces.own, self._own, strict=True):
            action.setChecked(own == current)
        self._actions["delete_workspace"].setEnabled(current in self._workspaces.own)
        self._bar.workspaces.show_current(current)

    def _bring(self, panel: str, checked: bool = False) -> None:
        self._workspaces.bring(panel)

    # -- one's own ---------------------------------------------------------------------------------------------------

    def make(self) -> None:
        """Ask for a name, and keep the panels as they are under it."""
        title = self._actions["new_workspace"].text().removesuffix(" …")
        name, given = QInputDialog.getText(self._window, title, "Its name:")
        if given:
            self.make_named(name)

    def make_named(self, name: str) -> bool:
        """Keep the panels as they are under this name, or say why that cannot be."""
        try:
            self._workspaces.make(checked_name(name, set(self._workspaces.own)))
        except ValueError as error:
            self.failed.emit(str(error))
            return False
        return True

    def delete(self) -> None:
        """Delete the current workspace, if it is one's own."""
        if self._workspaces.current in self._workspaces.own:
            self._workspaces.delete()

    def export(self) -> None:
        """Ask for a file, and write the current workspace to it."""
        own = self._workspaces.current_as_own()
        path = ask_to_save(self._window, "Export a workspace", f"{own.name}{SUFFIX}", KINDS_OF_FILE)
        if path is not None:
            try:
                export_workspace(own, path if path.suffix == ".json" else path.with_name(path.name + SUFFIX))
            except FileError as error:
                self.failed.emit(error.text)

    def take_in(self) -> None:
        """Ask for a file, and show the workspace that is in it."""
        path = ask_to_open(self._window, "Import a workspace", KINDS_OF_FILE)
        if path is not None:
            self.take_in_from(path)

    def take_in_from(self, path: Path) -> bool:
        """Show the workspace in a file, under a name that no other has; or say what is wrong with it."""
        try:
            found = import_workspace(path)
        except FileError as error:
            self.failed.emit(error.text)
            return False
        self._workspaces.add_under_free_name(found)
        return True

    # -- from panel to panel -----------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        """Give the keyboard to the next panel that can be seen, or the one before; the canvas is one of them."""
        docks = [dock for dock in self._docks.values() if dock.panel.is_seen]
        docks.sort(key=lambda dock: dock.mapTo(self._window, dock.rect().topLeft()).toTuple())
        places: list[QWidget] = [*(dock.panel for dock in docks)]
        if (centre := self._window.centralWidget()) is not None:
            places.insert(0, centre)
        focused = QApplication.focusWidget()
        here = next((i for i, part in enumerate(places) if focused is not None and part.isAncestorOf(focused)), -by)
        target = places[(here + by) % len(places)]
        reason = Qt.FocusReason.TabFocusReason
        first = target.nextInFocusChain()
        while first is not None and first is not target and target.isAncestorOf(first):
            if first.isVisibleTo(target) and first.focusPolicy() & Qt.FocusPolicy.TabFocus and first.isEnabled():
                first.setFocus(reason)
                return
            first = first.nextInFocusChain()
        target.setFocus(reason)
