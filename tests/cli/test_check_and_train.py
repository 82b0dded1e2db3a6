"""visualbp check and visualbp train: what they print, save, and end with."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.building import chain, inline
from tests.cli.commands import Capture, run, run_json, write_model
from visualbp.cli.train import recorded
from visualbp.core.arrays import Array
from visualbp.datasets import load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.files import find_model, load_network, save_network
from visualbp.operations.activations.elementwise import Tanh


def test_check_passes_and_counts_every_parameter(capsys: Capture) -> None:
    record = run_json(capsys, "check", "xor")
    counts = {"parameters", "checked", "kinks", "unmeasurable"}
    assert set(record) == {"passed", "verdict", "max_relative_error", "seconds", "layers", "operations"} | counts
    assert record["passed"] is True and record["verdict"] == "passed" and record["unmeasurable"] == 0
    assert record["parameters"] == record["checked"] == 22
    assert record["max_relative_error"] < 1e-6
    assert set(record["layers"]) == {"hidden", "output"}
    expected = {"relative_error", "passed", "checked", "kinks", "unmeasurable"}
    assert set(record["layers"]["hidden"]["weight"]) == expected
    rule = {"layer", "operation", "operand", "passed", "relative_error", "kind"}
    assert all(set(found) >= rule and found["passed"] is True for found in record["operations"])
    out, _ = run(capsys, "check", "xor")
    assert "passed: 22 of 22 parameters measured" in out and "7 of 7 rules right" in out


def test_check_says_what_cannot_be_told_and_that_is_no_failure(capsys: Capture, tmp_path: Path) -> None:
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("output", "dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "binary_cross_entropy", {}),
        data=inline([[1.0]], [[0.0]]),
        parameters={"output": {"weight": np.array([[400.0]]), "bias": np.zeros(1)}},
    )
    path = tmp_path / "sure.vbp"
    save_network(network, path)
    record = run_json(capsys, "check", str(path))
    assert record["verdict"] == "undecided" and record["passed"] is False and record["checked"] == 0
    assert record["max_relative_error"] is None and record["unmeasurable"] == 2
    weight = record["layers"]["output"]["weight"]
    assert weight["passed"] is None and weight["relative_error"] is None and weight["unmeasurable"] == 1
    out, _ = run(capsys, "check", str(path))
    assert "cannot be told" in out and "undecided: nothing wrong was found" in out


@pytest.mark.parametrize("method", ["every", "sampled", "directional"])
def test_check_finds_a_derivative_that_is_one_in_a_thousand_too_large(
    method: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Tanh.vjp

    def wrong(self: Tanh, emit: Any, operand: int, upstream: Array, inputs: Any, output: Array, result: Array) -> None:
        right(self, emit, operand, upstream, inputs, output, result)
        emit(np.multiply, result, 1.001, result)

    monkeypatch.setattr(Tanh, "vjp", wrong)
    record = run_json(capsys, "check", "xor", "--method", method, status=1)
    assert record["passed"] is False
    assert record["layers"]["hidden"]["weight"]["passed"] is False
    assert record["layers"]["output"]["weight"]["passed"] is True
    out, _ = run(capsys, "check", "xor", "--method", method, status=1)
    assert "FAIL" in out and "FAILED in " in out and " of 4 tensors" in out
    assert "WRONG: tanh of hidden.h, on the way back to z, is wrong: probably 1.001 times what it should be" in out
    (accused,) = (rule for rule in record["operations"] if rule["passed"] is False)
    assert (accused["layer"], accused["operation"], accused["operand"]) == ("hidden", "tanh", "z")
    assert accused["kind"] == "scale"


def test_train_prints_the_losses_and_how_many_are_right(capsys: Capture) -> None:
    record = run_json(capsys, "train", "xor", "--iterations", "2000")
    assert set(record) == {"iterations", "loss", "final_loss", "accuracy", "seconds"}
    assert record["iterations"] == 2000 and len(record["loss"]) == 1000
    assert record["loss"][0] > 0.5 and record["loss"][-1] == record["final_loss"] < 0.01
    assert record["accuracy"] == 1.0
    out, _ = run(capsys, "train", "digits", "--iterations", "300")
    assert "of the held-out samples are right" in out


def test_train_says_nothing_of_accuracy_where_nothing_is_right_or_wrong(capsys: Capture, tmp_path: Path) -> None:
    assert run_json(capsys, "train", write_model(tmp_path / "m.vbp"), "--iterations", "2")["accuracy"] is None


@pytest.mark.parametrize("iterations", [1, 2, 999, 1000, 1001, 1999, 123_457])
def test_at_most_a_thousand_losses_are_kept_the_first_and_the_last_among_them(iterations: int) -> None:
    kept = recorded(iterations)
    assert len(kept) == min(iterations, 1000)
    assert (kept[0], kept[-1]) == (0, iterations - 1)
    assert kept == sorted(set(kept))


def test_train_saves_what_stepping_would_have_reached_bit_by_bit(capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "trained.vbp"
    run(capsys, "train", "xor", "--iterations", "50", "--save", str(out))
    network = load_network(find_model("xor"))
    assert network.data is not None
    executor = Executor(compile_plan(network), load_dataset(network.data))
    for _ in range(50 * len(executor.plan.steps)):
        executor.step()
    saved = load_network(out)
    for value, array in executor.parameter_views().items():
        assert saved.parameters[value.layer][value.name].tobytes() == array.tobytes()
    assert (saved.layers, saved.connections, saved.description) == (
        network.layers,
        network.connections,
        network.description,
    )


def test_a_trained_model_saved_elsewhere_still_finds_its_data(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b,y\n1,2,3.5\n3,4,7.5\n")
    (tmp_path / "elsewhere").mkdir()
    model = write_model(tmp_path / "m.vbp", data={"source": "csv", "path": "table.csv"})
    out = str(tmp_path / "elsewhere" / "m.vbp")
    run(capsys, "train", model, "--iterations", "5", "--save", out)
    assert run_json(capsys, "trace", out)["loss"] > 0


def test_train_of_a_network_that_diverges_says_when_and_saves_its_nan(capsys: Capture, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.vbp", training={"optimizer": {"type": "sgd", "learning_rate": 1e6}})
    out, err = run(capsys, "train", model, "--iterations", "100", "--json", "--save", str(tmp_path / "out.vbp"))
    assert json.loads(out)["final_loss"] is None
    assert "not finite at iteration" in err
    assert np.isnan(load_network(tmp_path / "out.vbp").parameters["out"]["weight"]).any()
