"""Workspaces: named arrangements of the panels, each as a person has left it, in each room that the window can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QMainWindow

from visualbp.gui.dock import PanelDock
from visualbp.gui.dock_sizes import DockSizes
from visualbp.gui.layout import Layout, arrange, resize, version
from visualbp.gui.own_workspaces import OwnWorkspace, from_text, to_text
from visualbp.gui.panels.place import Workspace
from visualbp.gui.rooms import Room, fitted, room_of
from visualbp.gui.settings import Settings
from visualbp.gui.theme import theme
from visualbp.gui.workspace_kinds import KINDS

QUIET = 30
"""Milliseconds without a change after which all docks are taken to be laid out."""


class Workspaces(QObject):
    """Shows one workspace at a time, and remembers what a person makes of each."""

    changed = Signal(str)
    """The name of the workspace that is shown now."""
    listed = Signal()
    """There is one more, or one less."""
    room_changed = Signal(str)

    def __init__(self, window: QMainWindow, docks: Mapping[str, PanelDock], settings: Settings) -> None:
        super().__init__(window)
        self._window, self._docks, self._settings = window, docks, settings
        self._homes: Layout = {name: next(iter(dock.panel.places.values())) for name, dock in docks.items()}
        self._places = version(
            {f"{panel} {name}": place for name in Workspace for panel, place in self.layout(name).items()}
        )
        self._sizes = DockSizes(window, docks)
        self._states: dict[tuple[str, Room], QByteArray] = {}
        self._scales: dict[tuple[str, Room], float] = {}
        """At which scale of everything each of these was left, if in this session."""
        self.own: dict[str, OwnWorkspace] = {}
        """Those that a person has made, by their names."""
        self.current: str = Workspace.STEP
        self.room = Room.WIDE
        self._former = ""
        """The workspace that an empty canvas has taken the place of."""
        self.is_hidden = False
        """Whether the start page has the whole window."""
        self._before: QByteArray | None = None
        """The arrangement when the window began to be resized."""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.timeout.connect(self._after_resizing)
        self._seen: QByteArray | None = None
        """The arrangement as it was when all was laid out last."""
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(QUIET)
        self._look.timeout.connect(self._on_look)
        window.installEventFilter(self)
        for dock in docks.values():
            dock.installEventFilter(self)
        theme().changed.connect(self._on_theme)

    # -- which one ---------------------------------------------------------------------------------------------------

    def show(self, name: str) -> None:
        """Show the workspace of this name, as it was left."""
        if name == self.current:
            return
        self._keep()
        self.current = name
        if not self.is_hidden:
            self._apply()
        self.changed.emit(name)

    def suit(self, is_empty: bool) -> None:
        """Show where a network is built while there is none, and what was shown before once there is one."""
        if is_empty and self.base != Workspace.BUILD:
            self._former = self.current
            self.show(Workspace.BUILD)
        elif not is_empty and self._former in self.names:
            former, self._former = self._former, ""
            if self.base == Workspace.BUILD:
                self.show(former)

    def reset(self) -> None:
        """Put every panel of this workspace back in its place; those of one's own, where they were as it was made."""
        self._forget(self.current)
        if self.current in self.own:
            self._take_made(self.own[self.current])
        if not self.is_hidden:
            self._apply()

    def bring(self, panel: str) -> None:
        """Show a panel in front, in whatever workspace this is."""
        dock = self._docks[panel]
        dock.show()
        dock.raise_()

    # -- one's own ---------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all workspaces, in the order of their tabs."""
        return (*Workspace, *self.own)

    @property
    def base(self) -> Workspace:
        """The workspace of the program that the current one is, or was made from."""
        return self.own[self.current].base if self.current in self.own else Workspace(self.current)

    def make(self, name: str) -> None:
        """Keep the panels as they are under a name of its own, and show that from now on."""
        self._keep()
        made = {room: state for (of, room), state in self._states.items() if of == self.current}
        self.add(OwnWorkspace(name, self.base, {room: bytes(state.data()) for room, state in made.items()}))

    def add(self, workspace: OwnWorkspace) -> None:
        """Add a workspace, and show it."""
        self._keep()
        self.own[workspace.name] = workspace
        self._take_made(workspace)
        self.listed.emit()
        self.show(workspace.name)

    def add_under_free_name(self, workspace: OwnWorkspace) -> None:
        """Add a workspace that comes from elsewhere, where its name may be taken already."""
        taken, name, number = {*self.own, *(kind.title for kind in KINDS.values())}, workspace.name, 2
        while name in taken:
            name, number = f"{workspace.name} {number}", number + 1
        self.add(replace(workspace, name=name))

    def current_as_own(self) -> OwnWorkspace:
        """Return the workspace that is shown, as it is now."""
        self._keep()
        states = {room: bytes(state.data()) for (name, room), state in self._states.items() if name == self.current}
        name = self.current if self.current in self.own else KINDS[self.base].title
        return OwnWorkspace(name, self.base, states)

    def delete(self) -> None:
        """Delete the current workspace, which is one's own, and show the one that it was made from."""
        name, base = self.current, self.base
        self.show(base)
        del self.own[name]
        self._forget(name)
        self.listed.emit()

    def _forget(self, name: str) -> None:
        self._states = {key: state for key, state in self._states.items() if key[0] != name}

    def _take_made(self, workspace: OwnWorkspace) -> None:
        self._states |= {(workspace.name, room): QByteArray(state) for room, state in workspace.made.items()}

    def layout(self, name: Workspace) -> Layout:
        """Return where the panels of a workspace stand by default, with all the room there is."""
        found = {panel: dock.panel.places.get(name) for panel, dock in self._docks.items()}
        return {panel: place for panel, place in found.items() if place is not None}

    # -- arranging ---------------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        layout = fitted(self.layout(self.base), self.room)
        others = {name: place for name, place in fitted(self._homes, self.room).items() if name not in layout}
        with self._without_flicker():
            arrange(self._window, self._docks, layout, KINDS[self.base].sizes, others)
        self._sizes.enter((self.current, self.room), is_new=True)

    def _resize(self) -> None:
        """Give the docks the default sizes that go with the window."""
        layout = fitted(self.layout(self.base), self.room)
        there = {
            n: place for n, place in layout.items() if not (self._docks[n].isHidden() or self._docks[n].isFloating())
        }
        resize(self._window, there, self._docks, KINDS[self.base].sizes)
        if (own := self._window.layout()) is not None:
            own.activate()  # now, and not when its turn comes
        self._look.start()

    def _apply(self) -> None:
        """Show the current workspace in the room that there is."""
        self._take_room()
        state = self._states.get((self.current, self.room))
        with self._without_flicker():
            if state is None or not self._window.restoreState(state):
                self._arrange()
                return
            if self._sizes.enter((self.current, self.room), is_new=False):
                self._resize()
                return
            former = self._scales.get((self.current, self.room), theme().scale)
            if former != theme().scale:
                self._sizes.look()
                self._sizes.note()
                self._sizes.apply(theme().scale / former)

    def _keep(self) -> None:
        if not self.is_hidden:
            self._sizes.look()
            self._sizes.note()
            self._states[self.current, self.room] = self._window.saveState()
            self._scales[self.current, self.room] = theme().scale

    @contextmanager
    def _without_flicker(self) -> Iterator[None]:
        self._window.setUpdatesEnabled(False)
        try:
            yield
        finally:
            self._window.setUpdatesEnabled(True)

    # -- the size of the window --------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and not self.is_hidden:
            if watched is self._window:
                if self._before is None:
                    self._before = self._seen
                    self._sizes.note()
                self._settle.start()
            self._look.start()
        return False

    @Slot()
    def _on_look(self) -> None:
        if not (self.is_hidden or self._settle.isActive()):
            self._seen = self._window.saveState()
            self._sizes.look()

    def rescale(self, scale: float) -> None:
        """Make everything larger or smaller, and the docks with it."""
        self._sizes.look()
        self._sizes.note()
        self._before = self._window.saveState()
        former = theme().scale
        theme().set(scale=scale)
        QCoreApplication.sendPostedEvents(
            None, QEvent.Type.LayoutRequest.value
        )  # the docks learn how small they can be
        if self._room_now() == self.room and not self._sizes.apply(theme().scale / former):
            self._resize()

    @Slot()
    def _on_theme(self) -> None:
        self._settle.start()  # at another scale there is another room

    @Slot()
    def _after_resizing(self) -> None:
        before, self._before = self._before, None
        if self.is_hidden:
            return
        if self._room_now() == self.room:
            if not self._sizes.apply():
                self._resize()
            return
        if before is not None:
            self._states[self.current, self.room] = before
        is_new = (self.current, self._room_now()) not in self._states
        hidden = {name: dock.isHidden() for name, dock in self._docks.items()}
        self._apply()
        for name, was_hidden in hidden.items() if is_new else ():  # what a person has closed or opened stays so
            self._docks[name].setHidden(was_hidden)

    def _room_now(self) -> Room:
        return room_of(self._window.width(), self._window.height(), theme().scale)

    def _take_room(self) -> None:
        room = self._room_now()
        if room != self.room:
            self.room = room
            self.room_changed.emit(room)

    # -- the start page, and the next session ------------------------------------------------------------------------

    def hide(self) -> None:
        """Give the whole window to the start page."""
        self._keep()
        self._hide_docks()

    def _hide_docks(self) -> None:
        self.is_hidden = True
        for dock in self._docks.values():
            dock.hide()

    def unhide(self) -> None:
        """Show the panels as they were before the start page."""
        if self.is_hidden:
            self.is_hidden = False
            self._apply()

    def restore(self) -> None:
        """Take over what the last session has left; the program's own only if their panels still have their places."""
        self.own = from_text(self._settings.own_workspaces)
        last = self._settings.workspace
        self.current = last if last in self.names else Workspace.STEP
        self._states = {
            (name, room): state
            for name in (self.names if self._settings.places == self._places else self.own)
            for room in Room
            if not (state := self._settings.layout(name, room)).isEmpty()
        }
        self._take_room()
        self._arrange()
        self._hide_docks()
        self.listed.emit()

    def remember(self) -> None:
        """Keep all arrangements for the next session."""
        self._keep()
        self._settings.workspace = self.current
        self._settings.own_workspaces, self._settings.places = to_text(self.own), self._places
        for name in self.names:
            for room in Room:
                self._settings.keep_layout(name, room, self._states.get((name, room)))
