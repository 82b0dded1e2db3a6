"""How the mathematics panel names values and axes, and which number it picks when none was chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visualbp.analysis.explain import Factor
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.plan import Plan, short_role
from visualbp.gui.painting import number_text

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


@dataclass(frozen=True, eq=False)
class Names:
    """How numbers of a snapshot are called: a sample by its row in the data, which is the same in every batch."""

    plan: Plan | None = None
    rows: Array | None = None
    """The row in the data of each sample of the batch."""

    def _sample(self, value: Ref, index: Index) -> int | None:
        """Return the row of the sample that an element belongs to; None for what belongs to none."""
        if self.plan is None or self.rows is None or not index or not self.plan.is_batched(value):
            return None
        return int(self.rows[index[0]]) if index[0] < len(self.rows) else None

    def element(self, value: Ref, index: Index) -> str:
        """Return an element in plain text: `output ∂L/∂W[0, 2]`, or `hidden h[3], sample 25`."""
        sample = self._sample(value, index)
        return element_name(value, index) if sample is None else f"{element_name(value, index[1:])}, sample {sample}"

    def forms(self, value: Ref, index: Index) -> tuple[str, ...]:
        """Return an element in plain text, and shorter: without its sample, and without its layer, said beside both."""
        inside = index if self._sample(value, index) is None else index[1:]
        return self.element(value, index), element_name(value, inside), self.within(value, index)

    def forms_of_factor(self, factor: Factor) -> tuple[str, ...]:
        """Return a factor in plain text, and shorter."""
        if factor.value is not None and factor.written:
            return self.of_factor(factor), factor.written.replace("{}", number_text(factor.argument, signed=True))
        if factor.value is None or factor.meaning:
            return (self.of_factor(factor),)
        return self.forms(factor.value, factor.index)

    def within(self, value: Ref | None, index: Index) -> str:
        """Return the same without layer and sample, for where both are said beside: `z[3]`."""
        if value is None:
            return ""
        inside = index if self._sample(value, index) is None else index[1:]
        return value_symbol(value) + (f"[{', '.join(map(str, inside))}]" if inside else "")

    def of_factor(self, factor: Factor) -> str:
        """Return a factor in plain text: an element, a function of one with its argument, or what it means."""
        if factor.value is not None and factor.written:
            before, _, after = factor.written.partition("{}")
            argument = f"{self.within(factor.value, factor.index)} = {number_text(factor.argument, signed=True)}"
            return f"{before}{argument}{after}"
        if factor.value is None or factor.meaning:
            return factor.meaning
        return self.element(factor.value, factor.index)


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
