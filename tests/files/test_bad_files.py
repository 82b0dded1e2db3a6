"""Files with a fault: one sentence that names the file, the place and the reason, and mostly the mend."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from visualbp.files import FileError, network_from_text
from visualbp.network import structure_of

GOOD: dict[str, Any] = {
    "format": "visualbp",
    "version": 1,
    "name": "good",
    "layers": [
        {"name": "input", "type": "input", "shape": [2]},
        {"name": "hidden", "type": "dense", "units": 4, "activation": "tanh"},
        {"name": "output", "type": "dense", "units": 1},
        {"name": "loss", "type": "mean_squared_error"},
    ],
    "connections": [["input", "hidden"], ["hidden", "output"], ["output", "loss"]],
    "data": {"source": "xor"},
}

Change = Callable[[dict[str, Any]], object]


def message(change: Change) -> str:
    """What is said of the good file once it is changed."""
    record = copy.deepcopy(GOOD)
    change(record)
    with pytest.raises(FileError) as caught:
        network_from_text(json.dumps(record), "model.vbp")
    return caught.value.text


def put(*path_and_value: Any) -> Change:
    """A change that puts the last argument at the place that the others lead to."""
    *path, key, value = path_and_value

    def change(record: dict[str, Any]) -> None:
        inner: Any = record
        for part in path:
            inner = inner[part]
        inner[key] = value

    return change


def taken_out(*path: Any) -> Change:
    def change(record: dict[str, Any]) -> None:
        inner: Any = record
        for part in path[:-1]:
            inner = inner[part]
        del inner[path[-1]]

    return change


def many(record: dict[str, Any]) -> None:
    record["layers"] = [{"name": f"layer {index}", "type": "flatten"} for index in range(2001)]
    record["connections"] = []


def with_cycle(record: dict[str, Any]) -> None:
    record["layers"].insert(2, {"name": "sum", "type": "add"})
    record["connections"] = [["input", "sum"], ["sum", "hidden"], ["hidden", "sum"], ["hidden", "output"]]


def base64_weight(**changes: Any) -> Change:
    array = {"dtype": "float64", "shape": [1, 4], "base64": "A" * 43 + "=", **changes}
    return put("parameters", {"output": {"weight": array}})


def test_the_good_file_is_good() -> None:
    assert structure_of(network_from_text(json.dumps(GOOD))).can_run


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        (taken_out("format"), "format", "is missing"),
        (put("format", "onnx"), "format", "'onnx'"),
        (taken_out("version"), "version", "is missing"),
        (put("version", 2), "version", "is 2, and this visualbp reads up to 1; use a newer visualbp"),
        (put("version", 0), "version", "whole number"),
        (put("version", "1"), "version", "not '1'"),
        (put("version", True), "version", "not true"),
        (taken_out("name"), "name", "is missing"),
        (put("name", ["x"]), "name", "must be a text"),
        (put("description", "x" * 20_001), "description", "at most 20000"),
        (put("seed", -1), "seed", "must be a whole number"),
        (put("seed", 1.5), "seed", "not 1.5"),
        (put("precision", "float16"), "precision", "one of float64, float32"),
        (put("layuot", {}), "layuot", "is not known here; did you mean 'layout'?"),
        (taken_out("layers"), "layers", "is missing"),
        (put("layers", {}), "layers", "must be a list, not an object"),
        (put("layers", 1, "dense"), "layers[1]", "must be an object, not 'dense'"),
        (many, "layers", "has 2,001 entries; 2,000 is the most"),
        (taken_out("layers", 1, "name"), "layers[1].name", "is missing"),
        (put("layers", 1, "name", "a/b"), "layers[1].name", "not 'a/b'"),
        (put("layers", 1, "name", "input"), "layers[1].name", "two layers called input"),
        (taken_out("layers", 1, "type"), "layers[1].type", "is missing"),
        (put("layers", 1, "type", "dens"), "layers[1].type", "no layer type called 'dens'; did you mean 'dense'?"),
        (put("layers", 1, "type", ["dense"]), "layers[1].type", "no layer type"),
        (taken_out("layers", 1, "units"), "layers[1].units", "is missing"),
        (put("layers", 1, "units", 10**9), "layers[1].units", "from 1 to 1,000,000, not 1000000000"),
        (put("layers", 1, "units", 0), "layers[1].units", "not 0"),
        (put("layers", 1, "units", "4"), "layers[1].units", "not '4'"),
        (put("layers", 1, "units", True), "layers[1].units", "not true"),
        (put("layers", 1, "units", None), "layers[1].units", "not null"),
        (put("layers", 1, "unit", 4), "layers[1].unit", "no option of a layer of type dense; did you mean 'units'?"),
        (put("layers", 0, "shape", [1000, 1000, 1000]), "layers[0].shape", "at most 50,000,000 elements"),
        (put("layers", 0, "shape", [-1]), "layers[0].shape", "whole numbers"),
        (put("layers", 0, "shape", list(range(1, 100))), "layers[0].shape", "1 to 3 whole numbers"),
        (put("layers", 1, "activation", "tahn"), "layers[1].activation", "did you mean 'tanh'?"),
        (put("layers", 1, "activation", {"type": "relu", "slope": 1}), "layers[1].activation", "no option 'slope'"),
        (put("layers", 1, "activation", {"type": "leaky_relu", "slope": "x"}), "layers[1].activation", "slope must be"),
        (put("layers", 1, "frozen", "yes"), "layers[1].frozen", "must be true, false, or a list"),
        (put("layers", 1, "frozen", ["wieght"]), "layers[1].frozen", "'wieght'; did you mean 'weight'?"),
        (put("connections", {}), "connections", "must be a list"),
        (put("connections", 0, ["input"]), "connections[0]", "must be a pair"),
        (put("connections", 0, [1, 2]), "connections[0][0]", "must be the name of a layer, not 1"),
        (put("connections", 0, ["input", "hiden"]), "connections[0][1]", "'hiden'; did you mean 'hidden'?"),
        (put("connections", 1, ["input", "hidden"]), "connections[1]", "connected already by connections[0]"),
        (put("connections", 0, ["hidden", "hidden"]), "connections", "close a cycle: hidden -> hidden"),
        (with_cycle, "connections", "close a cycle: hidden -> sum -> hidden; remove one of them"),
        (put("layout", {"hiden": [0, 0]}), "layout.hiden", "did you mean 'hidden'?"),
        (put("layout", {"hidden": [0]}), "layout.hidden", "two numbers"),
        (put("layout", {"hidden": [0, 1e300]}), "layout.hidden", "at most 1,000,000"),
        (put("layout", []), "layout", "must be an object, not []"),
        (put("data", "xor"), "data", "must be an object"),
        (put("data", {}), "data.source", "is missing"),
        (put("data", {"source": "spiral"}), "data.source", "did you mean 'spirals'?"),
        (put("data", {"source": "spirals", "samples": 10**9}), "data.samples", "not 1000000000"),
        (put("data", {"source": "spirals", "turn": 1}), "data.turn", "did you mean 'turns'?"),
        (put("data", {"source": "inline", "inputs": [[1, 2]]}), "data.targets", "is missing"),
        (
            put("data", {"source": "inline", "inputs": [[1, 2], [3]], "targets": [0, 1]}),
            "data.inputs[1]",
            "has 1 values",
        ),
        (put("data", {"source": "inline", "inputs": [[1, "2"]], "targets": [0]}), "data.inputs[0][1]", "not '2'"),
        (put("data", {"source": "inline", "inputs": [[1, 2]], "targets": [0, 1]}), "data", "inputs has 1 samples"),
        (put("data", {"source": "inline", "inputs": [], "targets": []}), "data.inputs", "at least one"),
        (put("data", {"source": "csv"}), "data.path", "is missing"),
        (put("training", {"optimizer": "sgd"}), "training.optimizer", "learning_rate is missing"),
        (put("training", {"optimizer": {"type": "sdg"}}), "training.optimizer", "did you mean 'sgd'?"),
        (put("training", {"batch_size": 0}), "training.batch_size", "whole number"),
        (put("training", {"batchsize": 1}), "training.batchsize", "did you mean 'batch_size'?"),
        (put("training", {"clip": {"by": "norm"}}), "training.clip.limit", "is missing"),
        (put("training", {"clip": {"by": "norm", "limit": 0}}), "training.clip.limit", "above 0"),
        (put("training", {"l2": -1}), "training.l2", "from 0"),
        (put("parameters", {"hiden": {}}), "parameters.hiden", "did you mean 'hidden'?"),
        (put("parameters", {"hidden": {"wieght": [[1, 2]] * 4}}), "parameters.hidden", "no parameter called wieght"),
        (put("parameters", {"hidden": {"weight": [[1, 2]] * 3}}), "parameters.hidden", "(3, 2)"),
        (
            put("parameters", {"hidden": {"weight": [[1, 2], [3], [5, 6], [7, 8]]}}),
            "parameters.hidden.weight[1]",
            "1 values",
        ),
        (put("parameters", {"hidden": {"bias": [1, None, 3, 4]}}), "parameters.hidden.bias[1]", "must be a number"),
        (put("parameters", {"hidden": {"bias": "zeros"}}), "parameters.hidden.bias", "must be a list of numbers"),
        (base64_weight(shape=[1, 10**6, 10**6]), "parameters.output.weight.shape", "is the most"),
        (base64_weight(shape=[1, 40]), "parameters.output.weight.shape", "320 bytes, and the base64 text holds 32"),
        (base64_weight(shape=[0, 10**25]), "parameters.output.weight.shape", "a length of 10000000000000000000000000"),
        (base64_weight(shape=[1, -4]), "parameters.output.weight.shape", "-4"),
        (base64_weight(shape="x"), "parameters.output.weight.shape", "list"),
        (base64_weight(dtype="object"), "parameters.output.weight.dtype", "'object'"),
        (base64_weight(base64="!" * 43 + "="), "parameters.output.weight.base64", "is not base64"),
        (base64_weight(base64=5), "parameters.output.weight.base64", "must be text"),
        (base64_weight(more=1), "parameters.output.weight", '"dtype", "shape" and "base64"'),
    ],
)
def test_a_fault_is_named_with_its_place(change: Change, place: str, reason: str) -> None:
    text = message(change)
    assert text.startswith(f"model.vbp: {place}: ")
    assert reason in text
    assert "\n" not in text and len(text) < 300


@pytest.mark.parametrize("text", ["[]", "5", "null", '"visualbp"'])
def test_json_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(FileError, match=r"model\.vbp: must be an object"):
        network_from_text(text, "model.vbp")


def test_every_truncation_of_a_good_file_is_refused_in_one_sentence() -> None:
    text = json.dumps(GOOD)
    for length in range(len(text)):
        with pytest.raises(FileError) as caught:
            network_from_text(text[:length], "model.vbp")
        assert "\n" not in caught.value.text


@pytest.mark.parametrize(
    "change",
    [
        taken_out("layers", 3),
        put("connections", []),
        put("layers", []),
        put("connections", [["hidden", "input"]]),
        put("connections", [["loss", "hidden"], ["output", "hidden"]]),
        taken_out("data"),
        put("layers", 1, "units", 1_000_000),
    ],
    ids=["no loss", "unconnected", "empty", "into the input", "from the loss", "no data", "too wide to run"],
)
def test_an_incomplete_network_loads_and_its_problems_are_for_people_to_see(change: Change) -> None:
    record = copy.deepcopy(GOOD)
    change(record)
    record["connections"] = [pair for pair in record["connections"] if {*pair} <= {x["name"] for x in record["layers"]}]
    network = network_from_text(json.dumps(record))
    assert len(network.layers) == len(record["layers"])


def test_a_weight_beyond_all_memory_loads_as_a_problem_and_allocates_nothing() -> None:
    record = copy.deepcopy(GOOD)
    record["layers"][1]["units"] = record["layers"][2]["units"] = 1_000_000
    problems = structure_of(network_from_text(json.dumps(record))).errors
    assert any("1,000,000,000,000 numbers" in problem.text for problem in problems)


def test_a_row_of_numbers_in_any_place_of_a_file_is_a_fault_with_its_place() -> None:
    """Rows of 16 numbers and more are read as arrays, which compare and count in ways of their own."""
    row = [0] * 16
    places = [("format",), ("version",), ("name",), ("seed",), ("precision",), ("layers",), ("connections",)]
    places += [("layers", 1), ("layers", 1, "name"), ("layers", 1, "type"), ("layers", 1, "units")]
    places += [("layers", 1, "activation"), ("layers", 0, "shape"), ("layers", 1, "frozen"), ("layout",), ("bugs",)]
    places += [("connections", 0), ("connections", 0, 1), ("data",), ("data", "source"), ("training",), ("bug_hunt",)]
    places += [("training", "optimizer"), ("training", "clip"), ("training", "batch_size"), ("parameters",)]
    for place in places:
        for value in (row, [row], {"type": row}):
            record = copy.deepcopy(GOOD)
            record["training"] = {}
            put(*place, value)(record)
            with pytest.raises(FileError) as caught:
                network_from_text(json.dumps(record), "model.vbp")
            assert "array(" not in caught.value.text and len(caught.value.text) < 500, place
            assert str(next(part for part in place[::-1] if isinstance(part, str))) in caught.value.text


@pytest.mark.parametrize("number", ["9" * 400, "1" + "0" * 309, "-" + "9" * 400])
def test_an_integer_beyond_a_float_is_too_large_in_a_row_as_by_itself(number: str) -> None:
    for inputs in (f"[[1, {number}]]", f"[[{', '.join([number] * 20)}]]"):
        text = json.dumps({**GOOD, "data": {"source": "inline", "inputs": "HERE", "targets": [1]}})
        with pytest.raises(FileError, match="too large"):
            network_from_text(text.replace('"HERE"', inputs), "model.vbp")
