"""How the mathematics panel names values and axes, and which number it picks when none was chosen."""

from __future__ import annotations

import numpy as np

from visualbp.analysis.explain import Factor
from visualbp.core.arrays import Array
from visualbp.engine.plan import short_role
from visualbp.layers import Value

Index = tuple[int, ...]

SYMBOLS = {"delta": "δ", "upstream": "∂L/∂h", "loss": "L", "target": "y"}


def value_symbol(value: Value) -> str:
    """Return a value in plain text: `W`, `δ`, `∂L/∂W`."""
    if value.role in SYMBOLS:
        return SYMBOLS[value.role]
    if value.role.startswith("gradient/"):
        return f"∂L/∂{short_role(value.role)}"
    return short_role(value.role)


def element_name(value: Value, index: Index) -> str:
    """Return an element in plain text, such as `output ∂L/∂W[0, 2]`."""
    place = f"[{', '.join(map(str, index))}]" if index else ""
    sender = f" from {value.part}" if value.part else ""
    return f"{value.layer} {value_symbol(value)}{place}{sender}".strip()


def largest_index(array: Array, fixed: dict[int, int]) -> Index:
    """Return where the largest magnitude is, or the first value that is not finite, with some axes fixed.

    Fixed places that the array does not have are cut to the last one.
    """
    if not array.ndim:
        return ()
    if not array.size:
        return (0,) * array.ndim
    chosen = {axis: min(place, array.shape[axis] - 1) for axis, place in fixed.items() if axis < array.ndim}
    part = array[tuple(slice(chosen[a], chosen[a] + 1) if a in chosen else slice(None) for a in range(array.ndim))]
    size = np.abs(part)
    size = np.where(np.isfinite(size), size, np.inf)
    found = np.unravel_index(int(size.argmax()), size.shape)
    return tuple(chosen.get(axis, int(place)) for axis, place in enumerate(found))


def factor_color(factor: Factor) -> str:
    """Return the palette's colour of a factor: amber for what comes backward, teal for what went forward."""
    if factor.value is None:
        return "dim"
    if factor.value.is_gradient:
        return "backward"
    return "forward" if _is_computed(factor.value) else "text"


def _is_computed(value: Value) -> bool:
    """Return whether a value is made by a layer's forward pass from its samples, and no parameter or buffer."""
    lasts = value.role.startswith(("weight", "bias", "running_")) or "/" in value.role
    return bool(value.layer) and not lasts and value.role not in ("target", "loss", "penalty")


def shapes_text(shapes: str) -> str:
    """Return a line of shapes with the signs of the field: a raised T, and a circle for products of elements."""
    return shapes.replace("^T", "ᵀ").replace("rate * ", "rate × ").replace(" * ", " ⊙ ")
