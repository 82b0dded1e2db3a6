"""Pictures of small parts that are painted again and again and seldom change: chips, lines of code, a card of words,
equations.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

from visualbp.gui.theme import theme

MOST_BYTES = 2**20
"""Of the pictures that one cache keeps, the newest aside: a chip takes 18 kB, and a dozen are seen at once."""


class KeptPictures:
    """Pictures by whatever they depend on. Those that were not asked for longest make way for new ones."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._pictures: OrderedDict[Hashable, QPixmap] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pictures)

    def clear(self) -> None:
        self._pictures.clear()
        self.bytes = 0

    def get(self, key: Hashable, make: Callable[[], QPixmap]) -> QPixmap:
        """Return the picture of `key`, made now if there is none."""
        picture = self._pictures.get(key)
        if picture is None:
            picture = self._pictures[key] = make()
            self.bytes += _bytes(picture)
            while self.bytes > self.most_bytes and len(self._pictures) > 1:
                self.bytes -= _bytes(self._pictures.popitem(last=False)[1])
        else:
            self._pictures.move_to_end(key)
        return picture


def _bytes(picture: QPixmap) -> int:
    return picture.width() * picture.height() * picture.depth() // 8


class PictureCache(KeptPictures):
    """Each picture is known by its place, by a key that says everything it depends on, and by the theme."""

    def paint(self, painter: QPainter, rect: QRectF, key: Hashable, draw: Callable[[QPainter], None]) -> None:
        """Paint what `draw` paints within `rect`, in the painter's coordinates; from its picture, if there is one."""
        ratio = painter.device().devicePixelRatio()
        picture = self.picture(rect, key, draw, ratio, painter.renderHints())
        painter.drawPixmap(rect.toAlignedRect().topLeft(), picture)

    def picture(
        self,
        rect: QRectF,
        key: Hashable,
        draw: Callable[[QPainter], None],
        ratio: float,
        hints: QPainter.RenderHint,
    ) -> QPixmap:
        """Return the picture of what `draw` paints within `rect`; drawn now, if there is none yet. `ratio` is how many
        pixels of the screen one of the widget has."""
        around = rect.toAlignedRect()
        place = (rect.x() - around.x(), rect.y() - around.y(), rect.width(), rect.height())
        full = (key, place, ratio, theme().palette.name, theme().scale)

        def make() -> QPixmap:
            picture = QPixmap(around.size() * ratio)
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.GlobalColor.transparent)
            own = QPainter(picture)
            own.setRenderHints(hints)
            own.translate(-around.topLeft())
            draw(own)
            own.end()
            return picture

        return self.get(full, make)
