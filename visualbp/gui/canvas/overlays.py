"""All that lies over the canvas, made and placed here: legend, zoom, bubble, hint, popup, and the name field."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QRect, Qt, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from visualbp.core.resource_files import sample_models_directory
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.canvas.canvas_edits import CanvasEdits
from visualbp.gui.canvas.controls import Bubble, Legend, ZoomControl
from visualbp.gui.canvas.empty_hint import SAMPLES, EmptyHint
from visualbp.gui.canvas.gestures.base import Pointer
from visualbp.gui.canvas.popup import LayerPopup, fits
from visualbp.gui.canvas.rename import NameField
from visualbp.gui.canvas.zoom import Zooming
from visualbp.gui.context import Context
from visualbp.gui.theme import theme
from visualbp.layers import LayerType
from visualbp.network import Network
from visualbp.network.edits import EditError
from visualbp.network.network import Connection


class FocusFrame(QWidget):
    """A thin frame around the canvas while it has the keyboard by way of Tab."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def update_focus(self, shown: bool) -> None:
        self.setVisible(shown)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(theme().color("accent"), 2))
        painter.drawRect(self.rect().adjusted(1, 1, -1, -1))


def present_samples() -> dict[str, str]:
    """Return those of the samples an empty canvas offers that are there, by name, with their titles."""
    try:
        folder = sample_models_directory()
    except FileNotFoundError:
        return {}
    return {name: title for name, title in SAMPLES if (folder / f"{name}.vbp").is_file()}


class Overlays(QObject):
    """Owns the widgets over the canvas. They are children of the view, so that scrolling does not move them."""

    def __init__(self, canvas: Zooming, context: Context, edits: CanvasEdits) -> None:
        super().__init__(canvas)
        self.canvas, self._context, self._edits = canvas, context, edits
        self.frame = FocusFrame(canvas)
        self.legend = Legend(canvas, canvas.network_scene.ranges)
        self.zoom = ZoomControl(canvas)
        self.hint = EmptyHint(canvas, present_samples())
        self.bubble = Bubble(canvas)
        self._field: NameField | None = None
        self.zoom.zoomed_in.connect(canvas.zoom_in)
        self.zoom.zoomed_out.connect(canvas.zoom_out)
        self.zoom.reset_asked.connect(canvas.zoom_reset)
        self.zoom.fit_asked.connect(canvas.fit)
        self.legend.samples.sample_asked.connect(context.selection.choose_sample)
        canvas.zoom_changed.connect(self.zoom.show_zoom)

    def arrange(self) -> None:
        """Put everything in its place."""
        rect, edge = self.canvas.viewport().geometry(), theme().px(16)
        self.zoom.adjustSize()
        height = max(self.zoom.height(), self.legend.height())
        self.zoom.resize(self.zoom.width(), height)
        self.zoom.move(rect.right() + 1 - edge - self.zoom.width(), rect.bottom() + 1 - edge - height)
        self.legend.fit_into(rect.width() - self.zoom.width() - 3 * edge)
        self.legend.move(edge, rect.bottom() + 1 - edge - self.legend.height())
        self.frame.setGeometry(rect)
        self.hint.place_in(rect.width(), rect.height())

    def retheme(self) -> None:
        for widget in (self.legend, self.zoom, self.hint):
            widget.retheme()
            widget.update()
        self.arrange()

    def show_network(self, network: Network) -> None:
        """Show the hint on an empty canvas, and the legend on any other."""
        empty = not network.layers
        self.hint.setVisible(empty)
        self.legend.is_wanted = not empty
        self.arrange()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take over the batch, the sample, and the ranges of the colours."""
        if self.legend.samples.show_sample(self._context.selection.shown(snapshot), snapshot.rows):
            self.arrange()
        self.legend.show_ranges()

    # -- offering layers ---------------------------------------------------------------------------------------------

    def offer_layers(self, at: Pointer, name: str = "", side: str = "") -> None:
        """Open a small palette. With a port, only what fits there, and the choice is connected to it."""
        network, structure = self._edits.network, self._context.document.structure

        def allowed(kind: LayerType) -> bool:
            return not name or fits(network, structure, name, side, kind)

        title = {"output": f"Connect {name} to …", "input": f"Feed {name} from …"}.get(side, "Add a layer")
        self._open(LayerPopup(title, allowed, self.canvas), at, partial(self._add, at, name, side))

    def offer_insertion(self, at: Pointer, connection: Connection) -> None:
        """Open a small palette of what can stand in the middle of a connection."""

        def allowed(kind: LayerType) -> bool:
            return not kind.is_loss and kind.most_inputs != 0 and kind.fewest_inputs <= 1

        self._open(LayerPopup("Insert a layer", allowed, self.canvas), at, partial(self._insert, connection))

    def _open(self, popup: LayerPopup, at: Pointer, choose: partial[None]) -> None:
        popup.chosen.connect(choose)
        popup.open_at(self.canvas.viewport().mapToGlobal(at.view))

    def _add(self, at: Pointer, name: str, side: str, type_name: str) -> None:
        ends = {"source": name} if side == "output" else {"target": name}
        added = self._edits.add_at(type_name, at.scene, **ends)
        item = self.canvas.network_scene.layers.get(added)
        if item is not None:
            self.canvas.reveal(item.body)

    def _insert(self, connection: Connection, type_name: str) -> None:
        self._edits.insert_at(type_name, connection)

    # -- renaming ----------------------------------------------------------------------------------------------------

    @property
    def is_renaming(self) -> bool:
        """Whether the name field is open."""
        return self._field is not None

    def open_rename(self, name: str) -> None:
        """Open the name field over the layer's name."""
        self.close_rename()
        item = self.canvas.network_scene.layers[name]
        box = item.layout.name_rect.translated(item.pos()).adjusted(20, 0, 8, 0)
        corners = self.canvas.mapFromScene(box).boundingRect()
        place = QRect(corners.topLeft(), corners.size())
        scale = self.canvas.transform().m11()
        field = NameField(name, place, round(14 * scale), self.canvas)
        field.accepted.connect(partial(self._rename, name))
        field.closed.connect(self.close_rename)
        self._field = field
        field.show()
        field.setFocus()

    def _rename(self, old: str, new: str) -> None:
        try:
            self._edits.rename(old, new)
        except EditError as error:
            self._edits.message.emit(str(error))
            if self._field is not None:
                self._field.refuse()
                self.bubble.say(str(error), "error", self._field.geometry().bottomLeft())
            return
        self.close_rename()

    @Slot()
    def close_rename(self) -> None:
        """Take the name field away, and give the keyboard back to the canvas."""
        field, self._field = self._field, None
        if field is not None:
            had_focus = field.hasFocus()
            field.hide()
            field.deleteLater()
            self.bubble.hide()
            if had_focus:
                self.canvas.setFocus()
