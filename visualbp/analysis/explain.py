"""Where a number came from: any element of any value, as a sum of products of numbers that can be explained in turn.

This is the chain rule taken apart: upstream x local, with the real numbers. What is explained is what the rules should
give; where the number that is there differs, the explanation says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from visualbp.analysis.explain_element import StepElement
from visualbp.analysis.explain_record import Explanation, Moment, NotKeptError, Past, Term, Total
from visualbp.analysis.explain_rounding import (
    bound_of_sum,
    is_out_of_range,
    measured_rounding,
    not_finite_before,
    products_of,
)
from visualbp.analysis.explain_steps import draft_of_step, words_of_source
from visualbp.analysis.explain_words import element_symbol
from visualbp.core.arrays import Array, shape_text
from visualbp.core.number_words import Index, bracketed, element_text, number_latex, plain, told_apart
from visualbp.core.ref import Ref
from visualbp.engine.notation_sentences import is_share
from visualbp.engine.plan import Phase, Step
from visualbp.operations.terms import Block, Draft, Factor, exact_sum

__all__ = ["Explanation", "Factor", "Moment", "Term", "explain"]

MOST_TERMS = 12
TERMS_IN_NUMBERS = 4
MOST_SUMMED_EXACTLY = 10_000
"""Beyond, a pairwise sum is exact enough, and a hundred times faster."""


class NoSuchNumberError(LookupError):
    """There is no such number in this network, or not in this batch; the message says what there is."""


def explain(moment: Moment, value: Ref, index: Index, at: int | None = None) -> Explanation:
    """Return where the element `index` of `value` came from, as it stood after `at` steps (by default now).

    Raises NoSuchNumberError for a value that the plan does not have, and for an index outside it.
    """
    past = Past(moment)
    at = moment.cursor if at is None else min(at, moment.cursor)
    asked, value = value, past.plan.resolve(value)
    if value not in past.plan.shapes:
        raise NoSuchNumberError(f"the network has no value called {asked.text}")
    writer = past.writer(value, at)
    symbol = element_symbol(past.notation, value, index)
    try:
        array = past.array(value, at)
    except NotKeptError as reason:
        return Explanation(value, index, at, None, symbol, "", note=_absence(past, value, at, str(reason)), step=writer)
    if len(index) != array.ndim or not all(0 <= i < n for i, n in zip(index, array.shape, strict=True)):
        outside = f"{element_text(value, index)} is outside {value.text}, which is {shape_text(array.shape)}"
        raise NoSuchNumberError(outside)
    number = float(array[index])
    note = _of_name(past, asked, value)
    if writer is None or writer.phase == Phase.LOAD:
        rule = words_of_source(past, value, index, number)
        return Explanation(
            value, index, at, number, symbol, rule, total=Total(number), is_source=True, note=note, step=writer
        )
    try:
        draft = _draft(past, writer, value, index)
        return _explanation(past, writer, value, index, at, number, draft, note)
    except NotKeptError as reason:
        return Explanation(value, index, at, number, symbol, "", note=_joined(note, str(reason)), step=writer)


def _of_name(past: Past, asked: Ref, value: Ref) -> str:
    """Return what there is to say of a name that means a value with another one."""
    if is_share(past.plan, asked):
        whole = value.whole
        return f"{asked.text} is this path's share: {whole.text} is the sum of what comes back on all paths"
    return f"{asked.text} is another name of {value.text}" if asked != value else ""


def _absence(past: Past, value: Ref, at: int, reason: str) -> str:
    maker = past.next_writer(value, at)
    if maker is None or past.writer(value, at) is not None or value in past.lasting:
        return reason
    return f'not computed yet: the step "{maker.label}" of the {maker.phase} pass makes it'


def _draft(past: Past, step: Step, value: Ref, index: Index) -> Draft:
    if step.node is None:
        return draft_of_step(past, step, value, index)
    operation, element = step.node.operation, StepElement(past, step, step.node, value, index)
    with np.errstate(all="ignore"):
        if value in step.node.updates:
            return operation.update_terms(element)
        return operation.vjp_terms(element) if step.phase == Phase.BACKWARD else operation.terms(element)


def _explanation(
    past: Past, step: Step, value: Ref, index: Index, at: int, number: float, draft: Draft, note: str
) -> Explanation:
    products = products_of(draft)
    chosen = _largest(products)
    terms = tuple(_term(draft.blocks, int(place)) for place in chosen)
    with np.errstate(all="ignore"):
        total = exact_sum(products) if len(products) <= MOST_SUMMED_EXACTLY else float(products.sum())
        rest = float(np.delete(products, chosen).sum()) if len(products) > len(chosen) else 0.0
        scale = float(np.abs(products).sum()) + draft.cancels
    rounding = _rounding(past, step, value, index, number, total, bound_of_sum(len(products), scale, past.precision))
    agrees = _agree(number, total, rounding)
    symbol = element_symbol(past.notation, value, index)
    relation = "=" if agrees else r"\neq"
    arrow = r"\leftarrow" if value in step.reads else "="
    notes = [note, draft.note]
    if not agrees:
        gave, should = told_apart(number, total)
        notes.append(f"the rule that ran gave {gave}, and it should give {should}: that rule is wrong")
    elif not math.isfinite(number) and not _is_meant(step, number):
        notes.append(_why_not_finite(past, step, draft.blocks, products))
    elif number == 0 and len(products) > 1 and not products.any():
        notes.append(f"0 because each of its {len(products):,} terms is 0")
    elif number == 0 and len(products) == 1:
        zero = next((factor for factor in terms[0].factors if factor.number == 0), None)
        is_open = zero is not None and len(terms[0].factors) > 1 and not draft.note  # the rule has not said why
        notes.append(f"0 because {zero.text} is 0" if zero is not None and is_open else "")
    elif math.isfinite(total) and plain(total) != plain(number) and products.size:
        notes.append(f"its terms add up to {plain(total)}: what is between is rounding, the number has no more digits")
    in_numbers = f"{draft.numbers or _in_numbers(terms, len(products))} {relation} {number_latex(number)}"
    return Explanation(
        value,
        index,
        at,
        number,
        symbol,
        draft.rule,
        formula_latex=f"{symbol} {arrow} {draft.formula}",
        numbers_latex=in_numbers if terms else "",
        terms=terms,
        total=Total(total, len(products), rest, agrees, scale, rounding),
        note=_joined(*notes),
        own_note=draft.note,
        step=step,
    )


def _is_meant(step: Step, number: float) -> bool:
    """Return whether a number is the -inf of a masked score."""
    return number == -math.inf and step.node is not None and step.node.operation.minus_infinity_is_meant


def _largest(products: Array) -> Array:
    """Return the places of the largest products, in their own order. What is not finite counts as largest."""
    if len(products) <= MOST_TERMS:
        return np.arange(len(products))
    sizes = np.where(np.isnan(products), np.inf, np.abs(products))
    return np.sort(np.argpartition(sizes, -MOST_TERMS)[-MOST_TERMS:])


def _term(blocks: Sequence[Block], place: int) -> Term:
    for block in blocks:
        if place < len(block.products):
            return Term(block.label(place), block.factors(place), float(block.products[place]))
        place -= len(block.products)
    raise IndexError(f"there is no term {place}")


def _rounding(past: Past, step: Step, value: Ref, index: Index, number: float, total: float, bound: float) -> float:
    """Return how far the number may be from the sum of its terms by rounding; measured only beyond the `bound`."""
    if math.isfinite(number) != math.isfinite(total):
        return math.inf if math.isfinite(number) or is_out_of_range(past, step, value, index, total) else bound
    if not math.isfinite(number) or abs(number - total) <= bound:
        return bound
    measured = measured_rounding(past.moment, step, value, index, total, lambda past: _draft(past, step, value, index))
    return bound + measured


def _agree(number: float, total: float, rounding: float) -> bool:
    if math.isfinite(number) and math.isfinite(total):
        return abs(number - total) <= rounding
    return math.isfinite(number) == math.isfinite(total) or rounding == math.inf


def _in_numbers(terms: tuple[Term, ...], count: int) -> str:
    shown = terms if count <= TERMS_IN_NUMBERS else terms[:TERMS_IN_NUMBERS]
    products = []
    for place, term in enumerate(shown):
        first, *others = term.factors
        head = number_latex(first.number) if place == 0 else bracketed(first.number)
        products.append(r" \cdot ".join([head, *(bracketed(factor.number) for factor in others)]))
    return " + ".join(products) + (r" + \cdots" if count > len(shown) else "")


def _why_not_finite(past: Past, step: Step, blocks: Sequence[Block], products: Array) -> str:
    wrong = np.flatnonzero(~np.isfinite(products))
    if not len(wrong):
        cause = not_finite_before(past, step)
        return f"not finite, because {cause} is not" if cause else "not finite: the sum is too large for the type"
    term = _term(blocks, int(wrong[0]))
    factor = next((factor for factor in term.factors if not math.isfinite(factor.number)), None)
    if factor is None:
        return "not finite: a product is too large for the type"
    return f"not finite, because {factor.text} is {factor.number}"


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
