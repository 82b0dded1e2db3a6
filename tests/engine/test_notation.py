"""Notation: the document's symbols and equations, all of them settable, with shapes, sentences and lines that agree."""

from __future__ import annotations

import re

import pytest

from tests.analysis.test_explain import executor_of, random_network
from tests.building import chain, optimizer, with_training, xor
from tests.refs import ref
from tests.registry_cases import layer_cases, node_cases
from tests.typeset_equations import covering, features, paths
from visualbp.core.arrays import shape_text
from visualbp.engine import Phase, Step, compile_plan
from visualbp.engine.notation import Notation, pseudocode, pseudocode_line, step_equation, step_sentence, step_shapes
from visualbp.engine.plan import Plan
from visualbp.network import Clip, Network
from visualbp.operations.activations import activations
from visualbp.operations.losses import Loss, losses
from visualbp.operations.symbols import Symbol
from visualbp.optimizers import optimizers
from visualbp.optimizers.base import make_optimizer

ALGORITHM_SUMMARY = """Forward pass:
  for l = 1 to L:
    z[l] = W[l] @ h[l-1] + b[l]
    h[l] = σ(z[l])
  compute L(h[L], y)

Backward pass:
  δ[L] = ∂L/∂z[L]
  for l = L-1 downto 1:
    δ[l] = (W[l+1].T @ δ[l+1]) * σ'(z[l])

  for l = 1 to L:
    ∂L/∂W[l] = δ[l] @ h[l-1].T
    ∂L/∂b[l] = δ[l]"""


def classifier(**fields: object) -> Network:
    """The document's network: a hidden layer, then softmax and cross-entropy."""
    return chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 4, "activation": "tanh"}),
        ("output", "dense", {"units": 2}),
        ("loss", "softmax_cross_entropy", {}),
        **fields,
    )


def step_of(plan: Plan, layer: str, role: str, phase: Phase = Phase.BACKWARD) -> Step:
    return next(step for step in plan.steps if step.phase == phase and ref(layer, role) in step.writes)


def test_layers_are_numbered_in_the_order_in_which_they_run_and_the_input_is_0() -> None:
    notation = Notation(compile_plan(classifier()))
    assert [notation.layer_number(name) for name in ("input", "hidden", "output", "loss")] == [0, 1, 2, None]


def test_symbols_are_those_of_the_document() -> None:
    notation = Notation(compile_plan(classifier()))
    for layer, role, symbol in (
        ("input", "h", r"\mathbf{h}^{(0)}"),
        ("hidden", "z", r"\mathbf{z}^{(1)}"),
        ("hidden", "h", r"\mathbf{h}^{(1)}"),
        ("output", "weight", "W^{(2)}"),
        ("output", "bias", r"\mathbf{b}^{(2)}"),
        ("output", "delta", r"\boldsymbol{\delta}^{(2)}"),
        ("hidden", "upstream", r"\frac{\partial \mathcal{L}}{\partial \mathbf{h}^{(1)}}"),
        ("output", "gradient/weight", r"\frac{\partial \mathcal{L}}{\partial W^{(2)}}"),
        ("loss", "target", r"\mathbf{y}"),
        ("loss", "loss", r"\mathcal{L}"),
    ):
        assert notation.symbol(ref(layer, role)) == symbol


def test_the_equations_of_a_classifier_are_those_of_the_document() -> None:
    plan = compile_plan(classifier())
    assert step_equation(plan, step_of(plan, "hidden", "z", Phase.FORWARD)) == (
        r"\mathbf{z}^{(1)} = W^{(1)} \mathbf{h}^{(0)} + \mathbf{b}^{(1)}"
    )
    assert step_equation(plan, step_of(plan, "hidden", "h", Phase.FORWARD)) == (
        r"\mathbf{h}^{(1)} = \text{tanh}\left(\mathbf{z}^{(1)}\right)"
    )
    assert step_equation(plan, step_of(plan, "output", "delta")) == (
        r"\boldsymbol{\delta}^{(2)} = \frac{1}{B} \left(\hat{\mathbf{y}} - \mathbf{y}\right)"
        r", \quad \hat{\mathbf{y}} = \text{softmax}\left(\mathbf{z}^{(2)}\right)"
    )
    assert step_equation(plan, step_of(plan, "hidden", "upstream")) == (
        r"\frac{\partial \mathcal{L}}{\partial \mathbf{h}^{(1)}} = \left(W^{(2)}\right)^{T} \boldsymbol{\delta}^{(2)}"
    )
    assert step_equation(plan, step_of(plan, "hidden", "delta")) == (
        r"\boldsymbol{\delta}^{(1)} = \frac{\partial \mathcal{L}}{\partial \mathbf{h}^{(1)}}"
        r" \odot \sigma'\left(\mathbf{z}^{(1)}\right), \quad \sigma'(z) = 1 - h^{2}, \; h = \tanh(z)"
    )
    assert step_equation(plan, step_of(plan, "output", "gradient/weight")) == (
        r"\frac{\partial \mathcal{L}}{\partial W^{(2)}} ="
        r" \sum_{n=1}^{B} \boldsymbol{\delta}^{(2)}_{n} \left(\mathbf{h}^{(1)}_{n}\right)^{T}"
    )


def test_the_output_of_the_last_activation_is_called_the_prediction() -> None:
    plan = compile_plan(xor())
    equation = step_equation(plan, step_of(plan, "output", "h", Phase.FORWARD))
    assert equation.startswith(r"\hat{\mathbf{y}} = \mathbf{h}^{(2)} = ")
    assert step_equation(plan, step_of(plan, "output", "delta")) == (
        r"\boldsymbol{\delta}^{(2)} = \frac{\partial \mathcal{L}}{\partial \hat{\mathbf{y}}}"
        r" \odot \sigma'\left(\mathbf{z}^{(2)}\right)"
        r", \quad \sigma'(z) = h (1 - h), \; h = \frac{1}{1 + e^{-z}}"
    )


@pytest.mark.parametrize("seed", range(12))
def test_no_two_values_have_the_same_symbol(seed: int) -> None:
    plan = compile_plan(random_network(seed))
    notation = Notation(plan)
    used = {plan.resolve(value) for step in plan.steps for value in (*step.reads, *step.writes)}
    symbols = [notation.symbol(value) for value in used]
    assert len(set(symbols)) == len(symbols)


def test_every_equation_can_be_set() -> None:
    equations = set()
    for seed in range(24):
        plan = compile_plan(random_network(seed))
        equations |= {step_equation(plan, step) for step in plan.steps}
    assert len(equations) > 100
    for equation in covering(equations):
        assert paths(equation) >= 3, equation


def test_every_formula_of_the_registries_can_be_set() -> None:
    formulas = [formula for kind in activations for formula in (kind.formula, kind.derivative_formula) if formula]
    formulas += [formula for kind in losses for formula in (kind.formula, kind.gradient_formula) if formula]
    for kind in optimizers:
        for changes in ({}, {"weight_decay": 0.1}, *([{"momentum": 0.9, "nesterov": n} for n in (True, False)])):
            known = {option.name for option in kind.options}
            if known.issuperset(changes):
                formulas.append(make_optimizer(optimizer(kind.type_name, **changes)).equation("W", "g"))
    for formula in formulas:
        assert formula and features(formula) and paths(formula), formula


@pytest.mark.parametrize("seed", range(12))
def test_the_shapes_of_a_step_are_those_of_the_arrays(seed: int) -> None:
    executor = executor_of(random_network(seed), seed)
    for _ in executor.plan.steps:
        step = executor.step()
        text = step_shapes(executor.plan, step, executor.batch_size)
        if step.operation == "clip":
            continue
        result = shape_text(executor.values[step.writes[0]].shape)
        assert text.startswith(f"{result}  ")
        real = {shape_text(executor.values[executor.plan.resolve(v)].shape) for v in (*step.reads, *step.writes)}
        assert set(re.findall(r"\([\d, ]+\)", text)) <= real


def test_shapes_are_written_as_products_of_rows() -> None:
    plan = compile_plan(classifier())
    assert step_shapes(plan, step_of(plan, "output", "gradient/weight"), 4) == "(2, 4)  =  (4, 2)^T (4, 4)"
    assert step_shapes(plan, step_of(plan, "hidden", "upstream"), 4) == "(4, 4)  =  (4, 2) (2, 4)"
    assert step_shapes(plan, step_of(plan, "hidden", "z", Phase.FORWARD), 7) == "(7, 4)  =  (7, 2) (4, 2)^T + (4)"


def test_every_step_has_a_sentence_with_the_names_of_its_layers() -> None:
    for seed in range(12):
        plan = compile_plan(random_network(seed))
        for step in plan.steps:
            sentence = step_sentence(plan, step)
            assert sentence.endswith(".") and "  " not in sentence
            if step.layer and step.operation not in ("penalty", "load"):
                assert step.layer in sentence
    plan = compile_plan(classifier())
    assert step_sentence(plan, step_of(plan, "hidden", "upstream")) == (
        "The error signal of output goes back through W to hidden's activations."
    )


def test_the_pseudocode_is_the_documents_with_the_update_after_it() -> None:
    lines = pseudocode(compile_plan(classifier()))
    summary = ALGORITHM_SUMMARY.split("\n")
    assert list(lines[: len(summary)]) == summary
    assert lines[len(summary) :][:4] == ("", "Update:", "  for l = 1 to L:", "    W[l] -= rate * ∂L/∂W[l]")


def test_each_step_marks_the_line_of_the_algorithm_that_it_carries_out() -> None:
    plan = compile_plan(with_training(classifier(), clip=Clip("norm", 1.0), optimizer=optimizer("adam")))
    lines = [pseudocode(plan)[pseudocode_line(plan, step)].strip() for step in plan.steps]
    assert lines == [
        "Forward pass:",
        "z[l] = W[l] @ h[l-1] + b[l]",
        "h[l] = σ(z[l])",
        "z[l] = W[l] @ h[l-1] + b[l]",
        "compute L(h[L], y)",
        "δ[L] = ∂L/∂z[L]",
        "∂L/∂W[l] = δ[l] @ h[l-1].T",
        "∂L/∂b[l] = δ[l]",
        "δ[l] = (W[l+1].T @ δ[l+1]) * σ'(z[l])",
        "δ[l] = (W[l+1].T @ δ[l+1]) * σ'(z[l])",
        "∂L/∂W[l] = δ[l] @ h[l-1].T",
        "∂L/∂b[l] = δ[l]",
        "Update:",
        *["W[l] -= rate * ∂L/∂W[l]", "b[l] -= rate * ∂L/∂b[l]"] * 2,
    ]


def test_at_the_output_the_slope_belongs_to_the_first_error_signal() -> None:
    plan = compile_plan(xor())
    line = pseudocode(plan)[pseudocode_line(plan, step_of(plan, "output", "delta"))]
    assert line.strip() == "δ[L] = ∂L/∂z[L]"


def test_the_prediction_is_named_where_an_operation_has_one_right_hand_side_and_nowhere_else() -> None:
    seen = set()
    outputs = [nodes[-1] for nodes in map(node_cases, layer_cases()) if nodes]
    for node_case in outputs:
        operation = node_case.node.operation
        if isinstance(operation, Loss):
            continue
        operands = [Symbol(rf"\mathbf{{{'abcdefgh'[i]}}}", x.shape[1:], True) for i, x in enumerate(node_case.inputs)]
        output = Symbol(r"\mathbf{h}", node_case.evaluated().output.shape[1:], True)
        rule, right = operation.equation(output, operands), operation.right_hand_side(operands)
        assert rule.startswith(f"{output} = ") == bool(right), rule
        assert not right or rule == f"{output} = {right}" or rule.startswith(rf"{output} = {right}, \quad "), rule
        seen.add(bool(right))
    assert seen == {True, False}
