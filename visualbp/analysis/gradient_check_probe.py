"""One reverse-mode rule against differences of its own forward rule.

With upstream numbers u, the rule for an operand x gives a = d<u, y>/dx. The forward rule alone gives the same by
differences of <u, y> (the scalar product). How much is known of a rule decides how finely that can be asked:

- of an activation each element is by itself: all are moved at once, and each is a *part* with one number;
- of a rule whose samples are independent each sample is a part, with as many numbers as a sample has;
- else the whole is one part.

A part of few numbers is measured number by number. One of many is measured along directions: one that moves each
number by its own size, one that moves each so far that all should matter as much. What is wrong in them shows in one
number as well: `entries` finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from visualbp.analysis.gradient_check_differences import (
    EPSILON,
    LONGEST,
    RATIO,
    Differences,
    ladder,
    ladder_differences,
    unmeasured,
)
from visualbp.analysis.gradient_check_judgement import BEYOND, WITHIN, Judgement, judge, least_effect
from visualbp.core.arrays import Array
from visualbp.engine.store import stream_of
from visualbp.layers import Node
from visualbp.operations.activations.kinds import Activation, Elementwise
from visualbp.operations.base import Emitter, IterationContext
from visualbp.operations.losses import Loss

BUDGET = 200_000
"""Elements that the stacked variations of one evaluation may have."""
FEW = 12
"""Up to so many numbers of a part are measured one by one."""
MOST_ELEMENTS = 4096
"""Elements of an activation that are looked at: of a larger one, as many as that, spread over it."""

SHORT = 1e-7
"""The longest step, of its own size, beside a number that everything hangs on: 1 - p, where p is nearly 1."""

QUICK = np.array([1e-2, 1e-2 / RATIO])
DIRECTION_TOLERANCE = 1e-8
"""Along a direction the sum of many terms is compared, and what is off in one is little beside all: it is held to more
digits, relative to the sum of the terms' sizes."""
FARTHEST = 1e6
"""How much farther than the others a number is moved that should matter less."""


@dataclass(eq=False)
class Probe:
    """A rule at work. `inputs` are its operands, `batched` says which of them have a batch axis."""

    node: Node
    operand: int
    inputs: Sequence[Array]
    batched: Sequence[bool]
    upstream: Array
    computed: Array
    context: IterationContext
    generator: np.random.Generator
    evaluations: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        operation, x = self.node.operation, self.inputs[self.operand]
        self.is_loss = isinstance(operation, Loss)
        self.by_element = isinstance(operation, Elementwise)
        alone = operation.samples_are_independent() and self.batched[self.operand]
        self.parts = x.size if self.by_element else len(x) if alone else 1
        self.numbers = x.size // self.parts
        self.x = x.reshape(self.parts, self.numbers)
        self.a = self.computed.reshape(self.parts, self.numbers)
        self.looked_at: Array = np.arange(self.parts)
        if self.by_element and self.parts > MOST_ELEMENTS:
            self.looked_at = np.linspace(0, self.parts - 1, MOST_ELEMENTS).astype(np.intp)
            self._narrow()
        output, self.base = self._forward([*self.inputs], 1)
        self.rest = output[0]
        self.magnitude: Array = np.abs(self._weighed(np.abs(output), np.abs(self.upstream))[0])
        # Rules that are not linear have numbers of size 1 inside (1 + e^-z), which swallow what is far smaller.
        inside = np.zeros(self.parts)
        if self.is_loss:
            inside += np.maximum(1.0, np.abs(self.x).max(-1)) / self.parts
        elif isinstance(operation, Activation):
            inside = np.abs(self.upstream).reshape(self.parts, -1).sum(-1)
        self.least = least_effect(np.maximum(inside, self.magnitude))
        sizes = np.abs(self.x)
        finite = np.isfinite(sizes)
        typical = float(np.sqrt(np.mean(sizes[finite] ** 2))) if finite.any() else 0.0
        typical = typical if 0.0 < typical < np.inf else 1.0
        self.own = np.where(finite, np.where(sizes > 1e-3 * typical, sizes, typical), 0.0)
        self.ordinary = finite.astype(np.float64)

    def _narrow(self) -> None:
        """Keep the elements that are looked at; an activation takes arrays of any shape."""
        flat = [array.reshape(-1)[self.looked_at] for array in self.inputs]
        self.inputs, self.batched = flat, [True] * len(flat)
        self.upstream = self.upstream.reshape(-1)[self.looked_at]
        self.x, self.a = self.x[self.looked_at], self.a[self.looked_at]
        self.parts = len(self.looked_at)

    # -- the forward rule ----------------------------------------------------------------------------------------------

    def _forward(self, inputs: list[Array], copies: int) -> tuple[Array, Array | None]:
        """Return the outputs (copies, ...) and the pieces (copies, parts, ...) of stacked operands."""
        operation = self.node.operation
        samples = self.parts if self.is_loss else 1
        stream = stream_of(f"{self.node.layer}/{operation.name}")
        emit = Emitter(self.context, np.dtype(np.float64), True, True, stream, copies * samples)
        if self.is_loss:
            output = np.zeros(copies * samples if copies * samples > 1 else ())
        else:
            output = np.zeros(operation.output_shape([array.shape for array in inputs]))
        with np.errstate(all="ignore"):
            operation.forward(emit, inputs, output)
            branch = operation.branch(inputs, output)
        pieces = None if branch is None else branch.reshape(copies, self._shared(branch.size // copies), -1)
        self.evaluations += 1
        return output.reshape(copies, -1), pieces

    def _shared(self, size: int) -> int:
        return self.parts if size % self.parts == 0 else 1

    def _weighed(self, outputs: Array, upstream: Array) -> Array:
        """Return <u, y> of each part (copies, parts)."""
        if self.is_loss:
            return outputs / self.parts
        weighed = outputs * upstream.reshape(1, -1)
        return np.asarray(weighed.reshape(len(outputs), self.parts, -1).sum(-1))

    def _moved(self, variations: Array) -> tuple[Array, Array]:
        """Return how much variations (M, parts, numbers) of x change <u, y> (M, parts), and which cross a kink."""
        count, shape = len(variations), self.inputs[self.operand].shape
        if self.batched[self.operand] and self.node.operation.samples_are_independent():
            inputs = [
                np.tile(array, (count, *[1] * (array.ndim - 1))) if batched else array
                for array, batched in zip(self.inputs, self.batched, strict=True)
            ]
            inputs[self.operand] = variations.reshape(count * shape[0], *shape[1:])
            outputs, pieces = self._forward(inputs, count)
        else:
            single = []
            for variation in variations:
                inputs = [*self.inputs]
                inputs[self.operand] = variation.reshape(shape)
                single.append(self._forward(inputs, 1))
            outputs = np.concatenate([output for output, _ in single])
            branches = [piece for _, piece in single if piece is not None]
            pieces = np.concatenate(branches) if branches else None
        change = outputs - self.rest
        if self.node.operation.minus_infinity_is_meant:
            change[:, ~np.isfinite(self.rest)] = 0.0
        crossed = np.zeros((count, self.parts), bool)
        if pieces is not None and self.base is not None:
            crossed |= (pieces != self.base).any(-1)
        return self._weighed(change, self.upstream), crossed

    def _values(self, moves: Array, steps: Array) -> tuple[Array, Array]:
        """Return <u, y> less its rest, and kinks, (S, D parts), for x moved by steps[s] * moves[d] (parts, numbers)."""
        signed = (steps[:, None, None, None] * moves[None]).reshape(-1, self.parts, self.numbers)
        size = max(self.x.size, self.rest.size, max(array.size for array in self.inputs))
        chunk = max(1, BUDGET // size)
        found = [self._moved(self.x + signed[start : start + chunk]) for start in range(0, len(signed), chunk)]
        sums = np.concatenate([part[0] for part in found]).reshape(len(steps), -1)
        return sums, np.concatenate([part[1] for part in found]).reshape(len(steps), -1)

    # -- measuring -----------------------------------------------------------------------------------------------------

    def check(self, tolerance: float) -> tuple[Judgement, Differences]:
        """Return the answers, number by number or direction by direction, and what they are from."""
        if self.numbers <= FEW:
            return self.entries(np.arange(self.numbers), tolerance)
        return self._directions(DIRECTION_TOLERANCE if tolerance <= 1e-5 else tolerance)

    def entries(self, chosen: Array, tolerance: float) -> tuple[Judgement, Differences]:
        """Measure these numbers of each part, one by one: the answers are (len(chosen) * parts), numbers first."""
        one_hot = np.zeros((len(chosen), 1, self.numbers))
        one_hot[np.arange(len(chosen)), 0, chosen] = 1.0
        analytic = self.a[:, chosen].T.reshape(-1)
        return self._measured([one_hot * self.ordinary, one_hot * self.own], analytic, np.abs(analytic), tolerance)

    def _directions(self, tolerance: float) -> tuple[Judgement, Differences]:
        signs = self.generator.integers(0, 2, (2, self.parts, self.numbers)) * 2.0 - 1.0
        signs *= self.generator.uniform(0.5, 1.0, signs.shape)
        strong = np.abs(self.a)
        largest = strong.max(-1, keepdims=True)
        largest = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
        even = 1.0 / np.maximum(strong / largest, 1.0 / FARTHEST)
        even *= self.own.max(-1, keepdims=True) / even.max(-1, keepdims=True)
        moves = signs * np.stack([self.own, even * self.ordinary])
        analytic = np.einsum("pn,dpn->dp", self.a, moves).reshape(-1)
        gross = np.einsum("pn,dpn->dp", strong, np.abs(moves)).reshape(-1)
        return self._measured([moves], analytic, gross, tolerance)

    def _measured(
        self, attempts: Sequence[Array], analytic: Array, gross: Array, tolerance: float
    ) -> tuple[Judgement, Differences]:
        """Measure along `attempts`, each (D, parts, numbers) of the same directions, of other lengths."""
        best = unmeasured(len(analytic))
        rest, magnitude = np.zeros(len(analytic)), np.tile(self.magnitude, len(attempts[0]))
        judgement = judge(analytic, best, tolerance)
        for place, moves in enumerate(attempts):
            units = np.broadcast_to(moves, (len(moves), self.parts, self.numbers)).sum(-1).reshape(-1)
            units = np.ones_like(units) if len(attempts) == 1 else units
            if place == 0:
                quick = self._quick(moves, units, analytic, gross, tolerance)
                if quick is not None:
                    return quick
            for longest in (LONGEST, SHORT) if place else (LONGEST,):
                found = ladder_differences(partial(self._values, moves), rest, ladder(longest), magnitude)
                if longest == SHORT:
                    found.sure_error[...] = np.inf  # within short steps nothing coarse is seen
                best.improve(np.arange(len(analytic)), found.scaled(units))
                judgement = judge_beside(analytic, best, gross, tolerance, np.tile(self.least, len(moves)))
                if judgement.passed.all():
                    return judgement, best
        if judgement.passed.any():
            zero = _are_zero(analytic, best.numeric) & ~judgement.failed
            judgement.passed[zero], judgement.errors[zero] = True, 0.0
        wrong = judgement.failed & np.isfinite(best.sure)
        best.numeric[wrong], best.error[wrong] = best.sure[wrong], best.sure_error[wrong]
        return judgement, best

    def _quick(
        self, moves: Array, units: Array, analytic: Array, gross: Array, tolerance: float
    ) -> tuple[Judgement, Differences] | None:
        """Return the answers if two step sizes leave no doubt that all agree, else None."""
        near = QUICK if self.base is None else QUICK * 1e-2  # fewer corners are in reach of a shorter step
        sums, crossed = self._values(moves, np.concatenate([near, -near]))
        if crossed.any():
            return None
        long, short = (sums[0] - sums[2]) / (2.0 * near[0]) / units, (sums[1] - sums[3]) / (2.0 * near[1]) / units
        numeric = (RATIO**2 * short - long) / (RATIO**2 - 1.0)
        noise = 4.0 * EPSILON * np.tile(self.magnitude, len(moves)) / (near[1] * np.abs(units))
        size = np.maximum(np.abs(numeric), gross)
        agrees = (np.abs(analytic - numeric) <= tolerance * size) & (np.abs(long - short) <= 1e-3 * size)
        agrees &= (noise <= 0.1 * max(tolerance, 1e-6) * size) & (size > 0)
        if not agrees.any() or not (agrees | _are_zero(analytic, numeric)).all():
            return None
        found = unmeasured(len(analytic))
        found.numeric[...], found.error[...] = numeric, noise
        errors = np.divide(np.abs(analytic - numeric), size, out=np.zeros_like(size), where=size > 0)
        return Judgement(errors, np.ones(len(analytic), bool), np.zeros(len(analytic), bool)), found


def _are_zero(analytic: Array, numeric: Array) -> Array:
    """Return which numbers are 0 by both: no difference, and beside others that agree nothing that could hide one."""
    return (analytic == 0.0) & (numeric == 0.0)


def judge_beside(analytic: Array, found: Differences, gross: Array, tolerance: float, least: Array) -> Judgement:
    """Return the answers for sums of terms whose sizes add up to `gross`; for single numbers that is their own size."""
    judgement = judge(analytic, found, tolerance, 0.0, least)
    extra = gross > np.abs(analytic) * (1.0 + 1e-12)
    if not extra.any():
        return judgement
    difference, size = np.abs(analytic - found.numeric), np.maximum(gross, np.abs(found.numeric))
    with np.errstate(invalid="ignore"):
        passed = (found.error <= 1e-6 * size) & (difference <= tolerance * size + WITHIN * found.error)
        off = tolerance * size + BEYOND * found.sure_error
        failed = ~passed & (np.abs(analytic - found.sure) > np.maximum(off, least))
    failed &= ~found.corners
    errors = np.divide(difference, size, out=np.zeros_like(size), where=size > 0)
    errors[~passed & ~failed] = np.nan
    return Judgement(errors, passed & ~failed, failed)
