"""Optimisers and schedules against PyTorch's, over several updates of one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training
from tests.refs import ref
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import SCHEDULE

torch = pytest.importorskip("torch", reason="needs the parity extra")
schedulers = torch.optim.lr_scheduler

GENERATOR = np.random.default_rng(0)
INPUTS, TARGETS = GENERATOR.normal(size=(8, 3)), GENERATOR.normal(size=(8, 2))

OPTIMISERS: list[tuple[str, dict[str, Any], Callable[..., Any]]] = [
    ("sgd", {}, lambda p: torch.optim.SGD(p, lr=0.1)),
    ("sgd", {"momentum": 0.9}, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
    (
        "sgd",
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.2},
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.2),
    ),
    ("adagrad", {}, lambda p: torch.optim.Adagrad(p, lr=0.1)),
    ("adagrad", {"weight_decay": 0.2}, lambda p: torch.optim.Adagrad(p, lr=0.1, weight_decay=0.2)),
    ("rmsprop", {}, lambda p: torch.optim.RMSprop(p, lr=0.1)),
    (
        "rmsprop",
        {"alpha": 0.5, "weight_decay": 0.2},
        lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.5, weight_decay=0.2),
    ),
    ("rmsprop", {"momentum": 0.9}, lambda p: torch.optim.RMSprop(p, lr=0.1, momentum=0.9)),
    ("rmsprop", {"centered": True}, lambda p: torch.optim.RMSprop(p, lr=0.1, centered=True)),
    ("adam", {}, lambda p: torch.optim.Adam(p, lr=0.1)),
    (
        "adam",
        {"beta1": 0.5, "weight_decay": 0.2},
        lambda p: torch.optim.Adam(p, 0.1, (0.5, 0.999), weight_decay=0.2),
    ),
    ("adamw", {}, lambda p: torch.optim.AdamW(p, lr=0.1)),
    (
        "adamw",
        {"beta2": 0.9, "weight_decay": 0.3},
        lambda p: torch.optim.AdamW(p, 0.1, (0.9, 0.9), weight_decay=0.3),
    ),
]

SCHEDULES: list[tuple[Any, Callable[..., Any] | None]] = [
    ("constant", None),
    ({"type": "step", "every": 2, "factor": 0.5}, lambda o: schedulers.StepLR(o, 2, 0.5)),
    ({"type": "exponential", "factor": 0.9}, lambda o: schedulers.ExponentialLR(o, 0.9)),
    ({"type": "cosine", "iterations": 6, "lowest": 0.01}, lambda o: schedulers.CosineAnnealingLR(o, 6, 0.01)),
    ({"type": "warm_up", "warm_up": 3}, lambda o: schedulers.LinearLR(o, 1 / 4, total_iters=3)),
    (
        {"type": "exponential", "factor": 0.9, "warm_up": 3},
        lambda o: schedulers.SequentialLR(
            o, [schedulers.LinearLR(o, 1 / 4, total_iters=3), schedulers.ExponentialLR(o, 0.9)], [3]
        ),
    ),
]


def run(choice: Any, schedule: Any, precision: Any, make: Callable[..., Any], plan_rate: Callable[..., Any] | None,
        iterations: int = 6) -> float:  # fmt: skip
    """Return the largest difference of a parameter, relative to its tensor's norm, after `iterations` updates."""
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("hidden", "dense", {"units": 4, "activation": "tanh"}),
        ("output", "dense", {"units": 2}),
        ("loss", "mean_squared_error", {}),
        precision=precision,
    )
    network = with_training(network, optimizer=choice, schedule=SCHEDULE.parse(schedule), batch_size=8)
    executor = Executor(compile_plan(network), Dataset(INPUTS, TARGETS))
    tensors = {value: torch.tensor(np.array(a), requires_grad=True) for value, a in executor.parameter_views().items()}
    x, y = torch.tensor(executor.inputs), torch.tensor(executor.targets)
    descent = make(list(tensors.values()))
    scheduler = plan_rate(descent) if plan_rate else None
    for _ in range(iterations):
        executor.run_fast()
        weights = [tensors[ref(layer, name)] for layer in ("hidden", "output") for name in ("weight", "bias")]
        h = torch.tanh(x @ weights[0].T + weights[1])
        loss = torch.nn.functional.mse_loss(h @ weights[2].T + weights[3], y)
        descent.zero_grad()
        loss.backward()
        descent.step()
        if scheduler is not None:
            scheduler.step()
    views = executor.parameter_views()
    return max(
        float(np.linalg.norm(views[value] - tensor.detach().numpy()) / np.linalg.norm(views[value]))
        for value, tensor in tensors.items()
    )


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-10), ("float32", 1e-4)])
@pytest.mark.parametrize(("name", "options", "make"), OPTIMISERS, ids=[f"{n} {o}" for n, o, _ in OPTIMISERS])
def test_updates_are_pytorchs(
    name: str, options: dict[str, Any], make: Callable[..., Any], precision: str, tolerance: float
) -> None:
    assert run(optimizer(name, **options), "constant", precision, make, None) <= tolerance


@pytest.mark.parametrize("name", ["sgd", "adagrad", "rmsprop", "adam", "adamw"])
@pytest.mark.parametrize(("schedule", "plan_rate"), SCHEDULES, ids=[str(s) for s, _ in SCHEDULES])
def test_scheduled_updates_are_pytorchs(name: str, schedule: Any, plan_rate: Callable[..., Any] | None) -> None:
    make = next(make for found, options, make in OPTIMISERS if found == name and not options)
    assert run(optimizer(name), schedule, "float64", make, plan_rate) <= 1e-10


def test_every_optimiser_is_compared() -> None:
    assert {name for name, _, _ in OPTIMISERS} == set(optimizers.names())


@pytest.mark.parametrize(
    ("name", "twin"),
    [("adagrad", "Adagrad"), ("rmsprop", "RMSprop"), ("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")],
)
def test_defaults_are_pytorchs(name: str, twin: str) -> None:
    made = getattr(torch.optim, twin)([torch.zeros(1, requires_grad=True)], lr=0.1).defaults
    pairs = {"epsilon": "eps", "alpha": "alpha", "weight_decay": "weight_decay", "momentum": "momentum"}
    for option in optimizers.get(name).options:
        if option.name in pairs:
            assert option.default == made[pairs[option.name]], option.name
        elif option.name in ("beta1", "beta2"):
            assert option.default == made["betas"][option.name == "beta2"]
