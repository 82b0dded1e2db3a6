"""Exported programs, run: their losses, batch by batch, and their parameters are the engine's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training, xor
from tests.interchange.programs import (
    SCHEDULES,
    engine_losses,
    exported,
    layer_model,
    loaded,
    random_model,
    random_models,
)
from tests.registry_cases import layer_cases
from visualbp.core.differentiation import derivative
from visualbp.core.expression_parser import parse_expression
from visualbp.core.expressions import evaluate, functions
from visualbp.datasets import Dataset, load_dataset
from visualbp.engine import Executor
from visualbp.files import load_network
from visualbp.files.samples import sample_paths
from visualbp.interchange import export_pytorch
from visualbp.interchange.pytorch_text import MODULE_NAMES
from visualbp.network import Network
from visualbp.operations.activations.custom_pytorch import custom_function
from visualbp.optimizers.schedules import SCHEDULE

torch = pytest.importorskip("torch", reason="needs the parity extra")

NETWORKS, PER_TEST, ITERATIONS = 150, 25, 20


def assert_same_losses(found: list[float], wanted: list[float], tolerance: float = 1e-10) -> None:
    assert len(found) == len(wanted)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * 1e-3)


def run_both(network: Network, dataset: Dataset, tolerance: float = 1e-10) -> tuple[Any, Any, Executor]:
    """Run the program and the engine, and compare their losses; return the program, its network, and the engine."""
    program = exported(network, dataset)
    trained = program.load_network()
    wanted, executor = engine_losses(network, dataset, ITERATIONS)
    assert_same_losses(list(program.train(trained, ITERATIONS)), wanted, tolerance)
    return program, trained, executor


@pytest.mark.parametrize("first", range(0, NETWORKS, PER_TEST))
def test_random_networks_of_all_layers_have_the_engines_first_losses(first: int) -> None:
    for seed, network, dataset in random_models(range(first, first + PER_TEST)):
        try:
            run_both(network, dataset)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from None


def test_every_registered_layer_with_each_of_its_options_has_the_engines_first_losses() -> None:
    for case in layer_cases():
        if case.kind.is_loss or case.kind.fewest_inputs == 0:
            continue
        try:
            network, dataset = layer_model(case)
            program = exported(network, dataset)
            wanted, _ = engine_losses(network, dataset, 3)
            assert_same_losses(list(program.train(program.load_network(), 3)), wanted, 1e-9)
        except Exception as error:
            raise AssertionError(f"{case.text}: {error}") from error


def test_random_networks_in_single_precision_have_the_engines_first_losses() -> None:
    compared = 0
    for seed in range(20):
        network, dataset = random_model(seed, "float32")
        # Rounding grows from one iteration to the next: equal to 1e-5 in the first, some 4e-3 apart in the twentieth.
        program, trained, _ = run_both(replace(network, precision="float32"), dataset, 1e-2)
        compared += len(list(trained.parameters()))
        assert torch.float32 == program.DTYPE
        assert all(parameter.dtype == torch.float32 for parameter in trained.parameters())
    assert compared > 100


def samples() -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sample_paths()]


@pytest.mark.parametrize("path", samples())
def test_sample_models_have_the_engines_first_losses(path: Any) -> None:
    network = replace(load_network(path), bugs=())
    assert network.data is not None
    run_both(network, load_dataset(network.data, path.parent))


def small(**training: Any) -> tuple[Network, Dataset]:
    network = chain(
        ("input", "input", {"shape": [3]}),
        ("hidden", "dense", {"units": 4, "activation": "tanh"}),
        ("drop", "dropout", {"rate": 0.25}),
        ("output", "dense", {"units": 2}),
        ("loss", "mean_squared_error", {}),
        seed=11,
    )
    generator = np.random.default_rng(5)
    network = with_training(network, **{"batch_size": 4, "shuffle": True, **training})
    return network, Dataset(generator.normal(size=(9, 3)), generator.normal(size=(9, 2)))


CHOICES = [
    optimizer("sgd", momentum=0.9, nesterov=True, weight_decay=0.1),
    optimizer("sgd", nesterov=True),
    optimizer("adagrad", epsilon=1e-3, weight_decay=0.1),
    optimizer("rmsprop", alpha=0.5, momentum=0.5, centered=True, epsilon=1e-2),
    optimizer("adam", beta1=0.5, beta2=0.9, weight_decay=0.1),
    optimizer("adamw", weight_decay=0.3),
    optimizer("adamw", weight_decay=0.0),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_optimiser_with_every_schedule_leaves_the_engines_parameters(choice: Any, schedule: Any) -> None:
    network, dataset = small(optimizer=choice, schedule=SCHEDULE.parse(schedule))
    _, trained, executor = run_both(network, dataset)
    state = trained.state_dict()
    for value, array in executor.parameter_views().items():
        np.testing.assert_allclose(state[value.text].numpy(), array, rtol=1e-9, atol=1e-12)


def test_batches_and_masks_are_the_engines_over_several_epochs() -> None:
    network, dataset = small()
    program = exported(network, dataset)
    _, executor = engine_losses(network, dataset, 1)
    for iteration in range(10):
        assert np.array_equal(program.batch_indices(iteration), executor.batch_indices(iteration))
    layer = program.load_network().drop
    executor.step()
    while executor.last_step is None or executor.last_step.layer != "drop":
        executor.step()
    size = len(executor.batch_indices(executor.iteration))
    values = {value.text: array for value, array in executor.values.items()}
    layer.prepare(executor.iteration, size, np.arange(size))
    assert np.array_equal(layer(torch.tensor(values["hidden.h"])).numpy(), values["drop.h"])


def test_frozen_parameters_stay_and_only_the_loss_is_computed_where_all_are_frozen() -> None:
    network, dataset = small()
    frozen = replace(network, layers=tuple(replace(layer, frozen=True) for layer in network.layers))
    program, trained, _ = run_both(frozen, dataset)
    assert "optimizer" not in export_pytorch(frozen, {}, dataset)
    for name, array in program.PARAMETERS.items():
        assert np.array_equal(trained.state_dict()[name].numpy(), array)


def test_a_wrong_derivative_that_a_person_typed_trains_as_wrongly_in_pytorch() -> None:
    def curve(derivative: str) -> list[float]:
        activation = {"type": "custom", "expression": "x * tanh(x)", "derivative": derivative}
        network = chain(
            ("input", "input", {"shape": [3]}),
            ("hidden", "dense", {"units": 4, "activation": activation}),
            ("output", "dense", {"units": 2}),
            ("loss", "mean_squared_error", {}),
        )
        dataset = small()[1]
        program, trained, _ = run_both(network, dataset)
        return list(program.train(trained, 3))

    right, wrong = curve("tanh(x) + x * (1 - tanh(x)**2)"), curve("tanh(x) - x * (1 - tanh(x)**2)")
    assert max(abs(one - other) for one, other in zip(right, wrong, strict=True)) > 1e-3
    assert_same_losses(curve(""), right)


EXPRESSION_IMPORTS = "from typing import Any\nimport torch\nfrom torch import Tensor\n\n\n"
EXPRESSIONS = [
    *(f"{name}(x)" for name, function in functions.items() if function.arity == 1 and name != "negate"),
    "max(x, 0.5)",
    "min(0.5, x)",
    "max(x, x**2)",
    "where(x > 0.3, x, -x)",
    "where(x, 1, 2)",
    "where(0, x, 2*x)",
    "where(1 < 2, 3, x)",
    "(x < 1) * (x <= 1) + (x > 0) - (x >= 0) + (x == 0) * (x != 1)",
    "2**x - x**-1 + x**3 - -x**2",
    "(-2)**2 * x / (3 - x) / 7 - (1 - (2 - x))",
    "-(x + 1) * -(x - 1)",
    "pi * x + e",
    "x",
    "3",
    "-3",
    "exp(-x**2) * sin(3*x) / (1 + exp(-x)) + log(1 + x**2) * sqrt(1 + x**2) - atan(x) * cosh(x) + tanh(x)**3",
    "x - (x - (x - (x + 1)))",
    "  x\n  + 1 ",
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_are_computed_in_pytorch_as_here(text: str) -> None:
    source = EXPRESSION_IMPORTS + custom_function("Custom", text, "")
    points = np.array([-2.5, -1.0, -0.3, 0.0, 0.3, 0.5, 1.0, 1.7, 2.0])
    expression = parse_expression(text)
    for kind, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-4)):
        x = torch.tensor(points, dtype=kind, requires_grad=True)
        found = loaded(source).Custom.apply(x)
        found.sum().backward()
        assert found.dtype == kind and x.grad is not None and x.grad.dtype == kind
        wanted, slope = evaluate(expression, points), evaluate(derivative(expression), points)
        np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(x.grad.numpy(), slope, rtol=tolerance, atol=tolerance)


def test_a_derivative_with_shared_parts_stays_a_short_program() -> None:
    text = "x"
    for _ in range(15):
        text = f"tanh({text})**2 * {text}" if len(text) < 400 else f"tanh({text})"
    source = custom_function("Custom", text, "")
    assert len(source) < 5_000 and max(map(len, source.splitlines())) < 200
    points = np.linspace(-1.0, 1.0, 9)
    found = loaded(EXPRESSION_IMPORTS + source).Custom.apply(torch.tensor(points))
    np.testing.assert_allclose(found.numpy(), evaluate(parse_expression(text), points), rtol=1e-12)


def test_saturated_probabilities_give_no_nan_where_the_engine_has_none() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("output", "dense", {"units": 3, "activation": "softmax"}),
        ("loss", "cross_entropy", {}),
    )
    weight = np.array([[1.0, 0.0], [0.0, 1.0], [-1e4, -1e4]])  # the third class gets exactly 0
    network = with_training(replace(network, parameters={"output": {"weight": weight}}), batch_size=2)
    inputs = np.array([[1.0, 0.5], [0.5, 1.0]])
    for targets in (np.array([0, 1]), np.array([[0.75, 0.25, 0.0], [0.5, 0.5, 0.0]])):
        _, trained, _ = run_both(network, Dataset(inputs, targets))
        assert all(torch.isfinite(parameter).all() for parameter in trained.parameters())


def test_names_that_modules_have_already_are_all_known() -> None:
    own = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert own <= MODULE_NAMES


def test_parameters_that_are_given_are_where_the_program_starts() -> None:
    network = xor(hidden=2)
    assert network.data is not None
    weight = np.array([[0.25, -0.5], [1.5, 2.0]])
    source = export_pytorch(network, {"hidden": {"weight": weight}}, load_dataset(network.data))
    assert np.array_equal(loaded(source).load_network().hidden.weight.detach().numpy(), weight)
