"""What the words of an explanation say of its claim: `times` is `*`, `what comes back` is `upstream`.

Nothing here runs in the program. Its texts say beside themselves what they claim of the arrays (`Told` in `words.py`),
and the tests read both: the names, numbers and operators that the words of a text stand for must be those of its claim,
in the same order; functions in any. So neither can change without the other. A word that is not here is refused, unless
the operation says in its own `glossary` what it means there. That is:

- a piece of code, `"the update gate": "update"`; operands, options and functions of the claim are words by themselves;
- a comparison, which must hold wherever the words are said: `"the pair is open": "at[-1] <= at[-2]"`;
- nothing, for words that say nothing of the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

NOTHING_DONE = "="
"""The claim names a number and does nothing with it."""
CHAIN_RULE = "^"
"""The claim begins with upstream, which is multiplied."""

GLOSSARY: Mapping[str, str] = {
    "upstream x local": CHAIN_RULE,
    "unchanged": NOTHING_DONE,
    # names
    "what comes back": "upstream",
    "the error signal": "upstream",
    "the error signals": "upstream",
    "its input": "x",
    "the input": "x",
    "the inputs": "x",
    "its inputs": "inputs",
    "its weight": "weight",
    "the weight": "weight",
    "the bias": "bias",
    # operators
    "times": "*",
    "plus": "+",
    ", and": "+",
    "minus": "-",
    "less": "-",
    "over": "/",
    "one over": "1 /",
    "squared": "** 2",
    # functions
    "added up": "sum",
    "summed over the batch": "sum",
    "the sum of": "sum",
    "multiplied": "prod",
    "the mean of": "mean",
    "the largest of": "max",
    "the smallest of": "min",
    "the root of": "sqrt",
    "the exponential of": "exp",
    "the logarithm of": "log",
    "the hyperbolic tangent of": "tanh",
    "the size of": "abs",
    "the sign of": "sign",
    "cut to": "clip",
}

_SMALL = "a an the its it of to at by in on that this which what each for so is are from with"
SMALL_WORDS = frozenset(_SMALL.split())
"""Words that say nothing by themselves."""

AXES = (
    *("sample", "filter", "channel", "window", "head", "position", "time step", "row", "column"),
    *("input", "state", "unit", "feature", "class", "weight"),
)
"""What stands before numbers in the label of a term, in the order of the axes: `sample 2, unit 1`. The numbers
stand in the index of one of its factors, in this order."""
