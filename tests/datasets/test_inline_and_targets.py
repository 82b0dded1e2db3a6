"""Data in the model file, arrays as options, and targets as losses take them."""

from typing import Any

import numpy as np
import pytest

from visualbp.core.options import OptionError
from visualbp.datasets import DataError, Dataset, load_dataset
from visualbp.datasets.arrays import ArrayError, array_from_plain, plain_from_array
from visualbp.datasets.base import encoded_targets, make_spec


def inline(inputs: Any, targets: Any) -> Dataset:
    return load_dataset(make_spec("inline", {"inputs": inputs, "targets": targets}))


def test_rows_are_samples() -> None:
    dataset = inline([[0, 1.5], [2, 3], [4, 5]], [[1], [2], [3.5]])
    assert dataset.inputs.tolist() == [[0.0, 1.5], [2.0, 3.0], [4.0, 5.0]]
    assert dataset.targets.tolist() == [[1.0], [2.0], [3.5]]
    assert not dataset.targets_are_classes


def test_a_flat_list_of_inputs_is_one_number_a_sample() -> None:
    assert inline([1, 2, 3], [0.5, 0.25, 0.75]).inputs.shape == (3, 1)


def test_a_flat_list_of_whole_numbers_is_class_indices_and_of_others_it_is_numbers() -> None:
    classes, numbers = inline([1, 2], [0, 1]), inline([1, 2], [0, 0.5])
    assert classes.targets_are_classes and classes.targets.tolist() == [0, 1]
    assert numbers.targets.tolist() == [[0.0], [0.5]]


def test_an_image_keeps_its_axes() -> None:
    assert inline(np.zeros((2, 1, 4, 4)).tolist(), [0, 1]).input_shape == (1, 4, 4)


def test_as_many_inputs_as_targets_are_needed() -> None:
    with pytest.raises(DataError, match="inputs has 2 samples, and targets has 3"):
        inline([[1], [2]], [0, 1, 0])


@pytest.mark.parametrize(
    ("value", "place", "reason"),
    [
        ([[1, 2], [3]], "[1]", "has 1 values, and the first has 2"),
        ([[1, 2], 3], "[1]", "must be a list"),
        ([[1, 2], [3, [4]]], "[1][1]", "must be a number, not [4]"),
        ([1, [2]], "[1]", "must be a number, not [2]"),
        ([[1, True]], "[0][1]", "must be a number, not true"),
        ([["1"]], "[0][0]", "must be a number, not '1'"),
        ([[1.0, float("inf")]], "[0][1]", "finite"),
        ([10**400], "", "too large"),
        ("12", "", "must be a list of numbers"),
        ({"base64": ""}, "", '"dtype", "shape" and "base64"'),
        ([[[[[[[[1]]]]]]]], "", "axes"),
    ],
)
def test_what_is_no_array_is_refused_at_its_place(value: object, place: str, reason: str) -> None:
    with pytest.raises(ArrayError) as caught:
        array_from_plain(value)
    assert caught.value.place == place
    assert reason in caught.value.reason


def test_a_shape_promised_by_the_first_rows_alone_allocates_nothing() -> None:
    with pytest.raises(ArrayError, match="50,000,000 is the most"):
        array_from_plain([[0] * 20_000] + [[]] * 20_000)


def test_rows_that_are_arrays_already_count_as_rows() -> None:
    rows = [np.arange(3.0), np.arange(3.0, 6.0)]
    assert array_from_plain(rows).tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with pytest.raises(ArrayError, match=r"\[1\] has 2 values"):
        array_from_plain([np.arange(3.0), np.arange(2.0)])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_base64_keeps_type_shape_and_bits(dtype: type) -> None:
    array = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    found = array_from_plain(plain_from_array(array, inline=False))
    assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_base64_is_little_endian_and_row_major() -> None:
    record = plain_from_array(np.array([[1.0, 2.0]]), inline=False)
    assert record == {"dtype": "float64", "shape": [1, 2], "base64": "AAAAAAAA8D8AAAAAAAAAQA=="}


def test_inline_data_that_are_not_finite_are_refused_even_in_base64() -> None:
    bad = plain_from_array(np.array([[1.0, np.nan]]))
    with pytest.raises(OptionError, match=r"inputs\[0\]\[1\] must be a finite number, not nan"):
        make_spec("inline", {"inputs": bad, "targets": [0]})


def test_one_set_of_yes_and_no_serves_every_loss() -> None:
    targets = np.array([0, 1, 1])
    assert encoded_targets(targets, (2,), "classes").tolist() == [[1, 0], [0, 1], [0, 1]]
    assert encoded_targets(targets, (1,), "binary").tolist() == [[0], [1], [1]]
    assert encoded_targets(targets, (1,), "signs").tolist() == [[-1], [1], [1]]
    assert encoded_targets(targets, (1,), "vector").tolist() == [[0], [1], [1]]


def test_whole_numbers_for_each_position_are_classes_and_rows_of_them_are_distributions() -> None:
    column = np.array([[0.0], [2.0]])
    assert encoded_targets(column, (3,), "classes").tolist() == [[1, 0, 0], [0, 0, 1]]
    sequence = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    assert encoded_targets(sequence, (3, 2), "classes")[0].tolist() == [[1, 0], [0, 1], [0, 1]]
    one_hot = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert encoded_targets(one_hot, (2,), "classes").tolist() == one_hot.tolist()


@pytest.mark.parametrize(
    ("targets", "shape", "kind", "reason"),
    [
        (np.array([0, 1, 2]), (2,), "classes", "sample 2 is class 2; there are classes 0 to 1"),
        (np.array([0, -1]), (2,), "classes", "sample 1 is class -1"),
        (np.array([[0.5], [1.5]]), (1,), "binary", "sample 1 is 1.5; this loss takes from 0 to 1"),
        (np.array([[1.0], [0.0]]), (1,), "signs", "sample 1 is 0; this loss takes -1 or 1"),
        (np.array([[1.0, 2.0]]), (3,), "vector", "2 values a sample, and the layer before the loss gives 3"),
    ],
)
def test_a_label_out_of_range_is_named_with_its_sample(targets: Any, shape: Any, kind: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        encoded_targets(targets, shape, kind)
