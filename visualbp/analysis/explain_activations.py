"""How single numbers come about in activations, those that a person has typed included.

A slope is held against what it should be: a typed derivative against the one derived from its expression, any other
against a central difference. Where it is wrong, the explanation goes on with the right one, and says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visualbp.analysis.explain_element import Element, explains, right_hand_side
from visualbp.core.arrays import Array
from visualbp.core.differentiation import derivative
from visualbp.core.expressions import Expression, latex
from visualbp.core.expressions import evaluate as value_of
from visualbp.core.number_words import number_latex, plugged, told_apart
from visualbp.operations.activations import Activation, Elementwise, Softmax
from visualbp.operations.base import Emitter, IterationContext, Operation, evaluate
from visualbp.operations.custom import LONGEST_LATEX, Custom
from visualbp.operations.terms import Block, Draft, Factor, constant, one_term

SLOPE_TOLERANCE = 1e-4
"""How far, relative to it, a slope may be from its central difference beyond what rounding and curvature explain."""

TYPED_TOLERANCE = 1e-6
"""How far, relative to it, a typed derivative may be from the derived one beyond what rounding explains: people type
constants with few digits."""

EPSILON = float(np.finfo(np.float64).eps)

MARGIN = 8.0
"""An error that was measured at a few places is taken this many times: at another it may be larger."""

CORNER = 1e-9
"""How close to a corner either side's slope will do."""


def _elementwise_forward(element: Element) -> Draft:
    operation = element.node.operation
    z = float(element.array(0)[element.index])
    h = float(element.past.array(element.node.output, element.step.index + 1)[element.index])
    symbol = _applied(operation, element.input_symbol(0, element.index))
    numbers = _applied(operation, number_latex(z))
    label = operation.label if isinstance(operation, Activation) else operation.name
    factor = element.derived(h, symbol, 0, element.index, f"{label} of z", _formula(operation, z, h))
    return Draft(symbol, f"{label} of its z", [one_term(factor)], numbers=numbers)


def _applied(operation: Operation, z: str) -> str:
    """Return the function of z in LaTeX: what was typed is written out."""
    typed = latex(operation.expression, z, LONGEST_LATEX) if isinstance(operation, Custom) else None
    return typed or right_hand_side(operation, z)


def _formula(operation: object, z: float, h: float) -> str:
    if isinstance(operation, Custom):
        return _plugged_expression(operation.expression, z) or plugged(operation.formula, z, h)
    return plugged(operation.formula, z, h) if isinstance(operation, Activation) else ""


def _plugged_expression(expression: Expression, z: float) -> str:
    """Return an expression with z in place of x, or nothing where that is too long to read."""
    return latex(expression, number_latex(z), LONGEST_LATEX) or ""


# -- slopes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slope:
    """sigma'(z) as it should be, how it is written, where it comes from, and what is wrong with the rule that ran."""

    number: float
    formula: str
    source: str = ""
    doubt: str = ""


def slope(operation: Elementwise, z: float, h: float, precision: str = "float64") -> float:
    """Return sigma'(z) by the activation's own rule, in that precision: 1 - h^2 is all rounding where it saturates."""
    at, value, result = np.array([z], precision), np.array([h], precision), np.zeros(1, precision)
    with np.errstate(all="ignore"):
        operation.derivative(Emitter(IterationContext(), at.dtype, eager=True), at, value, result)
    return float(result[0])


def right_slope(operation: Elementwise, z: float, h: float, precision: str = "float64") -> Slope:
    """Return sigma'(z): by the activation's own rule, unless that is wrong."""
    if isinstance(operation, Custom):
        return _slope_of_custom(operation, z, h, precision)
    rule, formula = slope(operation, z, h, precision), operation.derivative_formula
    right = Slope(rule, f"{formula} = {plugged(formula, z, h)}")
    near, far = _central_difference(operation, z, 1.0), _central_difference(operation, z, 2.0)
    if near is None or far is None:
        return right
    at = float(evaluate(operation, [np.array([z])]).output[0])
    judged = slope(operation, z, at)  # with all digits, whatever the network's precision is
    error = MARGIN * (abs(near - far) + EPSILON * max(1.0, abs(at)) / _nudge(z))
    if not abs(near - judged) > SLOPE_TOLERANCE * abs(judged) + error:
        return right
    gives, differs = told_apart(judged, near)
    doubt = f"the rule for the slope gives {gives}, a central difference {differs}: that rule is wrong"
    return Slope(near, number_latex(near), ", by a central difference", doubt)


def _nudge(z: float) -> float:
    return 1e-5 * max(1.0, abs(z))


def _central_difference(operation: Elementwise, z: float, times: float) -> float | None:
    """Return the slope between two points around z, or None where there is a corner in between."""
    nudge = _nudge(z) * times
    points = np.array([z - nudge, z, z + nudge])
    if _has_corner(operation, points):
        return None
    done = evaluate(operation, [points]).output
    with np.errstate(all="ignore"):
        return float((done[2] - done[0]) / (points[2] - points[0]))


def _has_corner(operation: Elementwise, points: Array) -> bool:
    branch = operation.branch([points], evaluate(operation, [points]).output)
    return branch is not None and not np.all(branch == branch[0])


def _slope_of_custom(operation: Custom, z: float, h: float, precision: str) -> Slope:
    """A derivative that was typed is held against the one derived from the expression; a corner has none."""
    rule, derived = slope(operation, z, h), derivative(operation.expression)
    right = float(value_of(derived, np.array([z]))[0])
    nudge = CORNER * max(1.0, abs(z))
    rounding = MARGIN * (_rounding_of(operation.slope, z) + _rounding_of(derived, z))
    close = abs(right - rule) <= TYPED_TOLERANCE * max(abs(right), abs(rule)) + rounding
    if math.isfinite(right) and not close and not _has_corner(operation, np.array([z - nudge, z, z + nudge])):
        typed, differs = told_apart(rule, right)
        doubt = f"the typed derivative gives {typed}, and the derivative of the function is {differs}"
        return Slope(right, _slope_formula(derived, z), ", derived from the function", doubt)
    source = ", as typed" if operation.option_values["derivative"] else ", derived from the function"
    return Slope(slope(operation, z, h, precision), _slope_formula(operation.slope, z), source)


def _rounding_of(expression: Expression, z: float) -> float:
    """Return how far rounding takes the value of an expression: against one with more digits, and by z's own last one.

    What is not finite counts as 0: it is not rounding.
    """
    points = z * (1.0 + EPSILON * np.array([0.0, -1.0, 1.0, 2.0]))
    plain, precise = value_of(expression, points), value_of(expression, points.astype(np.longdouble))
    with np.errstate(all="ignore"):
        errors = np.abs(np.concatenate([plain - precise, precise - precise[0]])).astype(np.float64)
    return float(np.nan_to_num(errors, nan=0.0, posinf=0.0).max())


def _slope_formula(expression: Expression, z: float) -> str:
    """Return f'(z) in letters and in numbers, as far as they are short enough to read."""
    letters, numbers = latex(expression, "z", LONGEST_LATEX), _plugged_expression(expression, z)
    return " = ".join(part for part in ("f'(z)", letters, numbers) if part)


def _elementwise_backward(element: Element) -> Draft:
    operation = element.node.operation
    if not isinstance(operation, Elementwise):
        raise TypeError(f"{operation.name} does not work on each element alone")
    upstream = element.upstream(element.index)
    z, h = float(element.array(0)[element.index]), element.output(element.index).number
    found = right_slope(operation, z, h, element.past.plan.network.precision)
    local = element.derived(
        found.number,
        rf"\sigma'\left({element.input_symbol(0, element.index)}\right)",
        0,
        element.index,
        f"slope of {operation.label} at z{found.source}",
        found.formula,
    )
    return Draft(
        rf"{upstream.symbol} \cdot {local.symbol}",
        f"upstream x local: what comes back to h, times the slope of {operation.label} at z",
        [one_term(upstream, local)],
        found.doubt,
    )


explains(Elementwise, _elementwise_forward, _elementwise_backward)


# -- softmax ---------------------------------------------------------------------------------------------------------


def _place(element: Element, unit: str) -> str:
    """Return the place of another element of the same row."""
    return ",".join([*map(str, element.index[1:-1]), unit])


def _member(element: Element, j: int) -> str:
    return f"position {j}" if len(element.index) > 3 else f"class {j}"


def _softmax_forward(element: Element) -> Draft:
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
                element.derived(shifted[unit], rf"e^{{{z} - \max z}}", 0, element.index, "exponential of z"),
                constant(
                    share, rf"\frac{{1}}{{\sum_j e^{{{all_z} - \max z}}}}", "one over the sum of the exponentials"
                ),
            )
        ],
    )


def _softmax_backward(element: Element) -> Draft:
    *leading, unit = element.index
    row = tuple(leading)
    h = element.past.array(element.node.output, element.step.index)[row].astype(np.float64)
    upstream = element.past.upstream(element.step)[row]
    jacobian = h * ((np.arange(len(h)) == unit) - h[unit])

    def factors(j: int) -> tuple[Factor, ...]:
        h_symbol, z_symbol = element.symbol(element.node.output, (*row, j)), element.input_symbol(0, element.index)
        local = element.derived(
            jacobian[j],
            rf"\frac{{\partial {h_symbol}}}{{\partial {z_symbol}}}",
            0,
            element.index,
            f"derivative of h {j} by z {unit}",
            f"h_{{{j}}} (1 - h_{{{j}}})" if j == unit else f"-h_{{{unit}}} h_{{{j}}}",
        )
        return element.upstream((*row, j)), local

    z, others = element.input_symbol(0, element.index), element.indexed_output(_place(element, "j"))
    return Draft(
        rf"\sum_{{j}} {element.indexed_upstream(_place(element, 'j'))} \,"
        rf" \frac{{\partial {others}}}{{\partial {z}}}",
        "upstream x local, over the whole row: each h depends on every z",
        [Block(upstream * jacobian, factors, lambda j: _member(element, j))],
    )


explains(Softmax, _softmax_forward, _softmax_backward)
