"""Array types and the read-only rule: what leaves its maker is never written again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


def read_only(array: Array) -> Array:
    """Return `array` itself, marked as not writable. The caller gives up the right to write to it."""
    array.setflags(write=False)
    return array


def frozen_copy(array: Array) -> Array:
    """Return a read-only copy in row-major order."""
    return read_only(np.array(array, order="C", copy=True))


def size_of(shape: Shape) -> int:
    """Return the number of elements of `shape`, as an exact integer (NumPy's product would overflow)."""
    count = 1
    for length in shape:
        count *= length
    return count


def shape_text(shape: Shape) -> str:
    """Return a shape for people: `(4, 2)`, `(4)`, or `scalar`."""
    return f"({', '.join(str(length) for length in shape)})" if shape else "scalar"
