"""The base of all panels. A panel draws what a snapshot says, when it can be seen, and at most once a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from PySide6.QtCore import QSize, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from visualbp.debugger.snapshot import Event, Snapshot
from visualbp.gui.context import Context
from visualbp.gui.frame_queue import LAST
from visualbp.gui.panels.place import Places
from visualbp.gui.theme import theme

LEAST_WIDTH, LEAST_HEIGHT = 120, 100
"""Pixels that a panel can be narrowed to, at any presenter's scale: otherwise the window would outgrow a projector."""


class Panel(QWidget):
    """A panel. Subclasses set `name`, `title` and `places`, override `refresh`, and `handle` where they want events.

    The main window makes one of each from `panels.registry.PANELS`, in a QDockWidget called `panel_NAME`.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    places: ClassVar[Places]
    """In which workspaces it stands by default, and where; the first is where it belongs. Menus list the panels in the
    order of their places there."""
    tab: ClassVar[str] = ""
    """The word on the panel's tab where it shares a place; the title if empty."""
    hint: ClassVar[str] = ""
    """One sentence for the tooltip of the dock's title."""
    brought_by: ClassVar[str] = ""
    """The action whose result it shows: it comes forward then, in any workspace."""
    turn: ClassVar[int] = LAST
    """When it is drawn after a step: 1 for what the eye looks for first."""
    is_strip: ClassVar[bool] = False
    """Whether it is as high as what is in it, and no higher."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.setObjectName(f"{self.name}_content")
        self.setAccessibleName(self.title)
        self._stale = True
        self._in_the_back = False
        context.debugger.snapshot_changed.connect(self._on_snapshot)
        context.debugger.happened.connect(self._on_event)
        context.selection.changed.connect(self.update_now)
        context.selection.sample_changed.connect(self._on_sample)
        context.document.changed.connect(self._on_document)
        theme().changed.connect(self._on_theme)

    def refresh(self, snapshot: Snapshot) -> None:
        """Draw `snapshot`. Called when it is new, or when the selection has changed, and only while visible."""

    def handle(self, event: Event) -> None:
        """Take an event. Called for every event, visible or not."""

    def retheme(self) -> None:
        """Colours or sizes have changed: whatever caches them renews them. A refresh follows."""

    def header(self) -> QWidget | None:
        """Return a small widget for the right end of the dock's title bar (links such as `z  h`), or None."""
        return None

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(
            min(hint.width(), LEAST_WIDTH), hint.height() if self.is_strip else min(hint.height(), LEAST_HEIGHT)
        )

    @property
    def is_seen(self) -> bool:
        """Whether anybody can see the panel: Qt calls a tab in the back visible, too."""
        return self.isVisible() and not self._in_the_back

    @property
    def is_ready(self) -> bool:
        """Whether it shows all of the newest snapshot: a picture waits for it, where a part is made meanwhile."""
        return True

    def scroll_to_start(self) -> None:
        """Scroll whatever can be scrolled back to its beginning: another network is shown."""
        for area in self.findChildren(QAbstractScrollArea):
            for bar in (area.verticalScrollBar(), area.horizontalScrollBar()):
                bar.setValue(bar.minimum())

    @Slot(bool)
    def set_in_front(self, in_front: bool) -> None:
        """Take note that the panel's dock has come to the front, or that another tab hides it."""
        self._in_the_back = not in_front
        if in_front and self._stale:
            self.update_now()

    @Slot()
    def update_now(self) -> None:
        """Refresh with the newest snapshot, or at the next showing if the panel is hidden."""
        if self.is_seen:
            self._stale = False
            self.refresh(self.context.debugger.snapshot)
        else:
            self._stale = True

    @Slot(object)
    def _on_snapshot(self, snapshot: Snapshot) -> None:
        self.update_soon()

    @Slot()
    def update_soon(self) -> None:
        """Refresh when the panel's turn comes: after the canvas, one after the other, the event loop in between."""
        if not self.is_seen:
            self._stale = True
            return
        for place, draw in enumerate(self.parts()):
            self.context.debugger.frames.ask((self.name, id(self), place), draw, self.turn)

    def parts(self) -> Sequence[Callable[[], None]]:
        """Return what a refresh consists of, in pieces of a few milliseconds that can wait for each other; nothing for
        a panel that shows nothing of a snapshot, so that none of the window's turns goes to it."""
        return () if type(self).refresh is Panel.refresh else (self.update_now,)

    @Slot(object)
    def _on_document(self, network: object) -> None:
        self.update_now()

    @Slot()
    def _on_sample(self) -> None:
        self.update_now()

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        self.handle(event)

    @Slot()
    def _on_theme(self) -> None:
        self.retheme()
        self.update_now()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.update_now()
