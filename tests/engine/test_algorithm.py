"""The line of the algorithm that a step is on says what the step does; lines are there only where they are needed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.building import chain, executor_of, xor
from visualbp.engine import compile_plan
from visualbp.engine.algorithm import PSEUDOCODE, Algorithm
from visualbp.engine.plan import Phase
from visualbp.files import find_model, load_network


def lines_of(name: str) -> dict[str, str]:
    plan = compile_plan(load_network(find_model(name)))
    algorithm = Algorithm(plan)
    return {step.label: algorithm.lines[algorithm.line_of(step)].strip() for step in plan.steps}


def test_a_plain_network_has_the_documents_lines_alone() -> None:
    assert Algorithm(compile_plan(xor())).lines == PSEUDOCODE


def test_a_residual_sum_and_its_way_back_are_on_lines_of_sums() -> None:
    lines = lines_of("copy_transformer")
    assert lines["add_1 h"] == lines["add_2 h"] == "h[l] = h[i] + h[j]"
    assert lines["∂h add_1 ← add_2"] == "∂L/∂h[i] = ∂L/∂h[j] = ∂L/∂h[l]"
    assert lines["∂h add_1"] == "∂L/∂v = sum of ∂L/∂v on all paths"
    assert lines["norm_1 h"] == "v = f(u, ...)  # other operations"
    assert lines["attention attention"] == lines["expand h"] == "h[l] = σ(z[l])"
    assert lines["attention query"] == lines["expand z"] == "z[l] = W[l] @ h[l-1] + b[l]"


def test_no_step_of_an_lstm_but_its_functions_of_a_z_is_on_the_line_of_the_activation() -> None:
    plan = compile_plan(
        chain(
            ("input", "input", {"shape": (3, 2)}),
            ("state", "lstm", {"units": 2}),
            ("flat", "flatten", {}),
            ("output", "dense", {"units": 2}),
            ("loss", "softmax_cross_entropy", {}),
        )
    )
    algorithm = Algorithm(plan)
    on_line = [step for step in plan.steps if algorithm.lines[algorithm.line_of(step)].strip() == "h[l] = σ(z[l])"]
    assert on_line
    for step in on_line:
        assert step.node is not None and step.node.operation.name in ("sigmoid", "tanh")
    products = [
        step
        for step in plan.steps
        if step.phase == Phase.FORWARD and step.node and step.node.operation.name == "multiply"
    ]
    assert products
    for step in products:
        assert algorithm.lines[algorithm.line_of(step)].strip().startswith("v = f(u")


@pytest.mark.parametrize("name", ["copy_transformer", "residual", "digits_convolution", "recurrence_growing"])
def test_every_step_has_a_line_and_every_line_beside_the_document_has_a_step(name: str) -> None:
    plan = compile_plan(load_network(find_model(name)))
    algorithm = Algorithm(plan)
    taken = {algorithm.line_of(step) for step in plan.steps}
    beside = {place for place, line in enumerate(algorithm.lines) if line not in PSEUDOCODE}
    assert beside <= taken


def test_what_the_line_of_a_sum_says_is_so_of_the_arrays() -> None:
    executor = executor_of(load_network(find_model("residual")))
    plan, algorithm = executor.plan, Algorithm(executor.plan)
    seen = 0
    for _ in plan.steps:
        step = executor.step()
        if algorithm.lines[algorithm.line_of(step)].strip() == "h[l] = h[i] + h[j]":
            seen += 1
            total = sum(executor.values[value] for value in step.reads)
            np.testing.assert_allclose(executor.values[step.writes[0]], total)
    assert seen
