"""What a drawing means: order, shapes, and problems that name the layer, what is wrong, and the mend."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.building import chain, xor
from tests.random_networks import random_network
from visualbp.network import Network, connection_problem, edits, structure_of
from visualbp.network.network import make_layer


def texts(network: Network, severity: str = "error") -> list[str]:
    return [problem.text for problem in structure_of(network).problems if problem.severity == severity]


def drawing(layers: dict[str, tuple[str, dict]], connections: list[tuple[str, str]]) -> Network:
    network = Network()
    for name, (type_name, options) in layers.items():
        network = edits.add_layer(network, make_layer(name, type_name, options), (0.0, 0.0))
    for source, target in connections:
        network = edits.connect(network, source, target)
    return network


INPUT, DENSE, ADD, LOSS = ("input", {"shape": [3]}), ("dense", {"units": 4}), ("add", {}), ("mean_squared_error", {})


def test_an_empty_canvas_asks_for_an_input_and_a_loss() -> None:
    assert texts(Network()) == [
        "the network has no input layer; drag one from the palette",
        "the network has no loss layer; drag one from the palette's losses",
    ]


def test_shapes_follow_the_connections() -> None:
    network = chain(
        ("input", "input", {"shape": [2, 3]}),
        ("dense", "dense", {"units": 5}),
        ("flat", "flatten", {}),
        ("loss", "mean_squared_error", {}),
    )
    structure = structure_of(network)
    assert structure.can_run and structure.shapes == {"input": (2, 3), "dense": (2, 5), "flat": (10,), "loss": ()}
    assert [spec.shape for spec in structure.parameters["dense"]] == [(5, 3), (5,)]


def test_shapes_that_do_not_join_are_named_both_with_the_mend() -> None:
    network = drawing(
        {"input": INPUT, "a": DENSE, "b": ("dense", {"units": 5}), "sum": ADD, "loss": LOSS},
        [("input", "a"), ("input", "b"), ("a", "sum"), ("b", "sum"), ("sum", "loss")],
    )
    (problem,) = texts(network)
    assert problem.startswith("sum: ") and "(4)" in problem and "(5)" in problem
    assert problem.endswith("give the layers before it the same number of units")


def test_a_cycle_is_found_and_named() -> None:
    network = drawing(
        {"input": INPUT, "a": ADD, "b": DENSE, "loss": LOSS},
        [("input", "a"), ("b", "a"), ("a", "b"), ("b", "loss")],
    )
    assert any("cycle (a, b" in text and "remove one connection" in text for text in texts(network))


@pytest.mark.parametrize(
    ("layers", "connections", "words"),
    [
        ({"input": INPUT, "a": DENSE, "loss": LOSS}, [("a", "loss")], "a: needs an input"),
        ({"input": INPUT, "s": ADD, "loss": LOSS}, [("input", "s"), ("s", "loss")], "s: needs 2 inputs or more, has 1"),
        (
            {"input": INPUT, "a": DENSE, "b": DENSE, "loss": LOSS},
            [("input", "a"), ("input", "b"), ("a", "loss"), ("b", "loss")],
            "loss: takes one input, has 2",
        ),
        (
            {"input": INPUT, "more": INPUT, "a": ADD, "loss": LOSS},
            [("input", "a"), ("more", "a"), ("a", "loss")],
            "more: is a second input layer beside input",
        ),
    ],
)
def test_what_is_missing_or_too_much_is_said(
    layers: dict[str, tuple[str, dict]], connections: list[tuple[str, str]], words: str
) -> None:
    assert any(text.startswith(words) for text in texts(drawing(layers, connections))), texts(
        drawing(layers, connections)
    )


def test_a_layer_aside_is_a_warning_and_is_left_out() -> None:
    network = edits.add_layer(xor(), make_layer("aside", "dense", {"units": 3}), (0, 0))
    network = edits.connect(network, "hidden", "aside")
    structure = structure_of(network)
    assert structure.can_run and "aside" not in structure.order
    assert texts(network, "warning") == ["aside: does not lead to the loss, and is left out; connect it, or delete it"]


def test_a_layer_of_absurd_size_is_refused_before_anything_is_allocated() -> None:
    network = drawing(
        {"input": ("input", {"shape": [1_000_000]}), "a": ("dense", {"units": 1_000_000}), "loss": LOSS},
        [("input", "a"), ("a", "loss")],
    )
    (problem,) = texts(network)
    assert problem.startswith("a: weight would have 1,000,000,000,000 numbers")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.randoms())
def test_the_order_puts_sources_first_however_the_layers_are_listed(seed: int, random: object) -> None:
    network = random_network(seed, with_dropout=True)
    layers = list(network.layers)
    random.shuffle(layers)  # type: ignore[attr-defined]
    shuffled = edits.replace(network, layers=tuple(layers))
    structure = structure_of(shuffled)
    assert structure.can_run and set(structure.order) == set(network.names)
    place = {name: index for index, name in enumerate(structure.order)}
    assert all(place[source] < place[target] for source, target in network.connections)
    assert structure.shapes == structure_of(network).shapes


def test_connections_that_cannot_be_are_refused_in_a_few_words() -> None:
    network = drawing(
        {"input": INPUT, "a": DENSE, "b": ("dense", {"units": 5}), "sum": ADD, "loss": LOSS},
        [("input", "a"), ("a", "b"), ("a", "sum")],
    )
    reasons = {
        ("a", "a"): "a layer cannot feed itself",
        ("input", "a"): "these two are connected already",
        ("loss", "sum"): "a loss is the end: nothing comes after it",
        ("a", "input"): "an input layer takes no input",
        ("input", "b"): "b takes one input, and has it; put an Add before it to join several",
    }
    for (source, target), reason in reasons.items():
        assert connection_problem(network, source, target) == reason
    cycle = connection_problem(edits.disconnect(network, [("input", "a")]), "b", "a")
    assert cycle is not None and "close a cycle" in cycle
    shapes = connection_problem(network, "b", "sum")
    assert shapes is not None and "(4)" in shapes and "(5)" in shapes
    assert connection_problem(network, "sum", "loss") is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_every_connection_of_a_network_that_runs_could_be_drawn_again(seed: int) -> None:
    network = random_network(seed)
    for connection in network.connections:
        without = edits.disconnect(network, [connection])
        assert connection_problem(without, *connection) is None


def test_layers_set_aside_keep_nothing_from_running() -> None:
    network = xor()
    spare = make_layer("spare", "input", {"shape": [2]})
    network = edits.add_layer(network, spare, (0.0, 300.0))
    network = edits.add_layer(network, make_layer("other loss", "hinge"), (300.0, 300.0))
    structure = structure_of(network)
    assert structure.can_run and (structure.input, structure.loss) == ("input", "loss")
    assert {problem.layer for problem in structure.problems} == {"spare", "other loss"}


def test_nothing_comes_after_a_loss() -> None:
    network = drawing({"input": INPUT, "loss": LOSS, "after": DENSE}, [("input", "loss")])
    follows = edits.replace(network, connections=(*network.connections, ("loss", "after")))
    structure = structure_of(follows)
    (error,) = structure.errors
    assert error.layer == "loss" and "the end of the network, and after is connected behind it" in error.message
    assert error.mend == "remove the connection from loss to after"
    assert structure_of(edits.disconnect(follows, [("loss", "after")])).errors == structure_of(network).errors


def test_no_edit_connects_a_loss_onwards() -> None:
    network = drawing({"input": INPUT, "loss": LOSS, "after": DENSE}, [("input", "after"), ("after", "loss")])
    loose = edits.add_layer(network, make_layer("second", "hinge"), (0.0, 0.0))
    with pytest.raises(edits.EditError, match="a loss is the end"):
        edits.connect(loose, "second", "after")
    for layer in (make_layer("third", "hinge"), loose.layer("second")):
        with pytest.raises(edits.EditError, match="a loss is the end"):
            edits.insert_on_connection(loose, layer, ("input", "after"), (0.0, 0.0))
