"""The scene: it mirrors the document's network, item by item, and shows the newest snapshot on what can be seen.

Edits arrive as whole networks. What is still there keeps its item, and so its place, its caches and its selection.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene

from visualbp.core.arrays import Shape
from visualbp.debugger.snapshot import Snapshot
from visualbp.gui.canvas.card_painting import COMPACT_BELOW
from visualbp.gui.canvas.connection_item import ConnectionItem
from visualbp.gui.canvas.flow import NO_FLOW, Flow, flow_of
from visualbp.gui.canvas.geometry import GRID, short_shape, to_scene
from visualbp.gui.canvas.layer_item import LayerItem, layout_for
from visualbp.gui.canvas.overview_item import OverviewItem
from visualbp.gui.canvas.ranges import Ranges
from visualbp.gui.canvas.routing import Obstacles
from visualbp.gui.pictures import data_picture
from visualbp.network import Network, Problem, Structure
from visualbp.network.diff import renamed_layers
from visualbp.network.network import Connection
from visualbp.network.tidy import complete_positions

OVERVIEW_BELOW = 0.24
"""Below this many pixels for a scene unit nothing on a card can be told: the overview takes over."""
CONTENTS = QGraphicsItem.GraphicsItemFlag.ItemHasNoContents
ROOM = 4000.0
"""Free space around the network, to pan and to build into."""


class Scene(QGraphicsScene):
    """Layer items by name, connection items by their ends, and the overview for far zooms."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Network()
        self.structure: Structure | None = None
        self.snapshot: Snapshot | None = None
        self.flow: Flow = NO_FLOW
        self.ranges = Ranges()
        self._pale: set[LayerItem] = set()
        """Cards that are still painted as they were before, in other ranges of colours, or with other marks."""
        self.sample = 0
        self.layers: dict[str, LayerItem] = {}
        self.connections: dict[Connection, ConnectionItem] = {}
        self._lines_at: defaultdict[LayerItem, set[ConnectionItem]] = defaultdict(set)
        self.overview = OverviewItem()
        self.is_overview = False
        self.shows_cells = True
        """Whether single numbers can be told apart, and so pointed at."""
        self._picture: Shape | None = None
        """What the samples look like, where the data are pictures."""
        self._obstacles = Obstacles.of([])
        self._unsettled: set[ConnectionItem] = set()
        """Connections whose route is to be taken anew when the network stands still."""
        self._selected: tuple[frozenset[str], frozenset[Connection]] = (frozenset(), frozenset())
        self._breakpoints: frozenset[str] = frozenset()
        self._met: set[str] = set()
        """The layers with an error that the snapshot has brought."""
        self.addItem(self.overview)
        self.setSceneRect(-ROOM, -ROOM, 2 * ROOM, 2 * ROOM)

    # -- the network -------------------------------------------------------------------------------------------------

    def show_network(self, network: Network, structure: Structure) -> dict[str, str]:
        """Make the items those of `network`, keeping what is still there. Return the renamed layers."""
        renamed = renamed_layers(self.network, network)
        for old, new in renamed.items():
            self.layers[new] = self.layers.pop(old)
        self.network, self.structure = network, structure
        names = set(network.names)
        wanted = set(network.connections)
        for connection, edge in list(self.connections.items()):
            if edge.source.name in renamed or edge.target.name in renamed:
                del self.connections[connection]
                ends = (renamed.get(connection[0], connection[0]), renamed.get(connection[1], connection[1]))
                self.connections[ends] = edge
        for connection, edge in list(self.connections.items()):
            if connection not in wanted:
                for end in (edge.source, edge.target):
                    self._lines_at[end].discard(edge)
                self.removeItem(edge)
                del self.connections[connection]
        gone = {name for name in self.layers if name not in names}
        for name in gone:
            item = self.layers.pop(name)
            self._pale.discard(item)
            self._lines_at.pop(item, None)
            self.removeItem(item)
        self.ranges.forget(gone | set(renamed))
        self._unsettled.update(edge for item in self._show_layers(network, structure) for edge in self._lines_at[item])
        for connection in network.connections:
            if connection not in self.connections:
                edge = ConnectionItem(self.layers[connection[0]], self.layers[connection[1]])
                edge.setFlag(CONTENTS, self.is_overview)
                self.addItem(edge)
                self.connections[connection] = edge
                for end in (edge.source, edge.target):
                    self._lines_at[end].add(edge)
                self._unsettled.add(edge)
            shape = structure.shapes.get(connection[0])
            self.connections[connection].set_state(label="" if shape is None else short_shape(shape))
        self._show_flow(self.connections)
        self._settle()
        return renamed

    def _show_layers(self, network: Network, structure: Structure) -> list[LayerItem]:
        """Make the layer items those of `network`; return those that are new, or have moved, or changed their size."""
        changed = []
        positions = complete_positions(network)
        problems: dict[str, list[Problem]] = {}
        for problem in structure.problems:
            if problem.layer is not None:
                problems.setdefault(problem.layer, []).append(problem)
        for layer in network.layers:
            item = self.layers.get(layer.name)
            if item is None:
                item = LayerItem(layer, self.ranges)
                item.setFlag(CONTENTS, self.is_overview)
                self.addItem(item)
                item.set_state(selected=layer.name in self._selected[0], breakpoint=layer.name in self._breakpoints)
                self.layers[layer.name] = item
            shape, specs = structure.shapes.get(layer.name), structure.parameters.get(layer.name, ())
            before = item.body
            picture = self._picture if layer.type == "input" else None
            item.show_layer(layer, shape, specs, tuple(problems.get(layer.name, ())), picture)
            item.set_position(positions[layer.name])
            if item.body != before:
                changed.append(item)
        return changed

    def _settle(self) -> None:
        """After layers have moved: take routes anew that this may have changed, and leave room around the network."""
        self._obstacles = Obstacles.of([item.body for item in self.layers.values()])
        for edge in self.connections.values():
            if edge in self._unsettled or edge.is_long:
                edge.follow(self._obstacles)
        self._unsettled.clear()
        bounds = self.network_bounds()
        room = bounds.adjusted(-ROOM, -ROOM, ROOM, ROOM)
        if not self.sceneRect().contains(bounds.adjusted(-ROOM / 2, -ROOM / 2, ROOM / 2, ROOM / 2)):
            self.setSceneRect(self.sceneRect().united(room))
        if self.is_overview:
            self.overview.show_items(list(self.layers.values()), list(self.connections.values()), bounds)

    def network_bounds(self) -> QRectF:
        """Return the rectangle that all cards and connections are in."""
        bounds = QRectF()
        for item in self.layers.values():
            bounds = bounds.united(item.body.adjusted(-GRID, -GRID, GRID, GRID))
        for edge in self.connections.values():
            bounds = bounds.united(edge.rect())
        return bounds

    def move_layer(self, item: LayerItem, corner: QPointF) -> None:
        """Move a card, with its connections, without telling the document: a drag in progress."""
        if item.pos() == corner:
            return
        item.setPos(corner)
        lines = self._lines_at[item]
        self._unsettled.update(lines)
        for edge in lines:
            edge.follow(self._obstacles)
        if self.is_overview:
            self.overview.moved(item, lines)

    # -- the snapshot ------------------------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot, visible: QRectF, sample: int) -> frozenset[Connection]:
        """Show a snapshot: at once on the card of the step and on the connections; `catch_up` brings the others.

        Return the connections along which a value has begun to flow.
        """
        if snapshot.network is not self.network and not self._same_layers(snapshot.network):
            return frozenset()  # of a network that is no longer drawn; the next one is under way
        self._show_picture(snapshot)
        self._show_met(snapshot)
        before, self.snapshot, self.sample = self.flow, snapshot, sample
        flow = self.flow = flow_of(snapshot)
        breakpoints = frozenset(layer for _, layer in snapshot.breakpoints)
        if (flow.active_layer, flow.color) != (before.active_layer, before.color):
            for name in {before.active_layer, flow.active_layer}:
                self._set_layer_state(name, active=flow.color if name == flow.active_layer and flow.color else "")
        for name, _ in before.progress.items() ^ flow.progress.items():
            at_once = self.is_overview or name == flow.active_layer  # a new iteration clears those of all cards
            self._set_layer_state(name, at_once, progress=flow.progress.get(name, 0))
        for name in breakpoints ^ self._breakpoints:
            self._set_layer_state(name, breakpoint=name in breakpoints)
        self._breakpoints = breakpoints
        changed = {connection for connection, _ in before.passed.items() ^ flow.passed.items()}
        self._show_flow(changed | flow.carrying | before.carrying)
        item = None if self.is_overview else self.layers.get(flow.active_layer)
        if item is not None and item.body.intersects(visible):
            item.show_snapshot(snapshot, sample)
        return flow.carrying if flow.carrying != before.carrying or flow.color != before.color else frozenset()

    def _show_picture(self, snapshot: Snapshot) -> None:
        """Take over whether the data are pictures: the input's card has room for them then."""
        known = self.snapshot
        if known is not None and known.dataset is snapshot.dataset and known.network is snapshot.network:
            return
        picture = data_picture(snapshot.dataset, self.network)
        if picture != self._picture and self.structure is not None:
            self._picture = picture
            changed = self._show_layers(self.network, self.structure)
            self._unsettled.update(edge for item in changed for edge in self._lines_at[item])
            self._settle()

    def _show_met(self, snapshot: Snapshot) -> None:
        """Mark the layers with errors that are not those of the drawing: data that do not fit."""
        known = () if self.structure is None else self.structure.problems
        met: dict[str, tuple[Problem, ...]] = {}
        for problem in snapshot.problems:
            if problem.severity == "error" and problem.layer in self.layers and problem not in known:
                met[problem.layer] = (*met.get(problem.layer, ()), problem)
        for name in self._met | set(met):
            self._set_layer_state(name, met=met.get(name, ()))
        self._met = set(met)

    def _same_layers(self, network: Network) -> bool:
        return network.layers == self.network.layers and network.connections == self.network.connections

    def _show_flow(self, connections: Iterable[Connection]) -> None:
        flow = self.flow
        for connection in connections:
            edge = self.connections.get(connection)
            carrying = connection in flow.carrying
            color = flow.color if carrying else flow.passed.get(connection, "")
            if edge is not None and (edge.color, edge.carrying) != (color, carrying):
                edge.set_state(color=color, carrying=carrying)
                self.overview.touch(edge.rect())

    def _set_layer_state(self, name: str, at_once: bool = True, **changes: object) -> None:
        """Change fields of a card. If not `at_once`, it is painted when `catch_up` comes to it."""
        item = self.layers.get(name)
        if item is not None:
            if item.set_state(at_once, **changes) and not at_once:
                self._pale.add(item)
            self.overview.touch(item.rect().translated(item.pos()))

    def catch_up(self, visible: QRectF, seconds: float = math.inf) -> bool:
        """Bring the cards in `visible` up to date with the snapshot: all of them, or as many as are painted in so many
        seconds, and one at least. Return whether some may be left. Cards elsewhere wait until they are seen.
        """
        snapshot = self.snapshot
        if snapshot is None or self.is_overview:
            return False
        items, left = self.items_in(visible), seconds
        for item in items:
            if item.seen == snapshot.serial:
                continue
            if left < seconds and item.cost > left:
                return True
            if item.show_snapshot(snapshot, self.sample):
                self._pale.discard(item)  # it is painted anew anyway
                left -= item.cost
        if self.ranges.settle():
            self._pale.update(self.layers.values())
        for item in items:
            if item not in self._pale:
                continue
            if left < seconds and item.cost > left:
                return True
            self._pale.discard(item)
            item.update()
            left -= item.cost
        return False

    def show_sample(self, sample: int, visible: QRectF) -> None:
        """Show another sample of the batch."""
        self.sample = sample
        for item in self.layers.values():
            item.seen = -1
        self.catch_up(visible)

    def restyle(self) -> None:
        """Repaint everything in the colours of the theme."""
        for item in (*self.layers.values(), *self.connections.values()):
            item.update()
        self.update()

    # -- selection and zoom ------------------------------------------------------------------------------------------

    def show_selection(self, layers: Iterable[str], connections: Iterable[Connection]) -> None:
        """Mark these layers and connections, and no others. The selection itself stays as it is."""
        chosen = frozenset(layers), frozenset(connections)
        for name in chosen[0] ^ self._selected[0]:
            self._set_layer_state(name, selected=name in chosen[0])
        for connection in chosen[1] ^ self._selected[1]:
            edge = self.connections.get(connection)
            if edge is not None:
                edge.set_state(selected=connection in chosen[1])
                self.overview.touch(edge.rect())
        self._selected = chosen

    def set_detail(self, detail: float) -> None:
        """Take over how many pixels there are for a unit: far out, the overview paints all items in their place."""
        overview, self.shows_cells = detail < OVERVIEW_BELOW, detail >= COMPACT_BELOW
        if overview == self.is_overview:
            return
        self.is_overview = overview
        for item in (*self.layers.values(), *self.connections.values()):
            item.setFlag(CONTENTS, overview)
        if overview:
            self.overview.show_items(list(self.layers.values()), list(self.connections.values()), self.network_bounds())
        self.overview.setVisible(overview)

    # -- what is where -----------------------------------------------------------------------------------------------

    def items_in(self, rect: QRectF) -> list[LayerItem]:
        """Return the layer items in a rectangle of the scene."""
        if len(self.layers) <= 40:
            return [item for item in self.layers.values() if item.body.intersects(rect)]
        return [item for item in self.items(rect) if isinstance(item, LayerItem) and item.body.intersects(rect)]

    def layer_at(self, point: QPointF) -> LayerItem | None:
        """Return the layer whose card, ports or gutter are at a point; a card itself before the ports of another."""
        found = [item for item in self.items(point) if isinstance(item, LayerItem)]
        return next((item for item in found if item.body.contains(point)), found[0] if found else None)

    def connection_at(self, point: QPointF) -> ConnectionItem | None:
        """Return the connection nearest to a point, within reach."""
        found = [item for item in self.items(point) if isinstance(item, ConnectionItem)]
        return min(found, key=lambda item: item.distance_to(point)) if found else None

    def connection_under(self, body: QRectF) -> ConnectionItem | None:
        """Return the connection that runs through the middle of a card's place."""
        inner = body.adjusted(body.width() * 0.2, body.height() * 0.2, -body.width() * 0.2, -body.height() * 0.2)
        mode = Qt.ItemSelectionMode.IntersectsItemBoundingRect  # shapes of thin curves are slow to make
        found = [i for i in self.items(inner, mode) if isinstance(i, ConnectionItem) and i.crosses(inner)]
        return min(found, key=lambda edge: edge.distance_to(body.center())) if found else None

    def place_of(self, name: str) -> tuple[float, float]:
        """Return where a layer comes in reading order: left to right, then top to bottom."""
        centre = self.layers[name].centre
        return centre.x(), centre.y()

    def bodies_in(self, network: Network, structure: Structure) -> dict[str, QRectF]:
        """Return where the cards of a network would be that is not drawn yet."""
        bodies = {}
        for name, position in complete_positions(network).items():
            item, layer = self.layers.get(name), network.layer(name)
            shape, specs = structure.shapes.get(name), structure.parameters.get(name, ())
            picture = self._picture if layer.type == "input" else None
            known = item is not None and item.card.layer is layer and item.card.shape == shape
            layout = item.layout if item is not None and known else layout_for(layer, shape, specs, picture)
            body = QRectF(layout.body)
            body.moveCenter(to_scene(position))
            bodies[name] = body
        return bodies
