"""Explanations of known numbers: published examples, sources, what is absent, and rules that are wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from tests.analysis.test_explain import all_numbers, check_adds_up, executor_of, random_network, run
from tests.building import chain, inline, optimizer, with_training, xor
from tests.refs import ref
from tests.typeset_equations import covering, paths
from visualbp.analysis.explain import Explanation, Moment, NoSuchNumberError, explain
from visualbp.core.arrays import Array
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.network import Clip
from visualbp.operations.activations import activations
from visualbp.operations.activations.elementwise import Tanh
from visualbp.operations.activations.kinds import Elementwise
from visualbp.operations.affine import Affine
from visualbp.operations.base import Emitter, IterationContext


def mazur() -> Executor:
    """The worked example of Mazur, "A Step by Step Backpropagation Example"."""
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 2, "activation": "sigmoid"}),
        ("output", "dense", {"units": 2, "activation": "sigmoid"}),
        ("loss", "half_squared_error", {}),
        data=inline([[0.05, 0.10]], [[0.01, 0.99]]),
        parameters={
            "hidden": {"weight": np.array([[0.15, 0.20], [0.25, 0.30]]), "bias": np.array([0.35, 0.35])},
            "output": {"weight": np.array([[0.40, 0.45], [0.50, 0.55]]), "bias": np.array([0.60, 0.60])},
        },
    )
    return Executor(
        compile_plan(with_training(network, optimizer=optimizer(learning_rate=0.5))),
        Dataset(np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]])),
    )


def numbers(explanation: Explanation, term: int = 0) -> list[float]:
    return [factor.number for factor in explanation.terms[term].factors]


def test_the_factors_are_those_of_the_published_worked_example() -> None:
    executor = mazur()
    moment = run(executor, len(executor.plan.steps))
    gradient = explain(moment, ref("output", "gradient/weight"), (0, 0))
    assert gradient.number == pytest.approx(0.082167041, abs=5e-10)
    assert numbers(gradient) == pytest.approx([0.138498562, 0.593269992], abs=5e-10)
    error_signal = explain(moment, ref("output", "delta"), (0, 0))
    assert numbers(error_signal) == pytest.approx([0.74136507, 0.186815602], abs=5e-9)
    back = explain(moment, ref("hidden", "upstream"), (0, 0))
    assert [math.prod(numbers(back, k)) for k in range(2)] == pytest.approx([0.055399425, -0.019049119], abs=5e-9)
    updated = explain(moment, ref("output", "weight"), (0, 0))
    assert updated.number == pytest.approx(0.35891648, abs=5e-9)
    assert numbers(updated, 0) == [0.40]
    assert numbers(updated, 1) == pytest.approx([-0.5, 0.082167041], abs=5e-10)
    source = explain(moment, ref("output", "weight"), (0, 0), at=0)
    assert source.is_source and source.rule == "given, in the file or by hand"


def test_softmax_with_cross_entropy_is_explained_as_prediction_minus_target() -> None:
    scores = np.log([[0.2, 0.3, 0.5]])
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("output", "dense", {"units": 3, "bias": False}),
        ("loss", "softmax_cross_entropy", {}),
        parameters={"output": {"weight": np.eye(3)}},
    )
    executor = Executor(compile_plan(network), Dataset(scores, np.array([1])))
    moment = run(executor, len(executor.plan.steps))
    for unit, (predicted, target) in enumerate([(0.2, 0.0), (0.3, 1.0), (0.5, 0.0)]):
        explanation = explain(moment, ref("output", "delta"), (0, unit))
        assert [math.prod(numbers(explanation, k)) for k in range(2)] == pytest.approx([predicted, -target])
    assert "minus the target" in explanation.rule


def test_only_the_twelve_largest_terms_are_kept_and_the_rest_is_counted() -> None:
    network = chain(
        ("input", "input", {"shape": [100]}),
        ("output", "dense", {"units": 2}),
        ("loss", "mean_squared_error", {}),
    )
    executor = executor_of(network)
    moment = run(executor, 2)
    explanation = explain(moment, ref("output", "z"), (0, 1))
    check_adds_up(explanation)
    weight, x = executor.values[ref("output", "weight")][1], executor.values[ref("input", "h")][0]
    largest = sorted(np.abs(weight * x))[-12:]
    assert sorted(abs(term.product) for term in explanation.terms) == pytest.approx(largest)
    assert (explanation.total.count, explanation.more) == (101, 89)
    inputs = [int(term.label.removeprefix("input ")) for term in explanation.terms]
    assert inputs == sorted(inputs)


def test_what_is_not_computed_yet_has_no_number_and_says_which_step_makes_it() -> None:
    executor = executor_of(xor())
    moment = run(executor, 2)
    explanation = explain(moment, ref("output", "delta"), (0, 0))
    assert explanation.number is None and explanation.total.number is None and not explanation.terms
    assert explanation.note == 'not computed yet: the step "δ output" of the backward pass makes it'
    assert explain(moment, ref("hidden", "z"), (0, 0)).number is not None


def test_a_value_of_the_iteration_before_does_not_count_as_computed() -> None:
    executor = executor_of(xor())
    old = run(executor, len(executor.plan.steps)).values
    moment = run(executor, 1)
    mixed = Moment(moment.plan, {**old, **moment.values}, moment.cursor, moment.start, moment.iteration)
    assert explain(mixed, ref("hidden", "h"), (0, 0)).number is None


def test_a_name_that_means_another_value_is_explained_as_that_one() -> None:
    executor = without_activation()
    moment = run(executor, len(executor.plan.steps))
    explanation = explain(moment, ref("output", "h"), (0, 0))
    assert explanation.value == ref("output", "z")
    assert explanation.note == "output.h is another name of output.z"


def without_activation() -> Executor:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("output", "dense", {"units": 2}),
        ("loss", "half_squared_error", {}),
    )
    return executor_of(network)


def test_a_wrong_index_and_an_unknown_value_are_refused_by_name() -> None:
    executor = executor_of(xor())
    moment = run(executor, 2)
    with pytest.raises(NoSuchNumberError, match=r"hidden\.z\[0, 4\] is outside hidden\.z, which is \(6, 4\)"):
        explain(moment, ref("hidden", "z"), (0, 4))
    with pytest.raises(NoSuchNumberError, match="outside"):
        explain(moment, ref("hidden", "z"), (0,))
    with pytest.raises(NoSuchNumberError, match=r"no value called hidden\.nothing"):
        explain(moment, ref("hidden", "nothing"), (0,))


def test_without_the_start_of_the_iteration_what_needs_old_weights_says_so_and_nothing_is_made_up() -> None:
    executor = executor_of(with_training(xor(seed=1), clip=Clip("norm", 0.1)))
    for _ in range(3):
        executor.run_fast()
    executor.publish()
    moment = Moment(executor.plan, dict(executor.values), executor.cursor, None, executor.iteration)
    explanation = explain(moment, ref("hidden", "z"), (0, 0))
    assert explanation.number is not None and explanation.total.number is None and not explanation.terms
    assert "hidden.weight" in explanation.note and "not kept" in explanation.note
    check_adds_up(explain(moment, ref("hidden", "h"), (0, 0)))
    check_adds_up(explain(moment, ref("hidden", "delta"), (0, 0)))


@pytest.mark.parametrize("iteration", [1, 2])
def test_numbers_that_an_update_made_are_told_from_drawn_ones(iteration: int) -> None:
    executor = executor_of(with_training(xor(), optimizer=optimizer(momentum=0.9)))
    run(executor, len(executor.plan.steps) * iteration)
    moment = run(executor, 1)
    weight = explain(moment, ref("hidden", "weight"), (0, 0))
    assert weight.is_source
    assert weight.rule.startswith(
        f"left by the update of iteration {iteration - 1}; at iteration 0 it is drawn from Glorot uniform"
    )
    velocity = explain(moment, ref("hidden", "velocity/weight"), (0, 0))
    assert velocity.rule == f"left by the update of iteration {iteration - 1}"


def test_a_number_that_no_update_has_changed_is_not_said_to_come_from_one() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 3, "activation": "relu", "bias_init": {"type": "constant", "value": -50.0}}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
    )
    executor = Executor(compile_plan(network), Dataset(np.ones((4, 2)), np.ones((4, 1))))
    run(executor, 3 * len(executor.plan.steps))
    moment = run(executor, 1)
    dead = explain(moment, ref("hidden", "weight"), (1, 0))
    assert dead.rule.startswith("as it is at iteration 0: drawn from Glorot uniform with seed 0 (fan_in 2, fan_out 3)")
    assert "left by the update of iteration 2" in explain(moment, ref("output", "bias"), (0,)).rule


def test_a_number_that_was_taken_over_from_another_network_is_not_said_to_be_drawn() -> None:
    plan = compile_plan(xor())
    data = Dataset(np.zeros((4, 2)), np.zeros((4, 1)))
    executor = Executor(plan, data, {ref("hidden", "weight"): np.full((4, 2), 0.25)})
    moment = run(executor, 1)
    kept = explain(moment, ref("hidden", "weight"), (1, 0))
    assert kept.number == 0.25 and kept.rule.startswith("kept from before the network was changed; at iteration 0 it")
    assert explain(moment, ref("output", "weight"), (0, 0)).rule.startswith("drawn from Glorot uniform")


def test_the_row_of_the_data_is_said_of_an_input() -> None:
    network = with_training(xor(), batch_size=2)
    executor = executor_of(network)
    run(executor, len(executor.plan.steps))
    moment = run(executor, 1)
    assert "sample 1 of the batch, row 3 of the data" in explain(moment, ref("input", "h"), (1, 0)).rule


def test_a_wrong_reverse_mode_rule_is_told_apart_from_the_chain_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Affine.vjp

    def wrong_sign(
        self: Affine,
        emit: Emitter,
        operand: int,
        upstream: Array,
        inputs: Sequence[Array],
        output: Array,
        result: Array,
    ) -> None:
        right(self, emit, operand, upstream, inputs, output, result)
        if self.operand_name(operand) == "weight":
            emit(np.negative, result, result)

    monkeypatch.setattr(Affine, "vjp", wrong_sign)
    executor = executor_of(xor(seed=2))
    moment = run(executor, len(executor.plan.steps))
    wrong = explain(moment, ref("hidden", "gradient/weight"), (0, 0))
    assert not wrong.total.agrees and "that rule is wrong" in wrong.note
    assert wrong.total.number == pytest.approx(-(wrong.number or 0.0))
    assert explain(moment, ref("hidden", "gradient/bias"), (0,)).total.agrees


def test_a_wrong_slope_is_told_from_a_central_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_square(self: Tanh, emit: Emitter, z: Array, h: Array, result: Array) -> None:
        emit(np.subtract, emit.constant(1.0), h, result)

    executor = executor_of(xor(seed=2))
    clean = explain(run(executor, len(executor.plan.steps)), ref("hidden", "delta"), (0, 0))
    assert "wrong" not in clean.note
    monkeypatch.setattr(Tanh, "derivative", without_square)
    executor = executor_of(xor(seed=2))
    explanation = explain(run(executor, len(executor.plan.steps)), ref("hidden", "delta"), (0, 0))
    assert "central difference" in explanation.note and "wrong" in explanation.note


ELEMENTWISE = [kind for kind in activations if issubclass(kind, Elementwise)]


@pytest.mark.parametrize("kind", ELEMENTWISE, ids=lambda kind: kind.type_name)
def test_no_right_slope_is_called_wrong_even_at_corners_and_at_saturation(kind: type[Elementwise]) -> None:
    rule = kind(**{option.name: option.default for option in kind.options})
    for z in (-800.0, -30.0, -1.0, -1e-7, 0.0, 1e-7, 0.5, 20.0, 20.00001, 800.0, 1e6):
        h = forward_of(rule, z)
        assert rule.right_slope(z, h).doubt == ""


def forward_of(rule: Elementwise, z: float) -> float:
    h, emit = np.zeros(1), Emitter(IterationContext(), np.dtype(float), eager=True)
    with np.errstate(all="ignore"):
        rule.function(emit, np.array([z]), h)
    return float(h[0])


def test_a_number_that_is_not_finite_names_the_factor_that_made_it_so() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 2}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        parameters={"output": {"weight": np.array([[1.0, np.nan]]), "bias": np.zeros(1)}},
    )
    executor = executor_of(network)
    moment = run(executor, len(executor.plan.steps) - 4)
    assert explain(moment, ref("output", "z"), (0, 0)).note == "not finite, because output.weight[0, 1] is nan"
    upstream = explain(moment, ref("hidden", "delta"), (0, 0))
    assert "output.delta[0, 0] is nan" in upstream.note


def test_a_dead_unit_says_that_its_slope_is_0() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 2, "activation": "relu"}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        parameters={"hidden": {"weight": np.zeros((2, 2)), "bias": np.full(2, -10.0)}},
    )
    executor = executor_of(network)
    moment = run(executor, len(executor.plan.steps))
    assert explain(moment, ref("hidden", "delta"), (0, 0)).note == "0 because slope of ReLU at z is 0"


def test_every_formula_can_be_set() -> None:
    formulas = set()
    for seed in range(18):
        executor, generator = executor_of(random_network(seed), seed), np.random.default_rng(seed)
        for explanation in all_numbers(run(executor, len(executor.plan.steps)), generator, 1):
            formulas |= {explanation.symbol, explanation.formula_latex, explanation.numbers_latex} - {""}
            for term in explanation.terms:
                formulas |= {factor.symbol for factor in term.factors}
                formulas |= {factor.formula for factor in term.factors if factor.formula}
    assert len(formulas) > 300
    for formula in covering(formulas):
        assert paths(formula), formula
