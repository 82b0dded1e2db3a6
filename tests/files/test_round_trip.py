"""What is written reads back to the same network, and is written again to the same bytes."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

from tests.building import chain, with_training, xor
from tests.registry_cases import some_values
from visualbp.core.arrays import Array
from visualbp.core.options import Choice, EntryOption, Option, parse_options
from visualbp.datasets import datasets
from visualbp.datasets.arrays import LONGEST_LIST
from visualbp.datasets.base import make_spec
from visualbp.files import network_from_text, network_to_text
from visualbp.files.write import WIDTH, network_to_record, number_text
from visualbp.initializers import initializers
from visualbp.layers import layer_types
from visualbp.network import Clip, Network, Training
from visualbp.network.network import make_layer
from visualbp.operations.activations import activations
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import SCHEDULE

CONTRACT_EXAMPLE = """
{
  "format": "visualbp", "version": 1,
  "name": "XOR", "description": "Why a hidden layer is needed.", "seed": 7, "precision": "float64",
  "layers": [
    {"name": "input",  "type": "input", "shape": [2]},
    {"name": "hidden", "type": "dense", "units": 4, "activation": "tanh", "weight_init": "glorot_uniform"},
    {"name": "output", "type": "dense", "units": 1, "activation": "sigmoid"},
    {"name": "loss",   "type": "binary_cross_entropy"}
  ],
  "connections": [["input", "hidden"], ["hidden", "output"], ["output", "loss"]],
  "layout": {"input": [0, 0], "hidden": [180, 0], "output": [360, 0], "loss": [540, 0]},
  "data": {"source": "inline", "inputs": [[0,0],[0,1],[1,0],[1,1]], "targets": [[0],[1],[1],[0]]},
  "training": {"optimizer": {"type": "sgd", "learning_rate": 0.5}, "batch_size": 4, "shuffle": false,
               "clip": {"by": "norm", "limit": 1.0}, "l1": 0.0, "l2": 0.0},
  "parameters": {"hidden": {"weight": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]], "bias": [0, 0, 0, 0]}}
}
"""

finite = st.floats(allow_nan=False, allow_infinity=False)


def dense_network(weight: Array, **changes: Any) -> Network:
    """An input of n features and a dense layer with this weight (units, n)."""
    units, width = weight.shape
    network = Network(
        layers=(make_layer("input", "input", {"shape": [width]}), make_layer("dense", "dense", {"units": units})),
        connections=(("input", "dense"),),
        parameters={"dense": {"weight": weight}},
    )
    return replace(network, **changes)


def reread(network: Network) -> Network:
    """The network after saving and loading; checks on the way that saving it again gives the same bytes."""
    text = network_to_text(network)
    found = network_from_text(text)
    assert network_to_text(found) == text
    return found


def test_the_example_of_the_format_reads_as_it_says() -> None:
    network = network_from_text(CONTRACT_EXAMPLE)
    assert network.names == ("input", "hidden", "output", "loss")
    assert (network.name, network.seed, network.precision) == ("XOR", 7, "float64")
    assert network.layer("hidden").options["activation"] == Choice("tanh")
    assert network.positions["hidden"] == (180.0, 0.0)
    assert network.training.clip == Clip("norm", 1.0)
    assert network.training.optimizer.options["learning_rate"] == 0.5
    assert network.data is not None and network.data.options["targets"].shape == (4, 1)
    np.testing.assert_array_equal(
        network.parameters["hidden"]["weight"], [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]]
    )
    assert reread(network) == network


def test_what_is_written_is_json_and_leaves_out_what_is_at_its_default() -> None:
    record = json.loads(network_to_text(network_from_text(CONTRACT_EXAMPLE)))
    assert record["layers"][1] == {"name": "hidden", "type": "dense", "units": 4, "activation": "tanh"}
    assert "precision" not in record and "shuffle" not in record["training"] and "l1" not in record["training"]
    assert record["training"]["clip"] == {"by": "norm", "limit": 1}


def test_arrays_are_read_only() -> None:
    array = network_from_text(CONTRACT_EXAMPLE).parameters["hidden"]["weight"]
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1.0


@given(np_st.arrays(np.float64, np_st.array_shapes(min_dims=2, max_dims=2, max_side=20), elements=finite))
def test_every_float_keeps_its_bits(weight: Array) -> None:
    found = reread(dense_network(weight)).parameters["dense"]["weight"]
    assert found.tobytes() == weight.tobytes()


@given(finite)
def test_a_number_is_written_in_the_shortest_text_that_reads_back_to_it(number: float) -> None:
    text = number_text(number)
    assert math.copysign(1.0, float(text)) == math.copysign(1.0, number)
    assert float(text) == number
    assert len(text) <= len(repr(number))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_diverged_network_keeps_its_nan_and_infinity(dtype: type, bad: float) -> None:
    weight = np.array([[1.0, bad], [-0.0, 2.0]], dtype)
    network = reread(dense_network(weight))
    assert network.parameters["dense"]["weight"].tobytes() == weight.tobytes()
    assert "NaN" not in network_to_text(network) and "Infinity" not in network_to_text(network)


def test_a_long_array_is_written_in_base64_and_a_shorter_one_as_a_list() -> None:
    generator = np.random.default_rng(3)
    long, short = (
        generator.normal(size=(LONGEST_LIST // 100 + 1, 100)),
        generator.normal(size=(LONGEST_LIST // 100, 100)),
    )
    record = network_to_record(dense_network(long))["parameters"]["dense"]["weight"]
    assert record["dtype"] == "float64" and record["shape"] == [1001, 100]
    np.testing.assert_array_equal(reread(dense_network(long)).parameters["dense"]["weight"], long)
    assert isinstance(network_to_record(dense_network(short))["parameters"]["dense"]["weight"], list)
    np.testing.assert_array_equal(reread(dense_network(short)).parameters["dense"]["weight"], short)


@pytest.mark.parametrize(("count", "width"), [(13, 300), (20, 1)])
def test_many_arrays_just_short_enough_for_lists_can_still_be_read(count: int, width: int) -> None:
    units = LONGEST_LIST // width - 7
    layers = [make_layer("input", "input", {"shape": [width]})]
    layers += [make_layer(f"dense {index}", "dense", {"units": units}) for index in range(count)]
    names = [layer.name for layer in layers[1:]]
    weight = np.arange(units * width).reshape(units, width) / 8
    network = Network(
        layers=tuple(layers),
        connections=tuple(("input", name) for name in names),
        parameters={name: {"weight": weight} for name in names},
        data=make_spec("inline", {"inputs": np.ones((5000, 1)), "targets": np.ones((5000, 1))}),
    )
    assert reread(network) == network
    written = network_to_record(network)["parameters"]
    assert isinstance(written[names[0]]["weight"], list) and isinstance(written[names[-1]]["weight"], dict)


def test_an_array_in_base64_is_read_at_any_size() -> None:
    text = """{"format": "visualbp", "version": 1, "name": "x", "layers": [{"name": "i", "type": "input", "shape": [1]},
      {"name": "d", "type": "dense", "units": 1}], "connections": [["i", "d"]],
      "parameters": {"d": {"weight": {"dtype": "float64", "shape": [1, 1], "base64": "AAAAAAAA8D8="}}}}"""
    assert network_from_text(text).parameters["d"]["weight"].tolist() == [[1.0]]


def test_short_things_stay_on_one_line_and_long_rows_are_filled() -> None:
    network = dense_network(np.linspace(0, 1, 300).reshape(2, 150), description="A long text. " * 30)
    lines = network_to_text(network).splitlines()
    assert '    {"name": "dense", "type": "dense", "units": 2}' in lines
    assert max(len(line) for line in lines if '"description"' not in line) <= WIDTH + 1  # and a comma
    assert len(lines) < 100


whole = st.sampled_from([0.0, -0.0, 1.0, -20.0, 999999999999999.0, -999999999999999.0, 1e15, -1e15, 1e16, 1e22])


@settings(max_examples=50)
@given(st.lists(finite | whole | st.integers(-99, 99).map(float), min_size=50, max_size=60), st.integers(1, 40))
def test_a_row_has_the_shortest_numbers_and_as_many_on_each_line_as_fit(numbers: list[float], times: int) -> None:
    row = numbers * times  # also longer than what is made text in one go
    texts = [number_text(number) for number in row]
    indent = " " * 10
    lines = [indent + texts[0]]
    for text in texts[1:]:
        if len(lines[-1]) + len(", ") + len(text) + len(", ") <= WIDTH:
            lines[-1] += f", {text}"
        else:
            lines[-1] += ","
            lines.append(indent + text)
    start, end = f"{indent[2:]}[", f"{indent[2:]}]"
    assert "\n".join(["", start, *lines, end, ""]) in network_to_text(dense_network(np.array([row])))


def needed(options: Sequence[Option]) -> dict[str, Any]:
    """Values for the options that have to be given."""
    return {option.name: some_values(option)[0] for option in options if option.required}


def choices(registry: Any, **given: Any) -> list[Choice]:
    return [
        Choice(entry.type_name, parse_options(entry.options, {**needed(entry.options), **given})) for entry in registry
    ]


options_of_sources = {
    "inline": {"inputs": [[1, 2.5]], "targets": [3]},
    "csv": {"path": "data/a b.csv", "inputs": ["x", "y"], "target": "z"},
}


@settings(max_examples=60)
@given(st.data())
def test_any_network_survives(data: Any) -> None:
    """Options, frozen parameters, training and data drawn from everything that is registered."""

    def drawn(strategy: Any) -> Any:
        return data.draw(strategy)

    names = drawn(
        st.lists(st.text(alphabet="abcä_-+=() 1", min_size=1, max_size=8), min_size=1, max_size=6, unique=True)
    )
    names = [name.strip() or "x" for name in names]
    layers = []
    for name in dict.fromkeys(names):
        kind = drawn(st.sampled_from(list(layer_types)))
        given_options = needed(kind.options)
        for option in kind.options_for({"function": "relu"}):
            if isinstance(option, EntryOption):
                given_options[option.name] = drawn(st.sampled_from(choices(option.registry)))
        match kind.type_name:
            case "input":
                given_options = {"shape": drawn(st.lists(st.integers(1, 9), min_size=1, max_size=3))}
            case "dense":
                given_options["units"] = drawn(st.integers(1, 99))
            case "activation":
                function = drawn(st.sampled_from(list(activations)))
                given_options = {
                    "function": function.type_name,
                    **parse_options(function.options, needed(function.options)),
                }
        frozen = drawn(st.booleans()) if kind.type_name == "dense" else False
        layers.append(make_layer(name, kind.type_name, given_options, frozen))
    found = [layer.name for layer in layers]
    forward = [(a, b) for index, a in enumerate(found) for b in found[index + 1 :]]
    source = drawn(st.sampled_from(datasets.names()))
    rate = drawn(st.floats(0, 10))
    network = Network(
        name=drawn(st.text(alphabet='abc äλ"\\\n', max_size=20)),
        description=drawn(st.text(alphabet='abc äλ"\\\n', max_size=200)),
        seed=drawn(st.integers(0, 2**63 - 1)),
        precision=drawn(st.sampled_from(["float64", "float32"])),
        layers=tuple(layers),
        connections=tuple(drawn(st.lists(st.sampled_from(forward), unique=True))) if forward else (),
        positions={name: (drawn(st.floats(-1e6, 1e6)), float(index)) for index, name in enumerate(found)},
        data=drawn(st.sampled_from([None, make_spec(source, options_of_sources.get(source))])),
        training=Training(
            optimizer=drawn(st.sampled_from(choices(optimizers, learning_rate=rate))),
            batch_size=drawn(st.integers(1, 1000)),
            shuffle=drawn(st.booleans()),
            clip=drawn(st.sampled_from([None, Clip("norm", 2.5), Clip("value", 1e-3)])),
            l1=drawn(st.floats(0, 1)),
            l2=drawn(st.floats(0, 1)),
        ),
    )
    assert reread(network) == network


def test_every_initialiser_with_its_options_survives() -> None:
    for choice in choices(initializers):
        layer = make_layer("dense", "dense", {"units": 3, "weight_init": choice})
        assert reread(Network(layers=(layer,))).layers == (layer,)


def test_a_learning_rate_schedule_survives_saving() -> None:
    schedule = SCHEDULE.parse({"type": "cosine", "iterations": 500, "warm_up": 20})
    network = with_training(xor(), schedule=schedule)
    again = network_from_text(network_to_text(network), "here")
    assert again.training.schedule == schedule
    assert network_to_text(again) == network_to_text(network)


def test_names_of_any_length_and_place_are_written_whole() -> None:
    for length in range(1, 61):
        name = "é" * length
        layers = (name, "input", {"shape": [2]}), ("d" * length, "dense", {"units": 1}), (f"l{name}"[:60], "hinge", {})
        network = chain(*layers)
        again = network_from_text(network_to_text(network))
        assert again == network and again.positions == network.positions


def test_an_empty_list_of_frozen_parameters_is_none() -> None:
    text = network_to_text(chain(("i", "input", {"shape": [2]}), ("d", "dense", {"units": 1}), ("l", "hinge", {})))
    read = network_from_text(text.replace('"units": 1', '"units": 1, "frozen": []'))
    assert read.layer("d").frozen is False and network_to_text(read) == text
