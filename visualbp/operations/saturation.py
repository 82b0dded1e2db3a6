"""What a softmax loses where one class has almost all of the probability: what is left of 1 is as small as the rounding
of 1. Only rows that are so far are done again, so that all others keep their bits and cost nothing."""

from __future__ import annotations

import math

import numpy as np

from visualbp.core.arrays import Array

SATURATED = 1e-3
"""From here on, what a softmax leaves for all classes but the likeliest is computed by itself."""


def rescue_logarithms(shifted: Array, logarithm: Array, rest: Array) -> None:
    """Give the logarithm of a sum that is 1 and a little its digits back, and note what is left of 1.

    `shifted` (N, n) are scores less the largest of their row, `logarithm` (N, 1) that of the sum of their exponentials.
    `rest` (N, 1) gets the probability of all classes but the likeliest, or -1 where nothing is lost.
    """
    if not logarithm.min() < SATURATED:
        rest[0] = math.nan  # nothing to be done: the first place says it for all
        return
    close = np.flatnonzero(logarithm < SATURATED)
    others = np.exp(shifted[close])
    others[np.arange(len(close)), shifted[close].argmax(1)] = 0.0
    little = others.sum(1)
    logarithm[close, 0] = np.log1p(little)
    rest.fill(-1.0)
    rest[close, 0] = little / (1.0 + little)


def rescue_differences(probability: Array, total: Array, rest: Array, target: Array, difference: Array) -> None:
    """Where a probability is almost 1, replace probability * total - target by (total - target) - total * rest."""
    if math.isnan(rest[0, 0]):
        return
    close = np.flatnonzero(rest >= 0.0)
    places = close, probability[close].argmax(1)
    difference[places] = (total[close, 0] - target[places]) - total[close, 0] * rest[close, 0]
