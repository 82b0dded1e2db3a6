"""Handwritten digits. Where they come from, and under which licence, is in resources/datasets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.core.arrays import Array, read_only
from visualbp.core.options import BoolOption, IntOption
from visualbp.core.resource_files import resource_path
from visualbp.datasets.base import Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import SEED
from visualbp.datasets.split import split

BRIGHTEST = 16.0
COUNT = 1797


@cache
def _digits() -> tuple[Array, Array]:
    """Return all digits as (1797, 64) from 0 to 1, and their classes."""
    table = np.loadtxt(resource_path("datasets", "digits.csv"), delimiter=",", skiprows=1, dtype=np.int64)
    return read_only(table[:, :-1] / BRIGHTEST), read_only(table[:, -1].copy())


def _load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    inputs, targets = _digits()
    if options["image"]:
        inputs = inputs.reshape(-1, 1, 8, 8)
    pixels = tuple(f"pixel {row},{column}" for row in range(8) for column in range(8))
    names = tuple(str(digit) for digit in range(10))
    return split(Dataset(inputs, targets, pixels, names), options["samples"], options["seed"])


datasets.register(
    DatasetEntry(
        "digits",
        "Digits",
        "1,797 handwritten digits of 8 x 8 pixels, from 0 to 1. What is not trained on is held out.",
        _load,
        (
            IntOption("samples", 1437, "how many are trained on", minimum=10, maximum=COUNT),
            SEED,
            BoolOption("image", False, "as images of shape (1, 8, 8), for convolutions; otherwise as rows of 64"),
        ),
    )
)
