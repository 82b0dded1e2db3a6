"""Losses at moved parameters, from real forward passes: the reference of the gradient check.

Forward rules alone run here, never a reverse-mode or forward-mode rule: a check that shares code with what it checks
would share its errors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from visualbp.analysis.gradient_check_result import Cancelled
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.binding import emit_penalty
from visualbp.engine.evaluate import forward_pass
from visualbp.engine.plan import ParameterInfo, Plan
from visualbp.engine.store import stream_of
from visualbp.layers import Node
from visualbp.operations.base import Emitter, IterationContext, evaluate

Losses = tuple[Array, Array]
"""Losses (S, P) for S steps of each of P numbers, and whether there is a kink on the way to each of them."""


class Pace:
    """Tells how far the check is, and stops it where it is asked to. `total` is its work, in any unit."""

    def __init__(self, progress: Callable[[float], None] | None, cancelled: Callable[[], bool] | None) -> None:
        self.total = 1.0
        self._progress, self._cancelled = progress, cancelled
        self._done, self._told = 0.0, 0.0

    def advance(self, work: float) -> None:
        """Note that `work` is done. Raises Cancelled."""
        if self._cancelled is not None and self._cancelled():
            raise Cancelled
        self._done += work
        share = min(self._done / self.total, 1.0)
        if self._progress is not None and share - self._told >= 0.01:
            self._told = share
            self._progress(share)


@dataclass(frozen=True, eq=False)
class Point:
    """Where the gradient is checked: a batch and its parameters, and all values of one forward pass there."""

    plan: Plan
    parameters: Mapping[Ref, Array]
    context: IterationContext
    values: Mapping[Ref, Array]
    branches: Mapping[Ref, Array]
    """By output: which piece each element of a piecewise rule is on. Smooth rules are not listed."""

    @property
    def loss(self) -> float:
        """The loss of the data."""
        return float(self.values[self.plan.loss])

    @property
    def departs_from_derivative(self) -> bool:
        """Whether some rule is on purpose not the derivative here: PyTorch's clamps."""
        for node in self.plan.nodes:
            mask = node.operation.departs_from_derivative([self.values[value] for value in node.operands])
            if mask is not None and mask.any():
                return True
        return False

    @property
    def batch_size(self) -> int:
        """How many samples the input has."""
        return len(self.values[self.plan.input])

    def users(self, value: Ref) -> list[int]:
        """Return the indices of the nodes that take `value` as an operand."""
        return [index for index, node in enumerate(self.plan.nodes) if value in node.operands]

    def following(self, first: int) -> list[Node]:
        """Return the nodes whose output changes when that of node `first` does, itself left out, in order."""
        moved, nodes = {self.plan.nodes[first].output}, []
        for node in self.plan.nodes[first + 1 :]:
            if moved.intersection(node.operands):
                moved.add(node.output)
                nodes.append(node)
        return nodes


def point_at(
    plan: Plan, parameters: Mapping[Ref, Array], inputs: Array, targets: Array, context: IterationContext
) -> Point:
    """Return the point, its arrays in float64."""
    own = {info.value: np.ascontiguousarray(parameters[info.value], np.float64) for info in plan.parameters}
    arrays = np.ascontiguousarray(inputs, np.float64), np.ascontiguousarray(targets, np.float64)
    context = replace(context)
    values = forward_pass(plan, own, *arrays, training=True, context=context).values
    return Point(plan, own, context, values, _branches(plan, values))


def _branches(plan: Plan, values: Mapping[Ref, Array]) -> dict[Ref, Array]:
    found = {}
    for node in plan.nodes:
        branch = node.operation.branch([values[value] for value in node.operands], values[node.output])
        if branch is not None:
            found[node.output] = branch
    return found


class Evaluator(ABC):
    """Evaluates the loss, penalty included, with one parameter moved."""

    way = ""

    def __init__(self, point: Point, info: ParameterInfo, pace: Pace) -> None:
        self.point, self.info, self.pace = point, info, pace
        self.flat = point.parameters[info.value].reshape(-1)

    @property
    def cost(self) -> float:
        """The work of one evaluation, in elements computed."""
        return 0.0

    @abstractmethod
    def losses(self, entries: Array, steps: Array, units: Array) -> Losses:
        """Return the losses with number `entries[p]` (a flat index) moved by `steps[s] * units[p]`, one at a time."""

    @abstractmethod
    def at_rest(self, entries: Array) -> Array:
        """Return the losses with nothing moved, as `losses` would have them."""


class OneByOne(Evaluator):
    """Moves single numbers. Subclasses give the loss of the data; the penalty is added here."""

    def losses(self, entries: Array, steps: Array, units: Array) -> Losses:
        losses, crossed = self.data_losses(entries, steps, units)
        if self.info.spec.penalised:
            moved = self.flat[entries] + steps[:, None] * units
            losses = losses + self._penalty(moved)
            if self.point.plan.network.training.l1:
                crossed = crossed | (np.sign(moved) != np.sign(self.flat[entries]))
        return losses, crossed

    @abstractmethod
    def data_losses(self, entries: Array, steps: Array, units: Array) -> Losses:
        """Return what `losses` does, without the penalty."""

    def at_rest(self, entries: Array) -> Array:
        loss = np.full(len(entries), self.point.loss)
        return loss + self._penalty(self.flat[entries]) if self.info.spec.penalised else loss

    def _penalty(self, moved: Array) -> Array:
        """Return the numbers' own terms of l1 sum|w| + l2 / 2 sum w^2; the others stay as they are, and cancel."""
        training = self.point.plan.network.training
        penalty: Array = training.l1 * np.abs(moved) + 0.5 * training.l2 * moved * moved
        return penalty


class Passes(OneByOne):
    """One forward pass for each step of each number, from the first node that uses the parameter on.

    It holds for any operation, for samples that depend on each other, and for a parameter that several nodes use.
    """

    way = "two forward passes for each number"

    def __init__(self, point: Point, info: ParameterInfo, pace: Pace) -> None:
        super().__init__(point, info, pace)
        nodes = point.plan.nodes
        users = point.users(info.value)
        moved = {nodes[index].output for index in users}
        self.nodes = []
        for node in nodes[users[0] :]:
            if info.value in node.operands or moved.intersection(node.operands):
                moved.add(node.output)
                self.nodes.append(node)

    @cached_property
    def cost(self) -> float:
        overhead = 20_000.0  # that of one operation's call, in elements
        return float(sum(overhead + self.point.values[node.output].size for node in self.nodes))

    def data_losses(self, entries: Array, steps: Array, units: Array) -> Losses:
        losses, crossed = np.empty((len(steps), len(entries))), np.zeros((len(steps), len(entries)), bool)
        parameter = self.point.parameters[self.info.value].copy()
        flat = parameter.reshape(-1)
        for p, entry in enumerate(entries):
            for s, step in enumerate(steps):
                flat[entry] = self.flat[entry] + step * units[p]
                losses[s, p], crossed[s, p] = self._pass(parameter)
            flat[entry] = self.flat[entry]
            self.pace.advance(self.cost * len(steps))
        return losses, crossed

    def _pass(self, parameter: Array) -> tuple[float, bool]:
        values = {**self.point.values, self.info.value: parameter}
        crossed = False
        for node in self.nodes:
            inputs = [values[value] for value in node.operands]
            stream = stream_of(f"{node.layer}/{node.operation.name}")
            output = evaluate(node.operation, inputs, self.point.context, True, stream).output
            values[node.output] = output
            base = self.point.branches.get(node.output)
            if base is not None and not crossed:
                branch = node.operation.branch(inputs, output)
                crossed = branch is None or not np.array_equal(branch, base)
        return float(values[self.point.plan.loss]), crossed


class Along(Evaluator):
    """The real loss, penalty included, along one direction of a whole parameter: full forward passes and nothing else.

    It assumes nothing, and so it is what the quicker ways are held against.
    """

    way = "one random direction of each tensor"

    def __init__(self, point: Point, info: ParameterInfo, pace: Pace, direction: Array) -> None:
        super().__init__(point, info, pace)
        self.direction = direction

    @cached_property
    def cost(self) -> float:
        return float(sum(self.point.values[node.output].size for node in self.point.plan.nodes))

    def losses(self, entries: Array, steps: Array, units: Array) -> Losses:
        losses, crossed = np.empty((len(steps), 1)), np.zeros((len(steps), 1), bool)
        plan, point, value = self.point.plan, self.point, self.info.value
        inputs, targets = point.values[plan.input], point.values[plan.target]
        for s, step in enumerate(steps):
            moved = point.parameters[value] + step * units[0] * self.direction
            values = forward_pass(plan, {**point.parameters, value: moved}, inputs, targets, True, point.context).values
            losses[s, 0] = float(values[plan.loss]) + self._whole_penalty(moved)
            branches = _branches(plan, values)
            crossed[s, 0] = any(not np.array_equal(branches[output], base) for output, base in point.branches.items())
            if self.info.spec.penalised and plan.network.training.l1:
                crossed[s, 0] |= not np.array_equal(np.sign(moved), np.sign(point.parameters[value]))
            self.pace.advance(self.cost)
        return losses, crossed

    def at_rest(self, entries: Array) -> Array:
        return np.array([self.point.loss + self._whole_penalty(self.point.parameters[self.info.value])])

    def _whole_penalty(self, parameter: Array) -> float:
        training, penalty = self.point.plan.network.training, np.zeros(())
        if self.info.spec.penalised and (training.l1 or training.l2):
            emitter = Emitter(self.point.context, penalty.dtype, eager=True)
            emit_penalty(emitter, training.l1, training.l2, [parameter], penalty)
        return float(penalty)
