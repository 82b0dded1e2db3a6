"""Softmax as an activation: scores become probabilities. With the cross-entropy it is one operation (losses)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.operations.activations.kinds import Activation
from visualbp.operations.base import Emitter, as_rows, emit_row_maximum
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol, transposed
from visualbp.operations.terms import Block, Draft, Element, Factor, constant, one_term
from visualbp.operations.words import Words


class Softmax(Activation):
    """e^z / sum e^z over the last axis. Its Jacobian diag(h) - h h^T is full: delta = h * (u - sum(u * h))."""

    type_name, label, gives = "softmax", "Softmax", "probabilities"
    description = "Turns scores into probabilities that sum to 1."
    formula = r"\frac{e^{\mathbf{z}}}{\sum_{j} e^{z_{j}}}"
    pytorch = "torch.softmax({z}, -1)"

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        z, h = as_rows(inputs[0]), as_rows(output)
        row = emit.memory("row", (len(z), 1))
        emit_row_maximum(emit, z, row)
        emit(np.subtract, z, row, h)
        emit(np.exp, h, h)
        emit(np.dot, h, emit.ones(h.shape[1]), row.reshape(-1))
        emit(np.divide, h, row, h)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        u, h, delta = as_rows(upstream), as_rows(output), as_rows(result)
        row = emit.memory("row", (len(h), 1))
        emit(np.multiply, u, h, delta)
        emit(np.dot, delta, emit.ones(h.shape[1]), row.reshape(-1))
        emit(np.subtract, u, row, delta)
        emit(np.multiply, delta, h, delta)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        if tangent is None:
            return np.zeros_like(output)
        moved: Array = output * (tangent - (tangent * output).sum(-1, keepdims=True))
        return moved

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 2 * size_of(output)

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        return "" if operands[0].rows else super().right_hand_side(operands)

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        rows = output.rows
        rule = rf"{output.at(*rows)} = {self.function_text}\left({operands[0].at(*rows)}\right)"
        return rf"{rule}, \quad {self.function_text}(\mathbf{{z}}) = {self.formula}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        """(diag(h) - h h^T) u, for each row of its own."""
        rows = output.rows
        h, u = output.at(*rows), upstream.at(*rows)
        return rf"{result.at(*rows)} = {h} \odot {u} - {h} \left({transposed(h)} {u}\right)"

    def vjp_sentence(self, words: Words) -> str:
        return f"goes back through the Jacobian of {self.label} to {words.source}: every output depends on all"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        *leading, unit = element.index
        scores = element.array(0)[tuple(leading)].astype(np.float64)
        shifted = np.exp(scores - scores.max())
        share = 1.0 / float(shifted.sum())
        z, all_z = element.input_symbol(0, element.index), element.indexed(0, _place(element, "j"))
        return Draft(
            rf"\frac{{e^{{{z}}}}}{{\sum_j e^{{{all_z}}}}}",
            "its exponential, over the sum of all exponentials of the row; all z are lowered by the largest of them,"
            " which changes nothing",
            [
                one_term(
                    element.derived(shifted[unit], rf"e^{{{z} - \max z}}", 0, element.index, "exponential of z")
                    .called("exponential")
                    .as_function("exp({} − max)", float(scores[unit])),
                    constant(
                        share, rf"\frac{{1}}{{\sum_j e^{{{all_z} - \max z}}}}", "one over the sum of the exponentials"
                    ).called("1 / sum"),
                )
            ],
        )

    def vjp_terms(self, element: Element) -> Draft:
        *leading, unit = element.index
        row = tuple(leading)
        h = element.output_array()[row].astype(np.float64)
        jacobian = h * ((np.arange(len(h)) == unit) - h[unit])
        z = element.input_symbol(0, element.index)

        def factors(j: int) -> tuple[Factor, ...]:
            local = element.derived(
                jacobian[j],
                rf"\frac{{\partial {element.output_symbol((*row, j))}}}{{\partial {z}}}",
                0,
                element.index,
                f"derivative of h {j} by z {unit}",
                f"h_{{{j}}} (1 - h_{{{j}}})" if j == unit else f"-h_{{{unit}}} h_{{{j}}}",
            )
            return element.upstream((*row, j)), local.called("local")

        others = element.indexed_output(_place(element, "j"))
        member = "position" if len(element.index) > 3 else "class"
        return Draft(
            rf"\sum_{{j}} {element.indexed_upstream(_place(element, 'j'))} \,"
            rf" \frac{{\partial {others}}}{{\partial {z}}}",
            "upstream x local, over the whole row: each h depends on every z",
            [Block(element.upstream_array()[row] * jacobian, factors, lambda j: f"{member} {j}")],
        )

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        z, exponentials = code.operands[0], code.kept("exponentials")
        return [
            f"{exponentials} = np.exp({z} - {z}.max(-1, keepdims=True))  # lowered by the largest: no overflow",
            f"{code.output} = {exponentials} / {_row_sums(code, exponentials)}",
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        u, h, weighed = code.upstream, code.output, code.kept("weighed")
        return [
            f"{weighed} = {u} * {h}",
            f"{code.result} = ({u} - {_row_sums(code, weighed)}) * {h}",
        ]


def _place(element: Element, unit: str) -> str:
    """Return the place of another element of the same row."""
    return ",".join([*map(str, element.index[1:-1]), unit])


def _row_sums(code: NumpyCode, array: str) -> str:
    """Return the sum of each row as an expression: a product with ones, as the rule has it."""
    *axes, width = code.output_shape[1:]
    ones = f"np.ones({width}, {array}.dtype)"
    if not axes:
        return f"({array} @ {ones})[:, None]"
    return f"({array}.reshape(-1, {width}) @ {ones}).reshape(-1, {', '.join(map(str, axes))}, 1)"
