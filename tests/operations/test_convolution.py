"""The convolution of images and sequences: its definition, its derivatives, extremes, parts; and the refusals."""

from __future__ import annotations

import numpy as np
import pytest

import visualbp.operations.convolution.rule as module
from tests.building import chain
from tests.operations.derivative_checks import (
    NUMPYS_OWN_BUFFERS,
    assert_derivatives_agree,
    assert_equations_can_be_set,
    bytes_allocated_by_a_second_run,
)
from visualbp.core.arrays import Array
from visualbp.core.options import OptionError
from visualbp.network import Network, structure_of
from visualbp.network.network import make_layer
from visualbp.operations.base import evaluate
from visualbp.operations.convolution import Convolution

GEOMETRIES = [
    # batch, channels, height, width, filters, kernel, stride, padding
    (2, 1, 4, 4, 2, 3, 1, 0),
    (3, 2, 5, 4, 3, 3, 1, 1),
    (2, 3, 6, 7, 2, 2, 2, 0),
    (2, 2, 6, 5, 2, 3, 2, 2),
    (1, 2, 3, 3, 4, 3, 1, 0),
    (4, 1, 5, 5, 1, 1, 1, 0),
    (2, 1, 7, 7, 2, 2, 3, 1),
    # the same of sequences, which have a length
    (2, 1, 6, 2, 3, 1, 0),
    (3, 2, 5, 3, 3, 1, 1),
    (2, 3, 7, 2, 2, 2, 0),
    (2, 2, 5, 2, 3, 2, 2),
    (1, 2, 4, 3, 4, 1, 0),
    (4, 1, 5, 1, 1, 3, 1),
]


def operands(geometry: tuple[int, ...], bias: bool = True, size: float = 1.0, seed: int = 0) -> list[Array]:
    batch, channels, *lengths, filters, kernel, _, _ = geometry
    generator = np.random.default_rng(seed)
    x = size * generator.standard_normal((batch, channels, *lengths))
    weight, b = (
        generator.standard_normal((filters, channels, *(kernel for _ in lengths))),
        size * generator.standard_normal(filters),
    )
    arrays = [x, weight, b]
    return arrays if bias else arrays[:2]


def by_definition(x: Array, weight: Array, bias: Array, stride: int, padding: int) -> tuple[Array, int]:
    """Return z, one number after the other, and how many multiplications that took."""
    batch, channels, *lengths = x.shape
    filters, _, *kernel = weight.shape
    padded = np.pad(x, ((0, 0), (0, 0), *((padding, padding) for _ in lengths)))
    places = [(length + 2 * padding - k) // stride + 1 for length, k in zip(lengths, kernel, strict=True)]
    z, count = np.zeros((batch, filters, *places)), 0
    for b, f, *place in np.ndindex(z.shape):
        z[b, f, *place] = bias[f]
        for c, *within in np.ndindex(channels, *kernel):
            met = (at * stride + inside for at, inside in zip(place, within, strict=True))
            z[b, f, *place] += weight[f, c, *within] * padded[b, c, *met]
            count += 1
    return z, count


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_number_is_the_sum_over_its_window_and_the_cost_is_counted(geometry: tuple[int, ...]) -> None:
    operation, inputs = Convolution(*geometry[-2:]), operands(geometry)
    expected, count = by_definition(*inputs, *geometry[-2:])
    output = evaluate(operation, inputs).output
    np.testing.assert_allclose(output, expected, rtol=1e-13, atol=1e-13)
    shapes = [array.shape for array in inputs]
    assert operation.multiplications(shapes, output.shape) == count
    assert [operation.vjp_multiplications(i, shapes, output.shape) for i in range(3)] == [count, count, 0]


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("bias", [True, False])
def test_derivatives_agree_with_differences_and_with_forward_mode(geometry: tuple[int, ...], bias: bool) -> None:
    assert_derivatives_agree(Convolution(*geometry[-2:]), operands(geometry, bias))


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e150, 1e300])
def test_derivatives_hold_for_tiny_and_huge_images(size: float) -> None:
    geometry = GEOMETRIES[1]
    assert_derivatives_agree(Convolution(*geometry[-2:]), operands(geometry, size=size))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_batch_in_parts_gives_what_it_gives_at_once(
    geometry: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    operation, inputs = Convolution(*geometry[-2:]), operands((5, *geometry[1:]))
    at_once = evaluate(operation, inputs)
    upstream = np.random.default_rng(1).standard_normal(at_once.output.shape)
    expected = [at_once.vjp(operand, upstream) for operand in range(3)]
    for_one = at_once.output[0, 0].size * inputs[1][0].size
    for samples in (0, 1, 2, 4):
        monkeypatch.setattr(module, "COLUMNS_AT_ONCE", samples * for_one)
        parts = evaluate(operation, inputs)
        np.testing.assert_allclose(parts.output, at_once.output, rtol=1e-12, atol=1e-13)
        for operand in range(3):
            np.testing.assert_allclose(parts.vjp(operand, upstream), expected[operand], rtol=1e-12, atol=1e-12)


def test_samples_do_not_touch_each_other() -> None:
    geometry = (4, *GEOMETRIES[1][1:])
    operation, (x, *others) = Convolution(*geometry[-2:]), operands(geometry)
    resting = evaluate(operation, [x, *others]).output
    moved = x.copy()
    moved[2] += 1.0
    changed = (evaluate(operation, [moved, *others]).output != resting).any((1, 2, 3))
    assert changed.tolist() == [False, False, True, False]


def test_the_prepared_calls_allocate_no_arrays() -> None:
    inputs = operands((64, 8, 32, 32, 8, 3, 1, 1))
    assert bytes_allocated_by_a_second_run(Convolution(1, 1), inputs) < NUMPYS_OWN_BUFFERS < inputs[0].nbytes / 8


def test_float32_stays_float32() -> None:
    inputs = [array.astype(np.float32) for array in operands(GEOMETRIES[1])]
    done = evaluate(Convolution(1, 1), inputs)
    assert done.output.dtype == np.float32 and done.vjp(1, done.output).dtype == np.float32


def test_its_equations_can_be_set() -> None:
    assert_equations_can_be_set(Convolution(), (3, 2, 5, 5), (4, 2, 3, 3), (4,), parameters=[1, 2])
    assert_equations_can_be_set(Convolution(2, 1), (3, 2, 5, 5), (4, 2, 3, 3), parameters=[1])
    assert_equations_can_be_set(Convolution(2, 1), (3, 2, 5), (4, 2, 3), (4,), parameters=[1, 2])


def network(shape: list[int], kind: str = "conv2d", **options: object) -> Network:
    return chain(
        ("input", "input", {"shape": shape}),
        ("conv", kind, {"filters": 2, **options}),
        ("flatten", "flatten", {}),
        ("loss", "mean_squared_error", {}),
    )


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ([2, 4, 5], {"kernel": 5}, "conv: its 5 x 5 kernel is larger than the image, 4 x 5; use a kernel of at most 4"),
        (
            [1, 3, 3],
            {"kernel": 6, "padding": 1},
            "conv: its 6 x 6 kernel is larger than the image, 3 x 3 with 1 of padding on every side;"
            " use a kernel of at most 5",
        ),
        (
            [7],
            {},
            "conv: takes images (channels, height, width), gets (7); give the input layer a shape such as 1, 8, 8",
        ),
        (
            [1, 1000, 1000],
            {"kernel": 64},
            "conv: laying out the windows of one image would take 3,596,161,024 numbers; 50,000,000 is the most;"
            " use a smaller kernel, a larger stride, or pool the image first",
        ),
    ],
)
def test_an_image_that_does_not_fit_is_refused_in_words(
    shape: list[int], options: dict[str, object], words: str
) -> None:
    assert words in [problem.text for problem in structure_of(network(shape, **options)).problems]


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ([2, 4], {"kernel": 5}, "conv: its kernel of 5 is longer than the sequence, 4; use a kernel of at most 4"),
        (
            [1, 3],
            {"kernel": 6, "padding": 1},
            "conv: its kernel of 6 is longer than the sequence, 3 with 1 of padding at both ends;"
            " use a kernel of at most 5",
        ),
        ([7], {}, "conv: takes sequences (channels, length), gets (7); give the input layer a shape such as 1, 8"),
        (
            [1, 3, 3],
            {},
            "conv: takes sequences (channels, length), gets (1, 3, 3); give the input layer a shape such as 1, 8",
        ),
        (
            [1000, 1000],
            {"kernel": 64},
            "conv: laying out the windows of one sequence would take 59,968,000 numbers; 50,000,000 is the most;"
            " use a smaller kernel, a larger stride, or a shorter sequence",
        ),
    ],
)
def test_a_sequence_that_does_not_fit_is_refused_in_words(
    shape: list[int], options: dict[str, object], words: str
) -> None:
    assert words in [problem.text for problem in structure_of(network(shape, "conv1d", **options)).problems]


@pytest.mark.parametrize("kind", ["conv1d", "conv2d"])
@pytest.mark.parametrize("option", ["filters", "kernel", "stride"])
def test_no_filters_no_kernel_and_no_stride_are_refused(option: str, kind: str) -> None:
    with pytest.raises(OptionError, match=f"{option} must be a whole number from 1"):
        make_layer("conv", kind, {"filters": 2, option: 0})


def test_the_shape_and_the_parameters_are_pytorchs() -> None:
    structure = structure_of(network([3, 9, 7], kernel=3, stride=2, padding=1))
    assert structure.shapes["conv"] == (2, 5, 4)
    assert [(spec.name, spec.shape) for spec in structure.parameters["conv"]] == [
        ("weight", (2, 3, 3, 3)),
        ("bias", (2,)),
    ]
    normed = structure_of(network([3, 9, 7], weight_norm=True, bias=False))
    assert [(spec.name, spec.shape) for spec in normed.parameters["conv"]] == [
        ("weight_direction", (2, 3, 3, 3)),
        ("weight_gain", (2, 1, 1, 1)),
    ]


def test_the_shape_and_the_parameters_of_a_sequence_are_pytorchs() -> None:
    structure = structure_of(network([3, 9], "conv1d", kernel=4, stride=2, padding=1))
    assert structure.shapes["conv"] == (2, 4)
    assert [(spec.name, spec.shape) for spec in structure.parameters["conv"]] == [("weight", (2, 3, 4)), ("bias", (2,))]
    normed = structure_of(network([3, 9], "conv1d", kernel=4, weight_norm=True, bias=False))
    assert [(spec.name, spec.shape) for spec in normed.parameters["conv"]] == [
        ("weight_direction", (2, 3, 4)),
        ("weight_gain", (2, 1, 1)),
    ]


def test_a_sequence_gives_what_an_image_of_one_row_would_give() -> None:
    x, weight, bias = operands((3, 2, 9, 3, 4, 1, 0))
    row = np.zeros((3, 2, 4, 4))
    row[:, :, 0] = weight  # of a square filter only the first row, over an image of zeros below the sequence
    image = np.zeros((3, 2, 4, 9))
    image[:, :, 0] = x
    expected = evaluate(Convolution(), [image, row, bias]).output[:, :, 0]
    np.testing.assert_allclose(evaluate(Convolution(), [x, weight, bias]).output, expected, rtol=1e-14, atol=1e-14)
