"""Data that are pictures: which are, and how a sample of them looks."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PySide6.QtGui import QImage

from visualbp.core.arrays import Array, Shape
from visualbp.datasets import Dataset
from visualbp.gui.theme import theme
from visualbp.network import Network

_PLACE = re.compile(r"(?:pixel)?[ _]?(\d+)[,x_](\d+)", re.IGNORECASE)
_NUMBER = re.compile(r"(?:pixel|px)[ _]?(\d+)", re.IGNORECASE)


def picture_shape(shape: Shape, names: Sequence[str] = (), flattened: bool = True) -> Shape | None:
    """Return (channels, height, width) of samples of a shape that are pictures, or None.

    (1 or 3, H, W) are pictures. (H, W) are unless the network takes them for sequences, that is unless they are
    `flattened`. A vector is one if the data say so: their `names` are those of pixels.
    """
    if len(shape) == 3 and shape[0] in (1, 3) and min(shape[1:]) >= 3:
        return shape
    if len(shape) == 2 and min(shape) >= 4 and flattened:
        return (1, *shape)
    if len(shape) == 1 and len(names) == shape[0]:
        return _named_shape(names)
    return None


def _named_shape(names: Sequence[str]) -> Shape | None:
    """Return the shape that names such as `pixel 0,5`, `1x28` or `pixel783` stand for, in the order of a picture."""
    places = [_PLACE.fullmatch(name) for name in names]
    if all(places):
        found = [(int(place[1]), int(place[2])) for place in places if place is not None]
        (top, left), (bottom, right) = found[0], found[-1]
        height, width = bottom - top + 1, right - left + 1
        expected = [(top + row, left + column) for row in range(height) for column in range(width)]
        return (1, height, width) if found == expected and min(height, width) >= 3 else None
    side = math.isqrt(len(names))
    numbers = [_NUMBER.fullmatch(name) for name in names]
    if side >= 3 and side * side == len(names) and all(numbers):
        counted = [int(number[1]) for number in numbers if number is not None]
        return (1, side, side) if counted == list(range(counted[0], counted[0] + len(names))) else None
    return None


def data_picture(dataset: Dataset | None, network: Network) -> Shape | None:
    """Return (channels, height, width) of the samples that a network takes, if they are pictures."""
    if dataset is None:
        return None
    takers = {
        network.layer(name).type
        for layer in network.layers
        if layer.type == "input"
        for name in network.outputs_of(layer.name)
    }
    return picture_shape(dataset.input_shape, dataset.input_names, flattened=takers <= {"flatten"})


@lru_cache(maxsize=4)
def data_limits(dataset: Dataset) -> tuple[float, float]:
    """Return the smallest and the largest finite number of the inputs of all samples."""
    finite = dataset.inputs[np.isfinite(dataset.inputs)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def picture_of(sample: Array, shape: Shape, low: float, high: float) -> QImage:
    """Return a sample as an image with one pixel for each value; what is not finite is red.

    One channel runs from the theme's field to its text colour, three channels are red, green and blue.
    """
    share = np.clip((sample.reshape(shape) - low) / max(high - low, 1e-300), 0.0, 1.0)
    wrong = ~np.isfinite(share)
    share = np.where(wrong, 0.0, share)
    current = theme()
    if shape[0] == 3:
        colors = (share * 255).round().astype(np.uint32)
    else:
        tones = current.color("field"), current.color("text")
        ends = [np.array([tone.red(), tone.green(), tone.blue()], float) for tone in tones]
        colors = (ends[0] + (ends[1] - ends[0]) * share[0][..., None]).round().astype(np.uint32).transpose(2, 0, 1)
    packed = (0xFF000000 | colors[0] << 16 | colors[1] << 8 | colors[2]).astype(np.uint32)
    packed[wrong.any(0)] = current.color("error").rgb()
    packed = np.ascontiguousarray(packed)
    height, width = packed.shape
    return QImage(packed.data, width, height, width * 4, QImage.Format.Format_RGB32).copy()
