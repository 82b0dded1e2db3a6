"""Weight norm: its derivatives, its geometry, and directions at the edge of what a float can hold."""

from __future__ import annotations

import numpy as np
import pytest

from tests.differences import check_derivatives
from visualbp.core.arrays import Shape
from visualbp.operations.base import evaluate
from visualbp.operations.weight_norm import WeightNorm, gain_shape, lengths

SHAPES: list[Shape] = [(4, 3), (1, 5), (3, 2, 3, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [1.0, 1e-200, 1e200])
def test_derivatives_agree_at_ordinary_tiny_and_huge_directions(shape: Shape, size: float) -> None:
    generator = np.random.default_rng(0)
    direction, gain = generator.normal(size=shape) * size, generator.normal(size=gain_shape(shape))
    check_derivatives(WeightNorm(), [direction, gain])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [1.0, 1e-300, 1e-320, 1e300])
def test_each_unit_of_the_weight_is_as_long_as_its_gain_and_keeps_its_direction(shape: Shape, size: float) -> None:
    generator = np.random.default_rng(1)
    plain = generator.uniform(0.5, 1.0, shape)
    direction, gain = plain * size, generator.uniform(0.5, 2.0, gain_shape(shape))
    weight = evaluate(WeightNorm(), [direction, gain]).output
    rows = weight.reshape(len(weight), -1)
    assert np.allclose(np.linalg.norm(rows, axis=1), gain.reshape(-1), rtol=1e-12)
    if size != 1e-320:  # a subnormal number has few digits left
        unit = plain.reshape(len(plain), -1) / np.linalg.norm(plain.reshape(len(plain), -1), axis=1, keepdims=True)
        assert np.allclose(rows, unit * gain.reshape(-1, 1), rtol=1e-12)


def test_the_gradient_of_the_direction_is_across_it() -> None:
    generator = np.random.default_rng(2)
    direction, gain = generator.normal(size=(4, 3)), generator.normal(size=(4, 1))
    gradient = evaluate(WeightNorm(), [direction, gain]).vjp(0, generator.normal(size=(4, 3)))
    assert np.allclose(np.sum(gradient * direction, axis=1), 0.0, atol=1e-14)


def test_lengths_hold_where_squares_overflow_or_vanish() -> None:
    direction = np.array([[3e300, 4e300], [3e-300, 4e-300], [3.0, 4.0], [0.0, 0.0]])
    assert np.allclose(lengths(direction).reshape(-1) / [5e300, 5e-300, 5.0, 1.0], [1.0, 1.0, 1.0, 0.0], rtol=1e-15)
