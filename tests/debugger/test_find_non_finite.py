"""The first value that is not finite is found after full speed where stepping from the beginning would have met it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training
from tests.random_networks import random_data, random_network
from tests.refs import ref
from visualbp.core.options import Choice
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.debugger.non_finite import RECORDED_AT_MOST
from visualbp.debugger.session import Session
from visualbp.debugger.until import Recorded, Until
from visualbp.engine import Executor, compile_plan
from visualbp.network import Network, edits

Place = tuple[int, int, Ref, tuple[int, ...]]
ITERATIONS = 24


def exploding_network(seed: int) -> tuple[Network, Dataset]:
    """Return a random network with a far too large learning rate, and for some seeds far too large inputs."""
    generator = np.random.default_rng([seed, 7])
    network = random_network(seed, precision="float32" if seed % 2 else "float64")
    chosen = network.training.optimizer
    options = {**chosen.options, "learning_rate": float(10 ** generator.uniform(0, 6))}
    network = replace(network, training=replace(network.training, optimizer=Choice(chosen.type, options)))
    data = random_data(network, seed)
    if generator.random() < 0.4 and not any(layer.type == "embedding" for layer in network.layers):
        data = Dataset(data.inputs * 10 ** generator.uniform(2, 30 if seed % 2 else 200), data.targets)
    return network, data


def first_by_stepping(network: Network, data: Dataset) -> Place | None:
    """Step from the beginning and look at every number."""
    executor = Executor(compile_plan(network), data)
    masked = {node.output for node in executor.plan.nodes if node.operation.minus_infinity_is_meant}
    while executor.iteration < ITERATIONS:
        step = executor.step()
        for value in step.writes:
            array = executor.values[value]
            wrong = np.argwhere(~np.isfinite(array) & ~(np.isneginf(array) & (value in masked)))
            if len(wrong):
                return executor.iteration, step.index, value, tuple(int(i) for i in wrong[0])
    return None


def session_of(network: Network, data: Dataset) -> Session:
    session = Session()
    session.executor = Executor(compile_plan(network), data)
    session.history.add(0, session.executor.start)
    return session


def record(session: Session) -> None:
    """Record an iteration as training does with what it shows."""
    session.run(Until(), [Recorded(looks_back=True)])


def found_after_full_speed(network: Network, data: Dataset) -> Place | None:
    session = session_of(network, data)
    assert session.executor is not None
    number, loss = -1, 0.0
    while np.isfinite(loss) and number < ITERATIONS - 2:
        with np.errstate(all="ignore"):
            number, loss = session.train_one()
    if np.isfinite(loss):
        record(session)  # as the worker does with what it shows
    else:
        session.find_non_finite()
    trouble = session.executor.non_finite
    return None if trouble is None else (trouble.iteration, trouble.step.index, trouble.value, trouble.index)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_full_speed_finds_what_stepping_meets_first(first: int) -> None:
    found = 0
    for seed in range(first, first + 20):
        network, data = exploding_network(seed)
        met, place = first_by_stepping(network, data), found_after_full_speed(network, data)
        found += met is not None
        assert place == met, seed
    assert found


def test_a_loss_that_stays_finite_does_not_hide_where_a_weight_became_infinite() -> None:
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("hidden", "dense", {"units": 1, "activation": "tanh", "bias": False, "weight_init": "zeros"}),
        ("output", "dense", {"units": 1, "bias": False, "weight_init": {"type": "constant", "value": 1.0}}),
        ("loss", "mean_absolute_error", {}),
    )
    network = with_training(network, optimizer=optimizer("sgd", learning_rate=1e6))
    session = session_of(network, Dataset(np.full((1, 1), 1e305), np.full((1, 1), 9.0)))
    assert session.executor is not None
    with np.errstate(all="ignore"):
        losses = [session.train_one()[1] for _ in range(5)]
    assert np.isfinite(losses).all() and np.isinf(session.executor.store.views[ref("hidden", "weight")]).any()
    record(session)
    trouble = session.executor.non_finite
    assert trouble is not None
    assert trouble.text == "hidden: update (update) gave inf in hidden.weight[0, 0] at iteration 0"
    for _ in range(5):
        session.train_one()  # whoever trains on all the same is not sent back once more
    record(session)
    assert session.executor.iteration == 5 and session.executor.non_finite is not None


def test_far_from_the_last_good_checkpoint_it_is_found_at_full_speed_all_the_same() -> None:
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("output", "dense", {"units": 1, "bias": False, "weight_init": {"type": "constant", "value": 1.0}}),
        ("loss", "mean_squared_error", {}),
    )
    network = with_training(network, optimizer=optimizer("sgd", learning_rate=3.0))
    data = Dataset(np.ones((1, 1)), np.zeros((1, 1)))
    met, session = None, session_of(network, data)
    executor = Executor(compile_plan(network), data)
    while executor.non_finite is None:
        executor.step()
    met = executor.non_finite
    assert met.iteration > 2 * RECORDED_AT_MOST
    loss = 0.0
    with np.errstate(all="ignore"):
        while np.isfinite(loss):
            _, loss = session.train_one()
    session.history._drop(range(1, len(session.history)))  # as thinning may
    session.find_non_finite()
    assert session.executor is not None and session.executor.non_finite is not None
    assert session.executor.non_finite.text == met.text


def test_what_was_not_finite_before_the_iteration_is_named_with_what_it_made() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}), ("output", "dense", {"units": 1}), ("loss", "mean_squared_error", {})
    )
    network = edits.set_parameter(network, "output", "weight", np.array([[1.0, np.nan]]))
    executor = Executor(compile_plan(network), Dataset(np.ones((1, 2)), np.ones((1, 1))))
    while executor.non_finite is None:
        executor.step()
    assert executor.non_finite.text == (
        "output: affine (forward) gave nan in output.z[0, 0] at iteration 0;"
        " output.weight[0, 1] was not finite before it"
    )


def test_a_recurrence_names_the_time_step_at_which_it_overflows() -> None:
    network = chain(
        ("input", "input", {"shape": [6, 1]}),
        ("recurrence", "rnn", {"units": 1, "activation": "linear"}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
    )
    weight = np.full((1, 1), 1e100)
    for name in ("weight_input", "weight_hidden"):
        network = edits.set_parameter(network, "recurrence", name, weight)
    executor = Executor(compile_plan(network), Dataset(np.ones((1, 6, 1)), np.ones((1, 1))))
    while executor.non_finite is None:
        executor.step()
    trouble = executor.non_finite
    assert trouble.step.layer == "recurrence" and trouble.value == ref("recurrence", "z[3]")  # 1e100 to the 4th
