"""The start page: samples with pictures, recent files, and the way to an empty canvas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal, SignalInstance, Slot
from PySide6.QtGui import (
    QEnterEvent,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLayoutItem, QPushButton, QVBoxLayout, QWidget

from visualbp.core.visible_text import visible
from visualbp.files import load_network
from visualbp.files.samples import sample_paths
from visualbp.gui.plain_text import plain_tip
from visualbp.gui.theme import icon, pixmap, theme
from visualbp.gui.widgets.heights import ColumnScroll, margin_beside_bar
from visualbp.gui.widgets.widget_layout import WidgetLayout
from visualbp.network import Network

CARD_WIDTH, CARD_HEIGHT = 236, 214


@dataclass(frozen=True)
class SampleCardContent:
    """What a card shows."""

    name: str
    title: str
    description: str
    network: Network


def sample_cards() -> list[SampleCardContent]:
    """Read the sample models: a file of each, so only when they are shown."""
    networks = ((path.stem, load_network(path)) for path in sample_paths())
    return [SampleCardContent(name, network.name, network.description, network) for name, network in networks]


def draw_network(painter: QPainter, rect: QRectF, network: Network) -> None:
    """Draw a small picture of a network: its layers where they stand on the canvas, joined by curves."""
    names = [layer.name for layer in network.layers if layer.name in network.positions]
    if not names:
        return
    places = {name: QPointF(*network.positions[name]) for name in names}
    left, right = min(p.x() for p in places.values()), max(p.x() for p in places.values())
    top, bottom = min(p.y() for p in places.values()), max(p.y() for p in places.values())
    width, height = 120.0, 84.0
    scale = min(rect.width() / (right - left + width), rect.height() / (bottom - top + height), 0.36)
    middle = QPointF((left + right + width) / 2, (top + bottom + height) / 2)

    def box(name: str) -> QRectF:
        corner = rect.center() + (places[name] - middle) * scale
        return QRectF(corner.x(), corner.y(), width * scale, height * scale)

    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme().color("forward"), 1.4))
    for source, target in network.connections:
        if source in places and target in places:
            start, end = box(source), box(target)
            path = QPainterPath(QPointF(start.right(), start.center().y()))
            bend = max(6.0, (end.left() - start.right()) / 2)
            end_point = QPointF(end.left(), end.center().y())
            path.cubicTo(path.currentPosition() + QPointF(bend, 0), end_point - QPointF(bend, 0), end_point)
            painter.strokePath(path, painter.pen())
    colours = {"input": "dim", "Losses": "error", "Combine": "backward"}
    for layer in network.layers:
        if layer.name not in places:
            continue
        colour = colours.get(layer.type) or colours.get(layer.kind.category) or "accent"
        painter.setPen(QPen(theme().color(colour), 1.2))
        painter.setBrush(theme().color("card"))
        painter.drawRoundedRect(box(layer.name), 3, 3)
        inner = box(layer.name).adjusted(3, 3, -3, -3)
        if inner.height() > 6 and inner.width() > 8:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color(colour, 0.35))
            painter.drawRect(QRectF(inner.left(), inner.center().y() - 1.5, inner.width(), 3))


class SampleCard(QWidget):
    """A sample: its picture, its title, and the beginning of its description. Click or Enter opens it."""

    chosen = Signal(str)

    def __init__(self, content: SampleCardContent) -> None:
        super().__init__()
        self.content = content
        self._under = False
        self.setObjectName(f"sample_{content.name}")
        self.setAccessibleName(f"Open sample {content.title}")
        self.setToolTip(plain_tip(content.description))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(CARD_WIDTH), theme().px(CARD_HEIGHT))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        px = theme().px
        rect = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        lit = self._under or self.hasFocus()
        painter.setPen(QPen(theme().color("accent" if lit else "line"), 1.5 if lit else 1))
        painter.setBrush(theme().color("panel"))
        painter.drawRoundedRect(rect, 8, 8)
        picture = QRectF(rect.left() + px(10), rect.top() + px(10), rect.width() - px(20), px(92))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("background"))
        painter.drawRoundedRect(picture, 6, 6)
        painter.save()
        painter.setClipRect(picture)
        draw_network(painter, picture.adjusted(px(8), px(8), -px(8), -px(8)), self.content.network)
        painter.restore()
        painter.setPen(theme().color("text"))
        painter.setFont(theme().font(13, QFont.Weight.DemiBold))
        title = QRectF(picture.left(), picture.bottom() + px(9), picture.width(), px(18))
        elided = painter.fontMetrics().elidedText(self.content.title, Qt.TextElideMode.ElideRight, round(title.width()))
        painter.drawText(title, Qt.AlignmentFlag.AlignVCenter, elided)
        painter.setPen(theme().color("dim"))
        painter.setFont(theme().font(11.5))
        text = QRectF(title.left(), title.bottom() + px(4), title.width(), rect.bottom() - title.bottom() - px(12))
        self._draw_lines(painter, text)

    def _draw_lines(self, painter: QPainter, box: QRectF) -> None:
        """Draw as many whole lines of the description as fit, the last one elided."""
        metrics = painter.fontMetrics()
        room, height = round(box.width()), metrics.lineSpacing()
        count = max(1, int(box.height() // height))
        words, lines = self.content.description.split(), [""]
        for place, word in enumerate(words):
            longer = f"{lines[-1]} {word}".strip()
            if metrics.horizontalAdvance(longer) <= room:
                lines[-1] = longer
            elif len(lines) == count:
                rest = " ".join([lines[-1], *words[place:]])
                lines[-1] = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, room)
                break
            else:
                lines.append(word)
        for number, line in enumerate(lines):
            painter.drawText(QPointF(box.left(), box.top() + metrics.ascent() + number * height), line)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._under = True
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._under = False
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.rect().contains(event.position().toPoint()):
            self.chosen.emit(self.content.name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.content.name)
        else:
            super().keyPressEvent(event)


class CardLayout(WidgetLayout):
    """Puts cards into as many columns as there is room for, each as wide as its share of the room."""

    def arranged(self, width: int) -> list[tuple[QLayoutItem, QRect]]:
        gap, least, high = self.spacing(), theme().px(CARD_WIDTH), theme().px(CARD_HEIGHT)
        columns = max(1, (width + gap) // (least + gap))
        wide = max(gap, (width + gap) // columns - gap)
        return [
            (item, QRect(place % columns * (wide + gap), place // columns * (high + gap), wide, high))
            for place, item in enumerate(self.shown())
        ]

    def sizeHint(self) -> QSize:
        return QSize(theme().px(CARD_WIDTH), self.heightForWidth(theme().px(CARD_WIDTH)))

    def minimumSize(self) -> QSize:
        return QSize(self.spacing(), theme().px(CARD_HEIGHT))


class StartPage(QWidget):
    """Shown until something is open, and whenever it is asked for."""

    sample_chosen = Signal(str)
    path_chosen = Signal(str)
    new_asked = Signal()
    open_asked = Signal()
    back_asked = Signal()

    def __init__(self, load_samples: Callable[[], Sequence[SampleCardContent]]) -> None:
        """`load_samples` is called when the page is first seen: it reads files."""
        super().__init__()
        self._load_samples = load_samples
        self._filled = False
        self.setObjectName("start_page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Samples and recent files")
        self._cards: list[SampleCard] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._side())
        row.addWidget(self._gallery(), 1)
        self.retheme()
        theme().changed.connect(self.retheme)

    def _side(self) -> QWidget:
        side = QWidget()
        self._side_panel = side
        column = QVBoxLayout(side)
        column.setContentsMargins(28, 30, 20, 24)
        column.setSpacing(8)
        self._mark, self._title, self._words = QLabel(), QLabel("visualbp"), QLabel()
        self._words.setText("Build a network, step through backpropagation, and see where every number comes from.")
        self._words.setWordWrap(True)
        self._words.setProperty("dim", True)
        self._new = QPushButton(" New network")
        self._new.setProperty("primary", True)
        self._new.clicked.connect(self.new_asked)
        self._open = QPushButton(" Open a file …")
        self._open.clicked.connect(self.open_asked)
        self._back = QPushButton(" Back to the canvas")
        self._back.clicked.connect(self.back_asked)
        for widget in (self._mark, self._title, self._words):
            column.addWidget(widget)
        column.addSpacing(12)
        for button in (self._new, self._open, self._back):
            column.addWidget(button)
        column.addSpacing(16)
        self._recent_title = QLabel("RECENT")
        self._recent_title.setProperty("heading", True)
        column.addWidget(self._recent_title)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        column.addLayout(self._recent)
        column.addStretch(1)
        return side

    def _gallery(self) -> QWidget:
        inner = QWidget()
        self._gallery_column = QVBoxLayout(inner)
        heading = QLabel("SAMPLES")
        heading.setProperty("heading", True)
        self._gallery_column.addWidget(heading)
        self._grid = CardLayout(spacing=14)
        self._gallery_column.addLayout(self._grid)
        self._gallery_column.addStretch(1)
        return ColumnScroll(inner, keeps_room=True)

    def show_recent(self, last: str, paths: Sequence[Path], can_go_back: bool) -> None:
        """List what was open last and the recent files."""
        while (item := self._recent.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        entries = [(path.stem, str(path)) for path in paths]
        if last and last not in [target for _, target in entries]:
            entries.insert(0, (Path(last).stem, last))
        for words, target in entries[:8]:
            button = QPushButton(visible(words).replace("&", "&&"))
            button.setProperty("link", True)
            button.setStyleSheet("text-align: left;")
            button.setToolTip(plain_tip(target))
            button.clicked.connect(_choose(self.path_chosen, target))
            self._recent.addWidget(button)
        self._recent_title.setVisible(bool(entries))
        self._back.setVisible(can_go_back)

    @Slot()
    def retheme(self) -> None:
        px = theme().px
        self._side_panel.setFixedWidth(px(264))
        self._mark.setPixmap(pixmap("visualbp", size=px(56)))
        self._title.setFont(theme().font(22, QFont.Weight.Bold))
        self._new.setIcon(icon("new", "on_accent"))
        self._open.setIcon(icon("open"))
        self._gallery_column.setContentsMargins(12, 30, margin_beside_bar(24), 24)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._filled:
            QTimer.singleShot(0, self, self.fill)

    @Slot()
    def fill(self) -> None:
        """Make the cards, after the window is on the screen."""
        if self._filled:
            return
        self._filled = True
        for content in self._load_samples():
            card = SampleCard(content)
            card.chosen.connect(self.sample_chosen)
            self._cards.append(card)
            self._grid.insert_widget(self._grid.count(), card)


def _choose(signal: SignalInstance, target: str) -> Callable[[], None]:
    def chosen() -> None:
        signal.emit(target)

    return chosen
