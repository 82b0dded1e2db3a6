"""The embedding: rows looked up and summed back, and indices that are no classes refused before anything runs."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.building import chain, executor_of, inline
from tests.operations.derivative_checks import (
    NUMPYS_OWN_BUFFERS,
    assert_derivatives_agree,
    assert_equations_can_be_set,
    bytes_allocated_by_a_second_run,
)
from tests.refs import ref
from visualbp.core.arrays import Array
from visualbp.datasets import DataError, Dataset, load_dataset
from visualbp.engine import Executor, Phase, compile_plan
from visualbp.network import Network, edits, structure_of
from visualbp.network.network import make_layer
from visualbp.network.structure import connection_problem
from visualbp.operations.base import evaluate
from visualbp.operations.embedding import Embedding

INDICES = np.array([[0.0, 3.0, 3.0], [3.0, 1.0, 0.0]])


def table(size: float = 1.0) -> Array:
    return size * np.random.default_rng(0).standard_normal((5, 2))


def test_each_index_gives_its_row() -> None:
    weight = table()
    output = evaluate(Embedding(), [INDICES, weight]).output
    np.testing.assert_array_equal(output[0], [weight[0], weight[3], weight[3]])
    np.testing.assert_array_equal(output[1], [weight[3], weight[1], weight[0]])


def test_a_row_gets_the_sum_over_the_places_it_went_to_and_an_unused_row_exactly_0() -> None:
    upstream = np.arange(12.0).reshape(2, 3, 2)
    gradient = evaluate(Embedding(), [INDICES, table()]).vjp(1, upstream)
    expected = np.zeros((5, 2))
    for sample in range(2):
        for position in range(3):
            expected[int(INDICES[sample, position])] += upstream[sample, position]
    np.testing.assert_array_equal(gradient, expected)
    assert not gradient[2].any() and not gradient[4].any()


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_derivatives_agree_with_differences_and_with_forward_mode(size: float) -> None:
    assert_derivatives_agree(Embedding(), [INDICES.copy(), table(size)])


def test_indices_have_no_derivative_and_looking_up_takes_no_multiplication() -> None:
    assert Embedding().is_constant(0) and not Embedding().is_constant(1)
    assert Embedding().multiplications([(2, 3), (5, 2)], (2, 3, 2)) == 0
    assert Embedding().vjp_multiplications(1, [(2, 3), (5, 2)], (2, 3, 2)) == 0


@pytest.mark.parametrize("wrong", [5.0, -1.0, 0.5, np.nan, 1e300])
def test_an_index_that_is_no_class_is_never_looked_up(wrong: float) -> None:
    indices = INDICES.copy()
    indices[1, 2] = wrong
    words = re.escape(f"takes class indices 0 to 4, and sample 1, position 2 is {wrong:g}")
    with pytest.raises(IndexError, match=words):
        evaluate(Embedding(), [indices, table()])


def test_the_prepared_calls_allocate_no_arrays() -> None:
    generator = np.random.default_rng(0)
    indices, weight = generator.integers(0, 50, (256, 64)).astype(float), generator.standard_normal((50, 32))
    allocated = bytes_allocated_by_a_second_run(Embedding(), [indices, weight])
    assert allocated < NUMPYS_OWN_BUFFERS < indices.size * 32 * 8 / 8


def test_its_equations_can_be_set() -> None:
    assert_equations_can_be_set(Embedding(), (3, 5), (7, 4), parameters=[1])


def network(indices: object = INDICES, vocabulary: int = 5) -> Network:
    return chain(
        ("input", "input", {"shape": [3]}),
        ("letters", "embedding", {"vocabulary": vocabulary, "units": 2}),
        ("flatten", "flatten", {}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        data=inline(indices, [[0.0], [1.0]]),
    )


def test_the_layer_gives_a_row_for_each_position_and_no_gradient_to_the_indices() -> None:
    executor = executor_of(network())
    assert executor.plan.structure.shapes["letters"] == (3, 2)
    for _ in executor.plan.steps:
        executor.step()
    written = {value for step in executor.plan.steps if step.phase == Phase.BACKWARD for value in step.writes}
    assert ref("letters", "weight").gradient in written
    assert ref("input", "h").gradient not in written
    assert executor.values[ref("letters", "h")].shape == (2, 3, 2)


@pytest.mark.parametrize(("vocabulary", "words"), [(3, "0 to 2, and sample 0, position 1 is 3")])
def test_data_outside_the_vocabulary_are_refused_before_anything_runs(vocabulary: int, words: str) -> None:
    with pytest.raises(DataError, match=f"letters: takes class indices {words}"):
        executor_of(network(vocabulary=vocabulary))


def test_held_out_data_outside_the_vocabulary_are_refused_too() -> None:
    built = network()
    assert built.data is not None
    inside = load_dataset(built.data)
    outside = Dataset(np.array([[0.0, 9.0, 0.0]]), np.array([[0.0]]))
    with pytest.raises(DataError, match="letters: takes class indices 0 to 4, and sample 0, position 1 is 9"):
        Executor(compile_plan(built), Dataset(inside.inputs, inside.targets, held_out=outside))


def test_it_takes_the_data_alone_and_nothing_that_a_layer_computes() -> None:
    computed = chain(
        ("input", "input", {"shape": [3]}),
        ("hidden", "dense", {"units": 3}),
        ("letters", "embedding", {"vocabulary": 5, "units": 2}),
        ("loss", "mean_squared_error", {}),
    )
    words = "letters: takes class indices from the data, not what hidden computes; connect the input layer to it"
    assert words in [problem.text for problem in structure_of(computed).problems]
    apart = edits.disconnect(computed, [("hidden", "letters")])
    reason = connection_problem(apart, "hidden", "letters")
    assert reason == "letters takes class indices from the data: connect the input layer to it"
    assert connection_problem(apart, "input", "letters") is None


def test_an_image_is_refused_in_words() -> None:
    image = edits.set_options(network(), "input", {"shape": [1, 2, 3]})
    words = (
        "letters: takes class indices (positions), gets (1, 2, 3);"
        " give the input layer a shape of one number, the length of a sequence"
    )
    assert words in [problem.text for problem in structure_of(image).problems]


def test_rows_start_normal_as_pytorchs_do() -> None:
    options = make_layer("letters", "embedding", {"vocabulary": 5, "units": 2}).options
    assert options["weight_init"].type == "normal" and options["weight_init"].options == {"mean": 0.0, "std": 1.0}
