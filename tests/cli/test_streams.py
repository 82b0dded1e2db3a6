"""Closed and full standard streams: the work is done, the status is right, and one sentence says what was lost.

All commands with all states are tried by tests/benchmarks/streams.py.
"""

import errno
import io
import os
import sys
from pathlib import Path

import pytest

from tests.streams import COMMANDS, STATES, fault, run
from visualbp.cli import main as program
from visualbp.cli.streams import SafeStream, SafeStreams

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs bash and /dev/full")


@linux_only
@pytest.mark.parametrize("state", sorted(set(STATES) - {"all open", "input closed"}))
def test_training_is_done_and_saved_whatever_the_streams(state: str, tmp_path: Path) -> None:
    assert fault("train", state, run("train", state, tmp_path)) == ""


@linux_only
@pytest.mark.parametrize(
    ("command", "state"),
    [
        ("a check that fails", "output full"),
        ("a check that fails", "output without a reader"),
        ("samples --json", "output full"),
        ("--help", "output closed"),
        ("a bad file", "everything closed"),
    ],
)
def test_the_status_is_that_of_the_work(command: str, state: str, tmp_path: Path) -> None:
    assert fault(command, state, run(command, state, tmp_path)) == ""


def test_every_command_of_the_program_is_tried() -> None:
    assert set(program.COMMANDS) <= {line.split()[0] for line, _, _ in COMMANDS.values()}


class Failing(io.StringIO):
    """A stream that fails from its second text on."""

    def write(self, text: str) -> int:
        if self.getvalue():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(text)


def test_after_the_first_failure_nothing_more_is_written() -> None:
    stream = Failing()
    safe = SafeStream(stream)
    for text in ("one", "two", "three"):
        safe.write(text)
    assert stream.getvalue() == "one" and safe.failure is not None and safe.failure.errno == errno.ENOSPC


def test_the_streams_are_as_before_when_the_program_ends() -> None:
    before = sys.stdout, sys.stderr
    with SafeStreams():
        assert isinstance(sys.stdout, SafeStream) and isinstance(sys.stderr, SafeStream)
    assert (sys.stdout, sys.stderr) == before


def test_a_stream_keeps_a_terminal_from_being_steered() -> None:
    stream = io.StringIO()
    SafeStream(stream).write("a\x1b[2J\rb\n")
    SafeStream(stream, keep="\r").write("\rc")
    assert stream.getvalue() == "a\\x1b[2J\\rb\n\rc"
