"""Losses at moved weights and biases of an affine rule, very many at once.

Moving weight[j, i] by s moves the pre-activation of unit j alone, by s x[:, i]; moving bias[j] moves it by s. That is
the definition of the affine rule, and the one thing assumed here. Many such variations of one batch are stacked along
the batch axis, and go through the real forward rules of all that comes after. As long as each unit is by itself
(activations of each element alone), only the unit that moved is evaluated. What is assumed is not left at that: the
check compares the result with the real loss along a random direction, by full forward passes (`Along`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from visualbp.analysis.gradient_check_passes import Losses, OneByOne, Pace, Point
from visualbp.core.arrays import Array, size_of
from visualbp.core.ref import Ref
from visualbp.engine.plan import ParameterInfo
from visualbp.engine.store import stream_of
from visualbp.layers import Node
from visualbp.operations.activations.kinds import Elementwise
from visualbp.operations.affine import Affine
from visualbp.operations.base import Call, Emitter, Operation

BUDGET = 240_000
"""Elements that the widest buffers of one chunk may have together: about what the caches of one core hold."""

FEW_RUNS = 8
"""Up to so many runs of one unit in a row, plain slices are quicker than fancy indices."""


class _Watch(NamedTuple):
    """A piecewise rule to be watched for kinks. `base` (P or 1 copies of a batch) is found when a chunk is filled."""

    operation: Operation
    inputs: Sequence[Array]
    output: Array
    base: Array
    by_unit: bool


class Program:
    """Buffers and prepared calls for chunks of `numbers` numbers, each moved by `steps` steps.

    A stacked value has the batches of (step 0, number 0), (step 0, number 1), ... one after the other. Losses and kinks
    are told of each batch as a whole, or, with as many `parts` as samples, of each of its samples.
    """

    def __init__(
        self, point: Point, node: Node, following: Sequence[Node], steps: int, numbers: int, parts: int = 1
    ) -> None:
        self.point, self.steps, self.numbers, self.parts = point, steps, numbers, parts
        self.copies = steps * numbers
        z = point.values[node.output]
        self.rows = size_of(z.shape[:-1])  # of one copy: samples, and positions within them
        self.resting = {node.output: self._by_unit(z)}
        self.columns = {node.output: np.zeros((steps, numbers, self.rows))}
        self.stacked: dict[Ref, Array] = {}
        self.spreads: list[tuple[Array, Array]] = []
        self.calls: list[Call] = []
        self.watches: list[_Watch] = []
        self.z, self.column = self.resting[node.output], self.columns[node.output]
        self._units = np.zeros(numbers, np.intp)
        self._runs: list[tuple[int, int, int]] = []
        for following_node in following:
            self._add(following_node)
        self.losses = self.stacked[point.plan.loss].reshape(steps, numbers, parts)

    def _by_unit(self, value: Array) -> Array:
        """Return a value without moves (..., n) as (n, rows)."""
        return np.ascontiguousarray(value.reshape(self.rows, -1).T)

    def _add(self, node: Node) -> None:
        operation, output = node.operation, node.output
        base = self.point.branches.get(output)
        emit = self._emitter(node)
        if isinstance(operation, Elementwise) and node.operands[0] in self.columns:
            self.columns[output] = np.zeros_like(self.column)
            self.resting[output] = self._by_unit(self.point.values[output])
            inputs, result = [self.columns[node.operands[0]].reshape(-1, 1)], self.columns[output].reshape(-1, 1)
            base = None if base is None else self._by_unit(base)
        else:
            inputs = [self._dense(value) for value in node.operands]
            shape = self.point.values[output].shape
            result = np.zeros((self.copies * shape[0], *shape[1:]) if shape else (emit.copies,))
            self.stacked[output] = result
        operation.forward(emit, inputs, result)
        self.calls.extend(emit.take_calls())
        if base is not None:
            self.watches.append(_Watch(operation, inputs, result, base, output in self.columns))

    def _emitter(self, node: Node) -> Emitter:
        stream = stream_of(f"{node.layer}/{node.operation.name}")
        copies = self.copies * (self.parts if node.output == self.point.plan.loss else 1)
        return Emitter(self.point.context, np.dtype(np.float64), stream=stream, copies=copies)

    def _dense(self, value: Ref) -> Array:
        """Return all copies of a value; where one unit of it moves, that unit is written into unmoved copies."""
        if value in self.stacked or value not in self.point.plan.batched:
            return self.stacked[value] if value in self.stacked else self.point.values[value]
        resting = self.point.values[value]
        copies = np.tile(resting, (self.copies, *[1] * (resting.ndim - 1)))
        self.stacked[value] = copies
        if value in self.columns:
            by_copy = copies.reshape(self.steps, self.numbers, self.rows, -1)
            self.calls.append((self._spread, (by_copy, self.columns[value])))
            self.spreads.append((by_copy, self.resting[value]))
        return copies

    def _spread(self, copies: Array, column: Array) -> None:
        """Write `column` (S, P, rows) to the moved units of `copies` (S, P, rows, n)."""
        if len(self._runs) <= FEW_RUNS:
            for start, stop, unit in self._runs:
                copies[:, start:stop, :, unit] = column[:, start:stop]
        else:
            copies[:, np.arange(self.numbers), :, self._units] = column.transpose(1, 0, 2)

    def run(self, units: Array, factors: Array, steps: Array) -> Losses:
        """Return losses and kinks (S, P, parts) with the pre-activation of `units[p]` moved by steps[s] * factors[p].

        The losses are overwritten by the next run.
        """
        self._units = units
        bounds = [0, *((units[1:] != units[:-1]).nonzero()[0] + 1).tolist(), len(units)]
        self._runs = [(a, b, int(units[a])) for a, b in itertools.pairwise(bounds)]
        np.multiply(steps[:, None, None], factors, self.column)
        np.add(self.column, self.z[units], self.column)
        for function, arguments in self.calls:
            function(*arguments)
        crossed = np.zeros(self.losses.shape, bool)
        for watch in self.watches:
            crossed |= self._crossed(watch)
        for copies, resting in self.spreads:
            self._spread(copies, resting[units][None])
        return self.losses, crossed

    def _crossed(self, watch: _Watch) -> Array:
        branch = watch.operation.branch(watch.inputs, watch.output)
        if branch is None:
            return np.ones(self.losses.shape, bool)
        base = watch.base[self._units] if watch.by_unit else watch.base[None]
        changed: Array = (branch.reshape(*self.losses.shape, -1) != base.reshape(len(base), self.parts, -1)).any(-1)
        return changed


class Stacked(OneByOne):
    """The losses of an affine rule's weight or bias, by stacked forward passes."""

    way = "stacked forward passes"

    def __init__(self, point: Point, info: ParameterInfo, pace: Pace, programs: dict[object, Program]) -> None:
        super().__init__(point, info, pace)
        index = point.users(info.value)[0]
        self.node = point.plan.nodes[index]
        self.following = point.following(index)
        self._programs = programs
        x = point.values[self.node.operands[0]]
        is_weight = self.node.operands[1] == info.value
        self.inputs_of_rows: Array = x.reshape(-1, x.shape[-1]) if is_weight else np.ones((x.size // x.shape[-1], 1))
        self._inputs = np.ascontiguousarray(self.inputs_of_rows.T)
        self._width = sum(self._elements(node) for node in self.following)

    def _elements(self, node: Node) -> int:
        """Return the elements of one copy that the node's evaluation takes: of its output, or of what a loss takes."""
        return max(self.point.values[value].size for value in (node.output, node.operands[0]))

    @property
    def cost(self) -> float:
        return float(self._width)

    def data_losses(self, entries: Array, steps: Array, units: Array) -> Losses:
        return self.run(entries, steps, units)

    def run(self, entries: Array, steps: Array, lengths: Array, parts: int = 1) -> Losses:
        """Return losses and kinks (S, P * parts), number p moved by `steps[s] * lengths[p]`."""
        shape = len(steps), len(entries), parts
        losses, crossed = np.empty(shape), np.empty(shape, bool)
        chunk = max(1, min(BUDGET // (max(map(self._elements, self.following)) * len(steps)), len(entries)))
        program = self._program(len(steps), chunk, parts)
        for start in range(0, len(entries), chunk):
            part = entries[start : start + chunk]
            filled = np.arange(start, start + chunk)
            if len(part) < chunk:  # the last chunk is filled up with numbers that are not looked at
                filled = start + np.resize(np.arange(len(part)), chunk)
            units, factors = self.moves(entries[filled])
            found = program.run(units, factors * lengths[filled, None], steps)
            losses[:, start : start + len(part)] = found[0][:, : len(part)]
            crossed[:, start : start + len(part)] = found[1][:, : len(part)]
            self.pace.advance(self.cost * len(part) * len(steps))
        return losses.reshape(len(steps), -1), crossed.reshape(len(steps), -1)

    def moves(self, entries: Array) -> tuple[Array, Array]:
        """Return which unit each number moves, and by how much (P, rows) for a step of 1."""
        units, inputs = np.divmod(entries, len(self._inputs))
        return units, self._inputs[inputs]

    def _program(self, steps: int, chunk: int, parts: int) -> Program:
        key = (self.node.output, steps, chunk, parts)
        if key not in self._programs:
            self._programs[key] = Program(self.point, self.node, self.following, steps, chunk, parts)
        return self._programs[key]


def can_stack(point: Point, info: ParameterInfo) -> bool:
    """Return whether `Stacked` holds: one affine rule uses the parameter, and after it copies of a batch stay apart."""
    users, plan = point.users(info.value), point.plan
    if len(users) != 1:
        return False
    node = plan.nodes[users[0]]
    if type(node.operation) is not Affine or node.operands.count(info.value) != 1 or node.operands[0] == info.value:
        return False
    following = point.following(users[0])
    batched = all(other.output in plan.batched or other.output == plan.loss for other in following)
    rules = [other.operation for other in following]
    apart = all(rule.samples_are_independent() or rule.keeps_copies_apart for rule in rules)
    return node.output in plan.batched and batched and apart


def samples_stay_apart(point: Point, info: ParameterInfo) -> bool:
    """Return whether each sample of the loss depends on the same sample alone of what uses the parameter."""
    following = point.following(point.users(info.value)[0])
    return all(node.operation.samples_are_independent() for node in following)
