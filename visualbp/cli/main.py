"""The command `visualbp`: which part of it was asked for, and how its errors end, in one line on standard error.

Exit status: 0 done, 1 a check failed, 2 the input was bad, or what was asked for could not be printed (a full disk).
Output that nobody reads, a pipe without a reader or a closed stream, changes nothing.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Protocol

from visualbp import __version__
from visualbp.cli.output import say
from visualbp.cli.streams import SafeStreams

DONE, FAILED, BAD_INPUT = 0, 1, 2
INTERRUPTED = 130

COMMANDS = {
    "samples": "list the sample models",
    "trace": "run iterations and print every step of the last one, with shapes and norms",
    "check": "compare every gradient with finite differences",
    "train": "train at full speed",
    "convert": "write a model as a PyTorch program that trains it, or as a model file again",
    "screenshot": "draw the window into a picture, without a display",
}
"""The commands that need no display. Each is a module of this package with `add_arguments` and `run`."""


class Command(Protocol):
    """What the module of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


class InputError(ValueError):
    """Something a person has to mend; the message is one sentence for standard error."""


def file_name(text: str) -> str:
    """Return the name of a file, for argparse: an empty one is refused before any work is done."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"must be the name of a file, not {text[:40]!r}")
    return text


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{self.prog}: {message}; see {self.prog} --help")


def _window_parser() -> _Parser:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name.ljust(width)}  {summary}" for name, summary in COMMANDS.items())
    parser = _Parser(
        prog="visualbp",
        usage="visualbp [FILE]\n       visualbp COMMAND ...",
        description="Build a network on a canvas and step through backpropagation.",
        epilog=f"commands that need no display:\n{commands}\n\nvisualbp COMMAND --help says more about one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "file", metavar="FILE", nargs="?", type=file_name, help="a model file (.vbp), or a sample's name"
    )
    parser.add_argument("--version", action="version", version=f"visualbp {__version__}")
    return parser


def _run_command(name: str, arguments: Sequence[str]) -> int:
    command: Command = importlib.import_module(f"visualbp.cli.{name}")
    parser = _Parser(prog=f"visualbp {name}", description=f"{COMMANDS[name].capitalize()}.", allow_abbrev=False)
    command.add_arguments(parser)
    return command.run(parser.parse_args(arguments))


def _open_window(arguments: Sequence[str]) -> int:
    from visualbp.files import FileError, find_model

    file = _window_parser().parse_args(arguments).file
    path = None
    if file is not None:
        try:
            path = str(find_model(file))
        except FileError as error:
            near = difflib.get_close_matches(file, COMMANDS, n=1)
            if near and not Path(file).suffix:
                raise InputError(
                    f"{file}: there is no command, file or sample of this name; did you mean {near[0]}?"
                ) from None
            raise InputError(error.text) from None
    if not has_display():
        others = ", ".join(COMMANDS)
        raise InputError(f"there is no display to open a window on; these commands need none: {others}")
    from visualbp.gui.app import run

    return run(path)


def has_display() -> bool:
    """Return whether a window can be opened: always, but for a Unix without a display server."""
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _known_errors() -> tuple[type[Exception], ...]:
    from visualbp.datasets import DataError
    from visualbp.engine import PlanError
    from visualbp.files import FileError

    return (InputError, FileError, DataError, PlanError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `visualbp` with these arguments, and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with SafeStreams() as streams:
        status = _run(arguments)
        lost, wanted = streams.lost_output()
        if lost and status != BAD_INPUT:  # one sentence is enough
            say(lost)
            status = BAD_INPUT if wanted and status == DONE else status
    return status


def _run(arguments: Sequence[str]) -> int:
    """Carry out what the arguments ask for, and return the exit status. Every failure ends here, in one sentence."""
    try:
        if arguments and arguments[0] in COMMANDS:
            return _run_command(arguments[0], arguments[1:])
        return _open_window(arguments)
    except SystemExit as ended:  # argparse, after --help or --version
        return ended.code if isinstance(ended.code, int) else DONE
    except KeyboardInterrupt:
        with suppress(KeyboardInterrupt):  # a second one, while the first is being answered
            say("interrupted")
        return INTERRUPTED
    except MemoryError:
        return _complain("there is not enough memory for this; make the network or the data smaller", BAD_INPUT)
    except Exception as error:
        if isinstance(error, _known_errors()):
            return _complain(str(error), BAD_INPUT)
        return _complain(_unexpected(error), BAD_INPUT)


def _complain(sentence: str, status: int) -> int:
    say(sentence)
    return status


def _unexpected(error: Exception) -> str:
    """Return one line for a fault of the program itself, with the place that a report needs."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"unexpected {type(error).__name__}: {error} (at {Path(last.filename).name}:{last.lineno}); please report this"
    )
