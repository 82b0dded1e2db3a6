"""A tidy layout: layers in columns by their distance from the input, ordered so that few connections cross.

The method is Sugiyama's (1981): longest-path columns, barycentre sweeps for the order within a column, then heights
that keep chains straight. Skip connections need no room of their own: the canvas draws them above what they skip.
"""

from __future__ import annotations

from collections.abc import Mapping

from visualbp.network.network import Network, Position

COLUMN, ROW = 190.0, 160.0
"""From one layer to the next, centre to centre, in the units of a network's positions."""
SWEEPS = 6

_Edges = Mapping[str, list[str]]


def tidy_positions(network: Network) -> dict[str, Position]:
    """Return a position for every layer: connected layers in columns from left to right, others in a row below."""
    before: dict[str, list[str]] = {name: [] for name in network.names}
    after: dict[str, list[str]] = {name: [] for name in network.names}
    for source, target in network.connections:
        before[target].append(source)
        after[source].append(target)
    joined = [name for name in network.names if before[name] or after[name]]
    columns = _columns(joined, before, after)
    _reduce_crossings(columns, before, after)
    heights = _heights(columns, before, after)
    places = {name: (number * COLUMN, heights[name]) for number, column in enumerate(columns) for name in column}
    lowest = max(heights.values(), default=-ROW)
    loose = [name for name in network.names if name not in places]
    for number, name in enumerate(loose):
        places[name] = (number * COLUMN, lowest + ROW)
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


def _heights(columns: list[list[str]], before: _Edges, after: _Edges) -> dict[str, float]:
    """Return the height of each layer: columns centred, then drawn towards their neighbours, at least ROW apart."""
    heights = {name: (number - (len(column) - 1) / 2) * ROW for column in columns for number, name in enumerate(column)}
    if all(len(column) == 1 for column in columns):
        return heights
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = []
            for name in column:
                near = [heights[n] for n in (*before[name], *after[name]) if n in heights]
                wanted.append(_or(_mean(near), heights[name]))
            for name, height in zip(column, _apart(wanted), strict=True):
                heights[name] = height
    return heights


def _apart(wanted: list[float]) -> list[float]:
    """Return heights near those wanted, in the same order and at least ROW apart (pool adjacent violators)."""
    groups: list[tuple[float, int]] = []  # the mean of the first height wanted, and how many stand in a block
    for number, height in enumerate(wanted):
        groups.append((height - number * ROW, 1))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (one, some), (other, more) = groups[-2:]
            groups[-2:] = [((one * some + other * more) / (some + more), some + more)]
    result: list[float] = []
    for start, count in groups:
        result += [start + (len(result) + i) * ROW for i in range(count)]
    return result
