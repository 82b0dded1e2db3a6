"""Measuring the numbers of one tensor: quickly first, and with many steps where that leaves a doubt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from visualbp.analysis.gradient_check_differences import (
    EPSILON,
    LONGEST,
    Differences,
    central_differences,
    ladder,
    ladder_differences,
    richardson_differences,
    unmeasured,
)
from visualbp.analysis.gradient_check_judgement import RESOLUTION, Judgement, judge, least_effect, relative_errors
from visualbp.analysis.gradient_check_passes import Along, Evaluator
from visualbp.analysis.gradient_check_units import ByUnits
from visualbp.core.arrays import Array

Way = Evaluator | ByUnits

ORDINARY = (0.125, 8.0)
"""Sizes of a number for which steps are taken as they are; for others they are multiples of its size, too."""

SHORT = 1e-6
"""What steps are multiples of where all others are too long: an unscaled input moves z by a million times the step."""

CLEARLY, SURELY, SAMPLE = 0.01, 1e-3, 64
"""Numbers that are off by so much, measured so well, are measured again for a sample of so many alone."""

ZERO_STEPS = np.array([1e3, 1e2, 1e1, 1.0, 0.1, 0.01])
LARGEST_ALONE = 4096
"""Numbers of which it is asked one by one whether they matter to the loss at all."""

LONGER = 3e-3
"""The longer of two steps for numbers that are small beside the round-off of the loss."""

LADDER, OTHER_LADDER = ladder(), ladder(0.061)


def quickly(evaluator: Evaluator, entries: Array, epsilon: float) -> Differences:
    """Return the document's central differences."""
    units = np.ones(len(entries))
    rest = evaluator.at_rest(entries)
    return central_differences(partial(evaluator.losses, entries, units=units), rest, epsilon)


def thoroughly(evaluator: Evaluator, entries: Array, steps: Array, units: Array) -> Differences:
    """Return the best differences of many steps, multiples of `units`."""
    rest = evaluator.at_rest(entries)
    found = ladder_differences(partial(evaluator.losses, entries, units=units), rest, steps)
    return found.scaled(units)


@dataclass(frozen=True)
class QuickRule:
    """Central differences, as a rule for pre-activations."""

    epsilon: float

    def __call__(self, evaluator: Evaluator, entries: Array) -> Differences:
        return quickly(evaluator, entries, self.epsilon)


@dataclass(frozen=True)
class LadderRule:
    """Many steps, as a rule for pre-activations."""

    longest: float
    unit: float

    def __call__(self, evaluator: Evaluator, entries: Array) -> Differences:
        return thoroughly(evaluator, entries, ladder(self.longest), np.full(len(entries), self.unit))


def _by_document(way: Way, entries: Array, epsilon: float) -> Differences:
    if isinstance(way, ByUnits):
        return way.measure(entries, QuickRule(epsilon))
    return quickly(way, entries, epsilon)


@dataclass(eq=False)
class Measurement:
    """The numbers `entries` (flat indices) of a tensor, the gradient under test there, and what was found so far."""

    way: Way
    entries: Array
    analytic: Array
    epsilon: float
    tolerance: float
    own_noise: float
    least: float
    found: Differences
    judgement: Judgement

    @classmethod
    def begin(
        cls, way: Way, entries: Array, analytic: Array, epsilon: float, tolerance: float, own_noise: float
    ) -> Measurement:
        """Measure each number by the document's difference."""
        found = _by_document(way, entries, epsilon)
        least = float(least_effect(max(1.0, abs(way.point.loss))))
        judgement = judge(analytic, found, tolerance, own_noise, least)
        judgement.withdraw(np.flatnonzero(judgement.errors > tolerance))  # nothing is excused before a closer look
        return cls(way, entries, analytic, epsilon, tolerance, own_noise, least, found, judgement)

    def finish(self, zeros: Along | None, size: float) -> None:
        """Measure again what is in doubt. `zeros` moves the whole tensor, `size` is that of its numbers."""
        if zeros is not None:
            self._accept_zeros(zeros)
        self._measure_longer()
        doubtful = self._without_the_clear(np.flatnonzero(~self.judgement.passed & ~self._hopeless(size)), size)
        self._measure_again(doubtful, LADDER, size)
        # A number is called wrong only if it is so with other steps as well.
        failed = doubtful[self.judgement.failed[doubtful]]
        if len(failed):
            found, judgement = self.found.part(failed), self.judgement.part(failed)
            again = replace(self, entries=self.entries[failed], analytic=self.analytic[failed])
            again.found, again.judgement = unmeasured(len(failed)), judgement
            again._measure_again(np.arange(len(failed)), OTHER_LADDER, size)
            self.judgement.put(failed, again.judgement)
            self.found.improve(failed, found)
        if zeros is not None:
            self._accept_zeros(zeros)
        wrong = self.judgement.failed & np.isfinite(self.found.sure)
        self.found.numeric[wrong], self.found.error[wrong] = self.found.sure[wrong], self.found.sure_error[wrong]

    def _hopeless(self, size: float) -> Array:
        """Return which numbers are too small to be measured even with the longest step, and not found to be larger."""
        found = self.found
        if not isinstance(self.way, Evaluator) or not size <= ORDINARY[1]:
            return np.zeros(len(self.entries), bool)
        floor = 4.0 * EPSILON * abs(self.way.point.loss) / LONGEST / RESOLUTION
        return ~found.kinks & (np.abs(self.analytic) < floor) & (np.abs(found.numeric) < found.error + floor)

    def _measure_longer(self) -> None:
        """Measure small numbers with two longer steps: most are within the tolerance then, and need no ladder."""
        places = np.flatnonzero(~self.judgement.passed & ~self.found.kinks)
        if not len(places) or not isinstance(self.way, Evaluator):
            return
        entries, units = self.entries[places], np.ones(len(places))
        rest = self.way.at_rest(entries)
        found = richardson_differences(partial(self.way.losses, entries, units=units), rest, LONGER)
        judged = judge(self.analytic[places], found, self.tolerance, self.own_noise)
        chosen = np.flatnonzero(judged.passed & (judged.errors <= self.tolerance))
        self.found.improve(places[chosen], found.part(chosen))
        self.judgement.put(places[chosen], judged.part(chosen))

    def _without_the_clear(self, doubtful: Array, size: float) -> Array:
        """Leave out numbers that are clearly wrong, where a sample of them, measured again, is wrong throughout."""
        found, analytic = self.found, self.analytic
        largest = np.maximum(np.abs(analytic), np.abs(found.numeric))
        with np.errstate(invalid="ignore"):
            clear = (np.abs(analytic - found.numeric) > CLEARLY * largest) & (found.error < SURELY * largest)
        clear &= ~self.judgement.passed & ~found.kinks
        places = doubtful[clear[doubtful]]
        if len(places) <= SAMPLE:
            return doubtful
        sample = places[np.linspace(0, len(places) - 1, SAMPLE).astype(np.intp)]
        self._measure_again(sample, OTHER_LADDER, size)
        if not self.judgement.failed[sample].all():
            return doubtful
        self.judgement.failed[places] = True
        self.judgement.errors[places] = relative_errors(self.analytic[places], found.numeric[places])
        return doubtful[~clear[doubtful]]

    def _units(self, places: Array, size: float) -> Iterator[Array]:
        """Return what steps are multiples of, for one attempt after the other."""
        yield np.ones(len(places))
        if isinstance(self.way, Evaluator):
            low, high = ORDINARY
            own = np.maximum(np.abs(self.way.flat[self.entries[places]]), size)
            own = np.where((own > 0) & np.isfinite(own), own, 1.0)
            if ((own < low) | (own > high)).any():
                yield own
        # Such short steps move the loss above its round-off only where the derivative is large.
        if (np.abs(self.analytic[places]) > SHORT * abs(self.way.point.loss)).any():
            yield np.full(len(places), SHORT)

    def _measure_again(self, places: Array, steps: Array, size: float) -> None:
        """Measure numbers with many steps, and in other units as long as they cannot be told."""
        left = places
        for units in self._units(places, size):
            if not len(left):
                return
            of_left = units[np.isin(places, left)]
            again = self._attempt(left, steps, of_left)
            # Within short steps nothing coarse is seen, and far ones may hop over waves: these can pass, not fail.
            again.sure_error[of_left != 1.0] = np.inf
            self.found.improve(left, again)
            found = self.found.part(left)
            self.judgement.put(left, judge(self.analytic[left], found, self.tolerance, self.own_noise, self.least))
            left = left[~self.judgement.passed[left]]

    def _attempt(self, places: Array, steps: Array, units: Array) -> Differences:
        if isinstance(self.way, ByUnits):
            return self.way.measure(self.entries[places], LadderRule(float(steps[0]), float(units[0])))
        return thoroughly(self.way, self.entries[places], steps, units)

    def _accept_zeros(self, whole: Along) -> None:
        """Accept numbers of 0 that do not matter to the loss at all, however far they are moved on their piece.

        A saturated unit gives differences of exactly 0 as well, but not so if it is moved far. What is 0 for good (a
        unit that is off, a class that is not there) changes nothing. That alone would let a wrong 0 pass where the way
        to the loss is too weak to be felt: so it is asked only where every rule by itself was found to be right.
        """
        zero = np.flatnonzero((self.analytic == 0.0) & (self.found.numeric == 0.0) & ~self.judgement.passed)
        if not len(zero):
            return
        generator = np.random.default_rng(0)
        direction = whole.direction
        whole.direction = np.zeros_like(direction)
        whole.direction.reshape(-1)[self.entries[zero]] = generator.uniform(0.5, 1.0, len(zero))
        together = _changes_nothing(whole, np.zeros(1, np.intp))[0]
        whole.direction = direction
        if together:
            nothing = np.ones(len(zero), bool)
        elif isinstance(self.way, Evaluator) and len(zero) <= LARGEST_ALONE:
            nothing = _changes_nothing(self.way, self.entries[zero])
        else:
            return
        places = zero[nothing]
        self.judgement.passed[places], self.judgement.failed[places] = True, False
        self.judgement.errors[places], self.found.error[places] = 0.0, 0.0


def _changes_nothing(evaluator: Evaluator, entries: Array) -> Array:
    """Return which numbers leave the loss as it is, moved as far as their piece goes."""
    steps = np.concatenate([ZERO_STEPS, -ZERO_STEPS])
    losses, crossed = evaluator.losses(entries, steps, np.ones(len(entries)))
    rest = evaluator.at_rest(entries)
    same = np.abs(losses - rest) <= 4.0 * EPSILON * np.abs(rest)  # stacked passes may round otherwise
    far = np.abs(steps) >= 0.1
    was_moved: Array = (~crossed[far]).any(0)
    return np.asarray((same | crossed).all(0) & was_moved)
