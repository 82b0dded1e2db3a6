"""Pictures of small parts that are painted again and again and seldom change: chips, lines of code, a card of words."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

from visualbp.gui.theme import theme

MOST = 256
"""Pictures that are kept; then it begins anew. A chip takes 18 kB, and a dozen are seen at once."""


class PictureCache:
    """Each picture is known by its place, by a key that says everything it depends on, and by the theme."""

    def __init__(self) -> None:
        self._pictures: dict[Hashable, QPixmap] = {}

    def __len__(self) -> int:
        return len(self._pictures)

    def clear(self) -> None:
        self._pictures.clear()

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
        picture = self._pictures.get(full)
        if picture is None:
            if len(self._pictures) >= MOST:
                self.clear()
            picture = QPixmap(around.size() * ratio)
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.GlobalColor.transparent)
            own = QPainter(picture)
            own.setRenderHints(hints)
            own.translate(-around.topLeft())
            draw(own)
            own.end()
            self._pictures[full] = picture
        return picture
