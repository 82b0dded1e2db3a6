"""Widgets that are as high as their width asks for, and the view that scrolls them.

This is the one place where a width and a height meet. A widget that sets its own height when it is resized, in a
QScrollArea whose bar comes as needed, has no end: the bar comes, the width shrinks, the height changes, the bar goes,
the width grows, each call inside the last, until the stack is full. So a widget says in `height_at` how high it is at
*any* width, without looking at the one it has, and `ColumnScroll` works out both sizes from its own size alone, before
it resizes anything.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from visualbp.gui.theme import theme

BAR = 10
"""Pixels, at scale 1, that the style sheet makes a scroll bar wide."""
LEAST_MARGIN = 2
FITTING = (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.StyleChange, QEvent.Type.Show)


def height_by_width() -> QSizePolicy:
    """Return the size policy of a widget whose height follows from its width. (`Fixed` would cut it off at the height
    of its size hint.)"""
    policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)
    return policy


class HeightByWidth(QWidget):
    """A widget whose height follows from its width. Layouts and ColumnScroll ask for it; it never sets it itself."""

    PREFERRED_WIDTH = 260
    """Pixels at scale 1."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(height_by_width())
        self._heights: dict[int, int] = {}

    def height_at(self, width: int) -> int:
        """Return the height at a width. It may depend on what is shown, but not on the size that the widget has."""
        raise TypeError(f"{type(self).__name__} does not say how high it is")

    def measure_anew(self) -> None:
        """What is shown has changed, or its font: ask for the height that it takes now."""
        self._heights.clear()
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        if width not in self._heights:
            self._heights[width] = self.height_at(width)
        return self._heights[width]

    def sizeHint(self) -> QSize:
        width = theme().px(self.PREFERRED_WIDTH)
        return QSize(width, self.heightForWidth(width))


class Section(QWidget):
    """A part of a column with a layout of its own. Its hint is that of the layout: Qt's would ask all that is in it how
    high it is at the width that it would prefer, and have it laid out for a width that it never gets."""

    def sizeHint(self) -> QSize:
        layout = self.layout()
        return super().sizeHint() if layout is None else layout.sizeHint()


class ColumnScroll(QScrollArea):
    """Scrolls a column up and down: it is as wide as the view, and as high as that width asks for, or as the view.

    The bar takes its room from the column where it is needed. With `keeps_room` that room is always left free, so that
    nothing moves when the bar comes: for what changes its height while a person steps. (See `margin_beside_bar`.)
    """

    def __init__(self, content: QWidget, parent: QWidget | None = None, keeps_room: bool = False) -> None:
        super().__init__(parent)
        self._column, self._keeps_room = content, keeps_room
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)

    def content_height(self, width: int) -> int:
        """Return how high the content is at a width."""
        content = self._column
        height = content.heightForWidth(width) if content.hasHeightForWidth() else content.minimumSizeHint().height()
        return max(height, content.minimumHeight())

    def fit(self) -> None:
        """Give the content its size. Called whenever it may have changed; worth calling before a place in it is shown
        that has only just come."""
        content, port = self._column, self.contentsRect()
        least = max(content.minimumWidth(), content.minimumSizeHint().width(), 1)
        beside_bar = port.width() - self.verticalScrollBar().sizeHint().width()
        width = max(least, beside_bar if self._keeps_room else port.width())
        height = self.content_height(width)
        if height > port.height() and not self._keeps_room:
            width = max(least, beside_bar)
            height = self.content_height(width)
        needed = (
            Qt.ScrollBarPolicy.ScrollBarAlwaysOn if height > port.height() else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        if self.verticalScrollBarPolicy() != needed:
            self.setVerticalScrollBarPolicy(needed)  # now, where "as needed" would come later, or not at all
        content.resize(width, max(height, port.height()))

    def fit_now(self, changed: QWidget) -> None:
        """Give everything its place at once, after `changed` has become higher or lower: before it is painted at the
        old size, only to be painted again at the new one."""
        widget: QWidget | None = changed
        while widget is not None and widget is not self._column:
            widget.updateGeometry()  # level by level, as layouts tell each other later
            widget = widget.parentWidget()
        self.fit()
        layout = self._column.layout()
        if layout is not None:
            layout.activate()

    def event(self, event: QEvent) -> bool:
        """Fit the content before the bars are laid out for it, so that none comes only to go again."""
        if event.type() in FITTING:
            self.fit()
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit the content before its layout puts everything into a height that no longer is the right one."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self._column:
            self.fit()
        return super().eventFilter(watched, event)

    def sizeHint(self) -> QSize:
        letter = self.fontMetrics().height()
        return self._column.sizeHint().boundedTo(QSize(36 * letter, 24 * letter))


def margin_beside_bar(margin: int) -> int:
    """Return the right margin of a column that looks like `margin` together with the room that is kept for a bar."""
    return max(LEAST_MARGIN, margin - theme().px(BAR))
