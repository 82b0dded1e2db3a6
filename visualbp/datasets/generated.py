"""What the generated sets share: their options, seeded generators, and the mixing of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.options import FloatOption, IntOption
from visualbp.datasets.base import Dataset

MOST_SAMPLES = 100_000
SEED = IntOption("seed", 0, "which points are drawn", minimum=0, maximum=2**32 - 1)
PLANE = ("x1", "x2")


def samples_option(default: int, fewest: int = 2) -> IntOption:
    """Return the option for how many samples are made, of all classes together."""
    return IntOption("samples", default, "how many samples, all classes together", minimum=fewest, maximum=MOST_SAMPLES)


def noise_option(default: float) -> FloatOption:
    """Return the option for the standard deviation of the noise."""
    return FloatOption("noise", default, "the standard deviation of the noise", minimum=0.0, maximum=100.0)


def counts(samples: int, classes: int) -> list[int]:
    """Return how many of `samples` each class gets: equal shares, and one more for the first where there is a rest."""
    share, rest = divmod(samples, classes)
    return [share + (index < rest) for index in range(classes)]


def mixed(parts: Sequence[Array], generator: np.random.Generator, class_names: Sequence[str] = ()) -> Dataset:
    """Return the points of each class, (n_k, 2) each, in random order, with their class indices as targets.

    The order is random so that batches taken in order hold all classes.
    """
    inputs = np.concatenate(list(parts))
    targets = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    order = generator.permutation(len(inputs))
    return Dataset(inputs[order], targets[order], PLANE, tuple(class_names))
