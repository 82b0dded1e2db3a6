"""Forward and backward passes of the engine, against the bare matrix products, plain NumPy, and where installed PyTorch
(eager) and JAX (jit); and what recording costs. float64, one thread, ratios within one run.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.engine
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from tests.benchmarks.timing import interleaved_medians, table, use_one_thread

use_one_thread()

import numpy as np  # noqa: E402

from tests.building import chain, optimizer, with_training  # noqa: E402
from visualbp.core.arrays import Array  # noqa: E402
from visualbp.datasets import Dataset  # noqa: E402
from visualbp.engine import Executor, compile_plan  # noqa: E402
from visualbp.network import Network  # noqa: E402

NETWORKS = {
    "2-8-8-1, batch 1": ([2, 8, 8, 1], 1),
    "64-128-128-10, batch 64": ([64, 128, 128, 10], 64),
    "20 x 64, batch 32": ([64] * 21 + [10], 32),
    "784-512-512-10, batch 128": ([784, 512, 512, 10], 128),
}


def network_of(sizes: list[int], activation: str) -> Network:
    """Return the chain of these widths; its loss is softmax cross-entropy, or the squared error of one output."""
    hidden = [
        (f"layer {i}", "dense", {"units": n, "activation": activation if i < len(sizes) - 1 else "linear"})
        for i, n in enumerate(sizes[1:], 1)
    ]
    loss = "softmax_cross_entropy" if sizes[-1] > 1 else "mean_squared_error"
    network = chain(("input", "input", {"shape": [sizes[0]]}), *hidden, ("loss", loss, {}))
    return with_training(network, batch_size=10**6, optimizer=optimizer("sgd", learning_rate=1e-6))


def data_of(sizes: list[int], batch: int) -> tuple[Array, Array]:
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((batch, sizes[0]))
    if sizes[-1] == 1:
        return inputs, generator.standard_normal((batch, 1))
    return inputs, np.eye(sizes[-1])[generator.integers(0, sizes[-1], batch)]


def floor_of(weights: list[Array], inputs: Array) -> Callable[[], None]:
    """Return the matrix products alone: forward, dW of each layer, dX of all but the first."""
    batch = len(inputs)
    values = [inputs, *(np.zeros((batch, len(weight))) for weight in weights)]
    deltas = [np.ones((batch, len(weight))) for weight in weights]
    gradients = [np.zeros_like(weight) for weight in weights]
    products = [(values[i], weight.T, values[i + 1]) for i, weight in enumerate(weights)]
    for i in reversed(range(len(weights))):
        products.append((deltas[i].T, values[i], gradients[i]))
        if i:
            products.append((deltas[i], weights[i], np.zeros_like(deltas[i - 1])))

    def run() -> None:
        for one, other, result in products:
            np.dot(one, other, result)

    return run


def plain_numpy(
    weights: list[Array], biases: list[Array], activation: str, inputs: Array, targets: Array
) -> Callable[[], object]:
    """Return the passes as one writes them by hand."""
    one_output = targets.shape[1] == 1

    def run() -> list[Array]:
        h, values = inputs, [inputs]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            z = h @ weight.T + bias
            h = np.maximum(z, 0) if activation == "relu" else np.tanh(z)
            values.append(h)
        z = h @ weights[-1].T + biases[-1]
        if one_output:
            delta = 2.0 * (z - targets) / len(inputs)
            float(np.mean((z - targets) ** 2))
        else:
            exponential = np.exp(z - z.max(1, keepdims=True))
            probability = exponential / exponential.sum(1, keepdims=True)
            float(-np.mean(np.log((probability * targets).sum(1))))
            delta = (probability - targets) / len(inputs)
        gradients = []
        for i in reversed(range(len(weights))):
            gradients += [delta.T @ values[i], delta.sum(0)]
            if i:
                delta = (delta @ weights[i]) * ((values[i] > 0) if activation == "relu" else 1.0 - values[i] ** 2)
        return gradients

    return run


def pytorch(
    weights: list[Array], biases: list[Array], activation: str, inputs: Array, targets: Array
) -> Callable[[], object] | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    functional = torch.nn.functional
    parameters = [
        (torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True))
        for w, b in zip(weights, biases, strict=True)
    ]
    x, y = torch.tensor(inputs), torch.tensor(targets)
    sigma = torch.relu if activation == "relu" else torch.tanh

    def run() -> object:
        h = x
        for weight, bias in parameters[:-1]:
            h = sigma(functional.linear(h, weight, bias))
        z = functional.linear(h, *parameters[-1])
        loss = functional.mse_loss(z, y) if y.shape[1] == 1 else functional.cross_entropy(z, y)
        for pair in parameters:
            for parameter in pair:
                parameter.grad = None
        loss.backward()
        return loss

    return run


def jax_jit(
    weights: list[Array], biases: list[Array], activation: str, inputs: Array, targets: Array
) -> Callable[[], object] | None:
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    jnp, sigma = jax.numpy, jax.nn.relu if activation == "relu" else jax.numpy.tanh
    x, y = jnp.asarray(inputs), jnp.asarray(targets)

    def loss_of(parameters: list) -> object:
        h = x
        for weight, bias in parameters[:-1]:
            h = sigma(h @ weight.T + bias)
        z = h @ parameters[-1][0].T + parameters[-1][1]
        return jnp.mean((z - y) ** 2) if y.shape[1] == 1 else -jnp.mean((jax.nn.log_softmax(z) * y).sum(1))

    compiled = jax.jit(jax.value_and_grad(loss_of))
    parameters = [(jnp.asarray(w), jnp.asarray(b)) for w, b in zip(weights, biases, strict=True)]
    return lambda: jax.block_until_ready(compiled(parameters))


def executor_of(sizes: list[int], batch: int, activation: str) -> Executor:
    return Executor(compile_plan(network_of(sizes, activation)), Dataset(*data_of(sizes, batch)))


def engine_passes(executor: Executor) -> Callable[[], None]:
    """Return the engine's forward and backward calls, run as training runs them."""
    executor.run_fast()
    calls = executor.binding(executor.batch_size).pass_calls

    def run() -> None:
        for function, arguments in calls:
            function(*arguments)

    return run


def measure(sizes: list[int], batch: int, activation: str) -> dict[str, float]:
    """Return the median seconds of each contender."""
    inputs, targets = data_of(sizes, batch)
    generator = np.random.default_rng(1)
    weights = [generator.standard_normal((m, n)) * (2.0 / n) ** 0.5 for n, m in pairwise(sizes)]
    biases = [np.zeros(m) for m in sizes[1:]]
    arguments = weights, biases, activation, inputs, targets
    recorded, fast = executor_of(sizes, batch, activation), executor_of(sizes, batch, activation)
    steps = len(recorded.plan.steps)

    def record() -> None:
        for _ in range(steps):
            recorded.step()

    contenders: dict[str, Callable[[], object] | None] = {
        "floor": floor_of(weights, inputs),
        "visualbp": engine_passes(executor_of(sizes, batch, activation)),
        "plain NumPy": plain_numpy(*arguments),
        "PyTorch": pytorch(*arguments),
        "JAX": jax_jit(*arguments),
        "iteration": fast.run_fast,
        "recorded": record,
    }
    large = sizes[0] * sizes[1] * batch > 10**7
    return interleaved_medians(
        {name: function for name, function in contenders.items() if function is not None},
        rounds=15 if large else 31,
        round_seconds=0.05 if large else 0.01,
    )


def main() -> None:
    rows = []
    for name, (sizes, batch) in NETWORKS.items():
        for activation in ("relu", "tanh"):
            seconds = measure(sizes, batch, activation)
            floor, engine = seconds["floor"], seconds["visualbp"]
            others = [
                f"{seconds[other] / engine:.2f}" if other in seconds else "not installed"
                for other in ("plain NumPy", "PyTorch", "JAX")
            ]
            recording = f"{seconds['recorded'] / seconds['iteration']:.2f}"
            micro = [f"{floor * 1e6:,.1f}", f"{engine * 1e6:,.1f}", f"{engine / floor:.2f}"]
            rows.append([name, activation, *micro, *others, recording])
    head = ["network", "activation", "floor, us", "visualbp, us", "visualbp / floor"]
    head += ["NumPy / visualbp", "PyTorch / visualbp", "JAX / visualbp", "recorded / fast iteration"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
