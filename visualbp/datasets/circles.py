"""Two circles, one inside the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.core.options import FloatOption
from visualbp.datasets.base import Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import SEED, counts, mixed, noise_option, samples_option


def _load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    generator = np.random.default_rng(options["seed"])
    parts = []
    for count, radius in zip(counts(options["samples"], 2), (1.0, options["factor"]), strict=True):
        angle = 2.0 * np.pi * np.arange(count) / max(count, 1)
        points = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        parts.append(points + options["noise"] * generator.normal(size=(count, 2)))
    return mixed(parts, generator, ("outer", "inner"))


datasets.register(
    DatasetEntry(
        "circles",
        "Circles",
        "A circle within a circle.",
        _load,
        (
            samples_option(200),
            noise_option(0.1),
            SEED,
            FloatOption("factor", 0.5, "the inner radius as a share of the outer", minimum=0.0, maximum=1.0),
        ),
    )
)
