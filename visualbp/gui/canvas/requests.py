"""What menus, keys and panels ask of the canvas, apart from the pointer."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal, Slot
from PySide6.QtGui import QCursor

from visualbp.gui.canvas.canvas_edits import CanvasEdits
from visualbp.gui.canvas.follow import Follower, layers_of_step
from visualbp.gui.canvas.gestures.base import Pointer
from visualbp.gui.canvas.overlays import Overlays
from visualbp.gui.canvas.zoom import Zooming
from visualbp.gui.context import Context, Selection
from visualbp.gui.document import Document
from visualbp.network.network import Connection


class Requests(Zooming):
    """The part of the canvas that carries out what is asked of it by name."""

    message = Signal(str)
    inspector_asked = Signal(str)
    """Enter on a layer: its options want the keyboard."""

    context: Context
    edits: CanvasEdits
    overlays: Overlays
    follower: Follower
    space_held: bool

    @property
    def document(self) -> Document:
        return self.context.document

    @property
    def selection(self) -> Selection:
        return self.context.selection

    # -- where to look -----------------------------------------------------------------------------------------------

    @Slot(str)
    def frame_layer(self, name: str) -> None:
        """Go to a layer because a person asks for it: the view stays there until the next step."""
        super().frame_layer(name)
        self.follower.hold()

    def look_at(self, name: str) -> None:
        """Bring a layer's card into view, at the zoom that there is."""
        item = self.network_scene.layers.get(name)
        if item is not None:
            self.reveal(item.body)
            self.follower.hold()

    @Slot()
    def show_current(self) -> None:
        """Go to where the debugger stands: to the card of the step, of the next one at the start, or of an error."""
        snapshot = self.context.debugger.snapshot
        name, _ = layers_of_step(snapshot)
        if not name and snapshot.plan is not None:
            name = next((step.layer for step in snapshot.plan.steps[snapshot.cursor :] if step.layer), "")
        if snapshot.plan is None:
            problems = (*self.document.structure.problems, *snapshot.problems)
            name = next((problem.layer for problem in problems if problem.severity == "error" and problem.layer), "")
        self.frame_layer(name)

    # -- edits -------------------------------------------------------------------------------------------------------

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
        self._show_added(self.edits.paste(place))

    @Slot()
    def duplicate(self) -> None:
        self._show_added(self.edits.duplicate(self.selection.layers))

    def _show_added(self, names: tuple[str, ...]) -> None:
        """What has been added may stand beside the place that was asked for, where that was taken."""
        bodies = [self.network_scene.layers[name].body for name in names if name in self.network_scene.layers]
        if bodies:
            whole = bodies[0]
            for body in bodies[1:]:
                whole = whole.united(body)
            self.reveal(whole)

    @Slot()
    def select_all(self) -> None:
        self.selection.select(self.document.network.names)

    @Slot()
    def tidy(self) -> None:
        """Put the layers in order, and show them all: they stand elsewhere than before."""
        self.edits.tidy()
        if not self.visible_rect().contains(self.network_scene.network_bounds()):
            self.fit()

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
        self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)

    def rename(self, name: str) -> None:
        """Open a field over the layer's name."""
        self.frame_layer(name)
        self.glide.finish()
        self.overlays.open_rename(name)

    def offer_layers(self, at: Pointer, name: str = "", side: str = "") -> None:
        """Offer layers to add at a place: those that fit the port `side` of `name`, or all."""
        self.overlays.offer_layers(at, name, side)

    def offer_insertion(self, at: Pointer, connection: Connection) -> None:
        self.overlays.offer_insertion(at, connection)
