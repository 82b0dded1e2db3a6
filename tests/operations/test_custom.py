"""The custom activation: what is typed, what is derived, and how the two are told apart."""

from __future__ import annotations

import numpy as np
import pytest

from tests.building import chain, inline
from tests.differences import check_derivatives
from tests.refs import ref
from tests.typeset_equations import paths
from visualbp.core.options import OptionError
from visualbp.datasets import load_dataset
from visualbp.engine import Executor, compile_plan
from visualbp.engine.notation import step_equation
from visualbp.network import Network
from visualbp.network.network import make_layer
from visualbp.operations.activations import activations
from visualbp.operations.activations.kinds import Activation
from visualbp.operations.base import evaluate


def custom(expression: str, slope: str = "") -> Activation:
    return activations.get("custom")(expression=expression, derivative=slope)


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("relu", "max(x, 0)", {}),
        ("leaky_relu", "max(x, 0.01*x)", {"slope": 0.01}),
        ("elu", "where(x > 0, x, exp(min(x, 0)) - 1)", {"alpha": 1.0}),
        ("silu", "x*sigmoid(x)", {}),
        ("sigmoid", "1/(1 + exp(-x))", {}),
        ("tanh", "sinh(x)/cosh(x)", {}),
        ("softplus", "log(1 + exp(x))", {}),
        ("gelu", "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))", {}),
    ],
)
def test_a_typed_function_does_what_the_built_in_one_does(name: str, text: str, options: dict[str, float]) -> None:
    z = np.random.default_rng(0).normal(0.0, 2.0, (5, 4))
    upstream = np.random.default_rng(1).normal(size=z.shape)
    typed, built_in = evaluate(custom(text), [z]), evaluate(activations.get(name)(**options), [z])
    assert np.allclose(typed.output, built_in.output, rtol=1e-12, atol=1e-15)
    assert np.allclose(typed.vjp(0, upstream), built_in.vjp(0, upstream), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("text", ["x", "2", "x*sigmoid(x)", "(x+1)*(x+1)*(x+1)", "tanh(x)**2 - atan(x)/(1 + x**2)"])
@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 4), (1, 1)])
def test_derivatives_agree(text: str, shape: tuple[int, ...]) -> None:
    z = np.random.default_rng(2).normal(size=shape)
    if text == "2":
        assert np.array_equal(evaluate(custom(text), [z]).vjp(0, np.ones(shape)), np.zeros(shape))
    else:
        check_derivatives(custom(text), [z])


@pytest.mark.parametrize(
    "text", ["x*sigmoid(x)", "where(x > 0, x, 0.5*softplus(x))**2 - relu(x)/3", "x**-1 + x**3 + 1e300*0"]
)
def test_in_float32_everything_stays_in_float32(text: str) -> None:
    z, upstream = np.random.default_rng(6).uniform(0.5, 2.0, (4, 3)), np.random.default_rng(7).normal(size=(4, 3))
    narrow, wide = evaluate(custom(text), [z.astype(np.float32)]), evaluate(custom(text), [z])
    gradient = narrow.vjp(0, upstream.astype(np.float32))
    assert narrow.output.dtype == gradient.dtype == np.float32
    assert np.allclose(narrow.output, wide.output, rtol=1e-5)
    assert np.allclose(gradient, wide.vjp(0, upstream), rtol=1e-4)


def test_a_typed_derivative_is_used_as_it_is_even_where_it_is_wrong() -> None:
    z, upstream = np.array([[0.5, -2.0]]), np.ones((1, 2))
    assert np.array_equal(evaluate(custom("x**2", "3*x"), [z]).vjp(0, upstream), 3.0 * z)
    assert np.array_equal(evaluate(custom("x**2"), [z]).vjp(0, upstream), 2.0 * z)


def test_the_pieces_of_a_typed_function_are_told_apart() -> None:
    operation, z = custom("max(x, -1) + abs(x - 1)"), np.array([[-2.0, 0.0, 0.5, 2.0]])
    branch = operation.branch([z], evaluate(operation, [z]).output)
    assert branch is not None
    assert branch[0, 1] == branch[0, 2]
    assert len({int(piece) for piece in branch[0]}) == 3
    assert custom("tanh(x)").branch([z], z) is None


def test_emitted_calls_do_the_same_again_on_new_numbers() -> None:
    network = network_with("where(x > 0, x, 0.5*(exp(x) - 1))*(x + 1) + x/(1 + x**2)")
    assert network.data is not None
    executor = Executor(compile_plan(network), load_dataset(network.data))
    for _ in range(3):
        for _ in executor.plan.steps:
            executor.step()
        z, h = (executor.values[ref("hidden", role)] for role in ("z", "h"))
        assert np.allclose(h, np.where(z > 0, z, 0.5 * (np.exp(z) - 1)) * (z + 1) + z / (1 + z**2), rtol=1e-13)


def network_with(expression: str, slope: str = "") -> Network:
    return chain(
        ("input", "input", {"shape": [2]}),
        (
            "hidden",
            "dense",
            {"units": 4, "activation": {"type": "custom", "expression": expression, "derivative": slope}},
        ),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        data=inline([[0, 0], [0, 1], [1, 0], [1, 1]], [[0.0], [1.0], [1.0], [0.0]]),
    )


@pytest.mark.parametrize(
    "text", ["x*sigmoid(x)", "where(x > 0, x, exp(x) - 1)", "abs(x)**1.5/(1 + x**2)", "x" + "*tanh(x)" * 60]
)
def test_the_equations_of_a_typed_function_can_be_drawn(text: str) -> None:
    plan = compile_plan(network_with(text))
    drawn = [step_equation(plan, step) for step in plan.steps if step.operation == "custom"]
    assert len(drawn) == 2
    for equation in drawn:
        assert paths(equation), equation


def test_bad_expressions_are_refused_where_they_are_given() -> None:
    with pytest.raises(OptionError, match=r"activation: expression: powers are written \*\* \(at character 2\)"):
        make_layer("hidden", "dense", {"units": 2, "activation": {"type": "custom", "expression": "x^2"}})
    with pytest.raises(OptionError, match="derivative: an operator is missing here"):
        make_layer("act", "activation", {"function": "custom", "expression": "x**2", "derivative": "2x"})


def test_an_activation_layer_takes_a_typed_function_too() -> None:
    layer = make_layer("act", "activation", {"function": "custom", "expression": "x**2"})
    lowering = layer.kind.lower("act", layer.options, [ref("input", "h")], [(2,)])
    z = np.array([[3.0, -2.0]])
    assert np.array_equal(evaluate(lowering.nodes[0].operation, [z]).output, z * z)
