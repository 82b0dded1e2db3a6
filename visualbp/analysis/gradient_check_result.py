"""What is asked of a gradient check, and what it answers."""

from __future__ import annotations

import math
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


@dataclass(frozen=True)
class EntryCheck:
    """One number of a gradient: what backpropagation computed, what a finite difference measured, and the answer."""

    computed: float
    measured: float | None
    """None where nothing could be measured, or where the method did not look."""
    error: float | None
    """The document's relative error; None where the two cannot be compared."""
    passed: bool | None
    """None where it cannot be told."""
    words: str
    """The answer: `agrees`, `disagrees`, or why it cannot be told."""

    @property
    def difference(self) -> float | None:
        """Computed less measured."""
        return None if self.measured is None else self.computed - self.measured


@dataclass(frozen=True, eq=False)
class TensorCheck:
    """One parameter, compared. The arrays have its shape, and are read-only.

    There are three answers for each number. `errors` are the document's |a - n| / max(|a|, |n|) as measured, 0 where
    both are 0; nan where nothing could be measured, or where the method did not look. `failed` marks those that
    disagree by more than the tolerance and the measuring error.

    `kink_mask` marks numbers with a kink between theta - epsilon and theta + epsilon. `analytic` is the gradient under
    test, `numeric` what was measured, well or not.
    """

    relative_error: float | None
    """The largest of `errors` and `direction_error`, or None where nothing was measured."""
    passed: bool | None
    """None where not one of its numbers could be measured."""
    kinks: int
    errors: Array = field(repr=False)
    failed: Array = field(repr=False)
    kink_mask: Array = field(repr=False)
    analytic: Array = field(repr=False)
    numeric: Array = field(repr=False)
    checked: int
    """Numbers that were measured, alone or, for the method `directional`, all along one direction."""
    unmeasurable: int
    """Numbers that were looked at, and cannot be told."""
    corners: int
    """Those of them that are exactly at a corner, with a slope between those of both sides: any of these is right."""
    excused: int
    """Numbers that passed above the tolerance, as their measuring error is as large."""
    measuring_error: float
    """The largest measuring error of those, relative to the number."""
    direction_error: float | None
    """The relative error along a random direction of the whole tensor, where that was asked for and measured."""
    way: str
    """How it was measured, in words."""

    def entry(self, index: tuple[int, ...], tolerance: float) -> EntryCheck:
        """Return both gradients of one number, and the answer."""
        computed, measured, error = (float(array[index]) for array in (self.analytic, self.numeric, self.errors))
        seen = None if math.isnan(measured) else measured
        if self.failed[index]:
            return EntryCheck(computed, seen, None if math.isnan(error) else error, False, "disagrees")
        if not math.isnan(error):
            words = "agrees" if error <= tolerance else "agrees within the error of its measurement"
            return EntryCheck(computed, seen, error, True, words + (", beside a kink" if self.kink_mask[index] else ""))
        if self.kink_mask[index]:
            words = "at a kink, where any slope between those of both sides is right"
        else:
            words = "not measured by this method" if seen is None else "cannot be told"
        return EntryCheck(computed, seen, None, None, words)


@dataclass(frozen=True)
class OperationCheck:
    """One reverse-mode rule by itself: that of an operation, for one of its operands.

    It is given the operands that it has in the network, and an upstream of ordinary size, and so it is as well
    conditioned as it can be, however small the gradient of the whole has become.
    """

    layer: str
    output: str
    """The role of the value that the operation makes: `z`, `h`, `z[3]`, `loss`."""
    operation: str
    operand: str
    passed: bool | None
    relative_error: float | None
    """The document's, at the worst entry or along the worst direction; None where nothing was measured."""
    kind: str | None = None
    """The probable mistake, as in `bug_kinds`, or None."""
    factor: float | None = None
    """How many times too large it is, where the kind is a scale."""
    index: tuple[int, ...] = ()
    """The entry with the worst error."""
    computed: float | None = None
    measured: float | None = None
    """What the rule gave there, and what a difference of the forward rule gives."""
    step: int = -1
    """The index of its step in the plan."""

    @property
    def place(self) -> str:
        """`hidden.h, on the way back to z`."""
        return f"{self.layer}.{self.output}, on the way back to {self.operand}"


@dataclass(frozen=True, eq=False)
class CheckResult:
    """A gradient check, by layer and parameter in the plan's order, and each operation by itself."""

    verdict: str
    """`passed`, `failed`, or `undecided`: nothing wrong was found, but not one number could be measured."""
    max_relative_error: float | None
    worst: Place | None
    """Where the largest error is; None if nothing was compared alone."""
    parameters: int
    checked: int
    kinks: int
    unmeasurable: int
    excused: int
    seconds: float
    method: str
    words: str
    """How it was measured, and what is to be known about it, in a sentence or two."""
    loss: float
    epsilon: float
    tolerance: float
    layers: Mapping[str, Mapping[str, TensorCheck]] = field(default_factory=dict, repr=False)
    operations: tuple[OperationCheck, ...] = field(default=(), repr=False)

    @property
    def passed(self) -> bool:
        """Whether nothing wrong was found, and one number at least could be measured."""
        return self.verdict == "passed"

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """The (layer, parameter) pairs that failed."""
        return tuple(
            (layer, name)
            for layer, tensors in self.layers.items()
            for name, found in tensors.items()
            if found.passed is False
        )

    @property
    def wrong_operations(self) -> tuple[OperationCheck, ...]:
        """The rules that failed by themselves, in the order of the backward pass."""
        return tuple(operation for operation in self.operations if operation.passed is False)
