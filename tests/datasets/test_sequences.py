"""Sequences: seeded, distinct, balanced, and with the targets that their rules say."""

import numpy as np
import pytest

from visualbp.core.arrays import Array
from visualbp.core.options import OptionError
from visualbp.datasets import DataError, Dataset, load_dataset
from visualbp.datasets.base import make_spec
from visualbp.datasets.sequences import distinct_rows

SOURCES = ("strings", "copy", "recall")


def load(source: str, **options: object) -> Dataset:
    return load_dataset(make_spec(source, options))


def rows_of(*arrays: Array) -> set[tuple[float, ...]]:
    return {tuple(row) for array in arrays for row in array.tolist()}


@pytest.mark.parametrize("source", SOURCES)
def test_a_set_is_the_same_for_the_same_seed_and_another_for_another(source: str) -> None:
    one, same, other = load(source, seed=5), load(source, seed=5), load(source, seed=6)
    np.testing.assert_array_equal(one.inputs, same.inputs)
    np.testing.assert_array_equal(one.targets, same.targets)
    assert not np.array_equal(one.inputs, other.inputs)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("samples", [2, 61])
def test_a_set_has_the_samples_that_were_asked_for_read_only(source: str, samples: int) -> None:
    dataset = load(source, samples=samples)
    assert len(dataset) == len(dataset.targets) == samples
    assert dataset.inputs.dtype == np.float64
    assert not dataset.inputs.flags.writeable and not dataset.targets.flags.writeable
    assert len(dataset.input_names) == dataset.inputs.shape[1]


@pytest.mark.parametrize("letters", [2, 4, 26])
@pytest.mark.parametrize("length", [3, 7])
def test_strings_are_classed_by_whether_they_end_as_they_begin_in_equal_shares(letters: int, length: int) -> None:
    dataset = load("strings", samples=6 if letters == 2 else 16, letters=letters, length=length)
    strings = dataset.inputs
    assert strings.shape[1] == length
    assert set(np.unique(strings)) <= set(range(letters))
    np.testing.assert_array_equal(dataset.targets, strings[:, 0] == strings[:, -1])
    assert dataset.targets.mean() == 0.5 and dataset.targets_are_classes


def test_strings_that_were_held_out_were_not_trained_on() -> None:
    dataset = load("strings", samples=400)
    held_out = dataset.held_out
    assert held_out is not None and len(held_out) == 100
    np.testing.assert_array_equal(held_out.targets, held_out.inputs[:, 0] == held_out.inputs[:, -1])
    assert held_out.targets.mean() == 0.5
    assert len(rows_of(dataset.inputs, held_out.inputs)) == 500


def test_letters_of_strings_have_equal_chances_at_every_place_of_both_kinds() -> None:
    dataset = load("strings", samples=8000, letters=3, length=12)
    for kind in (0, 1):
        strings = dataset.inputs[dataset.targets == kind]
        for place in range(12):
            shares = np.bincount(strings[:, place].astype(int), minlength=3) / len(strings)
            np.testing.assert_allclose(shares, 1 / 3, atol=0.03)


def test_a_copy_is_due_at_every_question_and_each_token_says_its_place() -> None:
    dataset = load("copy", samples=100, letters=3, length=5)
    tokens, due = dataset.inputs.astype(int), dataset.targets
    assert tokens.shape == due.shape == (100, 10)
    for string, letters in zip(tokens, due, strict=True):
        for place in range(5):
            assert divmod(string[place], 3) == (place, letters[place])
            assert string[5 + place] == 15 + place
            assert letters[5 + place] == letters[place]
    assert tokens.max() == 5 * 3 + 5 - 1  # the vocabulary holds letters at places, and questions
    assert dataset.class_names == ("a", "b", "c") and dataset.targets_are_classes


def test_copies_that_were_held_out_were_not_trained_on() -> None:
    dataset = load("copy")
    assert dataset.held_out is not None and len(dataset.held_out) == 48
    assert len(rows_of(dataset.inputs, dataset.held_out.inputs)) == 192 + 48


def test_all_strings_that_there_are_can_be_trained_on_and_not_one_more() -> None:
    everything = load("copy", samples=16, letters=2, length=4)
    assert len(rows_of(everything.inputs)) == 16 and everything.held_out is None
    with pytest.raises(DataError, match="there are only 16 strings of 4 letters, and 17 are asked for; use fewer"):
        load("copy", samples=17, letters=2, length=4)
    assert load("strings", samples=8, letters=2, length=3).held_out is None
    with pytest.raises(DataError, match="there are only 4 strings that end as they begin, and 5 are asked for"):
        load("strings", samples=9, letters=2, length=3)


def test_a_row_to_recall_is_at_the_first_step_and_nothing_after_it() -> None:
    dataset = load("recall", samples=3000, steps=7, features=2)
    assert dataset.inputs.shape == (3000, 7, 2)
    np.testing.assert_array_equal(dataset.inputs[:, 0], dataset.targets)
    assert not dataset.inputs[:, 1:].any()
    np.testing.assert_allclose(dataset.targets.mean(axis=0), 0.0, atol=0.07)
    np.testing.assert_allclose(dataset.targets.std(axis=0), 1.0, atol=0.05)


@pytest.mark.parametrize("count", [1, 3, 12, 24])
def test_distinct_rows_are_distinct_and_within_their_sizes(count: int) -> None:
    rows = distinct_rows(np.random.default_rng(1), [2, 3, 4], count)
    assert rows.shape == (count, 3) and len(rows_of(rows)) == count
    assert (rows >= 0).all() and (rows < [2, 3, 4]).all()


def test_each_distinct_row_has_the_same_chance() -> None:
    counted = np.zeros((2, 3, 4))
    for seed in range(2400):
        counted[tuple(distinct_rows(np.random.default_rng(seed), [2, 3, 4], 5).T)] += 1
    np.testing.assert_allclose(counted / 500, 1.0, atol=0.2)  # 500 of each are expected, give or take 20


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("strings", {"letters": 1}),
        ("strings", {"length": 1}),
        ("copy", {"length": 10**9}),
        ("copy", {"samples": 10**9}),
        ("recall", {"steps": 0}),
        ("recall", {"noise": 0.1}),
    ],
)
def test_absurd_options_are_refused_before_anything_is_made(source: str, options: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        make_spec(source, options)


def test_sequences_that_would_not_fit_are_refused_before_they_are_made() -> None:
    with pytest.raises(DataError, match="would hold 10,000,000,000 numbers; 50,000,000 is the most"):
        load("recall", samples=100_000, steps=1000, features=100)
