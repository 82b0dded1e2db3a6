"""A tidy layout: layers in columns by their distance from the input, ordered so that few connections cross; what is
too long for one row goes on in the next.

The method is Sugiyama's (1981): longest-path columns, barycentre sweeps for the order within a column, then heights
that keep chains straight. Skip connections need no room of their own: the canvas draws them above what they skip.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate, pairwise

from visualbp.network.network import Network, Position

COLUMN, ROW = 190.0, 160.0
"""From one layer to the next, centre to centre, in the units of a network's positions."""
GAP, ROW_GAP, SKIP = 24.0, 72.0, 48.0
"""Between what is drawn for two layers of a column, between two rows, and what connections above a row need."""
VIEW = (875.0, 450.0)
"""What an ordinary window shows of a network at its own size."""
WORTH = 1.35
"""How much better what is in several rows must be to be read."""
MOST_ROWS, MOST_CUT, MOST_LOOSE = 40, 2, 5
"""Rows that are tried; layers that may lead on where a row ends; loose layers in a row, if no other row is longer."""
SWEEPS = 6

_Edges = Mapping[str, list[str]]


def tidy_positions(network: Network, sizes: Mapping[str, float] | None = None) -> dict[str, Position]:
    """Return a position for every layer: connected layers in columns from left to right, and what is too long for one
    row in rows below each other, as lines of text are; layers that nothing is connected to come last.

    `sizes`: how high what is drawn for a layer is, in the units of positions, where it is known.
    """
    sizes = sizes or {}
    before: dict[str, list[str]] = {name: [] for name in network.names}
    after: dict[str, list[str]] = {name: [] for name in network.names}
    for source, target in network.connections:
        before[target].append(source)
        after[source].append(target)
    joined = [name for name in network.names if before[name] or after[name]]
    columns = _columns(joined, before, after)
    _reduce_crossings(columns, before, after)
    places: dict[str, Position] = {}
    top, longest = 0.0, MOST_LOOSE
    for band in _rows(columns, after, sizes):
        heights = _heights(band, before, after, sizes)
        highest = min((heights[name] - _size(name, sizes) / 2 for name in heights), default=0.0)
        first = not places
        down = 0.0 if first else _on_grid(top + ROW_GAP + _room_above(band, after) - highest)
        places |= {
            name: (number * COLUMN, heights[name] + down) for number, column in enumerate(band) for name in column
        }
        top = max(heights[name] + down + _size(name, sizes) / 2 for name in heights)
        longest = max(longest, len(band))
    loose = [name for name in network.names if name not in places]
    tallest = max((_size(name, sizes) for name in loose), default=0.0)
    start = _on_grid(top + GAP + tallest / 2) if places else 0.0
    for number, name in enumerate(loose):
        row, column = divmod(number, longest)
        places[name] = (column * COLUMN, start + row * _on_grid(tallest + GAP))
    return {name: (round(x, 2), round(y, 2)) for name, (x, y) in places.items()}


def complete_positions(network: Network) -> Mapping[str, Position]:
    """Return the network's positions, with tidy ones for layers that have none."""
    if all(name in network.positions for name in network.names):
        return network.positions
    tidy = tidy_positions(network)
    placed = [network.positions[name] for name in network.names if name in network.positions]
    if not placed:
        return tidy
    missing = [name for name in network.names if name not in network.positions]
    top = min(tidy[name][1] for name in missing)
    drop = max(y for _, y in placed) + ROW - top  # below what has been placed, so that nothing lies on anything
    return {**network.positions, **{name: (tidy[name][0], tidy[name][1] + drop) for name in missing}}


def _columns(names: list[str], before: _Edges, after: _Edges) -> list[list[str]]:
    """Return the layers by the longest path that leads to them; sources stand just before their first target.

    Layers on a cycle stand where the walk meets them: a network that is being drawn may have one for a moment.
    """
    depth: dict[str, int] = {}
    waiting = {name: len(before[name]) for name in names}
    ready = [name for name in names if not waiting[name]]
    left = [name for name in names if waiting[name]]
    for name in ready:  # grows while it is walked
        depth[name] = max((depth[source] + 1 for source in before[name] if source in depth), default=0)
        for target in after[name]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for name in left:
        if name not in depth:
            depth[name] = max((depth[source] + 1 for source in before[name] if source in depth), default=0)
    for name in reversed(ready):
        if not before[name] and after[name]:
            depth[name] = max(0, min(depth[target] for target in after[name]) - 1)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in names:
        columns[depth[name]].append(name)
    return [column for column in columns if column]


def _reduce_crossings(columns: list[list[str]], before: _Edges, after: _Edges) -> None:
    """Order each column by the mean place of its neighbours, sweeping to and fro."""
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        edges = before if forwards else after
        for column in columns if forwards else reversed(columns):
            place = {name: number for other in columns for number, name in enumerate(other)} if len(column) > 1 else {}
            means = {name: _mean([float(place[n]) for n in edges[name] if n in place]) for name in column}
            order = {name: number for number, name in enumerate(column)}
            column.sort(key=lambda name: (_or(means[name], order[name]), order[name]))


def _mean(numbers: list[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


def _or(number: float | None, other: float) -> float:
    return other if number is None else number


def _rows(columns: list[list[str]], after: _Edges, sizes: Mapping[str, float]) -> list[list[list[str]]]:
    """Break the columns into rows, so that all can be read where all of it is to be seen at once: another row is begun
    only if that is worth it, and nowhere else than where one thing leads on, or two, so that branches stay together."""
    cuts = _cuts(columns, after)
    depths = [sum(_size(name, sizes) + GAP for name in column) for column in columns]
    starts, best = [0], _readable([0], depths)
    for count in range(2, min(len(columns), MOST_ROWS) + 1):
        broken = _broken(cuts, len(columns), math.ceil(len(columns) / count))
        found = _readable(broken, depths)
        if found > best * WORTH:
            starts, best = broken, found
        elif found < best / 2:
            break
    return [columns[start:end] for start, end in pairwise([*starts, len(columns)])] if columns else []


def _readable(starts: list[int], depths: list[float]) -> float:
    """Return at which zoom rows that start at these columns fit into an ordinary view; 1.0 for all that do so at their
    own size."""
    ends = [*starts[1:], len(depths)]
    width = COLUMN * max(1, max(end - start for start, end in zip(starts, ends, strict=True)))
    rows = [max(depths[start:end], default=0.0) + ROW_GAP - GAP for start, end in zip(starts, ends, strict=True)]
    return min(1.0, VIEW[0] / width, VIEW[1] / max(1.0, sum(rows) - ROW_GAP + GAP))


def _cuts(columns: list[list[str]], after: _Edges) -> list[int]:
    """Return for each column how many layers lead on from it, or from those before it, to the columns behind it."""
    place = {name: number for number, column in enumerate(columns) for name in column}
    ends = [0] * (len(columns) + 1)
    for name, number in place.items():
        last = max((place[target] for target in after[name] if target in place), default=number)
        if last > number:
            ends[number] += 1
            ends[last] -= 1
    return list(accumulate(ends))


def _broken(cuts: list[int], count: int, length: int) -> list[int]:
    """Return at which of `count` columns rows of about this length start, each where the fewest connections lead on."""
    starts = [0]
    while count - starts[-1] > length:
        start = starts[-1]
        near = range(start + max(2, round(0.6 * length)), min(count - 1, start + round(1.25 * length)) + 1)
        ends = [end for end in near if cuts[end - 1] <= MOST_CUT]
        if not ends:
            ends = [end for end in range(max(near.stop, start + 2), count) if cuts[end - 1] <= MOST_CUT][:1]
        if not ends:
            break
        starts.append(min(ends, key=lambda end: (cuts[end - 1], abs(end - start - length), -end)))
    return starts


def _room_above(band: list[list[str]], after: _Edges) -> float:
    """Return what a row needs above it for the connections that skip some of its columns."""
    place = {name: number for number, column in enumerate(band) for name in column}
    skips = any(place.get(target, 0) > number + 1 for name, number in place.items() for target in after[name])
    return SKIP if skips else 0.0


def _size(name: str, sizes: Mapping[str, float]) -> float:
    return sizes.get(name, ROW - GAP)


def _on_grid(length: float) -> float:
    """Return the next multiple of 10, which is what movements on the canvas snap to."""
    return math.ceil(length / 10 - 1e-6) * 10.0


def _heights(columns: list[list[str]], before: _Edges, after: _Edges, sizes: Mapping[str, float]) -> dict[str, float]:
    """Return the height of each layer: columns centred, then drawn towards their neighbours, none on another."""
    falls = [_falls(column, sizes) for column in columns]
    heights = {
        name: down - fall[-1] / 2
        for column, fall in zip(columns, falls, strict=True)
        for name, down in zip(column, fall, strict=True)
    }
    if all(len(column) == 1 for column in columns):
        return heights
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        for column, fall in zip(
            columns if forwards else columns[::-1], falls if forwards else falls[::-1], strict=True
        ):
            wanted = []
            for name in column:
                near = [heights[n] for n in (*before[name], *after[name]) if n in heights]
                wanted.append(_or(_mean(near), heights[name]))
            for name, height in zip(column, _apart(wanted, fall), strict=True):
                heights[name] = height
    return heights


def _falls(column: list[str], sizes: Mapping[str, float]) -> list[float]:
    """Return how far below the first of a column each of it is, at least."""
    steps = [(_size(one, sizes) + _size(other, sizes)) / 2 + GAP for one, other in pairwise(column)]
    return list(accumulate(steps, initial=0.0))


def _apart(wanted: list[float], falls: list[float]) -> list[float]:
    """Return heights near those wanted, in the same order and as far apart as `falls` (pool adjacent violators)."""
    groups: list[tuple[float, int]] = []  # the mean of the first height wanted, and how many stand in a block
    for height, fall in zip(wanted, falls, strict=True):
        groups.append((height - fall, 1))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (one, some), (other, more) = groups[-2:]
            groups[-2:] = [((one * some + other * more) / (some + more), some + more)]
    starts = [start for start, count in groups for _ in range(count)]
    return [start + fall for start, fall in zip(starts, falls, strict=True)]
