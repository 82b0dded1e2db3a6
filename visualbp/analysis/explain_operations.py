"""How single numbers come about in the affine rule, and in what joins values or lays them out anew: forward, and on the
way back as upstream x local."""

from __future__ import annotations

import numpy as np

from visualbp.analysis.explain_record import Block, Draft, Factor, one_term
from visualbp.analysis.explain_rules import Element, explains
from visualbp.analysis.explain_words import Index, row_text, unraveled
from visualbp.operations.affine import Affine
from visualbp.operations.combination import Add, Concatenate, Flatten, Multiply
from visualbp.operations.dropout import Dropout

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
    rows_summed = r"\text{samples, positions}" if len(rows) > 1 else r"\text{samples}"
    if name == "bias":
        return Draft(
            rf"\sum_{{{rows_summed}}} {delta_unit}",
            "the error signal of its unit, summed over the batch (what the loss divides by is in it already)",
            [Block(signals, lambda i: (element.upstream((*row_of(i), unit)),), lambda i: row_text(row_of(i)))],
        )
    column = element.index[1]
    x = element.array(0)[..., column].reshape(-1)
    return Draft(
        rf"\sum_{{{rows_summed}}} {delta_unit} \, {element.indexed(0, str(column))}",
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
