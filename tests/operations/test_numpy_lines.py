"""The lines of NumPy that an operation gives for itself: run as they stand, they give the bits of its rules."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.refs import ref
from tests.registry_cases import SPECIAL_OPERANDS, LayerCase, NodeCase, distinct, layer_cases, node_cases
from visualbp.core.arrays import Array
from visualbp.layers import Node
from visualbp.operations.base import Emitter, IterationContext, Operation, evaluate
from visualbp.operations.normalization import Normalization
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.pooling import MaxPooling
from visualbp.operations.weight_norm import WeightNorm

CASES = layer_cases()
SQUARING = [
    case
    for case in CASES
    if any(isinstance(node.node.operation, Normalization | WeightNorm) for node in node_cases(case))
]
"""Layers that divide by the root of a sum of squares."""


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
        [f"buffer{place}" for place in range(len(case.node.updates))],
    )


def case_array(case: NodeCase, inputs: Sequence[Array], place: int) -> Array:
    """A buffer that the operation moves on, which is one of its operands."""
    return inputs[case.node.operands.index(case.node.updates[place])].copy()


def same_bits(one: Any, other: Array) -> bool:
    """Whether two arrays have the same bits; the sign of a nan, and of 0 where nothing depends on it, is no matter."""
    array = np.asarray(one)
    return array.shape == other.shape and array.dtype == other.dtype and np.array_equal(array, other, equal_nan=True)


def check_lines(node_case: NodeCase, inputs: list[Array]) -> None:
    """Hold the lines of an operation against its rules, on these arrays."""
    operation, precision = node_case.node.operation, inputs[0].dtype
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
    if buffers := [case_array(node_case, inputs, place) for place in range(len(node_case.node.updates))]:
        names = {**kept, **{f"buffer{place}": array.copy() for place, array in enumerate(buffers)}}
        lines = operation.update_numpy_lines(code_of(node_case, done.output))
        run_lines(lines, names, operation.numpy_helpers)
        with np.errstate(all="ignore"):
            operation.update(done.emitter, done.inputs, done.output, buffers)
        for place, buffer in enumerate(buffers):
            assert same_bits(names[f"buffer{place}"], buffer), lines
    for place, array in enumerate(inputs):
        assert np.array_equal(names[f"x{place}"], array), "an operand is not to be changed"


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)
def test_the_lines_of_numpy_give_the_bits_of_the_rules(case: LayerCase, precision: str) -> None:
    for node_case in node_cases(case):
        check_lines(node_case, [array.astype(precision) for array in node_case.inputs])


@pytest.mark.parametrize("case", distinct(CASES), ids=lambda case: case.text)
def test_the_lines_do_so_at_zero_at_saturation_and_at_kinks(case: LayerCase) -> None:
    for operands, precision in itertools.product(SPECIAL_OPERANDS, ("float64", "float32")):
        for node_case in node_cases(case, operands=operands):
            check_lines(node_case, [array.astype(precision) for array in node_case.inputs])


@pytest.mark.parametrize("kernel, stride", [(2, 2), (3, 1), (2, 1), (3, 2)])
def test_the_lines_of_max_pooling_send_the_gradient_where_the_rule_does_also_with_nan(kernel: int, stride: int) -> None:
    generator = np.random.default_rng(3)
    for share in (0.05, 0.5, 1.0):
        x = generator.integers(-1, 2, (2, 2, 7, 6)).astype(float)
        x[generator.random(x.shape) < share] = np.nan
        operation = MaxPooling(kernel, stride)
        done = evaluate(operation, [x])
        upstream = generator.standard_normal(done.output.shape)
        names = {"x": x, "upstream": upstream}
        code = NumpyCode(["x"], [x.shape], "output", done.output.shape, "own", "upstream", 0, "result")
        run_lines([*operation.numpy_lines(code), *operation.vjp_numpy_lines(code)], names, operation.numpy_helpers)
        assert same_bits(names["output"], done.output) and same_bits(names["result"], done.vjp(0, upstream))


def test_an_operation_without_lines_of_numpy_is_named_with_what_is_missing() -> None:
    class Trial(Operation):
        name = "trial"

        def forward(self, emit: Emitter, inputs: Sequence[Array], output: Array) -> None:
            emit(np.copyto, output, inputs[0])

    class Half(Trial):
        def numpy_lines(self, code: NumpyCode) -> list[str]:
            return [f"{code.output} = {code.operands[0]}.copy()"]

    x, missing_line = np.ones((2, 3)), "trial has no lines of NumPy"
    for kind, missing in ((Trial, f"{missing_line}$"), (Half, f"{missing_line} for the way back$")):
        with pytest.raises(TypeError, match=missing):
            check_lines(NodeCase(Node("layer", kind(), (ref("input", "h"),), ref("layer", "h")), (x,)), [x])


@pytest.mark.parametrize(("precision", "huge", "tiny"), [("float64", 1e200, 1e-180), ("float32", 1e25, 1e-25)])
@pytest.mark.parametrize("case", SQUARING, ids=lambda case: case.text)
def test_the_lines_do_so_where_squares_overflow_or_vanish(
    case: LayerCase, precision: str, huge: float, tiny: float
) -> None:
    for node_case in node_cases(case):
        if isinstance(node_case.node.operation, Normalization | WeightNorm):
            for scale in (huge, tiny):
                first, *others = (array.astype(precision) for array in node_case.inputs)
                check_lines(node_case, [first * np.array(scale, precision), *others])
