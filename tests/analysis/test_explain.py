"""Explanations: the terms of every number of random networks add up to it, and can be followed to the sources."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training, xor
from tests.random_networks import PROBABILITIES
from tests.refs import ref
from visualbp.analysis.explain import Explanation, Moment, explain
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.datasets import Dataset
from visualbp.engine import Executor, compile_plan
from visualbp.network import Clip, Network, edits
from visualbp.operations.activations import activations
from visualbp.operations.base import Operation
from visualbp.operations.dropout import Dropout
from visualbp.operations.losses import losses
from visualbp.operations.terms import exact_sum

OPTIMIZERS = (
    optimizer("sgd"),
    optimizer("sgd", weight_decay=0.1),
    optimizer("sgd", momentum=0.9),
    optimizer("sgd", momentum=0.8, nesterov=True, weight_decay=0.01),
    optimizer("adam"),
    optimizer("adam", weight_decay=0.1),
)
CLIPS = (None, Clip("norm", 0.05), Clip("norm", 1e6), Clip("value", 0.01))
PENALTIES = ((0.0, 0.0), (0.01, 0.0), (0.0, 0.02), (0.01, 0.02))


def random_network(seed: int) -> Network:
    """Return a network with paths that part and meet, each activation, loss and optimiser in its turn."""
    generator = np.random.default_rng(seed)
    activation, loss = activations.names()[seed % len(activations)], losses.names()[seed % len(losses)]
    width, image = int(generator.integers(2, 5)), [1, 2, 2]
    last = PROBABILITIES.get(loss, "linear")
    network = chain(
        ("input", "input", {"shape": image}),
        ("flat", "flatten", {}),
        ("one", "dense", {"units": width, "activation": activation}),
        ("two", "dense", {"units": width, "activation": "tanh", "bias": bool(seed % 2)}),
        ("sum", "add", {}),
        ("gate", "multiply", {}),
        ("both", "concatenate", {}),
        ("drop", "dropout", {"rate": 0.3}),
        ("alone", "activation", {"function": activation}),
        ("output", "dense", {"units": 3, "activation": last}),
        ("loss", loss, {}),
        seed=seed,
    )
    for source, target in (("one", "sum"), ("two", "gate"), ("flat", "both")):
        network = edits.connect(network, source, target)
    l1, l2 = PENALTIES[seed // 4 % len(PENALTIES)]
    return with_training(
        network,
        batch_size=3,
        optimizer=OPTIMIZERS[seed // 3 % len(OPTIMIZERS)],
        clip=CLIPS[seed % len(CLIPS)],
        l1=l1,
        l2=l2,
    )


def dataset_for(network: Network, seed: int = 0, samples: int = 6) -> Dataset:
    generator = np.random.default_rng(seed)
    plan = compile_plan(network)
    outputs = plan.shapes[plan.prediction]
    targets: Array = generator.normal(size=(samples, *outputs))
    match plan.loss_rule.target_kind:
        case "binary":
            targets = generator.uniform(size=targets.shape)
        case "signs":
            targets = np.sign(targets)
        case "classes" if seed % 2:
            targets = np.abs(targets)
        case "classes":
            targets = generator.integers(0, outputs[-1], samples)
    return Dataset(generator.normal(size=(samples, *plan.shapes[plan.input])), targets)


def executor_of(network: Network, seed: int = 0) -> Executor:
    return Executor(compile_plan(network), dataset_for(network, seed))


def moment_of(executor: Executor) -> Moment:
    start = executor.store.views_of(executor.start) if executor.has_tape else None
    indices = executor.batch_indices(executor.iteration)
    return Moment(executor.plan, dict(executor.values), executor.cursor, start, executor.iteration, batch=indices)


def run(executor: Executor, steps: int) -> Moment:
    for _ in range(steps):
        executor.step()
    return moment_of(executor)


def all_numbers(moment: Moment, generator: np.random.Generator, each: int = 2) -> Iterator[Explanation]:
    """Explain a few elements of every value that is there."""
    for value in moment.values:
        shape = moment.values[value].shape
        for _ in range(each if shape else 1):
            yield explain(moment, value, tuple(int(generator.integers(n)) for n in shape))


def sizes_of(explanation: Explanation) -> float:
    """Return the sizes of the terms, the scale of rounding in their sum."""
    return sum(abs(term.product) for term in explanation.terms) + abs(explanation.number or 0.0)


def check_adds_up(explanation: Explanation, tolerance: float = 1e-12) -> None:
    number = explanation.number
    assert number is not None and explanation.total.number is not None, (explanation.text, explanation.note)
    assert explanation.total.agrees, (explanation.text, explanation.note)
    assert explanation.total.number == pytest.approx(number, rel=0, abs=tolerance * sizes_of(explanation) + 1e-300)
    if not explanation.is_source:
        products = [math.prod(factor.number for factor in term.factors) for term in explanation.terms]
        shown = math.fsum(products) + explanation.total.rest
        assert shown == pytest.approx(number, rel=0, abs=tolerance * sizes_of(explanation) + 1e-300)
        assert len(explanation.terms) + explanation.more == explanation.total.count


@pytest.mark.parametrize("seed", range(40))
def test_the_terms_of_every_number_add_up_to_it_at_every_position(seed: int) -> None:
    executor, generator = executor_of(random_network(seed), seed), np.random.default_rng(seed)
    run(executor, len(executor.plan.steps))
    last = len(executor.plan.steps)
    for _ in range(last):
        moment = run(executor, 1)
        for value in moment.plan.steps[moment.cursor - 1].writes:
            shape = moment.values[value].shape
            check_adds_up(explain(moment, value, tuple(int(generator.integers(n)) for n in shape)))
    for explanation in all_numbers(moment, generator):
        check_adds_up(explanation)


@pytest.mark.parametrize("loss", ["mean_squared_error", "softmax_cross_entropy"])
def test_the_terms_add_up_in_sequences_too(loss: str) -> None:
    network = chain(
        ("input", "input", {"shape": [4, 3]}),
        ("hidden", "dense", {"units": 5, "activation": "silu"}),
        ("output", "dense", {"units": 2}),
        ("loss", loss, {}),
    )
    plan, generator = compile_plan(network), np.random.default_rng(0)
    targets = generator.integers(0, 2, (6, 4)) if "entropy" in loss else generator.normal(size=(6, 4, 2))
    executor = Executor(plan, Dataset(generator.normal(size=(6, 4, 3)), targets))
    for explanation in all_numbers(run(executor, len(plan.steps)), generator, 6):
        check_adds_up(explanation)


def kinds(operation: type[Operation]) -> Iterator[type[Operation]]:
    """Yield a kind of operation, and all that inherit from it."""
    yield operation
    for inheriting in operation.__subclasses__():
        yield from kinds(inheriting)


@pytest.mark.parametrize("seed", range(0, 22, 2))
def test_an_operation_without_rules_of_its_own_is_explained_by_its_local_jacobian(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for operation in set(kinds(Operation)) - {Operation, Dropout}:
        for rule in ("terms", "vjp_terms", "update_terms"):
            if rule in vars(operation):
                monkeypatch.setattr(operation, rule, vars(Operation)[rule])
    executor, generator = executor_of(random_network(seed), seed), np.random.default_rng(seed)
    moment = run(executor, len(executor.plan.steps))
    explanations = list(all_numbers(moment, generator))
    for explanation in explanations:
        check_adds_up(explanation)
    local = [factor.meaning for e in explanations for term in e.terms for factor in term.factors]
    assert "local derivative" in local


def test_single_precision_agrees_within_its_own_rounding() -> None:
    network = chain(
        ("input", "input", {"shape": [8]}),
        ("hidden", "dense", {"units": 64, "activation": "gelu"}),
        ("output", "dense", {"units": 3}),
        ("loss", "softmax_cross_entropy", {}),
        precision="float32",
    )
    executor = executor_of(network)
    for explanation in all_numbers(run(executor, len(executor.plan.steps)), np.random.default_rng(0), 5):
        check_adds_up(explanation, 1e-5)


def test_following_every_factor_leads_to_inputs_targets_and_initialisers_alone() -> None:
    executor = executor_of(with_training(xor(seed=3), optimizer=optimizer("adam"), clip=Clip("norm", 0.1), l2=0.1))
    moment = run(executor, len(executor.plan.steps))
    waiting: list[tuple[Ref, tuple[int, ...], int]] = [(ref("hidden", "weight"), (1, 0), moment.cursor)]
    seen, sources = set(waiting), set()
    while waiting:
        explanation = explain(moment, *waiting.pop())
        check_adds_up(explanation)
        if explanation.is_source:
            sources.add((explanation.value, explanation.rule.split(" (")[0].split(":")[0]))
        for term in explanation.terms:
            for factor in term.factors:
                if factor.value is None:
                    continue
                place = (factor.value, factor.index, factor.at)
                if not factor.meaning:
                    assert explain(moment, *place).number == pytest.approx(factor.number, rel=1e-12, abs=1e-300)
                for other in (place, *((beside, factor.index, factor.at) for beside in factor.beside)):
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
    drawn = "drawn from Glorot uniform with seed 3"
    assert {
        (ref("input", "h"), "an input"),
        (ref("loss", "target"), "a target"),
        (ref("hidden", "weight"), drawn),
        (ref("output", "weight"), drawn),
        (ref("output", "bias"), "set by the initialiser Zeros"),
        (ref("hidden", "first_moment/weight"), "0, as it is before the first update"),
    } <= sources


def test_numbers_whose_terms_overflow_on_the_way_are_explained_as_they_came_out() -> None:
    weight = np.array([[1.2e308, 1.2e308], [1.2e308, -1.2e308], [1.0, 2.0], [0.0, 0.0]])
    weight.setflags(write=False)
    executor = executor_of(edits.set_parameter(xor(), "hidden", "weight", weight))
    moment = run(executor, 2)
    z = moment.values[ref("hidden", "z")]
    for index in np.ndindex(z.shape):
        explanation = explain(moment, ref("hidden", "z"), index)
        assert explanation.number == z[index] or np.isnan(z[index])


def test_an_exact_sum_has_no_round_off_and_overflows_as_arithmetic_does() -> None:
    numbers = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
    assert exact_sum(numbers) == math.fsum(numbers)
    assert exact_sum(np.array([1e16, 1.0, -1e16])) == 1.0
    assert exact_sum(np.array([1e308, 1e308])) == math.inf
    assert math.isnan(exact_sum(np.array([math.inf, -math.inf])))
    assert exact_sum(np.zeros(0)) == 0.0
