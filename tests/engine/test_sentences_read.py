"""Every sentence about a step is so: held against the arrays that the step read and wrote."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.test_explain_layers import SCHEDULES
from tests.building import with_training
from tests.equations_shown import cases, executor_around
from tests.random_networks import random_data, random_network
from tests.registry_cases import SPECIAL_OPERANDS, LayerCase, distinct
from tests.sentence_mutations import survivors
from tests.sentence_reader import FalseSentenceError, Taken, check_sentence
from tests.shapes_reader import shapes_fit
from visualbp.engine import Executor, compile_plan
from visualbp.engine.notation import step_sentence, step_shapes
from visualbp.operations.combination import Flatten
from visualbp.operations.dropout import Dropout
from visualbp.operations.words import Saying


def steps_taken(executor: Executor) -> list[Taken]:
    """Take every step of the first iteration."""
    plan, taken = executor.plan, []
    indices = executor.batch_indices(0)
    batch = (executor.inputs[indices], executor.targets[indices])
    for _ in plan.steps:
        before = dict(executor.values)
        step = executor.step()
        mask = None
        if step.node is not None and isinstance(step.node.operation, Dropout):
            emitter = executor.binding(len(indices)).emitter_of(step.node)
            mask = np.array(emitter.memory("mask", executor.values[plan.resolve(step.node.output)].shape))
        taken.append(Taken(plan, step, before, dict(executor.values), batch, mask))
    return taken


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.text)
def test_every_sentence_about_every_layer_is_so(case: LayerCase) -> None:
    for taken in steps_taken(executor_around(case)):
        check_sentence(taken, step_sentence(taken.plan, taken.step))


@pytest.mark.parametrize("case", distinct(cases()), ids=lambda case: case.text)
def test_every_sentence_is_so_at_zero_at_saturation_and_at_kinks(case: LayerCase) -> None:
    for operands in SPECIAL_OPERANDS:
        for taken in steps_taken(executor_around(case, operands)):
            check_sentence(taken, step_sentence(taken.plan, taken.step))


@pytest.mark.parametrize("seed", range(16))
def test_every_sentence_about_a_random_network_is_so(seed: int) -> None:
    network = with_training(random_network(seed, with_dropout=True), schedule=SCHEDULES[seed % len(SCHEDULES)])
    for taken in steps_taken(Executor(compile_plan(network), random_data(network, seed))):
        check_sentence(taken, step_sentence(taken.plan, taken.step))


def test_a_false_sentence_about_any_layer_is_noticed() -> None:
    """Of the layers around the one that a case is about, each sentence is told once."""
    told, around = 0, set[str]()
    for case in cases():
        for taken in steps_taken(executor_around(case)):
            sentence = step_sentence(taken.plan, taken.step)
            if taken.step.layer != "tested" and sentence in around:
                continue
            around.add(sentence)
            count, unnoticed = survivors(taken)
            told += count
            assert not unnoticed, unnoticed
    assert told > 10_000


@pytest.mark.parametrize(
    ("saying", "wrong"),
    [
        (Saying("{layer} makes rows of {x}.", "output == x.reshape(len(x), -1)"), ""),
        (Saying("{layer} makes rows of {x}.", "output == x.reshape(len(x), -1) + 1"), "reshape"),
        (Saying("{x} is laid out by {layer}.", "output == x.reshape(len(x), -1)"), "about another layer"),
        (None, "nobody can check this sentence: give it as a saying"),
    ],
)
def test_a_new_sentence_is_held_against_the_claim_that_its_operation_has_beside_it(
    saying: Saying | None, wrong: str
) -> None:
    class Trial(Flatten):
        name = "trial"

    Trial.saying = saying
    if saying is None:
        Trial.sentence = lambda self, words: f"{words.layer} makes rows of {words.sources[0]}."  # type: ignore
    case = next(case for case in cases() if case.kind.type_name == "flatten")
    taken = next(t for t in steps_taken(executor_around(case)) if t.step.label.startswith("tested"))
    assert taken.step.node is not None
    step = replace(taken.step, node=replace(taken.step.node, operation=Trial()))
    sentence = step_sentence(taken.plan, step)
    if wrong:
        with pytest.raises(FalseSentenceError, match=wrong):
            check_sentence(replace(taken, step=step), sentence)
    else:
        assert sentence == "tested makes rows of source 0's z."
        check_sentence(replace(taken, step=step), sentence)
        count, unnoticed = survivors(replace(taken, step=step))
        assert count and not unnoticed


@pytest.mark.parametrize("seed", range(24))
def test_the_shapes_of_a_step_fit_together(seed: int) -> None:
    """Products, sums and transpositions of shapes give the shape that is said."""
    network = with_training(random_network(seed, with_dropout=True), schedule=SCHEDULES[seed % len(SCHEDULES)])
    for taken in steps_taken(Executor(compile_plan(network), random_data(network, seed))):
        text = step_shapes(taken.plan, taken.step, len(taken.batch[0]))
        assert shapes_fit(text), f"{step_sentence(taken.plan, taken.step)} {text}"


@pytest.mark.parametrize(
    "wrong",
    [
        "(2, 4)  =  (3, 2) (3, 4)",
        "(2, 4)  =  (3, 2)^T (4, 3)",
        "(3, 4)  =  (3, 2) (4, 2)",
        "(3, 4)  =  (3, 2) (4, 2)^T + (3)",
        "(4)  =  sum of (3, 2) over the samples",
        "(4)  =  sum of (3, 2, 4) over the samples",
        "(4)  =  sum of (3, 4) over samples and positions",
        "(3, 4)  =  (3, 4) * (4, 3)",
        "(3, 4)  =  (3, 4) * (3, 4) + (3, 4) * (4, 3)",
        "(3, 4)  =  (1 - (4, 3)) * (3, 4) + (3, 4) * (3, 4)",
        "(3, 4)  =  some rule of (3, 4)",
        "(1, 7)  =  rows of (5, 4) at (3, 2)",
    ],
)
def test_shapes_that_do_not_fit_are_noticed(wrong: str) -> None:
    assert not shapes_fit(wrong)
