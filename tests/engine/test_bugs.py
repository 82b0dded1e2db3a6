"""Planted bugs: what each kind does to its rule, where it fits, and that it is the same at every speed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.building import chain, inline, optimizer, with_training
from tests.random_networks import random_data, random_network
from tests.refs import ref
from visualbp.core.arrays import Array
from visualbp.core.options import Choice, parse_options
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset, load_dataset
from visualbp.engine import Executor, Phase, Plan, PlanError, Step, compile_plan
from visualbp.engine.bugs import (
    MISTAKES,
    bug_in,
    bug_problems,
    bugs_by_step,
    obstacle,
    possible_bugs,
)
from visualbp.files import find_model, load_network
from visualbp.network import Clip, Network, edits
from visualbp.network.bugs import PlantedBug, bug_kinds
from visualbp.network.network import make_layer
from visualbp.operations.activations import activations
from visualbp.operations.base import evaluate
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import schedules

SAMPLES = 7
KINDS = bug_kinds.names()


def network_of(activation: Any = "tanh", loss: str = "half_squared_error", units: int = 4, **training: Any) -> Network:
    """Return a network 3-4-units-2 with data and penalties of its own."""
    generator = np.random.default_rng(5)
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("first", "dense", {"units": 4, "activation": activation, "bias_init": "uniform"}),
        ("second", "dense", {"units": units, "activation": activation, "bias_init": "uniform"}),
        ("output", "dense", {"units": 2}),
        ("loss", loss, {}),
        data=inline(generator.uniform(-1, 1, (SAMPLES, 3)), generator.uniform(-1, 1, (SAMPLES, 2))),
        seed=4,
    )
    return with_training(network, **{"batch_size": SAMPLES, **training})


def with_skip() -> Network:
    """Return the network with a connection round its second layer: what comes from `first` goes two ways."""
    network = edits.add_layer(network_of(), make_layer("sum", "add"), (0.0, 0.0))
    network = edits.disconnect(network, [("second", "output")])
    for source, target in (("first", "sum"), ("second", "sum"), ("sum", "output")):
        network = edits.connect(network, source, target)
    return network


def executor_of(network: Network, *bugs: PlantedBug, dataset: Dataset | None = None) -> Executor:
    for bug in bugs:
        network = edits.plant_bug(network, bug)
    if dataset is None:
        assert network.data is not None
        dataset = load_dataset(network.data)
    return Executor(compile_plan(network), dataset)


def stepped(executor: Executor, iterations: int = 1) -> Mapping[Ref, Array]:
    """Return the values after some iterations, stepped."""
    for _ in range(iterations):
        executor.step()
        executor.finish_iteration()
    return executor.values


def start_of(executor: Executor, value: Ref) -> Array:
    """Return a parameter as it was at the start of the iteration."""
    return executor.store.views_of(executor.start)[value]


def step_of(plan: Plan, bug: PlantedBug) -> Step:
    return next(s for s in plan.steps if s.node and s.phase == Phase.BACKWARD and bug_in(s, bug.kind) == bug)


def gradient_in(values: Mapping[Ref, Array], plan: Plan, bug: PlantedBug) -> Array:
    return values[step_of(plan, bug).writes[0]]


def both(network: Network, bug: PlantedBug) -> tuple[Array, Array, Executor]:
    """Return the gradient with and without the bug in its rule, and the executor that has it."""
    executor, right = executor_of(network, bug), executor_of(network)
    assert bugs_by_step(executor.plan)
    found = gradient_in(stepped(executor), executor.plan, bug)
    return found, gradient_in(stepped(right), right.plan, bug), executor


# -- what each kind does -----------------------------------------------------------------------------------------------


def test_every_kind_has_words_and_a_rule() -> None:
    assert list(MISTAKES) == KINDS
    for kind in bug_kinds:
        assert kind.label and kind.description.endswith(".")


PLACES = (("loss", "loss", "prediction"), ("second", "h", "z"), ("second", "z", "weight"), ("first", "z", "bias"))


@pytest.mark.parametrize("place", PLACES)
def test_a_wrong_sign_turns_the_gradient_round(place: tuple[str, str, str]) -> None:
    wrong, right, _ = both(network_of(), PlantedBug("sign", *place))
    np.testing.assert_array_equal(wrong, -right)


@pytest.mark.parametrize("place", PLACES)
def test_a_scaled_gradient_is_a_thousandth_too_large(place: tuple[str, str, str]) -> None:
    wrong, right, _ = both(network_of(), PlantedBug("scaled", *place))
    np.testing.assert_allclose(wrong, 1.001 * right, rtol=1e-14)


@pytest.mark.parametrize("place", PLACES)
def test_the_zeroed_row_is_the_last_unit_of_a_parameter_and_of_every_sample(place: tuple[str, str, str]) -> None:
    wrong, right, _ = both(network_of(), PlantedBug("zeroed_row", *place))
    columns = right.T if len(right) == SAMPLES else right  # the document's form: units are rows
    expected = columns.copy()
    expected[-1] = 0.0
    assert np.any(columns[-1])
    np.testing.assert_array_equal(wrong.T if len(right) == SAMPLES else wrong, expected)


def test_without_the_mean_the_gradient_of_the_loss_is_that_of_the_sum() -> None:
    wrong, _, executor = both(network_of(), PlantedBug("missing_mean", "loss", "loss", "prediction"))
    prediction, target = executor.values[executor.plan.prediction], executor.values[executor.plan.target]
    np.testing.assert_allclose(wrong, prediction - target, rtol=1e-12)  # of half the sum of squares, over all samples


def test_the_mean_is_missed_by_the_size_of_each_batch_also_of_a_smaller_last_one() -> None:
    network = with_training(network_of(), batch_size=4)
    bug = PlantedBug("missing_mean", "loss", "loss", "prediction")
    executor = executor_of(network, bug)
    for count in (4, 3):
        stepped(executor)
        prediction, target = executor.values[executor.plan.prediction], executor.values[executor.plan.target]
        assert len(prediction) == count
        np.testing.assert_allclose(gradient_in(executor.values, executor.plan, bug), prediction - target, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in activations.names() if name != "linear"])
def test_without_the_derivative_the_upstream_is_passed_on(name: str) -> None:
    wrong, right, executor = both(network_of(name), PlantedBug("missing_derivative", "second", "h", "z"))
    np.testing.assert_array_equal(wrong, executor.values[ref("second", "upstream")])
    assert np.any(wrong != right)


@pytest.mark.parametrize("name", [name for name in activations.names() if name not in ("linear", "relu", "leaky_relu")])
def test_the_wrong_derivative_is_the_slope_at_h(name: str) -> None:
    bug = PlantedBug("wrong_derivative", "second", "h", "z")
    wrong, right, executor = both(network_of(name), bug)
    h, upstream = executor.values[ref("second", "h")], executor.values[ref("second", "upstream")]
    if name == "softmax":
        expected = upstream * h * (1.0 - h)
    else:
        node = step_of(executor.plan, bug).node
        assert node is not None
        ahead, behind = (evaluate(node.operation, [h + step]).output for step in (1e-6, -1e-6))
        expected = upstream * (ahead - behind) / 2e-6
    np.testing.assert_allclose(wrong, expected, rtol=1e-6, atol=1e-12)
    assert np.any(np.abs(wrong - right) > 1e-3 * np.abs(right))


def test_a_missing_derivative_also_fits_normalisation_dropout_and_products() -> None:
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("dense", "dense", {"units": 4}),
        ("norm", "layer_norm", {}),
        ("drop", "dropout", {"rate": 0.5}),
        ("loss", "mean_squared_error", {}),
        data=inline(np.eye(3), np.ones((3, 4))),
    )
    for layer in ("norm", "drop"):
        wrong, right, executor = both(network, PlantedBug("missing_derivative", layer, "h", "x"))
        np.testing.assert_array_equal(wrong, executor.values[ref(layer, "upstream")])
        assert np.any(wrong != right)
    product = edits.add_layer(network_of(), make_layer("gate", "multiply"), (0.0, 0.0))
    product = edits.disconnect(product, [("second", "output")])
    for source, target in (("first", "gate"), ("second", "gate"), ("gate", "output")):
        product = edits.connect(product, source, target)
    wrong, right, executor = both(product, PlantedBug("missing_derivative", "gate", "h", "x[1]"))
    np.testing.assert_array_equal(wrong, executor.values[ref("gate", "upstream")])
    assert np.any(wrong != right)


def test_the_gradient_goes_back_through_the_weight_where_its_transpose_belongs() -> None:
    wrong, right, executor = both(network_of(), PlantedBug("transposed_weight", "second", "z", "x"))
    delta, weight = executor.values[ref("second", "delta")], start_of(executor, ref("second", "weight"))
    np.testing.assert_allclose(right, delta @ weight, rtol=1e-12)
    np.testing.assert_allclose(wrong, delta @ weight.T, rtol=1e-12)


def test_a_lost_path_leaves_what_comes_back_on_the_other() -> None:
    executor = executor_of(with_skip(), PlantedBug("lost_path", "sum", "h", "x[0]"))
    values = stepped(executor)
    delta, weight = values[ref("second", "delta")], start_of(executor, ref("second", "weight"))
    np.testing.assert_allclose(values[ref("first", "upstream")], delta @ weight, rtol=1e-12)
    assert np.any(stepped(executor_of(with_skip()))[ref("first", "upstream")] != values[ref("first", "upstream")])


# -- the sequential update ---------------------------------------------------------------------------------------------

SEQUENTIAL = PlantedBug("sequential_update", "output", "z", "x")


def test_the_sequential_update_gives_the_numbers_that_mazur_printed() -> None:
    """0.291027924 after one update, and 0.000035085 after 10,000; without the bug 0.291027774 and 0.000035102."""
    network = load_network(find_model("worked_example"))
    losses = {}
    for name, executor in (("printed", executor_of(network, SEQUENTIAL)), ("right", executor_of(network))):
        losses[name] = [executor.run_fast() for _ in range(10_001)]
    assert losses["printed"][0] == losses["right"][0] == pytest.approx(0.298371109, abs=5e-10)
    assert losses["printed"][1] == pytest.approx(0.291027924, abs=5e-10)
    assert losses["printed"][10_000] == pytest.approx(0.000035085, abs=5e-10)
    assert losses["right"][1] == pytest.approx(0.29102777369, abs=5e-12)
    assert losses["right"][10_000] == pytest.approx(3.51018778e-05, abs=5e-13)


@pytest.mark.parametrize("schedule", schedules.names())
@pytest.mark.parametrize("name", optimizers.names())
def test_the_sequential_update_goes_back_through_what_the_update_of_the_same_iteration_makes(
    name: str, schedule: str
) -> None:
    options = {option.name: 0.5 for option in optimizers.get(name).options if option.name == "momentum"}
    network = network_of(
        optimizer=optimizer(name, weight_decay=0.1, **options) if name != "adagrad" else optimizer(name),
        schedule=Choice(schedule, parse_options(schedules.get(schedule).options, {})),
        l2=0.01,
    )
    executor = executor_of(network, SEQUENTIAL)
    for _ in range(4):
        values = stepped(executor)
        after, before = values[ref("output", "weight")], start_of(executor, ref("output", "weight"))
        assert np.any(after != before)
        np.testing.assert_allclose(
            values[ref("second", "upstream")], values[ref("output", "delta")] @ after, rtol=1e-13
        )


def test_the_sequential_update_knows_nothing_of_clipping() -> None:
    network = network_of(clip=Clip("norm", 1e-3), optimizer=optimizer("sgd", learning_rate=0.5))
    executor, free = executor_of(network, SEQUENTIAL), executor_of(with_training(network, clip=None), SEQUENTIAL)
    clipped, unclipped = stepped(executor), stepped(free)
    upstream = ref("second", "upstream")
    np.testing.assert_array_equal(clipped[upstream], unclipped[upstream])


# -- at every speed, and nowhere else ----------------------------------------------------------------------------------

seeds = st.integers(0, 10**6)
properties = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def random_bugs(plan: Plan, seed: int, count: int) -> list[PlantedBug]:
    possible, generator = possible_bugs(plan), np.random.default_rng(seed)
    return [possible[i] for i in generator.choice(len(possible), min(count, len(possible)), replace=False)]


@properties
@given(seeds, st.sampled_from(["float64", "float32"]))
def test_stepping_going_back_and_full_speed_leave_the_same_bits_with_bugs(seed: int, precision: Any) -> None:
    network = random_network(seed, with_dropout=True, precision=precision)
    data = random_data(network, seed)
    bugs = random_bugs(compile_plan(network), seed, 3)
    one, fast = executor_of(network, *bugs, dataset=data), executor_of(network, *bugs, dataset=data)
    for _ in range(3):
        stepped(one)
        fast.run_fast()
        assert one.store.save().tobytes() == fast.store.save().tobytes()
    end = {value: array.tobytes() for value, array in one.values.items()}
    while one.cursor:
        one.back()
    one.finish_iteration()
    while not one.at_end:
        one.step()
    assert {value: array.tobytes() for value, array in one.values.items()} == end
    again = executor_of(network, *bugs, dataset=data)
    again.restore(2, one.start)
    again.run_fast()
    assert again.store.save().tobytes() == fast.store.save().tobytes()


@properties
@given(seeds)
def test_a_bug_changes_its_own_rule_and_what_follows_from_it_alone(seed: int) -> None:
    network = random_network(seed, with_dropout=True)
    data = random_data(network, seed)
    right = executor_of(network, dataset=data)
    (bug,) = random_bugs(right.plan, seed, 1)
    wrong = executor_of(network, bug, dataset=data)
    stepped(right), stepped(wrong)
    (index,) = bugs_by_step(wrong.plan)
    touched = set(wrong.plan.steps[index].writes)
    for step, one, other in zip(wrong.plan.steps, wrong.tape, right.tape, strict=True):
        if step.index > index and touched.intersection(step.reads):
            touched.update(step.writes)
        for value in step.writes:
            if step.index < index or value not in touched:
                assert one.values[value].tobytes() == other.values[value].tobytes(), step.label


def test_without_bugs_no_rule_is_touched() -> None:
    executor = executor_of(network_of())
    assert bugs_by_step(executor.plan) == {}
    assert bug_problems(executor.plan) == ()


# -- where each kind fits ----------------------------------------------------------------------------------------------

OBSTACLES = (
    ("missing_derivative", ("second", "z", "x"), {}, "multiplies by no derivative"),
    ("missing_derivative", ("second", "h", "z"), {"activation": "linear"}, "has rules for"),
    ("wrong_derivative", ("second", "h", "z"), {"activation": "relu"}, "the same at h as at z"),
    ("wrong_derivative", ("loss", "loss", "prediction"), {}, "no activation"),
    ("missing_mean", ("second", "h", "z"), {}, "only the loss"),
    ("missing_mean", ("loss", "loss", "prediction"), {"batch_size": 1}, "1/N is 1"),
    ("transposed_weight", ("second", "z", "x"), {"units": 3}, r"the weight is \(3, 4\)"),
    ("transposed_weight", ("second", "z", "weight"), {}, "does not go back through a weight"),
    ("sequential_update", ("second", "z", "bias"), {}, "does not go back through a weight"),
    ("zeroed_row", ("second", "z", "bias"), {"units": 1}, "one row"),
    ("lost_path", ("second", "z", "x"), {}, "no other way"),
    ("sign", ("second", "z", "q"), {}, "goes back to weight, bias, x, not to q"),
    ("sign", ("second", "scores", "x"), {}, "has rules for h, z, not for scores"),
)


@pytest.mark.parametrize(("kind", "place", "changes", "reason"), OBSTACLES)
def test_a_bug_that_does_not_fit_does_nothing_and_says_why(
    kind: str, place: tuple[str, str, str], changes: dict[str, Any], reason: str
) -> None:
    network = edits.plant_bug(network_of(**changes), PlantedBug(kind, *place))
    plan = compile_plan(network)
    assert bugs_by_step(plan) == {}
    (problem,) = bug_problems(plan)
    assert (problem.severity, problem.layer) == ("warning", place[0])
    assert re.search(reason, problem.text)
    planted, clean = executor_of(network), executor_of(edits.remove_bugs(network))
    planted.run_fast(), clean.run_fast()
    assert planted.store.save().tobytes() == clean.store.save().tobytes()


def test_a_frozen_or_shared_or_computed_weight_has_no_update_to_be_early_for() -> None:
    frozen = compile_plan(edits.set_frozen(network_of(), "output", ("weight",)))
    assert "frozen" in str(obstacle(frozen, step_of(frozen, SEQUENTIAL), "sequential_update"))
    normed = compile_plan(edits.set_options(network_of(), "output", {"weight_norm": True}))
    assert "computed from other" in str(obstacle(normed, step_of(normed, SEQUENTIAL), "sequential_update"))
    recurrent = compile_plan(
        chain(
            ("input", "input", {"shape": [4, 2]}),
            ("rnn", "rnn", {"units": 3}),
            ("loss", "mean_squared_error", {}),
        )
    )
    steps = [s for s in recurrent.steps if s.node and s.phase == Phase.BACKWARD and bug_in(s, "").operand == "h"]
    assert len(steps) == 3
    assert all("not complete" in str(obstacle(recurrent, step, "sequential_update")) for step in steps)
    assert all(obstacle(recurrent, step, "transposed_weight") is None for step in steps)


def test_only_reverse_rules_can_have_a_bug() -> None:
    plan = compile_plan(network_of(l2=0.1))
    for step in plan.steps:
        if step.phase != Phase.BACKWARD or step.node is None:
            assert all(obstacle(plan, step, kind) for kind in KINDS)
            with pytest.raises(ValueError, match="no reverse-mode rule"):
                bug_in(step, "sign")


def test_every_rule_has_a_place_of_its_own_in_random_networks() -> None:
    for seed in range(30):
        plan = compile_plan(random_network(seed))
        rules = [step for step in plan.steps if step.phase == Phase.BACKWARD and step.node is not None]
        assert len({bug_in(step, "sign").place for step in rules}) == len(rules)


def test_a_network_that_cannot_run_says_so_before_its_bugs() -> None:
    network = edits.plant_bug(network_of(), PlantedBug("sign", "second", "z", "weight"))
    with pytest.raises(PlanError, match="needs an input"):
        compile_plan(edits.disconnect(network, [("first", "second")]))


def test_bugs_of_one_network_do_not_reach_another_that_shares_its_layers() -> None:
    network = network_of()
    executor_of(network, PlantedBug("sign", "second", "z", "weight")).run_fast()
    one, other = executor_of(network), executor_of(replace(network, name="again"))
    one.run_fast(), other.run_fast()
    assert one.store.save().tobytes() == other.store.save().tobytes()
