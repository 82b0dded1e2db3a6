"""What the View menu does to the whole window: theme, size, motion, and the places of the panels."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, QObject, Qt
from PySide6.QtWidgets import QMainWindow

from visualbp.gui.actions import Actions
from visualbp.gui.dock import PanelDock
from visualbp.gui.layout import arrange, columns, default_sizes, version
from visualbp.gui.panels.place import Area
from visualbp.gui.settings import Settings
from visualbp.gui.theme import theme

PRESENTER_SCALE = 1.5
STEP = 1.1
SIDES, BELOW = (Area.LEFT, Area.RIGHT), (Area.FOOT, Area.ROW)


class ViewController(QObject):
    """Changes how the window looks, and remembers it."""

    def __init__(
        self, window: QMainWindow, docks: Mapping[str, PanelDock], actions: Actions, settings: Settings
    ) -> None:
        super().__init__(window)
        self._window, self._docks, self._actions, self._settings = window, docks, actions, settings
        self._layout = {name: dock.panel.place for name, dock in docks.items()}
        self._version = version(self._layout)
        self._aside: QByteArray | None = None
        """The layout of the panels while the start page hides them."""
        actions.bind(
            {
                "theme": self.switch_theme,
                "presenter": self.switch_presenter,
                "larger": self.larger,
                "smaller": self.smaller,
                "reduced_motion": self.switch_motion,
                "default_layout": self.default_layout,
            }
        )
        actions["theme"].setChecked(not theme().is_dark)
        actions["presenter"].setChecked(theme().scale >= PRESENTER_SCALE - 0.1)
        actions["reduced_motion"].setChecked(theme().reduced_motion)

    def switch_theme(self) -> None:
        """Switch between dark and light."""
        theme().set("light" if theme().is_dark else "dark")
        self._settings.theme = theme().palette.name
        self._actions["theme"].setChecked(not theme().is_dark)

    def switch_presenter(self) -> None:
        """Switch between the usual size and one for a projector."""
        self._set_scale(1.0 if theme().scale >= PRESENTER_SCALE - 0.1 else PRESENTER_SCALE)

    def larger(self) -> None:
        self._set_scale(theme().scale * STEP)

    def smaller(self) -> None:
        self._set_scale(theme().scale / STEP)

    def _set_scale(self, scale: float) -> None:
        found = {area: self._first(area) for area in Area}
        docks = {area: dock for area, dock in found.items() if dock is not None}
        sizes = {area: _extent(dock, area) for area, dock in docks.items()}
        usual = default_sizes(self._window)
        theme().set(scale=scale)
        QCoreApplication.sendPostedEvents(
            None, QEvent.Type.LayoutRequest.value
        )  # the docks learn how small they can be
        for area, size in default_sizes(self._window).items():  # in proportion to what a person has made of them
            if area in sizes:
                sizes[area] = round(size * (sizes[area] / usual[area]))
        for direction, areas in ((Qt.Orientation.Horizontal, SIDES), (Qt.Orientation.Vertical, BELOW)):
            present = [area for area in areas if area in sizes]
            self._window.resizeDocks([docks[area] for area in present], [sizes[area] for area in present], direction)
        self._settings.scale = theme().scale
        self._actions["presenter"].setChecked(theme().scale >= PRESENTER_SCALE - 0.1)

    def _first(self, area: Area) -> PanelDock | None:
        """Return the first dock of an area that is in the window, or None."""
        names = [name for column in columns(self._layout, area).values() for name in column]
        there = (self._docks[name] for name in names)
        return next((dock for dock in there if dock.isVisible() and not dock.isFloating()), None)

    def switch_motion(self) -> None:
        """Switch the pulses along connections off or on."""
        theme().reduced_motion = self._actions["reduced_motion"].isChecked()
        self._settings.reduced_motion = theme().reduced_motion

    def default_layout(self) -> None:
        """Put every panel back in its place."""
        start_page_is_up = self._aside is not None
        arrange(self._window, self._docks, self._layout)
        self._aside = None
        if start_page_is_up:
            self.hide_panels()

    def restore(self) -> None:
        """Put window and panels where they were at the end of the last session."""
        if not self._settings.geometry.isEmpty():
            self._window.restoreGeometry(self._settings.geometry)
        if not self._settings.layout.isEmpty():
            self._window.restoreState(self._settings.layout, self._version)

    def remember(self) -> None:
        """Keep the places of window and panels for the next session."""
        self._settings.geometry = self._window.saveGeometry()
        self._settings.layout = self._aside or self._window.saveState(self._version)

    def show_floating(self) -> None:
        """Bring floating panels before a window that has just been shown: they were there first, and lie behind it."""
        for dock in self._docks.values():
            if dock.isFloating() and dock.isVisible():
                dock.hide()
                dock.show()

    def hide_panels(self) -> None:
        """Give the whole window to the start page."""
        if self._aside is None:
            self._aside = self._window.saveState(self._version)
        for dock in self._docks.values():
            dock.hide()

    def show_panels(self) -> None:
        """Show the panels as they were before the start page."""
        if self._aside is not None:
            self._window.restoreState(self._aside, self._version)
            self._aside = None


def _extent(dock: PanelDock, area: Area) -> int:
    """Return how wide a dock at the side of the window is, or how high one below is."""
    return dock.width() if area in SIDES else dock.height()
