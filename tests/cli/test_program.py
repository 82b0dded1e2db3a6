"""The program as a whole: samples, help, bad input, no display, no Qt, closed pipes, and pictures."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Capture, complaint, python, run, run_json, write_model
from visualbp.cli.main import COMMANDS, has_display
from visualbp.cli.output import Progress


def test_samples_are_listed_with_what_to_do(capsys: Capture) -> None:
    out, _ = run(capsys, "samples")
    record = run_json(capsys, "samples")
    assert [sample["name"] for sample in record["samples"]][:2] == ["xor", "xor_linear"]
    for sample in record["samples"]:
        assert sample["name"] in out and sample["title"] in out
        assert set(sample) == {"name", "title", "description", "path"}
        assert Path(sample["path"]).is_file()


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
    assert "unexpected RuntimeError: the walls are closing in (at test_program.py:" in said


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


def test_a_large_network_says_what_it_needs_and_goes_on(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visualbp.engine.needs.MUCH_MEMORY", 1)
    out, err = run(capsys, "train", "xor", "--iterations", "2")
    assert "2 iterations" in out and err.count("\n") == 1
    assert err.startswith("visualbp: xor.vbp needs about 0.0 GB of memory; Ctrl+C stops it")
    out, err = run(capsys, "check", "xor", "--json")
    assert json.loads(out)["passed"] and err.count("\n") == 1  # standard output has nothing else


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and /dev")
@pytest.mark.parametrize("path", ["/proc/kmsg", "/proc/self/mem", "/dev/zero", "/dev/stdin", "/", "/proc/1/environ"])
def test_a_file_of_the_system_is_refused_at_once_as_a_model_and_as_data(
    path: str, capsys: Capture, tmp_path: Path
) -> None:
    assert path in complaint(capsys, "trace", path)
    said = complaint(capsys, "trace", write_model(tmp_path / "m.vbp", data={"source": "csv", "path": path}))
    assert "m.vbp: " in said and "unexpected" not in said
