"""What is asked of a gradient check, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from visualbp.core.arrays import Array

METHODS = ("every", "sampled", "directional")


class Cancelled(Exception):  # noqa: N818 (nothing went wrong)
    """The check was asked to stop."""


class CheckError(ValueError):
    """A check that cannot be made. The message says why, and what would mend it."""


@dataclass(frozen=True)
class CheckOptions:
    """How to check. `samples` and `seed` count for the method `sampled`, and for the random directions.

    `every` compares each parameter by itself; `sampled` some of each tensor; `directional` each tensor along one random
    direction. Raises CheckError for values out of range.
    """

    epsilon: float = 1e-5
    tolerance: float = 1e-5
    method: str = "every"
    samples: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise CheckError(f"the method of a gradient check is {', '.join(METHODS)}, not {self.method!r}")
        for name, low, high in (("epsilon", 1e-10, 0.1), ("tolerance", 1e-14, 1.0)):
            if not low <= getattr(self, name) <= high:
                raise CheckError(f"{name} must be from {low:g} to {high:g}, not {getattr(self, name):g}")
        if self.samples < 1:
            raise CheckError(f"a sampled check needs 1 sample or more, not {self.samples}")


class Place(NamedTuple):
    """One number of one parameter."""

    layer: str
    parameter: str
    index: tuple[int, ...]  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a place

    @property
    def text(self) -> str:
        """`hidden.weight[2, 0]`."""
        return f"{self.layer}.{self.parameter}[{', '.join(map(str, self.index))}]"


@dataclass(frozen=True, eq=False)
class TensorCheck:
    """One parameter, compared. The arrays have its shape, and are read-only.

    `errors` is the document's |a - n| / max(|a|, |n|), 0 where both are 0. Where that is above the tolerance although
    the difference is within round-off, or within the tolerance times the root mean square of the tensor, it is relative
    to the size from which such a difference would count: so a number has failed exactly if its error is above the
    tolerance. It is nan where nothing was measured: left out by the method, or at a kink that no step can avoid.

    `kink_mask` marks numbers with a kink between theta - epsilon and theta + epsilon. `analytic` is the gradient under
    test, `numeric` what was measured.
    """

    relative_error: float
    """The largest of `errors` and `direction_error`."""
    passed: bool
    kinks: int
    errors: Array = field(repr=False)
    kink_mask: Array = field(repr=False)
    analytic: Array = field(repr=False)
    numeric: Array = field(repr=False)
    checked: int
    """Numbers that were compared, alone or, for the method `directional`, all along one direction."""
    excluded: int
    """Numbers at a kink that no step can avoid: nothing can be said of them."""
    direction_error: float | None
    """The relative error along a random direction of the whole tensor, or None at a kink that no step can avoid."""
    way: str
    """How it was measured, in words."""


@dataclass(frozen=True, eq=False)
class CheckResult:
    """A gradient check, by layer and parameter in the plan's order."""

    passed: bool
    max_relative_error: float
    worst: Place | None
    """Where the largest error is; None if nothing was compared alone."""
    parameters: int
    checked: int
    kinks: int
    excluded: int
    seconds: float
    method: str
    words: str
    """How it was measured, and what is to be known about it, in a sentence or two."""
    loss: float
    epsilon: float
    tolerance: float
    layers: Mapping[str, Mapping[str, TensorCheck]] = field(default_factory=dict, repr=False)

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """The (layer, parameter) pairs that failed."""
        return tuple(
            (layer, name)
            for layer, tensors in self.layers.items()
            for name, found in tensors.items()
            if not found.passed
        )
