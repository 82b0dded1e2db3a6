"""The kinds of activations: any, of each element alone, and with a corner at 0.

Where a number came from goes by the slope sigma'(z). It is held against what it should be: against a central
difference. Where it is wrong, the explanation goes on with the right one, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.number_words import number_latex, plugged, told_apart
from visualbp.core.options import Option
from visualbp.operations.activations.equations import ActivationEquations
from visualbp.operations.base import Emitter, IterationContext, evaluate
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import Symbol
from visualbp.operations.terms import Draft, Element, one_term
from visualbp.operations.words import ShapeTexts, Told, Words

SLOPE_TOLERANCE = 1e-4
"""How far, relative to it, a slope may be from its central difference beyond what rounding and curvature explain."""

EPSILON = float(np.finfo(np.float64).eps)

MARGIN = 8.0
"""An error that was measured at a few places is taken this many times: at another it may be larger."""

_NO_ITERATION = IterationContext()


class Activation(ActivationEquations):
    """An activation with the options of its entry. Options are attributes: `slope`, `alpha`."""

    label: ClassVar[str] = ""
    description: ClassVar[str] = ""
    options: ClassVar[tuple[Option, ...]] = ()
    operands = ("z",)

    def __init__(self, **options: Any) -> None:
        self.option_values = options

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.type_name

    def sentence(self, words: Words) -> str:
        return f"{words.layer} applies {self.label} to {words.sources[0]}: {words.result}."


@dataclass(frozen=True)
class Slope:
    """sigma'(z) as it should be, how it is written, where it comes from, and what is wrong with the rule that ran."""

    number: float
    formula: str
    source: str = ""
    doubt: str = ""


class Elementwise(Activation):
    """An activation of each element alone, so that its Jacobian is diagonal: delta = upstream * sigma'(z)."""

    plain: ClassVar[str] = ""
    """sigma(z) in plain text with `{}` in the place of z, `max(0, {})`; its label applied to z if empty."""
    flat_up_to: ClassVar[float | None] = None
    """Up to here the function is 0, and so is its slope: 0 of ReLU."""
    numpy_function: ClassVar[str] = ""
    """sigma(z) as an expression of NumPy, where `{z}` is what it is applied to, and options are put in by their names:
    `{slope}`."""
    numpy_slope: ClassVar[str] = ""
    """sigma'(z) likewise, in `{z}` and `{h}`, so that it can stand at the end of a product."""

    def function(self, emit: Emitter, z: Array, h: Array) -> None:
        """Emit h = sigma(z)."""
        raise TypeError(f"{self.type_name} has no rule")

    def derivative(self, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        """Emit result = sigma'(z)."""
        raise TypeError(f"{self.type_name} has no derivative")

    def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
        self.function(emit, inputs[0], output)

    def vjp(
        self, emit: Emitter, operand: int, upstream: Array, inputs: Sequence[Array], output: Array, result: Array
    ) -> None:
        self.derivative(emit, inputs[0], output, result)
        emit(np.multiply, upstream, result, result)

    def jvp(self, tangents: Sequence[Array | None], inputs: Sequence[Array], output: Array) -> Array:
        tangent = tangents[0]
        return np.zeros_like(output) if tangent is None else self._slopes(inputs[0], output) * tangent

    def _slopes(self, z: Array, h: Array) -> Array:
        """Return sigma'(z) by the activation's own rule."""
        slopes = np.zeros_like(h)
        with np.errstate(all="ignore"):
            self.derivative(Emitter(_NO_ITERATION, h.dtype, eager=True), z, h, slopes)
        return slopes

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        return rf"{result} = {upstream} \odot \sigma'\left({operands[0]}\right)" + self.slope_text()

    def vjp_sentence(self, words: Words) -> str:
        return f"times the slope of {self.label} at {words.source} is {words.result}"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        return f"=  {shapes.upstream} * {shapes.operands[0]}"

    # -- where each number came from ---------------------------------------------------------------------------------

    def terms(self, element: Element) -> Draft:
        index = element.index
        z, h = float(element.array(0)[index]), float(element.output_array()[index])
        symbol = self.written_out(element.input_symbol(0, index))
        factor = element.derived(h, symbol, 0, index, f"{self.label} of z", self.in_numbers(z, h))
        factor = factor.called("activation").as_function(self.plain_function, z)
        numbers = self.written_out(number_latex(z))
        note = self._why_zero(z) if h == 0 else ""
        return Draft(symbol, f"{self.label} of its z", [one_term(factor)], note, numbers=numbers)

    def vjp_terms(self, element: Element) -> Draft:
        index = element.index
        upstream = element.upstream(index)
        z, h = float(element.array(0)[index]), float(element.output_array()[index])
        found = self.right_slope(z, h, element.precision)
        local = element.derived(
            found.number,
            rf"\sigma'\left({element.input_symbol(0, index)}\right)",
            0,
            index,
            f"slope of {self.label} at z{found.source}",
            found.formula,
        )
        return Draft(
            rf"{upstream.symbol} \cdot {local.symbol}",
            f"upstream x local: what comes back to h, times the slope of {self.label} at z",
            [one_term(upstream, local.called("slope").as_function(self.plain_slope, z))],
            found.doubt or (self._why_no_slope(z) if found.number == 0 else ""),
        )

    @property
    def plain_function(self) -> str:
        """sigma(z) in plain text, with `{}` in the place of z."""
        return self.plain or f"{self.label}({{}})"

    @property
    def plain_slope(self) -> str:
        """sigma'(z) likewise: `tanh'({})`."""
        return f"{self.plain.partition('(')[0] if self.plain.endswith('({})') else self.label}'({{}})"

    @property
    def glossary(self) -> Mapping[str, str]:  # type: ignore[override]
        """The words of the notes: they say no number but those that stand in them."""
        phrases = ("because", "is not above", "where", "is", self.label, "is flat", "nothing goes back", "this unit")
        return dict.fromkeys((*phrases, "through", "at z"), "")

    def _why_zero(self, z: float) -> str:
        """Return why the function is 0 at z, where that is for a whole range of z."""
        limit = self.flat_up_to
        if limit is None or z > limit:
            return ""
        text = f"0 because z = {{here}} is not above {{limit}}, where {self.label} is 0"
        return Told(text, "here == z[at] and z[at] <= limit and result == 0", here=z, limit=limit)

    def _why_no_slope(self, z: float) -> str:
        nothing, limit = "nothing goes back through this unit", self.flat_up_to
        if limit is not None and z <= limit:
            text = f"0 because z = {{here}} is not above {{limit}}, where {self.label} is flat: {nothing}"
            return Told(text, "here == z[at] and z[at] <= limit and result == 0", here=z, limit=limit)
        text = f"0 because {self.label} is flat at z = {{here}}: {nothing}"
        return Told(text, "here == z[at] and result == 0", here=z)

    def written_out(self, z: str) -> str:
        """Return the function of z in LaTeX, by its name or in full; z may be a symbol or a number."""
        return self.right_hand_side([Symbol(z)])

    def in_numbers(self, z: float, h: float) -> str:
        """Return what the function is in full, in numbers."""
        return plugged(self.formula, z, h)

    def slope_at(self, z: float, h: float, precision: str = "float64") -> float:
        """Return sigma'(z) by the activation's own rule, in that precision: 1 - h^2 is all rounding where it
        saturates."""
        return float(self._slopes(np.array([z], precision), np.array([h], precision))[0])

    def right_slope(self, z: float, h: float, precision: str = "float64") -> Slope:
        """Return sigma'(z): by the activation's own rule, unless that is wrong."""
        rule, formula = self.slope_at(z, h, precision), self.derivative_formula
        right = Slope(rule, f"{formula} = {plugged(formula, z, h)}")
        near, far = self._central_difference(z, 1.0), self._central_difference(z, 2.0)
        if near is None or far is None:
            return right
        at = float(evaluate(self, [np.array([z])]).output[0])
        judged = self.slope_at(z, at)  # with all digits, whatever the network's precision is
        error = MARGIN * (abs(near - far) + EPSILON * max(1.0, abs(at)) / _nudge(z))
        if not abs(near - judged) > SLOPE_TOLERANCE * abs(judged) + error:
            return right
        gives, differs = told_apart(judged, near)
        doubt = f"the rule for the slope gives {gives}, a central difference {differs}: that rule is wrong"
        return Slope(near, number_latex(near), ", by a central difference", doubt)

    def _central_difference(self, z: float, times: float) -> float | None:
        """Return the slope between two points around z, or None where there is a corner in between."""
        nudge = _nudge(z) * times
        points = np.array([z - nudge, z, z + nudge])
        if self.has_corner(points):
            return None
        done = evaluate(self, [points]).output
        with np.errstate(all="ignore"):
            return float((done[2] - done[0]) / (points[2] - points[0]))

    def has_corner(self, points: Array) -> bool:
        """Return whether points lie on different pieces of the function."""
        branch = self.branch([points], evaluate(self, [points]).output)
        return branch is not None and not np.all(branch == branch[0])

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.output} = {self._filled_in(self.numpy_function, code)}"]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        return [f"{code.result} = {code.upstream} * {self._filled_in(self.numpy_slope, code)}"]

    def _filled_in(self, expression: str, code: NumpyCode) -> str:
        if not expression:
            raise TypeError(f"{self.type_name} has no lines of NumPy")
        return expression.format(z=code.operands[0], h=code.output, **self.option_values)


class Piecewise(Elementwise):
    """An activation with a corner at 0: which side each element is on decides whether a finite difference holds."""

    def branch(self, inputs: Sequence[Array], output: Array) -> Array | None:
        return inputs[0] > 0


def _nudge(z: float) -> float:
    return 1e-5 * max(1.0, abs(z))
