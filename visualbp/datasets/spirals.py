"""Interleaved spirals, one arm for each class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.core.options import FloatOption, IntOption
from visualbp.datasets.base import Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import SEED, counts, mixed, noise_option, samples_option


def _load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
    generator = np.random.default_rng(options["seed"])
    arms = options["arms"]
    parts = []
    for index, count in enumerate(counts(options["samples"], arms)):
        radius = np.arange(1, count + 1) / max(count, 1)
        angle = 2.0 * np.pi * (options["turns"] * radius + index / arms)
        points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        parts.append(points + options["noise"] * generator.normal(size=points.shape))
    return mixed(parts, generator)


datasets.register(
    DatasetEntry(
        "spirals",
        "Spirals",
        "Interleaved spirals, one arm for each class.",
        _load,
        (
            samples_option(200),
            noise_option(0.02),
            SEED,
            IntOption("arms", 2, "how many spirals", minimum=2, maximum=20),
            FloatOption("turns", 1.5, "how often each winds round", minimum=0.0, maximum=10.0),
        ),
    )
)
