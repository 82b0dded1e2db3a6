"""Finite differences: central ones as in the document, others where a kink or round-off is in their way; and errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visualbp.analysis.gradient_check_passes import Evaluator
from visualbp.core.arrays import Array

ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""The relative round-off of a loss: a few units in the last place."""

AT_KINKS = (1e-5, 1e-6, 1e-7, 1e-8)
"""Steps at a kink, longest first; none is longer than epsilon."""


@dataclass(eq=False)
class Differences:
    """Derivatives of P numbers, measured.

    `noise` is what round-off may have done to each. `kinks` marks those with a kink between -epsilon and +epsilon;
    `excluded` those of them whose kink no step avoids, and `numeric` is nan there.
    """

    numeric: Array
    noise: Array
    kinks: Array
    excluded: Array


def central_differences(evaluator: Evaluator, entries: Array, epsilon: float) -> Differences:
    """Measure (L(theta + epsilon) - L(theta - epsilon)) / (2 epsilon), the document's approximation.

    Where a kink is in between, the difference says nothing about the derivative at theta: there the piece that theta is
    on is measured, from theta to the side that has no kink, or with shorter steps.
    """
    if not len(entries):
        nothing = np.zeros(0)
        return Differences(nothing, nothing.copy(), np.zeros(0, bool), np.zeros(0, bool))
    losses, crossed = evaluator.losses(entries, np.array([epsilon, -epsilon]))
    rest = evaluator.at_rest(entries)
    numeric = (losses[0] - losses[1]) / (2.0 * epsilon)
    curvature = np.abs(losses[0] + losses[1] - 2.0 * rest) / epsilon**2
    size = np.maximum(np.abs(losses).max(0), np.abs(rest))
    # Round-off of the loss itself, and of theta and all that is computed from it, which matters where the loss is 0.
    noise = ROUNDING * (size / epsilon + curvature * np.maximum(1.0, np.abs(evaluator.flat[entries])))
    kinks: Array = np.any(crossed, axis=0)
    found = Differences(numeric, noise, kinks, np.zeros(len(entries), bool))
    if kinks.any():
        _measure_one_piece(evaluator, entries, epsilon, found)
    return found


def _measure_one_piece(evaluator: Evaluator, entries: Array, epsilon: float, found: Differences) -> None:
    """Measure the numbers at kinks again, on the piece that theta is on. Those that cannot be are excluded."""
    left = np.flatnonzero(found.kinks)
    rest, rounding = evaluator.at_rest(entries[left]), found.noise[left]
    found.numeric[left], found.excluded[left] = np.nan, True
    for step in AT_KINKS:
        h = min(step, epsilon)
        losses, crossed = evaluator.losses(entries[left], np.array([h, h / 2, -h / 2, -h]))
        right_free, left_free = ~crossed[:2].any(0), ~crossed[2:].any(0)
        to_right = (4.0 * losses[1] - losses[0] - 3.0 * rest) / h
        to_left = (3.0 * rest - 4.0 * losses[2] + losses[3]) / h
        both = right_free & left_free
        numeric = np.where(both, (losses[0] - losses[3]) / (2.0 * h), np.where(right_free, to_right, to_left))
        free = right_free | left_free
        place = left[free]
        found.numeric[place], found.excluded[place] = numeric[free], False
        found.noise[place] = rounding[free] * 8.0 * epsilon / h
        left, rest, rounding = left[~free], rest[~free], rounding[~free]
        if not len(left):
            return


def five_point_differences(evaluator: Evaluator, entries: Array, epsilon: float) -> Differences:
    """Measure more exactly: the five-point difference, with steps up to ten times as long (but not above 1e-4).

    Its own error falls with the fourth power of the step, so that the step can be long, and round-off small. Where that
    reaches a kink, shorter steps are taken; numbers with a kink within the shortest are excluded.
    """
    count = len(entries)
    found = Differences(np.full(count, np.nan), np.zeros(count), np.ones(count, bool), np.ones(count, bool))
    longest = min(max(epsilon, 1e-4), 10.0 * epsilon)
    for h in (longest, *(step for step in (1e-4, 1e-5) if step < longest)):
        left = np.flatnonzero(found.excluded)
        if not len(left):
            break
        losses, crossed = evaluator.losses(entries[left], np.array([2 * h, h, -h, -2 * h]))
        numeric = (8.0 * (losses[1] - losses[2]) - (losses[0] - losses[3])) / (12.0 * h)
        free = ~np.any(crossed, axis=0)
        place = left[free]
        found.numeric[place], found.excluded[place], found.kinks[place] = numeric[free], False, False
        found.noise[place] = (1.5 * ROUNDING * np.abs(losses).max(0) / h)[free]
    return found


def relative_errors(analytic: Array, found: Differences, tolerance: float, own_noise: float = 0.0) -> Array:
    """Return the errors of the numbers, as `TensorCheck.errors` defines them; nan where nothing was measured.

    `own_noise` is the round-off of the gradient under test.
    """
    difference = np.abs(analytic - found.numeric)
    size = np.maximum(np.abs(analytic), np.abs(found.numeric))
    errors = np.divide(difference, size, out=np.zeros_like(difference), where=size > 0)
    measured = found.numeric[np.isfinite(found.numeric)]
    root_mean_square = float(np.sqrt(np.mean(measured**2))) if len(measured) > 1 else 0.0
    allowed = np.maximum(found.noise + own_noise, tolerance * root_mean_square)
    excused = (errors > tolerance) & (difference <= allowed)
    errors[excused] = tolerance * difference[excused] / allowed[excused]
    errors[~np.isfinite(difference)] = np.inf
    errors[found.excluded] = np.nan
    return errors
