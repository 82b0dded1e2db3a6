"""The steps of attention, and the layer: by their definition, by their derivatives, and what a mask must keep out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.building import chain, executor_of, inline, optimizer, whole_iteration, with_training
from tests.operations.derivative_checks import (
    NUMPYS_OWN_BUFFERS,
    assert_derivatives_agree,
    assert_equations_can_be_set,
    bytes_allocated_by_a_second_run,
)
from tests.refs import ref
from visualbp.core.arrays import Array
from visualbp.core.options import OptionError
from visualbp.engine import Phase
from visualbp.engine.evaluate import forward_pass
from visualbp.network import Network, edits, structure_of
from visualbp.network.network import make_layer
from visualbp.operations.activations.softmax import Softmax
from visualbp.operations.attention import Mix, Scores
from visualbp.operations.base import Operation, evaluate
from visualbp.operations.causal_mask import CausalMask

BATCH, POSITIONS, WIDTH = 2, 3, 4


def arrays(*shapes: tuple[int, ...], size: float = 1.0, seed: int = 0) -> list[Array]:
    generator = np.random.default_rng(seed)
    return [size * generator.standard_normal(shape) for shape in shapes]


def sequences(count: int, **how: Any) -> list[Array]:
    return arrays(*[(BATCH, POSITIONS, WIDTH)] * count, **how)


def case_of(operation: Operation, size: float = 1.0) -> tuple[Operation, list[Array]]:
    """Return an operation with its operands; of two that are multiplied, the second has the size 1 / `size`."""
    if isinstance(operation, Scores):
        return operation, [*sequences(1, size=size), *sequences(1, size=1 / size, seed=1)]
    scores = (BATCH, getattr(operation, "heads", 2), POSITIONS, POSITIONS)
    if isinstance(operation, Mix):
        return operation, [*arrays(scores, size=size), *sequences(1, size=1 / size, seed=1)]
    return operation, arrays(scores, size=size)


OPERATIONS = [Scores(1), Scores(2), Scores(4), CausalMask(), Mix(1), Mix(2)]
every_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda operation: f"{operation.name} {getattr(operation, 'heads', '')}"
)


@every_operation
@pytest.mark.parametrize("size", [1e-300, 1e-150, 1.0, 1e150, 1e300])
def test_derivatives_agree_with_differences_and_with_forward_mode(operation: Operation, size: float) -> None:
    assert_derivatives_agree(*case_of(operation, size))


@every_operation
def test_their_equations_can_be_set(operation: Operation) -> None:
    assert_equations_can_be_set(operation, *(array.shape for array in case_of(operation, 1.0)[1]))


def test_scores_are_scaled_dot_products_of_the_heads_parts() -> None:
    query, key = sequences(2)
    scores = evaluate(Scores(2), [query, key]).output
    assert scores.shape == (BATCH, 2, POSITIONS, POSITIONS)
    for b, head, i, j in np.ndindex(scores.shape):
        part = slice(head * 2, head * 2 + 2)
        assert scores[b, head, i, j] == pytest.approx(query[b, i, part] @ key[b, j, part] / np.sqrt(2), rel=1e-14)


def test_a_mix_is_the_heads_means_side_by_side() -> None:
    _, (attention, value) = case_of(Mix(2))
    mix = evaluate(Mix(2), [attention, value]).output
    for b, i, c in np.ndindex(mix.shape):
        assert mix[b, i, c] == pytest.approx(attention[b, c // 2, i] @ value[b, :, c], rel=1e-13)


@pytest.mark.parametrize("size", [0.0, 1.0, 1e150, 1e300, -1e300])
def test_a_closed_position_gets_exactly_0_whatever_the_scores(size: float) -> None:
    scores = size * np.abs(arrays((BATCH, 2, POSITIONS, POSITIONS))[0])
    masked = evaluate(CausalMask(), [scores])
    attention = evaluate(Softmax(), [masked.output])
    above = np.triu_indices(POSITIONS, 1)
    assert not attention.output[:, :, above[0], above[1]].any()
    np.testing.assert_allclose(attention.output.sum(-1), 1.0, rtol=1e-14)
    upstream = arrays(attention.output.shape, seed=2)[0]
    back = masked.vjp(0, attention.vjp(0, upstream))
    assert np.isfinite(back).all() and not back[:, :, above[0], above[1]].any()


def test_the_cost_is_that_of_the_products() -> None:
    shapes, scores = [(BATCH, POSITIONS, WIDTH)] * 2, (BATCH, 2, POSITIONS, POSITIONS)
    products = BATCH * 2 * POSITIONS * POSITIONS * (WIDTH // 2)
    assert Scores(2).multiplications(shapes, scores) == products + BATCH * 2 * POSITIONS * POSITIONS
    assert Scores(2).vjp_multiplications(0, shapes, scores) == products + BATCH * POSITIONS * WIDTH
    assert Mix(2).multiplications([scores, shapes[0]], shapes[0]) == products
    assert Mix(2).vjp_multiplications(1, [scores, shapes[0]], shapes[0]) == products
    assert CausalMask().multiplications([scores], scores) == 0


@pytest.mark.parametrize("kind", [Scores, Mix])
def test_the_prepared_calls_allocate_no_arrays(kind: type[Scores | Mix]) -> None:
    sequence, scores = (32, 32, 128), (32, 8, 32, 32)
    inputs = arrays(sequence, sequence) if kind is Scores else arrays(scores, sequence)
    assert bytes_allocated_by_a_second_run(kind(8), inputs) < NUMPYS_OWN_BUFFERS < inputs[0].nbytes


def test_masking_allocates_no_arrays() -> None:
    inputs = arrays((32, 8, 32, 32))
    assert bytes_allocated_by_a_second_run(CausalMask(), inputs) < NUMPYS_OWN_BUFFERS < inputs[0].nbytes


# -- the layer -----------------------------------------------------------------------------------------------------


def network(heads: int = 2, causal: bool = True, **fields: Any) -> Network:
    """Return a little transformer block, with a residual connection, on five random sequences of letters."""
    generator = np.random.default_rng(3)
    letters = generator.integers(0, 6, (5, 4))
    built = chain(
        ("input", "input", {"shape": [4]}),
        ("letters", "embedding", {"vocabulary": 6, "units": 4}),
        ("look", "self_attention", {"heads": heads, "causal": causal}),
        ("sum", "add", {}),
        ("norm", "layer_norm", {}),
        ("output", "dense", {"units": 6}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(letters, np.roll(letters, 1, axis=1)),
        seed=2,
        **fields,
    )
    return edits.connect(built, "letters", "sum")


def test_every_part_of_attention_is_a_step_of_its_own_forward_and_back() -> None:
    steps = executor_of(network()).plan.steps
    forward = [s.writes[0].name for s in steps if s.phase == Phase.FORWARD and s.layer == "look"]
    assert forward == ["query", "key", "value", "scores", "masked", "attention", "mix", "h"]
    backward = [s.writes[0].name for s in steps if s.phase == Phase.BACKWARD and s.writes[0].layer == "look"]
    for role in ("mix", "attention", "masked", "scores", "query", "key", "value", "weight_query", "bias_output"):
        assert f"gradient/{role}" in backward
    open_to_all = executor_of(network(causal=False)).plan.steps
    assert "masked" not in [s.writes[0].name for s in open_to_all]


def test_a_masks_infinity_is_no_trouble_and_leaves_norms_finite() -> None:
    executor = executor_of(network())
    values = whole_iteration(executor)
    masked = values[ref("look", "masked")]
    assert executor.non_finite is None
    assert executor.norms[ref("look", "masked")] == pytest.approx(np.linalg.norm(masked[np.isfinite(masked)]))
    executor.run_fast()
    executor.publish()
    assert all(np.isfinite(norm) for norm in executor.norms.values())


def test_scores_that_are_not_finite_are_found_where_they_were_made() -> None:
    broken = network()
    huge = np.full((4, 4), 1e200)
    for weight in ("weight_query", "weight_key"):
        broken = edits.set_parameter(broken, "look", weight, huge)
    executor = executor_of(broken)
    whole_iteration(executor)
    assert executor.non_finite is not None
    assert (executor.non_finite.step.layer, executor.non_finite.value.name) == ("look", "scores")


@pytest.mark.parametrize("causal", [False, True])
def test_a_causal_position_sees_nothing_of_the_ones_after_it(causal: bool) -> None:
    executor = executor_of(network(causal=causal))
    moved = executor.inputs.copy()
    moved[:, 2] = (moved[:, 2] + 1) % 6
    outputs = [
        forward_pass(executor.plan, executor.parameter_views(), inputs).values[ref("look", "h")]
        for inputs in (executor.inputs, moved)
    ]
    changed = (outputs[0] != outputs[1]).any((0, 2))
    assert changed.tolist() == ([False, False, True, True] if causal else [True] * 4)


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_stepping_and_full_speed_leave_the_same_bits(heads: int, precision: str) -> None:
    built = with_training(
        network(heads, precision=precision), batch_size=2, shuffle=True, optimizer=optimizer("sgd", momentum=0.9)
    )
    stepped, fast = executor_of(built), executor_of(built)
    for _ in range(4):
        fast.run_fast()
        whole_iteration(stepped)
    np.testing.assert_array_equal(stepped.store.persistent, fast.store.persistent)


def test_stepping_back_restores_every_value_to_the_bit() -> None:
    executor = executor_of(network())
    history = []
    for _ in executor.plan.steps:
        history.append(dict(executor.values))
        executor.step()
    after = executor.store.save()
    for before in reversed(history):
        executor.back()
        assert executor.values.keys() == before.keys()
        assert all(np.array_equal(executor.values[value], array) for value, array in before.items())
    whole_iteration(executor)
    np.testing.assert_array_equal(executor.store.save(), after)


def test_a_little_transformer_learns_to_say_the_letter_before() -> None:
    """Each letter's class tells its place too, so that attention can find the place before; nothing else could."""
    letters = np.random.default_rng(0).integers(0, 3, (48, 5))
    before = np.concatenate([letters[:, :1], letters[:, :-1]], axis=1)
    built = chain(
        ("input", "input", {"shape": [5]}),
        ("letters", "embedding", {"vocabulary": 15, "units": 16}),
        ("look", "self_attention", {"heads": 2, "causal": True}),
        ("output", "dense", {"units": 3}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(letters + 3 * np.arange(5), before),
    )
    built = with_training(built, optimizer=optimizer("adam", learning_rate=0.01), batch_size=48)
    executor = executor_of(built)
    losses = [executor.run_fast() for _ in range(300)]
    assert losses[0] > 0.9 and losses[-1] < 0.05


@pytest.mark.parametrize(
    ("shape", "heads", "words"),
    [
        ([3, 6], 4, "look: 4 heads do not divide the 6 features of its input; use 1, 2, 3 or 6"),
        ([3, 1], 2, "look: 2 heads do not divide the 1 features of its input; use 1"),
        (
            [6],
            1,
            "look: takes sequences (positions, features), gets (6);"
            " put an embedding before it, or give the input layer a shape such as 8, 16",
        ),
        (
            [8000, 1],
            1,
            "look: would score 64,000,000 pairs of positions a sample; 50,000,000 is the most;"
            " use shorter sequences or fewer heads",
        ),
    ],
)
def test_what_it_cannot_take_is_refused_in_words(shape: list[int], heads: int, words: str) -> None:
    built = chain(
        ("input", "input", {"shape": shape}),
        ("look", "self_attention", {"heads": heads}),
        ("loss", "mean_squared_error", {}),
    )
    assert words in [problem.text for problem in structure_of(built).problems]


def test_no_heads_are_refused() -> None:
    with pytest.raises(OptionError, match="heads must be a whole number from 1"):
        make_layer("look", "self_attention", {"heads": 0})
