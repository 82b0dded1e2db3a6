"""Commands run with standard streams that are closed, full, or without a reader, each in a process of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

STATES = {
    "all open": "",
    "output closed": ">&-",
    "output full": ">/dev/full",
    "output without a reader": "| true",
    "input closed": "<&-",
    "error closed": "2>&-",
    "error full": "2>/dev/full",
    "output and error closed": ">&- 2>&-",
    "output and error full": ">/dev/full 2>/dev/full",
    "everything closed": "<&- >&- 2>&-",
    "input and output closed": "<&- >&-",
    "output full, error closed": ">/dev/full 2>&-",
}
"""The streams, as a shell is told about them."""

COMMANDS: dict[str, tuple[str, int, str]] = {
    "samples": ("samples", 0, ""),
    "samples --json": ("samples --json", 0, ""),
    "trace": ("trace xor --npz {out}.npz", 0, ".npz"),
    "check": ("check xor", 0, ""),
    "a check that fails": ("check bug_hunt_1", 1, ""),
    "train": ("train xor --iterations 5 --save {out}.vbp", 0, ".vbp"),
    "convert": ("convert xor {out}.py", 0, ".py"),
    "screenshot": ("screenshot xor {out}.png --size 640x480", 0, ".png"),
    "--help": ("--help", 0, ""),
    "trace --help": ("trace --help", 0, ""),
    "--version": ("--version", 0, ""),
    "a bad file": ("trace no_such.vbp", 2, ""),
    "a bad argument": ("train xor --iterations none", 2, ""),
    "no display": ("xor", 2, ""),
}
"""What is run, the status that it ends with, and the suffix of the file that it writes."""


@dataclass(frozen=True)
class Ended:
    """How a run ended: its status, what it said on standard error, and whether its file is there and whole."""

    status: int
    error: str
    has_file: bool


def run(command: str, state: str, folder: Path) -> Ended:
    """Run one of COMMANDS with the streams of one of STATES."""
    line, _, suffix = COMMANDS[command]
    out = folder / "out"
    file = out.with_suffix(suffix) if suffix else None
    if file is not None:
        file.unlink(missing_ok=True)
    program = f"{shlex.quote(sys.executable)} -m visualbp {line.format(out=shlex.quote(str(out)))} {STATES[state]}"
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment.pop("QT_QPA_PLATFORM", None)
    done = subprocess.run(
        ["bash", "-c", f"{program}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[1],
        env=environment,
    )
    return Ended(done.returncode, done.stderr, file is None or (file.is_file() and file.stat().st_size > 100))


def fault(command: str, state: str, ended: Ended) -> str:
    """What is wrong with how a run ended, or nothing.

    The work is done and its status is right; what could not be printed on a full disk is a status of 2, unless a check
    failed; and whatever is said is one sentence.
    """
    wanted = COMMANDS[command][1]
    if "output" in state and "full" in state and wanted == 0:
        wanted = 2
    said = [line for line in ended.error.splitlines() if line]
    heard = "error" not in state and "everything" not in state
    speaks = wanted == 2 or ("output" in state and "reader" not in state)
    if not ended.has_file:
        return "the file is not there"
    if ended.status != wanted:
        return f"status {ended.status} and not {wanted}: {ended.error[-200:]}"
    if "Traceback" in ended.error or "Exception ignored" in ended.error or "unexpected" in ended.error:
        return ended.error[-200:]
    if len(said) != (heard and speaks) or not all(line.startswith("visualbp") for line in said):
        return f"says {said}"
    return ""
