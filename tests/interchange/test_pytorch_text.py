"""Names and arrays as Python text."""

from __future__ import annotations

import ast
import base64
import keyword
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from visualbp.interchange.pytorch_text import MODULE_NAMES, USED_NAMES, array_text, identifiers


def array_of(text: str) -> np.ndarray:
    """The array that a text means, read without running it."""
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    if isinstance(call.func, ast.Attribute):
        return np.array(ast.literal_eval(call.args[0]))
    kind, shape, packed = (ast.literal_eval(argument) for argument in call.args)
    return np.frombuffer(zlib.decompress(base64.b64decode(packed)), kind).reshape(shape)


@given(arrays.arrays(st.sampled_from([np.float64, np.int64]), arrays.array_shapes(max_dims=4, max_side=7)))
def test_arrays_are_written_to_the_last_bit(array: np.ndarray) -> None:
    found = array_of(array_text(array))
    assert found.shape == array.shape and found.tobytes() == array.tobytes()


@given(arrays.arrays(np.float32, arrays.array_shapes(max_side=5)))
def test_arrays_in_single_precision_are_written_to_the_last_bit(array: np.ndarray) -> None:
    found = array_of(array_text(array)).astype(np.float32)
    assert np.array_equal(found, array, equal_nan=True)


@pytest.mark.parametrize("count", [200, 201, 5000])
def test_long_arrays_are_packed_in_lines_that_fit(count: int) -> None:
    array = np.random.default_rng(0).normal(size=(1, count))
    text = array_text(array, "    ", 20)
    assert np.array_equal(array_of(text), array)
    assert max(map(len, text.splitlines())) <= 120
    assert text.startswith("unpacked" if count > 200 else "np.array")


@given(st.lists(st.text(max_size=60), unique=True, max_size=12))
def test_every_layer_gets_a_name_of_its_own_that_python_takes(names: list[str]) -> None:
    found = identifiers(names)
    assert list(found) == names and len(set(found.values())) == len(names)
    for name in found.values():
        assert name.isidentifier() and name.isascii() and not keyword.iskeyword(name)
        assert name not in MODULE_NAMES | USED_NAMES and not name.startswith("_")


def test_names_that_need_no_change_stay() -> None:
    names = ["hidden", "output_2", "norm", "A"]
    assert list(identifiers(names).values()) == names


def test_names_that_meet_are_numbered() -> None:
    found = identifiers(["a b", "a-b", "a_b", "a_b_2"])
    assert len(set(found.values())) == 4 and found["a b"] == "a_b"
