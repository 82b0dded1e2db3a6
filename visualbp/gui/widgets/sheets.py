"""How values of every shape are arranged: vectors as rows, sequences with time downwards, images and attention as
square pictures, for the whole batch or for one sample. Pure functions of shapes, axes and pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from visualbp.core.arrays import Shape, size_of
from visualbp.gui.theme import theme
from visualbp.gui.widgets.arrangement import Arrangement, Grid, Sheet, sample_grid, whole_grid

SMALLEST, USUAL, LARGEST_CELL = 16, 40, 64
"""The side of a picture that is still told apart, that of one among a batch, and of a single cell, in pixels."""
LEAST_LINE, USUAL_LINE = 5, 9
"""Pixels of a time step."""
AXIS_WORD, CAPTION, GROUP_LABEL = 15, 13, 22
ROOM_FOR_WORDS = 70
"""Pixels of height below which the names of the axes are left to hovering."""


def has_pictures(shape: Shape) -> bool:
    """Return whether the samples of a batch of this shape are more than vectors."""
    return len(shape) in (3, 4) and size_of(shape) > 0


def fit_squares(count: int, rows: int, columns: int, width: int, height: int, gap: int, caption: int = 0) -> Sheet:
    """Return `count` blocks in as many lines as make their square cells largest."""
    best: tuple[float, int] = (0.0, 1)
    for lines in range(1, count + 1):
        across = -(-count // lines)
        room_x = (width - gap * (across - 1)) / (across * columns)
        room_y = (height - lines * caption - gap * (lines - 1)) / (lines * rows)
        best = max(best, (min(room_x, room_y), across))
        if room_x >= room_y:
            break  # more lines would only be lower
    cell, across = best
    cell = min(cell, float(theme().px(LARGEST_CELL)))
    return squares(1, count, rows, columns, across, cell, gap, caption)


def squares(
    groups: int, members: int, rows: int, columns: int, across: int, cell: float, gap: int, caption: int = 0
) -> Sheet:
    """Return a sheet of blocks with square cells of `cell` pixels, a whole number of them where they are large."""
    cell = float(int(cell)) if cell >= 2 else cell
    width, height = max(1, int(columns * cell)), max(1, int(rows * cell))
    return Sheet(groups, members, rows, columns, across, width, height, gap=gap, group_gap=2 * gap, caption=caption)


def small_arrangement(
    shape: Shape, axes: Sequence[str], sample: int, alone: bool, width: int, height: int
) -> Arrangement | None:
    """Return the arrangement for a small place that does not scroll: pictures of one sample; vectors of the whole batch
    (None: the plain grid), or of the sample `alone`."""
    if not has_pictures(shape):
        return sample_grid(shape, sample, width, height) if alone and len(shape) > 1 else None
    inner = shape[1:]
    offset = sample * size_of(inner)
    if len(inner) == 2:
        return Grid(inner[0], inner[1], offset)
    sheet = fit_squares(inner[0], inner[1], inner[2], width, height, gap=2)
    return replace(sheet, offset=offset, member_word=axes[1] if len(axes) > 1 else "")


def arrangement(shape: Shape, axes: Sequence[str], sample: int | None, width: int, height: int) -> Arrangement:
    """Return the arrangement of an array in a place that can scroll downwards: the whole batch, or one sample of it."""
    if not has_pictures(shape):
        return whole_grid(shape) if sample is None or len(shape) < 2 else sample_grid(shape, sample, width, height)
    sheet = (
        _sequence_sheet(shape, sample, width, height)
        if len(shape) == 3
        else _square_sheet(shape, sample, width, height, axes)
    )
    if sample is not None:
        sheet = replace(sheet, offset=sample * size_of(shape[1:]))
    words = tuple(axes[-2:]) if len(axes) >= 2 and sheet.left >= theme().px(AXIS_WORD) and sheet.top else ("", "")
    member, alone = axes[-3] if len(axes) >= 3 else "", sheet.groups == 1 and sample is None
    return replace(sheet, row_word=words[0], column_word=words[1], member_word=member, of_samples=alone)


def _margins(height: int, worded: bool, labelled: bool) -> tuple[int, int]:
    """Return the room at the left and at the top for the names of the axes, and for the numbers of samples."""
    px = theme().px
    wordy = worded and height >= px(ROOM_FOR_WORDS)
    return (px(AXIS_WORD) if wordy else 0) + (px(GROUP_LABEL) if labelled else 0), px(AXIS_WORD) if wordy else 0


def _sequence_sheet(shape: Shape, sample: int | None, width: int, height: int) -> Sheet:
    """Return time downwards and features across; the samples of a batch below each other."""
    px = theme().px
    groups = shape[0] if sample is None else 1
    steps, features = shape[1:]
    left, top = _margins(height, True, groups > 1)
    gap = px(6)
    fits = (height - top - (groups - 1) * gap) // groups
    least = (
        px(USUAL_LINE) * steps if steps * px(USUAL_LINE) <= height - top else max(px(LEAST_LINE) * steps, height - top)
    )
    block = fits if groups == 1 and fits >= px(2) * steps else max(fits, least)
    return Sheet(
        groups, 1, steps, features, 1, max(1, width - left), max(1, block), left=left, top=top, group_gap=gap, gaps=True
    )


def _square_sheet(shape: Shape, sample: int | None, width: int, height: int, axes: Sequence[str]) -> Sheet:
    """Return square pictures: the channels or heads of a sample; or those of each sample as a row."""
    px = theme().px
    members, rows, columns = shape[1:]
    is_image = tuple(axes[-2:]) == ("row", "column")
    several = sample is None and members > 1
    left, top = _margins(height, not is_image, several)
    if sample is None and not several:  # room for the frame around the chosen one
        left, top = left + px(2), top + px(2)
    room, high = max(1, width - left), max(1, height - top)
    gap = px(3)
    if not several:
        count = members if sample is not None else shape[0]
        caption = px(CAPTION) if sample is not None and members > 1 else 0
        sheet = fit_squares(count, rows, columns, room, high, gap, caption)
        if caption and sheet.width < px(26):
            sheet = fit_squares(count, rows, columns, room, high, gap)
        least = px(SMALLEST) if is_image else max(px(SMALLEST), min(px(USUAL), 4 * rows))  # a matrix is read by cells
        if min(sheet.width, sheet.height) < least:
            sheet = _scrolled(1, count, rows, columns, room, least, gap)
    else:
        groups = shape[0]
        side = min((room - gap * (members - 1)) / members, (high - 2 * gap * (groups - 1)) / groups)
        if side < px(SMALLEST):
            side = max(px(SMALLEST), min(max(px(USUAL), 0.6 * high), (room - gap * (members - 1)) / members))
        sheet = _scrolled(groups, members, rows, columns, room, side, gap)
    return replace(sheet, left=left, top=top, gaps=not is_image)


def _scrolled(groups: int, members: int, rows: int, columns: int, room: int, side: float, gap: int) -> Sheet:
    """Return blocks whose longer side is about `side` pixels, as many beside each other as there is room for."""
    cell = min(side / max(rows, columns), float(theme().px(LARGEST_CELL)))
    across = min(
        members, max(1, int((room + gap) // (max(1, int(columns * (int(cell) if cell >= 2 else cell))) + gap)))
    )
    return squares(groups, members, rows, columns, across, cell, gap)
