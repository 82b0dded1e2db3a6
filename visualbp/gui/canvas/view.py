"""The canvas: a view of the scene that takes the pointer and the keys, and passes on what they mean."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QCursor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPixmapCache,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsView

from visualbp.debugger.snapshot import Mode, Snapshot
from visualbp.gui.canvas import keys
from visualbp.gui.canvas.background import draw_background
from visualbp.gui.canvas.canvas_edits import CanvasEdits
from visualbp.gui.canvas.edge_scroll import EdgeScroll
from visualbp.gui.canvas.follow import Follower
from visualbp.gui.canvas.gestures.base import Gesture, Pointer
from visualbp.gui.canvas.gestures.choose import Hover, gesture_for
from visualbp.gui.canvas.gestures.drop_layer import DropLayer
from visualbp.gui.canvas.glide import Glide
from visualbp.gui.canvas.layer_list import LAYER_MIME
from visualbp.gui.canvas.menus import menu_at
from visualbp.gui.canvas.overlays import Overlays
from visualbp.gui.canvas.pulse import Pulse
from visualbp.gui.canvas.requests import Requests
from visualbp.gui.canvas.scene import Scene
from visualbp.gui.context import Context
from visualbp.gui.theme import theme
from visualbp.layers import layer_types
from visualbp.network import Network

CACHE = 48 * 1024
"""Kilobytes for painted cards. Qt's own 10 MB would not hold those of one large screen: all would be painted anew."""
SLICE = 0.007
"""Seconds of painting cards in one turn of the event loop."""


class Canvas(Requests):
    """The network as a picture to edit, and to watch. Everything here is a matter of scene, gestures and overlays."""

    sample_asked = Signal(str)

    def __init__(self, context: Context) -> None:
        self.network_scene = Scene()
        super().__init__(self.network_scene)
        self.context = context
        self.network_scene.setParent(self)
        QPixmapCache.setCacheLimit(max(QPixmapCache.cacheLimit(), CACHE))
        self.setObjectName("canvas")
        self.setAccessibleName("Canvas")
        self.setAccessibleDescription(
            "The network. Tab and arrows go from layer to layer, Alt and arrows move one, Delete removes it."
        )
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheBackground)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontSavePainterState)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self.viewport().setMouseTracking(True)
        self.viewport().grabGesture(Qt.GestureType.PinchGesture)
        self.gesture: Gesture | None = None
        self.space_held = False
        self.last_pointer: Pointer | None = None
        self._edge_scroll = EdgeScroll(self, self._pointer_at, self._scroll_drag)
        self.edits = CanvasEdits(context, self.network_scene, self)
        self.pulse = Pulse(self)
        self.overlays = Overlays(self, context, self.edits)
        self.overlays.hint.sample_asked.connect(self.sample_asked)
        self.hover = Hover(self)
        self.edits.message.connect(self.message)
        self.glide = Glide(self, self)
        self.follower = Follower(self, self._is_in_hand)
        self.set_zoom(1.0)
        context.document.changed.connect(self._on_network)
        context.selection.changed.connect(self.show_selection)
        context.selection.sample_changed.connect(self._on_sample)
        context.selection.layer_wanted.connect(self.frame_layer)
        context.debugger.snapshot_changed.connect(self._on_snapshot)
        theme().changed.connect(self._on_theme)
        self._on_network(context.document.network)

    # -- what is shown -----------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_network(self, network: Network) -> None:
        """The document has another network: mirror it, and keep selection and zoom."""
        if self.gesture is not None:
            self.cancel_gesture()
        self.overlays.close_rename()
        renamed = self.network_scene.show_network(network, self.document.structure)
        selection = self.selection
        kept = [renamed.get(name, name) for name in selection.layers]
        lines = [tuple(renamed.get(name, name) for name in ends) for ends in selection.connections]
        selection.select(
            tuple(name for name in kept if name in self.network_scene.layers),
            tuple(ends for ends in lines if ends in self.network_scene.connections),
        )
        self.show_selection()
        self.network_scene.catch_up(self.visible_rect())
        self.overlays.show_network(network)

    @Slot(object)
    def _on_snapshot(self, snapshot: Snapshot) -> None:
        if snapshot.mode == Mode.TRAINING and self.isVisible():
            self.context.debugger.frames.ask(self, self._show_newest, turn=0)  # in turn with the panels
        else:
            self._show(snapshot)

    @Slot()
    def _show_newest(self) -> None:
        self._show(self.context.debugger.snapshot)

    def _show(self, snapshot: Snapshot) -> None:
        flowing = self.network_scene.show_snapshot(snapshot, self.visible_rect(), self.selection.shown(snapshot).place)
        if flowing and snapshot.mode in (Mode.IDLE, Mode.CONTINUING) and self.isVisible():
            scene = self.network_scene
            self.pulse.run([scene.connections[c] for c in flowing if c in scene.connections])
        elif not flowing and not self.network_scene.flow.carrying:
            self.pulse.stop()
        self.overlays.show_snapshot(snapshot)
        self.follower.take(snapshot)
        self._catch_up()

    @Slot()
    def _catch_up(self) -> None:
        """Bring the cards up to date, a few at a time while somebody looks: to paint one takes milliseconds."""
        is_seen = self.isVisible()
        if self.network_scene.catch_up(self.visible_rect(), SLICE if is_seen else math.inf):
            self.context.debugger.frames.ask((self, "cards"), self._catch_up, turn=1)

    def _is_in_hand(self) -> bool:
        """Whether a person is dragging something, or typing a name: the view must not move under that."""
        return self.gesture is not None or self.overlays.is_renaming

    def on_view_moved(self) -> None:
        """Other cards have come into view. Unless it was by itself, the view stays there until the next step."""
        if self.glide.moves:
            self._catch_up()
            return
        self.glide.stop()
        self.follower.hold()
        super().on_view_moved()

    @contextmanager
    def _room_changes(self) -> Iterator[None]:
        """The canvas gets another size: that is no panning, and the current step's card stays in view."""
        self.glide.finish()
        held = self.follower.is_held
        yield
        self.follower.is_held = held
        self.follower.keep(at_once=True)

    @Slot()
    def _on_sample(self) -> None:
        snapshot = self.context.debugger.snapshot
        self.network_scene.show_sample(self.selection.shown(snapshot).place, self.visible_rect())
        self.overlays.show_snapshot(snapshot)

    @Slot()
    def show_selection(self) -> None:
        selection = self.selection
        self.network_scene.show_selection(selection.layers, selection.connections)

    @Slot()
    def _on_theme(self) -> None:
        with self._room_changes():
            self.apply_scale()
        self.network_scene.restyle()
        self.resetCachedContent()
        self.overlays.retheme()
        self.viewport().update()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        draw_background(painter, QRectF(rect), self.transform().m11())

    def say(self, text: str, tone: str = "info") -> None:
        """Show words in a bubble at the pointer; no words hide it."""
        if text or self.overlays.bubble.isVisible():
            place = (
                self.viewport().mapFromGlobal(QCursor.pos()) if self.last_pointer is None else self.last_pointer.view
            )
            self.overlays.bubble.say(text, tone, place)

    def show_cursor(self, shape: Qt.CursorShape) -> None:
        self.viewport().setCursor(shape)

    # -- the pointer -------------------------------------------------------------------------------------------------

    def pointer(self, view: QPoint, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> Pointer:
        """Return a place of the viewport as a pointer, and remember it for bubbles."""
        self.last_pointer = Pointer(self.viewportTransform().inverted()[0].map(QPointF(view)), view, modifiers)
        return self.last_pointer

    def _at(self, event: QMouseEvent | QDropEvent) -> Pointer:
        return self.pointer(event.position().toPoint(), event.modifiers())

    def begin(self, gesture: Gesture) -> None:
        """Start a gesture."""
        self.cancel_gesture()
        self.gesture = gesture
        gesture.start()
        if gesture.scrolls:
            self._edge_scroll.begin()

    def _finish(self, at: Pointer | None) -> None:
        """End the gesture at `at`, or cancel it."""
        gesture, self.gesture = self.gesture, None
        self._edge_scroll.end()
        self.viewport().unsetCursor()
        if gesture is not None:
            gesture.cancel() if at is None else gesture.end(at)

    def cancel_gesture(self) -> None:
        """Put everything back as it was before the gesture, if there is one."""
        if self.gesture is not None:
            self._finish(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.overlays.frame.update_focus(False)
        at = self._at(event)
        gesture = gesture_for(self, at, event.button())
        if gesture is not None:
            self.begin(gesture)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = self._at(event)
        if self.gesture is None:
            self.hover.show(at)
            return
        self.gesture.move(at)
        if self.gesture.dragging or self.gesture.cursor == Qt.CursorShape.ClosedHandCursor:
            self.show_cursor(self.gesture.cursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        at = self._at(event)
        self._finish(at)
        self.hover.show(at)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = self._at(event)
        item = self.network_scene.layer_at(at.scene)
        if event.button() != Qt.MouseButton.LeftButton or item is None:
            self.mousePressEvent(event)
        elif item.part_at(at.scene) == "name":
            self.overlays.open_rename(item.name)
        elif item.part_at(at.scene) in ("input", "output", "gutter"):
            self.mousePressEvent(event)
        else:
            self.edit_options(item.name)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = menu_at(self, self.pointer(event.pos()))
        menu.setParent(self, menu.windowFlags())
        self.say("")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.hover.show(None)

    # -- layers dragged in from the palette --------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        type_name = bytes(event.mimeData().data(LAYER_MIME).data()).decode()
        if type_name in layer_types:
            self.begin(DropLayer(self, self._at(event), type_name))
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if isinstance(self.gesture, DropLayer):
            self.gesture.drag(self._at(event))
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.cancel_gesture()

    def dropEvent(self, event: QDropEvent) -> None:
        if isinstance(self.gesture, DropLayer):
            self._finish(self._at(event))
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            if self.selection.layer is not None:
                self.look_at(self.selection.layer)  # where it was dropped, another card may have been
            event.acceptProposedAction()

    def _pointer_at(self) -> QPoint | None:
        return self.last_pointer.view if self.last_pointer is not None else None

    def _scroll_drag(self, x: int, y: int) -> None:
        """Scroll, and tell the gesture that the pointer is at another place of the scene."""
        if self.gesture is not None and self.gesture.dragging and self.last_pointer is not None:
            self.scroll_by(x, y)
            self.gesture.move(self.pointer(self.last_pointer.view, self.last_pointer.modifiers))

    # -- keys, wheel, and the window ---------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not keys.press(self, event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.space_held = False
            self.viewport().unsetCursor()
        super().keyReleaseEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        return (self.hasFocus() and keys.tab(self, forward)) or super().focusNextPrevChild(forward)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.space_held = False
        self.overlays.frame.update_focus(False)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        by_key = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.overlays.frame.update_focus(by_key)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(1.0015 ** event.angleDelta().y(), event.position())
            event.accept()
        else:
            super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        return self.pinch(event) or super().viewportEvent(event)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self.on_view_moved()

    def resizeEvent(self, event: QResizeEvent) -> None:
        with self._room_changes():
            super().resizeEvent(event)
            self.overlays.arrange()
            self.on_view_moved()

    def showEvent(self, event: QShowEvent) -> None:
        with self._room_changes():
            super().showEvent(event)
            self.overlays.arrange()
            self.on_view_moved()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.cancel_gesture()
        self.glide.finish()
        self.pulse.stop()
