"""Every sentence about a step is so: held against the arrays that the step read and wrote."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.test_explain_layers import SCHEDULES
from tests.building import with_training
from tests.equations_shown import cases, executor_around
from tests.random_networks import random_data, random_network
from tests.registry_cases import LayerCase
from tests.sentence_reader import Taken, check_sentence
from visualbp.engine import Executor, compile_plan
from visualbp.engine.notation import step_sentence
from visualbp.operations.dropout import Dropout


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


@pytest.mark.parametrize("seed", range(16))
def test_every_sentence_about_a_random_network_is_so(seed: int) -> None:
    network = with_training(random_network(seed, with_dropout=True), schedule=SCHEDULES[seed % len(SCHEDULES)])
    for taken in steps_taken(Executor(compile_plan(network), random_data(network, seed))):
        check_sentence(taken, step_sentence(taken.plan, taken.step))
