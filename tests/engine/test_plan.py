"""The plan: what one iteration does, in which order, under which names; and what the executor takes over or refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training, xor
from tests.random_networks import random_data, random_network
from tests.refs import ref
from visualbp.datasets import DataError, Dataset
from visualbp.engine import Executor, Phase, Plan, PlanError, Step, compile_plan
from visualbp.engine.evaluate import accuracy, forward_pass, predict
from visualbp.engine.store import initial_parameters
from visualbp.files import load_network
from visualbp.files.samples import sample_paths
from visualbp.network import Clip, Network, edits
from visualbp.network.network import make_layer

XOR = Dataset(np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]]))


def labels(plan: Plan, phase: Phase) -> list[str]:
    return [step.label for step in plan.steps if step.phase == phase]


def residual() -> Network:
    """Return input -> a -> (b, skip) -> add -> loss: the value of a goes to two layers."""
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("a", "dense", {"units": 3, "activation": "tanh"}),
        ("b", "dense", {"units": 3, "activation": "relu"}),
        ("sum", "add", {}),
        ("loss", "mean_squared_error", {}),
    )
    return edits.connect(network, "a", "sum")


def test_a_chain_runs_in_the_documents_order() -> None:
    plan = compile_plan(xor())
    assert labels(plan, Phase.LOAD) == ["batch"]
    assert labels(plan, Phase.FORWARD) == ["hidden z", "hidden h", "output z", "output h", "loss"]
    assert labels(plan, Phase.BACKWARD) == [
        "∂h output", "δ output", "∂W output", "∂b output", "∂h hidden", "δ hidden", "∂W hidden", "∂b hidden"
    ]  # fmt: skip
    assert labels(plan, Phase.UPDATE) == [
        "update W hidden", "update b hidden", "update W output", "update b output"
    ]  # fmt: skip
    assert [step.index for step in plan.steps] == list(range(len(plan.steps)))


def test_no_gradient_is_made_for_the_input() -> None:
    plan = compile_plan(xor())
    assert all(ref("input", "upstream") not in step.writes for step in plan.steps)


def test_the_parts_of_a_value_that_two_layers_use_are_summed_in_a_step_of_their_own() -> None:
    plan = compile_plan(residual())
    accumulate = next(step for step in plan.steps if step.operation == "accumulate")
    assert accumulate.layer == "a" and accumulate.writes == (ref("a", "upstream"),)
    assert set(accumulate.reads) == {ref("a", "upstream", "b"), ref("a", "upstream", "sum")}
    assert {step.label for step in plan.steps} >= {"∂h a ← b", "∂h a ← sum"}
    executor = Executor(plan, Dataset(np.ones((2, 3)), np.zeros((2, 3))))
    while executor.cursor <= accumulate.index:
        executor.step()
    total = executor.values[ref("a", "upstream")]
    parts = [executor.values[part] for part in accumulate.reads]
    np.testing.assert_array_equal(total, parts[0] + parts[1])


def test_a_layer_without_an_activation_has_one_value_under_both_names() -> None:
    plan = compile_plan(
        chain(("input", "input", {"shape": [2]}), ("out", "dense", {"units": 2}), ("loss", "huber", {}))
    )
    assert plan.resolve(ref("out", "h")) == ref("out", "z")
    assert plan.resolve(ref("out", "upstream")) == ref("out", "delta")
    assert plan.prediction == ref("out", "z")


def test_an_activation_layer_calls_its_input_z_and_what_it_sends_back_delta() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("dense", "dense", {"units": 2}),
        ("act", "activation", {"function": "tanh"}),
        ("loss", "mean_squared_error", {}),
    )
    plan = compile_plan(network)
    assert plan.resolve(ref("act", "z")) == ref("dense", "z")
    assert plan.resolve(ref("act", "delta")) == ref("dense", "delta")
    on_the_input = compile_plan(
        chain(("input", "input", {"shape": [2]}), ("act", "activation", {"function": "tanh"}), ("loss", "hinge", {}))
    )
    assert on_the_input.resolve(ref("act", "z")) == ref("input", "h")
    assert on_the_input.resolve(ref("act", "delta")) in on_the_input.written


def place(step: Step) -> tuple[object, str]:
    """Return what a step of the level `layer` has in common: pass and layer, and in a sequence the time step."""
    return step.group, step.section


def test_groups_are_the_stretches_of_one_layer_and_cover_every_step_once() -> None:
    for seed in range(20):
        plan = compile_plan(random_network(seed))
        assert [index for group in plan.groups for index in group] == list(range(len(plan.steps)))
        for group in plan.groups:
            assert len({place(plan.steps[index]) for index in group}) == 1
            assert all(plan.group_of(index) == group for index in group)
        for before, after in zip(plan.groups, plan.groups[1:], strict=False):
            assert place(plan.steps[before.start]) != place(plan.steps[after.start])


def test_a_pass_ends_where_the_next_begins() -> None:
    plan = compile_plan(xor())
    backward = plan.phase_end(0)
    assert plan.steps[backward - 1].label == "loss" and plan.steps[backward].phase == Phase.BACKWARD
    assert plan.phase_end(3) == backward
    update = plan.phase_end(backward)
    assert plan.steps[update].phase == Phase.UPDATE and plan.phase_end(update) == len(plan.steps)


def test_every_value_that_is_read_was_written_before() -> None:
    for seed in range(60):
        plan = compile_plan(random_network(seed, with_dropout=True))
        known = {info.value for info in plan.lasting}
        for step in plan.steps:
            assert all(plan.resolve(value) in known or "/" in value.name for value in step.reads), step
            known.update(step.writes)
        for info in plan.parameters:
            assert info.value.gradient in known


@pytest.mark.parametrize("seed", range(12))
def test_steps_and_nodes_hold_values_and_no_other_names_of_them(seed: int) -> None:
    plans = [compile_plan(random_network(seed))]
    if not seed:
        plans += [compile_plan(load_network(path)) for path in sample_paths()]
    for plan in plans:
        held = {value for step in plan.steps for value in (*step.reads, *step.writes)}
        held |= {value for node in plan.nodes for value in (*node.operands, node.output, *node.updates)}
        assert all(plan.resolve(value) == value for value in held)
        assert held.isdisjoint(plan.aliases)


def test_clipping_and_penalties_are_steps_and_frozen_parameters_have_no_update() -> None:
    network = with_training(xor(), clip=Clip("norm", 1.0), l2=0.1)
    network = edits.set_frozen(network, "hidden", ("bias",))
    plan = compile_plan(network)
    assert labels(plan, Phase.FORWARD)[-1] == "penalty"
    assert "∂W + penalty hidden" in labels(plan, Phase.BACKWARD)
    assert labels(plan, Phase.UPDATE) == ["clip", "update W hidden", "update W output", "update b output"]
    clip = next(step for step in plan.steps if step.operation == "clip")
    assert ref("hidden", "bias").gradient not in clip.reads


def test_a_network_that_cannot_run_is_refused_with_all_its_problems() -> None:
    network = edits.add_layer(xor(), make_layer("alone", "add", {}), (0, 0))
    network = edits.connect(network, "hidden", "alone")
    network = edits.connect(network, "alone", "output")
    with pytest.raises(PlanError) as error:
        compile_plan(network)
    assert str(error.value) == error.value.problems[0].text and len(error.value.problems) >= 2


def test_parameters_that_do_not_fit_are_refused_by_name_and_shape() -> None:
    network = edits.set_parameter(xor(), "hidden", "weight", np.zeros((3, 2)))
    with pytest.raises(PlanError, match=r"hidden: weight is \(3, 2\) in the file, not \(4, 2\)"):
        compile_plan(network)


def test_samples_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match=r"input: takes samples of shape \(2\), the data have \(3\)"):
        Executor(compile_plan(xor()), Dataset(np.zeros((4, 3)), XOR.targets))


def test_targets_out_of_range_are_refused_with_their_sample() -> None:
    with pytest.raises(DataError, match=r"sample 2 is 1\.5; this loss takes from 0 to 1"):
        Executor(compile_plan(xor()), Dataset(XOR.inputs, np.array([[0.0], [1.0], [1.5], [0.0]])))


def test_parameters_depend_on_their_name_and_the_seed_and_on_no_other_layer() -> None:
    one = initial_parameters(compile_plan(xor(seed=3)))
    wider = edits.set_options(xor(seed=3), "output", {"units": 2})
    other = initial_parameters(compile_plan(wider))
    np.testing.assert_array_equal(one[ref("hidden", "weight")], other[ref("hidden", "weight")])
    again = initial_parameters(compile_plan(xor(seed=4)))
    assert not np.array_equal(one[ref("hidden", "weight")], again[ref("hidden", "weight")])


def test_a_new_plan_takes_over_what_still_fits() -> None:
    executor = Executor(compile_plan(with_training(xor(), optimizer=optimizer("adam"))), XOR)
    for _ in range(3):
        executor.run_fast()
    carried = executor.store.views_of(executor.store.save())
    network = edits.set_options(with_training(xor(), optimizer=optimizer("adam")), "output", {"bias": False})
    following = Executor(compile_plan(network), XOR, carried, 3, int(executor.store.first_iteration))
    for value in following.store.views:
        np.testing.assert_array_equal(following.values[value], carried[value])
    assert following.iteration == 3 and int(following.store.first_iteration) == 0
    fresh = Executor(compile_plan(xor()), XOR, {}, 3)
    assert int(fresh.store.first_iteration) == 3


def test_a_forward_evaluation_has_the_engines_bits_dropout_masks_included() -> None:
    for seed in range(30):
        plan = compile_plan(random_network(seed, with_dropout=True))
        executor = Executor(plan, random_data(plan.network, seed))
        executor.run_fast()
        parameters = executor.parameter_views()
        while executor.last_step is None or executor.last_step.writes != (plan.loss,):
            executor.step()
        indices = executor.batch_indices(1)
        batch = executor.inputs[indices], executor.targets[indices]
        whole = forward_pass(plan, parameters, *batch, training=True, context=executor.context)
        for node in plan.nodes:
            np.testing.assert_array_equal(whole.values[node.output], executor.values[node.output])


def test_predictions_leave_dropout_out() -> None:
    network = chain(
        ("input", "input", {"shape": [50]}), ("drop", "dropout", {"rate": 0.5}), ("loss", "mean_squared_error", {})
    )
    plan, ones = compile_plan(network), np.ones((2, 50))
    np.testing.assert_array_equal(predict(plan, {}, ones), ones)
    trained = forward_pass(plan, {}, ones, training=True).values[plan.prediction]
    assert set(np.unique(trained)) == {0.0, 2.0}


def test_accuracy_counts_right_answers_and_is_absent_for_regression() -> None:
    plan = compile_plan(xor())
    parameters = initial_parameters(plan)
    parameters[ref("output", "weight")], parameters[ref("output", "bias")] = np.zeros((1, 4)), np.array([5.0])
    assert accuracy(plan, parameters, XOR.inputs, XOR.targets) == 0.5
    regression = compile_plan(
        chain(("input", "input", {"shape": [2]}), ("o", "dense", {"units": 1}), ("loss", "mean_squared_error", {}))
    )
    assert accuracy(regression, initial_parameters(regression), XOR.inputs, XOR.targets) is None


def test_xor_is_learned() -> None:
    executor = Executor(compile_plan(with_training(xor(seed=1), optimizer=optimizer("sgd", learning_rate=1.0))), XOR)
    for _ in range(3000):
        executor.run_fast()
    assert accuracy(executor.plan, executor.parameter_views(), XOR.inputs, XOR.targets) == 1.0
