"""From what a person typed to a network that runs: what the commands share."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visualbp.core.arrays import size_of
from visualbp.datasets import DataError, load_dataset
from visualbp.engine import Executor, Plan, PlanError, compile_plan
from visualbp.files import FileError, find_model, load_network
from visualbp.network import Network
from visualbp.optimizers.base import make_optimizer

MOST_MEMORY = 2 * 2**30
"""What a run may need, by the estimate of `needed_bytes`; beyond it a machine would stall rather than answer."""


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
        plan = compile_plan(network)
        if network.data is None:
            raise DataError('data: is missing; add, for example, "data": {"source": "xor"}')
        dataset = load_dataset(network.data, path.parent)
        batch_size = min(network.training.batch_size, len(dataset))
        needed = needed_bytes(plan, batch_size)
        if needed > MOST_MEMORY:
            size = f"about {needed / 2**30:,.0f} GB"
            raise DataError(f"would need {size} of memory; use fewer units, or a smaller batch than {batch_size}")
        return Model(path, network, Executor(plan, dataset))
    except PlanError as error:
        more = len(error.problems) - 1
        others = f" (and {more} more {'problem' if more == 1 else 'problems'})" if more else ""
        raise FileError(str(path), "", str(error) + others) from None
    except DataError as error:
        raise FileError(str(path), "", str(error)) from None


def needed_bytes(plan: Plan, batch_size: int) -> int:
    """Return about how many bytes an iteration needs: values with what their rules keep, parameters, their slots."""
    parameters = sum(size_of(info.spec.shape) for info in plan.parameters)
    copies = 4 + len(make_optimizer(plan.network.training.optimizer).slots)
    values = sum(size_of(plan.shapes[value]) for value in plan.batched) * batch_size
    return (copies * parameters + 2 * values) * np.dtype(plan.network.precision).itemsize


def check_folder(path: str) -> None:
    """Raise FileError now, rather than after a long run, where `path` cannot be written."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileError(path, "", "cannot be written: there is no such folder", "choose another place")
    if Path(path).is_dir():
        raise FileError(path, "", "is a folder", "give the name of a file in it")
    if not os.access(folder, os.W_OK):
        raise FileError(path, "", "cannot be written: its folder is read-only", "choose another place")


def add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a model file (.vbp), or a sample's name")


def add_json(parser: argparse.ArgumentParser) -> None:
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
