"""How the mathematics panel names values and axes, and which number it picks when none was chosen."""

from __future__ import annotations

import numpy as np

from visualbp.analysis.explain import Factor
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.plan import short_role

Index = tuple[int, ...]

SYMBOLS = {"loss": "L", "target": "y"}


def value_symbol(value: Ref) -> str:
    """Return a value in plain text: `W`, `δ`, `∂L/∂W`."""
    if value.is_delta and value.time is None:
        return "δ"
    if value.is_slot:
        return value.name
    own = SYMBOLS.get(value.role, short_role(value))
    return f"∂L/∂{own}" if value.is_gradient else own


def element_name(value: Ref, index: Index) -> str:
    """Return an element in plain text, such as `output ∂L/∂W[0, 2]`."""
    place = f"[{', '.join(map(str, index))}]" if index else ""
    sender = f" from {value.sender_text}" if value.sender else ""
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


def _is_computed(value: Ref) -> bool:
    """Return whether a value is made by a layer's forward pass from its samples, and no parameter or buffer."""
    lasts = value.role.startswith(("weight", "bias", "running_")) or value.is_slot
    return bool(value.layer) and not lasts and value.role not in ("target", "loss", "penalty")


def shapes_text(shapes: str) -> str:
    """Return a line of shapes with the signs of the field: a raised T, and a circle for products of elements."""
    return shapes.replace("^T", "ᵀ").replace("rate * ", "rate × ").replace(" * ", " ⊙ ")
