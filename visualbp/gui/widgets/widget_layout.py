"""The base of the window's own layouts: widgets in a list, arranged anew at each width, and as high as that takes."""

from __future__ import annotations

from PySide6.QtCore import QMargins, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget, QWidgetItem


class WidgetLayout(QLayout):
    """Subclasses say in `arranged` where each item goes at a width, which depends on nothing else.

    Its items belong to Python alone. QLayout's own `removeWidget` deletes what `takeAt` returns, which Python would
    delete once more: `remove` takes a widget out, and `takeAt` (called when a widget is deleted) gives nothing back.
    """

    def __init__(self, spacing: int = 6, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._heights: dict[int, int] = {}
        self.setContentsMargins(QMargins(0, 0, 0, 0))
        self.setSpacing(spacing)

    def arranged(self, width: int) -> list[tuple[QLayoutItem, QRect]]:
        """Return the place of each item that is shown, in a rectangle of this width that begins at (0, 0)."""
        raise TypeError(f"{type(self).__name__} does not say where its items go")

    def insert_widget(self, place: int, widget: QWidget) -> None:
        """Put a widget before the item that is at `place` now."""
        self.addChildWidget(widget)
        self._items.insert(place, QWidgetItem(widget))
        self.invalidate()

    def remove(self, widget: QWidget) -> None:
        """Take a widget out; it is neither hidden nor deleted."""
        self._items = [item for item in self._items if item.widget() is not widget]
        self.invalidate()

    def invalidate(self) -> None:
        self._heights.clear()
        super().invalidate()

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        if 0 <= index < len(self._items):
            self._items.pop(index)
        return None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        if width not in self._heights:
            self._heights[width] = max((place.bottom() + 1 for _, place in self.arranged(width)), default=0)
        return self._heights[width]

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        for item, place in self.arranged(rect.width()):
            item.setGeometry(place.translated(rect.topLeft()))

    def shown(self) -> list[QLayoutItem]:
        """Return the items that take room: those of hidden widgets do not."""
        return [item for item in self._items if not item.isEmpty()]

    def minimumSize(self) -> QSize:
        """Return the size of the widest item: all others can stand below it."""
        hints = [item.minimumSize() for item in self.shown()]
        return QSize(max((h.width() for h in hints), default=0), max((h.height() for h in hints), default=0))


def height_of(item: QLayoutItem, width: int) -> int:
    """Return how high an item is at a width."""
    return item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()
