"""A layer on the scene. It holds a card, says what is under a point of it, and repaints when what it shows changes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import zip_longest

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from visualbp.analysis.explain_words import in_data
from visualbp.core.arrays import Array, Shape
from visualbp.core.ref import Ref
from visualbp.debugger.snapshot import Snapshot
from visualbp.engine.notation import layer_numbers
from visualbp.engine.plan import Plan
from visualbp.gui.axes import axes_of, place_words
from visualbp.gui.canvas.card_painting import Card, paint_card
from visualbp.gui.canvas.content import CardContent, RowContent, card_content
from visualbp.gui.canvas.geometry import (
    BREAKPOINT_Y,
    CARD_WIDTH,
    GUTTER,
    GUTTER_HEIGHT,
    MARGIN,
    PORT_REACH,
    CardLayout,
    layout_of,
    to_scene,
)
from visualbp.gui.canvas.ranges import Ranges
from visualbp.gui.canvas.tiles import Tile
from visualbp.gui.painting import exact_text
from visualbp.layers import ParameterSpec
from visualbp.network import Layer, Problem
from visualbp.network.network import Position


@dataclass(frozen=True, eq=False)
class CardNumber:
    """A number on a card, found under the pointer."""

    row: int
    tile: int
    place: tuple[int, int]
    content: RowContent
    value: Ref
    index: tuple[int, ...]
    number: float
    words: str = ""
    """The place in words: `sample 0, channel 2, row 3, column 5`. A sample is called by its row in the data."""
    is_of_sample: bool = False

    @property
    def text(self) -> str:
        """Name, index and exact value, for hovering."""
        content = self.content
        inside = ", ".join(map(str, self.index[1:] if self.is_of_sample else self.index))
        stale = "   (outdated by an edit)" if content.stale else ""
        name = f"{self.value.text}[{inside}]" if inside else self.value.text
        if content.source is not content.array and content.source is not None:
            raw = exact_text(float(content.source[self.index]))
            words = f"\n{self.words}" if self.words else ""
            return f"ŷ[{inside}] = {exact_text(self.number)}\nfrom {name} = {raw}{stale}{words}"
        return f"{name} = {exact_text(self.number)}{stale}" + (f"\n{self.words}" if self.words else "")


def layout_for(
    layer: Layer, shape: Shape | None, specs: tuple[ParameterSpec, ...], picture: Shape | None = None
) -> CardLayout:
    """Return the layout of a layer's card with the parameters that it has."""
    weights = [spec for spec in specs if spec.penalised] or list(specs)
    if weights:
        return layout_of(layer, shape, weights[0].name, len(weights[0].shape), picture)
    return layout_of(layer, shape, picture=picture)


class LayerItem(QGraphicsRectItem):
    """A layer's card. Its position is the card's top left corner; networks hold the centre."""

    def __init__(self, layer: Layer, ranges: Ranges) -> None:
        super().__init__()
        self.ranges = ranges
        self.card = Card(layer, layout_of(layer, None))
        self._picture: Shape | None = None
        self._plan: Plan | None = None
        self._rows: Array | None = None
        """The rows in the data of the batch's samples."""
        self.seen = -1
        """The serial of the last snapshot that this card was compared with."""
        self.cost = 0.002
        """Seconds that painting it takes, lately."""
        self.setPen(Qt.PenStyle.NoPen)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self._fit()

    @property
    def name(self) -> str:
        return self.card.layer.name

    @property
    def layout(self) -> CardLayout:
        return self.card.layout

    def _fit(self) -> None:
        self.setRect(self.card.layout.body.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN))

    # -- what it shows -----------------------------------------------------------------------------------------------

    def show_layer(
        self,
        layer: Layer,
        shape: Shape | None,
        specs: tuple[ParameterSpec, ...],
        problems: tuple[Problem, ...],
        picture: Shape | None = None,
    ) -> None:
        """Take over what the network says of this layer, and what its data are, if they are pictures."""
        card = self.card
        told = shape, problems, picture
        if (card.layer is layer or card.layer == layer) and (card.shape, card.problems, self._picture) == told:
            card.layer = layer
            return
        self._picture = picture
        layout = layout_for(layer, shape, specs, picture)
        centre = self.centre
        card.layer, card.shape, card.problems = layer, shape, problems
        if layout != card.layout:
            card.layout, card.content, self.seen = layout, CardContent(()), -1
            self._fit()
            self.set_centre(centre)
        self.update()

    def show_snapshot(self, snapshot: Snapshot, sample: int) -> bool:
        """Take over the numbers of a snapshot; return whether any is another."""
        self.seen = snapshot.serial
        self._plan, self._rows = snapshot.plan, snapshot.rows
        content = card_content(self.name, self.card.layout, snapshot, sample, self.card.content)
        met = snapshot.trouble
        trouble = met.words if met is not None and met.step.layer == self.name else ""
        changed = content is not self.card.content
        if changed:
            for row, before in zip_longest(content.rows, self.card.content.rows[: len(content.rows)]):
                self.ranges.note(row, before)
        number = None if snapshot.plan is None else layer_numbers(snapshot.plan).get(self.name)
        if changed or (trouble, number) != (self.card.trouble, self.card.number):
            self.card.content, self.card.trouble, self.card.number = content, trouble, number
            self.update()
        return changed

    def set_state(self, repaint: bool = True, **changes: object) -> bool:
        """Change fields of the card (`active`, `selected`, `breakpoint`, `hovered`, ...); return whether any differs,
        and repaint then."""
        card, differs = self.card, False
        for name, value in changes.items():
            if getattr(card, name) != value:
                setattr(card, name, value)
                differs = True
        if differs and repaint:
            self.update()
        return differs

    # -- where it is -------------------------------------------------------------------------------------------------

    @property
    def centre(self) -> QPointF:
        """The centre of the card in the scene, without the margin: what networks hold."""
        return self.pos() + QPointF(CARD_WIDTH / 2, self.card.layout.height / 2)

    def set_centre(self, centre: QPointF) -> None:
        """Move the card to a centre in the scene."""
        self.setPos(centre - QPointF(CARD_WIDTH / 2, self.card.layout.height / 2))

    def set_position(self, position: Position) -> None:
        """Move the card to a position as a model file has it."""
        centre = to_scene(position)
        if centre != self.centre:
            self.set_centre(centre)

    @property
    def body(self) -> QRectF:
        """The card, in the scene."""
        return self.card.layout.body.translated(self.pos())

    @property
    def input_port(self) -> QPointF:
        """Where connections end, in the scene: the middle of the left side."""
        return self.pos() + QPointF(0, self.card.layout.port_y)

    @property
    def output_port(self) -> QPointF:
        """Where connections begin, in the scene: the middle of the right side."""
        return self.pos() + QPointF(CARD_WIDTH, self.card.layout.port_y)

    # -- what is under a point ---------------------------------------------------------------------------------------

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.WindingFill)
        path.addRect(self.card.layout.body)
        path.addRect(QRectF(-GUTTER, 0, GUTTER, GUTTER_HEIGHT))
        port_y = self.card.layout.port_y
        for there, x in ((self.card.layout.has_input, 0.0), (self.card.layout.has_output, CARD_WIDTH)):
            if there:
                path.addEllipse(QPointF(x, port_y), PORT_REACH, PORT_REACH)
        return path

    def part_at(self, scene_point: QPointF) -> str:
        """Return what is at a point: `input`, `output`, `gutter`, `name`, `strip`, `card`, or nothing."""
        point = scene_point - self.pos()
        layout = self.card.layout
        for side, there, x in (("input", layout.has_input, 0.0), ("output", layout.has_output, CARD_WIDTH)):
            apart = point - QPointF(x, layout.port_y)
            if there and apart.x() ** 2 + apart.y() ** 2 <= PORT_REACH**2:
                return side
        near = point - QPointF(0, BREAKPOINT_Y)
        if (-GUTTER <= point.x() < 0 and 0 <= point.y() <= GUTTER_HEIGHT) or near.manhattanLength() <= 8:
            return "gutter"
        if not layout.body.contains(point):
            return ""
        if layout.name_rect.contains(point):
            return "name"
        return "strip" if self.cell_at(scene_point) else "card"

    def cell_at(self, scene_point: QPointF) -> CardNumber | None:
        """Return the number under a point."""
        point = scene_point - self.pos()
        for row, content in enumerate(self.card.content.rows):
            for number, tile in enumerate(content.tiles):
                if tile.rect.contains(point):
                    return self._cell(row, number, tile, content, point)
        return None

    def _cell(self, row: int, number: int, tile: Tile, content: RowContent, point: QPointF) -> CardNumber:
        place = tile.cell_at(point)
        value = tile.members[place[0]] if tile.members else content.value
        index, shown = tile.index(*place), float(tile.matrix[place])
        batched = self._plan is not None and self._plan.is_batched(value) and self._rows is not None
        axes = axes_of(self._plan, value, len(index)) if self._plan is not None and (batched or len(index) > 2) else ()
        words = place_words(axes, in_data(self._rows if batched else None, index))
        return CardNumber(row, number, place, content, value, index, shown, words, batched)

    def is_on_absent(self, scene_point: QPointF) -> bool:
        """Whether a point is on a row, or on a time of one, that has not been computed yet."""
        point = scene_point - self.pos()
        rows = self.card.content.rows
        return any(
            hole.contains(point)
            for content in rows
            for hole in ((content.spec.rect,) if not content.tiles else content.holes)
        )

    # -- painting ----------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        began = time.perf_counter()
        paint_card(painter, self.card, self.ranges, painter.worldTransform().m11())
        self.cost = 0.5 * (self.cost + time.perf_counter() - began)
