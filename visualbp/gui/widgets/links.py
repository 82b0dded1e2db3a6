"""Small links in a row, of which one is chosen: `z  h`, `batch  sample`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from visualbp.gui.theme import theme


@dataclass(frozen=True)
class Link:
    """One choice: its key, what it says, and its tooltip."""

    key: str
    text: str
    tip: str


class Links(QWidget):
    """A row of links; exactly one is chosen. Tab reaches it, arrow keys move within it, space chooses."""

    chosen = Signal(str)
    """The key of the link that a person has chosen."""

    def __init__(self, links: Sequence[Link], name: str, chosen: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for link in links:
            button = QPushButton(link.text)
            button.setProperty("flat", True)
            button.setCheckable(True)
            button.setToolTip(link.tip)
            button.setAccessibleName(f"{name}: {link.tip}")
            self._group.addButton(button)
            self.buttons[link.key] = button
            row.addWidget(button)
        self.key = chosen or links[0].key
        self.buttons[self.key].setChecked(True)
        self._group.buttonClicked.connect(self._on_clicked)
        theme().changed.connect(self.retheme)
        self.retheme()

    @Slot()
    def retheme(self) -> None:
        for button in self.buttons.values():
            button.setFont(theme().font(11))

    @Slot(QAbstractButton)
    def _on_clicked(self, button: QAbstractButton) -> None:
        for key, candidate in self.buttons.items():
            if candidate is button and key != self.key:
                self.key = key
                self.chosen.emit(key)

    def choose(self, key: str) -> None:
        """Choose a link as if it had been clicked."""
        self.buttons[key].click()
