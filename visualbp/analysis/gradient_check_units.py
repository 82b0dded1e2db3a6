"""Derivatives of large affine layers: each pre-activation is moved by itself, and not each weight.

The samples are independent, so that one unit can be moved in all samples at once, and dL/dz is measured for each. The
gradients of weight and bias are then sums of these by the definition of the affine rule: moving weight[j, i] moves
z[:, j] by x[:, i]. That takes as many evaluations as there are units, not weights. It assumes more than `Stacked` does,
and is held against the real loss along a random direction in the same way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from visualbp.analysis.gradient_check_differences import Differences, unmeasured
from visualbp.analysis.gradient_check_passes import Evaluator, Losses, OneByOne, Pace, Point
from visualbp.analysis.gradient_check_stacked import Program, Stacked
from visualbp.core.arrays import Array
from visualbp.engine.plan import ParameterInfo
from visualbp.operations.base import Emitter

Rule = Callable[[Evaluator, Array], Differences]


class PreActivations(Stacked):
    """The loss of each sample with one pre-activation of it moved.

    Number (j T + t) B + b is z of unit j at position t of sample b, for T positions in each of B samples.
    """

    way = "each pre-activation by itself, and from it weights and biases by the affine rule"

    def __init__(self, point: Point, info: ParameterInfo, pace: Pace, programs: dict[object, Program]) -> None:
        super().__init__(point, info, pace, programs)
        z = point.values[self.node.output]
        batch, units = point.batch_size, z.shape[-1]
        self.rows = z.size // units
        self.positions = self.rows // batch
        self.flat = z.reshape(batch, self.positions, units).transpose(2, 1, 0).reshape(-1)
        self._resting = self._losses_of_samples()

    def _losses_of_samples(self) -> Array:
        plan, values = self.point.plan, self.point.values
        emit = Emitter(self.point.context, np.dtype(np.float64), eager=True, copies=self.point.batch_size)
        losses = np.zeros(emit.copies if emit.copies > 1 else ())
        plan.loss_rule.forward(emit, [values[plan.prediction], values[plan.target]], losses)
        return losses.reshape(-1) / emit.copies

    def losses(self, entries: Array, steps: Array, units: Array) -> Losses:
        """All samples of a unit are moved at once, and so by the same: `units` are those of the first of each."""
        batch = self.point.batch_size
        groups, first, place = np.unique(entries // batch, return_index=True, return_inverse=True)
        losses, crossed = self.run(groups, steps, units[first], batch)
        place = place * batch + entries % batch
        return losses[:, place] / batch, crossed[:, place]

    def at_rest(self, entries: Array) -> Array:
        return self._resting[entries % self.point.batch_size]

    def moves(self, entries: Array) -> tuple[Array, Array]:
        units, positions = np.divmod(entries, self.positions)
        return units, (np.arange(self.rows) % self.positions == positions[:, None]).astype(np.float64)


class _PenaltyAlone(OneByOne):
    """The penalty of each number, without the loss."""

    def data_losses(self, entries: Array, steps: Array, units: Array) -> Losses:
        shape = len(steps), len(entries)
        return np.zeros(shape), np.zeros(shape, bool)

    def at_rest(self, entries: Array) -> Array:
        return self._penalty(self.flat[entries])


class ByUnits:
    """The derivatives of a weight or a bias, from those of the pre-activations."""

    way = PreActivations.way

    def __init__(
        self,
        point: Point,
        info: ParameterInfo,
        pace: Pace,
        programs: dict[object, Program],
        known: dict[object, Differences],
    ) -> None:
        self.point, self.info, self.pace = point, info, pace
        self.inner = PreActivations(point, info, pace, programs)
        self._known = known

    @property
    def cost(self) -> float:
        """The work of one evaluation of all pre-activations."""
        return self.inner.cost * self.inner.flat.size / self.point.batch_size

    def measure(self, entries: Array, rule: Rule) -> Differences:
        """Return the derivatives of these numbers, pre-activations being measured by `rule`.

        The errors of the terms of a sum are independent of each other, so that their squares add up.
        """
        delta = self._delta(rule)
        units = self.point.values[self.inner.node.output].shape[-1]

        def by_unit(values: Array) -> Array:
            """Return (n_out, rows), the rows in the order of those of x."""
            apart = values.reshape(units, self.inner.positions, self.point.batch_size)
            return apart.transpose(0, 2, 1).reshape(units, -1)

        x = self.inner.inputs_of_rows
        met = x != 0
        found = unmeasured(len(entries))
        for numeric, error, sums, errors in (
            (delta.numeric, delta.error, found.numeric, found.error),
            (delta.sure, delta.sure_error, found.sure, found.sure_error),
        ):
            unknown = ~(np.isfinite(numeric) & np.isfinite(error))
            sums[...] = (by_unit(np.where(unknown, 0.0, numeric)) @ x).reshape(-1)[entries]
            errors[...] = np.sqrt(by_unit(np.where(unknown, 0.0, error)) ** 2 @ x**2).reshape(-1)[entries]
            without = (by_unit(unknown).astype(float) @ met).reshape(-1)[entries] > 0
            sums[without], errors[without] = np.nan, np.inf
        found.kinks[...] = (by_unit(delta.kinks).astype(float) @ met).reshape(-1)[entries] > 0
        if self.info.spec.penalised:
            self._add_penalty(entries, rule, found)
        return found

    def _delta(self, rule: Rule) -> Differences:
        """Return dL/dz, which weight and bias share."""
        key = (self.inner.node.output, rule)
        if key not in self._known:
            self._known[key] = rule(self.inner, np.arange(self.inner.flat.size))
        return self._known[key]

    def _add_penalty(self, entries: Array, rule: Rule, found: Differences) -> None:
        training = self.point.plan.network.training
        if training.l1 or training.l2:
            penalty = rule(_PenaltyAlone(self.point, self.info, self.pace), entries)
            found.numeric += penalty.numeric
            found.error += penalty.error
            found.sure += penalty.sure
            found.sure_error += penalty.sure_error
            found.kinks |= penalty.kinks
