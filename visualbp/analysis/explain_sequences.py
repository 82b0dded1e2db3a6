"""How single numbers come about in what works on sequences: the embedding, recurrent steps, and attention."""

from __future__ import annotations

import math

import numpy as np

from visualbp.analysis.explain_element import Element, explains
from visualbp.core.arrays import Array
from visualbp.core.number_words import Index, row_text
from visualbp.operations.attention import CausalMask, Mix, Scores
from visualbp.operations.recurrence import FirstRecurrentAffine, RecurrentAffine, Stack, TimeSlice
from visualbp.operations.terms import Block, Draft, Factor, constant, one_term

# -- recurrent steps -------------------------------------------------------------------------------------------------

STEP_INPUT, WEIGHT_INPUT, WEIGHT_HIDDEN, STEP_BIAS, STATE = range(5)


def _weighted(element: Element, source: int, weight: int, name: str) -> Block:
    """Return the numbers of one operand, each times its weight for the unit that is explained."""
    sample, unit = element.index
    products = element.array(weight)[unit].astype(np.float64) * element.array(source)[sample]
    return Block(
        products,
        lambda i: (element.input(weight, (unit, i)), element.input(source, (sample, i))),
        lambda i: f"{name} {i}",
    )


def _recurrent_forward(element: Element) -> Draft:
    """z_j = sum of W_input x, + sum of W_hidden h of the step before, + b_j."""
    unit = element.index[1]
    bias = one_term(element.input(STEP_BIAS, (unit,)), label="bias")
    of_input = rf"\sum_{{i}} {element.indexed(WEIGHT_INPUT, f'{unit},i')} \, {element.indexed(STEP_INPUT, 'i')}"
    blocks = [_weighted(element, STEP_INPUT, WEIGHT_INPUT, "input")]
    if isinstance(element.node.operation, FirstRecurrentAffine):
        return Draft(
            f"{of_input} + {element.input_symbol(STEP_BIAS, (unit,))}",
            "the inputs of the first time step, each times its weight, and the bias: there is no state before it",
            [*blocks, bias],
        )
    of_state = rf"\sum_{{k}} {element.indexed(WEIGHT_HIDDEN, f'{unit},k')} \, {element.indexed(STATE, 'k')}"
    return Draft(
        f"{of_input} + {of_state} + {element.input_symbol(STEP_BIAS, (unit,))}",
        "the inputs of this time step and the state after the step before, each times its weight, and the bias",
        [*blocks, _weighted(element, STATE, WEIGHT_HIDDEN, "state"), bias],
    )


def _recurrent_backward(element: Element) -> Draft:
    operation, delta = element.node.operation, element.past.upstream(element.step)
    match operation.operand_name(element.operand):
        case "x":
            return _sent_back(element, delta, WEIGHT_INPUT, "the error signals of this time step")
        case "h":
            return _sent_back(element, delta, WEIGHT_HIDDEN, "the error signals of the time step after it")
        case "weight_input":
            return _met_in_batch(element, delta, STEP_INPUT, "what came in at this time step")
        case "weight_hidden" if isinstance(operation, FirstRecurrentAffine):
            return Draft("0", "the state before the first time step is 0, so this step has no part", [])
        case "weight_hidden":
            return _met_in_batch(element, delta, STATE, "the state after the step before")
    (unit,) = element.index
    return Draft(
        rf"\sum_{{\text{{samples}}}} {element.indexed_upstream(str(unit))}",
        "the error signal of its unit at this time step, summed over the batch",
        [
            Block(
                delta[:, unit].astype(np.float64),
                lambda sample: (element.upstream((sample, unit)),),
                lambda sample: row_text((sample,)),
            )
        ],
    )


def _sent_back(element: Element, delta: Array, weight: int, what: str) -> Draft:
    sample, column = element.index
    return Draft(
        rf"\sum_{{k}} {element.indexed(weight, f'k,{column}')} \, {element.indexed_upstream('k')}",
        f"{what}, each times the weight in between, added up",
        [
            Block(
                element.array(weight)[:, column].astype(np.float64) * delta[sample],
                lambda k: (element.input(weight, (k, column)), element.upstream((sample, k))),
                lambda k: f"unit {k}",
            )
        ],
    )


def _met_in_batch(element: Element, delta: Array, source: int, what: str) -> Draft:
    unit, column = element.index
    return Draft(
        rf"\sum_{{\text{{samples}}}} {element.indexed_upstream(str(unit))} \, {element.indexed(source, str(column))}",
        f"upstream x local: the error signal of its unit, times {what}, summed over the batch",
        [
            Block(
                delta[:, unit].astype(np.float64) * element.array(source)[:, column],
                lambda sample: (element.upstream((sample, unit)), element.input(source, (sample, column))),
                lambda sample: row_text((sample,)),
            )
        ],
    )


explains(RecurrentAffine, _recurrent_forward, _recurrent_backward)


def _time_of(element: Element) -> int:
    operation = element.node.operation
    if not isinstance(operation, TimeSlice):
        raise TypeError(f"{operation.name} takes no time step")
    return operation.index


def _slice_forward(element: Element) -> Draft:
    sample, *rest = element.index
    time = _time_of(element)
    factor = element.input(0, (sample, time, *rest))
    return Draft(factor.symbol, f"taken out of the sequence at time step {time}", [one_term(factor)])


def _slice_backward(element: Element) -> Draft:
    sample, place, *rest = element.index
    time = _time_of(element)
    if place != time:
        return Draft("0", f"this part of the gradient belongs to time step {time} alone", [])
    upstream = element.upstream((sample, *rest))
    return Draft(upstream.symbol, "what comes back at its time step, unchanged", [one_term(upstream)])


explains(TimeSlice, _slice_forward, _slice_backward)


def _stack_forward(element: Element) -> Draft:
    sample, time, *rest = element.index
    factor = element.input(time, (sample, *rest))
    return Draft(factor.symbol, f"taken over from time step {time}", [one_term(factor)])


def _stack_backward(element: Element) -> Draft:
    sample, *rest = element.index
    upstream = element.upstream((sample, element.operand, *rest))
    words = f"what comes back at time step {element.operand}, unchanged"
    return Draft(upstream.symbol, words, [one_term(upstream)])


explains(Stack, _stack_forward, _stack_backward)


# -- attention -------------------------------------------------------------------------------------------------------

QUERY, KEY = 0, 1
ATTENTION, VALUE = 0, 1


def _head(width: int, heads: int, column: int) -> int:
    """Return which head a column of the width belongs to."""
    return column // (width // heads)


def _columns(width: int, heads: int, head: int) -> range:
    """Return the columns of a head."""
    size = width // heads
    return range(head * size, (head + 1) * size)


def _scale(element: Element) -> tuple[int, Factor]:
    """Return the number of heads, and one over the root of a head's width."""
    operation = element.node.operation
    if not isinstance(operation, Scores):
        raise TypeError(f"{operation.name} has no scores")
    width = element.array(QUERY).shape[-1] // operation.heads
    symbol = rf"\frac{{1}}{{\sqrt{{{width}}}}}"
    return operation.heads, constant(1.0 / math.sqrt(width), symbol, f"one over the root of a head's width, {width}")


def _scores_forward(element: Element) -> Draft:
    sample, head, asking, asked = element.index
    query, key = element.array(QUERY)[sample, asking], element.array(KEY)[sample, asked]
    heads, scale = _scale(element)
    columns = _columns(len(query), heads, head)
    part = slice(columns.start, columns.stop)
    return Draft(
        rf"{scale.symbol} \sum_{{c}} {element.indexed(QUERY, f'{asking},c')} \, {element.indexed(KEY, f'{asked},c')}",
        f"how well the query of position {asking} fits the key of position {asked}"
        + (f", in head {head}" if heads > 1 else ""),
        [
            Block(
                scale.number * query[part].astype(np.float64) * key[part],
                lambda k: (
                    scale,
                    element.input(QUERY, (sample, asking, columns[k])),
                    element.input(KEY, (sample, asked, columns[k])),
                ),
                lambda k: f"feature {columns[k]}",
            )
        ],
    )


def _scores_backward(element: Element) -> Draft:
    sample, position, column = element.index
    heads, scale = _scale(element)
    head = _head(element.array(QUERY).shape[-1], heads, column)
    delta = element.past.upstream(element.step)[sample, head]
    to_query = element.operand == QUERY
    other = KEY if to_query else QUERY
    signals = (delta[position] if to_query else delta[:, position]).astype(np.float64)

    def pair(k: int) -> Index:
        return (sample, head, position, k) if to_query else (sample, head, k, position)

    place = f"{head},{position},k" if to_query else f"{head},k,{position}"
    words = "the keys of all positions" if to_query else "the queries of all positions"
    return Draft(
        rf"{scale.symbol} \sum_{{k}} {element.indexed_upstream(place)} \, {element.indexed(other, f'k,{column}')}",
        f"upstream x local: what comes back to its scores, times {words}",
        [
            Block(
                scale.number * signals * element.array(other)[sample, :, column],
                lambda k: (scale, element.upstream(pair(k)), element.input(other, (sample, k, column))),
                lambda k: f"position {k}",
            )
        ],
    )


explains(Scores, _scores_forward, _scores_backward)


def _is_closed(index: Index) -> bool:
    return index[-1] > index[-2]


def _mask_forward(element: Element) -> Draft:
    asking, asked = element.index[-2:]
    if _is_closed(element.index):
        words = f"closed: position {asked} comes after position {asking}, which must not see it"
        closed = one_term(constant(-math.inf, r"-\infty", "the mask"), label="closed")
        return Draft(r"-\infty", "minus infinity, of which the softmax makes 0", [closed], words)
    factor = element.input(0, element.index)
    return Draft(factor.symbol, "its score, unchanged: it may look at itself and back", [one_term(factor)])


def _mask_backward(element: Element) -> Draft:
    if _is_closed(element.index):
        return Draft("0", "0 at a closed place", [], "closed by the mask: its score made no difference")
    upstream = element.upstream(element.index)
    return Draft(upstream.symbol, "what comes back, unchanged: the pair is open", [one_term(upstream)])


explains(CausalMask, _mask_forward, _mask_backward)


def _heads_of_mix(element: Element) -> int:
    operation = element.node.operation
    if not isinstance(operation, Mix):
        raise TypeError(f"{operation.name} mixes nothing")
    return operation.heads


def _mix_forward(element: Element) -> Draft:
    sample, position, column = element.index
    value = element.array(VALUE)[sample, :, column]
    head = _head(element.array(VALUE).shape[-1], _heads_of_mix(element), column)
    shares = element.array(ATTENTION)[sample, head, position].astype(np.float64)
    return Draft(
        rf"\sum_{{k}} {element.indexed(ATTENTION, f'{head},{position},k')} \, {element.indexed(VALUE, f'k,{column}')}",
        f"the values of all positions, each times how much position {position} attends to it",
        [
            Block(
                shares * value,
                lambda k: (
                    element.input(ATTENTION, (sample, head, position, k)),
                    element.input(VALUE, (sample, k, column)),
                ),
                lambda k: f"position {k}",
            )
        ],
    )


def _mix_backward(element: Element) -> Draft:
    return _mix_to_attention(element) if element.operand == ATTENTION else _mix_to_value(element)


def _mix_to_attention(element: Element) -> Draft:
    sample, head, position, asked = element.index
    delta, value = element.past.upstream(element.step)[sample, position], element.array(VALUE)[sample, asked]
    columns = _columns(len(value), _heads_of_mix(element), head)
    part = slice(columns.start, columns.stop)
    return Draft(
        rf"\sum_{{c}} {element.indexed_upstream(f'{position},c')} \, {element.indexed(VALUE, f'{asked},c')}",
        f"upstream x local: what comes back to the mix of position {position}, times the value of position {asked}",
        [
            Block(
                delta[part].astype(np.float64) * value[part],
                lambda k: (
                    element.upstream((sample, position, columns[k])),
                    element.input(VALUE, (sample, asked, columns[k])),
                ),
                lambda k: f"feature {columns[k]}",
            )
        ],
    )


def _mix_to_value(element: Element) -> Draft:
    sample, asked, column = element.index
    head = _head(element.array(VALUE).shape[-1], _heads_of_mix(element), column)
    delta = element.past.upstream(element.step)[sample, :, column]
    shares = element.array(ATTENTION)[sample, head, :, asked].astype(np.float64)
    return Draft(
        rf"\sum_{{k}} {element.indexed(ATTENTION, f'{head},k,{asked}')} \, {element.indexed_upstream(f'k,{column}')}",
        f"upstream x local: what comes back to every position, times how much it attends to position {asked}",
        [
            Block(
                shares * delta,
                lambda k: (
                    element.input(ATTENTION, (sample, head, k, asked)),
                    element.upstream((sample, k, column)),
                ),
                lambda k: f"position {k}",
            )
        ],
    )


explains(Mix, _mix_forward, _mix_backward)
