"""What the axes of an array are called, and an index in words: `sample 2, channel 0, row 3, column 5`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from visualbp.core.arrays import Shape
from visualbp.core.ref import Ref
from visualbp.engine.plan import Plan
from visualbp.network import Network

SAMPLE_AXES: Mapping[int, tuple[str, ...]] = {
    0: (),
    1: ("unit",),
    2: ("time", "feature"),
    3: ("channel", "row", "column"),
}
"""By how many axes a sample has."""
PARAMETER_AXES: Mapping[int, tuple[str, ...]] = {
    0: (),
    1: ("unit",),
    2: ("unit", "input"),
    3: ("channel", "row", "column"),
    4: ("filter", "channel", "row", "column"),
}


def named_by_layer(network: Network, value: Ref) -> tuple[str, ...] | None:
    """Return the names that the layer's type gives to the axes of a value, if it does."""
    if not network.has_layer(value.layer):
        return None
    return network.layer(value.layer).kind.axes.get(value.role)


def parameter_axes(network: Network, value: Ref, dimensions: int) -> tuple[str, ...]:
    """Return what the axes of a parameter, or of its gradient, are called."""
    own = named_by_layer(network, value)
    if own is not None and len(own) == dimensions:
        return own
    return PARAMETER_AXES.get(dimensions) or tuple(f"axis {axis}" for axis in range(dimensions))


def axes_of(plan: Plan, value: Ref, dimensions: int) -> tuple[str, ...]:
    """Return what the axes of a value of an iteration are called, the batch included."""
    if not plan.is_batched(value):
        return parameter_axes(plan.network, value, dimensions)
    own = named_by_layer(plan.network, value)
    if own is None or len(own) != dimensions - 1:
        own = SAMPLE_AXES.get(dimensions - 1) or tuple(f"axis {axis}" for axis in range(1, dimensions))
    return ("sample", *own)


def place_words(axes: Sequence[str], index: Sequence[int], shape: Shape = ()) -> str:
    """Return an index in words; axes of a single place, by `shape`, are left out."""
    return ", ".join(
        f"{axis} {place}"
        for number, (axis, place) in enumerate(zip(axes, index, strict=False))
        if number >= len(shape) or shape[number] > 1
    )
