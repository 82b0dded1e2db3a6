"""The bug hunts: the check is clean without a bug, finds every bug in every place, and says where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.building import executor_of
from tests.refs import ref
from visualbp.analysis.explain import Moment, explain
from visualbp.analysis.gradient_check import CheckOptions, CheckResult, gradient_check
from visualbp.core.ref import Ref
from visualbp.engine import Executor, Phase, Plan, Step, compile_plan
from visualbp.engine.bugs import bug_in, bugs_by_step, possible_bugs
from visualbp.files import find_model, load_network
from visualbp.network import Clip, Network, edits
from visualbp.network.bugs import PlantedBug, bug_kinds

HUNTS = ("bug_hunt_1", "bug_hunt_2", "bug_hunt_3", "bug_hunt_4")
NETWORK = edits.remove_bugs(load_network(find_model("bug_hunt_1")))
"""3-6-5-3, tanh, 12 samples."""
ALL_BUGS = possible_bugs(compile_plan(NETWORK))
LOCAL = ("weight", "bias")


def checked(network: Network, method: str = "every", seed: int = 0) -> CheckResult:
    executor = executor_of(network)
    parameters, options = executor.parameter_views(), CheckOptions(method=method, seed=seed)
    return gradient_check(executor.plan, parameters, executor.inputs, executor.targets, executor.context, options)


def trained(network: Network, iterations: int) -> list[float]:
    executor = executor_of(network)
    return [executor.run_fast() for _ in range(iterations)]


def clean(name: str) -> Network:
    return edits.remove_bugs(load_network(find_model(name)))


# -- each sample -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HUNTS)
def test_a_hunt_is_marked_as_one_and_right_without_its_bug(name: str) -> None:
    network = load_network(find_model(name))
    assert network.bug_hunt and len(network.bugs) == 1
    assert len(bugs_by_step(compile_plan(network))) == 1
    result = checked(clean(name))
    assert result.passed
    assert result.max_relative_error < (1e-7 if name == "bug_hunt_4" else 1e-8)  # its derivatives are tiny


@pytest.mark.parametrize("name", HUNTS)
def test_a_hunt_does_not_tell_what_is_wrong(name: str) -> None:
    network = load_network(find_model(name))
    (bug,) = network.bugs
    told = (network.name + network.description).lower()
    for word in (bug.layer, bug_kinds.get(bug.kind).label.lower(), "wrong sign", "missing", "scaled", "sequential"):
        assert word not in told.replace("worked example", "")


def test_the_three_networks_differ_in_their_bug_alone() -> None:
    networks = [replace(load_network(find_model(name)), name="", description="", bugs=()) for name in HUNTS[:3]]
    assert networks[0] == networks[1] == networks[2]
    worked = replace(load_network(find_model("worked_example")), name="", description="")
    assert replace(clean("bug_hunt_4"), name="", description="", bug_hunt=False) == worked


def test_hunt_1_learns_but_stays_far_above_what_it_could_reach() -> None:
    wrong, right = trained(load_network(find_model("bug_hunt_1")), 2001), trained(NETWORK, 2001)
    assert wrong[0] == right[0] == pytest.approx(0.73, abs=0.005)
    assert wrong[2000] < 0.05
    assert right[2000] == pytest.approx(0.0005, abs=1e-4)
    assert wrong[2000] > 50 * right[2000]
    assert checked(load_network(find_model("bug_hunt_1"))).failures == (("hidden_2", "weight"),)


def test_hunt_2_learns_nearly_as_well_and_fails_from_one_layer_down() -> None:
    wrong, right = trained(load_network(find_model("bug_hunt_2")), 2001), trained(NETWORK, 2001)
    assert wrong[2000] == pytest.approx(0.0009, abs=1e-4)
    assert wrong[2000] > 1.5 * right[2000]
    failures = checked(load_network(find_model("bug_hunt_2"))).failures
    assert failures == tuple((layer, name) for layer in ("hidden_1", "hidden_2") for name in LOCAL)


def test_hunt_3_cannot_be_told_from_its_losses_and_one_tensor_is_a_thousandth_off() -> None:
    network = load_network(find_model("bug_hunt_3"))
    wrong, right = trained(network, 2001), trained(NETWORK, 2001)
    np.testing.assert_allclose(wrong, right, rtol=0.02)
    result = checked(network)
    assert result.failures == (("hidden_1", "weight"),)
    errors = result.layers["hidden_1"]["weight"].errors
    np.testing.assert_allclose(errors, 0.001 / 1.001, rtol=1e-4)


def test_hunt_4_gives_the_numbers_that_the_article_prints() -> None:
    losses = trained(load_network(find_model("bug_hunt_4")), 10_001)
    assert losses[1] == pytest.approx(0.291027924, abs=5e-10)
    assert losses[10_000] == pytest.approx(0.000035085, abs=5e-10)
    assert checked(load_network(find_model("bug_hunt_4"))).failures == (("hidden", "weight"), ("hidden", "bias"))


# -- every bug in every place ------------------------------------------------------------------------------------------


def lit(plan: Plan, step: Step) -> tuple[tuple[str, str], ...]:
    """Return the parameters whose gradients depend on what `step` writes: those that a bug in it must light."""
    touched = set(step.writes)
    for later in plan.steps[step.index + 1 :]:
        if later.phase == Phase.BACKWARD and touched.intersection(later.reads):
            touched.update(later.writes)
    return tuple((info.value.layer, info.value.name) for info in plan.parameters if info.value.gradient in touched)


def test_all_kinds_can_be_hunted_here_but_those_that_need_another_shape() -> None:
    assert {bug.kind for bug in ALL_BUGS} == set(bug_kinds.names()) - {"transposed_weight", "lost_path"}
    assert len(ALL_BUGS) == 45


@pytest.mark.parametrize("bug", ALL_BUGS, ids=lambda bug: f"{bug.kind} {bug.layer}.{bug.output} {bug.operand}")
def test_the_check_finds_a_bug_and_lights_what_it_reaches_alone(bug: PlantedBug) -> None:
    network = edits.plant_bug(NETWORK, bug)
    plan, result = compile_plan(network), checked(network)
    (index,) = bugs_by_step(plan)
    assert result.failures == lit(plan, plan.steps[index])
    for layer, tensors in result.layers.items():
        for name, tensor in tensors.items():
            if (layer, name) in result.failures:
                assert tensor.relative_error > 1e-4
            else:
                assert tensor.relative_error < 1e-8
    if bug.operand in LOCAL:
        assert result.failures == ((bug.layer, bug.operand),)


def seeded(seed: int) -> Network:
    return edits.clear_parameters(NETWORK, seed)


def test_one_random_direction_finds_a_bug_of_any_kind_and_place_in_60_of_60_seeds() -> None:
    """A wrong sign and a missing mean are as wrong along every direction: for these, one in each place is enough."""
    same = [bug for bug in ALL_BUGS if bug.kind in ("sign", "missing_mean")]
    others = [bug for bug in ALL_BUGS if bug not in same and bug.kind != "scaled"]
    for seed, bug in [*enumerate(same), *((seed, others[seed % len(others)]) for seed in range(60))]:
        assert checked(edits.plant_bug(seeded(seed), bug), "directional", seed).failures, bug.text


def test_what_is_a_thousandth_off_may_hide_from_one_direction_but_not_from_the_check_of_its_rule() -> None:
    """A derivative along a direction may all but vanish, and then a thousandth of it is not told from round-off."""
    for seed in range(60):
        network = seeded(seed)
        bugs = [bug for bug in possible_bugs(compile_plan(network)) if bug.kind == "scaled"]
        bug = bugs[seed % len(bugs)]
        (rule,) = checked(edits.plant_bug(network, bug), "directional", seed).wrong_operations
        assert (rule.layer, rule.output, rule.operand, rule.kind) == (bug.layer, bug.output, bug.operand, "scale")


def test_the_check_passes_the_right_gradients_of_the_same_60_seeds() -> None:
    for seed in range(60):
        assert checked(seeded(seed), "directional", seed).passed


# -- in words ----------------------------------------------------------------------------------------------------------


def wrong_elements(executor: Executor) -> set[Ref]:
    """Return the gradients of which some element is not what its rule should give, by their explanations."""
    executor.step()
    executor.finish_iteration()
    plan = executor.plan
    moment = Moment(
        plan,
        executor.values,
        executor.cursor,
        executor.store.views_of(executor.start),
        executor.iteration,
        int(executor.store.first_iteration),
        executor.batch_indices(executor.iteration),
    )
    found: set[Ref] = set()
    for step in plan.steps:
        if step.phase not in (Phase.BACKWARD, Phase.UPDATE):
            continue
        for value in step.writes:
            array = executor.values[plan.resolve(value)]
            for place in range(array.size):
                index = tuple(int(i) for i in np.unravel_index(place, array.shape))
                told = explain(moment, value, index, step.index + 1)
                assert told.number is not None
                if not told.total.agrees:
                    assert "that rule is wrong" in told.note
                    found.add(ref(value.layer, f"{value.name} by {step.operation}"))
    return found


@pytest.mark.parametrize("bug", ALL_BUGS[::3], ids=lambda bug: bug.text)
def test_the_explanation_shows_the_number_that_there_is_and_that_it_is_not_the_sum_of_its_terms(
    bug: PlantedBug,
) -> None:
    executor = executor_of(edits.plant_bug(NETWORK, bug))
    (index,) = bugs_by_step(executor.plan)
    step = executor.plan.steps[index]
    assert bug_in(step, bug.kind) == bug
    (value,) = step.writes
    assert wrong_elements(executor) == {ref(value.layer, f"{value.name} by {step.operation}")}


@pytest.mark.parametrize("kind", ["sign", "scaled", "zeroed_row"])
def test_a_buggy_gradient_is_shown_as_it_was_also_where_penalty_and_clipping_have_overwritten_it(kind: str) -> None:
    bug = PlantedBug(kind, "hidden_2", "z", "weight")
    network = edits.plant_bug(NETWORK, bug)
    training = replace(network.training, l1=0.01, l2=0.02, clip=Clip("norm", 0.05))
    executor = executor_of(replace(network, training=training))
    assert wrong_elements(executor) == {ref("hidden_2", "gradient/weight by affine")}
    (index,) = bugs_by_step(executor.plan)
    value = executor.plan.steps[index].writes[0]
    moment = Moment(executor.plan, executor.values, executor.cursor, executor.store.views_of(executor.start))
    told = explain(moment, value, (1, 2), index + 1)
    assert told.number == executor.tape[index].values[value][1, 2]
