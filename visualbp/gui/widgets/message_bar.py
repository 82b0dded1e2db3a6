"""A bar above the canvas that says one thing, with what can be done about it. It never blocks the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from visualbp.gui.plain_text import PlainLabel
from visualbp.gui.theme import pixmap, theme


class MessageBar(QFrame):
    """Hidden until `show_message`. A new message takes the place of the old one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message_bar")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 7, 8, 7)
        self._icon = QLabel()
        self._text = PlainLabel()
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._row.addWidget(self._icon)
        self._row.addWidget(self._text)
        self._buttons: list[QPushButton] = []
        self._tone = "info"
        theme().changed.connect(self._draw_icon)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text() if not self.isHidden() else ""

    def show_message(
        self, text: str, tone: str = "info", *choices: tuple[str, Callable[[], object]], dismiss: str = ""
    ) -> None:
        """Say `text` (tone: info or error) with a button for each choice, and one (`dismiss`) that closes the bar."""
        for button in self._buttons:
            button.deleteLater()
        self._buttons = []
        self._tone = tone
        self._draw_icon()
        self._text.setText(text)
        self.setAccessibleName(text)
        self.setProperty("tone", tone)
        self.style().unpolish(self)
        self.style().polish(self)
        for words, action in choices:
            self._add_button(words, action)
        self._add_button(dismiss or ("Not now" if choices else "Close"), lambda: None)
        self.show()

    def _draw_icon(self) -> None:
        self._icon.setPixmap(
            pixmap(
                "error" if self._tone == "error" else "info",
                "error" if self._tone == "error" else "accent",
                theme().px(16),
            )
        )

    def _add_button(self, words: str, action: Callable[[], object]) -> None:
        button = QPushButton(words, self)

        def pressed() -> None:
            self.hide()
            action()

        button.clicked.connect(pressed)
        self._row.addWidget(button)
        self._buttons.append(button)
