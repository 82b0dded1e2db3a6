"""Finite differences, each with an estimate of its own measuring error.

A difference quotient errs in two ways that pull against each other: by the curvature of the function, which shrinks
with the step, and by the round-off of its values, which grows as the step shrinks. What is inside the function decides
how large either is (1 - p loses its digits where p is nearly 1; a feature in the thousands makes a step of 1e-5 a long
one), so neither can be known beforehand. Both can be *seen* from several steps. Sources: Richardson 1911 (two step
sizes cancel the leading error, and their difference estimates it); Ridders 1982 and Press and others, "Numerical
Recipes" 5.7 (many step sizes, the best of which says so itself); Moré and Wild 2011, "Estimating Computational Noise".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from visualbp.core.arrays import Array

EPSILON = float(np.finfo(np.float64).eps)

RATIO = 8.0
"""How much shorter each step of a ladder is than the one before."""
LONGEST, STEPS = 0.1, 9
"""Steps of a ladder: from 0.1 of a number's size down to 6e-9 of it."""

ROUGH = 1e6
"""Units in the last place by which the values of a smooth function may jump about."""

Values = Callable[[Array], tuple[Array, Array]]
"""Values (S, P) of P functions moved by steps (S), and whether there is a kink on the way to each of them."""


@dataclass(eq=False)
class Differences:
    """Derivatives of P numbers, measured.

    `numeric` is nan where none could be taken, and `error` is what each may be off by. `kinks` marks numbers that had a
    kink in reach of their step, and were measured on the piece that they are on. Exactly at a corner there is no such
    piece: `low` and `high` are the slopes of both sides there, and nan elsewhere.

    `sure` and `sure_error` are the same once more for who wants to contradict: a function that moves in coarse steps
    (1 - p beside 1) looks smooth within one of them, and short steps then agree on a wrong slope. So here what longer
    steps saw counts as noise, too. Without several steps nothing is sure: the error is infinite.
    """

    numeric: Array
    error: Array
    kinks: Array
    low: Array
    high: Array
    sure: Array
    sure_error: Array

    @property
    def corners(self) -> Array:
        """Which numbers are exactly at a corner."""
        return np.isfinite(self.low)

    def improve(self, places: Array, other: Differences) -> None:
        """Take over, for the numbers at these places, what was measured better."""
        better = ~(other.error >= self.error[places])
        known = np.isfinite(self.numeric[places]) & (self.numeric[places] != 0.0)
        better &= ~(known & (other.numeric == 0.0))  # steps so short that nothing moves
        chosen = places[better]
        for name in ("numeric", "error"):
            getattr(self, name)[chosen] = getattr(other, name)[better]
        corner = other.corners
        self.low[places[corner]], self.high[places[corner]] = other.low[corner], other.high[corner]
        better = other.sure_error < self.sure_error[places]
        for name in ("sure", "sure_error"):
            getattr(self, name)[places[better]] = getattr(other, name)[better]

    def part(self, places: Array) -> Differences:
        """Return what was found at these places."""
        return Differences(*(getattr(self, field.name)[places] for field in fields(self)))

    def scaled(self, units: Array) -> Differences:
        """Return derivatives by theta, where these are by multiples of `units`."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return Differences(**{name: part if name == "kinks" else part / units for name, part in parts.items()})


def unmeasured(count: int) -> Differences:
    """Return `count` differences of which nothing is known yet."""
    blank, without = np.full((4, count), np.nan), np.full((2, count), np.inf)
    return Differences(blank[0], without[0], np.zeros(count, bool), blank[1], blank[2], blank[3], without[1])


def central_differences(values: Values, rest: Array, step: float) -> Differences:
    """Measure (L(theta + step) - L(theta - step)) / (2 step), the document's approximation.

    The error is estimated by what L(theta + step) + L(theta - step) - 2 L(theta) leaves, which holds curvature and
    round-off both. Numbers with a kink in between are left unmeasured, and marked.
    """
    losses, crossed = values(np.array([step, -step]))
    found = unmeasured(len(rest))
    found.kinks[...] = crossed.any(0)
    free = ~found.kinks
    left_over = np.abs(losses[0] + losses[1] - 2.0 * rest) + 16.0 * EPSILON * np.abs(losses).max(0)
    found.numeric[free] = ((losses[0] - losses[1]) / (2.0 * step))[free]
    found.error[free] = (left_over / (2.0 * step))[free]
    return found


def richardson_differences(values: Values, rest: Array, step: float) -> Differences:
    """Measure with a long step and one an eighth of it, and extrapolate. Numbers with a kink are left unmeasured.

    The error is taken for a third of what the two differ by. That is far more than curvature leaves in what is
    extrapolated from them, so that round-off would be seen as well.
    """
    steps = step / RATIO ** np.arange(2)
    losses, crossed = values(np.concatenate([steps, -steps]))
    long, short = ((losses[place] - losses[place + 2]) / (2.0 * steps[place]) for place in (0, 1))
    found = unmeasured(len(rest))
    found.kinks[...] = crossed.any(0)
    free = ~found.kinks
    found.numeric[free] = ((RATIO**2 * short - long) / (RATIO**2 - 1.0))[free]
    noise = 4.0 * EPSILON * np.abs(losses).max(0) / steps[1]
    found.error[free] = np.maximum(np.abs(long - short) / 3.0, noise)[free]
    return found


def ladder(longest: float = LONGEST, count: int = STEPS) -> Array:
    """Return steps, longest first."""
    return np.asarray(longest * RATIO ** -np.arange(count))


def ladder_differences(values: Values, rest: Array, steps: Array, magnitude: Array | float = 0.0) -> Differences:
    """Measure with many steps, and take for each number the one that says of itself that it errs least.

    A number with a kink on one side is measured on the other one; exactly at a corner both sides are. `magnitude` is
    the size of what the values are sums of, where that may be more than the values themselves.
    """
    count = len(steps)
    losses, crossed = values(np.concatenate([steps, -steps]))
    right, left = losses[:count], losses[count:]
    # What a longer step has crossed is no matter to a shorter one; what a shorter one crosses, a longer one did too.
    right_free = ~np.logical_or.accumulate(crossed[:count][::-1])[::-1]
    left_free = ~np.logical_or.accumulate(crossed[count:][::-1])[::-1]
    found = unmeasured(len(rest))
    found.kinks[...] = crossed.any(0)
    down = steps[:, None]
    size = np.maximum(np.abs(losses).reshape(2, count, -1).max(0), np.maximum(np.abs(rest), magnitude))
    ways = (
        (right_free & left_free, (right - left) / (2.0 * down), (2.0,)),
        (right_free, (right - rest) / down, (1.0, 2.0)),
        (left_free, (rest - left) / down, (1.0, 2.0)),
    )
    for free, quotients, orders in ways:
        best, sure = best_of_ladder(np.where(free, quotients, np.nan), size, steps, orders)
        new = ~np.isfinite(found.numeric) & np.isfinite(best[0])  # two-sided ones come first, where they exist
        found.numeric[new], found.error[new] = best[0][new], best[1][new]
        found.sure[new], found.sure_error[new] = sure[0][new], sure[1][new]
    _measure_corners(found, right, left, rest, size, steps, right_free[-1] | left_free[-1])
    return found


def _measure_corners(
    found: Differences, right: Array, left: Array, rest: Array, size: Array, steps: Array, has_piece: Array
) -> None:
    """Find the slopes of both sides of the numbers that no step leaves on their piece, or that have one side alone."""
    at_corner = found.kinks & ~np.isfinite(found.numeric) & ~has_piece
    one_sided = found.kinks & has_piece
    places = np.flatnonzero(at_corner | one_sided)
    if not len(places):
        return
    down = steps[:, None]
    sides = [
        best_of_ladder(quotients[:, places], size[:, places], steps, (1.0, 2.0))[0]
        for quotients in ((right - rest) / down, (rest - left) / down)
    ]
    (to_right, right_error), (to_left, left_error) = sides
    error = np.maximum(right_error, left_error)
    # A kink a little way off is none at theta: then both sides agree, or the shortest steps are free of it.
    apart = np.abs(to_right - to_left) > 8.0 * error
    bend = np.abs(right[-1] + left[-1] - 2.0 * rest)[places] / steps[-1]
    exact = apart & (bend > 0.25 * np.abs(to_right - to_left))
    chosen = places[exact]
    found.low[chosen] = np.minimum(to_right, to_left)[exact]
    found.high[chosen] = np.maximum(to_right, to_left)[exact]
    both = places[~exact & at_corner[places] & np.isfinite(error)]
    found.error[both] = np.inf


def _rough(quotients: Array, measured: Array, size: Array, steps: Array) -> Array:
    """Return inf where values jump about by far more than round-off over the shortest steps, and 0 elsewhere.

    They come in coarse units there, or in waves that long steps hop over; neither is ground enough to contradict.
    """
    last = slice(-3, None)
    off = np.abs(quotients[last] - measured)
    jumps = (off * steps[last, None] > ROUGH * EPSILON * size[last]) & (off > 1e-3 * np.abs(measured))
    return np.where(jumps.any(0), np.inf, 0.0)


Estimate = tuple[Array, Array]
"""Measured numbers (P) and their errors (P); nan and inf where there is none."""


def best_of_ladder(quotients: Array, size: Array, steps: Array, orders: tuple[float, ...]) -> tuple[Estimate, Estimate]:
    """Return the best extrapolated quotients, and those that are best if one is to be sure (see `Differences`).

    `quotients` (K, P) are nan where a step cannot be taken; `size` (K, P) is how large the values were; `orders` are
    the powers of the step that are extrapolated away, one after the other.

    The error of R[k] is the larger of two. How much it differs from R[k - 1], found with longer steps, tells what
    curvature is left in it. How much the quotients of all shorter steps differ from it tells the noise of the values:
    a difference of D at a step s is a noise of s |D - R[k]|, which is s / step[k] times as much of R[k].
    """
    extrapolated = quotients
    for order in orders:
        factor = RATIO**order
        extrapolated = (factor * extrapolated[1:] - extrapolated[:-1]) / (factor - 1.0)
    count, depth = len(steps), len(orders)
    still = np.logical_and.accumulate(quotients[::-1] == 0.0)[::-1]
    estimates = [(np.full(quotients.shape[1], np.nan), np.full(quotients.shape[1], np.inf)) for _ in range(2)]
    for k in range(count - depth - 2):
        measured = extrapolated[k]
        shortest = steps[k + depth]  # the noise of the shortest of the steps in it is the largest
        below = slice(k + depth + 1, None)
        noise = (np.abs(quotients[below] - measured) * (steps[below, None] / shortest)).max(0)
        noise = np.maximum(noise, 4.0 * EPSILON * size[k + depth] / shortest)
        # The first has no longer one before it: what the last extrapolation changed stands for what is left.
        curvature = np.abs(measured - (extrapolated[k - 1] if k else quotients[depth]))
        if k:
            curvature = np.where(np.isnan(curvature), np.abs(measured - quotients[k + depth]), curvature)
        error = np.maximum(noise, curvature)
        # Steps so short that nothing moves say nothing, where longer ones do move it.
        error[still[k] & ~still[0]] = np.inf
        longer = np.abs(extrapolated[:k] - measured) * (steps[:k, None] / steps[k])
        sure_error = np.maximum(
            error + _rough(quotients, measured, size, steps), np.fmax.reduce(longer, axis=0, initial=0.0)
        )
        for (best, least), candidate in zip(estimates, (error, sure_error), strict=True):
            better = candidate < least
            best[better], least[better] = measured[better], candidate[better]
    return estimates[0], estimates[1]
