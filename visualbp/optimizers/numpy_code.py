"""What an optimiser is told when it writes its update down as plain NumPy: the names of variables in the listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class UpdateCode:
    """The update of one parameter in a listing: arrays of these names, and the `rate` of the iteration, a number of the
    network's own type."""

    parameter: str
    gradient: str
    slots: Mapping[str, str]
    rate: str
    iteration: str
    """The number of the iteration, from 0; the slots were 0 before the first."""

    def kept(self, name: str) -> str:
        """Return a variable that only this update uses."""
        return f"{self.parameter}_{name}"

    def decayed(self, decay: float) -> str:
        """Return the gradient with weight decay."""
        return f"({self.gradient} + {self.parameter} * {decay!r})" if decay else self.gradient
