"""Edits: pure functions that share what they do not change, and refuse in words what cannot be."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.building import xor
from tests.random_networks import random_network
from visualbp.core.options import OptionError
from visualbp.network import Network, edits, structure_of
from visualbp.network.diff import difference
from visualbp.network.edits import EditError, free_name
from visualbp.network.network import make_layer

WEIGHT = np.arange(8.0).reshape(4, 2)


def given_weight() -> Network:
    return edits.set_parameter(xor(), "hidden", "weight", WEIGHT)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda n: edits.add_layer(n, make_layer("hidden", "flatten"), (0, 0)),
            "there is a layer called hidden already",
        ),
        (lambda n: edits.add_layer(n, make_layer("a/b", "flatten"), (0, 0)), "a layer's name has .*, not 'a/b'"),
        (lambda n: edits.rename_layer(n, "hidden", "output"), "there is a layer called output already"),
        (lambda n: edits.rename_layer(n, "hidden", " x"), "a layer's name has"),
        (lambda n: edits.rename_layer(n, "hidden", "x" * 61), "a layer's name has 1 to 60"),
        (lambda n: edits.connect(n, "hidden", "nowhere"), "cannot connect hidden to nowhere: there is no such layer"),
        (lambda n: edits.connect(n, "hidden", "output"), "hidden and output are connected already"),
        (
            lambda n: edits.insert_on_connection(n, make_layer("x", "flatten"), ("input", "output"), (0, 0)),
            "input and output are not connected",
        ),
    ],
)
def test_an_edit_that_cannot_be_says_why_and_changes_nothing(edit: Any, words: str) -> None:
    network = xor()
    before = copy.deepcopy(network)
    with pytest.raises(EditError, match=words):
        edit(network)
    assert network == before


def test_an_option_out_of_range_is_refused_by_name() -> None:
    with pytest.raises(OptionError, match="units must be a whole number from 1 to 1,000,000, not 0"):
        edits.set_options(xor(), "hidden", {"units": 0})


def test_removing_a_layer_takes_its_connections_position_and_parameters_along() -> None:
    network = edits.remove_layers(given_weight(), ["hidden"])
    assert network.names == ("input", "output", "loss") and network.connections == (("output", "loss"),)
    assert "hidden" not in network.positions and "hidden" not in network.parameters


def test_a_layer_dropped_on_a_connection_takes_its_place_among_the_operands() -> None:
    network = xor()
    network = edits.disconnect(network, [("output", "loss")])
    for name in ("left", "right"):
        network = edits.add_layer(network, make_layer(name, "dense", {"units": 4}), (0, 0))
        network = edits.connect(network, "input", name)
    network = edits.add_layer(network, make_layer("join", "concatenate"), (0, 0))
    for source in ("left", "right", "hidden"):
        network = edits.connect(network, source, "join")
    network = edits.insert_on_connection(network, make_layer("new", "flatten"), ("right", "join"), (5.0, 6.0))
    assert network.inputs_of("join") == ("left", "new", "hidden")
    assert network.inputs_of("new") == ("right",) and network.positions["new"] == (5.0, 6.0)


def test_renaming_reaches_connections_positions_and_parameters() -> None:
    network = edits.rename_layer(given_weight(), "hidden", "first")
    assert network.names == ("input", "first", "output", "loss")
    assert ("input", "first") in network.connections and ("first", "output") in network.connections
    assert "first" in network.positions and network.parameters["first"]["weight"] is WEIGHT


def test_weights_that_still_fit_survive_an_option_and_others_are_dropped() -> None:
    network = edits.set_parameter(given_weight(), "output", "weight", np.zeros((1, 4)))
    network = edits.set_parameter(network, "hidden", "bias", np.zeros(4))
    same = edits.set_options(network, "hidden", {"activation": "relu"})
    assert same.parameters["hidden"]["weight"] is WEIGHT and "output" in same.parameters
    wider = edits.set_options(network, "hidden", {"units": 5})
    assert "hidden" not in wider.parameters and "output" not in wider.parameters
    without_bias = edits.set_options(network, "hidden", {"bias": False})
    assert set(without_bias.parameters["hidden"]) == {"weight"}


def test_options_that_a_choice_brings_go_with_it() -> None:
    network = edits.add_layer(
        Network(), make_layer("a", "activation", {"function": "leaky_relu", "slope": 0.3}), (0, 0)
    )
    assert edits.set_options(network, "a", {"slope": 0.4}).layer("a").options == {
        "function": "leaky_relu",
        "slope": 0.4,
    }
    assert edits.set_options(network, "a", {"function": "elu"}).layer("a").options == {"function": "elu", "alpha": 1.0}


@pytest.mark.parametrize(
    ("taken", "wanted", "free"),
    [
        ([], "dense", "dense"),
        (["dense"], "dense", "dense_2"),
        (["dense", "dense_2"], "dense_2", "dense_3"),
        (["a"], "b", "b"),
    ],
)
def test_a_taken_name_counts_on(taken: list[str], wanted: str, free: str) -> None:
    assert free_name(taken, wanted) == free


def test_a_pasted_part_keeps_its_inner_connections_and_weights_under_free_names() -> None:
    network = given_weight()
    part = edits.copy_part(network, ["hidden", "output"])
    grown, names = edits.paste(network, part, (10.0, 20.0))
    assert names == ("hidden_2", "output_2")
    assert ("hidden_2", "output_2") in grown.connections and grown.inputs_of("hidden_2") == ()
    assert grown.parameters["hidden_2"]["weight"] is WEIGHT
    x, y = network.positions["hidden"]
    assert grown.positions["hidden_2"] == (x + 10.0, y + 20.0)
    again, names = edits.paste(grown, part, (0.0, 0.0))
    assert names == ("hidden_3", "output_3") and len(set(again.names)) == len(again.names)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.data())
def test_edits_share_what_they_do_not_change_and_leave_their_network_alone(seed: int, data: st.DataObject) -> None:
    network = random_network(seed, with_dropout=True)
    before = copy.deepcopy(network)
    name = data.draw(st.sampled_from(network.names))
    edited = data.draw(
        st.sampled_from(
            [
                edits.remove_layers(network, [name]),
                edits.move_layers(network, {name: (1.5, 2.5)}),
                edits.rename_layer(network, name, "another name"),
                edits.set_frozen(network, name, True),
                edits.clear_parameters(network, seed=5),
                edits.paste(network, edits.copy_part(network, [name]), (1, 1))[0],
            ]
        )
    )
    assert network == before
    kept = {layer.name: layer for layer in edited.layers}
    for layer in network.layers:
        if layer.name != name and layer.name in kept:
            assert kept[layer.name] is layer
    structure_of(edited)  # whatever it is, it can be looked at


def test_a_difference_says_what_changed_and_whether_the_engine_must_compile_anew() -> None:
    network = given_weight()
    moved = difference(network, edits.move_layers(network, {"hidden": (7.0, 7.0)}))
    assert moved.positions and not moved.needs_new_plan and moved.parameters == ()
    changed = difference(network, edits.set_options(network, "hidden", {"activation": "relu"}))
    assert changed.changed == ("hidden",) and changed.needs_new_plan
    weights = difference(network, edits.set_parameter(network, "hidden", "weight", WEIGHT + 1))
    assert weights.parameters == (("hidden", "weight"),) and not weights.needs_new_plan
    same = difference(network, edits.set_parameter(network, "hidden", "weight", WEIGHT.copy()))
    assert same.parameters == () and not same.needs_new_plan
    grown = difference(network, edits.paste(network, edits.copy_part(network, ["output"]), (0, 0))[0])
    assert grown.added == ("output_2",) and grown.removed == () and grown.needs_new_plan
    gone = difference(network, edits.remove_layers(network, ["output"]))
    assert gone.removed == ("output",) and gone.connections


def test_equal_networks_are_equal_by_value_and_nan_weights_equal_themselves() -> None:
    assert xor() == xor() and hash(xor()) == hash(xor())
    one, other = (edits.set_parameter(xor(), "hidden", "bias", np.array([np.nan] * 4)) for _ in range(2))
    assert one == other and one != xor() and one != "network"
