"""What the View menu does to the whole window: theme, size and motion; and where the window was."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMainWindow

from visualbp.gui.actions import Actions
from visualbp.gui.dock import PanelDock
from visualbp.gui.settings import Settings
from visualbp.gui.theme import theme
from visualbp.gui.workspaces import Workspaces

PRESENTER_SCALE = 1.5
STEP = 1.1


class ViewController(QObject):
    """Changes how the window looks, and remembers it."""

    def __init__(
        self,
        window: QMainWindow,
        docks: Mapping[str, PanelDock],
        workspaces: Workspaces,
        actions: Actions,
        settings: Settings,
    ) -> None:
        super().__init__(window)
        self._window, self._docks, self._workspaces = window, docks, workspaces
        self._actions, self._settings = actions, settings
        actions.bind(
            {
                "theme": self.switch_theme,
                "presenter": self.switch_presenter,
                "larger": self.larger,
                "smaller": self.smaller,
                "reduced_motion": self.switch_motion,
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
        self._workspaces.rescale(scale)
        self._settings.scale = theme().scale
        self._actions["presenter"].setChecked(theme().scale >= PRESENTER_SCALE - 0.1)

    def switch_motion(self) -> None:
        """Switch the pulses along connections off or on."""
        theme().reduced_motion = self._actions["reduced_motion"].isChecked()
        self._settings.reduced_motion = theme().reduced_motion

    def restore(self) -> None:
        """Put window and panels where they were at the end of the last session."""
        if not self._settings.geometry.isEmpty():
            self._window.restoreGeometry(self._settings.geometry)
        self._workspaces.restore()

    def remember(self) -> None:
        """Keep the places of window and panels for the next session."""
        self._settings.geometry = self._window.saveGeometry()
        self._workspaces.remember()

    def show_floating(self) -> None:
        """Bring floating panels before a window that has just been shown: they were there first, and lie behind it."""
        for dock in self._docks.values():
            if dock.isFloating() and dock.isVisible():
                dock.hide()
                dock.show()
