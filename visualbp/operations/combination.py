"""Operations that join values or lay them out anew: sum, product, concatenation, flattening."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.symbols import Symbol


class Add(Operation):
    """The sum of its operands: each gets the upstream gradient unchanged, which is why residual connections help."""

    name = "add"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        first, *others = inputs
        emit(np.copyto, output, first)
        for other in others:
            emit(np.add, output, other, output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(np.copyto, result, upstream)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        return np.sum([t for t in tangents if t is not None] or [np.zeros_like(output)], axis=0)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return f"{output} = {' + '.join(operands)}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return f"{result} = {upstream}"


class Multiply(Operation):
    """The elementwise product: each operand's gradient is the upstream times all the others."""

    name = "multiply"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        first, *others = inputs
        emit(np.copyto, output, first)
        for other in others:
            emit(np.multiply, output, other, output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(np.copyto, result, upstream)
        for index, other in enumerate(inputs):
            if index != operand:
                emit(np.multiply, result, other, result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        moved = np.zeros_like(output)
        for index, tangent in enumerate(tangents):
            if tangent is not None:
                others = [other for place, other in enumerate(inputs) if place != index]
                moved += np.multiply.reduce([tangent, *others])
        return moved

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output) * (len(shapes) - 1)

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output) * (len(shapes) - 1)

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        product = r" \odot ".join(operands)
        return f"{output} = {product}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        others = [symbol for index, symbol in enumerate(operands) if index != operand]
        product = r" \odot ".join([upstream, *others])
        return f"{result} = {product}"


class Concatenate(Operation):
    """The operands side by side on axis 1, the first after the batch; each gets its own part of the upstream."""

    name = "concatenate"

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (shapes[0][0], sum(shape[1] for shape in shapes), *shapes[0][2:])

    @staticmethod
    def _part(inputs: Sequence[Array], operand: int) -> slice:
        start = sum(array.shape[1] for array in inputs[:operand])
        return slice(start, start + inputs[operand].shape[1])

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        for index, array in enumerate(inputs):
            emit(np.copyto, output[:, self._part(inputs, index)], array)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(np.copyto, result, upstream[:, self._part(inputs, operand)])

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        parts = [np.zeros_like(x) if t is None else t for t, x in zip(tangents, inputs, strict=True)]
        return np.concatenate(parts, axis=1)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        parts = " ; ".join(operands)
        return rf"{output} = \left[{parts}\right]"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        before = sum(symbol.shape[0] for symbol in operands[:operand])
        return f"{result.at('i')} = {upstream.at(f'i + {before}' if before else 'i')}"


class Flatten(Operation):
    """All axes after the batch laid out as one, in row-major order."""

    name = "flatten"

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (shapes[0][0], size_of(shapes[0][1:]))

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        emit(np.copyto, output, inputs[0].reshape(output.shape))

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(np.copyto, result, upstream.reshape(result.shape))

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        return np.zeros_like(output) if tangent is None else tangent.reshape(output.shape)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        return rf"{output} = \mathrm{{vec}}\left({operands[0]}\right)"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return rf"{result} = \mathrm{{vec}}^{{-1}}\left({upstream}\right)"
