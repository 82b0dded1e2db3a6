"""Words from strangers' files in the window: plain text, never markup, and control and direction signs visible."""

from __future__ import annotations

import html
import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from visualbp.core.visible_text import visible


class PlainLabel(QLabel):
    """A label that shows its text as it is; QLabel itself takes what looks like HTML for HTML."""

    def __init__(self, text: str | QWidget = "", parent: QWidget | None = None) -> None:
        words, owner = (text, parent) if isinstance(text, str) else ("", text)
        super().__init__(owner)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(words)

    def setText(self, text: str) -> None:
        super().setText(visible(text, keep="\n"))


class PlainStatusBar(QStatusBar):
    """A status bar whose messages may name what stands in a file."""

    def showMessage(self, text: str, timeout: int | None = 0) -> None:
        super().showMessage(visible(text), timeout)


def file_name_for(name: str) -> str:
    """Return the name of a file, without suffix, for a network: no sign in it leads into a folder, or is unseen."""
    return re.sub(r'[/\\:*?"<>|]', "_", visible(name)).strip(" .") or "network"


def plain_tip(text: str) -> str:
    """Return `text` for a tooltip, which Qt would take for HTML if it looks like it."""
    shown = visible(text, keep="\n")
    if "<" not in shown and "&" not in shown:
        return shown
    return f"<qt>{html.escape(shown)}</qt>".replace("\n", "<br>")
