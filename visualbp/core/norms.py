"""Euclidean norms of arrays: the quick one, and one that holds where squares overflow or vanish."""

from __future__ import annotations

import math

import numpy as np

from visualbp.core.arrays import Array

SMALLEST = {np.dtype(np.float64): 1e-140, np.dtype(np.float32): 1e-15}
"""Below, squares of elements come near the smallest number of the type, and a sum of them has lost digits, or all."""


def quick_norm(array: Array) -> float:
    """Return the Euclidean norm of all elements; not finite where an element is not, or where its square is not."""
    flat = array.reshape(-1)
    return math.sqrt(float(np.dot(flat, flat)))


def safe_norm(array: Array) -> float:
    """Return the Euclidean norm of all elements: finite whenever they are, and 0 only where all of them are 0."""
    exact = array.astype(np.float64, copy=False)
    largest = float(np.abs(exact).max(initial=0.0))
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    return largest * quick_norm(exact / largest)


def norm_of(array: Array, quick: float | None = None) -> float:
    """Return the Euclidean norm of all elements, by the quick way where that holds; `quick` if it is known already."""
    norm = quick_norm(array) if quick is None else quick
    return norm if SMALLEST.get(array.dtype, 0.0) < norm < math.inf else safe_norm(array)
