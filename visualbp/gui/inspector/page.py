"""What the pages of the inspector share: a title, headings, problems in words, and the size of their parts."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.context import Context
from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import pixmap, theme
from visualbp.network import Problem

SIDE = 14
"""Pixels beside what is on a page."""


class Page(QWidget):
    """A page of the inspector, for one kind of selection. `show_snapshot` says whether it has what it takes."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(SIDE, 2, SIDE, SIDE)
        self.column.setSpacing(10)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the network of the document and the values of `snapshot`."""

    def retheme(self) -> None:
        """Colours or sizes have changed."""


class Heading(QLabel):
    """A quiet heading between two parts of a page."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text.upper(), parent)
        self.setProperty("heading", True)
        self.setAccessibleName(text)

    def retheme(self) -> None:
        self.setFont(theme().font(11, QFont.Weight.DemiBold))


class ProblemCard(QFrame):
    """The problems of what is selected, in words, each with what would fix it. Hidden where there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._problems: tuple[Problem, ...] = ()
        self._rows: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(10, 8, 10, 8)
        self._column.setSpacing(6)
        self.hide()

    def show_problems(self, problems: tuple[Problem, ...]) -> None:
        """Show the first six of these problems."""
        if problems == self._problems:
            return
        self._problems = problems
        self._fill()

    def retheme(self) -> None:
        self._fill()

    def _fill(self) -> None:
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [self._row(problem) for problem in self._problems[:6]]
        for row in self._rows:
            self._column.addWidget(row)
        self.setVisible(bool(self._rows))

    def _row(self, problem: Problem) -> QWidget:
        row, error = QWidget(self), problem.severity == "error"
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        picture, words = QLabel(row), PlainLabel(row)
        picture.setPixmap(pixmap("error" if error else "warning", "error" if error else "backward", theme().px(16)))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        words.setText(f"{problem.message}; {problem.mend}." if problem.mend else f"{problem.message}.")
        words.setWordWrap(True)
        words.setFont(theme().font(11.5))
        words.setAccessibleName(problem.text)
        line.addWidget(picture)
        line.addWidget(words, 1)
        return row
