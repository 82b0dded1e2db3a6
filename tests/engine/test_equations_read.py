"""Every equation, read literally, gives the numbers beside it: of every layer, loss, optimiser and schedule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.analysis.test_explain_layers import SCHEDULES
from tests.building import chain, optimizer, with_training
from tests.equation_mutations import survivors
from tests.equation_reader import UnreadableError
from tests.equations_shown import Said, cases, data_for, executor_around, started, steps_of
from tests.random_networks import random_data, random_network
from tests.registry_cases import SPECIAL_OPERANDS, LayerCase, distinct, some_options
from visualbp.core.options import Choice, parse_options
from visualbp.engine import Executor, Phase, compile_plan
from visualbp.network import Clip, Network
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import Schedule, schedules


def assert_all_said_is_so(executor: Executor) -> None:
    for said in steps_of(executor):
        wrong = said.disagreement()
        assert not wrong, f"{said.step.label}: {wrong}\n  {said.equation}"


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.text)
def test_every_equation_of_every_layer_says_what_is_computed(case: LayerCase) -> None:
    assert_all_said_is_so(executor_around(case))


@pytest.mark.parametrize("case", distinct(cases(), with_settings=False), ids=lambda case: case.text)
def test_every_equation_is_so_at_zero_at_saturation_and_at_kinks(case: LayerCase) -> None:
    for operands in SPECIAL_OPERANDS:
        for said in steps_of(executor_around(case, operands)):
            wrong = said.disagreement() if said.step.layer == "tested" else ""
            assert not wrong, f"{operands}: {said.step.label}: {wrong}\n  {said.equation}"


@pytest.mark.parametrize("seed", range(12))
def test_every_equation_of_a_random_network_says_what_is_computed(seed: int) -> None:
    network = with_training(random_network(seed, with_dropout=True), schedule=SCHEDULES[seed % len(SCHEDULES)])
    executor = Executor(compile_plan(network), random_data(network, seed))
    executor.run_fast()
    assert_all_said_is_so(executor)


def small() -> Network:
    return chain(
        ("input", "input", {"shape": [4]}),
        ("hidden", "dense", {"units": 3, "activation": "tanh"}),
        ("output", "dense", {"units": 2}),
        ("loss", "mean_squared_error", {}),
    )


def assert_updates_are_so(network: Network) -> None:
    """Some iterations in, where no moment and no momentum is 0 any more."""
    executor = started(network, data_for(network))
    for _ in range(3):
        executor.run_fast()
    assert_all_said_is_so(executor)


OPTIMIZERS = [
    {"type": entry.type_name, "learning_rate": 0.05, **given}
    for entry in optimizers
    for given in [
        *some_options([option for option in entry.options if option.name != "learning_rate"]),
        *([{"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}] if entry.type_name == "sgd" else []),
        *([{"momentum": 0.9, "centered": True, "weight_decay": 0.1}] if entry.type_name == "rmsprop" else []),
    ]
    if not (given.get("nesterov") and not given.get("momentum"))
]


@pytest.mark.parametrize("choice", OPTIMIZERS, ids=str)
def test_every_equation_of_every_optimiser_says_what_is_computed(choice: dict[str, Any]) -> None:
    options = {name: value for name, value in choice.items() if name != "type"}
    assert_updates_are_so(with_training(small(), optimizer=optimizer(choice["type"], **options)))


@pytest.mark.parametrize("warm_up", [0, 2, 10])
@pytest.mark.parametrize("entry", list(schedules), ids=lambda entry: entry.type_name)
def test_every_equation_of_every_schedule_says_what_is_computed(entry: type[Schedule], warm_up: int) -> None:
    for given in some_options(entry.options):
        if any(option.name == "warm_up" for option in entry.options):
            given["warm_up"] = max(warm_up, 1 if entry.type_name == "warm_up" else 0)
        schedule = Choice(entry.type_name, parse_options(entry.options, given))
        assert_updates_are_so(with_training(small(), schedule=schedule))


@pytest.mark.parametrize("clip", [Clip("norm", 0.01), Clip("norm", 1e3), Clip("value", 0.005)], ids=str)
@pytest.mark.parametrize("penalties", [(0.1, 0.0), (0.0, 0.1), (0.1, 0.2)], ids=str)
def test_penalties_and_clipping_say_what_they_do(clip: Clip, penalties: tuple[float, float]) -> None:
    assert_updates_are_so(with_training(small(), clip=clip, l1=penalties[0], l2=penalties[1]))


TAUGHT = ("dense", "activation", "softmax_cross_entropy", "mean_squared_error", "layer_norm", "embedding", "dropout",
          "max_pool2d", "avg_pool2d", "self_attention", "concatenate", "huber", "rnn", "lstm", "gru")  # fmt: skip
"""Layers of all kinds, each once on every shape."""


def test_a_lie_in_an_equation_is_noticed() -> None:
    """A dropped 1/B, transposition, sum or sign: whatever small thing is changed, the numbers tell."""
    first = {(case.kind.type_name, case.shapes): case for case in reversed(cases()) if case.kind.type_name in TAUGHT}
    told = 0
    for case in first.values():
        for said in steps_of(executor_around(case)):
            count, unnoticed = survivors(said)
            told += count
            shown = [bound.array for symbol, bound in said.symbols.items() if symbol in said.equation]
            of_zeros = r"\mathbf{0}" in said.equation or not all(map(np.any, [*shown, *said.computed.values()]))
            if of_zeros or changes_nothing(said):  # 0 is 0, whatever it is multiplied with
                continue
            assert not unnoticed, unnoticed[0]
    assert told > 800


def changes_nothing(said: Said) -> bool:
    """Return whether a step moves a parameter by nothing: the gradient of attention's key bias is exactly 0."""
    moved = [np.abs(array - said.symbols[name].array).max() for name, array in said.computed.items()]
    return said.step.phase == Phase.UPDATE and max(moved) < 1e-12


@pytest.mark.parametrize(
    "equation",
    [
        r"\mathbf{z}^{(1)} = W^{(1)} \mathbf{h}^{(0)} + \text{a rule of its own}\left(\mathbf{b}^{(1)}\right)",
        r"\mathbf{z}^{(1)} = \mathrm{affine}(\mathbf{h}^{(0)}, W^{(1)}, \mathbf{b}^{(1)})",
        r"\mathbf{z}^{(1)} = \mathbf{h}^{(0)} W^{(1)}",
        r"\mathbf{z}^{(1)} = \sum_{n=1}^{B} W^{(1)} \mathbf{h}^{(0)}",
        r"\mathbf{b}^{(1)} = \mathbf{z}^{(1)}",
    ],
)
def test_what_cannot_be_read_is_named(equation: str) -> None:
    network = small()
    said = steps_of(started(network, data_for(network)))[0]
    with pytest.raises(UnreadableError) as caught:
        said.read(equation)
    assert equation in str(caught.value)
