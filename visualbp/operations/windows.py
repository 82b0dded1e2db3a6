"""Windows that slide over images and sequences: how many there are, views of them, and what each covers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from visualbp.core.arrays import Array


def windows_along(length: int, kernel: int, stride: int, padding: int = 0) -> int:
    """Return how many windows fit on an axis: floor((length + 2 padding - kernel) / stride) + 1, as in PyTorch."""
    return (length + 2 * padding - kernel) // stride + 1


def windows_of(images: Array, kernel: int, stride: int, axes: tuple[int, ...]) -> Array:
    """Return a view with all windows of `images` along `axes`: as many more axes at the end, places in the window."""
    steps: list[slice] = [slice(None)] * images.ndim
    for axis in axes:
        steps[axis] = slice(None, None, stride)
    return sliding_window_view(images, (kernel,) * len(axes), axes)[tuple(steps)]


def winners_of(windows: Array) -> Array:
    """Return the argmax of each window over the last axis: of several the first; the last NaN, if there is one."""
    winners, nan = windows.argmax(-1), np.isnan(windows)
    if not nan.any():
        return winners
    last: Array = windows.shape[-1] - 1 - nan[..., ::-1].argmax(-1)
    return np.where(nan.any(-1), last, winners)


def let_nan_win(winners: Array, values: Array, is_nan: Array, windows: Array) -> None:
    """Correct the argmax of windows with NaN; `values` are the maxima, `windows` the numbers that they are of."""
    np.isnan(values, is_nan)
    if is_nan.any():
        (places,) = is_nan.nonzero()
        winners[places] = winners_of(windows[np.unravel_index(places, windows.shape[:4])].reshape(len(places), -1))


class Axis(NamedTuple):
    """Windows along one axis: `inside` are places within a window, `outside` what they belong to, pair by pair.

    For a window, `outside` are the places of the image that it covers; for a place of the image, the windows that cover
    it; for a place within a window, `inside` are the windows, and `outside` the places of the image met there.
    """

    inside: Array
    outside: Array


def covered(window: int, kernel: int, stride: int, padding: int, length: int) -> Axis:
    """Return what a window covers of an axis of `length` places; padding is left out, for it is 0."""
    inside = np.arange(kernel)
    outside = window * stride - padding + inside
    real = (outside >= 0) & (outside < length)
    return Axis(inside[real], outside[real])


def covering(place: int, kernel: int, stride: int, padding: int, windows: int) -> Axis:
    """Return the windows that cover a place, and where it lies within each."""
    outside = np.arange(windows)
    inside = place + padding - outside * stride
    real = (inside >= 0) & (inside < kernel)
    return Axis(inside[real], outside[real])


def met_at(inside: int, stride: int, padding: int, windows: int, length: int) -> Axis:
    """Return the windows that have a place of the image at `inside`, and that place."""
    all_windows = np.arange(windows)
    places = all_windows * stride - padding + inside
    real = (places >= 0) & (places < length)
    return Axis(all_windows[real], places[real])
