"""How single numbers come about in the affine rule, and in what joins values or lays them out anew: forward, and on the
way back as upstream x local."""

from __future__ import annotations

import numpy as np

from visualbp.analysis.explain_element import Element, explains
from visualbp.core.number_words import unraveled
from visualbp.operations.combination import Add, Concatenate, Flatten, Multiply
from visualbp.operations.dropout import Dropout
from visualbp.operations.terms import Draft, Factor, one_term

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
