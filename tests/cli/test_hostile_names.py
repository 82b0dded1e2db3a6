"""Whatever a file says is printed with its control and direction signs visible, by every command and every error."""

import json
import unicodedata
from pathlib import Path

import pytest

from tests.cli.commands import Capture, python, write_model
from tests.hostile import ESCAPES, HOSTILE, hostile_model
from visualbp.cli.main import COMMANDS, main

RUNS = {
    "samples": ["samples"],
    "trace": ["trace", "{model}", "--npz", "{folder}/\x1b[2Jout.npz"],
    "check": ["check", "{model}"],
    "train": ["train", "{model}", "--iterations", "2", "--save", "{folder}/\u202e\nout.vbp"],
    "convert": ["convert", "{model}", "{folder}/\x1b[31mout.py"],
    "screenshot": ["screenshot", "{model}", "{folder}/\x1b[2Jout.png"],
}
"""One run of each command; a test sees to it that none is missing."""

BAD = {
    "model name": {"layers": [{"name": HOSTILE, "type": "dense", "units": 1}]},
    "layer type": {"layers": [{"name": "x", "type": HOSTILE}]},
    "a key": {HOSTILE: 1},
    "an option": {"layers": [{"name": "x", "type": "dense", "units": 1, HOSTILE: 2}]},
    "a value": {"precision": HOSTILE},
    "a connection": {"connections": [[HOSTILE, "loss"]]},
    "a place": {"layout": {HOSTILE: [0, 0]}},
    "a data source": {"data": {"source": HOSTILE}},
    "a path": {"data": {"source": "csv", "path": f"{HOSTILE}.csv"}},
    "a column": {"data": {"source": "csv", "path": "table.csv", "inputs": [HOSTILE]}},
    "a target": {"data": {"source": "csv", "path": "table.csv", "inputs": ["<b>"], "target": HOSTILE}},
    "an expression": {"layers": [{"name": "x", "type": "activation", "function": "custom", "expression": HOSTILE}]},
    "an optimiser": {"training": {"optimizer": HOSTILE}},
    "a parameter": {"parameters": {"loss": {HOSTILE: [1]}}},
    "a data type": {"parameters": {"loss": {"x": {"dtype": HOSTILE, "shape": [1], "base64": "AAAA"}}}},
    "a bug": {"bug_hunt": True, "bugs": [{"kind": HOSTILE, "layer": "x", "output": "z", "operand": "x"}]},
    "a frozen parameter": {"layers": [{"name": "x", "type": "dense", "units": 1, "frozen": [HOSTILE]}]},
}


def steering(text: str) -> list[str]:
    """The characters of a text that would steer a terminal, or turn the direction of reading."""
    return [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_every_command_has_a_run() -> None:
    assert RUNS.keys() == COMMANDS.keys()


@pytest.mark.parametrize("command", sorted(set(RUNS) - {"screenshot"}))
def test_a_command_makes_hostile_texts_visible(command: str, capsys: Capture, tmp_path: Path) -> None:
    model = hostile_model(tmp_path / "m\x1b[2J\u202e.vbp")
    status = main([part.format(model=model, folder=tmp_path) for part in RUNS[command]])
    out, err = capsys.readouterr()
    assert status == 0 and not err
    assert not steering(out)
    if command in ("trace", "check", "train"):
        first = out.splitlines()[0]
        assert "<b>bold</b>" in first and "\\x1b]0;pwn\\x07\\x1b[2J" in first and "\\u202egnp" in first
        assert "\\r\\n\\t\\x7f\\u2028x (m\\x1b[2J\\u202e.vbp)" in first  # its line breaks make no lines


def test_a_screenshot_names_its_file_visibly(tmp_path: Path) -> None:
    command = [part.format(model=hostile_model(tmp_path / "m.vbp"), folder=tmp_path) for part in RUNS["screenshot"]]
    done = python(f"import sys; from visualbp.cli.main import main; sys.exit(main({command!r}))")
    assert done.returncode == 0 and "\\x1b[2Jout.png" in done.stdout
    assert not steering(done.stdout) and not done.stderr


@pytest.mark.parametrize("place", BAD)
def test_an_error_makes_hostile_texts_visible(place: str, capsys: Capture, tmp_path: Path) -> None:
    folder = tmp_path / "a\x1b[2J\nb"
    folder.mkdir()
    model = hostile_model(folder / "m.vbp", **BAD[place])
    status = main(["trace", str(model)])
    out, err = capsys.readouterr()
    assert status == 2 and not out
    assert err.count("\n") == 1 and not steering(err)
    assert "a\\x1b[2J\\nb" in err and "unexpected" not in err


ODD_NAMES = [ESCAPES, f"{ESCAPES}.vbp", f"a/{ESCAPES}/b.vbp", "x" * 5000, "a\0b", "", " ", "\udcff"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_refused_in_one_line(name: str, capsys: Capture) -> None:
    for command in (["trace", name], ["convert", name, "out.vbp"], ["train", name, "--iterations", "1"]):
        assert main(command) == 2
        out, err = capsys.readouterr()
        assert not out and err.count("\n") == 1 and not steering(err) and "unexpected" not in err
        assert len(err) < 600


@pytest.mark.parametrize("out", ["x" * 5000 + ".vbp", "a\0b.vbp", "no\nfolder/a.vbp", "/dev/full/a.vbp", "/proc/a.vbp"])
def test_an_odd_name_to_write_to_is_refused_in_one_line(out: str, capsys: Capture, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.vbp")
    for command in (["train", model, "--iterations", "1", "--save", out], ["convert", model, out]):
        assert main(command) == 2
        said, err = capsys.readouterr()
        assert not said and err.count("\n") == 1 and not steering(err) and "unexpected" not in err


def test_json_keeps_the_text_and_escapes_it(capsys: Capture, tmp_path: Path) -> None:
    assert main(["check", str(hostile_model(tmp_path / "m.vbp")), "--json"]) == 0
    out, err = capsys.readouterr()
    assert not err and not steering(out) and out.count("\n") == 1
    assert list(json.loads(out)["layers"]) == ["אבג"]


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_a_terminal_of_ascii_gets_ascii(environment: dict[str, str], tmp_path: Path) -> None:
    model = str(hostile_model(tmp_path / "m.vbp"))
    done = python(
        f"import sys; from visualbp.cli.main import main; sys.exit(main(['trace', {model!r}]))", **environment
    )
    assert done.returncode == 0 and not done.stderr
    assert not steering(done.stdout)
    if "PYTHONIOENCODING" in environment:
        assert done.stdout.isascii() and "??? z" in done.stdout
