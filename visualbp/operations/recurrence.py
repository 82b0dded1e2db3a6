"""What a recurrent layer is made of, one node for each time step: taking a step's input out of a sequence, its affine
rule, and putting the steps' outputs together into a sequence again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.symbols import SAMPLE, Symbol, summed, transposed

NO_STATE = r"\mathbf{0}"
"""The symbol of the state before the first time step."""


class TimeSlice(Operation):
    """x[t]: what a sequence (B, T, ...) holds at one time step, (B, ...).

    Its gradient is 0 at all other steps. A plan does not add up T sequences of zeros, though: where one layer takes all
    steps apart, their gradients are gathered into the sequence's in one go.
    """

    name = "time_slice"

    def __init__(self, index: int) -> None:
        self.index = index

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (shapes[0][0], *shapes[0][2:])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        emit(np.copyto, output, inputs[0][:, self.index])

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(result.fill, 0.0)
        emit(np.copyto, result[:, self.index], upstream)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        return np.zeros_like(output) if tangent is None else np.array(tangent[:, self.index])

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return f"{output} = {operands[0].at(str(self.index))}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return rf"{result.at('t')} = \left[t = {self.index}\right] {upstream}"


class Stack(Operation):
    """A sequence (B, T, ...) of its operands, each of them (B, ...); each gets its own step of the upstream."""

    name = "stack"
    operands = ("h",)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (shapes[0][0], len(shapes), *shapes[0][1:])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        for index, array in enumerate(inputs):
            emit(np.copyto, output[:, index], array)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(np.copyto, result, upstream[:, operand])

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        moved = [np.zeros_like(x) if t is None else t for t, x in zip(tangents, inputs, strict=True)]
        return np.stack(moved, axis=1)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        shown = list(operands) if len(operands) <= 4 else [operands[0], operands[1], r"\ldots", operands[-1]]
        parts = r", \, ".join(shown)
        return rf"{output} = \left[{parts}\right]"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return f"{result} = {upstream.at(str(operand))}"


class RecurrentAffine(Operation):
    """z = x @ weight_input.T + h @ weight_hidden.T + bias, the affine rule of one time step.

    x (B, n) the step's input, weight_input (units, n), h (B, units) the state after the step before, weight_hidden
    (units, units), bias (units), z (B, units). Source: PyTorch's RNN, its two biases in one. The first step is
    FirstRecurrentAffine, whose state is 0.
    """

    name = "recurrent_affine"
    operands: ClassVar[tuple[str, ...]] = ("x", "weight_input", "weight_hidden", "bias", "h")

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

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        x, weight_input, weight_hidden, bias, state = (*operands, NO_STATE)[:5]
        return rf"{output} = {weight_input} {x} + {weight_hidden} {state} + {bias}"

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


class FirstRecurrentAffine(RecurrentAffine):
    """z = x @ weight_input.T + 0 @ weight_hidden.T + bias: the first time step, before which the state is 0."""

    operands = ("x", "weight_input", "weight_hidden", "bias")
