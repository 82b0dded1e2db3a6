"""Learning-rate schedules: the rate of every iteration, seen as a step, and the same at every pace."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.building import optimizer, with_training, xor
from tests.typeset_equations import paths
from visualbp.core.options import OptionError, parse_options, plain_options
from visualbp.datasets import load_dataset
from visualbp.engine import Executor, Phase, compile_plan
from visualbp.engine.notation import pseudocode_line, step_equation, step_sentence, step_shapes
from visualbp.engine.plan import LEARNING_RATE
from visualbp.network import Clip
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import SCHEDULE, make_schedule, schedules


def rates(written: object, count: int) -> list[float]:
    schedule = make_schedule(SCHEDULE.parse(written))
    return [schedule.rate(0.5, iteration) for iteration in range(count)]


def test_each_schedule_follows_its_formula() -> None:
    assert rates("constant", 3) == [0.5] * 3
    assert rates({"type": "step", "every": 2, "factor": 0.5}, 5) == [0.5, 0.5, 0.25, 0.25, 0.125]
    assert rates({"type": "exponential", "factor": 0.5}, 3) == [0.5, 0.25, 0.125]
    cosine = rates({"type": "cosine", "iterations": 4, "lowest": 0.1}, 7)
    assert np.allclose(cosine, [0.5, 0.3 + 0.2 * math.sqrt(0.5), 0.3, 0.3 - 0.2 * math.sqrt(0.5), 0.1, 0.1, 0.1])
    assert rates({"type": "warm_up", "warm_up": 4}, 6) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.5]


@pytest.mark.parametrize("name", [name for name in schedules.names() if name != "constant"])
def test_a_warm_up_rises_evenly_and_then_the_schedule_begins(name: str) -> None:
    cold = rates(name, 5) if name != "warm_up" else [0.5] * 5
    warm = rates({"type": name, "warm_up": 3}, 8)
    assert np.allclose(warm[:3], [0.125, 0.25, 0.375])
    assert warm[3:] == cold


@pytest.mark.parametrize("name", schedules.names())
def test_rates_stay_finite_and_never_negative_however_long_it_runs(name: str) -> None:
    schedule = make_schedule(SCHEDULE.parse(name))
    found = [schedule.rate(0.1, iteration) for iteration in (0, 1, 10, 10**4, 10**7, 10**12)]
    assert all(0.0 <= rate <= 0.1 and math.isfinite(rate) for rate in found)


def scheduled(name: str) -> Executor:
    network = with_training(
        xor(), optimizer=optimizer("adamw"), clip=Clip("norm", 1.0), schedule=SCHEDULE.parse(name), batch_size=3
    )
    assert network.data is not None
    return Executor(compile_plan(network), load_dataset(network.data))


def test_the_rate_is_a_step_that_can_be_seen_and_that_every_update_reads() -> None:
    executor = scheduled("exponential")
    updates = [step for step in executor.plan.steps if step.operation == "update"]
    (step,) = [step for step in executor.plan.steps if step.operation == "schedule"]
    assert step.writes == (LEARNING_RATE,) and step.phase == Phase.UPDATE and step.index < updates[0].index
    assert all(LEARNING_RATE in update.reads for update in updates)
    for iteration in range(3):
        for _ in executor.plan.steps:
            executor.step()
        assert float(executor.values[LEARNING_RATE]) == 0.1 * 0.999**iteration
    while executor.cursor > step.index:
        executor.back()
    assert LEARNING_RATE not in executor.values


def test_without_a_schedule_there_is_no_such_step() -> None:
    assert all(step.operation != "schedule" for step in scheduled("constant").plan.steps)


@pytest.mark.parametrize("name", schedules.names())
def test_stepping_and_full_speed_leave_the_same_bits(name: str) -> None:
    stepped, fast = scheduled(name), scheduled(name)
    for _ in range(5):
        fast.run_fast()
        for _ in stepped.plan.steps:
            stepped.step()
    assert stepped.store.persistent.tobytes() == fast.store.persistent.tobytes()


@pytest.mark.parametrize("name", schedules.names())
def test_every_schedule_is_told_in_words_and_in_an_equation_that_can_be_drawn(name: str) -> None:
    for choice in (name, {"type": name, "warm_up": 3} if name != "constant" else name):
        network = with_training(xor(), schedule=SCHEDULE.parse(choice))
        plan = compile_plan(network)
        assert paths(make_schedule(network.training.schedule).equation(r"\eta"))
        for step in plan.steps:
            if step.operation == "schedule":
                assert step.label == "rate"
                assert step_equation(plan, step).startswith(r"\eta \leftarrow")
                assert "learning rate" in step_sentence(plan, step)
                assert step_shapes(plan, step, 4) == "scalar"
                assert pseudocode_line(plan, step) == 15


@pytest.mark.parametrize("name", optimizers.names())
def test_every_optimiser_has_an_equation_that_can_be_drawn(name: str) -> None:
    flags = {option.name for option in optimizers.get(name).options}
    for options in ({}, {"weight_decay": 0.1}, {"momentum": 0.9}, {"momentum": 0.9, "centered": True}):
        if flags >= set(options):
            plan = compile_plan(with_training(xor(), optimizer=optimizer(name, **options)))
            update = plan.steps[-1]
            assert paths(step_equation(plan, update))


@pytest.mark.parametrize("name", schedules.names())
def test_options_survive_the_way_to_a_file_and_back(name: str) -> None:
    choice = SCHEDULE.parse(name)
    assert SCHEDULE.parse(SCHEDULE.plain(choice)) == choice
    entry = schedules.get(name)
    assert parse_options(entry.options, plain_options(entry.options, choice.options)) == choice.options


def test_bad_schedules_are_refused_in_words() -> None:
    with pytest.raises(OptionError, match="schedule: there is no schedule called 'cosin'; did you mean 'cosine'"):
        SCHEDULE.parse("cosin")
    with pytest.raises(OptionError, match="schedule: every must be a whole number from 1"):
        SCHEDULE.parse({"type": "step", "every": 0})
    with pytest.raises(OptionError, match="schedule: factor must be a number from 0 to 1"):
        SCHEDULE.parse({"type": "exponential", "factor": 2.0})
