"""A layout that puts widgets beside each other, and goes on in a new line where they do not fit."""

from __future__ import annotations

from PySide6.QtCore import QMargins, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget, QWidgetItem


class FlowLayout(QLayout):
    """Items keep their preferred size. Those added with `to_the_right` end at the right edge of their line.

    Its items belong to Python alone. QLayout's own `removeWidget` deletes what `takeAt` returns, which Python would
    delete once more: `remove` takes a widget out, and `takeAt` (called when a widget is deleted) gives nothing back.
    """

    def __init__(self, spacing: int = 6, line_spacing: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._right: set[QWidget] = set()
        self._line_spacing = line_spacing
        self.setContentsMargins(QMargins(0, 0, 0, 0))
        self.setSpacing(spacing)

    def add(self, widget: QWidget, to_the_right: bool = False) -> None:
        """Add a widget at the end."""
        self.insert(len(self._items), widget, to_the_right)

    def insert(self, place: int, widget: QWidget, to_the_right: bool = False) -> None:
        """Put a widget before the item that is at `place` now."""
        self.addChildWidget(widget)
        self._items.insert(place, QWidgetItem(widget))
        if to_the_right:
            self._right.add(widget)
        self.invalidate()

    def remove(self, widget: QWidget) -> None:
        """Take a widget out; it is neither hidden nor deleted."""
        self._items = [item for item in self._items if item.widget() is not widget]
        self._right.discard(widget)
        self.invalidate()

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        if 0 <= index < len(self._items):
            self._right.discard(self._items.pop(index).widget())
        return None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return sum(height for _, height in self._lines(width)) + self._between(len(self._lines(width)))

    def sizeHint(self) -> QSize:
        """Return the size of a single line."""
        hints = [item.sizeHint() for item in self._shown()]
        width = sum(hint.width() for hint in hints) + self.spacing() * max(0, len(hints) - 1)
        return QSize(width, max((hint.height() for hint in hints), default=0))

    def minimumSize(self) -> QSize:
        """Return the size of the widest item: all others can stand below it."""
        hints = [item.minimumSize() for item in self._shown()]
        return QSize(max((h.width() for h in hints), default=0), max((h.height() for h in hints), default=0))

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        top = rect.top()
        for items, height in self._lines(rect.width()):
            self._place_line(items, QRect(rect.left(), top, rect.width(), height))
            top += height + self._line_spacing

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _between(self, lines: int) -> int:
        return self._line_spacing * max(0, lines - 1)

    def _lines(self, width: int) -> list[tuple[list[QLayoutItem], int]]:
        """Return the items of each line, and its height."""
        lines: list[tuple[list[QLayoutItem], int]] = []
        taken = 0
        for item in self._shown():
            hint = item.sizeHint()
            if not lines or taken + self.spacing() + hint.width() > width:
                lines.append(([], 0))
                taken = -self.spacing()
            items, height = lines[-1]
            lines[-1] = ([*items, item], max(height, hint.height()))
            taken += self.spacing() + hint.width()
        return lines

    def _place_line(self, items: list[QLayoutItem], line: QRect) -> None:
        def sized(item: QLayoutItem) -> QSize:
            hint = item.sizeHint()
            return QSize(min(hint.width(), line.width()), hint.height())

        to_the_right = [item for item in items if item.widget() in self._right]
        left = line.left()
        right = line.right() + 1
        for item in reversed(to_the_right):
            size = sized(item)
            right -= size.width()
            item.setGeometry(QRect(QPoint(right, line.top() + (line.height() - size.height()) // 2), size))
            right -= self.spacing()
        for item in items:
            if item in to_the_right:
                continue
            size = sized(item)
            item.setGeometry(QRect(QPoint(left, line.top() + (line.height() - size.height()) // 2), size))
            left += size.width() + self.spacing()
