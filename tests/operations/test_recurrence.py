"""The parts of a recurrent layer, and the layer: unrolled, stepped through time, and equal at every speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
from visualbp.core.arrays import Array, Shape
from visualbp.core.ref import Ref
from visualbp.engine import Phase
from visualbp.engine.notation import step_sentence
from visualbp.layers import Node, layer_types
from visualbp.layers.base import Options
from visualbp.layers.lowering import Lowering
from visualbp.layers.rnn import Rnn
from visualbp.network import Network, edits, structure_of
from visualbp.network.network import make_layer
from visualbp.operations.base import Operation, evaluate
from visualbp.operations.combination import Multiply
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.recurrence import FirstRecurrentAffine, RecurrentAffine
from visualbp.operations.time_steps import Stack, TimeSlice

BATCH, STEPS, FEATURES, UNITS = 3, 4, 2, 5


def operands(size: float = 1.0, state: bool = True) -> list[Array]:
    """Return x, weight_input, weight_hidden, bias and, unless it is the first step, the state."""
    generator = np.random.default_rng(0)
    x, bias = size * generator.standard_normal((BATCH, FEATURES)), size * generator.standard_normal(UNITS)
    weights = [generator.standard_normal((UNITS, FEATURES)), generator.standard_normal((UNITS, UNITS))]
    arrays = [x, *weights, bias, size * generator.standard_normal((BATCH, UNITS))]
    return arrays if state else arrays[:4]


CASES: list[tuple[Operation, list[tuple[int, ...]]]] = [
    (TimeSlice(2), [(BATCH, STEPS, FEATURES)]),
    (Stack(), [(BATCH, UNITS)] * STEPS),
]


@pytest.mark.parametrize(("operation", "shapes"), CASES, ids=lambda part: getattr(part, "name", ""))
@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_slices_and_stacks_agree_with_differences(
    operation: Operation, shapes: list[tuple[int, ...]], size: float
) -> None:
    generator = np.random.default_rng(1)
    assert_derivatives_agree(operation, [size * generator.standard_normal(shape) for shape in shapes])


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_the_affine_rule_of_a_step_agrees_with_differences(size: float) -> None:
    assert_derivatives_agree(RecurrentAffine(), operands(size))
    assert_derivatives_agree(FirstRecurrentAffine(), operands(size, state=False))


def test_the_first_step_is_a_step_from_the_state_0() -> None:
    *shared, state = operands()
    first, from_zero = (
        evaluate(FirstRecurrentAffine(), shared),
        evaluate(RecurrentAffine(), [*shared, np.zeros_like(state)]),
    )
    np.testing.assert_array_equal(first.output, from_zero.output)
    upstream = np.random.default_rng(2).standard_normal(first.output.shape)
    for operand in range(4):
        np.testing.assert_array_equal(first.vjp(operand, upstream), from_zero.vjp(operand, upstream))
    assert not first.vjp(2, upstream).any()


@pytest.mark.parametrize(("operation", "shapes"), CASES, ids=lambda part: getattr(part, "name", ""))
def test_a_time_step_lies_in_memory_by_itself_in_lines_of_numpy_too(
    operation: Operation, shapes: list[tuple[int, ...]]
) -> None:
    """A sum over samples whose numbers lie apart has other bits, by NumPy's dot."""
    names = [f"x{place}" for place in range(len(shapes))]
    code = NumpyCode(names, shapes, "made", operation.output_shape(shapes), "own", "upstream", 2, "made")
    arrays = dict(zip(names, map(np.zeros, shapes), strict=True))
    takes_apart = isinstance(operation, TimeSlice)
    lines = operation.numpy_lines(code) if takes_apart else operation.vjp_numpy_lines(code)
    made: dict[str, Array] = {**arrays, "upstream": np.zeros(operation.output_shape(shapes))}
    exec("\n".join(lines), {"np": np}, made)
    assert made["made"].shape == (BATCH, FEATURES if takes_apart else UNITS)
    assert made["made"].flags.c_contiguous


def test_the_cost_of_a_step_is_that_of_its_products() -> None:
    inputs = operands()
    shapes, output = [array.shape for array in inputs], (BATCH, UNITS)
    from_input, from_state = BATCH * UNITS * FEATURES, BATCH * UNITS * UNITS
    step, first = RecurrentAffine(), FirstRecurrentAffine()
    assert step.multiplications(shapes, output) == from_input + from_state
    assert first.multiplications(shapes[:4], output) == from_input
    backward = [step.vjp_multiplications(operand, shapes, output) for operand in range(5)]
    assert backward == [from_input, from_input, from_state, 0, from_state]
    assert [first.vjp_multiplications(i, shapes[:4], output) for i in range(4)] == [from_input, from_input, 0, 0]


def test_their_equations_can_be_set() -> None:
    shapes = [(3, 2), (4, 2), (4, 4), (4,), (3, 4)]
    assert_equations_can_be_set(RecurrentAffine(), *shapes, parameters=[1, 2, 3])
    assert_equations_can_be_set(FirstRecurrentAffine(), *shapes[:4], parameters=[1, 2, 3])
    assert_equations_can_be_set(TimeSlice(2), (3, 5, 2))
    assert_equations_can_be_set(Stack(), *[(3, 2)] * 5)


def test_the_prepared_calls_allocate_no_arrays() -> None:
    generator = np.random.default_rng(0)
    shapes = [(512, 256), (256, 256), (256, 256), (256,), (512, 256)]
    inputs = [generator.standard_normal(shape) for shape in shapes]
    assert bytes_allocated_by_a_second_run(RecurrentAffine(), inputs) < NUMPYS_OWN_BUFFERS < inputs[0].nbytes


# -- the layer -----------------------------------------------------------------------------------------------------


def network(steps: int = STEPS, sequence: bool = False, embedded: bool = False, **fields: Any) -> Network:
    """Return a recurrent network on five random sequences; `embedded` ones are of letters."""
    generator = np.random.default_rng(3)
    letters = generator.integers(0, 6, (5, steps))
    shape, inputs = ([steps], letters) if embedded else ([steps, 2], generator.standard_normal((5, steps, 2)))
    embedding = [("letters", "embedding", {"vocabulary": 6, "units": 2})] if embedded else []
    return chain(
        ("input", "input", {"shape": shape}),
        *embedding,
        ("memory", "rnn", {"units": 3, "return_sequence": sequence}),
        ("output", "dense", {"units": 4}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(inputs, generator.integers(0, 4, (5, steps) if sequence else (5,))),
        seed=4,
        **fields,
    )


def test_every_time_step_has_operations_of_its_own_forward_and_back_through_time() -> None:
    steps = executor_of(network()).plan.steps
    forward = [step.writes[0].name for step in steps if step.phase == Phase.FORWARD and step.layer == "memory"]
    assert forward == [f"{role}[{t}]" for t in range(STEPS) for role in "xzh"]
    backward = [step.writes[0] for step in steps if step.phase == Phase.BACKWARD and step.writes[0].layer == "memory"]
    deltas = [value.name for value in backward if value.name.startswith("gradient/z")]
    assert deltas == [f"gradient/z[{t}]" for t in reversed(range(STEPS))]


@pytest.mark.parametrize("role", ["weight_input", "weight_hidden", "bias"])
def test_a_shared_weights_gradient_is_the_sum_of_the_parts_of_all_time_steps(role: str) -> None:
    executor = executor_of(network())
    values = whole_iteration(executor)
    gradient = ref("memory", role).gradient
    parts = [values[ref("memory", f"gradient/{role}", f"z[{t}]")] for t in range(STEPS)]
    np.testing.assert_allclose(values[gradient], np.sum(parts, axis=0), rtol=1e-13, atol=1e-16)
    assert all(part.any() for part in parts) or role == "weight_hidden"
    assert role != "weight_hidden" or not parts[0].any()


@pytest.mark.parametrize("sequence", [False, True])
def test_h_is_the_last_state_or_the_states_of_all_steps(sequence: bool) -> None:
    executor = executor_of(network(sequence=sequence))
    values = whole_iteration(executor)
    states = [values[ref("memory", f"h[{t}]")] for t in range(STEPS)]
    h = values[executor.plan.resolve(ref("memory", "h"))]
    np.testing.assert_array_equal(h, np.stack(states, axis=1) if sequence else states[-1])
    assert executor.plan.structure.shapes["memory"] == ((STEPS, 3) if sequence else (3,))


def test_raw_data_get_no_gradient_and_an_embedding_gets_its_own_gathered_from_all_steps() -> None:
    raw = {value.name for step in executor_of(network()).plan.steps for value in step.writes}
    assert not any(role.startswith("gradient/x") for role in raw)
    executor = executor_of(network(embedded=True))
    values = whole_iteration(executor)
    parts = [values[ref("memory", f"x[{t}]").gradient] for t in range(STEPS)]
    np.testing.assert_array_equal(values[ref("letters", "upstream")], np.stack(parts, axis=1))
    assert [step.operation for step in executor.plan.steps].count("gather") == 1


def test_a_gathered_gradient_is_explained_by_its_time_step() -> None:
    executor = executor_of(network(embedded=True))
    values = whole_iteration(executor)
    moment = Moment(executor.plan, values, executor.cursor, executor.store.views_of(executor.start))
    explanation = explain(moment, ref("letters", "upstream"), (1, 2, 0))
    assert explanation.total.agrees and explanation.number == values[ref("letters", "upstream")][1, 2, 0]
    (factor,) = explanation.terms[0].factors
    assert (factor.value, factor.index) == (ref("memory", "x[2]").gradient, (1, 0))


def test_a_sequence_that_goes_two_ways_sums_the_gathered_part_and_the_other() -> None:
    built = network(sequence=True, embedded=True)
    built = edits.insert_on_connection(built, make_layer("sum", "add"), ("memory", "output"), (0.0, 0.0))
    built = edits.add_layer(built, make_layer("widen", "dense", {"units": 3}), (0.0, 0.0))
    built = edits.connect(edits.connect(built, "letters", "widen"), "widen", "sum")
    values = whole_iteration(executor_of(built))
    whole = ref("letters", "upstream")
    parts = [value for value in values if value.sender and value.whole == whole]
    assert {value.sender_text for value in parts} == {"memory", "widen"}
    np.testing.assert_allclose(values[whole], sum(values[part] for part in parts), rtol=1e-14)


@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_stepping_and_full_speed_leave_the_same_bits(sequence: bool, embedded: bool, precision: str) -> None:
    built = network(sequence=sequence, embedded=embedded, precision=precision)
    built = with_training(built, batch_size=2, shuffle=True, optimizer=optimizer("adam"), l2=0.01)
    stepped, fast = executor_of(built), executor_of(built)
    for _ in range(4):
        fast.run_fast()
        whole_iteration(stepped)
    np.testing.assert_array_equal(stepped.store.persistent, fast.store.persistent)
    assert stepped.store.persistent.dtype == precision


def test_stepping_back_through_time_restores_every_value_to_the_bit() -> None:
    executor = executor_of(network(sequence=True, embedded=True))
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


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.1, 1.5])
def test_through_50_linear_steps_a_gradient_grows_as_the_50th_power(factor: float) -> None:
    """A multiple of an orthogonal matrix scales every gradient by its factor at each step, whatever the direction."""
    linear = chain(
        ("input", "input", {"shape": [51, 2]}),
        (
            "memory",
            "rnn",
            {"units": 6, "activation": "linear", "weight_hidden_init": {"type": "orthogonal", "gain": factor}},
        ),
        ("loss", "half_squared_error", {}),
        data=inline(np.random.default_rng(0).standard_normal((4, 51, 2)), np.zeros((4, 6))),
    )
    values = whole_iteration(executor_of(linear))
    first, last = (np.linalg.norm(values[ref("memory", f"z[{t}]").gradient]) for t in (0, 50))
    assert first / last == pytest.approx(factor**50, rel=1e-10)


def test_one_single_step_gives_the_state_weight_a_gradient_of_exactly_0() -> None:
    values = whole_iteration(executor_of(network(steps=1)))
    assert not values[ref("memory", "weight_hidden").gradient].any()
    assert values[ref("memory", "weight_input").gradient].any()


def test_a_long_unrolled_plan_costs_memory_in_proportion_to_its_length() -> None:
    def numbers(steps: int) -> int:
        plan = executor_of(network(steps=steps, sequence=True, embedded=True)).plan
        return sum(int(np.prod(shape)) for shape in plan.shapes.values())

    assert numbers(80) < 2.1 * numbers(40)


@pytest.mark.parametrize(
    ("shape", "units", "words"),
    [
        (
            [4],
            3,
            "memory: takes sequences (time steps, features), gets (4);"
            " put an embedding before it, or give the input layer a shape such as 10, 3",
        ),
        ([2000, 1], 3, "memory: gets a sequence of 2,000 time steps; 1,000 is the most; use shorter sequences"),
        (
            [1000, 1],
            1000,
            "memory: would send back 1,001,000,000 numbers for its weights, a part for each of 1000 time steps;"
            " 50,000,000 is the most; use fewer units or shorter sequences",
        ),
    ],
)
def test_what_cannot_be_unrolled_is_refused_in_words(shape: list[int], units: int, words: str) -> None:
    built = chain(
        ("input", "input", {"shape": shape}), ("memory", "rnn", {"units": units}), ("loss", "mean_squared_error", {})
    )
    assert words in [problem.text for problem in structure_of(built).problems]


# -- a layer that is recurrent in another way -------------------------------------------------------------------------


class DampedRnn(Rnn):
    """A trial: what goes through W hidden is no state but its square, made at the same time step."""

    type_name = "damped_rnn"

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        plain, nodes = super().lower(name, options, inputs, shapes), []
        for node in plain.nodes:
            if len(node.operands) == 5:
                state, damped = node.operands[4], Ref(name, "damped", node.output.time)
                nodes.append(Node(name, Multiply(), (state, state), damped))
                node = replace(node, operands=(*node.operands[:4], damped))
            nodes.append(node)
        return replace(plain, nodes=tuple(nodes))


def test_the_state_before_is_told_only_of_what_is_the_state_before(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "rnn" in layer_types
    monkeypatch.setitem(layer_types._entries, "damped_rnn", DampedRnn())
    built = network()
    built = replace(built, layers=tuple(replace(x, type="damped_rnn") if x.type == "rnn" else x for x in built.layers))
    executor = executor_of(built)
    values = whole_iteration(executor)
    plan = executor.plan
    by_label = {step.label: step for step in plan.steps}
    assert step_sentence(plan, by_label["memory z[2]"]) == (
        "memory takes its input through W input, and memory's damped at time step 2 through W hidden, and adds b:"
        " that is its z at time step 2, kept for the way back."
    )
    back = [step for step in plan.steps if step.phase == Phase.BACKWARD and step.operation == "recurrent_affine"]
    sentences = [step_sentence(plan, step) for step in back if step.node and step.node.output.time == 2]
    assert any("times memory's damped at time step 2 is this time step's part" in sentence for sentence in sentences)
    assert any("goes back through W hidden to memory's damped at time step 2" in sentence for sentence in sentences)
    moment = Moment(plan, values, executor.cursor, executor.store.views_of(executor.start))
    for value in (ref("memory", "z[2]"), ref("memory", "gradient/weight_hidden", "z[2]")):
        explanation = explain(moment, value, (1, 1))
        assert explanation.total.agrees and "memory.damped[2]" in explanation.rule
    told = [explain(moment, ref("memory", "damped[2]").gradient, (1, 1)).rule, *sentences]
    assert not any("before" in text or "after" in text or "in time" in text for text in told)
