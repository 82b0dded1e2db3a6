"""Running statistics: written by steps of training, exact on the way back, never disturbed by a probe, and saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.building import chain, executor_of, inline, optimizer, with_training
from tests.refs import ref
from tests.typeset_equations import covering, paths
from visualbp.core.options import Choice
from visualbp.datasets import Dataset
from visualbp.debugger.commands import Level
from visualbp.debugger.session import Session
from visualbp.engine import Executor, PlanError, compile_plan
from visualbp.engine.algorithm import PSEUDOCODE
from visualbp.engine.evaluate import forward_pass, predict
from visualbp.engine.notation import Notation
from visualbp.network import Network, edits, structure_of
from visualbp.network.network import make_layer

MEAN, VARIANCE = ref("norm", "running_mean"), ref("norm", "running_var")


def normalised(shape: tuple[int, ...] = (3,), **training: Any) -> Network:
    """Return input - batch norm - dense with weight norm - layer norm - loss, on 11 samples."""
    generator = np.random.default_rng(0)
    network = chain(
        ("input", "input", {"shape": list(shape)}),
        ("norm", "batch_norm", {"momentum": 0.3}),
        ("flat", "flatten", {}),
        ("hidden", "dense", {"units": 4, "activation": "tanh", "weight_norm": True}),
        ("rows", "layer_norm", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "mean_squared_error", {}),
        data=inline(generator.normal(3.0, 2.0, (11, *shape)), generator.normal(size=(11, 2))),
    )
    settings = {"optimizer": optimizer("adam", learning_rate=0.01), "batch_size": 4, "shuffle": True, **training}
    return with_training(network, **settings)


def run(executor: Executor, iterations: int, fast: bool) -> None:
    for _ in range(iterations):
        if fast:
            executor.run_fast()
        else:
            for _ in executor.plan.steps:
                executor.step()


@pytest.mark.parametrize("shape", [(3,), (2, 3, 3)])
def test_stepping_and_full_speed_leave_the_same_parameters_and_statistics(shape: tuple[int, ...]) -> None:
    schedule = Choice("cosine", {"iterations": 5, "lowest": 1e-4, "warm_up": 2})
    stepped, fast = (executor_of(normalised(shape, schedule=schedule)) for _ in range(2))
    run(stepped, 7, fast=False)
    run(fast, 7, fast=True)
    assert stepped.store.persistent.tobytes() == fast.store.persistent.tobytes()
    assert np.any(stepped.store.views[MEAN] != 0.0)


def test_the_running_statistics_are_the_exponential_means_of_the_batches() -> None:
    executor = executor_of(normalised())
    mean, variance = np.zeros(3), np.ones(3)
    for iteration in range(6):
        batch = executor.inputs[executor.batch_indices(iteration)]
        mean = 0.7 * mean + 0.3 * batch.mean(0)
        variance = 0.7 * variance + 0.3 * batch.var(0, ddof=1)
    run(executor, 6, fast=True)
    assert np.allclose(executor.store.views[MEAN], mean, rtol=1e-13)
    assert np.allclose(executor.store.views[VARIANCE], variance, rtol=1e-13)


def test_a_step_back_takes_the_statistics_back() -> None:
    executor = executor_of(normalised())
    run(executor, 2, fast=False)
    executor.step()  # load
    before = executor.store.persistent.tobytes()
    step = executor.step()
    assert MEAN in step.writes and VARIANCE in step.writes
    after = executor.store.persistent.tobytes()
    assert after != before
    assert executor.back() is step
    assert executor.store.persistent.tobytes() == before
    executor.step()
    assert executor.store.persistent.tobytes() == after


@pytest.mark.parametrize("level", [Level.OPERATION, Level.LAYER, Level.ITERATION])
def test_a_session_goes_back_to_the_same_bits_across_iterations(level: Level) -> None:
    session = Session()
    schedule = Choice("exponential", {"factor": 0.9, "warm_up": 0})
    session.set_network(normalised(schedule=schedule), 1, fresh=True)
    seen: list[dict[str, bytes]] = []
    for _ in range(60 if level == Level.OPERATION else 12):
        seen.append({value.text: array.tobytes() for value, array in session.snapshot().values.items()})
        session.forward(level)
    for expected in reversed(seen[1:]):
        session.back(level)
        assert {value.text: array.tobytes() for value, array in session.snapshot().values.items()} == expected


def test_a_probe_in_training_leaves_the_statistics_alone_and_needs_none() -> None:
    executor = executor_of(normalised())
    run(executor, 2, fast=True)
    before = executor.store.persistent.tobytes()
    views = executor.parameter_views()
    plan, inputs = executor.plan, executor.inputs[:5]
    forward_pass(plan, views, inputs, executor.targets[:5], training=True)
    parameters = {info.value: views[info.value] for info in plan.parameters}
    forward_pass(plan, parameters, inputs, executor.targets[:5], training=True)
    assert executor.store.persistent.tobytes() == before


def test_a_prediction_uses_the_running_statistics_so_that_it_does_not_depend_on_its_batch() -> None:
    executor = executor_of(normalised())
    run(executor, 5, fast=True)
    views = executor.parameter_views()
    whole = predict(executor.plan, views, executor.inputs)
    alone = np.concatenate([predict(executor.plan, views, row[None]) for row in executor.inputs])
    assert np.allclose(whole, alone, rtol=1e-12)
    changed = {**views, MEAN: views[MEAN] + 1.0}
    assert not np.allclose(predict(executor.plan, changed, executor.inputs), whole)
    with pytest.raises(KeyError, match=r"an evaluation outside training needs norm\.running_mean"):
        predict(executor.plan, {info.value: views[info.value] for info in executor.plan.parameters}, executor.inputs)


def test_statistics_have_no_gradient_and_are_no_parameters() -> None:
    plan = compile_plan(normalised())
    assert MEAN not in {info.value for info in plan.parameters}
    assert {info.value for info in plan.buffers} == {MEAN, VARIANCE}
    assert all(MEAN.gradient not in (*step.reads, *step.writes) for step in plan.steps)


def test_saved_statistics_are_where_the_next_run_starts() -> None:
    network = normalised()
    executor = executor_of(network)
    run(executor, 3, fast=True)
    saved: dict[str, dict[str, np.ndarray]] = {}
    for value, array in executor.parameter_views().items():
        saved.setdefault(value.layer, {})[value.name] = array
    assert set(saved["norm"]) == {"weight", "bias", "running_mean", "running_var"}
    again = executor_of(replace(network, parameters=saved))
    assert np.array_equal(again.store.views[MEAN], executor.store.views[MEAN])
    assert np.array_equal(again.store.views[VARIANCE], executor.store.views[VARIANCE])


def test_given_statistics_that_do_not_fit_are_named_and_those_that_fit_survive_an_edit() -> None:
    wrong = replace(normalised(), parameters={"norm": {"running_mean": np.zeros(5)}})
    with pytest.raises(PlanError, match=r"norm: running_mean is \(5\) in the file, not \(3\)"):
        compile_plan(wrong)
    kept = replace(normalised(), parameters={"norm": {"running_mean": np.ones(3), "weight": np.ones(3)}})
    edited = edits.set_options(kept, "norm", {"momentum": 0.2})
    assert set(edited.parameters["norm"]) == {"running_mean", "weight"}


def test_an_edit_of_another_layer_carries_the_statistics_over() -> None:
    session = Session()
    network = normalised()
    session.set_network(network, 1, fresh=True)
    for _ in range(4):
        session.train_one()
    assert session.executor is not None
    before = session.executor.store.views[MEAN].copy()
    session.set_network(edits.set_options(network, "hidden", {"activation": "relu"}), 2)
    assert np.array_equal(session.executor.store.views[MEAN], before)


# -- weights in two forms --------------------------------------------------------------------------------------------


def test_with_weight_norm_a_layer_starts_from_the_weight_that_it_has_without() -> None:
    plain = edits.set_options(normalised(), "hidden", {"weight_norm": False})
    both = []
    for network in (plain, normalised()):
        executor = executor_of(network)
        run(executor, 1, fast=False)
        both.append(executor.values[ref("hidden", "z")])
    assert np.allclose(*both, rtol=1e-13)


def test_a_gain_that_is_not_given_is_the_length_of_the_direction_that_is() -> None:
    direction = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0], [1.0, 2.0, 2.0], [6.0, 8.0, 0.0]])
    network = replace(normalised(), parameters={"hidden": {"weight_direction": direction}})
    gain = executor_of(network).store.views[ref("hidden", "weight_gain")]
    assert np.allclose(gain, [[5.0], [2.0], [3.0], [10.0]], rtol=1e-15)


def test_weight_norm_is_refused_where_the_weights_start_from_0() -> None:
    network = edits.set_options(normalised(), "hidden", {"weight_init": "zeros"})
    assert [problem.text for problem in structure_of(network).errors] == [
        "hidden: has weight norm, and its weights start from 0, which has no direction;"
        " choose another initialiser for the weights"
    ]


# -- in words and symbols ----------------------------------------------------------------------------------------------


def test_every_step_has_an_equation_that_can_be_drawn() -> None:
    plans = [compile_plan(normalised(shape)) for shape in ((3,), (2, 3, 3))]
    for equation in covering(Notation(plan).step_equation(step) for plan in plans for step in plan.steps):
        assert paths(equation), equation


@pytest.mark.parametrize("shape", [(3,), (2, 3, 3)])
def test_every_step_has_a_sentence(shape: tuple[int, ...]) -> None:
    plan = compile_plan(normalised(shape))
    notation = Notation(plan)
    for step in plan.steps:
        sentence = notation.step_sentence(step)
        assert sentence.endswith(".") and "_" not in sentence and "from ," not in sentence
        assert notation.step_shapes(step, 4)
    made = next(step for step in plan.steps if step.operation == "weight_norm")
    assert notation.step_sentence(made) == ("hidden makes its W from W direction, brought to length 1, times W gain.")
    assert PSEUDOCODE[notation.pseudocode_line(made)].strip().startswith("z[l] =")


# -- batches that are too small ----------------------------------------------------------------------------------------


def test_batch_norm_with_a_batch_of_one_is_refused_at_the_layer() -> None:
    structure = structure_of(normalised(batch_size=1))
    (problem,) = structure.errors
    assert problem.layer == "norm"
    assert "needs 2 samples or more in a batch to train on, and the batch size is 1" in problem.message
    with pytest.raises(PlanError, match="norm: needs 2 samples"):
        compile_plan(normalised(batch_size=1))


def test_a_last_batch_of_one_is_refused_with_the_numbers_that_lead_to_it() -> None:
    network = normalised(batch_size=5)
    words = "the last batch of an epoch has 1, with 11 samples in batches of 5"
    with pytest.raises(PlanError, match=words) as caught:
        executor_of(network)
    assert caught.value.problems[0].layer == "norm"
    session = Session()
    session.set_network(network, 1, fresh=True)
    assert session.executor is None
    assert any(problem.layer == "norm" and words in problem.message for problem in session.problems)


def test_one_sample_in_all_is_refused_and_an_image_has_numbers_enough() -> None:
    plan = compile_plan(normalised())
    with pytest.raises(PlanError, match="the data have 1"):
        Executor(plan, Dataset(np.zeros((1, 3)), np.zeros((1, 2))))
    image = executor_of(normalised((2, 3, 3), batch_size=1))
    run(image, 2, fast=True)
    assert np.isfinite(image.store.persistent).all()


def test_bad_options_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="momentum must be a number from 0 to 1"):
        make_layer("norm", "batch_norm", {"momentum": 1.5})
    with pytest.raises(ValueError, match="epsilon must be a number above 0"):
        make_layer("norm", "layer_norm", {"epsilon": 0.0})
