"""What every operation must keep, as functions that a test calls in a line."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.operations.base import Emitter, IterationContext, Operation, evaluate
from visualbp.operations.symbols import Symbol

NUMPYS_OWN_BUFFERS = 300_000
"""NumPy's iterators may hold three buffers of 8192 elements while they walk over operands of different layouts."""


def differentiable(operation: Operation, inputs: Sequence[Array]) -> list[int]:
    return [operand for operand in range(len(inputs)) if not operation.is_constant(operand)]


def five_point_vjp(operation: Operation, inputs: Sequence[Array], operand: int, upstream: Array) -> tuple[Array, Array]:
    """Return upstream @ d output / d operand by five-point differences in extended precision, and where it holds.

    Steps are relative to the operand's size. It does not hold where a piecewise rule changes its piece on the way.
    """
    exact = [array.astype(np.longdouble) for array in inputs]
    step = np.longdouble(1e-4) * (np.abs(exact[operand]).max() or np.longdouble(1))
    resting = evaluate(operation, exact)
    is_open, branch = np.isfinite(resting.output), operation.branch(exact, resting.output)
    result, holds = np.zeros(inputs[operand].shape, np.longdouble), np.ones(inputs[operand].shape, bool)
    for index in np.ndindex(inputs[operand].shape):
        for steps, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
            moved = list(exact)
            moved[operand] = exact[operand].copy()
            moved[operand][index] += steps * step
            output = evaluate(operation, moved).output
            result[index] += weight * np.sum((output * upstream)[is_open]) / (12 * step)
            if branch is not None and not np.array_equal(operation.branch(moved, output), branch):
                holds[index] = False
    return result, holds


def assert_derivatives_agree(operation: Operation, inputs: Sequence[Array], seed: int = 0, rtol: float = 1e-9) -> None:
    """Assert that reverse mode equals differences of the forward rule, and forward mode equals reverse mode.

    No warning may escape, and no operand may be written to. Differences are relative to the size of the whole result.
    """
    generator = np.random.default_rng(seed)
    for array in inputs:
        array.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = evaluate(operation, inputs)
        assert done.output.shape == tuple(operation.output_shape([array.shape for array in inputs]))
        upstream = generator.standard_normal(done.output.shape)
        tangents = [generator.standard_normal(array.shape) * (np.abs(array).max() or 1.0) for array in inputs]
        for operand in differentiable(operation, inputs):
            found = done.vjp(operand, upstream)
            assert found.shape == inputs[operand].shape and np.isfinite(found).all()
            expected, holds = five_point_vjp(operation, inputs, operand, upstream)
            assert holds.any()
            # Where the derivative is 0, the size of what was differenced says what rounding can leave.
            rounding = 1e-6 * np.abs(done.output[np.isfinite(done.output)]).max() / (np.abs(inputs[operand]).max() or 1)
            size = max(np.abs(expected[holds]).max(), np.longdouble(rounding)) or np.longdouble(1)
            np.testing.assert_allclose(found[holds] / size, expected[holds] / size, rtol=0, atol=rtol)
            alone = [tangent if place == operand else None for place, tangent in enumerate(tangents)]
            forward_mode = np.sum(upstream * operation.jvp(alone, inputs, done.output))
            reverse_mode = np.sum(found * tangents[operand])
            scale = np.sum(np.abs(found * tangents[operand])) or 1.0
            assert abs(forward_mode - reverse_mode) <= 1e-12 * scale
        assert not np.any(operation.jvp([None] * len(inputs), inputs, done.output))


def assert_equations_can_be_set(operation: Operation, *shapes: Shape, parameters: Sequence[int] = ()) -> None:
    """Assert that ziamath sets the forward rule and every reverse rule, in symbols as a plan has them.

    `shapes` are those of the operands, with a batch of 3 where they are no parameters.
    """
    from tests.typeset_equations import paths

    symbols = [
        Symbol(
            rf"W^{{({place})}}_{{\text{{query}}}}", shape if place in parameters else shape[1:], place not in parameters
        )
        for place, shape in enumerate(shapes)
    ]
    made = tuple(operation.output_shape(shapes))[1:]
    output = Symbol(r"\mathbf{h}^{(2)}_{3}", made, True)
    upstream = Symbol(rf"\frac{{\partial \mathcal{{L}}}}{{\partial {output}}}", made, True)
    equations = [operation.equation(output, symbols)]
    for operand, symbol in enumerate(symbols):
        if not operation.is_constant(operand):
            result = Symbol(rf"\frac{{\partial \mathcal{{L}}}}{{\partial {symbol}}}", symbol.shape, symbol.is_batched)
            equations.append(operation.vjp_equation(operand, result, upstream, output, symbols))
    for equation in equations:
        assert "=" in equation
        assert paths(equation), equation


def bytes_allocated_by_a_second_run(operation: Operation, inputs: Sequence[Array]) -> int:
    """Return the most memory that the prepared calls of all rules hold at a time, beside the buffers they have."""
    emit = Emitter(IterationContext(), inputs[0].dtype)
    output = np.zeros(operation.output_shape([array.shape for array in inputs]), inputs[0].dtype)
    operation.forward(emit, inputs, output)
    upstream = np.random.default_rng(0).standard_normal(output.shape).astype(output.dtype)
    for operand in differentiable(operation, inputs):
        operation.vjp(emit, operand, upstream, inputs, output, np.zeros_like(inputs[operand]))
    calls = emit.take_calls()
    for function, arguments in calls:
        function(*arguments)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for function, arguments in calls:
            function(*arguments)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before
