"""How single numbers come about in what works on sequences: the embedding."""

from __future__ import annotations

import numpy as np

from visualbp.analysis.explain_element import Element, explains
from visualbp.core.number_words import Index, row_text
from visualbp.operations.embedding import Embedding
from visualbp.operations.terms import Block, Draft, one_term

# -- embedding -------------------------------------------------------------------------------------------------------

INDICES, TABLE = 0, 1


def _embedding_forward(element: Element) -> Draft:
    *leading, unit = element.index
    place = tuple(leading)
    row = int(element.array(INDICES)[place])
    factor = element.input(TABLE, (row, unit))
    chosen = element.input_symbol(INDICES, place)
    return Draft(
        rf"{element.indexed(TABLE, rf'{chosen}, {unit}')} = {factor.symbol}",
        f"looked up: the class at {row_text(place)} is {row}, so it is row {row} of W",
        [one_term(factor, label=f"class {row}")],
    )


def _embedding_backward(element: Element) -> Draft:
    row, unit = element.index
    places = np.argwhere(element.array(INDICES) == row)
    delta = element.past.upstream(element.step)

    def place(i: int) -> Index:
        return tuple(int(n) for n in places[i])

    signals = delta[(*places.T, unit)].astype(np.float64)
    return Draft(
        rf"\sum_{{t : \, x_t = {row}}} {element.indexed_upstream(f't,{unit}')}",
        f"what comes back to every place where class {row} was looked up, added up",
        [Block(signals, lambda i: (element.upstream((*place(i), unit)),), lambda i: row_text(place(i)))],
        "" if len(places) else f"class {row} is nowhere in this batch, so nothing comes back to its row",
    )


explains(Embedding, _embedding_forward, _embedding_backward)
