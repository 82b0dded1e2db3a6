"""The lines of NumPy of losses where numbers and shapes are extreme: hard targets, saturation, kinks, one sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.registry_cases import loss_data, some_options
from visualbp.core.arrays import Array, Shape
from visualbp.core.options import parse_options
from visualbp.operations.base import evaluate
from visualbp.operations.losses import Loss, losses
from visualbp.operations.numpy_code import NumpyCode

SHAPES: tuple[Shape, ...] = ((1, 1), (1, 7), (2, 1), (5, 10), (300, 10), (33, 100), (1, 3, 4), (16, 20, 12))
"""One sample, one output, many rows of few columns (whose maximum is found column by column), and sequences."""


def extreme_data(loss: type[Loss], shape: Shape) -> Iterator[tuple[Array, Array]]:
    """Yield predictions and targets: ordinary, with hard targets, saturated, and at the kinks."""
    generator = np.random.default_rng(1)
    prediction, target = loss_data(loss, shape, generator)
    yield prediction, target
    hard = target
    if loss.target_kind == "classes":
        hard = np.eye(shape[-1])[generator.integers(0, shape[-1], shape[:-1])]
    elif loss.target_kind == "binary":
        hard = generator.integers(0, 2, shape).astype(float)
    yield prediction, hard
    if loss.expects == "probabilities":
        yield np.where(generator.random(shape) < 0.5, 0.0, 1.0), hard
        return
    yield prediction * 1e3, hard
    yield prediction * 0.0, hard
    yield hard.copy(), hard


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("loss", list(losses), ids=lambda loss: loss.type_name)
def test_the_lines_give_the_bits_of_the_rule_at_extremes(loss: type[Loss], precision: str) -> None:
    for given in some_options(loss.options):
        rule = loss(**parse_options(loss.options, given))
        for shape in SHAPES:
            for data in extreme_data(loss, shape):
                inputs = [array.astype(precision) for array in data]
                done = evaluate(rule, inputs)
                code = NumpyCode(["p", "y"], [shape, shape], "output", (), "own", "", 0, "result")
                names: dict[str, Any] = {"p": inputs[0].copy(), "y": inputs[1].copy()}
                with np.errstate(all="ignore"):
                    exec("\n".join([*rule.numpy_lines(code), *rule.vjp_numpy_lines(code)]), {"np": np}, names)
                upstream = np.ones((), precision)
                for name, array in (("output", done.output), ("result", done.vjp(0, upstream))):
                    found = np.asarray(names[name])
                    assert found.dtype == array.dtype and found.shape == array.shape, (shape, name)
                    assert np.array_equal(found, array, equal_nan=True), (shape, name)
