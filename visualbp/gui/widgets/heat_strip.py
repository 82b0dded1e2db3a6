"""All layers' arrays as a strip of heat maps, under each other: titled where there is room, one line each where not."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from visualbp.core.arrays import shape_text
from visualbp.core.ref import Ref
from visualbp.gui.layer_values import Picture
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import Arrangement
from visualbp.gui.widgets.heat_tile import HeatTile, Meaning
from visualbp.gui.widgets.heights import ColumnScroll
from visualbp.gui.widgets.range_legend import short_number
from visualbp.gui.widgets.shading import Diverging, Shading
from visualbp.gui.widgets.sheets import has_pictures, small_arrangement
from visualbp.gui.widgets.tile_view import TileView

SIDE, TITLE, GAP, LOWEST_MAP, LINE = 12, 19, 8, 26, 18
"""Lengths of the layout, in pixels at scale 1."""


class StripContent(TileView):
    """The tiles of a strip. Only those in sight are given their arrays and painted; the others when they come in sight,
    or are asked for: a strip can have a thousand."""

    layer_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._tiles: dict[Ref, HeatTile] = {}
        self._rows: tuple[Picture, ...] = ()
        self._behind: set[Ref] = set()
        """The tiles that do not show their newest row yet."""
        self._current: Ref | None = None
        self._current_color = QColor()
        self._sample, self._alone = 0, False
        self._shading: Shading = Diverging(1.0)
        self._own: Mapping[Ref, float] = {}
        """The range of each value, where each has its own."""
        self._titled = True
        self._viewport_height = 100

    @property
    def tiles(self) -> Sequence[HeatTile]:
        self._catch_up(self.rect())
        return tuple(self._tiles.values())

    def tiles_near(self, point: QPointF) -> Sequence[HeatTile]:
        place = point.toPoint()
        self._catch_up(QRect(place, place))
        near = (self._tiles[self._rows[row].shown.value] for row in self._places_in(QRect(place, place)))
        return tuple(tile for tile in near if tile.rect.contains(place))

    def show_rows(
        self,
        rows: Sequence[Picture],
        shading: Shading,
        sample: int,
        alone: bool,
        own: Mapping[Ref, float] = MappingProxyType({}),
    ) -> None:
        """Show these rows: of vectors the whole batch, with the chosen `sample` marked, or that sample `alone`; of
        pictures always those of the sample. All have the same `shading`, but for those with a range of their `own`."""
        values = [row.shown.value for row in rows]
        anew = values != list(self._tiles)
        if anew:
            self._tiles = {value: self._tiles.get(value, HeatTile(value)) for value in values}
            self._behind = set()
            self._hovered = None
        elsewhere = (sample, alone) != (self._sample, self._alone)
        elsewhere = elsewhere or [row.shape for row in rows] != [row.shape for row in self._rows]
        for value in own.keys() | self._own.keys():
            if own.get(value) != self._own.get(value):
                self._behind.add(value)
                self.update(self._whole(self._tiles[value]) if value in self._tiles else QRect())
        self._own = dict(own)
        same = not (anew or elsewhere) and shading == self._shading
        before = self._rows if same else None
        self._rows, self._shading, self._sample, self._alone = tuple(rows), shading, sample, alone
        if anew:
            self.lay_out(self._viewport_height)
            self.updateGeometry()
        changed = self._fill(before)
        if anew or elsewhere:
            self.update()
        else:
            for tile in changed:
                self.update(self._whole(tile))

    def _fill(self, before: Sequence[Picture] | None = None) -> list[HeatTile]:
        """Give each tile in sight its array; return those that look different now. Those of the same rows as `before`
        do not."""
        for place, row in enumerate(self._rows):
            if before is None or before[place] is not row:
                self._behind.add(row.shown.value)
        return self._catch_up(self.visibleRegion().boundingRect())

    def _catch_up(self, part: QRect) -> list[HeatTile]:
        """Give each tile in this part its newest array; return those that look different now."""
        changed = []
        for place in self._places_in(part):
            row = self._rows[place]
            if row.shown.value not in self._behind:
                continue
            self._behind.discard(row.shown.value)
            tile = self._tiles[row.shown.value]
            meaning = Meaning(row.axes, row.shown.members, rows=row.rows)
            if tile.show(
                row.array, self._shading_of(row.shown.value), self._arranged(row, tile), row.stale, meaning=meaning
            ):
                changed.append(tile)
        return changed

    def _shading_of(self, value: Ref) -> Shading:
        return Diverging(self._own[value]) if value in self._own else self._shading

    def _places_in(self, part: QRect) -> range:
        """Return the places of the rows that have something in this part. They stand under each other, evenly."""
        if not self._rows or part.isEmpty():
            return range(0)
        places = range(len(self._rows))
        first = bisect_left(places, part.top(), key=lambda place: self._whole_at(place).bottom())
        last = bisect_right(places, part.bottom(), key=lambda place: self._whole_at(place).top())
        return places[first:last]

    def _whole_at(self, place: int) -> QRect:
        return self._whole(self._tiles[self._rows[place].shown.value])

    def _arranged(self, row: Picture, tile: HeatTile) -> Arrangement | None:
        if row.array is None or not row.array.size:
            return None
        shape, size = row.array.shape, tile.rect
        sample = min(self._sample, shape[0] - 1) if shape else 0
        return small_arrangement(shape, row.axes, sample, self._alone, size.width(), size.height())

    def mark_current(self, value: Ref | None, color: QColor) -> None:
        """Mark the value that the last step has written."""
        if (value, color) != (self._current, self._current_color):
            for marked in (self._current, value):
                if marked in self._tiles:
                    self.update(self._whole(self._tiles[marked]))
            self._current, self._current_color = value, color

    def rect_of(self, value: Ref) -> QRect:
        """Return where the map of a value is; an empty rectangle if it has none."""
        tile = self._tiles.get(value)
        return QRect() if tile is None else tile.rect

    # -- layout ------------------------------------------------------------------------------------------------------

    def _tile_height(self, viewport_height: int) -> float:
        """Return how high a tile is that has a title: stretched to fill the height of the view."""
        px, count = theme().px, max(1, len(self._tiles))
        return (viewport_height - px(4) - (count - 1) * px(GAP)) / count - px(TITLE)

    def _line_height(self, viewport_height: int) -> int:
        """Return how high a tile is that stands in a line with its name."""
        px, count = theme().px, max(1, len(self._tiles))
        return min(px(60), max(px(LINE), (viewport_height - px(4)) // count))

    def height_in(self, viewport_height: int) -> int:
        """Return the height of all tiles in a view of this height."""
        if self._tile_height(viewport_height) >= theme().px(LOWEST_MAP):
            return viewport_height
        lines = max(1, len(self._tiles)) * self._line_height(viewport_height)
        return max(viewport_height, theme().px(4) + lines)

    def lay_out(self, viewport_height: int) -> None:
        """Give every tile its place: stretched to fill the height, or in lines that scroll."""
        self._viewport_height = viewport_height
        px = theme().px
        left, width = px(SIDE), max(1, self.width() - 2 * px(SIDE))
        title, room = px(TITLE), self._tile_height(viewport_height)
        self._titled = room >= px(LOWEST_MAP)
        if self._titled:
            height = min(int(room), px(220))
            for place, tile in enumerate(self._tiles.values()):
                tile.rect = QRect(left, px(2) + title + place * (title + px(GAP) + height), width, height)
        else:
            line, label = self._line_height(viewport_height), self._label_width(width)
            for place, tile in enumerate(self._tiles.values()):
                tile.rect = QRect(left + label, px(2) + place * line, max(1, width - label), line - px(4))
        self._fill()

    def _label_width(self, width: int) -> int:
        metrics = QFontMetrics(theme().font(11, QFont.Weight.DemiBold))
        names = list(dict.fromkeys(value.layer for value in self._tiles))
        widest = max((metrics.horizontalAdvance(name) for name in names[:60]), default=0)
        return min(widest + theme().px(10), int(width * 0.4))

    # -- painting ----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        exposed = event.rect()
        self._catch_up(exposed)
        for place in self._places_in(exposed):
            row = self._rows[place]
            tile = self._tiles[row.shown.value]
            self._paint_title(painter, row, tile)
            tile.paint(painter, in_words=self._titled)
            if not self._alone and not has_pictures(row.shape):
                self._paint_sample(painter, tile)
            self.paint_marks(painter, tile)

    def _whole(self, tile: HeatTile) -> QRect:
        """Return the place of a tile with its title, and a little more for outlines."""
        top = tile.rect.top() - (theme().px(TITLE) if self._titled else 1)
        return QRect(0, top, self.width(), tile.rect.bottom() - top + 3)

    def _paint_title(self, painter: QPainter, row: Picture, tile: HeatTile) -> None:
        current, px = theme(), theme().px
        name_font = current.font(12 if self._titled else 11, QFont.Weight.DemiBold)
        painter.setFont(name_font)
        metrics = painter.fontMetrics()
        middle = Qt.AlignmentFlag.AlignVCenter
        if not self._titled:
            box = QRectF(px(SIDE), tile.rect.top(), tile.rect.left() - px(SIDE) - px(6), tile.rect.height())
            name = metrics.elidedText(row.shown.value.layer, Qt.TextElideMode.ElideMiddle, int(box.width()))
            painter.setPen(self._ink(row))
            painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, name)
            return
        box = QRectF(tile.rect.left(), tile.rect.top() - px(TITLE), tile.rect.width(), px(TITLE) - px(3))
        name, shape = self.title(row, box.width())
        painter.setFont(current.font(11, mono=True))
        if row.stale and shape:
            wide = painter.fontMetrics().horizontalAdvance(shape) + px(10)
            pill = QRectF(box.right() - wide, box.top() + 1, wide, box.height() - 2)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(current.color("line"), 1))
            painter.drawRoundedRect(pill.adjusted(0.5, 0.5, -0.5, -0.5), pill.height() / 2, pill.height() / 2)
            painter.setPen(current.color("dim"))
            painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, shape)
        else:
            painter.setPen(current.color("dim"))
            painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, shape)
        painter.setFont(name_font)
        painter.setPen(self._ink(row))
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, name)

    def title(self, row: Picture, width: float) -> tuple[str, str]:
        """Return the name over a tile, and what stands at the right of it: as much as leaves room for the name, which
        says more."""
        current, layer = theme(), row.shown.value.layer
        metrics = QFontMetrics(current.font(12, QFont.Weight.DemiBold))
        gap = current.px(14)
        room = width - gap - min(metrics.horizontalAdvance(layer), 0.6 * width)
        words = ("outdated",) if row.stale else self._shape_words(row)
        shape = next((each for each in words if current.advance(each, 11, mono=True) <= room), "")
        left = width - gap - current.advance(shape, 11, mono=True)
        return metrics.elidedText(layer, Qt.TextElideMode.ElideMiddle, int(left)), shape

    def _shape_words(self, row: Picture) -> tuple[str, ...]:
        """Return the shape of what is seen, and of which sample it is; or less, where there is little room."""
        if has_pictures(row.shape):
            shape = shape_text(row.shape[1:])
            place = min(self._sample, max(0, row.shape[0] - 1))
            return f"sample {place if row.rows is None else row.rows[place]}  {shape}", shape
        shape = shape_text(row.shape)
        if row.shown.value in self._own:
            limit = f"±{short_number(self._own[row.shown.value])}"
            return f"{limit}  {shape}", limit
        return (f"share  {shape}", "share") if row.is_share else (shape,)

    def _ink(self, row: Picture) -> QColor:
        return self._current_color if row.shown.value == self._current else theme().color("text")

    def _paint_sample(self, painter: QPainter, tile: HeatTile) -> None:
        """Mark the row of the chosen sample at the left edge, where the rows are samples."""
        if tile.array is None or len(tile.shape) != 2 or tile.grid.rows != tile.shape[0] or tile.shape[0] < 2:
            return
        box = tile.cell_rect((min(self._sample, tile.grid.rows - 1), 0))
        if box is not None:
            height = max(box.height(), 3.0)
            top = box.center().y() - height / 2
            painter.fillRect(
                QRectF(tile.rect.left() - theme().px(5), top, theme().px(3), height), theme().color("accent")
            )

    # -- titles can be clicked ---------------------------------------------------------------------------------------

    def title_at(self, point: QPointF) -> str | None:
        """Return the layer whose title is under a point."""
        for value, tile in self._tiles.items():
            if self._whole(tile).contains(point.toPoint()) and not tile.rect.contains(point.toPoint()):
                return value.layer
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if self._hovered is None:
            on_title = self.title_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if on_title else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        layer = self.title_at(event.position())
        if layer is not None and event.button() == Qt.MouseButton.LeftButton:
            self.layer_chosen.emit(layer)
        else:
            super().mousePressEvent(event)

    def hover_text(self, point: QPointF) -> str:
        layer = self.title_at(point)
        if layer is not None and any(row.is_share and row.shown.value.layer == layer for row in self._rows):
            return f"{layer}: this path's share; its input goes elsewhere too. Click to see this layer alone"
        if layer is not None:
            own = next((limit for value, limit in self._own.items() if value.layer == layer), None)
            scale = "" if own is None else f", colours from −{own:g} to +{own:g}"
            return f"{layer}{scale}: click to see this layer alone"
        return super().hover_text(point)


class HeatStrip(ColumnScroll):
    """A strip that scrolls where its tiles need more height than there is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.content = StripContent()
        super().__init__(self.content, parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusProxy(self.content)
        self.content.cursor_moved.connect(self._on_cursor)
        self._followed: Ref | None = None

    def content_height(self, width: int) -> int:
        return self.content.height_in(self.maximumViewportSize().height())

    def fit(self) -> None:
        super().fit()
        self.content.lay_out(self.maximumViewportSize().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()  # the page keys choose the sample, and arrow keys move the cell; neither scrolls

    def follow(self, value: Ref | None) -> None:
        """Keep the newest value in sight, if the one that was newest before it was: a person may look elsewhere."""
        if self.content.height() != self.content_height(self.content.width()):
            self.fit()  # other tiles have come just now
        before = self.content.rect_of(self._followed) if self._followed else QRect()
        top = self.verticalScrollBar().value()
        was_seen = not before.isValid() or top <= before.center().y() <= top + self.viewport().height()
        if value is not None and value != self._followed and was_seen:
            place = self.content.rect_of(value)
            if place.isValid():
                self.ensureVisible(0, place.center().y(), 0, place.height())
        self._followed = value or self._followed

    @Slot(QRect)
    def _on_cursor(self, place: QRect) -> None:
        self.ensureVisible(place.center().x(), place.center().y(), 0, theme().px(20))
