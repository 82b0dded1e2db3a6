"""Explanations of every layer type, optimiser and schedule: on random networks all terms add up, and by hand they are
what the definitions say."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from tests.analysis.test_explain import executor_of, run
from tests.building import chain, with_training
from tests.random_networks import random_data, random_network
from tests.refs import ref
from tests.typeset_equations import covering, paths
from visualbp.analysis.explain import Explanation, explain
from visualbp.core.arrays import Array
from visualbp.core.options import Choice, parse_options
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.layers import layer_types
from visualbp.network import Network
from visualbp.optimizers import optimizers
from visualbp.optimizers.schedules import schedules

RANDOM_NETWORKS = 60


def schedule(name: str, **options: Any) -> Choice:
    return Choice(name, parse_options(schedules.get(name).options, options))


SCHEDULES = (
    schedule("constant"),
    schedule("step", every=1, factor=0.5, warm_up=1),
    schedule("exponential", factor=0.9),
    schedule("cosine", iterations=5, lowest=0.001),
    schedule("warm_up", warm_up=3),
)


def network_of(seed: int, precision: Any = "float64") -> Network:
    network = random_network(seed, with_dropout=True, precision=precision)
    return with_training(network, schedule=SCHEDULES[seed % len(SCHEDULES)])


def explained_on_the_way(network: Network, seed: int, iterations: int = 2) -> list[Explanation]:
    """Run some iterations, and explain two numbers of each value as each step of the last one has written it."""
    executor, generator = Executor(compile_plan(network), random_data(network, seed)), np.random.default_rng(seed)
    for _ in range(iterations - 1):
        run(executor, len(executor.plan.steps))
    found = []
    for _ in executor.plan.steps:
        moment = run(executor, 1)
        for value in moment.plan.steps[moment.cursor - 1].writes:
            for _ in range(2):
                index = tuple(int(generator.integers(n)) for n in moment.values[value].shape)
                found.append(explain(moment, value, index))
    return found


def check(explanation: Explanation, tolerance: float) -> None:
    number, total = explanation.number, explanation.total.number
    assert number is not None and total is not None, (explanation.text, explanation.note)
    assert explanation.total.agrees, (explanation.text, explanation.note)
    if math.isfinite(number):
        assert abs(total - number) <= tolerance * explanation.total.scale + 1e-300, explanation.text
        if not explanation.is_source:
            shown = math.fsum(math.prod(f.number for f in term.factors) for term in explanation.terms)
            assert abs(shown + explanation.total.rest - number) <= tolerance * explanation.total.scale + 1e-300, (
                explanation.text
            )


@pytest.mark.parametrize("seed", range(RANDOM_NETWORKS))
def test_every_number_of_random_networks_of_all_layers_is_the_sum_of_its_terms(seed: int) -> None:
    for explanation in explained_on_the_way(network_of(seed), seed):
        check(explanation, 1e-12)
        local = [
            factor for term in explanation.terms for factor in term.factors if factor.meaning == "local derivative"
        ]
        assert not local, f"{explanation.text} is explained by the Jacobian alone"


def test_the_random_networks_have_every_layer_type_optimizer_and_schedule() -> None:
    networks = [network_of(seed) for seed in range(RANDOM_NETWORKS)]
    types = {layer.type for network in networks for layer in network.layers}
    assert types == set(layer_types.names())
    assert {network.training.optimizer.type for network in networks} == set(optimizers.names())
    assert {network.training.schedule.type for network in networks} == set(schedules.names())


@pytest.mark.parametrize("seed", range(0, RANDOM_NETWORKS, 6))
def test_in_single_precision_every_number_is_the_sum_of_its_terms_within_its_own_rounding(seed: int) -> None:
    for explanation in explained_on_the_way(network_of(seed, "float32"), seed):
        check(explanation, 1e-4)


def test_every_formula_of_every_layer_can_be_set() -> None:
    formulas = set()
    for seed in range(0, RANDOM_NETWORKS, 6):
        for explanation in explained_on_the_way(network_of(seed), seed, iterations=1):
            formulas |= {explanation.symbol, explanation.formula_latex, explanation.numbers_latex} - {""}
            for term in explanation.terms:
                formulas |= {factor.symbol for factor in term.factors}
                formulas |= {factor.formula for factor in term.factors if factor.formula}
    assert len(formulas) > 500
    for formula in covering(formulas):
        assert paths(formula), formula


# -- normalisation ---------------------------------------------------------------------------------------------------


def classifier(*layers: tuple[str, str, dict[str, Any]], shape: list[int], units: int = 3, **fields: Any) -> Network:
    return chain(
        ("input", "input", {"shape": shape}),
        *layers,
        ("flat", "flatten", {}),
        ("output", "dense", {"units": units}),
        ("loss", "softmax_cross_entropy", {}),
        **fields,
    )


def factor_of(explanation: Explanation, words: str) -> float:
    """Return the first factor whose meaning begins with `words`."""
    return next(f.number for term in explanation.terms for f in term.factors if f.meaning.startswith(words))


def test_batch_norm_is_the_weight_times_x_hat_plus_the_bias() -> None:
    executor = executor_of(classifier(("norm", "batch_norm", {"epsilon": 1e-3}), shape=[3]))
    x = executor.inputs
    moment = run(executor, len(executor.plan.steps))
    explanation = explain(moment, ref("norm", "h"), (4, 1))
    x_hat = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)
    assert factor_of(explanation, "x hat") == pytest.approx(x_hat[4, 1], rel=1e-12)
    assert [term.label for term in explanation.terms] == ["scaled", "bias"]
    assert {f.value for term in explanation.terms for f in term.factors if not f.meaning} == {
        ref("norm", "weight"),
        ref("norm", "bias"),
    }


@pytest.mark.parametrize(("kind", "axes"), [("batch_norm", (0, 2, 3)), ("layer_norm", (1, 2, 3))])
def test_the_gradient_through_a_norm_is_itself_less_its_mean_and_its_part_along_x_hat(
    kind: str, axes: tuple[int, ...]
) -> None:
    network = chain(
        ("input", "input", {"shape": [2, 3, 3]}),
        ("first", "conv2d", {"filters": 2, "kernel": 2}),
        ("norm", kind, {"epsilon": 1e-3}),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 3}),
        ("loss", "softmax_cross_entropy", {}),
    )
    executor = executor_of(network)
    run(executor, len(executor.plan.steps))  # weights other than 1
    moment = run(executor, len(executor.plan.steps))
    start = moment.start or {}
    x, weight = moment.values[ref("first", "z")], start[ref("norm", "weight")]
    deviation = np.sqrt(x.var(axes, keepdims=True) + 1e-3)
    x_hat = (x - x.mean(axes, keepdims=True)) / deviation
    g = moment.values[ref("norm", "upstream")] * (weight[None, :, None, None] if kind == "batch_norm" else weight)
    mean, along = g.mean(axes, keepdims=True), (g * x_hat).mean(axes, keepdims=True)
    explanation = explain(moment, ref("first", "delta"), (3, 1, 0, 1))
    products = {term.label: term.product for term in explanation.terms}
    at = (3, 1, 0, 1)
    for label, array in (
        ("itself", g / deviation),
        ("through the mean", np.broadcast_to(-mean / deviation, g.shape)),
        ("through the deviation", -x_hat * along / deviation),
    ):
        assert products[label] == pytest.approx(float(array[at]), rel=1e-9, abs=1e-15), label


def test_running_statistics_are_taken_apart_into_the_samples_and_what_is_kept() -> None:
    executor = executor_of(classifier(("norm", "batch_norm", {"momentum": 0.2}), shape=[3]))
    run(executor, len(executor.plan.steps))
    moment = run(executor, 2)
    x, before = executor.inputs[executor.batch_indices(executor.iteration)], (moment.start or {})
    mean = explain(moment, ref("norm", "running_mean"), (2,))
    check(mean, 1e-12)
    assert mean.number == pytest.approx(0.8 * before[ref("norm", "running_mean")][2] + 0.2 * x[:, 2].mean())
    assert [term.label for term in mean.terms] == ["before", *(f"sample {i}" for i in range(len(x)))]
    variance = explain(moment, ref("norm", "running_var"), (2,))
    check(variance, 1e-12)
    assert variance.number == pytest.approx(0.8 * before[ref("norm", "running_var")][2] + 0.2 * x[:, 2].var(ddof=1))
    left = explain(moment, ref("norm", "running_mean"), (2,), at=0)
    assert left.is_source
    assert left.rule == "left by the forward pass of iteration 0; at iteration 0 it is set by the initialiser Zeros"


def test_weight_norm_says_where_gain_and_direction_came_from() -> None:
    executor = executor_of(classifier(("hidden", "dense", {"units": 2, "weight_norm": True}), shape=[3], seed=4))
    moment = run(executor, len(executor.plan.steps))
    direction = (moment.start or {})[ref("hidden", "weight_direction")]
    made = explain(moment, ref("hidden", "weight"), (1, 2))
    assert factor_of(made, "one over the length") == pytest.approx(1.0 / np.linalg.norm(direction[1]))
    gain = explain(moment, ref("hidden", "weight_gain"), (1, 0), at=0)
    assert gain.rule == "computed from weight_direction as the layer began"
    drawn = explain(moment, ref("hidden", "weight_direction"), (1, 0), at=0)
    assert drawn.rule.startswith("drawn from Glorot uniform with seed 4")
    assert drawn.rule.endswith("with the numbers that weight would have")


# -- images ----------------------------------------------------------------------------------------------------------


def image_moment(layer: tuple[str, str, dict[str, Any]], image: Array) -> Any:
    network = classifier(layer, shape=list(image.shape[1:]), units=2)
    executor = Executor(compile_plan(network), Dataset(image, np.zeros(len(image), int)))
    return run(executor, len(executor.plan.steps))


def test_a_convolution_names_the_places_of_its_window_and_leaves_the_padding_out() -> None:
    image = np.arange(16.0).reshape(1, 1, 4, 4)
    moment = image_moment(("conv", "conv2d", {"filters": 1, "kernel": 3, "padding": 1}), image)
    weight = (moment.start or {})[ref("conv", "weight")][0, 0]
    corner = explain(moment, ref("conv", "z"), (0, 0, 0, 0))
    assert [term.label for term in corner.terms] == [
        "row 0, column 0",
        "row 0, column 1",
        "row 1, column 0",
        "row 1, column 1",
        "bias",
    ]
    products = [weight[1, 1] * 0, weight[1, 2] * 1, weight[2, 1] * 4, weight[2, 2] * 5, 0.0]
    assert [term.product for term in corner.terms] == pytest.approx(products)
    assert "5 places of the window lie outside the image" in corner.note
    inside = explain(moment, ref("conv", "z"), (0, 0, 2, 2))
    assert inside.total.count == 10 and inside.note == ""


def test_a_convolution_of_sequences_names_the_positions_of_its_window_and_leaves_the_padding_out() -> None:
    moment = image_moment(("conv", "conv1d", {"filters": 1, "kernel": 3, "padding": 1}), np.arange(5.0)[None, None] + 1)
    weight = (moment.start or {})[ref("conv", "weight")][0, 0]
    start = explain(moment, ref("conv", "z"), (0, 0, 0))
    assert [term.label for term in start.terms] == ["position 0", "position 1", "bias"]
    assert [term.product for term in start.terms] == pytest.approx([weight[1] * 1, weight[2] * 2, 0.0])
    assert start.note == "1 place of the window lies outside the sequence, where x counts as 0"
    inside = explain(moment, ref("conv", "z"), (0, 0, 2))
    assert inside.total.count == 4 and inside.note == ""


def test_max_pooling_names_the_winner_and_sends_the_gradient_to_it_alone() -> None:
    image = np.array([[1.0, 7.0, 2.0], [3.0, 4.0, 5.0], [0.0, 6.0, 8.0]]).reshape(1, 1, 3, 3)
    layers = ("pool", "max_pool2d", {"kernel": 2, "stride": 1})
    network = chain(
        ("input", "input", {"shape": [1, 3, 3]}),
        ("pass", "activation", {"function": "tanh"}),
        layers,
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
    )
    executor = Executor(compile_plan(network), Dataset(image, np.zeros(1, int)))
    moment = run(executor, len(executor.plan.steps))
    taken = explain(moment, ref("pool", "h"), (0, 0, 0, 1))
    assert "that at row 0, column 1" in taken.rule
    assert [(f.value, f.index) for f in taken.terms[0].factors] == [(ref("pass", "h"), (0, 0, 0, 1))]
    winner = explain(moment, ref("pass", "upstream"), (0, 0, 0, 1))
    assert [term.label for term in winner.terms] == ["window 0, 0", "window 0, 1"]
    loser = explain(moment, ref("pass", "upstream"), (0, 0, 1, 1))
    assert loser.number == 0 and not loser.terms and loser.total.agrees
    assert loser.note == "it is not the largest of its window: the gradient goes to the winner alone"


def test_of_several_nan_in_a_window_max_pooling_names_the_last_and_sends_the_gradient_to_it() -> None:
    image = np.array([[1.0, np.nan, 2.0], [np.nan, 4.0, 5.0], [0.0, 6.0, np.nan]]).reshape(1, 1, 3, 3)
    network = chain(
        ("input", "input", {"shape": [1, 3, 3]}),
        ("pass", "activation", {"function": "tanh"}),
        ("pool", "max_pool2d", {"kernel": 2, "stride": 1}),
        ("loss", "half_squared_error", {}),
    )
    executor = Executor(compile_plan(network), Dataset(image, np.zeros((1, 1, 2, 2))))
    moment = run(executor, len(executor.plan.steps))
    taken = explain(moment, ref("pool", "h"), (0, 0, 0, 0))
    assert [(f.value, f.index) for f in taken.terms[0].factors] == [(ref("pass", "h"), (0, 0, 1, 0))]
    assert "of the 2 in the window the last one wins" in taken.note
    labels = {
        (row, column): [term.label for term in explain(moment, ref("pass", "upstream"), (0, 0, row, column)).terms]
        for row in range(3)
        for column in range(3)
    }
    chosen = {(0, 1): ["window 0, 1"], (1, 0): ["window 0, 0", "window 1, 0"], (2, 2): ["window 1, 1"]}
    assert {place: found for place, found in labels.items() if found} == chosen
    upstream = np.asarray(executor.values[executor.plan.resolve(ref("pass", "upstream"))])
    assert np.isnan(upstream[0, 0]).sum() == 3 and all(np.isnan(upstream[0, 0][place]) for place in chosen)


def test_average_pooling_shares_evenly_and_a_place_without_a_window_gets_nothing() -> None:
    network = chain(
        ("input", "input", {"shape": [1, 3, 3]}),
        ("pass", "activation", {"function": "tanh"}),
        ("pool", "avg_pool2d", {"kernel": 2}),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
    )
    executor = executor_of(network)
    moment = run(executor, len(executor.plan.steps))
    mean = explain(moment, ref("pool", "h"), (0, 0, 0, 0))
    assert [term.factors[0].number for term in mean.terms] == [0.25] * 4
    outside = explain(moment, ref("pass", "upstream"), (0, 0, 2, 2))
    assert outside.number == 0 and outside.note == "no window covers it, so nothing comes back"


# -- sequences -------------------------------------------------------------------------------------------------------


def sequence_moment(*layers: tuple[str, str, dict[str, Any]], letters: Array) -> Any:
    network = chain(
        ("input", "input", {"shape": [letters.shape[1]]}),
        ("letters", "embedding", {"vocabulary": 5, "units": 4}),
        *layers,
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
        seed=2,
    )
    executor = Executor(compile_plan(network), Dataset(letters.astype(float), np.arange(len(letters)) % 2))
    return run(executor, len(executor.plan.steps))


def test_an_embedding_is_looked_up_and_its_row_collects_what_comes_back() -> None:
    letters = np.array([[3, 1, 3], [0, 3, 1]])
    moment = sequence_moment(letters=letters)
    number = explain(moment, ref("letters", "h"), (1, 1, 2))
    assert "row 3 of W" in number.rule
    assert [(f.value, f.index) for f in number.terms[0].factors] == [(ref("letters", "weight"), (3, 2))]
    row = explain(moment, ref("letters", "gradient/weight"), (3, 2))
    assert [term.label for term in row.terms] == [
        "sample 0, position 0",
        "sample 0, position 2",
        "sample 1, position 1",
    ]
    unused = explain(moment, ref("letters", "gradient/weight"), (4, 0))
    assert unused.number == 0 and "class 4 is nowhere in this batch" in unused.note


def test_backpropagation_through_time_can_be_followed_from_the_shared_weight_to_every_step() -> None:
    moment = sequence_moment(("state", "rnn", {"units": 3}), letters=np.array([[0, 1, 2, 3], [3, 2, 1, 0]]))
    whole = explain(moment, ref("state", "gradient/weight_hidden"), (0, 1))
    assert [term.label for term in whole.terms] == [f"time step {t}" for t in (3, 2, 1, 0)]
    part = explain(moment, whole.terms[0].factors[0].value, (0, 1))  # type: ignore[arg-type]
    assert {f.value for term in part.terms for f in term.factors} == {
        ref("state", "gradient/z[3]"),
        ref("state", "h[2]"),
    }
    first = explain(moment, whole.terms[3].factors[0].value, (0, 1))  # type: ignore[arg-type]
    assert first.number == 0 and not first.terms and "is 0, so this step has no part" in first.rule
    back = explain(moment, ref("state", "gradient/h[1]"), (0, 2))
    assert {f.value for term in back.terms for f in term.factors} == {
        ref("state", "weight_hidden"),
        ref("state", "gradient/z[2]"),
    }
    gathered = explain(moment, ref("letters", "upstream"), (1, 2, 0))
    assert [(f.value, f.index) for f in gathered.terms[0].factors] == [(ref("state", "gradient/x[2]"), (1, 0))]


def test_attention_is_explained_from_scores_to_mix_and_closed_positions_say_why() -> None:
    attention = ("attend", "self_attention", {"heads": 2, "causal": True})
    moment = sequence_moment(attention, letters=np.array([[0, 1, 2], [3, 3, 4]]))
    values = moment.values
    score = explain(moment, ref("attend", "scores"), (1, 1, 2, 0))
    query, key = values[ref("attend", "query")], values[ref("attend", "key")]
    assert [term.product for term in score.terms] == pytest.approx(query[1, 2, 2:] * key[1, 0, 2:] / math.sqrt(2.0))
    closed = explain(moment, ref("attend", "masked"), (0, 0, 0, 2))
    assert closed.number == -math.inf and closed.total.agrees
    assert closed.note == "closed: position 2 comes after position 0, which must not see it"
    assert explain(moment, ref("attend", "attention"), (0, 0, 0, 2)).number == 0
    nothing = explain(moment, ref("attend", "gradient/scores"), (0, 0, 0, 2))
    assert nothing.number == 0 and "closed by the mask" in nothing.note
    mixed = explain(moment, ref("attend", "mix"), (0, 1, 3))
    shares = [term.factors[0].number for term in mixed.terms]
    assert shares == pytest.approx(values[ref("attend", "attention")][0, 1, 1]) and shares[2] == 0.0
    back = explain(moment, ref("letters", "upstream"), (0, 1, 1))
    assert sorted(term.label for term in back.terms) == ["from attend.key", "from attend.query", "from attend.value"]


def test_the_terms_are_labelled_so_that_no_two_of_a_number_look_alike() -> None:
    for seed in range(0, RANDOM_NETWORKS, 6):
        for explanation in explained_on_the_way(network_of(seed), seed, iterations=1):
            if explanation.step is not None and explanation.step.operation in (
                "convolution",
                "affine",
                "mix",
                "scores",
            ):
                repeated = [label for label, n in Counter(term.label for term in explanation.terms).items() if n > 1]
                assert not repeated, (explanation.text, repeated)
