"""Forward and backward passes of convolutional, recurrent, attention and normalised networks: against their bare matrix
products and, where installed, PyTorch (eager) and JAX (jit); and how their cost grows. One thread, ratios within one
run. JAX is timed only for networks whose gradients in it are the engine's.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.layers
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.timing import interleaved_medians, table, use_one_thread

use_one_thread()

import numpy as np  # noqa: E402

from tests.benchmarks import layers_jax  # noqa: E402
from tests.building import chain, with_training  # noqa: E402
from visualbp.core.ref import Ref  # noqa: E402
from visualbp.datasets import Dataset  # noqa: E402
from visualbp.engine import Executor, compile_plan  # noqa: E402
from visualbp.network import Network, edits  # noqa: E402

CLASSES = 10
Layers = list[tuple[str, str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Case:
    """A network up to its last dense layer, its samples' shape and number, and what it is in PyTorch.

    `vocabulary` is that of an embedding right after the input. `around` are connections beside the chain.
    """

    layers: Layers
    shape: tuple[int, ...]
    batch: int
    module: Callable[[Any], Any]
    vocabulary: int = 0
    around: tuple[tuple[str, str], ...] = ()

    @property
    def is_sequence(self) -> bool:
        """Whether there is a class for each position."""
        return any(kind in ("self_attention", "layer_norm") for _, kind, _ in self.layers)

    def executor(self, precision: str) -> Executor:
        network: Network = chain(
            ("input", "input", {"shape": list(self.shape)}),
            *self.layers,
            ("output", "dense", {"units": CLASSES}),
            ("loss", "softmax_cross_entropy", {}),
            precision=precision,
        )
        for source, target in self.around:
            network = edits.connect(network, source, target)
        generator = np.random.default_rng(0)
        shape = (self.batch, *self.shape)
        inputs = generator.integers(0, self.vocabulary, shape) if self.vocabulary else generator.standard_normal(shape)
        targets = generator.integers(0, CLASSES, shape if self.is_sequence else self.batch)
        plan = compile_plan(with_training(network, batch_size=self.batch))
        return Executor(plan, Dataset(inputs.astype(float), targets))


def conv(name: str, filters: int, **options: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "conv2d", {"filters": filters, "activation": "relu", **options}


def convolutional(channels: int, side: int, filters: tuple[int, int], batch: int) -> Case:
    layers = [conv("first", filters[0]), conv("second", filters[1]), ("flatten", "flatten", {})]

    def module(nn: Any) -> Any:
        first, second = nn.Conv2d(channels, filters[0], 3), nn.Conv2d(filters[0], filters[1], 3)
        last = nn.Linear(filters[1] * (side - 4) ** 2, CLASSES)
        return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), last)

    return Case(layers, (channels, side, side), batch, module)


def pooled(batch: int) -> Case:
    layers = [conv("first", 8, padding=1), ("pool", "max_pool2d", {}), conv("second", 16, padding=1)]
    layers += [("mean", "avg_pool2d", {}), ("flatten", "flatten", {})]

    def module(nn: Any) -> Any:
        body = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()]
        return nn.Sequential(*body, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, CLASSES))

    return Case(layers, (1, 8, 8), batch, module)


def normalised(width: int, depth: int, batch: int) -> Case:
    layers: Layers = []
    for i in range(depth):
        layers += [(f"dense {i}", "dense", {"units": width, "bias": False}), (f"norm {i}", "batch_norm", {})]
        layers.append((f"act {i}", "activation", {"function": "relu"}))

    def module(nn: Any) -> Any:
        body: list[Any] = []
        for _ in range(depth):
            body += [nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        return nn.Sequential(*body, nn.Linear(width, CLASSES))

    return Case(layers, (width,), batch, module)


def recurrent(features: int, units: int, steps: int, batch: int) -> Case:
    def module(nn: Any) -> Any:
        class Recurrent(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.memory, self.last = nn.RNN(features, units, batch_first=True), nn.Linear(units, CLASSES)
                self.memory.bias_hh_l0.requires_grad_(False)

            def forward(self, x: Any) -> Any:
                return self.last(self.memory(x)[0][:, -1])

        return Recurrent()

    return Case([("memory", "rnn", {"units": units})], (steps, features), batch, module)


def transformer(width: int, heads: int, positions: int, batch: int) -> Case:
    layers: Layers = [
        ("letters", "embedding", {"vocabulary": 20, "units": width}),
        ("look", "self_attention", {"heads": heads, "causal": True}),
        ("sum", "add", {}),
        ("norm", "layer_norm", {}),
        ("wide", "dense", {"units": 2 * width, "activation": "relu"}),
    ]

    def module(nn: Any) -> Any:
        import torch

        class Transformer(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.letters, self.norm = nn.Embedding(20, width), nn.LayerNorm(width)
                self.look = nn.MultiheadAttention(width, heads, batch_first=True)
                self.wide, self.last = nn.Linear(width, 2 * width), nn.Linear(2 * width, CLASSES)
                self.mask = torch.triu(torch.ones(positions, positions, dtype=torch.bool), 1)

            def forward(self, x: Any) -> Any:
                rows = self.letters(x)
                looked, _ = self.look(rows, rows, rows, attn_mask=self.mask, need_weights=False)
                return self.last(torch.relu(self.wide(self.norm(rows + looked)))).transpose(1, 2)

        return Transformer()

    return Case(layers, (positions,), batch, module, vocabulary=20, around=(("letters", "sum"),))


CASES = {
    "conv 1-8-16, 8 x 8, batch 32": convolutional(1, 8, (8, 16), 32),
    "conv 1-8-16 with pooling, 8 x 8, batch 32": pooled(32),
    "conv 3-16-32, 32 x 32, batch 16": convolutional(3, 32, (16, 32), 16),
    "dense 64 x 4 with batch norm, batch 64": normalised(64, 4, 64),
    "rnn 8-16, 20 steps, batch 16": recurrent(8, 16, 20, 16),
    "rnn 32-64, 50 steps, batch 32": recurrent(32, 64, 50, 32),
    "transformer 16, 2 heads, 8 positions, batch 8": transformer(16, 2, 8, 8),
    "transformer 64, 4 heads, 32 positions, batch 16": transformer(64, 4, 32, 16),
}


def engine_passes(executor: Executor) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return forward and backward as training runs them, and the matrix products among their calls alone."""
    executor.run_fast()
    calls = executor.binding(executor.batch_size).pass_calls
    products = [call for call in calls if call[0] in (np.dot, np.matmul) and min(part.ndim for part in call[1][:2]) > 1]

    def run() -> None:
        for function, arguments in calls:
            function(*arguments)

    def run_products() -> None:
        for function, arguments in products:
            function(*arguments)

    return run, run_products


def pytorch(case: Case, executor: Executor, precision: str) -> Callable[[], object] | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    model = case.module(torch.nn).to(getattr(torch, precision))
    x = torch.tensor(executor.inputs)
    x = x.long() if case.vocabulary else x
    y = torch.tensor(executor.targets.argmax(-1))

    def run() -> object:
        model.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    return run


def jax_jit(case: Case, executor: Executor) -> layers_jax.Passes:
    return layers_jax.passes([*case.layers, ("output", "dense", {"units": CLASSES})], case.around, executor)


def difference_of_jax(case: Case) -> float:
    """Return how far JAX's float64 gradients are from the engine's, at parameters one update from the start."""
    executor = case.executor("float64")
    run, _ = engine_passes(executor)
    return layers_jax.difference(jax_jit(case, executor), executor, run)


def measured(case: Case, precision: str, with_jax: bool) -> dict[str, float]:
    """Return the median seconds of each contender."""
    executor = case.executor(precision)
    passes, products = engine_passes(executor)
    contenders: dict[str, Callable[[], object] | None] = {
        "floor": products,
        "visualbp": passes,
        "PyTorch": pytorch(case, executor, precision),
        "JAX": jax_jit(case, executor) if with_jax else None,
    }
    return interleaved_medians({name: run for name, run in contenders.items() if run is not None}, rounds=21)


GROWTH: dict[str, tuple[Callable[[int], Case], list[int]]] = {
    "conv, over the batch": (lambda n: convolutional(1, 8, (8, 16), n), [64, 128, 256, 512]),
    "conv, over both numbers of filters": (lambda n: convolutional(1, 12, (n, n), 32), [16, 32, 64, 128]),
    "rnn, over the steps": (lambda n: recurrent(16, 32, n, 32), [25, 50, 100, 200]),
    "rnn, over the units": (lambda n: recurrent(n, n, 20, 32), [64, 128, 256, 512]),
    "transformer, over the batch": (lambda n: transformer(32, 4, 16, n), [8, 16, 32, 64]),
    "transformer, over the positions": (lambda n: transformer(32, 4, n, 8), [32, 64, 128, 256]),
    "batch norm, over the depth": (lambda n: normalised(64, n, 64), [4, 8, 16, 32]),
}


def fitted_exponent(make: Callable[[int], Case], sizes: list[int]) -> tuple[float, float]:
    """Return the slopes of log(multiplications of the forward pass) and of log(seconds of both passes) over log(size).

    The seconds are the least of a dozen runs.
    """
    seconds, multiplications = [], []
    for size in sizes:
        executor = make(size).executor("float64")
        run, _ = engine_passes(executor)
        times = []
        for _ in range(12):
            started = time.perf_counter()
            run()
            times.append(time.perf_counter() - started)
        seconds.append(math.log(min(times)))
        multiplications.append(math.log(forward_multiplications(executor)))
    logs = np.log(sizes)
    return float(np.polyfit(logs, multiplications, 1)[0]), float(np.polyfit(logs, seconds, 1)[0])


def forward_multiplications(executor: Executor) -> int:
    plan = executor.plan

    def whole(value: Ref) -> tuple[int, ...]:
        own = plan.shapes[value]
        return (executor.batch_size, *own) if value in plan.batched else own

    return sum(
        node.operation.multiplications([whole(value) for value in node.operands], whole(node.output))
        for node in plan.nodes
    )


def main() -> None:
    rows = []
    for name, case in CASES.items():
        difference = difference_of_jax(case) if layers_jax.JAX else math.inf
        agrees = difference <= layers_jax.TOLERANCE
        no_jax = f"gradients differ by {difference:.1e}" if layers_jax.JAX else "not installed"
        for precision in ("float64", "float32"):
            seconds = measured(case, precision, agrees)
            engine, floor = seconds["visualbp"], seconds["floor"]
            others = [
                f"{seconds[other] / engine:.2f}" if other in seconds else absent
                for other, absent in (("PyTorch", "not installed"), ("JAX", no_jax))
            ]
            micro = [f"{floor * 1e6:,.0f}", f"{engine * 1e6:,.0f}", f"{engine / floor:.2f}"]
            rows.append([name, precision, *micro, *others])
    head = ["network", "precision", "floor, us", "visualbp, us", "visualbp / floor"]
    head += ["PyTorch / visualbp", "JAX / visualbp"]
    print(table(head, rows))
    growth = []
    for name, (make, sizes) in GROWTH.items():
        expected, found = fitted_exponent(make, sizes)
        growth.append([name, f"{sizes[0]} to {sizes[-1]}", f"{expected:.2f}", f"{found:.2f}"])
    print()
    print(table(["cost", "sizes", "exponent of the multiplications", "exponent of the seconds"], growth))


if __name__ == "__main__":
    main()
