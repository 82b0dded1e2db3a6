"""One input, one number to predict: a line, and a sine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import FloatOption
from visualbp.datasets.base import Dataset, DatasetEntry, datasets
from visualbp.datasets.generated import SEED, noise_option, samples_option


def _loader(curve: Callable[[Array, Mapping[str, Any]], Array]) -> Callable[[Mapping[str, Any], Path | None], Dataset]:
    def load(options: Mapping[str, Any], folder: Path | None) -> Dataset:
        generator = np.random.default_rng(options["seed"])
        x = generator.permutation(np.linspace(-1.0, 1.0, options["samples"])).reshape(-1, 1)
        y = curve(x, options) + options["noise"] * generator.normal(size=x.shape)
        return Dataset(x, y, ("x",))

    return load


datasets.register(
    DatasetEntry(
        "linear",
        "Line",
        "y = slope x + intercept and noise, for x from -1 to 1.",
        _loader(lambda x, options: options["slope"] * x + options["intercept"]),
        (
            samples_option(50),
            noise_option(0.1),
            SEED,
            FloatOption("slope", 2.0, "the slope", minimum=-1e6, maximum=1e6),
            FloatOption("intercept", -0.5, "the height at x = 0", minimum=-1e6, maximum=1e6),
        ),
    )
)
datasets.register(
    DatasetEntry(
        "sine",
        "Sine",
        "Waves between x = -1 and 1, with noise.",
        _loader(lambda x, options: np.sin(np.pi * options["periods"] * x)),
        (
            samples_option(100),
            noise_option(0.1),
            SEED,
            FloatOption("periods", 1.0, "how many waves", minimum=0.0, maximum=100.0),
        ),
    )
)
