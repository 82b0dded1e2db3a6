"""Fisher's iris. Where it comes from, and under which licence, is in resources/datasets."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.core.arrays import read_only
from visualbp.core.options import BoolOption, IntOption
from visualbp.core.resource_files import resource_path
from visualbp.datasets.base import Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import SEED
from visualbp.datasets.split import split, standardized

COUNT = 150


@cache
def _iris() -> Dataset:
    """Return all flowers: inputs (150, 4) in cm, and the species as classes."""
    with open(resource_path("datasets", "iris.csv"), encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    species = tuple(sorted({row[-1] for row in rows}))
    inputs = np.array([[float(cell) for cell in row[:-1]] for row in rows])
    targets = np.array([species.index(row[-1]) for row in rows])
    words = tuple(name.replace("_", " ") for name in header[:-1])
    return Dataset(read_only(inputs), read_only(targets), words, species)


def _load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    dataset = split(_iris(), options["samples"], options["seed"])
    return standardized(dataset) if options["standardize"] else dataset


datasets.register(
    DatasetEntry(
        "iris",
        "Iris",
        "Four measurements of 150 flowers of three species. What is not trained on is held out.",
        _load,
        (
            IntOption("samples", 120, "how many are trained on", minimum=3, maximum=COUNT),
            SEED,
            BoolOption("standardize", True, "scale each measurement to mean 0 and standard deviation 1"),
        ),
    )
)
