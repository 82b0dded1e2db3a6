"""visualbp convert: by the suffix of the new file, a model file again, or a PyTorch program."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.commands import Capture, complaint, python, run, write_model
from visualbp.datasets import load_dataset
from visualbp.files import find_model, load_network, network_to_text
from visualbp.interchange import export_pytorch


def test_a_sample_becomes_the_program_that_the_api_gives(capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "xor.py"
    said, _ = run(capsys, "convert", "xor", str(out))
    assert said == f"wrote {out}\ntry: python {out} --iterations 20 --print-losses\n"
    network = load_network(find_model("xor"))
    assert network.data is not None
    expected = export_pytorch(network, network.parameters, load_dataset(network.data), "xor.py")
    assert out.read_text("utf-8") == expected
    ast.parse(expected)


def test_the_suffix_counts_in_any_case(capsys: Capture, tmp_path: Path) -> None:
    run(capsys, "convert", "xor", str(tmp_path / "XOR.PY"))
    assert "class Network(nn.Module)" in (tmp_path / "XOR.PY").read_text("utf-8")


def test_a_model_file_is_written_as_visualbp_writes_it(capsys: Capture, tmp_path: Path) -> None:
    source = write_model(tmp_path / "small.vbp", description="")
    out = tmp_path / "tidy.vbp"
    run(capsys, "convert", source, str(out))
    assert out.read_text("utf-8") == network_to_text(load_network(source))
    run(capsys, "convert", str(out), str(out))
    assert out.read_text("utf-8") == network_to_text(load_network(source))


def test_data_are_found_from_the_new_models_folder(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("a,b,y\n1,2,5\n3,-4,60\n")
    data = {"source": "csv", "path": "points.csv", "inputs": ["a", "b"], "target": ["y"]}
    source = write_model(tmp_path / "small.vbp", data=data)
    (tmp_path / "below").mkdir()
    run(capsys, "convert", source, str(tmp_path / "below" / "small.vbp"))
    written = json.loads((tmp_path / "below" / "small.vbp").read_text("utf-8"))
    assert written["data"]["path"] == "../points.csv"
    run(capsys, "convert", str(tmp_path / "below" / "small.vbp"), str(tmp_path / "program.py"))
    assert "INPUTS = np.array([[1.0, 2.0], [3.0, -4.0]])" in (tmp_path / "program.py").read_text("utf-8")


def test_a_model_that_cannot_run_yet_is_still_written_as_a_model(capsys: Capture, tmp_path: Path) -> None:
    source = write_model(tmp_path / "small.vbp", connections=[], data=None)
    run(capsys, "convert", source, str(tmp_path / "other.vbp"))
    assert load_network(tmp_path / "other.vbp") == load_network(source)


def test_long_arrays_go_into_a_file_beside_the_program(capsys: Capture, tmp_path: Path) -> None:
    layers = [
        {"name": "input", "type": "input", "shape": [2]},
        {"name": "wide", "type": "dense", "units": 1000},
        {"name": "middle", "type": "dense", "units": 600},
        {"name": "out", "type": "dense", "units": 1},
        {"name": "loss", "type": "mean_squared_error"},
    ]
    connections = [["input", "wide"], ["wide", "middle"], ["middle", "out"], ["out", "loss"]]
    source = write_model(tmp_path / "large.vbp", layers=layers, connections=connections)
    said, _ = run(capsys, "convert", source, str(tmp_path / "large.py"))
    assert "large_arrays.npz" in said
    with np.load(tmp_path / "large_arrays.npz") as arrays:
        assert arrays.files == ["middle.weight"] and arrays["middle.weight"].shape == (600, 1000)
    assert 'with_name("large_arrays.npz")' in (tmp_path / "large.py").read_text("utf-8").replace("'", '"')


def test_planted_bugs_are_not_exported_and_that_is_said(capsys: Capture, tmp_path: Path) -> None:
    said, _ = run(capsys, "convert", "bug_hunt_1", str(tmp_path / "hunt.py"))
    assert "the bugs that are planted in the model are not in it" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["xor", "out.onnx2"], "out.onnx2: is not the name of a file that convert writes; it writes .vbp"),
        (["xor", "out"], "out: is not the name of a file that convert writes"),
        (["xor"], "visualbp convert: the following arguments are required: OUT"),
        (["xorr", "out.py"], "did you mean the sample xor?"),
        (["xor", "/no/such/folder/out.py"], "/no/such/folder/out.py: cannot be written: there is no such folder"),
        (["xor", "/no/such/folder/out.vbp"], "/no/such/folder/out.vbp: cannot be written: there is no such folder"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], said: str, capsys: Capture) -> None:
    assert said in complaint(capsys, "convert", *arguments)


def test_only_model_files_are_read(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("{}")
    said = complaint(capsys, "convert", str(tmp_path / "model.txt"), str(tmp_path / "out.py"))
    assert "model.txt: is not the name of a file that convert reads; it reads .vbp files" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"connections": []}, "nothing is connected to it"),
        ({"data": None}, "data: is missing"),
        ({"data": {"source": "csv", "path": "no.csv"}}, "no.csv: cannot be read"),
        ({"data": {"source": "inline", "inputs": [[1, 2, 3]], "targets": [[1]]}}, "input: takes samples of shape (2)"),
    ],
)
def test_a_model_that_cannot_run_makes_no_program(
    changes: dict[str, object], said: str, capsys: Capture, tmp_path: Path
) -> None:
    source = write_model(tmp_path / "small.vbp", **changes)
    error = complaint(capsys, "convert", source, str(tmp_path / "out.py"))
    assert said in error and "small.vbp" in error
    assert not (tmp_path / "out.py").exists()


def test_converting_needs_neither_qt_nor_pytorch(tmp_path: Path) -> None:
    code = (
        "import sys; from visualbp.cli.main import main; "
        f"assert main(['convert', 'digits', {str(tmp_path / 'digits.py')!r}]) == 0; "
        "assert not {'PySide6', 'pyqtgraph', 'torch'} & set(sys.modules), sorted(sys.modules)"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
