"""Where an updated number came from: the vocabulary in which an optimiser takes apart what its update wrote.

An optimiser is given an `Update`, one element of the parameter or of one of its own arrays, and returns a `Draft`, as
an operation does (`operations/terms.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from visualbp.operations.terms import Draft, Factor, constant, one_term

Labelled = tuple[tuple[Factor, ...], str]
"""A product, and what it is called."""


class Update(Protocol):
    """One element of what an update wrote: the parameter, or one of the optimiser's arrays."""

    @property
    def number(self) -> int:
        """Which update of the parameter it is, from 1."""
        ...

    @property
    def rate(self) -> float:
        """The learning rate of the iteration: what the schedule set, or the optimiser's own."""
        ...

    def writes(self, slot: str) -> bool:
        """Whether what is explained is this array of the optimiser's."""
        ...

    def itself(self) -> Factor:
        """What is explained, as it was before."""
        ...

    def parameter(self) -> Factor:
        """The parameter as it was before."""
        ...

    def gradient(self) -> Factor: ...

    def slot(self, name: str) -> Factor:
        """An array of the optimiser's as this update leaves it."""
        ...

    def change(self) -> float:
        """What the optimiser's own rule adds to what is explained."""
        ...

    def rate_factor(
        self, times: float = -1.0, symbol: str = r"-\eta", meaning: str = "minus the learning rate"
    ) -> Factor:
        """The learning rate times a number; where a schedule set it, it can be followed there."""
        ...

    def from_slot(self, number: float, symbol: str, slot: str, meaning: str) -> Factor:
        """A number made of an array of the optimiser's as this update leaves it."""
        ...

    def from_gradient(self, number: float, symbol: str, meaning: str) -> Factor:
        """A number made of the gradient."""
        ...


def old(update: Update) -> Labelled:
    """Return the parameter as it was."""
    return (update.parameter(),), "before"


def decayed_products(update: Update, decay: float) -> tuple[Labelled, ...]:
    """Return the gradient and, with weight decay, what that adds to it, as products."""
    products: list[Labelled] = [((update.gradient(),), "gradient")]
    if decay:
        products.append(((constant(decay, r"\lambda", "weight decay"), update.parameter()), "weight decay"))
    return tuple(products)


def decayed_gradient(update: Update, decay: float) -> Factor:
    """Return the gradient with weight decay as one factor."""
    gradient = update.gradient()
    if not decay:
        return gradient
    total = gradient.number + decay * update.parameter().number
    return update.from_gradient(total, rf"\left({gradient.symbol} + \lambda w\right)", "the gradient with weight decay")


def sum_of(products: Sequence[Labelled], rule: str, cancels: float = 0.0) -> Draft:
    """Return the draft of a sum of products."""
    formula = " + ".join(r" \, ".join(factor.symbol for factor in factors) for factors, _ in products)
    blocks = [one_term(*factors, label=label) for factors, label in products]
    return Draft(formula.replace("+ -", "- "), rule, blocks, cancels=cancels)


def times(factor: Factor, products: Sequence[Labelled]) -> list[Labelled]:
    """Return products with one more factor in front."""
    return [((factor, *factors), label) for factors, label in products]
