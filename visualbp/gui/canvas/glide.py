"""How the view moves by itself: a short glide that the eye can follow, or at once where reduced motion is asked for."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEasingCurve, QObject, QPoint, QRectF, QVariantAnimation, Slot
from PySide6.QtWidgets import QWidget

from visualbp.gui.theme import theme

DURATION = 160
"""Milliseconds."""
LONGEST = 0.6
"""Of the view's width and height: a longer way is jumped first, and only the last of it is seen."""


class Scrolled(Protocol):
    """A view that can be scrolled."""

    @property
    def pixels_per_unit(self) -> float: ...
    @property
    def scroll_position(self) -> QPoint: ...
    def scroll_to(self, position: QPoint) -> None: ...
    def visible_rect(self) -> QRectF: ...
    def viewport(self) -> QWidget: ...
    def isVisible(self) -> bool: ...


class Glide(QObject):
    """Moves the view to a scroll position. Another target takes the place of the one before; nothing waits for it."""

    def __init__(self, canvas: Scrolled, parent: QObject) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._from, self.target = QPoint(), QPoint()
        self.moves = False
        """Whether the view is being moved from here just now, and not by a person."""
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(DURATION)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.valueChanged.connect(self._on_value)

    @property
    def is_running(self) -> bool:
        """Whether the view is on its way."""
        return self._animation.state() == QVariantAnimation.State.Running

    def destination(self) -> QRectF:
        """Return what will be seen of the scene when the view has come to rest."""
        visible = self._canvas.visible_rect()
        if not self.is_running:
            return visible
        ahead = (self.target - self._canvas.scroll_position).toPointF() / self._canvas.pixels_per_unit
        return visible.translated(ahead)

    def by(self, shift: QPoint, at_once: bool = False) -> None:
        """Go by so many pixels on from where the view will be when it has come to rest."""
        start = self.target if self.is_running else self._canvas.scroll_position
        self.to(start + shift, at_once)

    def to(self, position: QPoint, at_once: bool = False) -> None:
        """Go to a scroll position."""
        self._animation.stop()
        self.target = position
        canvas = self._canvas
        if at_once or theme().reduced_motion or not canvas.isVisible():
            self._move(position)
            return
        apart, port = position - canvas.scroll_position, canvas.viewport()
        near = QPoint(_within(apart.x(), LONGEST * port.width()), _within(apart.y(), LONGEST * port.height()))
        if near != apart:
            self._move(position - near)
        self._from = canvas.scroll_position
        if self._from != position:
            self._animation.start()

    def stop(self) -> None:
        """Stay where the view has come to."""
        self._animation.stop()

    def finish(self) -> None:
        """Be there at once."""
        if self.is_running:
            self._animation.stop()
            self._move(self.target)

    @Slot(object)
    def _on_value(self, share: object) -> None:
        way = (self.target - self._from).toPointF() * float(share)  # type: ignore[arg-type]
        self._move(self._from + way.toPoint())

    def _move(self, position: QPoint) -> None:
        self.moves = True
        try:
            self._canvas.scroll_to(position)
        finally:
            self.moves = False


def _within(length: int, most: float) -> int:
    return round(max(-most, min(length, most)))
