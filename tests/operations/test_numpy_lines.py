"""The lines of NumPy that an operation gives for itself: run as they stand, they give the bits of its rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.registry_cases import LayerCase, NodeCase, layer_cases, node_cases
from visualbp.core.arrays import Array
from visualbp.operations.base import IterationContext, Operation
from visualbp.operations.numpy_code import NumpyCode

CASES = layer_cases()


def run_lines(lines: list[str], names: dict[str, Any], helpers: Sequence[str] = ()) -> None:
    with np.errstate(all="ignore"):
        space: dict[str, Any] = {"np": np}
        exec("\n".join(helpers), space)
        exec("\n".join(lines), space, names)


def code_of(case: NodeCase, output: Array, operand: int = -1) -> NumpyCode:
    upstream = "" if output.ndim == 0 or operand < 0 else "upstream"
    return NumpyCode(
        [f"x{place}" for place in range(len(case.inputs))],
        [array.shape for array in case.inputs],
        "output",
        output.shape,
        "own",
        upstream,
        operand,
        "" if operand < 0 else "result",
        "generator",
    )


def same_bits(one: Any, other: Array) -> bool:
    """Whether two arrays have the same bits; the sign of a nan, and of 0 where nothing depends on it, is no matter."""
    array = np.asarray(one)
    return array.shape == other.shape and array.dtype == other.dtype and np.array_equal(array, other, equal_nan=True)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)
def test_the_lines_of_numpy_give_the_bits_of_the_rules(case: LayerCase, precision: str) -> None:
    for node_case in node_cases(case):
        operation = node_case.node.operation
        if type(operation).numpy_lines is Operation.numpy_lines:
            continue
        inputs = [array.astype(precision) for array in node_case.inputs]
        done = node_case.evaluated(inputs)
        names = {f"x{place}": array.copy() for place, array in enumerate(inputs)}
        names["generator"] = IterationContext().generator(0)  # type: ignore[assignment]
        run_lines(operation.numpy_lines(code_of(node_case, done.output)), names, operation.numpy_helpers)
        assert same_bits(names["output"], done.output), operation.numpy_lines(code_of(node_case, done.output))
        kept = dict(names)
        for operand in range(len(inputs)):
            if operation.is_constant(operand):
                continue
            upstream = np.random.default_rng(operand).normal(size=done.output.shape).astype(precision)
            if not done.output.ndim:
                upstream = np.ones((), precision)
            names = {**kept, "upstream": upstream}
            lines = operation.vjp_numpy_lines(code_of(node_case, done.output, operand))
            run_lines(lines, names, operation.numpy_helpers)
            assert same_bits(names["result"], done.vjp(operand, upstream)), lines
        for place, array in enumerate(inputs):
            assert np.array_equal(names[f"x{place}"], array), "an operand is not to be changed"
