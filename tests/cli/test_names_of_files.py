"""Names of files that are none are refused in one sentence, before any work is done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import Capture, complaint
from visualbp.cli import main as program

COMMANDS = (
    ("train", "xor", "--iterations", "1000000000", "--save", "{}"),
    ("trace", "xor", "--iterations", "1000000000", "--npz", "{}"),
    ("convert", "xor", "{}"),
    ("convert", "{}", "out.py"),
    ("screenshot", "xor", "{}"),
    ("screenshot", "{}", "out.png"),
    ("train", "{}", "--iterations", "1"),
    ("trace", "{}"),
    ("check", "{}"),
    ("{}",),
)


@pytest.mark.parametrize("name", ["", " "])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_name_is_refused_before_any_work(command: tuple[str, ...], name: str, capsys: Capture) -> None:
    said = complaint(capsys, *[part.format(name) for part in command])
    assert "must be the name of a file" in said


def test_every_command_that_takes_a_file_is_tried_above() -> None:
    assert {command[0] for command in COMMANDS} - {"{}"} == set(program.COMMANDS) - {"samples"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if "1000000000" in command])
def test_a_place_that_cannot_be_written_is_refused_before_a_long_run(
    command: tuple[str, ...], tmp_path: Path, capsys: Capture
) -> None:
    for place in (tmp_path, tmp_path / "gone" / "out.vbp", "/dev/full"):
        said = complaint(capsys, *[part.format(place) for part in command])
        assert str(place) in said


FULL = """
import os, sys
def full(descriptor):
    raise OSError(28, "No space left on device")
os.fsync = full
from visualbp.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_picture_takes_its_place_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"old")
    command = [sys.executable, "-c", FULL, "screenshot", "xor", str(out), "--size", "400x300"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 2 and "out.png: cannot be written: no space left on device" in process.stderr
    assert out.read_bytes() == b"old" and [path.name for path in tmp_path.iterdir()] == ["out.png"]
