"""Batch norm and layer norm: their derivatives, their statistics, and numbers at the edge of what a float can hold."""

from __future__ import annotations

import numpy as np
import pytest

from tests.differences import check_derivatives
from visualbp.core.arrays import Array, Shape
from visualbp.operations.base import Emitter, IterationContext, evaluate
from visualbp.operations.normalization import BatchNorm, LayerNorm, Normalization

BATCHES: list[Shape] = [(7, 3), (5, 3, 4), (4, 2, 3, 5)]


def operands(operation: Normalization, shape: Shape, seed: int = 0, sequence: bool = False) -> list[Array]:
    generator = np.random.default_rng(seed)
    own = shape[1:2] if isinstance(operation, BatchNorm) else shape[-1:] if sequence else shape[1:]
    x = generator.normal(2.0, 3.0, shape)
    arrays = [x, generator.normal(size=own), generator.normal(size=own)]
    if isinstance(operation, BatchNorm):
        arrays += [generator.normal(size=own), generator.uniform(0.5, 2.0, own)]
    return arrays


@pytest.mark.parametrize("shape", BATCHES)
@pytest.mark.parametrize("operation", [BatchNorm(1e-5, 0.1), LayerNorm(1e-5)], ids=["batch", "layer"])
@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-12, 1e8, 1e150])
def test_derivatives_agree_at_ordinary_tiny_and_large_inputs(
    operation: Normalization, shape: Shape, size: float
) -> None:
    inputs = operands(operation, shape)
    inputs[0] = inputs[0] * size
    inputs[2] = inputs[2] * min(size, 1.0)  # else x_hat, which epsilon keeps tiny, drowns in the round-off of the bias
    check_derivatives(operation, inputs)


def test_layer_norm_of_a_sequence_normalises_each_position_by_itself() -> None:
    operation = LayerNorm(1e-5)
    inputs = operands(operation, (5, 3, 4), sequence=True)
    check_derivatives(operation, inputs)
    whole = evaluate(operation, inputs).output
    alone = evaluate(operation, [inputs[0][2:3, 1:2], *inputs[1:]]).output
    assert np.allclose(whole[2:3, 1:2], alone, rtol=1e-13)


@pytest.mark.parametrize("shape", BATCHES)
def test_batch_norm_brings_each_channel_to_mean_0_and_deviation_1(shape: Shape) -> None:
    x = np.random.default_rng(1).normal(5.0, 3.0, shape)
    channels = shape[1]
    ones, zeros = np.ones(channels), np.zeros(channels)
    h = evaluate(BatchNorm(1e-12, 0.1), [x, ones, zeros, zeros, ones]).output
    axes = tuple(axis for axis in range(len(shape)) if axis != 1)
    assert np.allclose(h.mean(axes), 0.0, atol=1e-13)
    assert np.allclose(h.std(axes), 1.0, rtol=1e-10)


def test_outside_training_batch_norm_uses_the_running_statistics_and_its_slope_is_a_plain_factor() -> None:
    operation = BatchNorm(1e-5, 0.1)
    inputs = operands(operation, (6, 3))
    x, weight, bias, mean, variance = inputs
    done = evaluate(operation, inputs, training=False)
    factor = weight / np.sqrt(variance + 1e-5)
    assert np.allclose(done.output, (x - mean) * factor + bias, rtol=1e-13)
    upstream = np.random.default_rng(3).normal(size=x.shape)
    assert np.allclose(done.vjp(0, upstream), upstream * factor, rtol=1e-13)
    assert np.allclose(done.vjp(1, upstream), (upstream * (x - mean) / np.sqrt(variance + 1e-5)).sum(0), rtol=1e-13)


def test_an_evaluation_leaves_the_running_statistics_alone() -> None:
    inputs = operands(BatchNorm(1e-5, 0.1), (6, 3))
    before = [array.copy() for array in inputs]
    evaluate(BatchNorm(1e-5, 0.1), inputs)
    assert all(np.array_equal(one, other) for one, other in zip(inputs, before, strict=True))


@pytest.mark.parametrize("shape", BATCHES)
def test_copies_of_a_batch_have_statistics_of_their_own(shape: Shape) -> None:
    operation = BatchNorm(1e-5, 0.1)
    first, second = (operands(operation, shape, seed) for seed in (0, 1))
    second[1:] = first[1:]
    alone = [evaluate(operation, inputs).output for inputs in (first, second)]
    emit = Emitter(IterationContext(), np.dtype(float), eager=True, copies=2)
    stacked = np.concatenate([first[0], second[0]])
    output = np.zeros_like(stacked)
    operation.forward(emit, [stacked, *first[1:]], output)
    assert np.allclose(output, np.concatenate(alone), rtol=1e-12)
    upstream = np.random.default_rng(5).normal(size=output.shape)
    result = np.zeros_like(output)
    operation.vjp(emit, 0, upstream, [stacked, *first[1:]], output, result)
    halves = [evaluate(operation, i).vjp(0, u) for i, u in zip((first, second), np.split(upstream, 2), strict=True)]
    assert np.allclose(result, np.concatenate(halves), rtol=1e-11)


@pytest.mark.parametrize("operation", [BatchNorm(1e-5, 0.1), LayerNorm(1e-5)], ids=["batch", "layer"])
@pytest.mark.parametrize("shape", BATCHES)
@pytest.mark.parametrize("size", [1e160, 1e300, 1.7e308])
def test_squares_that_overflow_are_scaled(operation: Normalization, shape: Shape, size: float) -> None:
    inputs = operands(operation, shape)
    ordinary = np.random.default_rng(2).uniform(-1.0, 1.0, shape)
    inputs[0] = ordinary * size
    huge = evaluate(operation, inputs)
    # What is as large as that does not notice epsilon: the same as the ordinary numbers, without one.
    bare = type(operation)(*([1e-300, 0.1] if isinstance(operation, BatchNorm) else [1e-300]))
    expected = evaluate(bare, [ordinary, *inputs[1:]]).output
    assert np.allclose(huge.output, expected, rtol=1e-12, atol=1e-12)
    upstream = np.random.default_rng(4).normal(size=shape)
    assert all(np.isfinite(huge.vjp(operand, upstream)).all() for operand in range(3))


def test_a_huge_channel_does_not_disturb_its_neighbours() -> None:
    operation = BatchNorm(1e-5, 0.1)
    inputs = operands(operation, (6, 3))
    ordinary = evaluate(operation, inputs).output
    inputs[0] = inputs[0] * [1.0, 1e300, 1.0]
    assert np.array_equal(evaluate(operation, inputs).output[:, [0, 2]], ordinary[:, [0, 2]])


def test_a_constant_channel_becomes_the_bias_and_passes_no_gradient() -> None:
    for value in (3.0, 1e-300, 1e300):
        inputs = operands(BatchNorm(1e-5, 0.1), (6, 3))
        inputs[0][:, 1] = value
        done = evaluate(BatchNorm(1e-5, 0.1), inputs)
        assert np.array_equal(done.output[:, 1], np.full(6, inputs[2][1]))
        assert np.isfinite(done.vjp(0, np.ones((6, 3)))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_so_and_stays_in_its_channel(bad: float) -> None:
    inputs = operands(BatchNorm(1e-5, 0.1), (6, 3))
    inputs[0][2, 1] = bad
    output = evaluate(BatchNorm(1e-5, 0.1), inputs).output
    assert not np.isfinite(output[2, 1])
    assert np.isfinite(output[:, [0, 2]]).all()


def test_only_batch_norm_couples_samples() -> None:
    for operation, coupled in ((BatchNorm(1e-5, 0.1), True), (LayerNorm(1e-5), False)):
        inputs = operands(operation, (6, 3))
        before = evaluate(operation, inputs).output
        inputs[0] = inputs[0] + np.eye(6, 3) * [[1.0, 0.0, 0.0]]
        changed = np.any(evaluate(operation, inputs).output != before, axis=1)
        assert operation.samples_are_independent() is not coupled
        assert bool(changed[1:].any()) is coupled
