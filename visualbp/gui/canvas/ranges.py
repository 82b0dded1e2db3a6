"""The ranges of colours: one for all h on the canvas, one for all deltas, one for all weights."""

from __future__ import annotations

import math

from visualbp.core.ref import Ref
from visualbp.gui.canvas.content import RowContent
from visualbp.gui.painting import shared_limit

LARGEST_MEASURED = 200_000
"""Of larger arrays, a sample of about this many numbers is measured."""


def rounded_up(limit: float) -> float:
    """Return the next of 1, 1.5, 2, 3, 5, 7 times a power of ten: a range that does not flicker while values drift."""
    if not math.isfinite(limit) or limit <= 1e-290:
        return 1e-300
    power = 10.0 ** math.floor(math.log10(limit))
    return next((step * power for step in (1, 1.5, 2, 3, 5, 7) if limit <= step * power * (1 + 1e-12)), 10 * power)


class Ranges:
    """The ranges in use. An array is measured once: what a snapshot holds is never written again."""

    def __init__(self) -> None:
        self.limits: dict[str, float] = {}
        self._measured: dict[tuple[str, Ref], tuple[object, float]] = {}

    def clear(self) -> None:
        """Forget all ranges, and what was measured."""
        self.limits.clear()
        self._measured.clear()

    def note(self, row: RowContent, before: RowContent | None = None) -> None:
        """Take the numbers of a row into account, in place of those that it showed `before`."""
        key = (row.spec.range_name, row.value)
        if before is not None and (before.spec.range_name, before.value) != key:
            self._measured.pop((before.spec.range_name, before.value), None)
        known = self._measured.get(key)
        if row.array is None:
            if known is not None:
                del self._measured[key]
        elif known is None or known[0] is not row.array:
            array = row.array
            if array.size > LARGEST_MEASURED:
                array = array.reshape(-1)[:: array.size // LARGEST_MEASURED]
            self._measured[key] = (row.array, shared_limit(array))

    def forget(self, layers: set[str]) -> None:
        """Measure the values of these layers anew when they are next asked for."""
        for key in [key for key in self._measured if key[1].layer in layers]:
            del self._measured[key]

    def settle(self) -> bool:
        """Work the ranges out anew; return whether any has changed."""
        found: dict[str, float] = {}
        for (name, _), (_, limit) in self._measured.items():
            found[name] = max(found.get(name, 0.0), limit)
        limits = {name: rounded_up(limit) for name, limit in found.items()}
        changed = limits != self.limits
        self.limits = limits
        return changed

    def limit(self, name: str) -> float:
        """Return the largest magnitude of the colour scale of a kind of value; 1 while nothing is measured."""
        return self.limits.get(name, 1.0)
