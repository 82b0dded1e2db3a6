"""A convolution, window by window, on as many axes as there are: the oracle of those who read what is said of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from visualbp.core.arrays import Array
from visualbp.operations.convolution import Convolution


def _padded(x: Array, padding: int) -> Array:
    return np.pad(x, ((0, 0), (0, 0), *((padding, padding) for _ in x.shape[2:])))


Window = tuple[tuple[int, ...], tuple[slice, ...]]


def _windows(places: tuple[int, ...], weight: Array, stride: int) -> Iterator[Window]:
    """Yield the place of each window, and what it covers of a padded x."""
    for place in np.ndindex(*places):
        yield place, tuple(slice(at * stride, at * stride + n) for at, n in zip(place, weight.shape[2:], strict=True))


def slid(operation: Convolution, x: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return the filters slid over x (B, channels, ...), plus the bias of each."""
    padded = _padded(x, operation.padding)
    z = np.zeros(operation.output_shape([x.shape, weight.shape]))
    over = range(1, weight.ndim)
    for place, window in _windows(z.shape[2:], weight, operation.stride):
        z[:, :, *place] = np.tensordot(padded[:, :, *window], weight, (over, over))
    return z if bias is None else z + bias.reshape(-1, *[1] * (x.ndim - 2))


def back_to_weight(operation: Convolution, upstream: Array, x: Array, weight: Array) -> Array:
    """Return upstream times what lay under the filters, summed over all places of the batch."""
    padded, total = _padded(x, operation.padding), np.zeros(weight.shape)
    for place, window in _windows(upstream.shape[2:], weight, operation.stride):
        total += np.tensordot(upstream[:, :, *place], padded[:, :, *window], (0, 0))
    return total


def back_to_x(operation: Convolution, upstream: Array, x: Array, weight: Array) -> Array:
    """Return upstream back through the filters, to every window that a number was in."""
    edge = operation.padding
    total = np.zeros_like(_padded(x, edge))
    for place, window in _windows(upstream.shape[2:], weight, operation.stride):
        total[:, :, *window] += np.tensordot(upstream[:, :, *place], weight, (1, 0))
    return total[:, :, *(slice(edge, edge + length) for length in x.shape[2:])]
