"""Batch, layer and group norm: their derivatives, their statistics, and numbers at the edge of what a float holds."""

from __future__ import annotations

from copy import copy

import numpy as np
import pytest

from tests.building import chain
from tests.differences import check_derivatives
from visualbp.core.arrays import Array, Shape
from visualbp.network import structure_of
from visualbp.operations.base import Emitter, IterationContext, evaluate
from visualbp.operations.normalization import BatchNorm, GroupNorm, LayerNorm, Normalization

BATCHES: list[Shape] = [(7, 3), (5, 3, 4), (4, 2, 3, 5)]


def operands(operation: Normalization, shape: Shape, seed: int = 0, sequence: bool = False) -> list[Array]:
    generator = np.random.default_rng(seed)
    by_channel = isinstance(operation, BatchNorm | GroupNorm)
    own = shape[1:2] if by_channel else shape[-1:] if sequence else shape[1:]
    x = generator.normal(2.0, 3.0, shape)
    arrays = [x, generator.normal(size=own), generator.normal(size=own)]
    if isinstance(operation, BatchNorm):
        arrays += [generator.normal(size=own), generator.uniform(0.5, 2.0, own)]
    return arrays


OPERATIONS: list[Normalization] = [BatchNorm(1e-5, 0.1), LayerNorm(1e-5), GroupNorm(1, 1e-5), GroupNorm(2, 1e-5)]
GROUPED: list[Shape] = [(7, 6), (5, 6, 4), (4, 6, 3, 5)]


def shape_for(operation: Normalization, shape: Shape) -> Shape:
    """Return a shape of as many axes that the operation takes."""
    return GROUPED[len(shape) - 2] if isinstance(operation, GroupNorm) and operation.groups > 1 else shape


every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=["batch", "layer", "group of all", "groups"])


@pytest.mark.parametrize("shape", BATCHES)
@every_operation
@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-12, 1e8, 1e150])
def test_derivatives_agree_at_ordinary_tiny_and_large_inputs(
    operation: Normalization, shape: Shape, size: float
) -> None:
    inputs = operands(operation, shape_for(operation, shape))
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


@every_operation
@pytest.mark.parametrize("shape", BATCHES)
@pytest.mark.parametrize("size", [1e160, 1e300, 1.7e308])
def test_squares_that_overflow_are_scaled(operation: Normalization, shape: Shape, size: float) -> None:
    shape = shape_for(operation, shape)
    inputs = operands(operation, shape)
    ordinary = np.random.default_rng(2).uniform(-1.0, 1.0, shape)
    inputs[0] = ordinary * size
    huge = evaluate(operation, inputs)
    # What is as large as that does not notice epsilon: the same as the ordinary numbers, without one.
    bare = copy(operation)
    bare.epsilon = 1e-300
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
    for operation, coupled in ((BatchNorm(1e-5, 0.1), True), (LayerNorm(1e-5), False), (GroupNorm(1, 1e-5), False)):
        inputs = operands(operation, (6, 3))
        before = evaluate(operation, inputs).output
        inputs[0] = inputs[0] + np.eye(6, 3) * [[1.0, 0.0, 0.0]]
        changed = np.any(evaluate(operation, inputs).output != before, axis=1)
        assert operation.samples_are_independent() is not coupled
        assert bool(changed[1:].any()) is coupled


# -- groups ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", GROUPED)
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_each_group_of_channels_of_each_sample_has_mean_0_and_deviation_1(groups: int, shape: Shape) -> None:
    if shape == (7, groups):
        return  # groups of a single number
    x = np.random.default_rng(1).normal(5.0, 3.0, shape)
    h = evaluate(GroupNorm(groups, 1e-12), [x, np.ones(6), np.zeros(6)]).output
    for sample in h:
        for group in np.split(sample, groups):
            assert abs(group.mean()) < 1e-13 and group.std() == pytest.approx(1.0, rel=1e-6)


def test_one_group_of_an_image_is_layer_norm_and_a_group_for_each_channel_looks_at_no_other() -> None:
    shape = (4, 6, 3, 5)
    x, generator = np.random.default_rng(1).normal(size=shape), np.random.default_rng(2)
    weight, bias = generator.normal(size=6), generator.normal(size=6)
    wide = [np.broadcast_to(parameter[:, None, None], shape[1:]) for parameter in (weight, bias)]
    one = evaluate(GroupNorm(1, 1e-5), [x, weight, bias]).output
    assert np.allclose(one, evaluate(LayerNorm(1e-5), [x, *map(np.ascontiguousarray, wide)]).output, rtol=1e-12)
    apart = evaluate(GroupNorm(6, 1e-5), [x, weight, bias]).output
    moved = x.copy()
    moved[:, 2] *= 3.0
    changed = (evaluate(GroupNorm(6, 1e-5), [moved, weight, bias]).output != apart).any((0, 2, 3))
    assert changed.tolist() == [False, False, True, False, False, False]


@pytest.mark.parametrize("value", [0.0, 3.0, 1e-300, 1e300])
def test_a_constant_group_becomes_the_bias_and_disturbs_no_other(value: float) -> None:
    inputs = operands(GroupNorm(2, 1e-5), (5, 6, 4))
    ordinary = evaluate(GroupNorm(2, 1e-5), inputs).output
    inputs[0][:, :3] = value
    done = evaluate(GroupNorm(2, 1e-5), inputs)
    assert np.array_equal(done.output[:, :3], np.broadcast_to(inputs[2][:3, None], (5, 3, 4)))
    assert np.array_equal(done.output[:, 3:], ordinary[:, 3:])
    assert all(np.isfinite(done.vjp(operand, np.ones((5, 6, 4)))).all() for operand in range(3))
    assert not done.vjp(1, np.ones((5, 6, 4)))[:3].any()


@pytest.mark.parametrize(
    ("shape", "groups", "words"),
    [
        (
            [6, 4],
            4,
            "norm: cannot put 6 channels into 4 groups of the same size; use a number of groups that divides 6:"
            " 1, 2, 3, 6",
        ),
        ([2, 3], 5, "norm: cannot put 2 channels into 5 groups of the same size; use a number of groups that divides 2:"
         " 1, 2"),
        (
            [6],
            6,
            "norm: each of its groups is a single number, which is its own mean and always becomes 0; use fewer groups",
        ),
        (
            [1, 1],
            1,
            "norm: each of its groups is a single number, which is its own mean and always becomes 0;"
            " give it more than one number",
        ),
        (
            [720],
            7,
            "norm: cannot put 720 channels into 7 groups of the same size; use a number of groups that divides 720:"
            " 1, 2, 3, 4, 5, 6, 8, 9, ...",
        ),
    ],
)  # fmt: skip
def test_groups_that_cannot_be_are_refused_in_words(shape: list[int], groups: int, words: str) -> None:
    network = chain(
        ("input", "input", {"shape": shape}),
        ("norm", "group_norm", {"groups": groups}),
        ("flat", "flatten", {}),
        ("loss", "mean_squared_error", {}),
    )
    assert words in [problem.text for problem in structure_of(network).problems]


def test_the_parameters_of_group_norm_are_pytorchs_one_for_each_channel() -> None:
    network = chain(
        ("input", "input", {"shape": [6, 3, 5]}),
        ("norm", "group_norm", {"groups": 3}),
        ("flat", "flatten", {}),
        ("loss", "mean_squared_error", {}),
    )
    structure = structure_of(network)
    assert structure.shapes["norm"] == (6, 3, 5)
    assert [(spec.name, spec.shape) for spec in structure.parameters["norm"]] == [("weight", (6,)), ("bias", (6,))]
