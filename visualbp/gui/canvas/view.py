"""The canvas: a view of the scene that takes the pointer and the keys, and passes on what they mean."""

from __future__ import annotations

import math

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
from visualbp.gui.canvas.gestures.base import Gesture, Pointer
from visualbp.gui.canvas.gestures.choose import Hover, gesture_for
from visualbp.gui.canvas.gestures.drop_layer import DropLayer
from visualbp.gui.canvas.layer_list import LAYER_MIME
from visualbp.gui.canvas.menus import menu_at
from visualbp.gui.canvas.overlays import Overlays
from visualbp.gui.canvas.pulse import Pulse
from visualbp.gui.canvas.scene import Scene
from visualbp.gui.canvas.zoom import Zooming
from visualbp.gui.context import Context, Selection
from visualbp.gui.document import Document
from visualbp.gui.theme import theme
from visualbp.layers import layer_types
from visualbp.network import Network
from visualbp.network.network import Connection

CACHE = 48 * 1024
"""Kilobytes for painted cards. Qt's own 10 MB would not hold those of one large screen: all would be painted anew."""
SLICE = 0.007
"""Seconds of painting cards in one turn of the event loop."""


class Canvas(Zooming, QGraphicsView):
    """The network as a picture to edit, and to watch. Everything here is a matter of scene, gestures and overlays."""

    sample_asked = Signal(str)
    message = Signal(str)
    inspector_asked = Signal(str)
    """Enter on a layer: its options want the keyboard."""

    def __init__(self, context: Context) -> None:
        self.network_scene = Scene()
        super().__init__(self.network_scene)
        self.context = context
        self.network_scene.setParent(self)
        QPixmapCache.setCacheLimit(max(QPixmapCache.cacheLimit(), CACHE))
        self.setObjectName("canvas")
        self.setAccessibleName("Canvas")
        self.setAccessibleDescription("The network. Tab moves between layers, arrows move a layer, Delete removes it.")
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
        self.set_zoom(1.0)
        context.document.changed.connect(self._on_network)
        context.selection.changed.connect(self.show_selection)
        context.selection.sample_changed.connect(self._on_sample)
        context.debugger.snapshot_changed.connect(self._on_snapshot)
        theme().changed.connect(self._on_theme)
        self._on_network(context.document.network)

    @property
    def document(self) -> Document:
        return self.context.document

    @property
    def selection(self) -> Selection:
        return self.context.selection

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
        self._catch_up()

    @Slot()
    def _catch_up(self) -> None:
        """Bring the cards up to date, a few at a time while somebody looks: to paint one takes milliseconds."""
        is_seen = self.isVisible()
        if self.network_scene.catch_up(self.visible_rect(), SLICE if is_seen else math.inf):
            self.context.debugger.frames.ask((self, "cards"), self._catch_up, turn=1)

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

    # -- what menus and keys ask for ---------------------------------------------------------------------------------

    @Slot()
    def delete_selected(self) -> None:
        self.edits.delete(self.selection.layers, self.selection.connections)

    @Slot()
    def copy(self) -> None:
        self.edits.copy(self.selection.layers)

    @Slot()
    def paste(self) -> None:
        """Paste under the pointer, or in the middle if the pointer is elsewhere."""
        place = self.viewport().mapFromGlobal(QCursor.pos())
        inside = self.viewport().rect().contains(place) and self.underMouse()
        self.paste_at(self.mapToScene(place) if inside else self.visible_rect().center())

    def paste_at(self, place: QPointF) -> None:
        self.edits.paste(place)

    @Slot()
    def duplicate(self) -> None:
        self.edits.duplicate(self.selection.layers)

    @Slot()
    def select_all(self) -> None:
        self.selection.select(self.document.network.names)

    @Slot()
    def tidy(self) -> None:
        self.edits.tidy()
        self.reveal(self.network_scene.network_bounds())

    @Slot(str)
    def add_layer(self, type_name: str) -> None:
        """Add a layer where it most likely belongs, and bring it into view."""
        self.frame_layer(self.edits.add_sensibly(type_name, self.visible_rect().center()))

    def toggle_breakpoint(self) -> None:
        """Set or remove the breakpoints of the selected layers."""
        self.toggle_breakpoints(self.selection.layers)

    def toggle_breakpoints(self, layers: tuple[str, ...]) -> None:
        self.context.debugger.toggle_breakpoints(layers)

    def edit_options(self, layer: str) -> None:
        self.inspector_asked.emit(layer)

    def hold_space(self) -> None:
        self.space_held = True
        self.show_cursor(Qt.CursorShape.OpenHandCursor)

    def rename(self, name: str) -> None:
        """Open a field over the layer's name."""
        self.frame_layer(name)
        self.overlays.open_rename(name)

    def offer_layers(self, at: Pointer, name: str = "", side: str = "") -> None:
        """Offer layers to add at a place: those that fit the port `side` of `name`, or all."""
        self.overlays.offer_layers(at, name, side)

    def offer_insertion(self, at: Pointer, connection: Connection) -> None:
        self.overlays.offer_insertion(at, connection)

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
        super().resizeEvent(event)
        self.overlays.arrange()
        self.on_view_moved()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.overlays.arrange()
        self.on_view_moved()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.cancel_gesture()
        self.pulse.stop()
