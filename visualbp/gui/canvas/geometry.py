"""Sizes of the drawing in scene units, its fonts, and the way between a file's positions and the scene.

The presenter's scale is part of the view's transform, so nothing here depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPen

from visualbp.core.arrays import Shape
from visualbp.gui.theme import MONO, SANS
from visualbp.layers import LayerType
from visualbp.network import Layer
from visualbp.network.network import Position

SCENE_PER_UNIT = 1.2
"""Positions in a network are the centres of cards. Files commonly have 180 to 240 units from layer to layer; this
leaves room for a connection and its label between cards at either."""

GRID = 12.0
"""What movements snap to, in scene units. The dots of the background are two of these apart."""

CARD_WIDTH = 176.0
RADIUS = 9.0
MARGIN = 26.0
"""Room around a card, within its item, for the glow, the ports, the breakpoint and a problem's words."""
PADDING = 13.0
STRIP_LEFT = 35.0
PORT_RADIUS = 5.5
PORT_REACH = 14.0
"""How far from a port's centre a press still takes it."""
GUTTER = 16.0
"""The strip left of a card, down to `GUTTER_HEIGHT`, where a click sets a breakpoint."""
GUTTER_HEIGHT = 46.0
BREAKPOINT_Y = 23.0
LINE_REACH = 9.0
"""How far from a connection a press still takes it."""
PITCH = 228.0
"""From one card to the next, centre to centre."""

HEADER, STRIP, IMAGE, WEIGHT, GAP, FOOTER, BOTTOM = 55.0, 16.0, 46.0, 28.0, 8.0, 18.0, 11.0
LOSS_NUMBER = 36.0


def to_scene(position: Position) -> QPointF:
    """Return the point of the scene for a position as a model file has it."""
    return QPointF(position[0] * SCENE_PER_UNIT, position[1] * SCENE_PER_UNIT)


def from_scene(point: QPointF) -> Position:
    """Return the position for a model file, to two digits, of a point of the scene."""
    return round(point.x() / SCENE_PER_UNIT, 2), round(point.y() / SCENE_PER_UNIT, 2)


def round_pen(color: QColor, width: float) -> QPen:
    """Return a pen with round ends."""
    return QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)


def snapped(length: float) -> float:
    """Return the multiple of the grid's pitch that is nearest to a length."""
    return round(length / GRID) * GRID


@lru_cache(maxsize=64)
def scene_font(size: float, weight: QFont.Weight = QFont.Weight.Normal, mono: bool = False) -> QFont:
    """Return a font of `size` scene units. Hinting is off: the view scales it."""
    font = QFont(MONO if mono else SANS)
    font.setPixelSize(max(1, round(size)))
    font.setWeight(weight)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


@lru_cache(maxsize=4096)
def elided(text: str, size: float, width: float, weight: QFont.Weight = QFont.Weight.Normal, mono: bool = False) -> str:
    """Return as much of a text as fits into `width` scene units, with an ellipsis where it is cut."""
    metrics = QFontMetricsF(scene_font(size, weight, mono))
    return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width)


@lru_cache(maxsize=1024)
def sentence_start(text: str, size: float, width: float) -> str:
    """Return as much of a sentence, from its start, as fits into `width` scene units."""
    return QFontMetricsF(scene_font(size)).elidedText(text, Qt.TextElideMode.ElideRight, width)


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: QFont.Weight = QFont.Weight.Normal, mono: bool = False) -> float:
    """Return how wide a text is, in scene units."""
    return QFontMetricsF(scene_font(size, weight, mono)).horizontalAdvance(text)


def short_shape(shape: Shape | None) -> str:
    """Return a shape as a card and a connection show it: `4`, `1×8×8`, `scalar`, and `?` where it is not known."""
    if shape is None:
        return "?"
    return "×".join(str(length) for length in shape) if shape else "scalar"


@dataclass(frozen=True)
class RowSpec:
    """One row of a card: what it is called, the role of the values in it, the colour of its label, and its place."""

    label: str
    role: str
    color: str
    rect: QRectF
    range_name: str
    """Rows with the same name share one range of colours: `data`, `h`, `delta`, `weight`."""
    unrolled: bool = False
    """Whether it shows the values of all times below each other."""
    picture: Shape | None = None
    """(channels, height, width) where it shows data that are pictures."""


@dataclass(frozen=True)
class CardLayout:
    """Where everything is on a card whose top left corner is (0, 0). A card's height never depends on what has run."""

    height: float
    rows: tuple[RowSpec, ...]
    footer: QRectF | None
    gradient: str
    """The role of what the footer shows the gradient's norm of: `z`, `h`, or a parameter."""
    has_input: bool
    has_output: bool
    loss: QRectF | None = None

    @property
    def body(self) -> QRectF:
        """The card itself, without the margin of its item."""
        return QRectF(0, 0, CARD_WIDTH, self.height)

    @property
    def port_y(self) -> float:
        """The height at which both ports are, from the card's top."""
        return self.height / 2

    @property
    def name_rect(self) -> QRectF:
        """Where the name is written, and edited."""
        return QRectF(PADDING, 8, CARD_WIDTH - 2 * PADDING, 22)


def owns_activation(layer: Layer) -> bool:
    """Whether the layer has a z, and so a delta, of its own."""
    return layer.kind.unrolls or bool({"activation", "function"} & layer.options.keys())


def has_parameters(kind: LayerType) -> bool:
    """Return whether a type of layer can have parameters of its own."""
    return type(kind).parameters is not LayerType.parameters


def layout_of(
    layer: Layer,
    shape: Shape | None,
    weight: str = "weight",
    weight_axes: int = 2,
    picture: Shape | None = None,
) -> CardLayout:
    """Return the layout of a layer's card.

    `weight` is the parameter that is shown, where there are any, and how many axes it has. `picture` is the (channels,
    height, width) of the data where the layer takes pictures.
    """
    kind = layer.kind
    top = HEADER
    rows: list[RowSpec] = []

    def add(label: str, role: str, color: str, height: float, range_name: str, shown: Shape | None = None) -> None:
        nonlocal top
        unrolled = kind.unrolls and range_name in ("h", "delta", *kind.featured)
        rows.append(RowSpec(label, role, color, _strip(top, height), range_name, unrolled, shown))
        top += height + GAP

    if kind.is_loss:
        loss = QRectF(PADDING, top - 4, CARD_WIDTH - 2 * PADDING, LOSS_NUMBER)
        top += LOSS_NUMBER
        add("ŷ", "prediction", "forward", STRIP, "target")
        add("y", "target", "dim", STRIP, "target")
        return CardLayout(top - GAP + BOTTOM + 2, tuple(rows), None, "", True, False, loss)
    if kind.most_inputs == 0:
        seen = IMAGE if picture is not None or (shape is not None and len(shape) >= 2) else STRIP
        add("h", "h", "forward", seen, "data", picture)  # class indices and pixels have a range of their own
        return CardLayout(top - GAP + BOTTOM + 4, tuple(rows), None, "", False, True)
    tall = IMAGE if kind.unrolls or (shape is not None and len(shape) >= 2) else STRIP
    add("h", "h", "forward", tall, "h")
    for role in kind.featured:
        add(role if len(role) == 1 else role[:1].upper(), role, "forward", IMAGE, role)
    if owns_activation(layer):
        add("δ", "delta", "backward", tall, "delta")
    else:
        add("∂h", "upstream", "backward", tall, "delta")
    gradient = "z" if owns_activation(layer) else "h"
    if has_parameters(kind):
        add("W", weight, "dim", WEIGHT if weight_axes < 3 else IMAGE, "weight")
        gradient = weight
    footer = QRectF(PADDING, top - 1, CARD_WIDTH - 2 * PADDING, FOOTER)
    return CardLayout(top + FOOTER + BOTTOM - 2, tuple(rows), footer, gradient, True, True)


def _strip(top: float, height: float) -> QRectF:
    return QRectF(STRIP_LEFT, top, CARD_WIDTH - PADDING - STRIP_LEFT, height)
