r"""Small lies told in an equation: each must be noticed by whoever reads it against the numbers.

A mutation drops a factor such as 1/B, a transposition, a sum or a summand, turns a sign, swaps two operands, or takes
another exponent, function, bound or constant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.equation_reader import UnreadableError
from tests.equations_shown import Said

_RULES: tuple[tuple[str, str, str], ...] = (
    ("a mean's divisor dropped", r"\\frac\{1\}\{(?:[^{}]|\\sqrt\{[^{}]*\})*\} ", ""),
    ("a mean over something else", r"\\frac\{(\d)\}\{N\}", r"\\frac{\1}{B}"),
    ("1/B for 1/(B T)", r"\\frac\{(\d)\}\{B T\}", r"\\frac{\1}{B}"),
    ("a transposition dropped", r"\^\{T\}", ""),
    ("a sum dropped", r"\\sum_\{[^{}]*\}(?:\^\{[^{}]*\})? ", ""),
    ("a letter of a sum dropped", r"(\\sum_\{\w), \w", r"\1"),
    ("plus for minus", r" - (?!100)", " + "),
    ("minus for plus", r" \+ (?!\\epsilon|10)", " - "),  # a tiny epsilon is beyond what can be told
    ("a bias dropped", r" \+ (?:\\mathbf\{b\}|b|W)\^\{[^{}]*\}(?:_\{(?:[^{}]|\{[^{}]*\})*\})?", ""),
    ("a sign dropped", r"(\(|= )-(?!\d)", r"\1"),
    ("a matrix product for one by elements", r" \\odot (?!2)", " "),
    ("an exponent dropped", r"\^\{(?:\\odot )?2\}", ""),
    ("a root dropped", r"\\sqrt(\{)", r"\1"),
    ("a hat dropped", r"\\hat\{(m|v|x)\}(?! =|_\{[^{}]*\} =)", r"\1"),
    ("min for max", r"\\max", r"\\min"),
    ("less for greater", r" > 0", " < 0"),
    ("an index one further", r"(_\{[a-z], [^{}]*\bi\b)", r"\1 + 1"),
    ("later for earlier", r"j \\le i", r"i \\le j"),
    ("a number ten times larger", r"(= |, )(0\.\d+)(?=,|$)", r"\g<1>10 \\cdot \2"),
    ("sum and difference swapped", r"\\left\(1 - ", r"\\left(1 + "),
    ("another function", r"\\tanh", r"\\sin"),
)


def mutations(equation: str) -> Iterator[tuple[str, str]]:
    """Yield what was done to an equation, and what came of it: one place at a time."""
    for name, pattern, replacement in _RULES:
        for found in re.finditer(pattern, equation):
            changed = equation[: found.start()] + found.expand(replacement) + equation[found.end() :]
            if changed != equation:
                yield name, changed
    swapped = re.sub(r"(\\odot|-) (\\mathbf\{\w\}\S*|h\S*)$", "", equation)
    if swapped != equation:
        yield "a last operand dropped", swapped


def survivors(said: Said) -> tuple[int, list[tuple[str, str]]]:
    """Return how many lies were told about a step, and those that nobody noticed."""
    told, unnoticed = 0, []
    for name, equation in mutations(said.equation):
        told += 1
        try:
            if not said.disagreement(equation):
                unnoticed.append((name, equation))
        except (UnreadableError, RecursionError):
            continue
    return told, unnoticed
