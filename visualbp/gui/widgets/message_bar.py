"""A bar above the canvas that says one thing, with what can be done about it. It never blocks the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import pixmap, theme

LEAST_BESIDE = 340
"""Pixels of text beside the buttons; where there is less room, the buttons go below it."""

Choice = tuple[str, Callable[[], object]]
"""The words on a button, and what it does."""


@dataclass(frozen=True)
class _Message:
    text: str
    tone: str
    choices: tuple[Choice, ...]
    later: Callable[[], object]
    dismiss: str = ""


class MessageBar(QFrame):
    """Hidden until `show_message` or `ask`.

    A new message takes the place of the old one. A question stays until it is answered or withdrawn: a message that
    comes in between only covers it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message_bar")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 7, 8, 7)
        self._grid.setColumnStretch(1, 1)
        self._holder = QWidget()
        self._row = QHBoxLayout(self._holder)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._icon = QLabel()
        self._text = PlainLabel()
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._grid.addWidget(self._icon, 0, 0)
        self._grid.addWidget(self._text, 0, 1)
        self._buttons: list[QPushButton] = []
        self._below: bool | None = None
        self._place_buttons()
        self._shown: _Message | None = None
        self._tone = "info"
        self._questions: dict[str, _Message] = {}
        """Those that wait for an answer, by what they are about; the newest is shown."""
        theme().changed.connect(self._draw_icon)
        self.hide()

    @property
    def text(self) -> str:
        """The message that is shown; empty while the bar is hidden."""
        return self._text.text() if not self.isHidden() else ""

    def show_message(self, text: str, tone: str = "info", *choices: Choice, dismiss: str = "") -> None:
        """Say `text` (tone: info or error) with a button for each choice, and one (`dismiss`) that closes the bar."""
        self._show(_Message(text, tone, choices, lambda: None, dismiss))

    def ask(
        self, about: str, text: str, tone: str, *choices: Choice, later: Callable[[], object] = lambda: None
    ) -> None:
        """Say `text` until one of the choices is taken, or `later` with the button "Not now".

        A question takes the place of an older one `about` the same matter.
        """
        self._questions.pop(about, None)
        question = _Message(text, tone, choices, later)
        self._questions[about] = question
        self._show(question)

    def withdraw(self, about: str) -> None:
        """Take back a question, if there is one about this."""
        question = self._questions.pop(about, None)
        if question is not None and self._shown is question:
            self.clear()

    def clear(self) -> None:
        """Take away what is said, and show the question that it covered, if there is one."""
        waiting = list(self._questions.values())
        if waiting:
            self._show(waiting[-1])
        else:
            self._shown = None
            self.hide()

    def _show(self, message: _Message) -> None:
        self._shown = message
        for button in self._buttons:
            button.hide()
            button.deleteLater()
        self._buttons = []
        self._tone = message.tone
        self._draw_icon()
        self._text.setText(message.text)
        self._text.setToolTip(f"<p>{escape(message.text)}</p>")  # a small window may not have room for all of it
        self.setAccessibleName(message.text)
        self.setProperty("tone", message.tone)
        self.style().unpolish(self)
        self.style().polish(self)
        for words, action in message.choices:
            self._add_button(words, action)
        self._add_button(message.dismiss or ("Not now" if message.choices else "Close"), message.later)
        self._place_buttons()
        self.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_buttons()

    def _place_buttons(self) -> None:
        """Put the buttons beside the text, or below it where the bar is narrow; its width alone decides."""
        beside = self.width() - self._holder.sizeHint().width()
        below = beside < theme().px(LEAST_BESIDE) and len(self._buttons) > 1
        if below != self._below:
            self._below = below
            self._grid.removeWidget(self._holder)
            place, side = ((1, 1), Qt.AlignmentFlag.AlignLeft) if below else ((0, 2), Qt.AlignmentFlag.AlignVCenter)
            self._grid.addWidget(self._holder, *place, side)

    def _draw_icon(self) -> None:
        self._icon.setPixmap(
            pixmap(
                "error" if self._tone == "error" else "info",
                "error" if self._tone == "error" else "accent",
                theme().px(16),
            )
        )

    def _add_button(self, words: str, action: Callable[[], object]) -> None:
        button = QPushButton(words, self._holder)

        def pressed() -> None:
            for about in [name for name, question in self._questions.items() if question is self._shown]:
                del self._questions[about]
            self.clear()
            action()

        button.clicked.connect(pressed)
        self._row.addWidget(button)
        self._buttons.append(button)
