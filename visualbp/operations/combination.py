"""Operations that join values or lay them out anew: sum, product, concatenation, flattening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.number_words import unraveled
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import Draft, Element, one_term
from visualbp.operations.words import Saying, ShapeTexts, Told, Words


def labels_of(element: Element) -> list[str]:
    """Return where each operand comes from."""
    return [f"from {layer}" for layer in element.layers]


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

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        return " + ".join(operands)

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return f"{result} = {upstream}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} adds up {words.listed()}."

    def vjp_sentence(self, words: Words) -> str:
        return f"goes back unchanged to {words.source}"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        return f"=  {' + '.join(shapes.operands)}"

    glossary: ClassVar[Mapping[str, str]] = {"the local derivative is 1": ""}

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        factors = [element.input(place, element.index) for place in range(len(element.layers))]
        blocks = [one_term(factor, label=label) for factor, label in zip(factors, labels_of(element), strict=True)]
        rule = Told("its inputs, added up", "output == sum(inputs)")
        return Draft(" + ".join(factor.symbol for factor in factors), rule, blocks)

    def vjp_terms(self, element: Element) -> Draft:
        upstream = element.upstream(element.index)
        rule = Told("what comes back, unchanged: the local derivative is 1", "result == upstream")
        return Draft(upstream.symbol, rule, [one_term(upstream)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.output} = {' + '.join(code.operands)}"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.result} = {code.upstream}"]


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

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        return r" \odot ".join(operands)

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        others = [symbol for index, symbol in enumerate(operands) if index != operand]
        product = r" \odot ".join([upstream, *others])
        return f"{result} = {product}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} multiplies {words.listed()}, element by element."

    def vjp_sentence(self, words: Words) -> str:
        return f"times the other factors goes back to {words.source}"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        return f"=  {' * '.join(shapes.operands)}"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        others = [text for place, text in enumerate(shapes.operands) if place != shapes.operand]
        return f"=  {' * '.join([shapes.upstream, *others])}"

    glossary: ClassVar[Mapping[str, str]] = {"the other inputs": "others prod"}

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        factors = [element.input(place, element.index) for place in range(len(element.layers))]
        rule = Told("its inputs, multiplied", "output == np.prod(inputs, axis=0)")
        return Draft(r" \cdot ".join(factor.symbol for factor in factors), rule, [one_term(*factors)])

    def vjp_terms(self, element: Element) -> Draft:
        others = [place for place in range(len(element.layers)) if place != element.operand]
        factors = [element.upstream(element.index), *(element.input(place, element.index) for place in others)]
        rule = Told(
            "upstream x local: what comes back, times the other inputs",
            "result == upstream * np.prod(others, axis=0)",
        )
        return Draft(r" \cdot ".join(factor.symbol for factor in factors), rule, [one_term(*factors)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.output} = {' * '.join(code.operands)}"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        others = [name for place, name in enumerate(code.operands) if place != code.operand]
        return [f"{code.result} = {' * '.join([code.upstream, *others])}"]


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

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        parts = " ; ".join(operands)
        return rf"\left[{parts}\right]"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        before = sum(symbol.shape[0] for symbol in operands[:operand])
        return f"{result.at('i')} = {upstream.at(f'i + {before}' if before else 'i')}"

    # -- in words ----------------------------------------------------------------------------------------------------

    def sentence(self, words: Words) -> str:
        return f"{words.layer} puts {words.listed()} side by side."

    def vjp_sentence(self, words: Words) -> str:
        return f"is cut into parts; this one goes back to {words.source}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        sample, place, *rest = element.index
        operand = 0
        while place >= (width := element.array(operand).shape[1]):
            place -= width
            operand += 1
        factor = element.input(operand, (sample, place, *rest))
        words = f"taken over from {element.layers[operand]}"
        return Draft(factor.symbol, words, [one_term(factor, label=labels_of(element)[operand])])

    def vjp_terms(self, element: Element) -> Draft:
        sample, place, *rest = element.index
        before = sum(element.array(operand).shape[1] for operand in range(element.operand))
        upstream = element.upstream((sample, place + before, *rest))
        return Draft(upstream.symbol, "its own part of what comes back, unchanged", [one_term(upstream)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.output} = np.concatenate([{', '.join(code.operands)}], axis=1)"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        start = sum(shape[1] for shape in code.shapes[: code.operand])
        # a copy, as the rule makes: products round otherwise where rows do not follow each other in memory
        return [f"{code.result} = {code.upstream}[:, {start} : {start + code.shapes[code.operand][1]}].copy()"]


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

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        return rf"\mathrm{{vec}}\left({operands[0]}\right)"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return rf"{result} = \mathrm{{vec}}^{{-1}}\left({upstream}\right)"

    # -- in words ----------------------------------------------------------------------------------------------------

    saying = Saying("{layer} lays {x} out as one row for each sample.", "output == x.reshape(len(x), -1)")
    vjp_sayings: ClassVar[Mapping[str, Saying]] = {
        "x": Saying("is laid out as {x} again", "result == upstream.reshape(x.shape)")
    }

    glossary: ClassVar[Mapping[str, str]] = {
        "taken over": "= x",
        "only the layout changes": "",
        "lays": "=",
        "laid": "=",
        "out as one row": "",
        "out as": "",
        "again": "",
        "sample": "",
    }

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        shape = element.array(0).shape[1:]
        place = unraveled(element.index[1], shape)
        factor = element.input(0, (element.index[0], *place))
        rule = Told("taken over: only the layout changes", "output == x.reshape(len(x), -1)")
        return Draft(factor.symbol, rule, [one_term(factor)])

    def vjp_terms(self, element: Element) -> Draft:
        shape = element.array(0).shape[1:]
        upstream = element.upstream((element.index[0], int(np.ravel_multi_index(element.index[1:], shape))))
        rule = Told("what comes back, unchanged: only the layout changes", "result == upstream.reshape(x.shape)")
        return Draft(upstream.symbol, rule, [one_term(upstream)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.output} = {code.operands[0]}.reshape(len({code.operands[0]}), -1)"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.result} = {code.upstream}.reshape({code.operands[0]}.shape)"]
