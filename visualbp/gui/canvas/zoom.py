"""How the canvas zooms and scrolls: at the pointer, to fit, to a layer; and when it changes to the overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QNativeGestureEvent, QTransform
from PySide6.QtWidgets import QGestureEvent, QGraphicsView, QPinchGesture

from visualbp.gui.canvas.glide import Glide
from visualbp.gui.theme import theme

if TYPE_CHECKING:
    from visualbp.gui.canvas.scene import Scene

SMALLEST, LARGEST = 0.02, 4.0
STEP = 1.25
LARGEST_FIT = 1.25
"""A small network is not blown up further than this by `fit`."""
MARGIN, LEAST_MARGIN = 30, 6
"""Pixels around what is brought into view, and around what counts as seen already."""


class Zooming(QGraphicsView):
    """The part of the canvas that knows its zoom. `zoom` is without the presenter's scale, which comes on top of it."""

    network_scene: Scene
    glide: Glide
    zoom_changed = Signal(float)
    zoom = 1.0

    def set_zoom(self, zoom: float) -> None:
        """Set the zoom, and tell who shows it."""
        self.zoom = min(LARGEST, max(SMALLEST, zoom))
        self.apply_scale()
        self.zoom_changed.emit(self.zoom)

    def apply_scale(self) -> None:
        """Give the view its transform: zoom times the presenter's scale."""
        scale = self.zoom * theme().scale
        self.network_scene.set_detail(scale)
        self.setTransform(QTransform.fromScale(scale, scale))
        self.on_view_moved()

    def on_view_moved(self) -> None:
        """Other cards may have come into view."""
        self.network_scene.catch_up(self.visible_rect())

    def visible_rect(self) -> QRectF:
        """Return what is seen of the scene."""
        inverse, _ = self.viewportTransform().inverted()
        return inverse.mapRect(QRectF(self.viewport().rect()))

    def zoom_by(self, factor: float, place: QPointF | None = None) -> None:
        """Zoom; what is at `place` of the viewport stays there (the middle if none is given)."""
        place = QPointF(self.viewport().rect().center()) if place is None else place
        inverse, _ = self.viewportTransform().inverted()
        fixed = inverse.map(place)
        self.set_zoom(self.zoom * factor)
        moved = self.viewportTransform().map(fixed) - place
        self.scroll_by(round(moved.x()), round(moved.y()))

    @property
    def pixels_per_unit(self) -> float:
        return self.transform().m11()

    @property
    def scroll_position(self) -> QPoint:
        return QPoint(self.horizontalScrollBar().value(), self.verticalScrollBar().value())

    def scroll_to(self, position: QPoint) -> None:
        self.horizontalScrollBar().setValue(position.x())
        self.verticalScrollBar().setValue(position.y())

    def scroll_by(self, x: int, y: int) -> None:
        self.scroll_to(self.scroll_position + QPoint(x, y))

    @Slot()
    def zoom_in(self) -> None:
        self.zoom_by(STEP)

    @Slot()
    def zoom_out(self) -> None:
        self.zoom_by(1 / STEP)

    def zoom_to(self, zoom: float) -> None:
        """Set the zoom; 1.0 is 100 %."""
        self.zoom_by(zoom / self.zoom)

    @Slot()
    def zoom_reset(self) -> None:
        self.zoom_to(1.0)

    @Slot()
    def fit(self) -> None:
        """Show the whole network, no larger than it is at 125 %."""
        bounds = self.network_scene.network_bounds()
        if bounds.isEmpty():
            self.set_zoom(1.0)
            self.centerOn(0, 0)
            return
        room, scale = self._free_room(), theme().scale
        zoom = min(room.width() / bounds.width(), room.height() / bounds.height()) / scale
        self.set_zoom(min(LARGEST_FIT, zoom))
        shift = QPointF(self.viewport().rect().center()) - room.center()
        self.centerOn(bounds.center() + shift / (self.zoom * scale))

    def _free_room(self, margin: int | None = None) -> QRectF:
        """Return the part of the viewport that no overlay covers, less a margin."""
        rect = QRectF(self.viewport().rect())
        margin = theme().px(14) if margin is None else margin
        return rect.adjusted(margin, margin, -margin, -margin - theme().px(44))

    def free_room_in_scene(self, margin: int = MARGIN) -> QRectF:
        """Return the part of the scene that no overlay covers, less a margin, when the view has come to rest."""
        inverse, _ = self.viewportTransform().inverted()
        return inverse.mapRect(self._free_room(margin)).translated(
            self.glide.destination().topLeft() - self.visible_rect().topLeft()
        )

    # -- bringing something into view --------------------------------------------------------------------------------

    def shift_to(self, rect: QRectF, margin: int = MARGIN) -> QPoint:
        """Return how many pixels the view has to move, at least, for `rect` to be seen; none if it is."""
        room = self.free_room_in_scene(margin)
        x = _shift(room.left(), room.right(), rect.left(), rect.right())
        y = _shift(room.top(), room.bottom(), rect.top(), rect.bottom())
        scale = self.pixels_per_unit
        return QPoint(round(x * scale), round(y * scale))

    def see(self, rect: QRectF, margin: int = MARGIN, at_once: bool = False) -> None:
        """Glide by as little as is needed to see `rect`."""
        shift = self.shift_to(rect, margin)
        if not shift.isNull():
            self.glide.by(shift, at_once)

    def reveal(self, rect: QRectF) -> None:
        """Bring `rect` into view, for a person who has asked for it; to its middle where it is larger than the view."""
        room = self.free_room_in_scene()
        if rect.width() > room.width() or rect.height() > room.height():
            scale = self.pixels_per_unit
            apart = (rect.center() - room.center()) * scale
            self.glide.by(apart.toPoint())
        else:
            self.see(rect)

    def frame_layer(self, name: str) -> None:
        """Go to a layer; zoom in if it could not be read."""
        item = self.network_scene.layers.get(name)
        if item is None:
            return
        if self.network_scene.is_overview:
            self.set_zoom(0.8 / theme().scale)
            self.centerOn(item.centre)
        else:
            self.reveal(item.body)

    def pinch(self, event: QEvent) -> bool:
        """Zoom by a pinch of two fingers, on a touch pad or a touch screen. Return whether it was one."""
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_by(1.0 + event.value(), event.position())
            return True
        if isinstance(event, QGestureEvent):
            gesture = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(gesture, QPinchGesture):
                place = self.viewport().mapFromGlobal(gesture.centerPoint().toPoint())
                self.zoom_by(gesture.scaleFactor(), QPointF(place))
                return True
        return False


def _shift(low: float, high: float, start: float, end: float) -> float:
    """Return how far a window from `low` to `high` has to move to show what reaches from `start` to `end`.

    Of what is longer than the window, its start is shown, unless half of the window is full of it already.
    """
    if end - start <= high - low:
        return min(0.0, start - low) + max(0.0, end - high)
    return 0.0 if min(end, high) - max(start, low) >= (high - low) / 2 else start - low
