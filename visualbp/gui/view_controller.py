"""What the View menu does to the whole window: theme, size, motion, and the places of the panels."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, QObject, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow

from visualbp.gui.actions import Actions
from visualbp.gui.layout import arrange, side_sizes
from visualbp.gui.settings import LAYOUT_VERSION, Settings
from visualbp.gui.theme import theme

PRESENTER_SCALE = 1.5
STEP = 1.1


class ViewController(QObject):
    """Changes how the window looks, and remembers it."""

    def __init__(
        self, window: QMainWindow, docks: Mapping[str, QDockWidget], actions: Actions, settings: Settings
    ) -> None:
        super().__init__(window)
        self._window, self._docks, self._actions, self._settings = window, docks, actions, settings
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
        shares = {name: self._extent(name) / size for name, size in side_sizes(self._window).items()}
        row = self._extent("activations")
        theme().set(scale=scale)
        QCoreApplication.sendPostedEvents(
            None, QEvent.Type.LayoutRequest.value
        )  # the docks learn how small they can be
        wanted = {name: round(size * shares[name]) for name, size in side_sizes(self._window).items() if shares[name]}
        for upright in (False, True):  # in proportion to what a person has made of them
            names = [name for name in wanted if (name == "timeline") == upright]
            docks, sizes = [self._docks[name] for name in names], [wanted[name] for name in names]
            if upright and row:
                docks, sizes = [*docks, self._docks["activations"]], [*sizes, row]
            direction = Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal
            self._window.resizeDocks(docks, sizes, direction)
        self._settings.scale = theme().scale
        self._actions["presenter"].setChecked(theme().scale >= PRESENTER_SCALE - 0.1)

    def _extent(self, name: str) -> int:
        """Return how wide a dock at the side of the window is, or how high one below is; 0 if it is not there."""
        dock = self._docks.get(name)
        if dock is None or not dock.isVisible() or dock.isFloating():
            return 0
        return dock.width() if name in ("palette", "inspector") else dock.height()

    def switch_motion(self) -> None:
        """Switch the pulses along connections off or on."""
        theme().reduced_motion = self._actions["reduced_motion"].isChecked()
        self._settings.reduced_motion = theme().reduced_motion

    def default_layout(self) -> None:
        """Put every panel back in its place."""
        start_page_is_up = self._aside is not None
        arrange(self._window, self._docks)
        self._aside = None
        if start_page_is_up:
            self.hide_panels()

    def restore(self) -> None:
        """Put window and panels where they were at the end of the last session."""
        if not self._settings.geometry.isEmpty():
            self._window.restoreGeometry(self._settings.geometry)
        if not self._settings.layout.isEmpty():
            self._window.restoreState(self._settings.layout, LAYOUT_VERSION)

    def remember(self) -> None:
        """Keep the places of window and panels for the next session."""
        self._settings.geometry = self._window.saveGeometry()
        self._settings.layout = self._aside or self._window.saveState(LAYOUT_VERSION)

    def show_floating(self) -> None:
        """Bring floating panels before a window that has just been shown: they were there first, and lie behind it."""
        for dock in self._docks.values():
            if dock.isFloating() and dock.isVisible():
                dock.hide()
                dock.show()

    def hide_panels(self) -> None:
        """Give the whole window to the start page."""
        if self._aside is None:
            self._aside = self._window.saveState(LAYOUT_VERSION)
        for dock in self._docks.values():
            dock.hide()

    def show_panels(self) -> None:
        """Show the panels as they were before the start page."""
        if self._aside is not None:
            self._window.restoreState(self._aside, LAYOUT_VERSION)
            self._aside = None
