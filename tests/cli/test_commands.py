"""What the commands print, write, and end with."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visualbp.cli.main import COMMANDS, has_display, main
from visualbp.cli.output import Progress
from visualbp.cli.train import recorded
from visualbp.core.arrays import Array
from visualbp.datasets import load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.files import find_model, load_network
from visualbp.operations.activations import Tanh

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: str, status: int = 0) -> tuple[str, str]:
    """Standard output and error of a command that has to end with `status`."""
    assert main(arguments) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


def run_json(capsys: Capture, *arguments: str, status: int = 0) -> dict[str, Any]:
    """The one JSON object that a command prints, with nothing else on either stream."""
    out, err = run(capsys, *arguments, "--json", status=status)
    assert not err and out.count("\n") == 1
    record = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert isinstance(record, dict)
    return record


def complaint(capsys: Capture, *arguments: str) -> str:
    """The one line on standard error of a command that is given bad input."""
    out, err = run(capsys, *arguments, status=2)
    assert not out and err.count("\n") == 1 and "Traceback" not in err
    return err


def test_samples_are_listed_with_what_to_do(capsys: Capture) -> None:
    out, _ = run(capsys, "samples")
    record = run_json(capsys, "samples")
    assert [sample["name"] for sample in record["samples"]][:2] == ["xor", "xor_linear"]
    for sample in record["samples"]:
        assert sample["name"] in out and sample["title"] in out
        assert set(sample) == {"name", "title", "description", "path"}
        assert Path(sample["path"]).is_file()


def test_trace_prints_every_step_with_its_shape_and_norm(capsys: Capture) -> None:
    out, _ = run(capsys, "trace", "worked_example")
    plan = compile_plan(load_network(find_model("worked_example")))
    rows = [line for line in out.splitlines() if line[:4].strip().isdigit()]
    assert len(rows) == len(plan.steps)
    assert all(step.label in row and step.operation in row for step, row in zip(plan.steps, rows, strict=True))
    assert "loss 0.2983711088" in out


def test_trace_json_has_the_published_loss_and_a_record_for_each_step(capsys: Capture) -> None:
    record = run_json(capsys, "trace", "worked_example")
    assert set(record) == {"loss", "steps"}
    assert record["loss"] == pytest.approx(0.298371109, abs=1e-9)
    plan = compile_plan(load_network(find_model("worked_example")))
    for index, (step, found) in enumerate(zip(plan.steps, record["steps"], strict=True)):
        assert set(found) == {"index", "phase", "layer", "operation", "equation", "shape", "norm"}
        assert (found["index"], found["phase"], found["layer"]) == (index, step.phase, step.layer)
        assert found["equation"].strip()
    output_h = next(s for s in record["steps"] if s["layer"] == "output" and s["operation"] == "sigmoid")
    assert output_h["shape"] == [1, 2]
    assert output_h["norm"] == pytest.approx(float(np.hypot(0.75136507, 0.772928465)), abs=1e-8)


def test_trace_runs_the_iterations_before_the_one_it_shows(capsys: Capture) -> None:
    assert run_json(capsys, "trace", "worked_example", "--iterations", "2")["loss"] == pytest.approx(
        0.29102777369, abs=1e-10
    )


def arrays(path: Path) -> dict[str, Array]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_trace_writes_the_arrays_of_the_iteration_as_the_chain_rule_gives_them(capsys: Capture, tmp_path: Path) -> None:
    """Backpropagation of XOR written out in NumPy, from the parameters and the batch that the file holds."""
    run(capsys, "trace", "xor", "--iterations", "3", "--npz", str(tmp_path / "a.npz"))
    found = arrays(tmp_path / "a.npz")
    assert {array.dtype for array in found.values()} == {np.dtype(np.float64)}
    x = found["forward/input/h"]
    y = np.eye(2)[(x[:, 0] != x[:, 1]).astype(int)]
    w1, b1 = found["before/hidden/weight"], found["before/hidden/bias"]
    w2, b2 = found["before/output/weight"], found["before/output/bias"]
    z1 = x @ w1.T + b1
    h1 = np.tanh(z1)
    z2 = h1 @ w2.T + b2
    probability = np.exp(z2) / np.exp(z2).sum(axis=1, keepdims=True)
    delta2 = (probability - y) / 4
    upstream1 = delta2 @ w2
    delta1 = upstream1 * (1 - h1**2)
    expected = {
        "forward/input/h": x,
        "forward/hidden/z": z1,
        "forward/hidden/h": h1,
        "forward/output/z": z2,
        "forward/output/h": z2,
        "backward/output/upstream": delta2,
        "backward/output/delta": delta2,
        "backward/hidden/upstream": upstream1,
        "backward/hidden/delta": delta1,
        "gradient/output/weight": delta2.T @ h1,
        "gradient/output/bias": delta2.sum(axis=0),
        "gradient/hidden/weight": delta1.T @ x,
        "gradient/hidden/bias": delta1.sum(axis=0),
        "before/hidden/weight": w1,
        "before/hidden/bias": b1,
        "before/output/weight": w2,
        "before/output/bias": b2,
        "after/hidden/weight": w1 - 0.5 * delta1.T @ x,
        "after/hidden/bias": b1 - 0.5 * delta1.sum(axis=0),
        "after/output/weight": w2 - 0.5 * delta2.T @ h1,
        "after/output/bias": b2 - 0.5 * delta2.sum(axis=0),
        "loss": -np.mean(np.log(probability[y == 1])),
        "penalty": np.zeros(()),
    }
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-14, err_msg=name)


def write_model(path: Path, **changes: Any) -> str:
    """A small model with an activation layer, a clip and a penalty, changed as asked."""
    record = {
        "format": "visualbp",
        "version": 1,
        "name": "small",
        "layers": [
            {"name": "input", "type": "input", "shape": [2]},
            {"name": "dense", "type": "dense", "units": 3},
            {"name": "bend", "type": "activation", "function": "relu"},
            {"name": "out", "type": "dense", "units": 1},
            {"name": "loss", "type": "mean_squared_error"},
        ],
        "connections": [["input", "dense"], ["dense", "bend"], ["bend", "out"], ["out", "loss"]],
        "data": {"source": "inline", "inputs": [[1, 2], [3, -4]], "targets": [[5], [60]]},
        "training": {
            "optimizer": {"type": "sgd", "learning_rate": 0.25},
            "clip": {"by": "norm", "limit": 1},
            "l2": 0.5,
        },
        **changes,
    }
    path.write_text(json.dumps(record))
    return str(path)


def test_the_arrays_have_gradients_before_clipping_the_penalty_and_an_activation_layers_own_z(
    capsys: Capture, tmp_path: Path
) -> None:
    model = write_model(tmp_path / "m.vbp")
    record = run_json(capsys, "trace", model, "--npz", str(tmp_path / "a.npz"))
    found = arrays(tmp_path / "a.npz")
    np.testing.assert_array_equal(found["forward/bend/z"], found["forward/dense/h"])
    np.testing.assert_array_equal(found["backward/bend/delta"], found["backward/dense/upstream"])
    weights = [found["before/dense/weight"], found["before/out/weight"]]
    assert found["penalty"] == pytest.approx(0.25 * sum(float((w**2).sum()) for w in weights))
    assert record["loss"] == pytest.approx(float(found["loss"]))
    names = [f"{layer}/{parameter}" for layer in ("dense", "out") for parameter in ("weight", "bias")]
    gradient = np.concatenate([found[f"gradient/{name}"].ravel() for name in names])
    moved = np.concatenate([(found[f"before/{name}"] - found[f"after/{name}"]).ravel() for name in names])
    assert np.linalg.norm(gradient) > 10.0
    np.testing.assert_allclose(moved, 0.25 * gradient / np.linalg.norm(gradient), rtol=1e-6)
    residual = found["forward/out/h"] - [[5], [60]]
    np.testing.assert_allclose(
        found["gradient/out/weight"], residual.T @ found["forward/bend/h"] + 0.5 * found["before/out/weight"]
    )
    clip = next(step for step in record["steps"] if step["operation"] == "clip")
    assert clip["shape"] == [13] and clip["norm"] == pytest.approx(1.0, rel=1e-4)


def test_trace_of_a_network_that_diverges_names_the_operation_and_prints_json_all_the_same(
    capsys: Capture, tmp_path: Path
) -> None:
    model = write_model(tmp_path / "m.vbp", training={"optimizer": {"type": "sgd", "learning_rate": 1e6}})
    out, err = run(capsys, "trace", model, "--iterations", "60", "--json")
    record = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert record["loss"] is None
    assert "gave" in err and err.count("\n") == 1


def test_check_passes_and_counts_every_parameter(capsys: Capture) -> None:
    record = run_json(capsys, "check", "xor")
    assert set(record) == {"passed", "max_relative_error", "parameters", "checked", "kinks", "seconds", "layers"}
    assert record["passed"] is True
    assert record["parameters"] == record["checked"] == 22
    assert record["max_relative_error"] < 1e-6
    assert set(record["layers"]) == {"hidden", "output"}
    assert set(record["layers"]["hidden"]["weight"]) == {"relative_error", "passed", "kinks"}
    out, _ = run(capsys, "check", "xor")
    assert "passed: 22 of 22 parameters" in out


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
    assert "FAIL" in out and "FAILED:" in out


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
        assert saved.parameters[value.layer][value.role].tobytes() == array.tobytes()
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trace", "no_such.vbp"], "no_such.vbp: there is no such file"),
        (["trace"], "visualbp trace: the following arguments are required: FILE"),
        (["trace", "xor", "--iterations", "0"], "--iterations: must be a whole number from 1"),
        (["trace", "xor", "--iterations", "1e3"], "not '1e3'"),
        (["trace", "xor", "--itera", "1"], "unrecognized arguments: --itera"),
        (["trace", "xor", "--npz", "/no/such/folder/a.npz"], "/no/such/folder/a.npz: cannot be written"),
        (["check", "xor", "--epsilon", "0"], "must be a number above 0 and below 1, not '0'"),
        (["check", "xor", "--epsilon", "nan"], "not 'nan'"),
        (["check", "xor", "--tolerance", "1e-15"], "tolerance must be from 1e-14"),
        (["check", "xor", "--method", "all"], "invalid choice: 'all'"),
        (["train", "xor"], "required: --iterations"),
        (["train", "xor", "--iterations", "5", "--save", "/no/such/a.vbp"], "/no/such/a.vbp: cannot be written"),
        (["train", "xor", "--iterations", "5", "--save", "/"], "/: is a folder"),
        (["screenshot", "xor"], "required: OUT.png"),
        (["screenshot", "xor", "out.txt"], "out.txt: is not the name of a .png file"),
        (["screenshot", "xor", "out.png", "--size", "big"], "must be WIDTHxHEIGHT"),
        (["screenshot", "xor", "out.png", "--theme", "blue"], "invalid choice: 'blue'"),
        (["trian"], "no command, file or sample of this name; did you mean train?"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["no.vbp", "two.vbp"], "unrecognized arguments: two.vbp"),
    ],
)
def test_bad_input_is_one_line_with_status_2(arguments: list[str], said: str, capsys: Capture) -> None:
    assert said in complaint(capsys, *arguments)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 7}, "version: is 7"),
        ({"data": None}, "data: is missing"),
        ({"connections": []}, "nothing is connected to it"),
        ({"data": {"source": "csv", "path": "no.csv"}}, "no.csv: cannot be read: No such file"),
        ({"data": {"source": "xor"}}, "softmax"),
        ({"data": {"source": "spirals", "arms": 3}}, "is class 2; there are classes 0 to 1"),
        ({"data": {"source": "sine"}}, "takes samples of shape (2), the data have (1)"),
    ],
)
@pytest.mark.parametrize("command", [["trace"], ["check"], ["train", "--iterations", "1"]], ids=lambda c: c[0])
def test_a_model_that_cannot_run_is_one_line_that_names_the_file(
    command: list[str], changes: dict[str, Any], said: str, capsys: Capture, tmp_path: Path
) -> None:
    model = write_model(tmp_path / "m.vbp", **changes)
    if said == "softmax" or "classes" in said:
        record = json.loads(Path(model).read_text())
        record["layers"][3]["units"] = 2
        record["layers"][4]["type"] = "softmax_cross_entropy"
        Path(model).write_text(json.dumps(record))
    if said == "softmax":  # the good case beside the bad ones
        run(capsys, *command, model)
    else:
        assert said in complaint(capsys, *command, model)


def test_a_run_that_would_fill_the_memory_is_refused_before_it_begins(capsys: Capture, tmp_path: Path) -> None:
    layers = [
        {"name": "input", "type": "input", "shape": [2]},
        {"name": "wide", "type": "dense", "units": 1_000_000},
        {"name": "loss", "type": "mean_squared_error"},
    ]
    model = write_model(
        tmp_path / "m.vbp",
        layers=layers,
        connections=[["input", "wide"], ["wide", "loss"]],
        data={"source": "circles", "samples": 100_000},
        training={"batch_size": 100_000},
    )
    assert "GB of memory; use fewer units, or a smaller batch" in complaint(capsys, "train", model, "--iterations", "1")


def test_help_and_version_end_well(capsys: Capture) -> None:
    out, _ = run(capsys, "--help")
    assert all(name in out for name in COMMANDS)
    for name in COMMANDS:
        out, _ = run(capsys, name, "--help")
        assert out.startswith(f"usage: visualbp {name}")
    out, _ = run(capsys, "--version")
    assert out.startswith("visualbp ")


def test_without_a_display_the_window_is_declined_and_the_other_commands_named(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(variable, raising=False)
    for arguments in ([], ["xor"]):
        said = complaint(capsys, *arguments)
        assert "no display" in said and all(name in said for name in COMMANDS)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert has_display()


class Stream:
    """A stream that keeps what is written, and is a terminal or not."""

    def __init__(self, terminal: bool) -> None:
        self.terminal, self.text = terminal, ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None: ...


def test_a_progress_bar_shows_on_a_terminal_alone_and_clears_itself_away() -> None:
    for terminal in (True, False):
        stream = Stream(terminal)
        with Progress("training", stream) as progress:  # type: ignore[arg-type]
            progress(0.5, "loss 0.1")
        assert ("training [" in stream.text and "50%" in stream.text) == terminal
        assert stream.text.split("\r")[-1] == ""


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
    )


WITHOUT_QT = """
import sys
for name in ("PySide6", "shiboken6", "pyqtgraph", "ziamath"):
    sys.modules[name] = None  # importing it raises ImportError
from visualbp.cli.main import main
for command in ("samples", "trace xor", "check xor", "train xor --iterations 3"):
    if status := main(command.split()):
        sys.exit(status)
"""


def test_all_but_the_window_and_the_screenshot_run_with_qt_blocked() -> None:
    done = python(WITHOUT_QT)
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def test_the_module_runs_as_a_program_and_a_closed_pipe_is_no_error() -> None:
    program = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'visualbp', 'trace', 'vanishing'],"
    program += " stdout=subprocess.PIPE, stderr=subprocess.PIPE); p.stdout.read(1); p.stdout.close();"
    program += " print(p.wait(), p.stderr.read())"
    assert python(program).stdout.strip() == "0 b''"


def test_output_survives_a_terminal_without_greek_letters() -> None:
    done = python("from visualbp.cli.main import main; main(['trace', 'xor'])", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and not done.stderr
    assert "? output" in done.stdout


def test_a_fault_of_the_program_itself_is_one_line_that_says_where(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(arguments: Any) -> int:
        raise RuntimeError("the walls are closing in")

    monkeypatch.setattr("visualbp.cli.samples.run", broken)
    said = complaint(capsys, "samples")
    assert "unexpected RuntimeError: the walls are closing in (at test_commands.py:" in said


@pytest.mark.parametrize("panel", [None, "panel_gradients"])
def test_screenshot_draws_a_picture(panel: str | None, tmp_path: Path) -> None:
    from PySide6.QtGui import QImage

    out = tmp_path / "out.png"
    command = ["screenshot", "xor", str(out), "--steps", "8", "--size", "1280x720", "--theme", "light"]
    command += ["--panel", panel] if panel else []
    done = python(f"import sys; from visualbp.cli.main import main; sys.exit(main({command!r}))")
    assert done.returncode == 0, done.stderr
    image = QImage(str(out))
    assert not image.isNull()
    if panel is None:
        assert (image.width(), image.height()) == (1280, 720)
