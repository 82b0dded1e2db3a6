"""What lies over the canvas: the legend, the zoom, and the bubble that says why something cannot be."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from visualbp.core.arrays import Array
from visualbp.gui.canvas.ranges import Ranges
from visualbp.gui.painting import color_table
from visualbp.gui.picture_cache import PictureCache
from visualbp.gui.shown_sample import ShownSample
from visualbp.gui.theme import icon, icon_size, theme

RANGE_WIDTH = 74


class Plate(QWidget):
    """A rounded plate that takes all mouse events, so that nothing happens on the canvas under it.

    It is painted anew whenever the canvas scrolls: from a picture, as long as it looks the same.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._pictures = PictureCache()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._pictures.paint(painter, QRectF(self.rect()), self._looks(), self._draw)
        painter.end()

    def _looks(self) -> Hashable:
        """Return what the picture depends on, apart from size and theme."""
        return ()

    def _draw(self, painter: QPainter) -> None:
        painter.setPen(QPen(theme().color("line"), 1))
        painter.setBrush(theme().color("panel", 0.96))
        radius = theme().px(7)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


def _button(name: str, icon_name: str, tip: str, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setObjectName(name)
    button.setProperty("flat", True)
    button.setAutoRaise(True)
    button.setAccessibleName(tip)
    button.setToolTip(tip)
    button.setProperty("icon_name", icon_name)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _retheme_buttons(widget: QWidget) -> None:
    for button in widget.findChildren(QToolButton):
        button.setFont(theme().font(12, mono=True))
        name = button.property("icon_name")
        if name:
            button.setIcon(icon(str(name), "dim"))
            button.setIconSize(icon_size(15))


class ZoomControl(Plate):
    """Out, the zoom (a click makes it 100 %), in, and fit."""

    zoomed_out = Signal()
    zoomed_in = Signal()
    reset_asked = Signal()
    fit_asked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("zoom_control")
        self._row = QHBoxLayout(self)
        smaller = _button("zoom_smaller", "minus", "Zoom out  Ctrl+-", self)
        self.number = _button("zoom_number", "", "The zoom; a click makes it 100 %  Ctrl+0", self)
        larger = _button("zoom_larger", "plus", "Zoom in  Ctrl++", self)
        fit = _button("zoom_fit", "fit", "Fit the network  F", self)
        for button, signal in (
            (smaller, self.zoomed_out),
            (self.number, self.reset_asked),
            (larger, self.zoomed_in),
            (fit, self.fit_asked),
        ):
            button.clicked.connect(signal)
            self._row.addWidget(button)
        self.retheme()

    @Slot(float)
    def show_zoom(self, zoom: float) -> None:
        """Show the zoom in percent; 1.0 is 100 %."""
        percent = zoom * 100
        self.number.setText(f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.1f} %")

    def retheme(self) -> None:
        _retheme_buttons(self)
        self._row.setContentsMargins(theme().px(8), theme().px(3), theme().px(8), theme().px(3))
        self._row.setSpacing(theme().px(2))
        self.number.setMinimumWidth(theme().px(58))
        self.adjustSize()


class SampleControl(QWidget):
    """Which sample the cards show, by its row in the data: the one before in the batch, its name, the next."""

    sample_asked = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("sample_control")
        self.shown, self.rows = ShownSample(0, 0), np.zeros(0, np.int64)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._less = _button("sample_less", "", "The sample before", self)
        self._more = _button("sample_more", "", "The next sample", self)
        self._less.setText("‹")
        self._more.setText("›")
        self.number = _button("sample_number", "", "The sample of the batch that the cards show", self)
        for button in (self._less, self.number, self._more):
            row.addWidget(button)
        self._less.clicked.connect(self._on_less)
        self._more.clicked.connect(self._on_more)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_sample(self, shown: ShownSample, rows: Array | None) -> bool:
        """Show which sample it is, in a batch of these rows of the data; return whether the words have changed."""
        rows = np.zeros(0, np.int64) if rows is None else rows
        if shown == self.shown and rows is self.rows and self.number.text():
            return False
        self.shown, self.rows = shown, rows
        before, text = self.number.text(), "no sample yet"
        if len(rows):
            text = f"{shown.text} (not {shown.wanted})" if shown.why else shown.text
        tip = f"The sample that the cards show, by its row in the data; one of the {len(rows):,} of this batch"
        self.number.setText(text)
        self.number.setToolTip(f"{shown.why}: {shown.text} is shown" if shown.why else tip)
        self._less.setEnabled(bool(len(rows) and shown.row > rows.min()))
        self._more.setEnabled(bool(len(rows) and shown.row < rows.max()))
        self.adjustSize()
        return text != before

    def _ask(self, steps: int) -> None:
        rows = np.sort(self.rows)
        if len(rows):
            place = int(np.searchsorted(rows, self.shown.row)) + steps
            self.sample_asked.emit(int(rows[max(0, min(len(rows) - 1, place))]))

    @Slot()
    def _on_less(self) -> None:
        self._ask(-1)

    @Slot()
    def _on_more(self) -> None:
        self._ask(1)


def _limit_text(limit: float) -> str:
    return f"{limit:g}" if limit > 1e-290 else "0"


class Legend(Plate):
    """What the colours mean: the two directions, and the range of the diverging map for h, delta and W."""

    def __init__(self, parent: QWidget, ranges: Ranges) -> None:
        super().__init__(parent)
        self.setObjectName("legend")
        self.ranges = ranges
        self.is_wanted = True
        self._texts: list[tuple[str, str, str]] = []
        self.samples = SampleControl(self)
        self.samples.number.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._level = 3
        """How much there is room for: 3 all, 2 without the sample, 1 without the ranges, 0 nothing."""
        self.retheme()

    def retheme(self) -> None:
        _retheme_buttons(self)
        self.samples.number.setFont(theme().font(12))
        self.samples.adjustSize()
        self._arrange()

    def fit_into(self, width: int) -> None:
        """Show as much as there is room for."""
        self._level = next((level for level in (3, 2, 1) if self._width(level) <= width), 0)
        self.setVisible(self._level > 0 and self.is_wanted)
        self._arrange()

    def show_ranges(self) -> None:
        """The ranges may have changed."""
        texts = self._range_texts()
        if texts == self._texts:
            return
        self._texts = texts
        lines = [f"{label} from -{limit} to {limit}" for label, _, limit in texts]
        self.setToolTip(
            "Teal: forward. Amber: backward.\nColours of numbers, blue below zero, red above:\n" + "\n".join(lines)
        )
        self.setAccessibleName("Legend: " + "; ".join(lines))
        self.update()

    def _range_texts(self) -> list[tuple[str, str, str]]:
        limits = self.ranges.limits
        rows = (("h", "forward", "h"), ("δ", "backward", "delta"), ("W", "dim", "weight"))
        return [(label, color, _limit_text(limits[name]) if name in limits else "–") for label, color, name in rows]

    def _width(self, level: int) -> int:
        widths = {1: 300, 2: 300 + 3 * RANGE_WIDTH, 3: 306 + 3 * RANGE_WIDTH}
        return theme().px(widths[level]) + (self.samples.sizeHint().width() + theme().px(16) if level == 3 else 0)

    def _arrange(self) -> None:
        self.samples.setVisible(self._level == 3)
        self.resize(self._width(max(1, self._level)), theme().px(34))
        size = self.samples.sizeHint()
        self.samples.resize(size)
        self.samples.move(self.width() - size.width() - theme().px(6), (self.height() - size.height()) // 2)
        self.update()

    def _looks(self) -> Hashable:
        return self._level, tuple(self._range_texts())

    def _draw(self, painter: QPainter) -> None:
        super()._draw(painter)
        px = theme().px
        x, middle = float(px(13)), self.height() / 2
        for word, color in (("forward", "forward"), ("backward", "backward")):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color(color))
            painter.drawRoundedRect(QRectF(x, middle - px(5), px(15), px(10)), 3, 3)
            x = self._words(painter, x + px(21), word, "dim", theme().font(12)) + px(14)
        x = self._words(painter, x, "−", "dim", theme().font(12, mono=True)) + px(5)
        bar = QRectF(x, middle - px(5), px(75), px(10))
        self._paint_bar(painter, bar)
        x = self._words(painter, bar.right() + px(5), "+", "dim", theme().font(12, mono=True)) + px(16)
        if self._level < 2:
            return
        for label, color, limit in self._range_texts():
            bold = theme().font(12, QFont.Weight.DemiBold, mono=True)
            end = self._words(painter, x, label, color, bold)
            self._words(
                painter, end + px(5), f"±{limit}" if limit != "–" else limit, "text", theme().font(11, mono=True)
            )
            x += px(RANGE_WIDTH)

    def _words(self, painter: QPainter, x: float, text: str, color: str, font: QFont) -> float:
        """Write at x, and return where the words end."""
        painter.setFont(font)
        painter.setPen(theme().color(color))
        width = painter.fontMetrics().horizontalAdvance(text)
        painter.drawText(QRectF(x, 0, width + 4, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
        return x + width

    @staticmethod
    def _paint_bar(painter: QPainter, bar: QRectF) -> None:
        table, cells = color_table(), 15
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for cell in range(cells):
            painter.setBrush(_color(int(table[round(cell * 254 / (cells - 1))])))
            left, right = bar.left() + bar.width() * cell / cells, bar.left() + bar.width() * (cell + 1) / cells
            painter.drawRect(QRectF(round(left), bar.top(), round(right) - round(left), bar.height()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def _color(rgb: int) -> QColor:
    return QColor.fromRgb(rgb)


class Bubble(QWidget):
    """A few words beside the pointer: a reason, or a number. It never takes the mouse."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.owner = parent
        self.setObjectName("bubble")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.text, self._tone = "", "info"
        self.hide()

    def say(self, text: str, tone: str, pointer: QPoint) -> None:
        """Show words beside a point of the parent, or hide for no words."""
        if not text:
            self.hide()
            return
        if (text, tone) != (self.text, self._tone):
            self.text, self._tone = text, tone
            self.setAccessibleName(text)
            self.resize(self.sizeHint())
            self.update()
        room, gap = self.owner.rect(), theme().px(16)
        x = pointer.x() + gap
        if x + self.width() > room.right():
            x = max(0, pointer.x() - gap - self.width())
        y = pointer.y() + gap
        if y + self.height() > room.bottom():
            y = max(0, pointer.y() - gap - self.height())
        self.move(x, y)
        if not self.isVisible():
            self.show()
            self.raise_()

    def _box(self) -> QRectF:
        self.ensurePolished()
        metrics = self._metrics()
        most = min(theme().px(430), max(theme().px(120), self.owner.width() - theme().px(60)))
        flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft
        return QRectF(metrics.boundingRect(0, 0, most, 1000, flags, self.text))

    def _metrics(self) -> QFontMetrics:
        return QFontMetrics(self._font())

    def _font(self) -> QFont:
        return theme().font(12, mono=self._tone == "number")

    def sizeHint(self) -> QSize:
        box = self._box()
        return QSize(round(box.width()) + theme().px(24), round(box.height()) + theme().px(13))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        error = self._tone == "error"
        painter.setPen(QPen(theme().color("error" if error else "line"), 1.2))
        painter.setBrush(theme().color("card"))
        radius = theme().px(6)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.8, 0.8, -0.8, -0.8), radius, radius)
        painter.setFont(self._font())
        painter.setPen(theme().color("text"))
        inner = self.rect().adjusted(theme().px(11), theme().px(6), -theme().px(9), -theme().px(5))
        painter.drawText(inner, Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft, self.text)
