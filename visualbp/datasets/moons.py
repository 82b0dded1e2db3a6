"""Two half moons that reach into each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.datasets.base import Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import SEED, counts, mixed, noise_option, samples_option


def _load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    generator = np.random.default_rng(options["seed"])
    upper, lower = (np.linspace(0.0, np.pi, count) for count in counts(options["samples"], 2))
    parts = [
        np.stack([np.cos(upper) - 0.5, np.sin(upper) - 0.25], axis=1),
        np.stack([0.5 - np.cos(lower), 0.25 - np.sin(lower)], axis=1),
    ]
    parts = [part + options["noise"] * generator.normal(size=part.shape) for part in parts]
    return mixed(parts, generator, ("upper", "lower"))


datasets.register(
    DatasetEntry(
        "moons",
        "Moons",
        "Two half moons that reach into each other.",
        _load,
        (samples_option(200), noise_option(0.1), SEED),
    )
)
