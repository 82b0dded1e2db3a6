"""A word with a menu below it: which of several values is shown."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy, QWidget

from visualbp.gui.theme import theme


class ValueChooser(QPushButton):
    """Shows the words of the value that is chosen; a click, or the space bar, opens the menu."""

    chosen = Signal(str)
    """The key of the value that a person has chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("link", True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip("Which of the layer's values to show")
        self.choices: tuple[tuple[str, str], ...] = ()
        self.key = ""
        self.list = QMenu(self)
        self.list.triggered.connect(self._on_triggered)
        self.clicked.connect(self.open_list)
        self.retheme()

    def retheme(self) -> None:
        self.setFont(theme().font(11))
        self.list.setFont(theme().font(12))

    def show_choices(self, choices: Sequence[tuple[str, str]], key: str) -> None:
        """Offer (key, words) pairs, of which `key` is chosen."""
        if tuple(choices) != self.choices:
            self.choices = tuple(choices)
            self.list.clear()
            for own_key, words in choices:
                action = self.list.addAction(words)
                action.setData(own_key)
                action.setCheckable(True)
        self.key = key
        for action in self.list.actions():
            action.setChecked(action.data() == key)
        words = dict(self.choices).get(key, key)
        self.setText(f"{words} ▾")
        self.setAccessibleName(f"Value of the layer that is shown: {words}")

    @Slot()
    def open_list(self) -> None:
        """Open the list below the button."""
        self.list.popup(self.mapToGlobal(QPoint(0, self.height())))

    @Slot(QAction)
    def _on_triggered(self, action: QAction) -> None:
        action.setChecked(action.data() == self.key)
        if action.data() != self.key:
            self.chosen.emit(action.data())
