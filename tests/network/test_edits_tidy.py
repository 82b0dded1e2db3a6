"""The tidy layout: from left to right, nothing on anything, few crossings."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import hypothesis.strategies as st
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
def test_every_connection_runs_to_the_right_and_no_two_layers_overlap(network: Network) -> None:
    places = tidy_positions(network)
    assert set(places) == set(network.names)
    for source, target in network.connections:
        assert places[target][0] - places[source][0] >= COLUMN - 1e-6
    for one, other in combinations(places.values(), 2):
        assert abs(one[0] - other[0]) >= COLUMN - 0.02 or abs(one[1] - other[1]) >= ROW - 0.02


def test_a_chain_stands_in_one_row() -> None:
    places = tidy_positions(drawing([("a", "b"), ("b", "c"), ("c", "d")], "dbca"))
    assert [places[name] for name in "abcd"] == [(0, 0), (COLUMN, 0), (2 * COLUMN, 0), (3 * COLUMN, 0)]


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
