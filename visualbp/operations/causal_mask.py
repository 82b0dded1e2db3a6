"""The causal mask of attention: no position sees what comes after it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.operations.base import Emitter, Operation
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import Draft, Element, constant, one_term
from visualbp.operations.words import Saying, Told


class CausalMask(Operation):
    """The scores (B, heads, T, T) of positions up to one's own; -inf for the positions after it.

    The softmax then gives these exactly 0, whatever the scores, and nothing goes back through them.
    """

    name = "mask"
    operands = ("scores",)
    minus_infinity_is_meant = True

    @staticmethod
    def closed(scores: Array) -> Array:
        """Return which pairs (T, T) of query and key are masked: those whose key comes after the query."""
        return np.triu(np.ones(scores.shape[-2:], bool), 1)

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        emit(np.copyto, output, inputs[0])
        emit(np.copyto, output, emit.constant(-math.inf), "same_kind", self.closed(output))

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        emit(np.copyto, result, upstream)
        emit(np.copyto, result, emit.constant(0.0), "same_kind", self.closed(result))

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        if tangent is None:
            return np.zeros_like(output)
        return np.where(self.closed(output), np.zeros((), output.dtype), tangent)

    def multiplications(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def vjp_multiplications(self, operand: int, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        places = ("a", "i", "j")
        return rf"{output.at(*places)} = {operands[0].at(*places)} \text{{ if }} j \le i \text{{ else }} -\infty"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        places = ("a", "i", "j")
        return rf"{result.at(*places)} = {upstream.at(*places)} \text{{ if }} j \le i \text{{ else }} 0"

    # -- in words ----------------------------------------------------------------------------------------------------

    saying = Saying(
        "{layer} closes the scores of all positions that come later: no position sees what follows it.",
        "output == scores - np.triu(np.full(scores.shape, np.inf), 1)",
    )
    vjp_sayings: ClassVar[Mapping[str, Saying]] = {
        "scores": Saying(
            "goes back to {scores} where the pair is open, and is 0 elsewhere",
            "result == np.where(np.tri(scores.shape[-1]) > 0, upstream, 0)",
        )
    }

    glossary: ClassVar[Mapping[str, str]] = {
        **{
            "infinity": "inf",
            "the mask": "- inf",
            "its score": "scores",
            "goes back": "=",
            "the softmax makes 0": "at[-1] > at[-2]",
        },
        **{"it may look at itself and back": "at[-1] <= at[-2]", "the pair is open": "at[-1] <= at[-2]"},
        **{"closes": "", "positions that come later": "- triu full inf", "all": ""},
        **dict.fromkeys(
            (
                "no position sees what follows",
                "position",
                "comes after",
                "must not see",
                "made no difference",
                "where",
                ", and is 0 elsewhere",
            ),
            "",
        ),
        **{"closed": "at[-1] > at[-2]", "closed place": "at[-1] > at[-2]"},
    }

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        asking, asked = element.index[-2:]
        if asked > asking:
            note = Told(
                "closed: position {asked} comes after position {asking}, which must not see it",
                "asked == at[-1] and asking == at[-2] and asked > asking",
                asked=asked,
                asking=asking,
            )
            closed = one_term(constant(-math.inf, r"-\infty", Told("the mask", "number == -np.inf")), label="closed")
            rule = Told("minus infinity, of which the softmax makes 0", "output == -np.inf")
            return Draft(r"-\infty", rule, [closed], note)
        factor = element.input(0, element.index)
        rule = Told("its score, unchanged: it may look at itself and back", "output == scores")
        return Draft(factor.symbol, rule, [one_term(factor)])

    def vjp_terms(self, element: Element) -> Draft:
        asking, asked = element.index[-2:]
        if asked > asking:
            rule = Told("0 at a closed place", "result == 0")
            return Draft("0", rule, [], Told("closed by the mask: its score made no difference", "result == 0"))
        upstream = element.upstream(element.index)
        rule = Told("what comes back, unchanged: the pair is open", "result == upstream")
        return Draft(upstream.symbol, rule, [one_term(upstream)])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        return self._where_closed(code.output, "-np.inf", code.operands[0], code)

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return self._where_closed(code.result, "0.0", code.upstream, code)

    @staticmethod
    def _where_closed(result: str, closed: str, otherwise: str, code: NumpyCode) -> list[str]:
        pairs = f"np.ones({code.output_shape[-2:]}, bool)"
        return [f"{result} = np.where(np.triu({pairs}, 1), {closed}, {otherwise})  # closed: a later position"]
