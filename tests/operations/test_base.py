"""What rules are written with: the emitter, its memory, and randomness keyed by seed and iteration."""

from __future__ import annotations

import numpy as np
import pytest

from visualbp.operations.affine import Affine
from visualbp.operations.base import Emitter, IterationContext, Operation, as_rows, emit_row_maximum, evaluate


def emitter(eager: bool = True) -> Emitter:
    return Emitter(IterationContext(), np.dtype(np.float64), eager=eager)


@pytest.mark.parametrize("count", [1, 255, 256, 1000])
@pytest.mark.parametrize("width", [1, 3, 32, 33])
def test_row_maxima_are_the_same_bits_however_they_are_found(count: int, width: int) -> None:
    rows = np.random.default_rng(0).standard_normal((count, width))
    rows[0, -1], rows[-1, 0] = np.inf, np.nan
    maximum = np.zeros((count, 1))
    emit_row_maximum(emitter(), rows, maximum)
    np.testing.assert_array_equal(maximum, rows.max(1, keepdims=True))


def test_calls_wait_until_they_are_run_and_run_as_often_as_one_likes() -> None:
    emit, x, result = emitter(eager=False), np.ones(3), np.zeros(3)
    emit(np.add, x, emit.constant(1.0), result)
    emit(np.maximum, result, emit.constant(5.0), out=result)
    assert not result.any()
    calls = emit.take_calls()
    assert len(calls) == 2 and emit.take_calls() == ()
    for x[...] in (1.0, 7.0):
        for function, arguments in calls:
            function(*arguments)
    np.testing.assert_array_equal(result, 8.0)


def test_a_rule_finds_the_memory_that_the_forward_rule_left() -> None:
    emit = emitter()
    assert emit.memory("mask", (2, 3)) is emit.memory("mask", (2, 3))
    assert emit.constant(0.5) is emit.constant(0.5) and emit.constant(0.5).shape == ()
    assert emit.ones(4) is emit.ones(4) and emit.ones(4).tolist() == [1.0] * 4
    assert Emitter(IterationContext(), np.dtype(np.float32)).constant(0.1).dtype == np.float32


def test_random_numbers_depend_on_seed_iteration_and_stream_and_on_nothing_else() -> None:
    def drawn(seed: int, iteration: int, stream: int) -> list[float]:
        return IterationContext(seed, iteration).generator(stream).random(4).tolist()

    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    seeds = (0, 1, 2, -1, -2, 2**53, 2**53 + 1, 2**63, 2**63 + 1)
    draws = [drawn(seed, iteration, stream) for seed in seeds for iteration in (0, 1) for stream in (0, 2**32 - 1)]
    assert len({tuple(numbers) for numbers in draws}) == len(draws)


def test_a_buffer_that_is_not_contiguous_is_refused_as_rows() -> None:
    array = np.zeros((2, 3, 4))
    assert np.shares_memory(as_rows(array), array) and as_rows(array).shape == (6, 4)
    with pytest.raises(ValueError, match="must be contiguous"):
        as_rows(array.transpose(1, 0, 2))


def test_a_rule_that_is_missing_says_whose_and_which() -> None:
    class Nothing(Operation):
        name = "nothing"

    with pytest.raises(TypeError, match="nothing has no forward rule"):
        evaluate(Nothing(), [np.zeros(2)])
    with pytest.raises(TypeError, match="nothing has no reverse-mode rule for operand 0"):
        Nothing().vjp(emitter(), 0, np.zeros(2), [np.zeros(2)], np.zeros(2), np.zeros(2))
    with pytest.raises(TypeError, match="nothing has no forward-mode rule"):
        Nothing().jvp([None], [np.zeros(2)], np.zeros(2))


def test_the_affine_rule_is_the_documents_column_form_for_each_sample() -> None:
    generator = np.random.default_rng(0)
    x, weight, bias = (generator.standard_normal(shape) for shape in ((5, 3), (4, 3), (4,)))
    z = evaluate(Affine(), [x, weight, bias]).output
    for sample in range(5):
        np.testing.assert_allclose(z[sample], weight @ x[sample] + bias, rtol=1e-15, atol=1e-15)
    delta = generator.standard_normal((5, 4))
    evaluation = evaluate(Affine(), [x, weight, bias])
    outer = sum(np.outer(delta[sample], x[sample]) for sample in range(5))
    np.testing.assert_allclose(evaluation.vjp(1, delta), outer, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(evaluation.vjp(2, delta), delta.sum(0), rtol=1e-13, atol=1e-14)
    for sample in range(5):
        np.testing.assert_allclose(evaluation.vjp(0, delta)[sample], weight.T @ delta[sample], rtol=1e-13, atol=1e-14)
