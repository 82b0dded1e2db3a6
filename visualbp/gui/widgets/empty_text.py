"""What a panel says when it has nothing to show: why, and what to do about it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import theme

CANNOT_RUN = "The network cannot run yet"
SEE_PROBLEMS = "See Problems"
"""What is wrong stands in one place. Where this is the text, it is a link there."""


def why_empty(snapshot: Snapshot) -> tuple[str, str]:
    """Return why there is nothing to show of a network that cannot run, and what would help."""
    if not snapshot.network.layers:
        return "No network yet", "Drag layers onto the canvas, or open a sample."
    return CANNOT_RUN, SEE_PROBLEMS


class EmptyText(QWidget):
    """A heading and a sentence in the middle of a panel."""

    problems_asked = Signal()
    """The link to what is wrong was followed."""

    def __init__(self, heading: str = "", text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading, self.text = PlainLabel(), PlainLabel()
        self.text.setProperty("dim", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 6, 14, 10)
        column.setSpacing(4)
        column.addStretch(1)
        for label in (self.heading, self.text):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            column.addWidget(label)
        self.link = QPushButton(SEE_PROBLEMS, self)
        self.link.setProperty("link", True)
        self.link.setCursor(Qt.CursorShape.PointingHandCursor)
        self.link.setToolTip("Show the panel that says what is wrong, and how to fix it")
        self.link.clicked.connect(self.problems_asked)
        self.link.hide()
        column.addWidget(self.link, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        theme().changed.connect(self.retheme)
        self.retheme()
        self.show_text(heading, text)

    def retheme(self) -> None:
        self.heading.setFont(theme().font(13, QFont.Weight.DemiBold))
        self.text.setFont(theme().font(12))
        self.link.setFont(theme().font(12))

    def show_text(self, heading: str, text: str) -> None:
        """Show why there is nothing to see, and what would change that."""
        if (heading, text) != (self.heading.text(), self.text.text()):
            self.heading.setText(heading)
            self.text.setText(text)
            self.text.setVisible(text != SEE_PROBLEMS)
            self.link.setVisible(text == SEE_PROBLEMS)
            self.setAccessibleName(f"{heading}. {text}")
