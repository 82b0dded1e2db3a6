"""Round clouds of points, their centres evenly on a circle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.core.options import IntOption
from visualbp.datasets.base import Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import SEED, counts, mixed, noise_option, samples_option


def _load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    generator = np.random.default_rng(options["seed"])
    classes = options["classes"]
    parts = []
    for index, count in enumerate(counts(options["samples"], classes)):
        angle = 2.0 * np.pi * index / classes
        centre = np.array([np.cos(angle), np.sin(angle)])
        parts.append(centre + options["noise"] * generator.normal(size=(count, 2)))
    return mixed(parts, generator)


datasets.register(
    DatasetEntry(
        "gaussians",
        "Gaussians",
        "Round clouds of points; the noise is their spread.",
        _load,
        (
            samples_option(200),
            noise_option(0.4),
            SEED,
            IntOption("classes", 2, "how many clouds", minimum=2, maximum=20),
        ),
    )
)
