"""From a measured and a computed derivative to one of three answers: agrees, disagrees, cannot be told.

The relative error is the document's, |a - n| / max(|a|, |n|). A difference quotient is itself off by some error e, and
so a disagreement is one only beyond e, and an agreement only where e is small: else nothing was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visualbp.analysis.gradient_check_differences import EPSILON, LONGEST, Differences
from visualbp.core.arrays import Array

RESOLUTION = 1e-4
"""A number is measured if its measuring error is at most this share of it: a thousandth too much is then told."""

WITHIN, BEYOND = 4.0, 12.0
"""Up to so many measuring errors two numbers agree, and beyond so many they disagree: an estimate is not a bound."""


@dataclass(eq=False)
class Judgement:
    """The answers for P numbers. What neither `passed` nor `failed` marks cannot be told.

    `errors` are the document's relative errors, 0 where both numbers are 0, nan where nothing was measured.
    """

    errors: Array
    passed: Array
    failed: Array

    def put(self, places: Array, other: Judgement) -> None:
        """Take over another's answers at these places."""
        for name in ("errors", "passed", "failed"):
            getattr(self, name)[places] = getattr(other, name)

    def part(self, places: Array) -> Judgement:
        """Return the answers at these places."""
        return Judgement(self.errors[places], self.passed[places], self.failed[places])

    def withdraw(self, places: Array) -> None:
        """Say of these numbers that they cannot be told."""
        self.errors[places], self.passed[places], self.failed[places] = np.nan, False, False


def relative_errors(analytic: Array, numeric: Array) -> Array:
    """Return |a - n| / max(|a|, |n|), 0 where both are 0; nan where n was not measured, inf where a is not finite."""
    difference = np.abs(analytic - numeric)
    size = np.maximum(np.abs(analytic), np.abs(numeric))
    errors = np.divide(difference, size, out=np.zeros_like(difference), where=size > 0)
    errors[~np.isfinite(analytic)] = np.inf
    errors[np.isnan(numeric)] = np.nan
    return errors


def least_effect(size: Array | float) -> Array:
    """Return the derivative whose effect over the longest step would still be lost in values of this size."""
    return np.asarray(64.0 * EPSILON * size / LONGEST)


def judge(
    analytic: Array,
    found: Differences,
    tolerance: float,
    own_noise: Array | float = 0.0,
    least: Array | float = 0.0,
) -> Judgement:
    """Return the answers. `own_noise` is the round-off of the computed numbers.

    Nothing is called wrong by less than `least`: where a function gives the same value for every step, it is flat, or
    a number of size 1 inside of it swallows what is smaller.

    At a corner any slope between those of both sides is a subgradient: not wrong, and nothing that was measured.
    """
    errors = relative_errors(analytic, found.numeric)
    size = np.maximum(np.abs(analytic), np.abs(found.numeric))
    difference, error = np.abs(analytic - found.numeric), found.error + own_noise
    with np.errstate(invalid="ignore"):
        measured = (error <= RESOLUTION * size) & (size > 0)
        passed = measured & (difference <= tolerance * size + WITHIN * error)
        beside = np.maximum(np.abs(analytic), np.abs(found.sure))
        off = tolerance * beside + BEYOND * (found.sure_error + own_noise)
        failed = ~passed & (np.abs(analytic - found.sure) > np.maximum(off, least))
        reach = BEYOND * error + RESOLUTION * np.fmax(np.abs(found.low), np.abs(found.high))
        outside = (analytic < found.low - reach) | (analytic > found.high + reach)
    at_corner = found.corners
    failed = np.where(at_corner & ~outside, False, failed | (at_corner & outside))
    failed |= ~np.isfinite(analytic)
    errors[~passed & ~failed] = np.nan
    errors[failed] = relative_errors(analytic[failed], found.sure[failed])
    # At a corner a slope of neither side's is off by what it lacks to the nearer end.
    wrong = failed & np.isnan(errors)
    errors[wrong] = relative_errors(analytic[wrong], np.clip(analytic, found.low, found.high)[wrong])
    return Judgement(errors, passed & ~failed, failed)


def own_noise(gradient: Array) -> float:
    """Return the round-off of a computed gradient: a few units in the last place of its largest number."""
    kind = gradient.dtype if gradient.dtype == np.float32 else np.dtype(np.float64)
    unit = 64.0 * float(np.finfo(kind).eps) if kind == np.float32 else 4.0 * EPSILON
    largest = float(np.abs(gradient).max(initial=0.0))
    return unit * largest if np.isfinite(largest) else 0.0
