"""Normalisations, written down once more: the oracle of those who read what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from visualbp.core.arrays import Array
from visualbp.operations.normalization import BatchNorm, GroupNorm


def of_channels(operation: Any) -> bool:
    """Return whether the weight has an entry for each channel, and not for each unit."""
    return isinstance(operation, BatchNorm | GroupNorm)


def group_name(operation: Any, rank: int) -> str:
    """Return what has a mean of its own, in values of so many axes."""
    if isinstance(operation, BatchNorm):
        return {2: "unit", 3: "position", 4: "channel"}[rank]
    if isinstance(operation, GroupNorm):
        return "group" if operation.groups > 1 else "sample"
    return "position" if rank == 3 else "sample"


def group_mean(operation: Any, array: Array) -> Array:
    """Return the mean over the group of each number, in the shape of the array."""
    if isinstance(operation, GroupNorm):
        rows = array.reshape(len(array) * operation.groups, -1)
        return np.repeat(rows.mean(1), rows.shape[1]).reshape(array.shape)
    if isinstance(operation, BatchNorm):
        axes: tuple[int, ...] = (0, *range(2, array.ndim))
    else:
        axes = (2,) if array.ndim == 3 else tuple(range(1, array.ndim))
    return np.broadcast_to(array.mean(axes, keepdims=True), array.shape)


def group_deviation(operation: Any, array: Array) -> Array:
    """Return the deviation of the group of each number."""
    centered = array - group_mean(operation, array)
    spread = centered - group_mean(operation, centered)
    return np.sqrt(group_mean(operation, spread * spread) + operation.epsilon)


def x_hat_of(operation: Any, array: Array) -> Array:
    return (array - group_mean(operation, array)) / group_deviation(operation, array)


def spread_out(operation: Any, parameter: Array, rank: int) -> Array:
    """Return a weight or a bias so that it stands at the axes of the values that it goes with."""
    return parameter.reshape(1, -1, *[1] * (rank - 2)) if of_channels(operation) else parameter


def over_what_it_meets(operation: Any, array: Array, parameter: Array) -> Array:
    """Return the sum over all that meet the same entry of a weight or a bias."""
    if of_channels(operation):
        return array.sum((0, *range(2, array.ndim)))
    return array.reshape(-1, *parameter.shape).sum(0)


def back_to_x(operation: Any, upstream: Array, x: Array, weight: Array) -> Array:
    """Return the gradient of x: less what moves the mean and the deviation of its group."""
    hat, g = x_hat_of(operation, x), upstream * spread_out(operation, weight, x.ndim)
    along = group_mean(operation, g * hat)
    return (g - group_mean(operation, g) - along * hat) / group_deviation(operation, x)
