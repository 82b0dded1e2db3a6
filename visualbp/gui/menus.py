"""The menus: what stands in each, from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar

from visualbp.files import sample_models
from visualbp.gui.actions import ARRANGE, DEBUG, EDIT, FILE, HELP, PANELS, VIEW, WORKSPACES, Actions

MENU_BREAKS = {
    "save_as", "start_page", "save_picture", "redo", "delete", "select_all", "zoom_reset", "smaller", "reduced_motion",
    "run_iteration", "step_back_iteration", "pause", "reset",
}  # fmt: skip
"""Actions with a line under them in their menu."""


def fill_menus(
    bar: QMenuBar, actions: Actions, panels: Sequence[QAction], bugs: QMenu, open_sample: Callable[[str], None]
) -> None:
    """Add all menus to `bar`. `panels` show and hide panels; `bugs` is the menu of planted bugs."""
    for title, specs in (("&File", FILE), ("&Edit", EDIT), ("&View", VIEW), ("&Debug", DEBUG), ("&Help", HELP)):
        menu = bar.addMenu(title)
        for spec in specs:
            menu.addAction(actions[spec.name])
            if spec.name in MENU_BREAKS:
                menu.addSeparator()
        if title == "&View":
            menu.addSeparator()
            workspaces = menu.addMenu("Workspaces")
            for group in (WORKSPACES, ARRANGE):
                workspaces.addActions([actions[spec.name] for spec in group])
                workspaces.addSeparator()
            shown = menu.addMenu("Panels")
            shown.addActions(panels)
            shown.addSeparator()
            shown.addActions([actions[spec.name] for spec in PANELS])
        if title == "&Debug":
            menu.addSeparator()
            menu.addMenu(bugs)
            _add_lessons(bar.addMenu("&Lessons"), open_sample)


def _add_lessons(menu: QMenu, open_sample: Callable[[str], None]) -> None:
    """Fill the menu of the samples when it is first opened: reading them takes its time."""

    def opener(name: str) -> Callable[[], None]:
        return lambda: open_sample(name)

    def fill() -> None:
        if menu.isEmpty():
            for sample in sample_models():
                menu.addAction(sample.title, opener(sample.name))

    menu.aboutToShow.connect(fill)
