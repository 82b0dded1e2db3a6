"""The rules by which single numbers are explained, keyed by operation, and the rule for an operation that has none.

A rule gets an `Element` and returns a `Draft`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from visualbp.analysis.explain_record import Block, Draft, Factor, Past, constant, one_term
from visualbp.analysis.explain_words import Index, element_symbol, indexed_symbol, sample_text, unraveled
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.notation import LOSS, derivative
from visualbp.engine.plan import Phase, Step
from visualbp.layers import Node
from visualbp.operations.base import Operation
from visualbp.operations.symbols import Symbol


@dataclass(frozen=True, eq=False)
class Element:
    """One element of what a step of a node wrote: the output, a buffer, or the gradient of operand `operand`."""

    past: Past
    step: Step
    node: Node
    value: Ref
    index: Index

    @property
    def operand(self) -> int:
        return self.step.operand

    def array(self, operand: int) -> Array:
        """Return an operand's array as the step read it."""
        return self.past.array(self.node.operands[operand], self.step.index)

    def input(self, operand: int, index: Index) -> Factor:
        return self.past.factor(self.node.operands[operand], index, self.step.index)

    def output(self, index: Index) -> Factor:
        return self.past.factor(self.node.output, index, self.step.index)

    def upstream(self, index: Index) -> Factor:
        """Return an element of dL / d output, which for the loss itself is 1."""
        if self.node.output == self.past.plan.loss:
            return constant(1.0, derivative(LOSS, LOSS), "the derivative of the loss by itself")
        return self.past.factor(self.node.output.gradient, index, self.step.index)

    def derived(
        self, number: float, symbol: str, operand: int, index: Index, meaning: str, formula: str = ""
    ) -> Factor:
        """Return a number derived from an element of an operand as a factor."""
        return self.past.derived(number, symbol, self.node.operands[operand], index, self.step.index, meaning, formula)

    def indexed(self, operand: int, place: str) -> str:
        """Return the symbol of an element of an operand; `place` may be letters."""
        return indexed_symbol(self.past.notation, self.node.operands[operand], place)

    def indexed_output(self, place: str) -> str:
        return indexed_symbol(self.past.notation, self.node.output, place)

    def indexed_upstream(self, place: str) -> str:
        return indexed_symbol(self.past.notation, self.node.output.gradient, place)

    def symbol(self, value: Ref, index: Index) -> str:
        return element_symbol(self.past.notation, value, index)

    def input_symbol(self, operand: int, index: Index) -> str:
        return self.symbol(self.node.operands[operand], index)


Rule = Callable[[Element], Draft]

_forward: dict[type[Operation], Rule] = {}
_backward: dict[type[Operation], Rule] = {}
_buffers: dict[type[Operation], Rule] = {}


def explains(operation: type[Operation], forward: Rule, backward: Rule) -> None:
    """Say how the elements of an operation, and of those that inherit from it, come about."""
    _forward[operation], _backward[operation] = forward, backward


def explains_buffers(operation: type[Operation], rule: Rule) -> None:
    """Say how the elements of the buffers that an operation moves on come about."""
    _buffers[operation] = rule


def rule_for(step: Step, node: Node, value: Ref) -> Rule:
    """Return the rule for what a step of a node wrote: the operation's own, an inherited one, or one for any."""
    if value in node.updates:
        rules, otherwise = _buffers, buffer_by_difference
    elif step.phase == Phase.BACKWARD:
        rules, otherwise = _backward, backward_by_jacobian
    else:
        rules, otherwise = _forward, forward_by_jacobian
    return next((rules[kind] for kind in type(node.operation).__mro__ if kind in rules), otherwise)


def right_hand_side(operation: Operation, *operands: str) -> str:
    """Return an operation's forward equation without the output, and without the lines that say what letters mean."""
    symbols = [operand if isinstance(operand, Symbol) else Symbol(operand) for operand in operands]
    return operation.equation(Symbol(""), symbols).partition(" = ")[2].partition(r", \quad")[0]


# -- any other operation, by its local Jacobian ------------------------------------------------------------------------


def forward_by_jacobian(element: Element) -> Draft:
    """out = sum of d out / d x * x, + what the straight line leaves out. Exact for every rule, smooth or not."""
    operation, done = element.node.operation, element.past.evaluation(element.step)
    basis = np.zeros_like(done.output)
    basis[element.index] = 1.0
    output = element.symbol(element.node.output, element.index)
    blocks: list[Block] = []
    straight = 0.0
    for operand, value in enumerate(element.node.operands):
        if operation.is_constant(operand):
            continue
        row, numbers = done.vjp(operand, basis), done.inputs[operand]
        products = (row.astype(np.float64) * numbers).reshape(-1)
        used = np.flatnonzero(row.reshape(-1))
        straight += float(products[used].sum())

        def factors(i: int, operand: int = operand, row: Array = row, used: Array = used) -> tuple[Factor, ...]:
            index = unraveled(int(used[i]), row.shape)
            x = element.input(operand, index)
            local = element.derived(
                row[index], rf"\frac{{\partial {output}}}{{\partial {x.symbol}}}", operand, index, "local derivative"
            )
            return local, x

        def label(i: int, value: Ref = value, row: Array = row, used: Array = used) -> str:
            return f"{value.text} {sample_text(element.past.plan, value, unraveled(int(used[i]), row.shape))}"

        blocks.append(Block(products[used], factors, label))
    remainder = float(done.output[element.index]) - straight
    rest = constant(remainder, r"\text{rest}", "what a straight line leaves out")
    blocks.append(one_term(rest, label="rest"))
    symbols = [element.past.notation.symbol(value) for value in element.node.operands]
    return Draft(
        right_hand_side(operation, *symbols) or rf"\text{{{operation.name}}}",
        f"{operation.name} of its inputs: each input times the local derivative, and what a straight line leaves out",
        blocks,
    )


def backward_by_jacobian(element: Element) -> Draft:
    """dL/dx = sum over outputs of upstream * d out / d x, the column of the Jacobian by forward mode."""
    operation, done = element.node.operation, element.past.evaluation(element.step)
    tangents: list[Array | None] = [None] * len(done.inputs)
    basis = np.zeros(done.inputs[element.operand].shape, done.output.dtype)
    basis[element.index] = 1.0
    tangents[element.operand] = basis
    with np.errstate(all="ignore"):
        column = np.asarray(operation.jvp(tangents, done.inputs, done.output), np.float64)
    upstream, shape = element.past.upstream(element.step), column.shape
    used = np.flatnonzero(column.reshape(-1))
    x = element.input_symbol(element.operand, element.index)

    def factors(i: int) -> tuple[Factor, ...]:
        index = unraveled(int(used[i]), shape)
        output = element.symbol(element.node.output, index)
        symbol = rf"\frac{{\partial {output}}}{{\partial {x}}}"
        local = element.derived(column[index], symbol, element.operand, element.index, "local derivative")
        return element.upstream(index), local

    output = indexed_symbol(element.past.notation, element.node.output, "o")
    return Draft(
        rf"\sum_{{o}} {element.indexed_upstream('o')} \, \frac{{\partial {output}}}{{\partial {x}}}",
        f"upstream x local, over everything that {operation.name} makes of it",
        [
            Block(
                (upstream * column).reshape(-1)[used],
                factors,
                lambda i: sample_text(element.past.plan, element.node.output, unraveled(int(used[i]), shape)),
            )
        ],
    )


def buffer_by_difference(element: Element) -> Draft:
    """A buffer of an operation without a rule here: run its own rule anew, and show what it changed."""
    node, at = element.node, element.step.index
    done = element.past.evaluation(element.step)
    buffers = [element.past.array(value, at).astype(done.output.dtype) for value in node.updates]
    before = element.past.factor(element.value, element.index, at)
    with np.errstate(all="ignore"):
        node.operation.update(done.emitter, done.inputs, done.output, buffers)
    after = float(buffers[node.updates.index(element.value)][element.index])
    change = constant(after - before.number, r"\Delta", f"what {node.operation.name} adds")
    return Draft(
        rf"{before.symbol} + \Delta",
        f"what it was, and what {node.operation.name} adds in a step of training",
        [one_term(before, label="before"), one_term(change, label="change")],
    )
