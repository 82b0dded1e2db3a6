"""The menu that plants bugs: mistakes made on purpose in the backward pass, for the gradient check to find."""

from __future__ import annotations

import random
from collections.abc import Callable

from PySide6.QtCore import Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from visualbp.engine.bugs import possible_bugs
from visualbp.gui.context import Context
from visualbp.network import edits
from visualbp.network.bugs import PlantedBug, bug_kinds

MOST_PLACES = 40
"""Places in one menu; a larger network is narrowed down by selecting a layer."""


class BugMenu(QMenu):
    """Filled when it is opened: for each kind, the places that it fits, in the selected layers if there are any."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__("Plant a bug", parent)
        self.setObjectName("menu_bugs")
        self.setToolTipsVisible(True)
        self._context = context
        self.aboutToShow.connect(self.fill)

    @Slot()
    def fill(self) -> None:
        """Make the entries anew."""
        self.clear()
        network, plan = self._context.document.network, self._context.debugger.snapshot.plan
        possible = possible_bugs(plan) if plan is not None else ()
        chosen = self._context.selection.layers
        shown = [bug for bug in possible if not chosen or bug.layer in chosen]
        for kind in bug_kinds:
            places = [bug for bug in shown if bug.kind == kind.type_name]
            menu = self.addMenu(kind.label)
            menu.menuAction().setToolTip(kind.description)
            menu.setEnabled(bool(places))
            for bug in places[:MOST_PLACES]:
                self._entry(menu, _place_words(bug), lambda bug=bug: self._plant(bug), bug in network.bugs)  # type: ignore[misc]
            if len(places) > MOST_PLACES:
                menu.addAction("select a layer to see its places").setEnabled(False)
        self.addSeparator()
        surprise = self._entry(self, "Somewhere, and do not tell me", lambda: self._plant(random.choice(possible)))
        surprise.setToolTip("A bug of any kind in any place: find it with the gradient check (F8)")
        surprise.setEnabled(bool(possible))
        remove = self._entry(self, self._removal_words(), self._remove)
        remove.setEnabled(bool(network.bugs))
        self.addSeparator()
        hunt = self._entry(self, "This network is a bug hunt", self._switch_hunt, network.bug_hunt)
        hunt.setToolTip("Keep the bugs in the file; a file that is no hunt is saved without them")

    def _entry(self, menu: QMenu, words: str, act: Callable[[], None], checked: bool | None = None) -> QAction:
        action = QAction(words, menu)
        if checked is not None:
            action.setCheckable(True)
            action.setChecked(checked)
        action.triggered.connect(lambda _=False: act())
        menu.addAction(action)
        return action

    def _removal_words(self) -> str:
        count = len(self._context.document.network.bugs)
        return f"Remove {count} bugs" if count > 1 else "Remove the bug"

    def _plant(self, bug: PlantedBug) -> None:
        document = self._context.document
        if bug in document.network.bugs:
            document.edit(lambda network: edits.remove_bugs(network, [bug]), "Remove a bug")
        else:
            document.edit(lambda network: edits.plant_bug(network, bug), "Plant a bug")

    def _remove(self) -> None:
        self._context.document.edit(edits.remove_bugs, "Remove bugs")

    def _switch_hunt(self) -> None:
        self._context.document.edit(lambda network: edits.set_bug_hunt(network, not network.bug_hunt), "Bug hunt")


def _place_words(bug: PlantedBug) -> str:
    return f"{bug.layer}: from {bug.output} back to {bug.operand}"
