"""From what a person typed to a network that runs: what the commands share."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from visualbp.cli.main import file_name
from visualbp.cli.output import say
from visualbp.datasets import DataError, load_dataset
from visualbp.debugger.prepare import compile_within_bounds
from visualbp.engine import Executor, PlanError
from visualbp.engine.bugs import bug_problems
from visualbp.engine.needs import Needs
from visualbp.files import FileError, find_model, load_network
from visualbp.files.save import permissions_of
from visualbp.network import Network, structure_of


@dataclass(frozen=True)
class Model:
    """A model file, open and ready to run."""

    path: Path
    network: Network
    executor: Executor


def open_model(name_or_path: str) -> Model:
    """Return the model, compiled, with its data. Raises FileError with the first thing that keeps it from running."""
    path = find_model(name_or_path)
    network = load_network(path)
    try:
        structure = structure_of(network)
        if not structure.can_run:
            raise PlanError(structure.errors)
        if network.data is None:
            raise DataError('data: is missing; add, for example, "data": {"source": "xor"}')
        dataset = load_dataset(network.data, path.parent)
        plan, _ = compile_within_bounds(network, structure, dataset, hear=lambda needs: say_needs(path, needs))
        if misplaced := bug_problems(plan):
            raise PlanError(misplaced)
        return Model(path, network, Executor(plan, dataset))
    except PlanError as error:
        more = len(error.problems) - 1
        others = f" (and {more} more {'problem' if more == 1 else 'problems'})" if more else ""
        raise FileError(str(path), "", str(error) + others) from None
    except DataError as error:
        raise FileError(str(path), "", str(error)) from None


def say_needs(path: Path, needs: Needs) -> None:
    """Say, before it begins, that a network takes much memory or time to open."""
    if needs.are_large:
        say(f"{path.name} needs {needs.text}; Ctrl+C stops it")


def check_folder(path: str) -> None:
    """Raise FileError now, rather than after a long run, where `path` cannot be written."""
    folder = Path(path).parent
    try:
        os.stat(folder)
        is_folder = Path(path).is_dir()
    except FileNotFoundError:
        raise FileError(path, "", "cannot be written: there is no such folder", "choose another place") from None
    except (OSError, ValueError) as error:  # a name that is too long, or that no system takes
        reason = ((error.strerror if isinstance(error, OSError) else "") or str(error)).lower()
        raise FileError(path, "", f"cannot be written: {reason}", "choose another place") from None
    if not folder.is_dir():
        raise FileError(path, "", "cannot be written: there is no such folder", "choose another place")
    if is_folder:
        raise FileError(path, "", "is a folder", "give the name of a file in it")
    permissions_of(Path(path), path)
    if not os.access(folder, os.W_OK):
        raise FileError(path, "", "cannot be written: its folder is read-only", "choose another place")


def add_file(parser: argparse.ArgumentParser) -> None:
    """Declare the model, which is the first thing that a command takes."""
    parser.add_argument("file", metavar="FILE", type=file_name, help="a model file (.vbp), or a sample's name")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare the switch that makes a command answer in JSON."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, and nothing else")


def whole_number(least: int, most: int = 10**9) -> Callable[[str], int]:
    """Return a parser of whole numbers within bounds, for argparse."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 12 or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least:,} to {most:,}, not {text[:40]!r}")
        return int(text)

    return parse


def small_number(text: str) -> float:
    """Return a number above 0 and below 1, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and below 1, not {text[:40]!r}")
    return value
