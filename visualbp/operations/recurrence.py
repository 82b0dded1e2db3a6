"""The affine rule of one time step of a recurrent layer: of what comes in at it, and of the state before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.number_words import row_text
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import SAMPLE, Symbol, summed, transposed
from visualbp.operations.terms import Block, Draft, Element, one_term
from visualbp.operations.words import ShapeTexts, Words

NO_STATE = r"\mathbf{0}"
"""The symbol of the state before the first time step."""

INPUT, WEIGHT_INPUT, WEIGHT_HIDDEN, BIAS, STATE = range(5)


class RecurrentAffine(Operation):
    """z = x @ weight_input.T + h @ weight_hidden.T + bias, the affine rule of one time step.

    x (B, n) the step's input, weight_input (units, n), h (B, units) the state after the step before, weight_hidden
    (units, units), bias (units), z (B, units). Source: PyTorch's RNN, its two biases in one. The first step is
    FirstRecurrentAffine, whose state is 0.
    """

    name = "recurrent_affine"
    operands: ClassVar[tuple[str, ...]] = ("x", "weight_input", "weight_hidden", "bias", "h")
    is_weighted = True
    weights_behind: ClassVar[Mapping[str, str]] = {"x": "weight_input", "h": "weight_hidden"}

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (shapes[0][0], shapes[1][0])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        x, weight_input, weight_hidden, bias, *state = inputs
        emit(np.dot, x, weight_input.T, output)
        if state:
            from_state = emit.memory("from state", output.shape)
            emit(np.dot, state[0], weight_hidden.T, from_state)
            emit(np.add, output, from_state, output)
        emit(np.add, output, bias.reshape(1, -1), output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        x, weight_input, weight_hidden, _, *state = inputs
        match self.operand_name(operand):
            case "weight_input":
                emit(np.dot, upstream.T, x, result)
            case "weight_hidden" if state:
                emit(np.dot, upstream.T, state[0], result)
            case "weight_hidden":
                emit(result.fill, 0.0)
            case "bias":
                emit(np.dot, emit.ones(len(upstream)), upstream, result)
            case "h":
                emit(np.dot, upstream, weight_hidden, result)
            case _:
                emit(np.dot, upstream, weight_input, result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        x, weight_input, weight_hidden, _, *state = inputs
        moved = np.zeros_like(output)
        for tangent, name in zip(tangents, self.operands, strict=True):
            if tangent is None:
                continue
            match name:
                case "x":
                    moved += tangent @ weight_input.T
                case "weight_input":
                    moved += x @ tangent.T
                case "weight_hidden":
                    moved += state[0] @ tangent.T if state else 0.0
                case "bias":
                    moved += tangent
                case _:
                    moved += tangent @ weight_hidden.T
        return moved

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        _, weight_input, weight_hidden, _, *state = shapes
        return size_of(output) * (weight_input[1] + (weight_hidden[1] if state else 0))

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        match self.operand_name(operand):
            case "weight_input" | "x":
                return size_of(output) * shapes[1][1]
            case "weight_hidden" if len(shapes) < 5:
                return 0
            case "weight_hidden" | "h":
                return size_of(output) * shapes[2][1]
            case _:
                return 0

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        x, weight_input, weight_hidden, bias, state = (*operands, NO_STATE)[:5]
        return rf"{weight_input} {x} + {weight_hidden} {state} + {bias}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        x, weight_input, weight_hidden, _, *states = operands
        summands = f"{summed(SAMPLE)} {upstream.at(SAMPLE)}"
        match self.operand_name(operand):
            case "weight_input":
                return f"{result} = {summands} {transposed(x.at(SAMPLE))}"
            case "weight_hidden":
                return f"{result} = {summands} {transposed(states[0].at(SAMPLE) if states else NO_STATE)}"
            case "bias":
                return f"{result} = {summands}"
            case "h":
                return f"{result} = {transposed(weight_hidden)} {upstream}"
            case _:
                return f"{result} = {transposed(weight_input)} {upstream}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        _, weight_input, weight_hidden, bias, *_ = words.roles
        if not self._has_state(words.sources):
            through = f"{words.sources[0]} through {weight_input} and adds {bias}"
            return f"{words.layer} takes {through}; before it the state is 0: {words.result}."
        state = "the state it had after the step before" if words.is_state_before(STATE) else words.sources[STATE]
        through = f"its input through {weight_input}, and {state} through {weight_hidden}, and adds {bias}"
        return f"{words.layer} takes {through}: {words.result}."

    def vjp_sentence(self, words: Words) -> str:
        match self.operand_name(words.operand):
            case "x":
                return f"goes back through {words.roles[WEIGHT_INPUT]} to {words.source}"
            case "h":
                in_time = "in time " if words.is_state_before(STATE) else ""
                return f"goes back {in_time}through {words.roles[WEIGHT_HIDDEN]} to {words.source}"
            case "bias":
                return f", summed over the batch, is this time step's part of {words.result}"
            case "weight_hidden" if not self._has_state(words.sources):
                return f"meets no state, which is 0 before the first time step: this part of {words.result} is 0"
            case "weight_hidden" if words.is_state_before(STATE):
                met = "the state after the step before"
            case "weight_hidden":
                met = words.sources[STATE]
            case _:
                met = words.sources[INPUT]
        return f"times {met} is this time step's part of {words.result}"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        x, weight_input, weight_hidden, bias, *state = shapes.operands
        of_state = f" + {state[0]} {weight_hidden}^T" if state else ""
        return f"=  {x} {weight_input}^T{of_state} + {bias}"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        x, weight_input, weight_hidden, _, *state = shapes.operands
        match self.operand_name(shapes.operand):
            case "weight_input":
                return f"=  {shapes.upstream}^T {x}"
            case "weight_hidden":
                return f"=  {shapes.upstream}^T {state[0]}" if state else "=  0"
            case "bias":
                return f"=  sum of {shapes.upstream} over the samples"
            case "h":
                return f"=  {shapes.upstream} {weight_hidden}"
            case _:
                return f"=  {shapes.upstream} {weight_input}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        """z_j = sum of W_input x, + sum of W_hidden h of the step before, + b_j."""
        unit = element.index[1]
        of_input = rf"\sum_{{i}} {element.indexed(WEIGHT_INPUT, f'{unit},i')} \, {element.indexed(INPUT, 'i')}"
        of_bias = element.input_symbol(BIAS, (unit,))
        inputs = self._weighted(element, INPUT, WEIGHT_INPUT, "input")
        bias = one_term(element.input(BIAS, (unit,)), label="bias")
        if not self._has_state(element.layers):
            rule = "the inputs of the first time step, each times its weight, and the bias: there is no state before it"
            return Draft(f"{of_input} + {of_bias}", rule, [inputs, bias])
        of_state = rf"\sum_{{k}} {element.indexed(WEIGHT_HIDDEN, f'{unit},k')} \, {element.indexed(STATE, 'k')}"
        state = "the state after the step before" if element.is_state_before(STATE) else element.name(STATE)
        return Draft(
            f"{of_input} + {of_state} + {of_bias}",
            f"the inputs of this time step and {state}, each times its weight, and the bias",
            [inputs, self._weighted(element, STATE, WEIGHT_HIDDEN, "state"), bias],
        )

    def _weighted(self, element: Element, source: int, weight: int, name: str) -> Block:
        """Return the numbers of one operand, each times its weight for the unit that is explained."""
        sample, unit = element.index
        products = element.array(weight)[unit].astype(np.float64) * element.array(source)[sample]
        return Block(
            products,
            lambda i: (element.input(weight, (unit, i)), element.input(source, (sample, i))),
            lambda i: f"{name} {i}",
        )

    def vjp_terms(self, element: Element) -> Draft:
        before = self._has_state(element.layers) and element.is_state_before(STATE)
        match self.operand_name(element.operand):
            case "x":
                return self._sent_back(element, WEIGHT_INPUT, "this time step")
            case "h":
                return self._sent_back(element, WEIGHT_HIDDEN, "the time step after it" if before else "this time step")
            case "weight_input":
                return self._met_in_batch(element, INPUT, "what came in at this time step")
            case "weight_hidden" if not self._has_state(element.layers):
                return Draft("0", "the state before the first time step is 0, so this step has no part", [])
            case "weight_hidden":
                met = "the state after the step before" if before else element.name(STATE)
                return self._met_in_batch(element, STATE, met)
        (unit,), delta = element.index, element.upstream_array()
        return Draft(
            rf"\sum_{{\text{{samples}}}} {element.indexed_upstream(str(unit))}",
            "the error signal of its unit at this time step, summed over the batch",
            [
                Block(
                    delta[:, unit].astype(np.float64),
                    lambda sample: (element.upstream((sample, unit)),),
                    lambda sample: row_text(element.in_data((sample,))),
                )
            ],
        )

    def _sent_back(self, element: Element, weight: int, when: str) -> Draft:
        sample, column = element.index
        return Draft(
            rf"\sum_{{k}} {element.indexed(weight, f'k,{column}')} \, {element.indexed_upstream('k')}",
            f"the error signals of {when}, each times the weight in between, added up",
            [
                Block(
                    element.array(weight)[:, column].astype(np.float64) * element.upstream_array()[sample],
                    lambda k: (element.input(weight, (k, column)), element.upstream((sample, k))),
                    lambda k: f"unit {k}",
                )
            ],
        )

    def _met_in_batch(self, element: Element, source: int, what: str) -> Draft:
        unit, column = element.index
        of_unit = rf"\sum_{{\text{{samples}}}} {element.indexed_upstream(str(unit))}"
        return Draft(
            rf"{of_unit} \, {element.indexed(source, str(column))}",
            f"upstream x local: the error signal of its unit, times {what}, summed over the batch",
            [
                Block(
                    element.upstream_array()[:, unit].astype(np.float64) * element.array(source)[:, column],
                    lambda sample: (element.upstream((sample, unit)), element.input(source, (sample, column))),
                    lambda sample: row_text(element.in_data((sample,))),
                )
            ],
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight_input, weight_hidden, bias, *state = code.operands
        of_state = f" + {state[0]} @ {weight_hidden}.T" if state else ""
        return [f"{code.output} = {x} @ {weight_input}.T{of_state} + {bias}"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight_input, weight_hidden, _, *state = code.operands
        match self.operand_name(code.operand):
            case "weight_input":
                gradient = f"{code.upstream}.T @ {x}"
            case "weight_hidden":
                gradient = f"{code.upstream}.T @ {state[0]}" if state else f"np.zeros_like({weight_hidden})"
            case "bias":
                gradient = f"np.ones(len({code.upstream}), {code.upstream}.dtype) @ {code.upstream}"
            case "h":
                gradient = f"{code.upstream} @ {weight_hidden}"
            case _:
                gradient = f"{code.upstream} @ {weight_input}"
        return [f"{code.result} = {gradient}"]

    @staticmethod
    def _has_state(operands: Sequence[object]) -> bool:
        return len(operands) > STATE


class FirstRecurrentAffine(RecurrentAffine):
    """z = x @ weight_input.T + 0 @ weight_hidden.T + bias: the first time step, before which the state is 0."""

    operands = ("x", "weight_input", "weight_hidden", "bias")
