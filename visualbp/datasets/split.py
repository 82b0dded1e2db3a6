"""Training and held-out parts of a data set, and the scaling of its inputs."""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import Array
from visualbp.datasets.base import Dataset


def split(whole: Dataset, samples: int, seed: int) -> Dataset:
    """Return the first `samples` after a seeded shuffle; the rest is held out."""
    order = np.random.default_rng(seed).permutation(len(whole))
    train, rest = order[:samples], order[samples:]

    def part(indices: Array, held_out: Dataset | None) -> Dataset:
        inputs, targets = whole.inputs[indices], whole.targets[indices]
        return Dataset(inputs, targets, whole.input_names, whole.class_names, held_out, whole.rows_of(indices))

    return part(train, part(rest, None) if len(rest) else None)


def standardized(dataset: Dataset) -> Dataset:
    """Return the data with mean 0 and standard deviation 1 in each input, by the numbers of the training part alone."""
    mean, deviation = dataset.inputs.mean(axis=0), dataset.inputs.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)

    def part(whole: Dataset, held_out: Dataset | None) -> Dataset:
        inputs = (whole.inputs - mean) / scale
        return Dataset(inputs, whole.targets, whole.input_names, whole.class_names, held_out, whole.rows)

    return part(dataset, None if dataset.held_out is None else part(dataset.held_out, None))
