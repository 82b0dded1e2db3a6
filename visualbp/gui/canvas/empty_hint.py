"""What an empty canvas says: how a network is built, and where to find one that is built already."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from visualbp.gui.theme import theme

STEPS = (
    ("Add layers", "drag them here from the palette, or double-click them: an input, a dense layer or two, a loss"),
    ("Connect them", "drag from the port at a layer's right to the port at another one's left"),
    ("Step", "choose data in the inspector, then press F10 to run one layer at a time, forwards and backwards"),
)
SAMPLES = (("xor", "XOR"), ("spirals", "Spirals"), ("digits", "Digits"), ("vanishing", "Vanishing gradients"))


class EmptyHint(QWidget):
    """Three steps and links to samples, in the middle of the canvas. What is dropped on it goes to the canvas."""

    sample_asked = Signal(str)

    def __init__(self, parent: QWidget, samples: dict[str, str]) -> None:
        super().__init__(parent)
        self.setObjectName("empty_hint")
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self._column = QVBoxLayout(self)
        self._title = QLabel("Build a network")
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._column.addWidget(self._title)
        self._rows: list[tuple[QLabel, QLabel, QLabel]] = []
        for number, (word, words) in enumerate(STEPS, 1):
            self._add_step(number, word, words)
        self._or = QLabel("or open a sample:" if samples else "")
        self._or.setProperty("dim", True)
        self._links = QHBoxLayout()
        self._links.addStretch(1)
        self._links.addWidget(self._or)
        self._buttons: list[QPushButton] = []
        for name, title in samples.items():
            button = QPushButton(title)
            button.setObjectName(f"sample_{name}")
            button.setProperty("link", True)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.setToolTip(f"Open the sample {title}")
            button.clicked.connect(self._on_clicked)
            self._buttons.append(button)
            self._links.addWidget(button)
        self._links.addStretch(1)
        self._column.addLayout(self._links)
        self.retheme()

    def _add_step(self, number: int, word: str, words: str) -> None:
        row = QHBoxLayout()
        labels = QLabel(str(number)), QLabel(word), QLabel(words)
        labels[0].setAlignment(Qt.AlignmentFlag.AlignCenter)
        labels[2].setWordWrap(True)
        labels[2].setProperty("dim", True)
        labels[0].setProperty("dim", True)
        for label in labels[:2]:
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(labels[2], 1, Qt.AlignmentFlag.AlignTop)
        self._rows.append(labels)
        self._column.addLayout(row)

    def _on_clicked(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.sample_asked.emit(sender.objectName().removeprefix("sample_"))

    def retheme(self) -> None:
        px = theme().px
        self._title.setFont(theme().font(19, QFont.Weight.DemiBold))
        self._column.setContentsMargins(px(34), px(26), px(34), px(22))
        self._column.setSpacing(px(13))
        for number, word, words in self._rows:
            number.setFont(theme().font(12, QFont.Weight.DemiBold, mono=True))
            number.setFixedWidth(px(20))
            word.setFont(theme().font(13, QFont.Weight.DemiBold))
            word.setFixedWidth(px(106))
            words.setFont(theme().font(13))
        for widget in (self._or, *self._buttons):
            widget.setFont(theme().font(13))
        self._links.setContentsMargins(0, px(8), 0, 0)
        self._links.setSpacing(px(6))

    def place_in(self, width: int, height: int) -> None:
        """Stand in the middle of a canvas of this size."""
        wide = min(theme().px(620), max(theme().px(320), width - theme().px(40)))
        self.resize(wide, max(self.heightForWidth(wide), self.sizeHint().height() if wide > theme().px(600) else 0))
        self.move((width - wide) // 2, max(0, (height - self.height()) // 2 - theme().px(16)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().color("line"), 1.2, Qt.PenStyle.DashLine))
        painter.setBrush(theme().color("panel", 0.9))
        radius = theme().px(10)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), radius, radius)
