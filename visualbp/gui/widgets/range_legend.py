"""The legend of a shared range: a strip of the diverging map between its two ends."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from visualbp.gui import painting
from visualbp.gui.theme import theme

SHADES = 11


def short_number(value: float) -> str:
    """Return a round number in as few characters as it takes: `1`, `0.05`, `2e-07`."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:g}".replace("-", "−")
    mantissa, _, power = f"{value:.0e}".partition("e")
    return f"{mantissa}e{int(power)}".replace("-", "−")


class RangeLegend(QWidget):
    """`−1 ▮▮▮▮▮ +1`: the range of the heat maps above it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.limit = 1.0
        self.own = False
        """Whether each layer has a range of its own."""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Range of the colours")

    def show_limit(self, limit: float, own: bool = False) -> None:
        """Show the range -limit to limit; or, with `own`, that each layer has one of its own."""
        if (limit, own) != (self.limit, self.own):
            self.limit, self.own = limit, own
            tip = f"All cells of this panel share one range: −{limit:g} to +{limit:g}"
            self.setToolTip("Each layer has a range of its own: it stands beside its name" if own else tip)
            self.update()

    @property
    def ends(self) -> tuple[str, str]:
        """What stands at both ends."""
        if self.own:
            return "− own", "own +"
        return f"−{short_number(self.limit)}", f"+{short_number(self.limit)}"

    def sizeHint(self) -> QSize:
        return QSize(theme().px(150), theme().px(18))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(44), theme().px(18))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        current = theme()
        font = current.font(10, mono=True)
        painter.setFont(font)
        low, high = self.ends
        metrics = painter.fontMetrics()
        left, right = metrics.horizontalAdvance(low), metrics.horizontalAdvance(high)
        gap = current.px(5)
        room = self.width() - left - right - 2 * gap
        width = min(room, current.px(90))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(current.color("dim"))
        if room < current.px(8):  # no room for both ends
            text = "own ±" if self.own else f"±{short_number(self.limit)}"
            painter.drawText(QRectF(self.rect()), middle | Qt.AlignmentFlag.AlignLeft, text)
            return
        painter.drawText(QRectF(0, 0, left + 1, self.height()), middle | Qt.AlignmentFlag.AlignLeft, low)
        if width < current.px(16):
            width = 0
        else:
            height = current.px(9)
            top = (self.height() - height) / 2
            colors = painting.color_table()[np.linspace(0, 2 * painting.STEPS, SHADES).round().astype(int)]
            for place, color in enumerate(colors):
                start, stop = round(width * place / SHADES), round(width * (place + 1) / SHADES)
                painter.fillRect(QRectF(left + gap + start, top, stop - start, height), QColor.fromRgb(int(color)))
        spot = QRectF(left + width + (2 * gap if width else gap), 0, right + 1, self.height())
        painter.drawText(spot, middle | Qt.AlignmentFlag.AlignLeft, high)
