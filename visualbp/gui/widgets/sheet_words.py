"""The words on a sheet of blocks: what the axes are, which channel or head a block is, and the numbers of samples."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPen

from visualbp.core.arrays import Array
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import CellBlock, Sheet

Align = Qt.AlignmentFlag


def paint_sheet_words(
    painter: QPainter,
    sheet: Sheet,
    rect: QRect,
    blocks: list[CellBlock],
    sample: int | None = None,
    rows: Array | None = None,
) -> None:
    """Paint the words of a sheet in `rect`, of which `blocks` are seen; `sample` is marked where blocks are samples,
    which are called by their `rows` in the data."""
    painter.save()
    painter.setFont(theme().font(10))
    painter.setPen(theme().color("dim"))
    if sheet.row_word:
        _paint_axes(painter, sheet, rect)
    first = (blocks[0].offset - sheet.offset) // sheet.block_size
    if sheet.caption:
        _paint_captions(painter, sheet, blocks, first)
    if sheet.groups > 1:
        _paint_samples(painter, sheet, blocks, first, sample, rows)
    elif sheet.of_samples and sample is not None and 0 <= sample - first < len(blocks):
        painter.setPen(QPen(theme().color("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(blocks[sample - first].rect.adjusted(-1, -1, 0, 0))
    painter.restore()


def _paint_axes(painter: QPainter, sheet: Sheet, rect: QRect) -> None:
    """Write `key →` above the first block, and `query ↓` beside it."""
    px = theme().px
    left = rect.left() + sheet.left
    above = QRectF(left, rect.top(), max(sheet.width, px(60)), sheet.top - 2)
    painter.drawText(above, Align.AlignLeft | Align.AlignVCenter, f"{sheet.column_word} →")
    height = sheet.caption + sheet.height if sheet.groups == 1 else rect.height() - sheet.top
    painter.save()
    painter.translate(rect.left(), rect.top() + sheet.top + height)
    painter.rotate(-90)
    words = painter.fontMetrics().elidedText(f"← {sheet.row_word}", Qt.TextElideMode.ElideRight, height)
    painter.drawText(QRectF(0, 0, height - sheet.caption, px(13)), Align.AlignRight | Align.AlignVCenter, words)
    painter.restore()


def _paint_captions(painter: QPainter, sheet: Sheet, blocks: list[CellBlock], first: int) -> None:
    metrics = painter.fontMetrics()
    longest = f"{sheet.member_word} {sheet.members - 1}"
    spelled = metrics.horizontalAdvance(longest) <= sheet.width + sheet.gap
    for place, block in enumerate(blocks):
        number = (first + place) % sheet.members
        above = QRectF(block.rect.left(), block.rect.top() - sheet.caption, sheet.width + sheet.gap, sheet.caption)
        painter.drawText(
            above, Align.AlignLeft | Align.AlignVCenter, f"{sheet.member_word} {number}" if spelled else str(number)
        )


def _paint_samples(
    painter: QPainter, sheet: Sheet, blocks: list[CellBlock], first: int, sample: int | None, rows: Array | None
) -> None:
    """Write the number of each sample at the left of its first line, the chosen one with a bar."""
    current, px = theme(), theme().px
    for place, block in enumerate(blocks):
        group, member = divmod(first + place, sheet.members)
        if member:
            continue
        chosen = group == sample
        name = str(group if rows is None or group >= len(rows) else rows[group])
        size = 10 if len(name) < 3 else 8
        painter.setFont(current.font(size, QFont.Weight.DemiBold if chosen else QFont.Weight.Normal, mono=True))
        painter.setPen(current.color("accent" if chosen else "dim"))
        beside = QRectF(block.rect.left() - px(26), block.rect.top(), px(20), min(block.rect.height(), px(14)))
        painter.drawText(beside, Align.AlignRight | Align.AlignVCenter, name)
        if chosen:
            lines = sheet.lines * (sheet.height + sheet.gap + sheet.caption) - sheet.gap
            painter.fillRect(QRectF(block.rect.left() - px(4), block.rect.top(), px(2), lines), current.color("accent"))
