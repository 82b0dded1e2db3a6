"""Central differences of operations: the oracle of their derivatives, which shares only their forward rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visualbp.core.arrays import Array
from visualbp.operations.base import Operation, evaluate


def difference_along(
    operation: Operation, inputs: Sequence[Array], operand: int, direction: Array, step: float = 1e-6
) -> Array:
    """Return d output / d inputs[operand] along `direction`, by a central difference."""
    outputs = []
    for sign in (1.0, -1.0):
        moved = [np.array(array) for array in inputs]
        moved[operand] = moved[operand] + sign * step * direction
        outputs.append(evaluate(operation, moved).output)
    return np.asarray((outputs[0] - outputs[1]) / (2.0 * step))


def check_derivatives(
    operation: Operation, inputs: Sequence[Array], tolerance: float = 1e-6, step: float = 1e-5, seed: int = 20_000
) -> None:
    """Assert that vjp, jvp and central differences of every operand agree along random directions.

    A step is a share of the operand's largest number. <upstream, J t> is the same number whichever way it is computed:
    from a difference, from jvp, and from vjp.
    """
    generator = np.random.default_rng(seed)
    done = evaluate(operation, inputs)
    for operand, array in enumerate(inputs):
        if operation.is_constant(operand):
            continue
        direction = (float(np.abs(array).max()) or 1.0) * generator.normal(size=array.shape)
        upstream = generator.normal(size=done.output.shape)
        tangents: list[Array | None] = [None] * len(inputs)
        tangents[operand] = direction
        along = operation.jvp(tangents, inputs, done.output)
        numeric = difference_along(operation, inputs, operand, direction, step)
        size = float(np.linalg.norm(numeric))
        assert np.linalg.norm(along - numeric) <= tolerance * size, f"jvp for {operation.operand_name(operand)}"
        forward = float(np.sum(upstream * along))
        backward = float(np.sum(done.vjp(operand, upstream) * direction))
        bound = 1e-12 * (float(np.sum(np.abs(upstream * along))) + size)
        assert abs(forward - backward) <= bound, f"vjp against jvp for {operation.operand_name(operand)}"
