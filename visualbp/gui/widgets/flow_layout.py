"""A layout that puts widgets beside each other, and goes on in a new line where they do not fit."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import QLayoutItem, QWidget

from visualbp.gui.widgets.widget_layout import WidgetLayout


class FlowLayout(WidgetLayout):
    """Items keep their preferred size. Those added with `to_the_right` end at the right edge of their line."""

    def __init__(self, spacing: int = 6, line_spacing: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(spacing, parent)
        self._right: set[QWidget] = set()
        self._line_spacing = line_spacing

    def add(self, widget: QWidget, to_the_right: bool = False) -> None:
        """Add a widget at the end."""
        self.insert(len(self._items), widget, to_the_right)

    def insert(self, place: int, widget: QWidget, to_the_right: bool = False) -> None:
        """Put a widget before the item that is at `place` now."""
        if to_the_right:
            self._right.add(widget)
        self.insert_widget(place, widget)

    def remove(self, widget: QWidget) -> None:
        """Take a widget out; it is neither hidden nor deleted."""
        self._right.discard(widget)
        super().remove(widget)

    def takeAt(self, index: int) -> QLayoutItem | None:
        if 0 <= index < len(self._items):
            self._right.discard(self._items[index].widget())
        return super().takeAt(index)

    def sizeHint(self) -> QSize:
        """Return the size of a single line."""
        hints = [item.sizeHint() for item in self.shown()]
        width = sum(hint.width() for hint in hints) + self.spacing() * max(0, len(hints) - 1)
        return QSize(width, max((hint.height() for hint in hints), default=0))

    def arranged(self, width: int) -> list[tuple[QLayoutItem, QRect]]:
        places: list[tuple[QLayoutItem, QRect]] = []
        top = 0
        for items, height in self._lines(width):
            places += self._line(items, QRect(0, top, width, height))
            top += height + self._line_spacing
        return places

    def _lines(self, width: int) -> list[tuple[list[QLayoutItem], int]]:
        """Return the items of each line, and its height."""
        lines: list[tuple[list[QLayoutItem], int]] = []
        taken = 0
        for item in self.shown():
            hint = item.sizeHint()
            if not lines or taken + self.spacing() + hint.width() > width:
                lines.append(([], 0))
                taken = -self.spacing()
            items, height = lines[-1]
            lines[-1] = ([*items, item], max(height, hint.height()))
            taken += self.spacing() + hint.width()
        return lines

    def _line(self, items: list[QLayoutItem], line: QRect) -> list[tuple[QLayoutItem, QRect]]:
        def sized(item: QLayoutItem) -> QSize:
            hint = item.sizeHint()
            return QSize(min(hint.width(), line.width()), hint.height())

        places: list[tuple[QLayoutItem, QRect]] = []
        to_the_right = [item for item in items if item.widget() in self._right]
        left = line.left()
        right = line.right() + 1
        for item in reversed(to_the_right):
            size = sized(item)
            right -= size.width()
            places.append((item, QRect(QPoint(right, line.top() + (line.height() - size.height()) // 2), size)))
            right -= self.spacing()
        for item in items:
            if item in to_the_right:
                continue
            size = sized(item)
            places.append((item, QRect(QPoint(left, line.top() + (line.height() - size.height()) // 2), size)))
            left += size.width() + self.spacing()
        return places
