"""How a layer's card is painted: from a `Card`, which holds all that is seen; it knows neither scene nor debugger."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from visualbp.core.arrays import Shape
from visualbp.gui.canvas.card_frame import CardFrame, draw_card_frame
from visualbp.gui.canvas.content import CardContent, RowContent
from visualbp.gui.canvas.families import draw_icon, family_color
from visualbp.gui.canvas.geometry import (
    BREAKPOINT_Y,
    CARD_WIDTH,
    PADDING,
    PORT_RADIUS,
    CardLayout,
    elided,
    scene_font,
    sentence_start,
    short_shape,
    text_width,
)
from visualbp.gui.canvas.ranges import Ranges
from visualbp.gui.painting import draw_absent, number_text
from visualbp.gui.pictures import picture_of
from visualbp.gui.theme import theme
from visualbp.network import Layer, Problem

Align = Qt.AlignmentFlag
COMPACT_BELOW = 0.5


@dataclass(eq=False)
class Card:
    """What is seen of a layer. `active` is the phase's colour where the present step is in this layer."""

    layer: Layer
    layout: CardLayout
    shape: Shape | None = None
    number: int | None = None
    """Which layer it is in the equations: 3 for h^(3). None where it does not run, and for the loss."""
    problems: tuple[Problem, ...] = ()
    met: tuple[Problem, ...] = ()
    """Errors that only running has shown: data that do not fit the layer."""
    trouble: str = ""
    """A value that is not finite, in words."""
    content: CardContent = field(default_factory=lambda: CardContent(()))
    active: str = ""
    progress: int = 0
    """How far it has come in this iteration: 1 for its h, 2 for its delta as well."""
    selected: bool = False
    breakpoint: bool = False
    hovered: str = ""
    """What the pointer is over: `input`, `output`, `gutter`, or nothing of these."""
    cell: tuple[int, int, int, int] | None = None
    """Row, tile, and cell that the pointer is over."""
    port_hint: str = ""
    """The colour of the input port while a connection is being drawn: `passed` if it fits, `faint` if not."""

    @property
    def error(self) -> str:
        """What is wrong with this layer, in words."""
        if self.trouble:
            return self.trouble
        return next((problem.message for problem in self.faults if problem.severity == "error"), "")

    @property
    def faults(self) -> tuple[Problem, ...]:
        """All that is said of the layer."""
        return (*self.problems, *self.met)

    @property
    def is_aside(self) -> bool:
        """Whether the layer is left out when the network runs."""
        return not self.error and any(problem.severity == "warning" for problem in self.problems)


def paint_card(painter: QPainter, card: Card, ranges: Ranges, detail: float = 1.0) -> None:
    """Paint a card with its ports; the card's top left corner is (0, 0).

    `detail` is how many pixels there are for a unit. Where words would be too small to read, the name and the numbers
    as colours take all the room there is.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    body = card.layout.body
    draw_card_frame(painter, _frame(card))
    if card.is_aside:
        painter.setOpacity(0.55)
    if detail < COMPACT_BELOW:
        _paint_compact(painter, card, ranges, detail)
    else:
        _paint_header(painter, card)
        for row, content in enumerate(card.content.rows):
            _paint_row(painter, card, row, content, ranges)
        if card.layout.loss is not None:
            _paint_loss(painter, card, card.layout.loss)
        if card.layout.footer is not None:
            _paint_footer(painter, card, card.layout.footer)
    painter.setOpacity(1.0)
    _paint_ports(painter, card)
    _paint_breakpoint(painter, card)
    if card.error or card.is_aside:
        _paint_problem(painter, card, body, detail)


def outline_color(card: Card) -> tuple[QColor, float]:
    """Return the colour and the width of a card's outline: an error before the present step before the selection."""
    if card.error:
        return theme().color("error"), 2.2
    if card.active:
        return theme().color(card.active), 2.2
    if card.selected:
        return theme().color("accent"), 2.0
    return theme().color("line"), 1.1


def _frame(card: Card) -> CardFrame:
    color, width = outline_color(card)
    return CardFrame(
        card.layout.height,
        theme().color("card").rgba(),
        color.rgba(),
        width,
        dashed=card.is_aside and not card.selected,
        glows=bool(card.active),
        shadowed=not theme().is_dark,
        ring=theme().color("accent").rgba() if card.selected and (card.active or card.error) else 0,
    )


def _paint_compact(painter: QPainter, card: Card, ranges: Ranges, detail: float) -> None:
    """Paint the name as large as it can be read, and under it what there is as strips over the whole width."""
    size = round(min(10.5 / detail, 36))
    room = card.layout.body.adjusted(12, 9, -8, -11)
    line = size * 1.25
    painter.setFont(scene_font(size, QFont.Weight.DemiBold))
    painter.setPen(theme().color("text"))
    name = elided(card.layer.name, size, room.width(), QFont.Weight.DemiBold)
    painter.drawText(QRectF(room.left(), room.top() - 3, room.width() + 4, line), Align.AlignVCenter, name)
    room.setTop(room.top() + line + 4)
    room.setRight(card.layout.body.right() - 12)
    if card.layout.loss is not None:
        loss = card.content.loss
        wide = text_width(number_text(loss), size * 1.15, mono=True)
        painter.setFont(scene_font(size * 1.15 * min(1.0, room.width() / wide), QFont.Weight.Medium, mono=True))
        painter.setPen(theme().color("text" if loss is not None else "faint"))
        painter.drawText(room, Align.AlignVCenter | Align.AlignLeft, number_text(loss))
        return
    rows = card.content.rows
    gap = 6.0
    share = (room.height() - gap * (len(rows) - 1)) / max(1.0, sum(content.spec.rect.height() for content in rows))
    top = room.top()
    for content in rows:
        spec = content.spec.rect
        strip = QRectF(room.left(), top, room.width(), spec.height() * share)
        top = strip.bottom() + gap
        if not content.tiles:
            draw_absent(painter, strip)
            continue
        painter.setOpacity(0.38 if content.stale else painter.opacity())
        limit = ranges.limit(content.spec.range_name)
        square = len(content.tiles) > 1 or content.gray is not None  # pictures keep their proportions
        wide = min(strip.width() / spec.width(), strip.height() / spec.height()) if square else 0.0
        across, down = (wide, wide) if square else (strip.width() / spec.width(), strip.height() / spec.height())
        for hole in content.holes:
            draw_absent(painter, _moved(hole, spec, strip, across, down))
        places = [_moved(tile.rect, spec, strip, across, down) for tile in content.tiles]
        _paint_matrices(painter, places, content, limit, gaps=False)


def _moved(rect: QRectF, inside: QRectF, place: QRectF, across: float, down: float) -> QRectF:
    """Return a rectangle inside another one as it is when that is moved to `place` and scaled."""
    left, top = place.left() + (rect.left() - inside.left()) * across, place.top() + (rect.top() - inside.top()) * down
    return QRectF(left, top, rect.width() * across, rect.height() * down)


def _paint_matrices(painter: QPainter, places: list[QRectF], content: RowContent, limit: float, gaps: bool) -> None:
    """Paint the tiles of a row: signed values as colours, data that are pictures as they are."""
    if content.gray is None or content.array is None or content.spec.picture is None:
        content.heat.paint(painter, places, limit, gaps)
        return
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    sample = content.array[content.sample]
    painter.drawImage(places[0], picture_of(sample, content.spec.picture, *content.gray))


def _paint_header(painter: QPainter, card: Card) -> None:
    layer = card.layer
    draw_icon(painter, QRectF(PADDING - 1, 11, 17, 17), layer.kind.icon, family_color(layer.kind.family))
    shape = "" if layer.kind.is_loss else short_shape(card.shape)
    right = CARD_WIDTH - PADDING
    painter.setPen(theme().color("dim"))
    if shape:
        shape = elided(shape, 11, 70, mono=True)
        painter.setFont(scene_font(11, mono=True))
        width = text_width(shape, 11, mono=True)
        painter.drawText(QRectF(right - width - 1, 9, width + 2, 21), Align.AlignVCenter | Align.AlignRight, shape)
        right -= width + 6
    if layer.frozen:
        draw_icon(painter, QRectF(right - 13, 12.5, 13, 13), "lock", theme().color("dim"))
        right -= 18
    left = PADDING + 22
    if card.number is not None:  # under the icon, where it takes nothing from the name
        painter.setFont(scene_font(10 if card.number < 100 else 8, mono=True))
        painter.setPen(theme().color("dim"))
        painter.drawText(QRectF(PADDING - 8, 28, 31, 17), Align.AlignCenter, f"({card.number})")
    name = elided(layer.name, 14, right - left, QFont.Weight.DemiBold)
    painter.setFont(scene_font(14, QFont.Weight.DemiBold))
    painter.setPen(theme().color("text"))
    painter.drawText(QRectF(left, 8, right - left + 2, 23), Align.AlignVCenter | Align.AlignLeft, name)
    painter.setFont(scene_font(11))
    painter.setPen(theme().color("dim"))
    words = elided(" ".join(layer.summary.split()), 11, CARD_WIDTH - PADDING - left)
    painter.drawText(QRectF(left, 28, CARD_WIDTH - PADDING - left + 2, 17), Align.AlignVCenter | Align.AlignLeft, words)


def _paint_row(painter: QPainter, card: Card, row: int, content: RowContent, ranges: Ranges) -> None:
    spec = content.spec
    line = QRectF(PADDING, spec.rect.top(), 22, min(spec.rect.height(), 17))
    painter.setFont(scene_font(11.5, QFont.Weight.Medium, mono=True))
    painter.setPen(theme().color(spec.color))
    painter.drawText(line, Align.AlignVCenter | Align.AlignLeft, spec.label)
    if not content.tiles:
        draw_absent(painter, spec.rect)
        return
    limit = ranges.limit(spec.range_name)
    if content.stale:
        painter.setOpacity(0.38)
    for hole in content.holes:
        draw_absent(painter, hole)
    first = content.tiles[0]
    if first.matrix.shape[1] <= 2 and spec.role in ("prediction", "target"):
        for tile in content.tiles:
            _paint_numbers(painter, tile.rect, [float(value) for value in tile.matrix[0]])
    else:
        pictures = len(content.tiles) > 1 and not first.members
        gaps = first.matrix.shape[1] <= 64 and not (pictures and spec.range_name != spec.role)
        places = [tile.rect for tile in content.tiles]
        _paint_matrices(painter, places, content, limit, gaps)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme().color("line"), 1))
        painter.drawRects(places)
    for place, tile in enumerate(content.tiles):
        if tile.rows is not None and not tile.prefix and spec.range_name != "weight":
            mark = tile.cell_rect(content.sample, 0)  # which of the samples is the chosen one
            painter.fillRect(QRectF(mark.left() - 3, mark.top(), 2, mark.height()), theme().color("accent"))
        if card.cell is not None and card.cell[:2] == (row, place):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme().color("accent"), 1.6))
            painter.drawRoundedRect(tile.cell_rect(*card.cell[2:]).adjusted(-0.5, -0.5, 0.5, 0.5), 2, 2)
    if content.stale:
        painter.setOpacity(1.0)
        _paint_tag(painter, spec.rect, "outdated")


def _paint_numbers(painter: QPainter, rect: QRectF, values: list[float]) -> None:
    painter.setFont(scene_font(11, mono=True))
    width = rect.width() / max(1, len(values))
    for column, value in enumerate(values):
        painter.setPen(theme().color("text" if value == value and abs(value) != float("inf") else "error"))
        cell = QRectF(rect.left() + column * width, rect.top(), width, rect.height())
        whole = abs(value) < 1e5 and value == int(value)
        painter.drawText(cell, Align.AlignVCenter | Align.AlignLeft, f"{value:.0f}" if whole else number_text(value))


def _paint_tag(painter: QPainter, rect: QRectF, text: str) -> None:
    width = text_width(text, 10) + 10
    box = QRectF(rect.right() - width - 2, rect.top() + 1, width, min(14.0, rect.height() - 2))
    painter.setPen(QPen(theme().color("line"), 1))
    painter.setBrush(theme().color("panel"))
    painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
    painter.setFont(scene_font(10))
    painter.setPen(theme().color("dim"))
    painter.drawText(box, Align.AlignCenter, text)


def _paint_loss(painter: QPainter, card: Card, rect: QRectF) -> None:
    loss = card.content.loss
    if loss is None:
        painter.setFont(scene_font(12))
        painter.setPen(theme().color("faint"))
        painter.drawText(rect.adjusted(0, 0, 0, -4), Align.AlignVCenter | Align.AlignLeft, "not yet computed")
        return
    finite = loss == loss and abs(loss) != float("inf")
    painter.setOpacity(0.45 if card.content.loss_stale else 1.0)
    painter.setFont(scene_font(23, QFont.Weight.Medium, mono=True))
    painter.setPen(theme().color("text" if finite else "error"))
    painter.drawText(rect.adjusted(0, -2, 0, -2), Align.AlignVCenter | Align.AlignLeft, number_text(loss))
    painter.setOpacity(1.0)
    if card.content.loss_stale:
        _paint_tag(painter, rect.adjusted(0, 8, 0, -8), "outdated")


def _paint_footer(painter: QPainter, card: Card, rect: QRectF) -> None:
    label = {"z": "‖δ‖", "h": "‖∂h‖"}.get(card.layout.gradient, "‖∂W‖")
    norm = card.content.norm
    painter.setFont(scene_font(11, mono=True))
    painter.setPen(theme().color("dim"))
    painter.drawText(rect, Align.AlignVCenter | Align.AlignLeft, label)
    finite = norm is not None and norm == norm and norm != float("inf")
    painter.setPen(theme().color("faint" if norm is None else "text" if finite else "error"))
    painter.drawText(rect, Align.AlignVCenter | Align.AlignRight, number_text(norm))


def _paint_ports(painter: QPainter, card: Card) -> None:
    for side, there, x in (("input", card.layout.has_input, 0.0), ("output", card.layout.has_output, CARD_WIDTH)):
        if not there:
            continue
        hovered = card.hovered == side
        color = "accent" if hovered else "faint"
        radius = PORT_RADIUS + (1.5 if hovered else 0)
        if side == "input" and card.port_hint:
            color = card.port_hint
            radius += 1.5 if color == "passed" else 0
        painter.setBrush(theme().color("card" if color in ("faint", "dim") else color, 1.0))
        painter.setPen(QPen(theme().color(color if color != "faint" else "dim"), 1.6))
        painter.drawEllipse(QPointF(x, card.layout.port_y), radius, radius)


def _paint_breakpoint(painter: QPainter, card: Card) -> None:
    if not card.breakpoint and card.hovered != "gutter":
        return
    painter.setPen(QPen(theme().color("card"), 1.5))
    painter.setBrush(theme().color("error", 1.0 if card.breakpoint else 0.35))
    painter.drawEllipse(QPointF(0, BREAKPOINT_Y), 6.5, 6.5)


def _paint_problem(painter: QPainter, card: Card, body: QRectF, detail: float) -> None:
    color = theme().color("error" if card.error else "dim")
    words = card.error or next(problem.message for problem in card.faults)
    badge = QRectF(body.right() - 13, -9, 20, 20)
    if detail < COMPACT_BELOW:
        badge = QRectF(body.right() - 24, -14, 34, 34)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme().color("background"))
    painter.drawEllipse(badge.adjusted(-1, -1, 1, 1))
    draw_icon(painter, badge.adjusted(1, 1, -1, -1), "warning", color)
    if detail < COMPACT_BELOW:
        return
    painter.setFont(scene_font(11))
    painter.setPen(color)
    line = QRectF(0, body.bottom() + 5, body.width(), 17)
    painter.drawText(line, Align.AlignVCenter | Align.AlignHCenter, sentence_start(words, 11, body.width()))
