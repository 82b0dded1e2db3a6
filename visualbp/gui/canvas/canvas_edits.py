"""What the canvas does to the network: one undo step each. Gestures, menus, keys and the palette all come here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from PySide6.QtCore import QMimeData, QObject, QPointF, Signal
from PySide6.QtGui import QGuiApplication

from visualbp.core.options import OptionError
from visualbp.files import FileError, network_from_text, network_to_text
from visualbp.gui.canvas.free_place import overlap, way_to_free_place
from visualbp.gui.canvas.geometry import GRID, PITCH, SCENE_PER_UNIT, from_scene, snapped
from visualbp.gui.canvas.scene import Scene
from visualbp.gui.context import Context
from visualbp.network import Layer, Network, connection_problem, structure_of
from visualbp.network.edits import (
    EditError,
    add_layer,
    connect,
    copy_part,
    disconnect,
    insert_on_connection,
    move_layers,
    new_layer,
    paste,
    remove,
    rename_layer,
    set_frozen,
)
from visualbp.network.network import Connection, Position
from visualbp.network.tidy import complete_positions, tidy_positions

BURST = 1.0
"""Seconds without a press after which moving by keys is another step of undo."""
CLIPBOARD_TYPE = "application/x-visualbp-network"


def counted(names: Iterable[object], what: str) -> str:
    """Return `3 layers`, or the only one's name."""
    found = list(names)
    return str(found[0]) if len(found) == 1 else f"{len(found)} {what}"


def can_be_inserted(layer: Layer) -> bool:
    """Whether a layer can stand in the middle of a connection: it takes one input and has an output."""
    return not layer.kind.is_loss and layer.kind.most_inputs != 0 and layer.kind.fewest_inputs <= 1


class CanvasEdits(QObject):
    """Edits through the document. Methods that add something return its name and leave it selected."""

    message = Signal(str)

    def __init__(self, context: Context, scene: Scene, parent: QObject) -> None:
        super().__init__(parent)
        self.context, self.scene = context, scene
        self._pasted: tuple[str, QPointF] | None = None
        self._nudged: tuple[tuple[str, ...], float] = ((), 0.0)
        self._burst = 0

    @property
    def network(self) -> Network:
        return self.context.document.network

    def _apply(self, change: Callable[[Network], Network], text: str, merge: str = "") -> bool:
        """Make one undo step of `change`; say why where it cannot be."""
        try:
            self.context.document.edit(change, text, merge)
        except (EditError, OptionError) as error:
            self.message.emit(str(error))
            return False
        return True

    # -- adding ------------------------------------------------------------------------------------------------------

    def add_at(self, type_name: str, centre: QPointF, source: str = "", target: str = "") -> str:
        """Add a layer at a place, or beside it if another card is there; connected from `source` or to `target` where
        they are given."""
        layer = new_layer(self.network, type_name)
        place = QPointF(snapped(centre.x()), snapped(centre.y()))

        def change(network: Network) -> Network:
            network = add_layer(network, layer, from_scene(place))
            if source:
                network = connect(network, source, layer.name)
            return self._beside(connect(network, layer.name, target) if target else network, (layer.name,))

        if self._apply(change, f"Add {layer.name}"):
            self.context.selection.select((layer.name,))
        return layer.name

    def insert_at(self, type_name: str, connection: Connection) -> str:
        """Put a fresh layer into a connection, and make room for it."""
        layer = new_layer(self.network, type_name)
        source, target = (self.scene.layers[name].centre for name in connection)
        wraps = target.x() <= source.x()  # from the end of a row to the start of the next: it goes on there
        middle = QPointF(source.x() + PITCH, source.y()) if wraps else (source + target) / 2
        if self._apply(lambda network: self._inserted(network, layer, connection, middle), f"Insert {type_name}"):
            self.context.selection.select((layer.name,))
        return layer.name

    def insert_present(self, name: str, connection: Connection, moved: dict[str, QPointF]) -> None:
        """Put a layer that stands on the canvas into a connection, and make room for it."""
        layer = self.network.layer(name)
        self._apply(lambda network: self._inserted(network, layer, connection, moved[name]), f"Insert {name}")

    def _inserted(self, network: Network, layer: Layer, connection: Connection, wanted: QPointF) -> Network:
        """Return the network with a layer in a connection: at `wanted` where the connection is long enough for a card,
        and otherwise behind its source, with what is in the way pushed on."""
        source, target = (self.scene.layers[name] for name in connection)
        apart = target.centre.x() - source.centre.x()
        shift = max(0.0, 2 * PITCH - apart) if apart > 0 else 0.0
        place = QPointF(source.centre.x() + PITCH, source.centre.y()) if shift else wanted
        grown = insert_on_connection(network, layer, connection, from_scene(place))
        if shift:
            positions = complete_positions(network)
            pushed = self._pushed(target.name, place.x(), shift, {layer.name})
            grown = move_layers(
                grown, {name: (positions[name][0] + shift / SCENE_PER_UNIT, positions[name][1]) for name in pushed}
            )
        return self._beside(grown, (layer.name,))

    def _pushed(self, start: str, x: float, shift: float, apart_from: set[str]) -> set[str]:
        """Return `start` and what it leads to in its row, as far as it stands right of `x` less half a card; and what
        these would come to lie on."""
        layers = self.scene.layers
        seen, waiting = {start}, [start]
        while waiting:
            name = waiting.pop()
            for following in self.network.outputs_of(name):
                if following not in seen and layers[following].centre.x() > layers[name].centre.x():
                    seen.add(following)
                    waiting.append(following)
        pushed = {name for name in seen if layers[name].centre.x() > x - PITCH / 2} - apart_from
        rest = set(layers) - pushed - apart_from
        waiting = list(pushed)
        while waiting:
            body = layers[waiting.pop()].body.translated(shift, 0)
            covered = {name for name in rest if overlap(layers[name].body, body)}
            rest -= covered
            pushed |= covered
            waiting += covered
        return pushed

    def _beside(self, network: Network, names: Iterable[str], known: Iterable[str] = ()) -> Network:
        """Return the network with these layers moved together to the nearest place where none covers another card;
        cards that are `known` to be covered do not count."""
        chosen, aside = tuple(names), set(known)
        bodies = self.scene.bodies_in(network, structure_of(network))
        taken = [body for name, body in bodies.items() if name not in chosen and name not in aside]
        way = way_to_free_place([bodies[name] for name in chosen], taken)
        if way.isNull():
            return network
        centres = {name: bodies[name].center() + way for name in chosen}
        return move_layers(network, {name: from_scene(centre) for name, centre in centres.items()})

    def add_sensibly(self, type_name: str, view_centre: QPointF) -> str:
        """Add a layer where it most likely belongs: behind the selected one, or behind the open end."""
        layer = new_layer(self.network, type_name)
        anchor = self._anchor()
        if anchor is None:
            return self.add_at(type_name, view_centre)
        network = self.network
        item = self.scene.layers[anchor]
        if network.layer(anchor).kind.is_loss and not layer.kind.is_loss and layer.kind.most_inputs != 0:
            inputs = network.inputs_of(anchor)
            if inputs and can_be_inserted(layer):
                return self.insert_at(type_name, (inputs[-1], anchor))
            place = item.centre - QPointF(PITCH, 0)
            return self.add_at(type_name, place, target="" if inputs else anchor)
        if layer.kind.most_inputs == 0 or network.layer(anchor).kind.is_loss:
            left = min(other.centre.x() for other in self.scene.layers.values())
            beside = QPointF(left - PITCH, item.centre.y()) if layer.kind.most_inputs == 0 else view_centre
            return self.add_at(type_name, beside)
        outputs = network.outputs_of(anchor)
        if len(outputs) == 1 and can_be_inserted(layer):
            return self.insert_at(type_name, (anchor, outputs[0]))
        place = item.centre + QPointF(PITCH, 0)
        return self.add_at(type_name, place, source=anchor)

    def _anchor(self) -> str | None:
        """Return the selected layer, or the only layer whose output goes nowhere, losses left aside."""
        selected = self.context.selection.layers
        if len(selected) == 1 and selected[0] in self.scene.layers:
            return selected[0]
        giving = {source for source, _ in self.network.connections}
        ends = [layer.name for layer in self.network.layers if layer.name not in giving and not layer.kind.is_loss]
        return ends[0] if len(ends) == 1 else None

    # -- connections -------------------------------------------------------------------------------------------------

    def join(self, source: str, target: str, instead_of: Connection | None = None) -> bool:
        """Connect two layers, in place of another connection if one is given; say why where that cannot be."""
        base = self.network if instead_of is None else disconnect(self.network, [instead_of])
        problem = connection_problem(base, source, target)
        if problem:
            self.message.emit(problem)
            return False
        return self._apply(lambda network: connect(base, source, target), f"Connect {source} to {target}")

    def separate(self, connections: Iterable[Connection]) -> None:
        """Remove connections, and leave the layers at their ends."""
        gone = tuple(connections)
        self._apply(lambda network: disconnect(network, gone), "Disconnect " + counted(gone, "connections"))

    # -- what is selected --------------------------------------------------------------------------------------------

    def delete(self, layers: Iterable[str], connections: Iterable[Connection]) -> None:
        """Remove layers, with all that is connected to them, and connections; say so where nothing is selected."""
        names, lines = tuple(layers), tuple(connections)
        if not names and not lines:
            self.message.emit("nothing is selected: click a layer or a connection first")
            return
        if names:
            text = f"Delete {counted(names, 'layers')}"
        else:
            text = (
                f"Disconnect {lines[0][0]} from {lines[0][1]}"
                if len(lines) == 1
                else f"Delete {len(lines)} connections"
            )
        self._apply(lambda network: remove(network, names, lines), text)

    def move(self, centres: dict[str, QPointF], merge: str = "") -> None:
        """Put layers at other places; moves in a row with the same `merge` are one step of undo."""
        places = {name: from_scene(centre) for name, centre in centres.items()}
        self._apply(lambda network: move_layers(network, places), f"Move {counted(places, 'layers')}", merge)

    def drop(self, centres: dict[str, QPointF]) -> None:
        """Put layers at other places, or beside them where they would lie on others that they did not lie on before."""
        places = {name: from_scene(centre) for name, centre in centres.items()}
        before = self.scene.bodies_in(self.network, self.context.document.structure)
        others = {name: body for name, body in before.items() if name not in places}
        known = [name for name, body in others.items() if any(overlap(body, before[each]) for each in places)]

        def change(network: Network) -> Network:
            return self._beside(move_layers(network, places), places, known)

        self._apply(change, f"Move {counted(places, 'layers')}")

    def nudge(self, names: Iterable[str], by: QPointF) -> None:
        """Move layers a little. What is moved by one press after the other, without a pause, is one step of undo."""
        chosen, now = tuple(name for name in names if name in self.scene.layers), time.monotonic()
        if not chosen:
            self.message.emit("nothing is selected: select the cards to move first")
            return
        if chosen != self._nudged[0] or now - self._nudged[1] > BURST:
            self._burst += 1
        self._nudged = (chosen, now)
        self.move({name: self.scene.layers[name].centre + by for name in chosen}, merge=f"nudge {self._burst}")

    def rename(self, old: str, new: str) -> None:
        """Rename a layer. Raises EditError."""
        if old == new:
            return
        renamed = rename_layer(self.network, old, new)
        self.context.document.apply(renamed, f"Rename {old} to {new}")

    def toggle_frozen(self, names: Iterable[str]) -> None:
        """Freeze layers, or thaw them if all are frozen."""
        chosen = tuple(names)
        freeze = not all(self.network.layer(name).frozen is True for name in chosen)

        def change(network: Network) -> Network:
            for name in chosen:
                network = set_frozen(network, name, freeze)
            return network

        self._apply(change, f"{'Freeze' if freeze else 'Thaw'} {counted(chosen, 'layers')}")

    def tidy(self) -> None:
        """Put all layers in order, around where they are now."""
        if not self.network.layers:
            return
        sizes = {name: item.layout.height / SCENE_PER_UNIT for name, item in self.scene.layers.items()}
        old, new = complete_positions(self.network), tidy_positions(self.network, sizes)
        step = GRID / SCENE_PER_UNIT
        dx, dy = (
            round((_middle(old, axis) - _middle(new, axis)) / step) * step for axis in (0, 1)
        )  # on the grid, as all that is moved
        places = {name: (round(x + dx, 2), round(y + dy, 2)) for name, (x, y) in new.items()}
        if any(old[name] != place for name, place in places.items()):
            self._apply(lambda network: move_layers(network, places), "Tidy layout")

    # -- the clipboard -----------------------------------------------------------------------------------------------

    def copy(self, names: Iterable[str]) -> None:
        """Put layers, and the connections among them, on the clipboard: as text, which any model file could hold."""
        chosen = tuple(names)
        if not chosen:
            self.message.emit("nothing is copied: select the layers first")
            return
        part = copy_part(self.network, chosen)
        places = complete_positions(self.network)
        part = replace(move_layers(part, {name: places[name] for name in chosen}), data=None, description="")
        text = network_to_text(part)
        data = QMimeData()
        data.setText(text)
        data.setData(CLIPBOARD_TYPE, text.encode())
        QGuiApplication.clipboard().setMimeData(data)
        self._pasted = None
        self.message.emit(f"copied {counted(chosen, 'layers')}")

    def paste(self, centre: QPointF) -> tuple[str, ...]:
        """Add the layers of the clipboard around a place, and select them. A second paste there lands beside it."""
        text = QGuiApplication.clipboard().text()
        try:
            part = network_from_text(text, "clipboard")
        except FileError:
            self.message.emit("there are no layers on the clipboard: select some and copy them first")
            return ()
        if not part.layers:
            return ()
        if self._pasted == (text, centre):
            centre = centre + QPointF(2 * GRID, 2 * GRID)
        self._pasted = (text, centre)
        return self._paste(part, centre, f"Paste {counted(part.names, 'layers')}")

    def duplicate(self, names: Iterable[str]) -> tuple[str, ...]:
        """Copy layers and paste them beside, below what they are copies of."""
        chosen = tuple(names)
        if not chosen:
            self.message.emit("nothing is duplicated: select the layers first")
            return ()
        part = copy_part(self.network, chosen)
        places = complete_positions(self.network)
        part = move_layers(part, {name: places[name] for name in chosen})
        boxes = [self.scene.layers[name].body for name in chosen]
        height = max(box.bottom() for box in boxes) - min(box.top() for box in boxes)
        middle = QPointF(_middle(part.positions, 0), _middle(part.positions, 1)) * SCENE_PER_UNIT
        below = middle + QPointF(0, snapped(height + 3 * GRID))
        return self._paste(part, below, f"Duplicate {counted(chosen, 'layers')}")

    def _paste(self, part: Network, centre: QPointF, text: str) -> tuple[str, ...]:
        positions = complete_positions(part)
        part = move_layers(part, positions)
        x, y = from_scene(QPointF(snapped(centre.x()), snapped(centre.y())))
        offset = (x - _middle(positions, 0), y - _middle(positions, 1))
        grown, names = paste(self.network, part, offset)
        self.context.document.apply(self._beside(grown, names), text)
        self.context.selection.select(names)
        return names


def _middle(positions: Mapping[str, Position], axis: int) -> float:
    values = [place[axis] for place in positions.values()]
    return (min(values) + max(values)) / 2
