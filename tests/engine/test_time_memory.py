"""A sequence and its time steps share memory: nothing is copied between them, and every number stays what it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.building import chain, executor_of, inline, whole_iteration, with_training
from tests.refs import ref
from visualbp.analysis.gradient_check import CheckOptions
from visualbp.analysis.gradient_check_operations import check_operations
from visualbp.analysis.gradient_check_passes import Pace, point_at
from visualbp.engine import Executor, Phase
from visualbp.network import Network, edits
from visualbp.network.bugs import PlantedBug
from visualbp.network.network import make_layer

STEPS = 6


def network(*memories: tuple[str, bool], embedded: bool = False, units: int = 3, **fields: Any) -> Network:
    """Return recurrent layers in a row on random sequences, each with its name and whether all its states go on."""
    generator = np.random.default_rng(3)
    letters = generator.integers(0, 6, (5, STEPS))
    shape, inputs = ([STEPS], letters) if embedded else ([STEPS, 2], generator.standard_normal((5, STEPS, 2)))
    layers = [(name, "rnn", {"units": units, "return_sequence": sequence}) for name, sequence in memories]
    return chain(
        ("input", "input", {"shape": shape}),
        *([("letters", "embedding", {"vocabulary": 6, "units": 2})] if embedded else []),
        *layers,
        ("output", "dense", {"units": 4}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(inputs, generator.integers(0, 4, (5, STEPS) if memories[-1][1] else (5,))),
        seed=4,
        **fields,
    )


def calls_of(executor: Executor, layer: str, operation: str, phase: Phase) -> list[int]:
    """Return how many calls each step of an operation makes."""
    calls = executor.binding(5).calls
    steps = [s for s in executor.plan.steps if (s.layer, s.operation, s.phase) == (layer, operation, phase)]
    return [len(calls[step.index]) for step in steps]


def test_between_recurrent_layers_nothing_is_copied_on_either_way() -> None:
    executor = executor_of(network(("first", True), ("second", False)))
    for layer in ("first", "second"):
        assert calls_of(executor, layer, "time_slice", Phase.FORWARD) == [0] * STEPS
    assert calls_of(executor, "first", "stack", Phase.FORWARD) == [0]
    assert calls_of(executor, "second", "gather", Phase.BACKWARD) == [0]
    assert calls_of(executor, "first", "stack", Phase.BACKWARD) == [0] * STEPS


def test_where_others_take_the_sequence_it_is_one_copy_for_all_its_time_steps() -> None:
    executor = executor_of(network(("memory", True), embedded=True))
    assert calls_of(executor, "memory", "time_slice", Phase.FORWARD) == [0] * STEPS
    assert calls_of(executor, "memory", "stack", Phase.FORWARD) == [1]
    assert calls_of(executor, "memory", "gather", Phase.BACKWARD) == [1]
    *others, last = calls_of(executor, "memory", "stack", Phase.BACKWARD)  # the last is no part of a sum
    assert (others, last) == ([0] * (STEPS - 1), 1)


def test_what_all_time_steps_share_gets_its_gradient_in_one_sum() -> None:
    executor = executor_of(network(("memory", False)))
    assert calls_of(executor, "memory", "accumulate", Phase.BACKWARD) == [1, 1, 1]


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_that_sum_has_the_bits_of_adding_one_part_after_the_other(units: int, precision: str) -> None:
    executor = executor_of(network(("memory", False), units=units, precision=precision))
    values, sums = whole_iteration(executor), 0
    for step in executor.plan.steps:
        if step.operation == "accumulate" and step.writes[0].role in ("weight_input", "weight_hidden", "bias"):
            total = values[step.reads[0]].copy()
            for part in step.reads[1:]:
                total = total + values[part]
            assert total.tobytes() == values[step.writes[0]].tobytes()
            sums += 1
    assert sums == 3


def test_a_sum_of_negative_zeros_stays_one() -> None:
    executor = executor_of(network(("memory", False)))
    bound = executor.binding(5)
    step = next(s for s in executor.plan.steps if s.operation == "accumulate" and s.writes[0].role == "bias")
    for part in step.reads:
        bound.buffer(part).fill(-0.0)
    for function, arguments in bound.calls[step.index]:
        function(*arguments)
    assert np.signbit(bound.buffer(step.writes[0])).all()


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_what_is_published_is_what_is_stepped_through_in_row_major_order(embedded: bool, precision: str) -> None:
    built = network(("first", True), ("second", True), embedded=embedded, precision=precision)
    built = edits.insert_on_connection(built, make_layer("sum", "add"), ("second", "output"), (0.0, 0.0))
    built = with_training(edits.connect(built, "first", "sum"), batch_size=2, shuffle=True)
    stepped, fast = executor_of(built), executor_of(built)
    for _ in range(4):
        values = whole_iteration(stepped)
        fast.run_fast()
        fast.publish()
        assert values.keys() == fast.values.keys()
        for value, array in values.items():
            assert array.tobytes() == fast.values[value].tobytes(), value.text
            assert array.flags.c_contiguous and fast.values[value].flags.c_contiguous
    states = [values[ref("first", f"h[{time}]")] for time in range(STEPS)]
    np.testing.assert_array_equal(values[ref("first", "h")], np.stack(states, 1))


def test_a_time_step_is_absent_until_its_own_step_has_run() -> None:
    executor = executor_of(network(("first", True), ("second", False)))
    while not (executor.last_step and executor.last_step.operation == "stack"):
        executor.step()
    assert ref("first", "h") in executor.values and ref("second", "x[0]") not in executor.values
    executor.step()
    assert ref("second", "x[0]") in executor.values and ref("second", "x[1]") not in executor.values
    executor.back()
    assert ref("second", "x[0]") not in executor.values


@pytest.mark.parametrize("embedded", [False, True])
def test_the_check_of_every_rule_puts_back_what_it_shares(embedded: bool) -> None:
    """It fills the operands and the upstream of one rule with numbers of its own, and must not reach another's."""
    executor = executor_of(network(("first", True), ("second", True), embedded=embedded))
    parameters = executor.parameter_views()
    values = whole_iteration(executor)
    point = point_at(executor.plan, parameters, executor.inputs, executor.targets, executor.context)
    gradient, checks = check_operations(point, CheckOptions(), Pace(None, None))
    assert len(checks) > 10 * STEPS and all(check.passed for check in checks)
    for value, array in gradient.items():
        np.testing.assert_array_equal(array, values[value.gradient])


@pytest.mark.parametrize("time", [2, STEPS - 1])
def test_a_wrong_rule_of_a_time_step_leaves_what_it_read_as_it_was(time: int) -> None:
    right = network(("first", True), ("second", False))
    wrong = replace(right, bugs=(PlantedBug("sign", "first", "h", f"h[{time}]"),))
    stepped, fast, other = executor_of(wrong), executor_of(wrong), executor_of(right)
    values, gradient = whole_iteration(stepped), ref("first", "h").gradient
    fast.run_fast()
    fast.publish()
    for value, array in values.items():
        assert array.tobytes() == fast.values[value].tobytes(), value.text
    np.testing.assert_array_equal(fast.values[gradient], whole_iteration(other)[gradient])
    step = next(s for s in stepped.plan.steps if (s.operation, s.phase, s.operand) == ("stack", Phase.BACKWARD, time))
    np.testing.assert_array_equal(values[step.writes[0]], -values[gradient][:, time])
