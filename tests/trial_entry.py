"""A layer that is in no registry, and that no test knows by name: to try on it what a new entry is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.layers.base import LayerType, Options, ShapeError
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import Draft, Element, Factor, one_term
from visualbp.operations.words import Saying, ShapeTexts, Told

GATE, FRESH, OLD = range(3)


class Blend(Operation):
    """y = gate * fresh + (1 - gate) * old, element by element; all of them of one shape."""

    name = "blend"
    operands = ("gate", "fresh", "old")

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        gate, fresh, old = inputs
        rest = emit.memory("rest", output.shape)
        emit(np.subtract, emit.constant(1.0), gate, rest)
        emit(np.multiply, rest, old, rest)
        emit(np.multiply, gate, fresh, output)
        emit(np.add, output, rest, output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        gate, fresh, old = inputs
        match self.operand_name(operand):
            case "gate":
                emit(np.subtract, fresh, old, result)
                emit(np.multiply, upstream, result, result)
            case "fresh":
                emit(np.multiply, upstream, gate, result)
            case _:
                emit(np.subtract, emit.constant(1.0), gate, result)
                emit(np.multiply, upstream, result, result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        gate, fresh, old = inputs
        slopes = (fresh - old, gate, 1.0 - gate)
        parts = [tangent * slope for tangent, slope in zip(tangents, slopes, strict=True) if tangent is not None]
        return np.sum(parts or [np.zeros_like(output)], axis=0)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 2 * size_of(output)

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return size_of(output)

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        gate, fresh, old = operands
        return rf"{gate} \odot {fresh} + \left(1 - {gate}\right) \odot {old}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        gate, fresh, old = operands
        local = (rf"\left({fresh} - {old}\right)", gate, rf"\left(1 - {gate}\right)")[operand]
        return rf"{result} = {upstream} \odot {local}"

    # -- in words ----------------------------------------------------------------------------------------------------

    saying = Saying(
        "{layer} takes {gate} times {fresh}, and 1 minus it times {old}.", "output == gate * fresh + (1 - gate) * old"
    )
    vjp_sayings: ClassVar[Mapping[str, Saying]] = {
        "gate": Saying("times {fresh} minus {old} goes back to {gate}", "result == upstream * (fresh - old)"),
        "fresh": Saying("times {gate} goes back to {fresh}", "result == upstream * gate"),
        "old": Saying("times 1 minus {gate} goes back to {old}", "result == upstream * (1 - gate)"),
    }
    glossary: ClassVar[Mapping[str, str]] = {
        **{"takes": "", "it": "gate", "goes back": "", "one": "", "how far": "", "lies from": "-", "let through": ""},
        **{"new part": "gate fresh", "old part": "old"},
    }

    def shapes_text(self, shapes: ShapeTexts) -> str:
        gate, fresh, old = shapes.operands
        return f"=  {gate} * {fresh} + (1 - {gate}) * {old}"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        return Told("=  {upstream} let through {gate}", "result == upstream == gate", **self._shapes(shapes))

    @staticmethod
    def _shapes(shapes: ShapeTexts) -> dict[str, object]:
        return {"upstream": shapes.upstream, "gate": shapes.operands[GATE]}

    # -- where each number came from ---------------------------------------------------------------------------------

    def _rest(self, element: Element) -> Factor:
        gate = element.input(GATE, element.index)
        words = Told("1 minus the gate", "number == 1 - gate")
        return element.derived(1.0 - gate.number, rf"\left(1 - {gate.symbol}\right)", GATE, element.index, words)

    def terms(self, element: Element) -> Draft:
        gate, fresh, old = (element.input(operand, element.index) for operand in range(3))
        return Draft(
            rf"{gate.symbol} \cdot {fresh.symbol} + \left(1 - {gate.symbol}\right) \cdot {old.symbol}",
            Told("the gate times the fresh one, and 1 minus the gate times the old one", self.saying.claim),
            [one_term(gate, fresh, label="new part"), one_term(self._rest(element), old, label="old part")],
        )

    def vjp_terms(self, element: Element) -> Draft:
        name, upstream = self.operand_name(element.operand), element.upstream(element.index)
        claim = self.vjp_sayings[name].claim
        if name == "gate":
            fresh, old = (element.input(operand, element.index) for operand in (FRESH, OLD))
            words = Told("minus old", "number == -old")
            minus = element.derived(-old.number, f"-{old.symbol}", OLD, element.index, words)
            return Draft(
                rf"{upstream.symbol} \cdot \left({fresh.symbol} - {old.symbol}\right)",
                Told("upstream x local: what comes back, times how far fresh lies from old", claim),
                [one_term(upstream, fresh), one_term(upstream, minus)],
            )
        local = element.input(GATE, element.index) if name == "fresh" else self._rest(element)
        words = "the gate" if name == "fresh" else "1 minus the gate"
        rule = Told(f"upstream x local: what comes back, times {words}", claim)
        return Draft(rf"{upstream.symbol} \cdot {local.symbol}", rule, [one_term(upstream, local)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        gate, fresh, old = code.operands
        return [f"{code.output} = {gate} * {fresh} + (1.0 - {gate}) * {old}"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        gate, fresh, old = code.operands
        local = (f"({fresh} - {old})", gate, f"(1.0 - {gate})")[code.operand]
        return [f"{code.result} = {code.upstream} * {local}"]


class BlendLayer(LayerType):
    """Three values of one shape: the first says how much of the second is taken, and for the rest the third."""

    family, category = "combine", "Combine"
    type_name, label, icon = "blend", "Blend", "layer_add"
    description = "Blends two values by a third."
    fewest_inputs, most_inputs = 3, 3

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        if len(set(inputs)) > 1:
            raise ShapeError("takes values of one shape", "give all of them the same shape")
        return inputs[0]

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        h = Ref(name, "h")
        return Lowering((Node(name, Blend(), tuple(inputs), h),), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        gate, fresh, old = context.inputs
        return LayerCode(f"{gate} * {fresh} + (1 - {gate}) * {old}")
