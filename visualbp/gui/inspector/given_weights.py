"""Says that a layer's weights are given, so that its initialisers count for new weights alone, and offers these."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from visualbp.core.options import EntryOption, Option
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import icon, theme
from visualbp.initializers import initializers


def is_initializer(option: Option) -> bool:
    """Return whether an option says where weights start from."""
    return isinstance(option, EntryOption) and option.registry is initializers


def given_words(names: tuple[str, ...], from_file: bool) -> str:
    """Return what holds for the given parameters of these names: `weight and bias come from the file; ...`."""
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    one = len(names) == 1
    come = ("comes" if one else "come") + " from the file" if from_file else ("was" if one else "were") + " set by hand"
    return f"{listed} {come}, and Reset brings them back: an initialiser counts for new weights."


class GivenWeights(QFrame):
    """A note below the initialisers. Hidden where nothing is given."""

    new_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("given_weights")
        self.setProperty("card", True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.words, self.button = PlainLabel(self), QPushButton("New initial weights", self)
        self.words.setWordWrap(True)
        self.words.setProperty("dim", True)
        self.button.setObjectName("new_initial_weights")
        self.button.setToolTip("Draw all weights of this layer from their initialisers; Ctrl+Z brings these back")
        self.button.clicked.connect(self.new_asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        column.addWidget(self.words)
        column.addWidget(self.button)
        self.hide()
        self.retheme()

    def show_given(self, names: tuple[str, ...], from_file: bool) -> None:
        """Say that the parameters of these names are given; with none, say nothing."""
        self.setVisible(bool(names))
        if names:
            self.words.setText(given_words(names, from_file))

    def retheme(self) -> None:
        self.words.setFont(theme().font(11.5))
        self.button.setFont(theme().font(12))
        self.button.setIcon(icon("dice"))
