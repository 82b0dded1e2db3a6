"""Convolution, of images and of sequences, and pooling against PyTorch: each rule alone, and a whole network with
three steps of its optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the parity extra")

from tests.building import chain, inline, optimizer, with_training  # noqa: E402
from tests.parity.comparing import TOLERANCE, Tensors, assert_close, compare  # noqa: E402
from tests.refs import ref  # noqa: E402
from visualbp.core.ref import Ref  # noqa: E402
from visualbp.network import Network  # noqa: E402
from visualbp.operations.base import evaluate  # noqa: E402
from visualbp.operations.convolution import Convolution  # noqa: E402
from visualbp.operations.pooling import AveragePooling, MaxPooling  # noqa: E402

functional = torch.nn.functional

GEOMETRIES = [
    # batch, channels, height, width, filters, kernel, stride, padding
    (4, 1, 8, 8, 8, 3, 1, 0),
    (3, 8, 6, 6, 16, 3, 1, 1),
    (2, 3, 11, 7, 5, 5, 2, 2),
    (1, 2, 9, 9, 3, 2, 3, 0),
    (5, 4, 5, 5, 2, 1, 1, 0),
    (2, 1, 4, 4, 3, 4, 1, 3),
    (40, 16, 24, 24, 8, 3, 1, 1),  # in several parts, the batch last
    (10, 16, 40, 40, 4, 3, 1, 0),  # in several parts, the batch second
    # the same of sequences, which have a length
    (4, 1, 8, 8, 3, 1, 0),
    (3, 8, 6, 16, 3, 1, 1),
    (2, 3, 11, 5, 5, 2, 2),
    (1, 2, 9, 3, 2, 3, 0),
    (5, 4, 5, 2, 1, 1, 0),
    (2, 1, 4, 3, 4, 1, 3),
    (12, 3, 4, 3, 4, 2, 0),  # the kernel as wide as the sequence
    (40, 16, 600, 8, 3, 1, 1),  # in several parts, the batch last
    (10, 16, 4000, 4, 3, 1, 0),  # in several parts, the batch second
]


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_is_pytorchs_with_all_its_gradients(
    geometry: tuple[int, ...], precision: str, bias: bool
) -> None:
    batch, channels, *lengths, filters, kernel, stride, padding = geometry
    generator = np.random.default_rng(0)
    window = [kernel for _ in lengths]
    shapes: list[tuple[int, ...]] = [(batch, channels, *lengths), (filters, channels, *window), (filters,)]
    inputs = [generator.standard_normal(shape).astype(precision) for shape in shapes[: 3 if bias else 2]]
    tensors = [torch.tensor(array, requires_grad=True) for array in inputs]
    convolved = functional.conv2d if len(lengths) == 2 else functional.conv1d
    wanted = convolved(*tensors, stride=stride, padding=padding)
    done = evaluate(Convolution(stride, padding), inputs)
    upstream = generator.standard_normal(done.output.shape).astype(precision)
    wanted.backward(torch.tensor(upstream))
    assert_close(done.output, wanted, TOLERANCE[precision], "the output")
    for operand, tensor in enumerate(tensors):
        assert_close(done.vjp(operand, upstream), tensor.grad, TOLERANCE[precision], f"the gradient of {operand}")


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 3), (3, 2), (3, 1), (2, 3), (1, 1)])
@pytest.mark.parametrize("many_ties", [True, False])
def test_pooling_is_pytorchs_also_where_numbers_tie(kernel: int, stride: int, many_ties: bool) -> None:
    generator = np.random.default_rng(0)
    x = generator.integers(-1, 2, (3, 4, 9, 8)).astype(float)
    if not many_ties:
        x = generator.standard_normal(x.shape)
    for operation, function in ((MaxPooling, functional.max_pool2d), (AveragePooling, functional.avg_pool2d)):
        tensor = torch.tensor(x, requires_grad=True)
        wanted = function(tensor, kernel, stride)
        done = evaluate(operation(kernel, stride), [x])
        upstream = generator.standard_normal(done.output.shape)
        wanted.backward(torch.tensor(upstream))
        assert_close(done.output, wanted, 1e-14, "the output")
        assert_close(done.vjp(0, upstream), tensor.grad, 1e-14, "the gradient")


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 3), (3, 2), (3, 1), (2, 1), (4, 1)])
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("share", [0.02, 0.2, 1.0])
def test_of_several_nan_in_a_window_the_one_that_pytorch_takes_wins(
    kernel: int, stride: int, precision: str, share: float
) -> None:
    generator = np.random.default_rng(2)
    x = generator.integers(-2, 3, (3, 4, 9, 8)).astype(precision)
    x[generator.random(x.shape) < 0.02] = np.inf
    x[generator.random(x.shape) < share] = np.nan
    tensor = torch.tensor(x, requires_grad=True)
    wanted = functional.max_pool2d(tensor, kernel, stride)
    operation = MaxPooling(kernel, stride)
    done = evaluate(operation, [x])
    upstream = generator.standard_normal(done.output.shape).astype(precision)
    wanted.backward(torch.tensor(upstream))
    np.testing.assert_array_equal(done.output, wanted.detach().numpy())
    assert_close(done.vjp(0, upstream), tensor.grad, 1e-6 if precision == "float32" else 1e-14, "the gradient")
    _, places = functional.max_pool2d(tensor, kernel, stride, return_indices=True)
    rows, columns = np.divmod(places.numpy(), x.shape[3])
    within = np.stack(np.meshgrid(*(stride * np.arange(n) for n in done.output.shape[2:]), indexing="ij"))
    branch = operation.branch([x], done.output)
    np.testing.assert_array_equal(branch, (rows - within[0]) * kernel + columns - within[1])


def convolutional(precision: str, normed: bool) -> Network:
    generator = np.random.default_rng(1)
    network = chain(
        ("input", "input", {"shape": [1, 9, 10]}),
        ("first", "conv2d", {"filters": 4, "activation": "relu"}),
        ("largest", "max_pool2d", {"kernel": 3, "stride": 2}),
        ("second", "conv2d", {"filters": 3, "kernel": 2, "padding": 1, "activation": "tanh", "weight_norm": normed}),
        ("third", "conv2d", {"filters": 2, "kernel": 3, "stride": 2, "padding": 2, "bias": False}),
        ("mean", "avg_pool2d", {"kernel": 2, "stride": 1}),
        ("flatten", "flatten", {}),
        ("output", "dense", {"units": 3}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(generator.standard_normal((6, 1, 9, 10)), generator.integers(0, 3, 6)),
        seed=5,
        precision=precision,
    )
    return with_training(network, optimizer=optimizer("sgd", momentum=0.9, learning_rate=0.05))


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("normed", [False, True])
def test_a_convolutional_network_is_pytorchs_in_every_value_gradient_and_step(precision: str, normed: bool) -> None:
    def forward(p: Tensors, x: Any, y: Any) -> tuple[Any, dict[Ref, Any]]:
        named: dict[Ref, Any] = {}

        def keep(layer: str, role: str, tensor: Any) -> Any:
            named[ref(layer, role)] = tensor
            return tensor

        def of(layer: str, role: str) -> Any:
            return p[ref(layer, role)]

        z = keep("first", "z", functional.conv2d(x, of("first", "weight"), of("first", "bias")))
        h = keep("largest", "h", functional.max_pool2d(keep("first", "h", torch.relu(z)), 3, 2))
        if normed:
            direction, gain = of("second", "weight_direction"), of("second", "weight_gain")
            weight = keep("second", "weight", torch._weight_norm(direction, gain, 0))
        else:
            weight = of("second", "weight")
        z = keep("second", "z", functional.conv2d(h, weight, of("second", "bias"), padding=1))
        h = keep("second", "h", torch.tanh(z))
        z = keep("third", "z", functional.conv2d(h, of("third", "weight"), stride=2, padding=2))
        h = keep("mean", "h", functional.avg_pool2d(z, 2, 1)).flatten(1)
        z = keep(
            "output", "z", functional.linear(keep("flatten", "h", h), of("output", "weight"), of("output", "bias"))
        )
        return functional.cross_entropy(z, y), named

    network = convolutional(precision, normed)
    compare(network, forward, lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9))
