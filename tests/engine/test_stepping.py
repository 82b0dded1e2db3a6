"""Stepping, stepping back, and running at full speed: one arithmetic, to the last bit, on random networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tests.building import optimizer, with_training
from tests.random_networks import random_data, random_network
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine import Executor, Phase, compile_plan
from visualbp.engine.plan import GRADIENT_NORM
from visualbp.network import Clip, Network

seeds = st.integers(0, 10**6)
precisions = st.sampled_from(["float64", "float32"])
properties = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

Bits = dict[Ref, bytes]


def executor_of(seed: int, precision: str = "float64", change: Callable[[Network], Network] = lambda n: n) -> Executor:
    network = change(random_network(seed, with_dropout=True, precision=precision))  # type: ignore[arg-type]
    return Executor(compile_plan(network), random_data(network, seed))


def same_nan(array: Array) -> bytes:
    """Return the bits of an array, all nan as one: IEEE 754 leaves a nan's sign and payload to the processor.

    A vectorised product and a scalar one of the same numbers may differ in them, by where the array lies in memory.
    """
    return np.where(np.isnan(array), array.dtype.type(np.nan), array).tobytes()


def bits(arrays: dict[Ref, Array]) -> Bits:
    return {value: same_nan(array) for value, array in arrays.items()}


def persistent_bits(executor: Executor) -> bytes:
    """Return the bits of all that outlives an iteration."""
    return same_nan(executor.store.save())


def norms(executor: Executor) -> dict[Ref, str]:
    """Return the norms as texts, in which nan is equal to nan."""
    return {value: repr(norm) for value, norm in executor.norms.items()}


def state(executor: Executor) -> tuple[int, int, bytes, Bits, dict[Ref, str]]:
    """Return all that a person can see, and all that decides what comes next."""
    return (
        executor.iteration,
        executor.cursor,
        persistent_bits(executor),
        bits(executor.values),
        norms(executor),
    )


def step_iterations(executor: Executor, count: int) -> None:
    for _ in range(count):
        executor.step()
        while not executor.at_end:
            executor.step()


@properties
@given(seeds, precisions)
def test_stepping_and_full_speed_leave_the_same_bits(seed: int, precision: str) -> None:
    stepped, fast = executor_of(seed, precision), executor_of(seed, precision)
    for _ in range(5):
        step_iterations(stepped, 1)
        loss = fast.run_fast()
        assert persistent_bits(stepped) == persistent_bits(fast)
        assert float(stepped.values[stepped.plan.loss]) == loss or np.isnan(loss)
    fast.publish()
    assert bits(fast.values) == bits({value: stepped.values[value] for value in fast.values})
    assert stepped.values.keys() == fast.values.keys()
    assert norms(stepped) == norms(fast)


@properties
@given(seeds, precisions, st.integers(0, 30))
def test_an_iteration_that_is_given_up_leaves_no_trace(seed: int, precision: str, pieces: int) -> None:
    given_up, undisturbed = executor_of(seed, precision), executor_of(seed, precision)
    given_up.run_fast(), undisturbed.run_fast()
    left = pieces

    def between() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise InterruptedError

    with patch("visualbp.engine.executor.CALLS_AT_ONCE", 7):
        is_shorter = len(given_up.binding(len(given_up.batch_indices(1))).training_calls) <= 7 * pieces
        if is_shorter:
            given_up.run_fast(between)
        else:
            with pytest.raises(InterruptedError):
                given_up.run_fast(between)
            assert (given_up.iteration, given_up.cursor) == (1, 0)
            assert persistent_bits(given_up) == persistent_bits(undisturbed)
            assert given_up.values.keys() == given_up.store.views.keys()
            given_up.run_fast(lambda: None)
    undisturbed.run_fast()
    assert (given_up.iteration, given_up.at_end) == (1, True)
    assert persistent_bits(given_up) == persistent_bits(undisturbed)


@properties
@given(seeds, precisions, st.lists(st.booleans(), min_size=4, max_size=8))
@example(785, "float32", [False] * 4)  # a network that diverges to nan
def test_stepping_and_full_speed_can_take_turns(seed: int, precision: str, turns: list[bool]) -> None:
    mixed, fast = executor_of(seed, precision), executor_of(seed, precision)
    for fast_turn in turns:
        if fast_turn:
            mixed.run_fast()
        else:
            step_iterations(mixed, 1)
        fast.run_fast()
    assert persistent_bits(mixed) == persistent_bits(fast)


@properties
@given(seeds, st.data())
def test_a_step_back_is_exactly_where_one_was_and_a_step_forward_exactly_where_one_had_come(
    seed: int, data: st.DataObject
) -> None:
    executor = executor_of(seed)
    step_iterations(executor, data.draw(st.integers(0, 2)))
    steps = len(executor.plan.steps)
    executor.step()
    trail = [state(executor)]
    for _ in range(data.draw(st.integers(1, steps - 1))):
        executor.step()
        trail.append(state(executor))
    back = data.draw(st.integers(1, len(trail) - 1))
    for place in range(1, back + 1):
        undone = executor.plan.steps[executor.cursor - 1]
        assert executor.back() is undone
        assert state(executor) == trail[-1 - place]
    for place in reversed(range(back)):
        executor.step()
        assert state(executor) == trail[-1 - place]


@properties
@given(seeds)
def test_going_back_to_the_start_of_an_iteration_leaves_only_what_outlives_it(seed: int) -> None:
    executor = executor_of(seed)
    step_iterations(executor, 1)
    first_parameters = persistent_bits(executor)
    executor.step()
    assert executor.iteration == 1
    before = state(executor)
    while not executor.at_end:
        executor.step()
    while executor.cursor:
        executor.back()
    assert set(executor.values) == set(executor.store.views) and not executor.norms
    assert persistent_bits(executor) == first_parameters
    with pytest.raises(IndexError, match="no recorded step to undo"):
        executor.back()
    executor.step()
    assert state(executor) == before


@properties
@given(seeds, st.integers(0, 5), st.integers(1, 6))
def test_a_restored_checkpoint_replays_to_the_same_bits(seed: int, start: int, length: int) -> None:
    executor = executor_of(seed)
    for _ in range(start):
        executor.run_fast()
    saved = executor.store.save()
    for _ in range(length):
        executor.run_fast()
    arrived = persistent_bits(executor)
    executor.restore(start, saved)
    for _ in range(length):
        executor.run_fast()
    assert persistent_bits(executor) == arrived
    assert executor.iteration == start + length - 1


@properties
@given(seeds)
def test_frozen_parameters_have_gradients_and_never_move(seed: int) -> None:
    executor = executor_of(seed)
    frozen = [info.value for info in executor.plan.parameters if info.frozen]
    before = {value: executor.values[value] for value in frozen}
    step_iterations(executor, 3)
    for value in frozen:
        assert executor.values[value].tobytes() == before[value].tobytes()
        assert value.gradient in executor.values


@properties
@given(seeds)
def test_what_a_step_has_shown_is_never_written_again(seed: int) -> None:
    executor = executor_of(seed)
    shown: list[tuple[Array, bytes]] = []
    for _ in range(2 * len(executor.plan.steps)):
        executor.step()
        shown += [(array, array.tobytes()) for array in executor.values.values()]
    executor.run_fast()
    executor.publish()
    for array, content in shown:
        assert not array.flags.writeable and array.tobytes() == content


@properties
@given(seeds)
def test_each_step_writes_what_it_says_and_nothing_else(seed: int) -> None:
    executor = executor_of(seed)
    before: Bits = {}
    for _ in range(len(executor.plan.steps)):
        step = executor.step()
        after = bits(executor.values)
        changed = {value for value, content in after.items() if before and before.get(value) != content}
        assert changed <= set(step.writes)
        assert set(step.writes) <= set(executor.values)
        assert all(executor.plan.resolve(value) in executor.values for value in step.reads)
        before = after


@properties
@given(seeds, st.integers(1, 4))
def test_one_epoch_sees_every_sample_once_and_the_last_batch_may_be_smaller(seed: int, batch_size: int) -> None:
    coupled = any(layer.type == "batch_norm" for layer in random_network(seed, with_dropout=True).layers)
    assume(not coupled)  # batch norm refuses a last batch of one sample
    executor = executor_of(seed, change=lambda network: with_training(network, batch_size=batch_size, shuffle=True))
    epoch = [executor.batch_indices(i) for i in range(executor.batches_per_epoch)]
    assert sorted(np.concatenate(epoch).tolist()) == list(range(9))
    assert [len(batch) for batch in epoch[:-1]] == [batch_size] * (len(epoch) - 1)
    following = [executor.batch_indices(i + len(epoch)) for i in range(len(epoch))]
    assert sorted(np.concatenate(following).tolist()) == list(range(9))
    np.testing.assert_array_equal(executor.batch_indices(0), epoch[0])  # replayed alone


def test_the_order_of_samples_changes_with_the_epoch_and_with_the_seed() -> None:
    def order(seed: int, iteration: int) -> list[int]:
        def change(network: Network) -> Network:
            return replace(with_training(network, batch_size=9, shuffle=True), seed=seed)

        return executor_of(3, change=change).batch_indices(iteration).tolist()

    assert order(1, 0) != order(1, 1) and order(1, 0) != order(2, 0) and order(1, 0) == order(1, 0)


@pytest.mark.parametrize("clip", [None, Clip("norm", 0.01), Clip("value", 0.01)])
@pytest.mark.parametrize(
    "choice",
    [
        optimizer("sgd"),
        optimizer("sgd", momentum=0.9),
        optimizer("sgd", momentum=0.9, nesterov=True, weight_decay=0.1),
        optimizer("adam", weight_decay=0.1),
    ],
    ids=["plain", "momentum", "nesterov", "adam"],
)
def test_one_can_step_back_in_the_middle_of_an_update(choice: object, clip: Clip | None) -> None:
    def change(network: Network) -> Network:
        network = with_training(network, optimizer=choice, clip=clip, batch_size=4, shuffle=True)
        return replace(network, layers=tuple(replace(layer, frozen=False) for layer in network.layers))

    executor, straight = executor_of(11, change=change), executor_of(11, change=change)
    step_iterations(straight, 3)
    for _ in range(3):
        executor.step()
        while not executor.at_end:
            executor.step()
            if executor.last_step is not None and executor.last_step.phase == Phase.UPDATE:
                here = state(executor)
                executor.back()
                executor.back()
                executor.step()
                executor.step()
                assert state(executor) == here
    assert persistent_bits(executor) == persistent_bits(straight)
    assert (GRADIENT_NORM in executor.values) == (clip is not None and clip.by == "norm")


@properties
@given(seeds)
def test_a_seed_decides_everything_and_another_seed_decides_otherwise(seed: int) -> None:
    one, same = executor_of(seed), executor_of(seed)
    other = executor_of(seed, change=lambda network: replace(network, seed=network.seed + 1))
    for executor in (one, same, other):
        step_iterations(executor, 2)
    assert state(one) == state(same)
    assert persistent_bits(one) != persistent_bits(other)


def test_full_speed_waits_for_an_iteration_that_has_begun() -> None:
    executor = executor_of(1)
    executor.step()
    with pytest.raises(IndexError, match="finished by steps"):
        executor.run_fast()
    executor.finish_iteration()
    executor.run_fast()
    assert executor.iteration == 1
    with pytest.raises(IndexError):
        executor.back()
