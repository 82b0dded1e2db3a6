"""Pooling: by its definition, by its derivatives, at ties and at extremes; and the layers' options and refusals."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.building import chain
from tests.operations.derivative_checks import (
    NUMPYS_OWN_BUFFERS,
    assert_derivatives_agree,
    assert_equations_can_be_set,
    bytes_allocated_by_a_second_run,
)
from visualbp.core.arrays import Array
from visualbp.core.options import OptionError, plain_options
from visualbp.network import edits, structure_of
from visualbp.network.network import make_layer, options_of
from visualbp.operations.base import evaluate
from visualbp.operations.pooling import AveragePooling, MaxPooling, Pooling

GEOMETRIES = [(2, 2), (3, 3), (3, 2), (2, 1), (2, 3), (1, 1), (4, 2)]
KINDS: list[type[Pooling]] = [MaxPooling, AveragePooling]


def image(size: float = 1.0, shape: tuple[int, ...] = (2, 3, 7, 6)) -> Array:
    return size * np.random.default_rng(0).standard_normal(shape)


def by_definition(kind: type[Pooling], x: Array, kernel: int, stride: int) -> Array:
    rows, columns = (x.shape[2] - kernel) // stride + 1, (x.shape[3] - kernel) // stride + 1
    output = np.zeros((*x.shape[:2], rows, columns))
    for b, c, i, j in product(*map(range, output.shape)):
        window = x[b, c, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        output[b, c, i, j] = window.max() if kind is MaxPooling else window.mean()
    return output


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("kernel", "stride"), GEOMETRIES)
def test_each_number_is_that_of_its_window(kind: type[Pooling], kernel: int, stride: int) -> None:
    output = evaluate(kind(kernel, stride), [image()]).output
    np.testing.assert_allclose(output, by_definition(kind, image(), kernel, stride), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("kernel", "stride"), GEOMETRIES)
def test_derivatives_agree_with_differences_and_with_forward_mode(
    kind: type[Pooling], kernel: int, stride: int
) -> None:
    assert_derivatives_agree(kind(kernel, stride), [image()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e150, 1e300])
def test_derivatives_hold_for_tiny_and_huge_images(kind: type[Pooling], size: float) -> None:
    assert_derivatives_agree(kind(3, 2), [image(size)])


def test_of_equal_numbers_the_first_of_the_window_wins() -> None:
    x = np.array([[[[1.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, -0.0, 0.0]]]])
    done = evaluate(MaxPooling(2, 1), [x])
    np.testing.assert_array_equal(done.output, [[[[2.0, 2.0], [2.0, 2.0]]]])
    upstream = np.array([[[[1.0, 10.0], [100.0, 1000.0]]]])
    np.testing.assert_array_equal(done.vjp(0, upstream), [[[[0.0, 11.0, 0.0], [100.0, 1000.0, 0.0], [0.0] * 3]]])
    np.testing.assert_array_equal(MaxPooling(2, 1).branch([x], done.output), [[[[1, 0], [0, 0]]]])


def test_an_infinite_gradient_stays_with_the_winner() -> None:
    done = evaluate(MaxPooling(2, 2), [np.array([[[[1.0, 2.0], [3.0, 4.0]]]])])
    gradient = done.vjp(0, np.full((1, 1, 1, 1), np.inf))
    np.testing.assert_array_equal(gradient, [[[[0.0, 0.0], [0.0, np.inf]]]])


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_number_that_is_none_is_passed_on(place: int) -> None:
    x = np.arange(4.0).reshape(1, 1, 2, 2)
    x.reshape(-1)[place] = np.nan
    assert np.isnan(evaluate(MaxPooling(2, 2), [x]).output).all()


def test_windows_of_more_than_127_places_find_their_winners() -> None:
    x = np.zeros((1, 1, 14, 14))
    x[0, 0, 13, 13] = 5.0
    done = evaluate(MaxPooling(14, 1), [x])
    assert done.output.item() == 5.0
    assert np.argwhere(done.vjp(0, np.ones((1, 1, 1, 1)))).tolist() == [[0, 0, 13, 13]]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_columns_that_no_window_reaches_have_no_gradient(kind: type[Pooling]) -> None:
    x = image(shape=(2, 1, 5, 6))
    gradient = evaluate(kind(2, 2), [x]).vjp(0, np.ones((2, 1, 2, 3)))
    assert not gradient[:, :, 4].any() and gradient[:, :, :4].any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_branch_changes_exactly_where_a_winner_changes(kind: type[Pooling]) -> None:
    x = np.array([[[[1.0, 2.0], [0.0, 0.5]]]])
    resting = kind(2, 2).branch([x], evaluate(kind(2, 2), [x]).output)
    moved = x.copy()
    moved[0, 0, 1, 0] = 3.0
    other = kind(2, 2).branch([moved], evaluate(kind(2, 2), [moved]).output)
    if kind is AveragePooling:
        assert resting is None and other is None
    else:
        assert resting is not None and other is not None and (resting.item(), other.item()) == (1, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_prepared_calls_allocate_no_arrays(kind: type[Pooling]) -> None:
    x = image(shape=(64, 8, 32, 32))
    assert bytes_allocated_by_a_second_run(kind(2, 2), [x]) < NUMPYS_OWN_BUFFERS < x.nbytes / 8


@pytest.mark.parametrize("kind", KINDS)
def test_its_equations_can_be_set(kind: type[Pooling]) -> None:
    assert_equations_can_be_set(kind(2, 2), (3, 2, 4, 4))


def test_the_cost_is_a_multiplication_for_each_mean_and_none_for_a_maximum() -> None:
    shapes, output = [(2, 3, 8, 8)], (2, 3, 4, 4)
    assert AveragePooling(2, 2).multiplications(shapes, output) == 96
    assert AveragePooling(2, 2).vjp_multiplications(0, shapes, output) == 96
    assert MaxPooling(2, 2).multiplications(shapes, output) == 0
    assert MaxPooling(2, 2).vjp_multiplications(0, shapes, output) == 0


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_the_stride_is_the_kernel_unless_it_is_given(name: str) -> None:
    assert make_layer("pool", name).options == {"kernel": 2, "stride": 2}
    layer = make_layer("pool", name, {"kernel": 3})
    assert layer.options == {"kernel": 3, "stride": 3}
    assert plain_options(options_of(layer), layer.options) == {"kernel": 3}
    overlapping = make_layer("pool", name, {"kernel": 3, "stride": 2})
    assert plain_options(options_of(overlapping), overlapping.options) == {"kernel": 3, "stride": 2}
    with pytest.raises(OptionError, match="kernel must be a whole number from 1"):
        make_layer("pool", name, {"kernel": "three"})
    with pytest.raises(OptionError, match="stride must be a whole number from 1"):
        make_layer("pool", name, {"stride": 0})


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_a_window_larger_than_the_image_is_refused_in_words(name: str) -> None:
    network = chain(
        ("input", "input", {"shape": [2, 3, 5]}), ("pool", name, {"kernel": 4}), ("loss", "mean_squared_error", {})
    )
    words = "pool: its 4 x 4 kernel is larger than the image, 3 x 5; use a kernel of at most 3"
    assert words in [problem.text for problem in structure_of(network).problems]
    flat = edits.set_options(network, "input", {"shape": [8]})
    assert any("pool: takes images (channels, height, width), gets (8)" in p.text for p in structure_of(flat).problems)
    fitting = structure_of(edits.set_options(network, "pool", {"kernel": 2, "stride": 1}))
    assert fitting.can_run and fitting.shapes["pool"] == (2, 2, 4)
