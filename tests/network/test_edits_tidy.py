"""The tidy layout: from left to right, nothing on anything, few crossings."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from visualbp.network import Network, edits
from visualbp.network.network import make_layer
from visualbp.network.tidy import COLUMN, ROW, complete_positions, tidy_positions


def drawing(edges: list[tuple[str, str]], names: str) -> Network:
    network = Network()
    for name in names:
        network = edits.add_layer(network, make_layer(name, "add"), (0.0, 0.0))
    for source, target in edges:
        network = edits.connect(network, source, target)
    return network


@st.composite
def graphs(draw: st.DrawFn) -> Network:
    names = "abcdefghij"[: draw(st.integers(1, 10))]
    pairs = list(combinations(names, 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    order = draw(st.permutations(names))
    return drawing(edges, "".join(order))


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_connections_run_to_the_right_or_on_in_a_row_below_and_no_two_layers_overlap(network: Network) -> None:
    places = tidy_positions(network)
    assert set(places) == set(network.names)
    for source, target in network.connections:
        right, down = (places[target][axis] - places[source][axis] for axis in (0, 1))
        assert right >= COLUMN - 1e-6 or down >= ROW - 1e-6
    for one, other in combinations(places.values(), 2):
        assert abs(one[0] - other[0]) >= COLUMN - 0.02 or abs(one[1] - other[1]) >= ROW - 0.02


def test_a_chain_stands_in_one_row() -> None:
    places = tidy_positions(drawing([("a", "b"), ("b", "c"), ("c", "d")], "dbca"))
    assert [places[name] for name in "abcd"] == [(0, 0), (COLUMN, 0), (2 * COLUMN, 0), (3 * COLUMN, 0)]


def chain(count: int) -> Network:
    names = [f"n{place}" for place in range(count)]
    layers = tuple(make_layer(name, "add") for name in names)
    return replace(Network(), layers=layers, connections=tuple(pairwise(names)))


@pytest.mark.parametrize(("count", "rows"), [(5, 1), (6, 1), (8, 2), (13, 2), (40, 4)])
def test_a_long_chain_goes_on_in_the_next_row_as_lines_of_text_do(count: int, rows: int) -> None:
    network = chain(count)
    places = tidy_positions(network)
    by_row: dict[float, list[float]] = {}
    for name in network.names:
        by_row.setdefault(places[name][1], []).append(places[name][0])
    assert len(by_row) == rows and list(by_row) == sorted(by_row)
    lengths = [len(row) for row in by_row.values()]
    for row in by_row.values():
        assert row == [COLUMN * place for place in range(len(row))]
    assert max(lengths) - min(lengths) <= rows


def test_forty_layers_in_rows_can_be_read_three_times_as_well_as_in_one() -> None:
    places = tidy_positions(chain(40)).values()
    width, height = (max(place[axis] for place in places) - min(place[axis] for place in places) for axis in (0, 1))
    assert min(875 / (width + COLUMN), 450 / (height + ROW)) > 3 * 875 / (40 * COLUMN)


def residual(blocks: int) -> Network:
    """Blocks of three layers, each with a connection around it."""
    network = chain(3 * blocks + 1)
    around = [(f"n{3 * block}", f"n{3 * block + 3}") for block in range(blocks)]
    return replace(network, connections=(*network.connections, *around))


def test_a_row_ends_between_branches_and_not_within_them() -> None:
    network = residual(10)
    places = tidy_positions(network)
    assert len({y for _, y in places.values()}) > 1
    for block in range(10):
        rows = {places[f"n{3 * block + place}"][1] for place in (1, 2, 3)}
        assert len(rows) == 1, block


def test_what_cannot_be_broken_stays_in_one_row() -> None:
    names = [f"n{place}" for place in range(12)]
    network = replace(chain(12), connections=tuple(combinations(names, 2)))
    assert [tidy_positions(network)[name][0] for name in names] == [COLUMN * place for place in range(12)]


def test_high_layers_get_the_room_that_they_need() -> None:
    network = drawing([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], "abcd")
    places = tidy_positions(network, {"b": 300.0, "c": 260.0})
    assert abs(places["b"][1] - places["c"][1]) >= 280.0
    tall = chain(13)
    places = tidy_positions(tall, dict.fromkeys(tall.names, 400.0))
    rows = sorted({y for _, y in places.values()})
    assert all(lower - upper > 400 for upper, lower in pairwise(rows))


def test_two_branches_that_would_cross_do_not() -> None:
    places = tidy_positions(drawing([("s", "a"), ("s", "b"), ("a", "d"), ("b", "c"), ("c", "e"), ("d", "e")], "sabcde"))
    assert (places["a"][1] < places["b"][1]) == (places["d"][1] < places["c"][1])


def test_layers_on_a_cycle_are_placed_too() -> None:
    places = tidy_positions(drawing([("a", "b"), ("b", "c"), ("c", "b")], "abc"))
    assert len({places[name] for name in "abc"}) == 3


def test_only_missing_positions_are_completed() -> None:
    found = complete_positions(replace(drawing([("a", "b")], "ab"), positions={"a": (50.0, 70.0)}))
    assert found["a"] == (50.0, 70.0)
    assert found["b"][1] >= 70.0 + ROW
