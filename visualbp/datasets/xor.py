"""Exclusive or: the four corners of the unit square, as many times as asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.datasets.base import Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import PLANE, SEED, noise_option, samples_option


def _load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    which = np.arange(options["samples"]) % 4
    noise = np.random.default_rng(options["seed"]).normal(0.0, 1.0, (len(which), 2))
    inputs = corners[which] + options["noise"] * noise
    return Dataset(inputs, np.array([0, 1, 1, 0])[which], PLANE, ("same", "different"))


datasets.register(
    DatasetEntry(
        "xor",
        "XOR",
        "The four corners of a square: yes where the two inputs differ. No straight line parts them.",
        _load,
        (samples_option(4, fewest=4), noise_option(0.0), SEED),
    )
)
