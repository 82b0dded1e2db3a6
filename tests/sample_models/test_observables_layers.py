"""What a person must see in the samples of layers and remedies, through the real engine.

Each number was measured over several seeds before one was pinned; the ranges stand beside the assertions.
"""

import math
from itertools import pairwise

import numpy as np
import pytest

from tests.refs import ref
from tests.sample_models.test_observables import LN2, executor_of, first_over_last, share_right, trained
from visualbp.core.arrays import size_of
from visualbp.engine import Executor
from visualbp.engine.evaluate import forward_pass
from visualbp.files import find_model, load_network

HIDDEN = [f"hidden_{index}" for index in range(1, 11)]
STEPS = 51
CHANCE_OF_10 = math.log(10.0)


def stepped(name: str) -> Executor:
    """The executor after one recorded iteration."""
    executor = executor_of(name)
    while not executor.at_end:
        executor.step()
    return executor


def norms_of(executor: Executor, layers: list[str], role: str) -> list[float]:
    return [executor.norms[ref(layer, role)] for layer in layers]


# -- remedies against vanishing gradients ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["residual", "batch_norm"])
def test_a_remedy_starts_from_the_weights_and_the_points_of_the_patient(name: str) -> None:
    patient, remedied = executor_of("vanishing"), executor_of(name)
    np.testing.assert_array_equal(patient.inputs, remedied.inputs)
    for layer in (*HIDDEN, "output"):
        weight = ref(layer, "weight")
        np.testing.assert_array_equal(patient.parameter_views()[weight], remedied.parameter_views()[weight])
    assert patient.plan.network.training == remedied.plan.network.training


def test_with_residual_connections_the_gradients_recover() -> None:
    executor = stepped("residual")
    assert 0.17 < first_over_last(executor, "gradient/weight") < 0.66  # 0.247; 0.218 to 1.17 over 10 seeds
    assert 0.8 < first_over_last(executor, "delta") < 1.25  # 1.00 to 1.09


def test_the_bars_fall_within_a_residual_block_and_are_back_at_each_add() -> None:
    executor = stepped("residual")
    delta = dict(zip(HIDDEN, norms_of(executor, HIDDEN, "delta"), strict=True))
    for first in (2, 5, 8):
        block = [delta[f"hidden_{first + offset}"] for offset in range(3)]
        assert all(earlier < later / 2 for earlier, later in pairwise(block))
    ends = [delta[name] for name in ("hidden_1", "hidden_4", "hidden_7", "hidden_10")]
    assert max(ends) < 1.5 * min(ends)


def test_an_add_hands_its_gradient_to_both_inputs_whole() -> None:
    values = stepped("residual").values
    behind = values[ref("add_1", "upstream")]
    np.testing.assert_array_equal(values[ref("hidden_4", "upstream")], behind)
    np.testing.assert_array_equal(values[ref("hidden_1", "upstream", "add_1")], behind)
    through = values[ref("hidden_1", "upstream", "hidden_2")]
    assert np.linalg.norm(through) < 0.1 * np.linalg.norm(behind)
    np.testing.assert_allclose(values[ref("hidden_1", "upstream")], behind + through, rtol=1e-12)


def test_with_residual_connections_the_loss_falls_where_it_stayed_without() -> None:
    _, losses = trained("residual", 1000)
    assert losses[-1] < 0.3  # 0.279 to 0.280 over 3 seeds
    _, losses = trained("vanishing", 1000)
    assert losses[-1] == pytest.approx(LN2, abs=1e-3)


def test_with_batch_norm_the_first_layer_gets_more_than_the_last() -> None:
    executor = stepped("batch_norm")
    assert 1.0 < first_over_last(executor, "gradient/weight") < 18.0  # 4.0; 1.6 to 24.6 over 8 seeds
    weights = norms_of(executor, HIDDEN, "gradient/weight")
    assert min(weights) > 0.02 * max(weights)  # 0.19; 0.04 to 0.53


def test_batch_norm_gives_every_unit_mean_0_and_deviation_1_over_the_batch() -> None:
    values = stepped("batch_norm").values
    for index in range(1, 11):
        z = values[ref(f"hidden_{index}", "z")]
        h = values[ref(f"norm_{index}", "h")]
        np.testing.assert_allclose(h.mean(axis=0), 0.0, atol=1e-12)
        np.testing.assert_allclose(h.var(axis=0), z.var(axis=0) / (z.var(axis=0) + 1e-5), rtol=1e-9)
        assert h.std(axis=0).min() > 0.8


def test_with_batch_norm_the_loss_is_near_nothing_after_300_iterations() -> None:
    executor, losses = trained("batch_norm", 300)
    assert losses[-1] < 0.02  # 0.009 to 0.010 over 8 seeds
    assert share_right(executor) == 1.0


# -- a recurrence: the power law, and clipping -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "factor", "power"),
    [
        ("recurrence_shrinking", 0.5, 8.9e-16),
        ("recurrence_growing", 1.1, 117.0),
        ("recurrence_exploding", 1.5, 6.4e8),
        ("recurrence_clipped", 1.5, 6.4e8),
    ],
)
def test_each_time_step_multiplies_delta_by_the_same_factor(name: str, factor: float, power: float) -> None:
    executor = stepped(name)
    weight = executor.store.views_of(executor.start)[ref("recurrence", "weight_hidden")]
    np.testing.assert_allclose(weight @ weight.T, factor**2 * np.eye(8), atol=1e-12)
    norms = [executor.norms[ref("recurrence", f"gradient/z[{step}]")] for step in range(STEPS)]
    for earlier, later in pairwise(norms):
        assert earlier / later == pytest.approx(factor, rel=1e-9)
    assert norms[0] / norms[-1] == pytest.approx(power, rel=0.01)


def test_the_recurrences_differ_in_their_factor_and_in_clipping_alone() -> None:
    names = ("recurrence_shrinking", "recurrence_growing", "recurrence_exploding", "recurrence_clipped")
    executors = [executor_of(name) for name in names]
    gains = [executor.plan.network.layer("recurrence").options["weight_hidden_init"].options for executor in executors]
    rotations = [
        executor.parameter_views()[ref("recurrence", "weight_hidden")] / gain["gain"]
        for executor, gain in zip(executors, gains, strict=True)
    ]
    for executor, rotation in zip(executors[1:], rotations[1:], strict=True):
        np.testing.assert_allclose(rotation, rotations[0], atol=1e-12)
        np.testing.assert_array_equal(executor.inputs, executors[0].inputs)
        assert executor.plan.network.training.optimizer == executors[0].plan.network.training.optimizer
    assert [executor.plan.network.training.clip is None for executor in executors] == [True, True, True, False]


def test_times_one_half_nothing_is_learnt() -> None:
    _, losses = trained("recurrence_shrinking", 500)
    assert losses[0] - losses[-1] == pytest.approx(0.0, abs=1e-9)
    assert losses[0] > 3.0


def test_times_1_1_one_update_is_enough_to_lose_the_loss() -> None:
    executor = stepped("recurrence_growing")
    assert 1e6 < executor.norms[ref("recurrence", "gradient/weight_hidden")] < 4e6  # 1.82e6 to 1.85e6 over 5 seeds
    assert np.abs(executor.values[ref("recurrence", "weight_hidden")]).max() > 1000.0
    with np.errstate(all="ignore"):
        assert not np.isfinite(executor.run_fast())


def test_times_1_5_the_state_overflows_in_the_second_iteration() -> None:
    executor = stepped("recurrence_exploding")
    assert all(np.isfinite(array).all() for array in executor.values.values())
    executor.step()
    while not executor.at_end:
        executor.step()
    found = executor.non_finite
    assert found is not None and found.iteration == 1
    assert found.value == ref("recurrence", "z[18]")  # in all of 5 seeds
    assert found.text.startswith("recurrence: recurrent_affine (forward) gave")


def test_clipping_makes_the_gradient_as_long_as_1_and_keeps_its_direction() -> None:
    executor = executor_of("recurrence_clipped")
    gradient = ref("recurrence", "gradient/weight_hidden")
    while executor.plan.steps[executor.cursor].operation != "clip":
        executor.step()
    before = executor.values[gradient].ravel()
    executor.step()
    after = executor.values[gradient].ravel()
    assert np.linalg.norm(before) > 1e19
    assert np.linalg.norm(after) == pytest.approx(1.0, rel=1e-9)
    cosine = before @ after / (np.linalg.norm(before) * np.linalg.norm(after))
    assert cosine == pytest.approx(1.0, abs=1e-12)


def test_the_clipped_recurrence_learns_from_a_loss_of_a_quintillion() -> None:
    _, losses = trained("recurrence_clipped", 300)
    assert losses[0] > 1e18
    assert losses[-1] < 4.0  # 2.63 to 3.37 over 5 seeds


# -- a saddle ----------------------------------------------------------------------------------------------------------


def test_at_a_saddle_the_loss_stands_still_and_then_drops() -> None:
    _, losses = trained("saddle", 201)
    product = 1e-6
    assert losses[0] == pytest.approx(0.5 * (product - 1.0) ** 2, rel=1e-12)
    assert losses[50] == pytest.approx(0.4999, abs=5e-5)
    assert losses[150] == pytest.approx(0.041, abs=5e-4)
    assert losses[200] < 1e-5
    assert all(earlier > later for earlier, later in pairwise(losses))


def test_each_weight_of_the_saddle_has_the_other_as_a_factor_of_its_gradient() -> None:
    executor = stepped("saddle")
    for name in ("first", "second"):
        gradient = executor.values[ref(name, "gradient/weight")].item()
        assert gradient == pytest.approx(0.001 * (1e-6 - 1.0), rel=1e-12)


# -- two normalisations on batches of two ------------------------------------------------------------------------------


def ratios(name: str, iterations: int) -> list[float]:
    """The gradient of the first layer's weight over that of the output's, in each of some iterations."""
    executor, found = executor_of(name), []
    for _ in range(iterations):
        executor.run_fast()
        executor.publish()
        weights = norms_of(executor, ["hidden_1", "output"], "gradient/weight")
        found.append(weights[0] / weights[1])
    return found


def test_batch_norm_leaves_of_two_samples_which_is_larger_and_layer_norm_leaves_more() -> None:
    batch, layer = stepped("batch_norm_of_two").values, stepped("layer_norm_of_two").values
    z = batch[ref("hidden_1", "z")]
    np.testing.assert_array_equal(z, layer[ref("hidden_1", "z")])
    h = batch[ref("norm_1", "h")]
    np.testing.assert_array_equal(np.sign(h), np.sign(z - z.mean(axis=0)))
    assert (np.abs(np.abs(h) - 1.0) < 0.01).mean() > 0.9  # 0.94 to 1 over 8 seeds
    normed = layer[ref("norm_1", "h")]
    np.testing.assert_allclose(normed.mean(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(normed.std(axis=1), 1.0, rtol=1e-3)
    assert (np.abs(np.abs(normed) - 1.0) < 0.01).mean() < 0.2  # 0 to 0.03


def test_hardly_any_gradient_comes_back_through_batch_norm_of_two_and_a_third_through_layer_norm() -> None:
    batch, layer = ratios("batch_norm_of_two", 40), ratios("layer_norm_of_two", 40)
    assert batch[0] < 1e-4  # 3e-6
    assert np.median(batch) < 1e-3  # 1.2e-5; 1.2e-5 to 5.3e-4 over 8 seeds
    assert 0.1 < np.median(layer) < 1.0  # 0.34; 0.30 to 0.54


def test_on_two_samples_batch_norm_stays_noisy_and_layer_norm_gets_every_point_right() -> None:
    executor, losses = trained("batch_norm_of_two", 2000)
    assert np.mean(losses[-200:]) > 0.5  # 0.565 to 0.600 over 8 seeds
    assert share_right(executor) < 0.95  # 0.74 to 0.88
    executor, losses = trained("layer_norm_of_two", 2000)
    assert np.mean(losses[-200:]) < 0.01  # at most 0.001
    assert share_right(executor) == 1.0


def test_the_two_normalisations_see_the_same_weights_points_and_batches() -> None:
    batch, layer = executor_of("batch_norm_of_two"), executor_of("layer_norm_of_two")
    np.testing.assert_array_equal(batch.inputs, layer.inputs)
    np.testing.assert_array_equal(batch.batch_indices(7), layer.batch_indices(7))
    theirs = layer.parameter_views()
    for value, array in batch.parameter_views().items():
        if value.name in ("weight", "bias"):
            np.testing.assert_array_equal(array, theirs[value])
    assert batch.batch_size == layer.batch_size == 2


# -- convolutions ------------------------------------------------------------------------------------------------------


def count_of_parameters(name: str) -> int:
    return sum(size_of(info.spec.shape) for info in executor_of(name).plan.parameters)


def test_convolutions_read_digits_that_were_never_seen_with_fewer_weights() -> None:
    executor, losses = trained("digits_convolution", 500)
    assert losses[0] == pytest.approx(CHANCE_OF_10, abs=0.7)
    assert share_right(executor, held_out=True) > 0.96  # 0.983; 0.969 to 0.983 over 6 seeds
    assert (count_of_parameters("digits_convolution"), count_of_parameters("digits")) == (1898, 3466)


def test_behind_max_pooling_at_most_one_place_of_each_window_has_a_gradient() -> None:
    values = stepped("digits_convolution").values
    for layer, pool in (("filters_1", "pool_1"), ("filters_2", "pool_2")):
        upstream = values[ref(layer, "upstream")]
        samples, channels, height, width = upstream.shape
        windows = upstream.reshape(samples, channels, height // 2, 2, width // 2, 2)
        assert (np.count_nonzero(windows, axis=(3, 5)) <= 1).all()
        assert np.count_nonzero(upstream) > 0.2 * upstream.size / 4
        np.testing.assert_array_equal(windows.sum(axis=(3, 5)), values[ref(pool, "upstream")])


# -- sequences ---------------------------------------------------------------------------------------------------------


def test_whether_strings_end_as_they_begin_is_told_of_strings_never_seen() -> None:
    executor, losses = trained("strings", 1000)
    assert losses[0] < 1.2  # 0.79; ln 2 is a coin toss
    assert executor.held_out is not None and len(executor.held_out[0]) == 100
    assert share_right(executor, held_out=True) == 1.0  # above 0.97 in 9 of 10 seeds
    assert share_right(executor) == 1.0


def test_the_blame_for_a_string_goes_back_through_time_to_its_first_letter() -> None:
    executor = stepped("strings")
    norms = [executor.norms[ref("reader", f"gradient/z[{step}]")] for step in range(6)]
    assert norms[0] > 0.1 * norms[-1]
    upstream = executor.values[ref("embedding", "upstream")]
    assert (np.linalg.norm(upstream, axis=(0, 2)) > 0.0).all()
    letters = executor.inputs[executor.batch_indices(0)]
    rows = executor.values[ref("embedding", "gradient/weight")]
    for letter in range(4):
        np.testing.assert_allclose(rows[letter], upstream[letters == letter].sum(axis=0), rtol=1e-9, atol=1e-15)


def test_the_transformer_copies_strings_that_it_has_never_seen() -> None:
    executor, losses = trained("copy_transformer", 400)
    assert losses[0] > 1.3
    assert executor.held_out is not None and len(executor.held_out[0]) == 100
    assert share_right(executor, held_out=True) == 1.0  # 0.976 to 1 over 5 seeds
    assert share_right(executor) == 1.0


def test_after_training_each_question_looks_at_the_place_that_it_asks_for() -> None:
    executor, _ = trained("copy_transformer", 400)
    assert executor.held_out is not None
    values = forward_pass(executor.plan, executor.parameter_views(), executor.held_out[0]).values
    attention = values[ref("attention", "attention")].mean(axis=0)[0]
    questions = attention[5:]
    assert questions.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert np.diagonal(questions).min() > 0.5  # 0.55 to 0.97 over 5 seeds, after 800
    np.testing.assert_allclose(attention.sum(axis=1), 1.0, rtol=1e-12)


def test_no_position_looks_at_a_later_one_and_nothing_comes_back_from_there() -> None:
    values = stepped("copy_transformer").values
    later = np.triu(np.ones((10, 10), bool), 1)
    attention = values[ref("attention", "attention")]
    back = values[ref("attention", "gradient/scores")]
    assert not attention[..., later].any()
    assert not back[..., later].any()
    assert (attention[..., ~later] > 0.0).all()
    assert np.abs(back).max() > 0.0


@pytest.mark.parametrize(
    ("name", "other"), [("recurrence_clipped", "recurrence_exploding"), ("batch_norm_of_two", "layer_norm_of_two")]
)
def test_a_description_names_the_sample_to_compare_with_by_its_title(name: str, other: str) -> None:
    assert load_network(find_model(other)).name in load_network(find_model(name)).description
