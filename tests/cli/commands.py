"""Running commands in tests, and a small model to run them on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from visualbp.cli.main import main

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


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
    )
