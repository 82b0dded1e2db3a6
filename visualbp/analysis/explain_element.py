"""One element of what a step wrote, as the operation that takes it apart is given it (`operations/terms.py`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from visualbp.analysis.explain_record import Past
from visualbp.analysis.explain_words import element_symbol, in_data, indexed_symbol, sample_text
from visualbp.core.arrays import Array, Shape
from visualbp.core.number_words import Index
from visualbp.core.ref import Ref
from visualbp.engine.notation import LOSS, derivative
from visualbp.engine.notation_sentences import state_time
from visualbp.engine.plan import Phase, Step
from visualbp.layers import Node
from visualbp.operations.base import Evaluation
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import Factor, constant


@dataclass(frozen=True, eq=False)
class StepElement:
    """One element of what a step of a node wrote: the output, a buffer, or the gradient of operand `operand`."""

    past: Past
    step: Step
    node: Node
    value: Ref
    index: Index

    @property
    def operand(self) -> int:
        return self.step.operand

    @property
    def buffer(self) -> int:
        return self.node.updates.index(self.value)

    @property
    def precision(self) -> str:
        return self.past.precision

    @property
    def layers(self) -> list[str]:
        return [value.layer for value in self.node.operands]

    def is_state_before(self, operand: int) -> bool:
        time = self.node.output.time
        return time is not None and state_time(self.past.plan, self.node, operand) == time - 1

    # -- arrays ------------------------------------------------------------------------------------------------------

    def array(self, operand: int) -> Array:
        return self.past.array(self.node.operands[operand], self.step.index)

    def output_array(self) -> Array:
        forward = self.step.phase == Phase.FORWARD
        return self.past.array(self.node.output, self.step.index + 1 if forward else self.step.index)

    def upstream_array(self) -> Array:
        return self.past.upstream(self.step)

    @cached_property
    def _evaluation(self) -> Evaluation:
        return self.past.evaluation(self.step)

    def kept(self, name: str, shape: Shape) -> Array:
        return self._evaluation.emitter.memory(name, shape)

    def vjp(self, operand: int, upstream: Array) -> Array:
        return self._evaluation.vjp(operand, upstream)

    def jvp(self, operand: int, tangent: Array) -> Array:
        done = self._evaluation
        tangents: list[Array | None] = [None] * len(done.inputs)
        tangents[operand] = tangent
        return self.node.operation.jvp(tangents, done.inputs, done.output)

    def updated(self) -> Array:
        node, done = self.node, self._evaluation
        buffers = [self.past.array(value, self.step.index).astype(done.output.dtype) for value in node.updates]
        with np.errstate(all="ignore"):
            node.operation.update(done.emitter, done.inputs, done.output, buffers)
        return buffers[node.updates.index(self.value)]

    # -- factors -----------------------------------------------------------------------------------------------------

    def input(self, operand: int, index: Index) -> Factor:
        return self.past.factor(self.node.operands[operand], index, self.step.index)

    def output(self, index: Index) -> Factor:
        return self.past.factor(self.node.output, index, self.step.index)

    def upstream(self, index: Index) -> Factor:
        if self.node.output == self.past.plan.loss:
            return constant(1.0, derivative(LOSS, LOSS), "the derivative of the loss by itself")
        return self.past.factor(self.node.output.gradient, index, self.step.index)

    def before(self) -> Factor:
        return self.past.factor(self.value, self.index, self.step.index)

    def derived(
        self, number: float, symbol: str, operand: int, index: Index, meaning: str, formula: str = ""
    ) -> Factor:
        return self.past.derived(number, symbol, self.node.operands[operand], index, self.step.index, meaning, formula)

    def derived_from_upstream(self, number: float, symbol: str, index: Index, meaning: str) -> Factor:
        return self.past.derived(number, symbol, self.node.output.gradient, index, self.step.index, meaning)

    def with_operand(self, factor: Factor, operand: int) -> Factor:
        return replace(factor, beside=(self.node.operands[operand],))

    # -- names -------------------------------------------------------------------------------------------------------

    def in_data(self, index: Index) -> Index:
        return in_data(self.past.moment.batch, index)

    def operand_symbol(self, operand: int) -> Symbol:
        return self.past.notation.symbol(self.node.operands[operand])

    def indexed(self, operand: int, place: str) -> str:
        return indexed_symbol(self.past.notation, self.node.operands[operand], place)

    def indexed_output(self, place: str) -> str:
        return indexed_symbol(self.past.notation, self.node.output, place)

    def indexed_upstream(self, place: str) -> str:
        return indexed_symbol(self.past.notation, self.node.output.gradient, place)

    def input_symbol(self, operand: int, index: Index) -> str:
        return element_symbol(self.past.notation, self.node.operands[operand], index)

    def output_symbol(self, index: Index) -> str:
        return element_symbol(self.past.notation, self.node.output, index)

    def sample_text(self, operand: int, index: Index) -> str:
        return sample_text(self.past.plan, self.node.operands[operand], index, self.past.moment.batch)

    def output_text(self, index: Index) -> str:
        return sample_text(self.past.plan, self.node.output, index, self.past.moment.batch)

    def name(self, operand: int) -> str:
        """Return the name that people know an operand by: `dense_1.weight`."""
        return self.node.operands[operand].text

    def symbol(self, value: Ref, index: Index) -> str:
        """Return the symbol of one element of any value."""
        return element_symbol(self.past.notation, value, index)
