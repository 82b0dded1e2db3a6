"""How single numbers come about in each operation: forward, and on the way back as upstream x local."""

from __future__ import annotations

import numpy as np

from visualbp.analysis.explain_record import Block, Draft, Factor, constant, one_term
from visualbp.analysis.explain_rules import Element, explains, right_hand_side
from visualbp.analysis.explain_words import Index, number_latex, plain, plugged, row_text, unraveled
from visualbp.operations.activations import Activation, Elementwise, Softmax
from visualbp.operations.affine import Affine
from visualbp.operations.base import Emitter, IterationContext, evaluate
from visualbp.operations.combination import Add, Concatenate, Flatten, Multiply
from visualbp.operations.dropout import Dropout

SLOPE_TOLERANCE = 1e-4
"""How far a slope may be from its central difference: far above the difference's error, far below a wrong rule's."""


# -- affine ----------------------------------------------------------------------------------------------------------


def _affine_forward(element: Element) -> Draft:
    """z_j = sum over i of W_ji x_i, + b_j."""
    *leading, unit = element.index
    row = tuple(leading)
    x, weight = element.array(0)[row], element.array(1)[unit]
    blocks = [
        Block(
            weight.astype(np.float64) * x,
            lambda i: (element.input(1, (unit, i)), element.input(0, (*row, i))),
            lambda i: f"input {i}",
        )
    ]
    formula = rf"\sum_{{i}} {element.indexed(1, f'{unit},i')} \, {element.indexed(0, 'i')}"
    rule = "the inputs, each times its weight, added up"
    if len(element.node.operands) > 2:
        blocks.append(one_term(element.input(2, (unit,)), label="bias"))
        formula += f" + {element.input_symbol(2, (unit,))}"
        rule += ", and the bias"
    return Draft(formula, rule, blocks)


def _affine_backward(element: Element) -> Draft:
    name = element.node.operation.operand_name(element.operand)
    delta = element.past.upstream(element.step)
    if name == "x":
        *leading, column = element.index
        row = tuple(leading)
        weight = element.array(1)[:, column]
        return Draft(
            rf"\sum_{{k}} {element.indexed(1, f'k,{column}')} \, {element.indexed_upstream('k')}",
            "the error signals of the units that it feeds, each times the weight in between, added up",
            [
                Block(
                    weight.astype(np.float64) * delta[row],
                    lambda k: (element.input(1, (k, column)), element.upstream((*row, k))),
                    lambda k: f"unit {k}",
                )
            ],
        )
    unit = element.index[0]
    rows = delta.shape[:-1]
    signals = delta[..., unit].reshape(-1).astype(np.float64)

    def row_of(i: int) -> Index:
        return unraveled(i, rows)

    delta_unit = element.indexed_upstream(str(unit))
    if name == "bias":
        return Draft(
            rf"\sum_{{\text{{samples}}}} {delta_unit}",
            "the error signal of its unit, summed over the batch (the mean's 1/B is in it already)",
            [Block(signals, lambda i: (element.upstream((*row_of(i), unit)),), lambda i: row_text(row_of(i)))],
        )
    column = element.index[1]
    x = element.array(0)[..., column].reshape(-1)
    return Draft(
        rf"\sum_{{\text{{samples}}}} {delta_unit} \, {element.indexed(0, str(column))}",
        "upstream x local: the error signal of its unit, times what came in through it, summed over the batch",
        [
            Block(
                signals * x,
                lambda i: (element.upstream((*row_of(i), unit)), element.input(0, (*row_of(i), column))),
                lambda i: row_text(row_of(i)),
            )
        ],
    )


explains(Affine, _affine_forward, _affine_backward)


# -- activations -----------------------------------------------------------------------------------------------------


def _elementwise_forward(element: Element) -> Draft:
    operation = element.node.operation
    z = float(element.array(0)[element.index])
    h = float(element.past.array(element.node.output, element.step.index + 1)[element.index])
    symbol = right_hand_side(operation, element.input_symbol(0, element.index))
    numbers = right_hand_side(operation, number_latex(z))
    label = operation.label if isinstance(operation, Activation) else operation.name
    formula = operation.formula if isinstance(operation, Activation) else ""
    factor = element.derived(h, symbol, 0, element.index, f"{label} of z", plugged(formula, z, h))
    return Draft(symbol, f"{label} of its z", [one_term(factor)], numbers=numbers)


def slope(operation: Elementwise, z: float, h: float) -> float:
    """Return sigma'(z) by the activation's own rule."""
    at, value, result = np.array([z]), np.array([h]), np.zeros(1)
    with np.errstate(all="ignore"):
        operation.derivative(Emitter(IterationContext(), at.dtype, eager=True), at, value, result)
    return float(result[0])


def _doubt(operation: Elementwise, z: float, rule: float) -> str:
    """Return what is wrong with sigma'(z) if a central difference of sigma does not give it; a corner has none."""
    nudge = 1e-5 * max(1.0, abs(z))
    points = np.array([z - nudge, z, z + nudge])
    done = evaluate(operation, [points])
    branch = operation.branch(done.inputs, done.output)
    if branch is not None and not np.all(branch == branch[0]):
        return ""
    measured = float(done.output[2] - done.output[0]) / (points[2] - points[0])
    if not abs(measured - rule) > SLOPE_TOLERANCE * max(1.0, abs(rule)):
        return ""
    return f"the rule for the slope gives {plain(rule)}, a central difference {plain(measured)}: that rule is wrong"


def _elementwise_backward(element: Element) -> Draft:
    operation = element.node.operation
    if not isinstance(operation, Elementwise):
        raise TypeError(f"{operation.name} does not work on each element alone")
    upstream = element.upstream(element.index)
    z, h = float(element.array(0)[element.index]), element.output(element.index).number
    number, formula = slope(operation, z, h), operation.derivative_formula
    local = element.derived(
        number,
        rf"\sigma'\left({element.input_symbol(0, element.index)}\right)",
        0,
        element.index,
        f"slope of {operation.label} at z",
        f"{formula} = {plugged(formula, z, h)}",
    )
    return Draft(
        rf"{upstream.symbol} \cdot {local.symbol}",
        f"upstream x local: what comes back to h, times the slope of {operation.label} at z",
        [one_term(upstream, local)],
        _doubt(operation, z, number),
    )


explains(Elementwise, _elementwise_forward, _elementwise_backward)


def _softmax_forward(element: Element) -> Draft:
    *leading, unit = element.index
    scores = element.array(0)[tuple(leading)].astype(np.float64)
    with np.errstate(all="ignore"):
        shifted = np.exp(scores - scores.max())
        share = 1.0 / float(shifted.sum())
    z = element.input_symbol(0, element.index)
    return Draft(
        rf"\frac{{e^{{{z}}}}}{{\sum_j e^{{z_j}}}}",
        "its exponential, over the sum of all exponentials of the sample; all z are lowered by the largest of them,"
        " which changes nothing",
        [
            one_term(
                element.derived(shifted[unit], rf"e^{{{z} - \max z}}", 0, element.index, "exponential of z"),
                constant(share, r"\frac{1}{\sum_j e^{z_j - \max z}}", "one over the sum of the exponentials"),
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

    z = element.input_symbol(0, element.index)
    return Draft(
        rf"\sum_{{j}} {element.indexed_upstream('j')} \, \frac{{\partial h_j}}{{\partial {z}}}",
        "upstream x local, over all classes: each h depends on every z",
        [Block(upstream * jacobian, factors, lambda j: f"class {j}")],
    )


explains(Softmax, _softmax_forward, _softmax_backward)


# -- what joins values or lays them out anew -------------------------------------------------------------------------


def _labels(element: Element) -> list[str]:
    return [f"from {value.layer}" for value in element.node.operands]


def _add_forward(element: Element) -> Draft:
    factors = [element.input(place, element.index) for place in range(len(element.node.operands))]
    blocks = [one_term(factor, label=label) for factor, label in zip(factors, _labels(element), strict=True)]
    return Draft(" + ".join(factor.symbol for factor in factors), "its inputs, added up", blocks)


def _passes_on(element: Element) -> Draft:
    upstream = element.upstream(element.index)
    return Draft(upstream.symbol, "what comes back, unchanged: the local derivative is 1", [one_term(upstream)])


explains(Add, _add_forward, _passes_on)


def _multiply_forward(element: Element) -> Draft:
    factors = [element.input(place, element.index) for place in range(len(element.node.operands))]
    return Draft(r" \cdot ".join(factor.symbol for factor in factors), "its inputs, multiplied", [one_term(*factors)])


def _multiply_backward(element: Element) -> Draft:
    others = [place for place in range(len(element.node.operands)) if place != element.operand]
    factors = [element.upstream(element.index), *(element.input(place, element.index) for place in others)]
    return Draft(
        r" \cdot ".join(factor.symbol for factor in factors),
        "upstream x local: what comes back, times the other inputs",
        [one_term(*factors)],
    )


explains(Multiply, _multiply_forward, _multiply_backward)


def _concatenate_forward(element: Element) -> Draft:
    sample, place, *rest = element.index
    operand = 0
    while place >= (width := element.array(operand).shape[1]):
        place -= width
        operand += 1
    factor = element.input(operand, (sample, place, *rest))
    words = f"taken over from {element.node.operands[operand].layer}"
    return Draft(factor.symbol, words, [one_term(factor, label=_labels(element)[operand])])


def _concatenate_backward(element: Element) -> Draft:
    sample, place, *rest = element.index
    before = sum(element.array(operand).shape[1] for operand in range(element.operand))
    upstream = element.upstream((sample, place + before, *rest))
    return Draft(upstream.symbol, "its own part of what comes back, unchanged", [one_term(upstream)])


explains(Concatenate, _concatenate_forward, _concatenate_backward)


def _flatten_forward(element: Element) -> Draft:
    shape = element.array(0).shape[1:]
    place = unraveled(element.index[1], shape)
    factor = element.input(0, (element.index[0], *place))
    return Draft(factor.symbol, "taken over: only the layout changes", [one_term(factor)])


def _flatten_backward(element: Element) -> Draft:
    shape = element.array(0).shape[1:]
    upstream = element.upstream((element.index[0], int(np.ravel_multi_index(element.index[1:], shape))))
    return Draft(upstream.symbol, "what comes back, unchanged: only the layout changes", [one_term(upstream)])


explains(Flatten, _flatten_forward, _flatten_backward)


def _mask(element: Element) -> Factor:
    emitter = element.past.evaluation(element.step).emitter
    number = float(emitter.memory("mask", element.array(0).shape)[element.index])
    words = "mask: dropped in this iteration" if number == 0 else "mask: kept, and scaled by 1 / (1 - rate)"
    return Factor(number, f"m_{{{','.join(map(str, element.index[1:]))}}}", meaning=words)


def _dropout_forward(element: Element) -> Draft:
    x, mask = element.input(0, element.index), _mask(element)
    rule = "its input, times the mask of this iteration"
    return Draft(rf"{mask.symbol} \cdot {x.symbol}", rule, [one_term(mask, x)])


def _dropout_backward(element: Element) -> Draft:
    upstream, mask = element.upstream(element.index), _mask(element)
    rule = "upstream x local: what comes back, times the same mask as on the way forward"
    return Draft(rf"{mask.symbol} \cdot {upstream.symbol}", rule, [one_term(mask, upstream)])


explains(Dropout, _dropout_forward, _dropout_backward)
