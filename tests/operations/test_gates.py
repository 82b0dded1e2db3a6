"""The parts of gated layers, and the layers: what a gate keeps of an error signal on its way back through time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.building import chain, executor_of, inline, optimizer, whole_iteration, with_training
from tests.operations.derivative_checks import (
    NUMPYS_OWN_BUFFERS,
    assert_derivatives_agree,
    assert_equations_can_be_set,
    bytes_allocated_by_a_second_run,
)
from tests.refs import ref
from visualbp.analysis.explain import Moment, explain
from visualbp.debugger.commands import Level
from visualbp.debugger.session import Session
from visualbp.engine import Phase
from visualbp.engine.notation import step_sentence
from visualbp.network import Network
from visualbp.operations.base import Operation, evaluate
from visualbp.operations.cell_state import CellState
from visualbp.operations.gates import GatePart, StartState
from visualbp.operations.update_gate import UpdatedState

BATCH, STEPS, UNITS = 3, 4, 5
GATED = ("lstm", "gru")

CASES: list[tuple[Operation, list[tuple[int, ...]]]] = [
    (GatePart(1, 3), [(BATCH, 3 * UNITS)]),
    (GatePart(2, 3), [(BATCH, 3 * UNITS)] * 2),
    (CellState(), [(BATCH, UNITS)] * 4),
    (UpdatedState(), [(BATCH, UNITS)] * 3),
]


@pytest.mark.parametrize(("operation", "shapes"), CASES, ids=lambda part: getattr(part, "name", ""))
@pytest.mark.parametrize("size", [1e-100, 1.0, 1e100])
def test_gates_agree_with_differences(operation: Operation, shapes: list[tuple[int, ...]], size: float) -> None:
    generator = np.random.default_rng(1)
    assert_derivatives_agree(operation, [size * generator.standard_normal(shape) for shape in shapes])


def test_their_equations_can_be_set() -> None:
    for operation, shapes in CASES:
        assert_equations_can_be_set(operation, *shapes)


def test_the_prepared_calls_allocate_no_arrays() -> None:
    generator = np.random.default_rng(0)
    for operation, shapes in CASES:
        inputs = [generator.standard_normal((512, 50 * shape[1])) for shape in shapes]
        assert bytes_allocated_by_a_second_run(operation, inputs) < NUMPYS_OWN_BUFFERS < inputs[0].nbytes


def test_the_cost_of_a_gate_is_that_of_its_products() -> None:
    size, shapes = BATCH * UNITS, [(BATCH, UNITS)] * 4
    assert CellState().multiplications(shapes, (BATCH, UNITS)) == 2 * size
    assert UpdatedState().multiplications(shapes[:3], (BATCH, UNITS)) == size
    assert GatePart(0, 4).multiplications([(BATCH, 4 * UNITS)], (BATCH, UNITS)) == 0


def test_a_closed_update_gate_takes_the_candidate_and_an_open_one_keeps_the_state() -> None:
    generator = np.random.default_rng(2)
    candidate, state = generator.standard_normal((2, BATCH, UNITS))
    closed, opened = (np.full((BATCH, UNITS), gate) for gate in (0.0, 1.0))
    np.testing.assert_array_equal(evaluate(UpdatedState(), [closed, candidate, state]).output, candidate)
    np.testing.assert_allclose(evaluate(UpdatedState(), [opened, candidate, state]).output, state, rtol=1e-14)


def test_the_start_depends_on_nothing_and_has_as_many_samples_as_the_batch() -> None:
    start = evaluate(StartState(UNITS), [np.random.default_rng(0).standard_normal((7, 2))]).output
    np.testing.assert_array_equal(start, np.zeros((7, UNITS)))


# -- the layers ----------------------------------------------------------------------------------------------------


def network(kind: str, steps: int = STEPS, sequence: bool = False, **fields: Any) -> Network:
    """Return a gated network on five random sequences of letters."""
    generator = np.random.default_rng(3)
    return chain(
        ("input", "input", {"shape": [steps]}),
        ("letters", "embedding", {"vocabulary": 6, "units": 2}),
        ("memory", kind, {"units": 3, "return_sequence": sequence, "bias_init": {"type": "normal", "std": 0.5}}),
        ("output", "dense", {"units": 4}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(generator.integers(0, 6, (5, steps)), generator.integers(0, 4, (5, steps) if sequence else (5,))),
        seed=4,
        **fields,
    )


MADE = {
    "lstm": ["x", "z", "z_i", "i", "z_f", "f", "z_g", "g", "z_o", "o", "c", "s", "h"],
    "gru": ["x", "z", "s", "z_r", "r", "z_u", "u", "x_n", "s_n", "m", "z_n", "n", "h"],
}
"""What a time step computes, in order."""


@pytest.mark.parametrize("kind", GATED)
def test_every_gate_of_every_time_step_is_a_value_by_itself_with_a_gradient(kind: str) -> None:
    plan = executor_of(network(kind)).plan
    forward = [s.writes[0] for s in plan.steps if s.phase == Phase.FORWARD and s.layer == "memory"]
    forward.remove(ref("memory", "start[0]"))
    assert [value.name for value in forward] == [f"{role}[{t}]" for t in range(STEPS) for role in MADE[kind]]
    assert all(value.gradient in plan.written for value in forward)
    assert ref("memory", "start[0]").gradient not in plan.written


@pytest.mark.parametrize("kind", GATED)
def test_error_signals_come_back_in_the_order_of_time(kind: str) -> None:
    plan = executor_of(network(kind)).plan
    assert plan.pre_activations["memory"] == tuple(ref("memory", f"z[{t}]") for t in range(STEPS))
    back = [s.writes[0] for s in plan.steps if s.phase == Phase.BACKWARD]
    assert [v for v in back if v in {z.gradient for z in plan.pre_activations["memory"]}] == [
        ref("memory", f"gradient/z[{t}]") for t in reversed(range(STEPS))
    ]


@pytest.mark.parametrize("kind", GATED)
def test_the_error_signal_holds_those_of_all_gates_side_by_side(kind: str) -> None:
    values = whole_iteration(executor_of(network(kind)))
    names = ("z_i", "z_f", "z_g", "z_o") if kind == "lstm" else ("z_r", "z_u", "z_n")
    for t in range(STEPS):
        gates = [values[ref("memory", f"gradient/{name}[{t}]")] for name in names]
        np.testing.assert_array_equal(values[ref("memory", f"gradient/z[{t}]")], np.concatenate(gates, axis=1))


@pytest.mark.parametrize("kind", GATED)
@pytest.mark.parametrize("kept", [0.25, 0.5, 0.9])
def test_without_weights_an_error_signal_shrinks_by_the_gate_alone(kind: str, kept: float) -> None:
    """Hochreiter and Schmidhuber's way back: from cell to cell, times the forget gate, and through nothing else."""
    steps, logit = 20, float(np.log(kept / (1 - kept)))
    gates, place = (4, 1) if kind == "lstm" else (3, 1)
    bias = np.zeros(gates * 3)
    bias[place * 3 : (place + 1) * 3] = logit
    weights = {"weight_input": np.ones((gates * 3, 2)), "weight_hidden": np.zeros((gates * 3, 3))}
    weights["weight_input"][place * 3 : (place + 1) * 3] = 0.0
    biases = {"bias": bias} if kind == "lstm" else {"bias_input": bias, "bias_hidden": np.zeros(9)}
    built = network(kind, steps, parameters={"memory": {**weights, **biases}})
    values = whole_iteration(executor_of(built))
    role = "c" if kind == "lstm" else "h"
    first, last = (values[ref("memory", f"gradient/{role}[{t}]")] for t in (0, steps - 1))
    np.testing.assert_allclose(first, last * kept ** (steps - 1), rtol=1e-9)


@pytest.mark.parametrize("kind", GATED)
@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_stepping_and_full_speed_leave_the_same_bits(kind: str, sequence: bool, precision: str) -> None:
    built = network(kind, sequence=sequence, precision=precision)
    built = with_training(built, batch_size=2, shuffle=True, optimizer=optimizer("adam"), l2=0.01)
    stepped, fast = executor_of(built), executor_of(built)
    for _ in range(4):
        fast.run_fast()
        whole_iteration(stepped)
    np.testing.assert_array_equal(stepped.store.persistent, fast.store.persistent)
    assert stepped.store.persistent.dtype == precision


@pytest.mark.parametrize("kind", GATED)
def test_stepping_back_through_time_restores_every_value_to_the_bit(kind: str) -> None:
    executor = executor_of(network(kind, sequence=True))
    whole_iteration(executor)
    history = []
    for _ in executor.plan.steps:
        history.append(dict(executor.values))
        executor.step()
    after = executor.store.save()
    for before in reversed(history):
        executor.back()
        if executor.cursor:
            assert executor.values.keys() == before.keys()
            assert all(np.array_equal(executor.values[value], array) for value, array in before.items())
    whole_iteration(executor)
    np.testing.assert_array_equal(executor.store.save(), after)


@pytest.mark.parametrize("kind", GATED)
def test_going_back_over_iterations_layers_and_operations_and_on_again_leaves_the_same_bits(kind: str) -> None:
    session = Session()
    session.set_network(network(kind, sequence=True), 1, Path(), True, False)
    for _ in range(8):
        session.forward(Level.ITERATION)
    assert session.executor is not None
    there, after = (session.executor.iteration, session.executor.cursor), session.executor.store.save().copy()
    for level, times in ((Level.ITERATION, 5), (Level.LAYER, 7), (Level.OPERATION, 9)):
        for _ in range(times):
            session.back(level)
    assert (session.executor.iteration, session.executor.cursor) < there
    session.seek(*there)
    np.testing.assert_array_equal(session.executor.store.save(), after)


@pytest.mark.parametrize("kind", GATED)
def test_the_state_before_is_told_only_of_what_is_the_state_before(kind: str) -> None:
    """Of the reset gate's part nothing is said that would be true of the state alone."""
    executor = executor_of(network(kind))
    values = whole_iteration(executor)
    plan = executor.plan
    sentences = {step.label: step_sentence(plan, step) for step in plan.steps}
    through = sentences["memory z[2]"] if kind == "lstm" else sentences["memory s[2]"]
    told = "the state it had after the step before" if kind == "lstm" else "memory's activations at time step 1"
    assert told in through
    others = [text for label, text in sentences.items() if text != through and "z[" not in label]
    assert not any("the state it had" in text for text in others)
    if kind == "gru":
        assert "memory's part from the state past the reset gate at time step 2" in sentences["memory z_n[2]"]
        assert not any("the step before" in text for text in sentences.values())
    moment = Moment(plan, values, executor.cursor, executor.store.views_of(executor.start))
    parts = {"lstm": ["c[2]", "gradient/c[1]", "gradient/f[2]"], "gru": ["h[2]", "gradient/m[2]", "gradient/u[2]"]}
    for name in parts[kind]:
        assert explain(moment, ref("memory", name), (1, 1)).total.agrees, name


def test_a_part_of_a_cells_gradient_is_explained_by_where_it_came_from() -> None:
    executor = executor_of(network("lstm"))
    values = whole_iteration(executor)
    moment = Moment(executor.plan, values, executor.cursor, executor.store.views_of(executor.start))
    labels = {term.label for term in explain(moment, ref("memory", "gradient/c[1]"), (1, 1)).terms}
    assert labels == {"from c[2]", "from s[1]"}


@pytest.mark.parametrize("kind", GATED)
def test_one_single_step_gives_the_state_weight_a_gradient_of_exactly_0(kind: str) -> None:
    values = whole_iteration(executor_of(network(kind, steps=1)))
    assert not values[ref("memory", "weight_hidden").gradient].any()
    assert values[ref("memory", "weight_input").gradient].any()
