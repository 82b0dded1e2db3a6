"""Activations as entries: none is left out, and their lines of NumPy give the bits of their rules everywhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import visualbp.operations.activations
from tests.operations.test_numpy_lines import same_bits
from tests.registry_cases import some_options
from visualbp.core.expression_parser import parse_expression
from visualbp.core.expressions import Apply, functions, in_order
from visualbp.core.options import parse_options
from visualbp.core.registry import import_all
from visualbp.operations.activations import activations
from visualbp.operations.activations.kinds import Activation
from visualbp.operations.base import evaluate
from visualbp.operations.numpy_code import NumpyCode

NUMBERS = (0.0, 1e-300, 1e-30, 1e-9, 0.3, 1.0, 2.99, 3.0, 3.01, 19.9, 20.0, 20.1, 30.0, 31.0, 88.0, 700.0, 800.0, 1e30)

EXPRESSIONS = (
    *("1.5", "x", "-x", "x + 2 - 3*x", "1 / x", "x**2 + x**3 + x**-1 + x**1.5 + 2**x", "1e30 * x", "-2.5 * x"),
    *(f"{name}(x)" for name in ("exp", "log", "sqrt", "tanh", "sinh", "cosh", "sin", "cos", "tan", "atan", "sign")),
    *(f"{name}(0.5*x)" for name in ("sigmoid", "softplus", "relu", "abs")),
    *("max(x, 0.1*x)", "min(x, 1)", "max(2, x)", "where(x > 1, 2, 3)", "where(x <= 0, x*x, exp(-x))"),
    *("(x < 1) + (x >= 2) * x", "(x == 1) - (x != 3)", "tanh(x)*exp(tanh(x)) + sigmoid(tanh(x))"),
)


def entries() -> Iterator[Activation]:
    for kind in activations:
        for given in some_options(kind.options):
            yield kind(**parse_options(kind.options, given))
    for expression, slope in itertools.zip_longest(EXPRESSIONS, EXPRESSIONS[::-1]):
        yield activations.get("custom")(expression=expression, derivative="")
        yield activations.get("custom")(expression=expression, derivative=slope)


ENTRIES = list(entries())


def all_below(kind: type[Activation]) -> Iterator[type[Activation]]:
    for below in kind.__subclasses__():
        yield below
        yield from all_below(below)


def test_no_activation_of_the_package_is_left_out_of_the_registry() -> None:
    import_all(visualbp.operations.activations.__name__)
    named = {kind for kind in all_below(Activation) if kind.type_name and kind.__module__.startswith("visualbp.")}
    assert named == set(activations)


def test_the_expressions_here_have_every_function_of_the_table() -> None:
    parts = [part for text in EXPRESSIONS for part in in_order(parse_expression(text))]
    assert {part.function for part in parts if isinstance(part, Apply)} == set(functions)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("rule", ENTRIES, ids=lambda rule: f"{rule.type_name}({list(rule.option_values.values())})")
def test_the_lines_of_numpy_give_the_bits_of_the_rule_at_corners_and_at_saturation(
    rule: Activation, precision: str
) -> None:
    with np.errstate(all="ignore"):
        numbers = np.array([*NUMBERS, *(-number for number in NUMBERS)]).astype(precision)
    z = numbers.reshape(3, 3, 4)
    upstream = np.random.default_rng(0).normal(size=z.shape).astype(precision)
    done = evaluate(rule, [z])
    space: dict[str, Any] = {"np": np}
    names = {"z": z.copy(), "upstream": upstream}
    with np.errstate(all="ignore"):
        exec("\n".join(rule.numpy_helpers), space)
        exec("\n".join(rule.numpy_lines(NumpyCode(["z"], [z.shape], "h", z.shape, "own"))), space, names)
        assert same_bits(names["h"], done.output)
        back = NumpyCode(["z"], [z.shape], "h", z.shape, "own", "upstream", 0, "delta")
        exec("\n".join(rule.vjp_numpy_lines(back)), space, names)
    assert same_bits(names["delta"], done.vjp(0, upstream))
    assert np.array_equal(names["z"], z)
