"""Numbers that others have published, to every digit that they printed and can be right."""

from __future__ import annotations

import numpy as np
import pytest

from tests.building import chain, inline, optimizer, with_training
from tests.refs import ref
from visualbp.analysis.gradient_check import gradient_check
from visualbp.datasets import Dataset
from visualbp.engine import Executor, Phase, compile_plan
from visualbp.network import Network, edits
from visualbp.operations.base import IterationContext, evaluate
from visualbp.operations.combination import Add, Multiply
from visualbp.operations.losses import losses


def mazur(frozen_biases: bool = True) -> Network:
    """Mazur, "A Step by Step Backpropagation Example": 2-2-2, sigmoid; the article does not update the biases."""
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 2, "activation": "sigmoid"}),
        ("output", "dense", {"units": 2, "activation": "sigmoid"}),
        ("loss", "half_squared_error", {}),
        data=inline([[0.05, 0.10]], [[0.01, 0.99]]),
    )
    network = with_training(network, optimizer=optimizer("sgd", learning_rate=0.5), batch_size=1)
    for layer, parameter, array in (
        ("hidden", "weight", [[0.15, 0.20], [0.25, 0.30]]),
        ("hidden", "bias", [0.35, 0.35]),
        ("output", "weight", [[0.40, 0.45], [0.50, 0.55]]),
        ("output", "bias", [0.60, 0.60]),
    ):
        network = edits.set_parameter(network, layer, parameter, np.array(array))
    if frozen_biases:
        for layer in ("hidden", "output"):
            network = edits.set_frozen(network, layer, ("bias",))
    return network


def executor_of(network: Network) -> Executor:
    return Executor(compile_plan(network), Dataset(np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]])))


def one_iteration(executor: Executor) -> None:
    executor.step()
    while not executor.at_end:
        executor.step()


def printed(number: float, digits: str) -> bool:
    """Return whether `number` rounds to the digits that are printed."""
    places = len(digits.partition(".")[2])
    return f"{number:.{places}f}" == digits


def test_mazurs_forward_pass_has_the_articles_digits() -> None:
    executor = executor_of(mazur())
    one_iteration(executor)
    z, h = executor.values[ref("hidden", "z")][0], executor.values[ref("hidden", "h")][0]
    assert printed(z[0], "0.3775")
    assert printed(h[0], "0.593269992") and printed(h[1], "0.596884378")
    output = executor.values[ref("output", "h")][0]
    assert printed(output[0], "0.75136507") and printed(output[1], "0.772928465")
    assert printed(float(executor.values[ref("loss", "loss")]), "0.298371109")


def test_mazurs_backward_pass_and_update_have_the_articles_digits() -> None:
    executor = executor_of(mazur())
    one_iteration(executor)
    values = executor.values
    assert printed(values[ref("output", "delta")][0, 0], "0.138498562")
    assert printed(values[ref("output", "gradient/weight")][0, 0], "0.082167041")
    assert printed(values[ref("hidden", "gradient/weight")][0, 0], "0.000438568")
    output, hidden = values[ref("output", "weight")], values[ref("hidden", "weight")]
    expected_output = [["0.35891648", "0.408666186"], ["0.511301270", "0.561370121"]]
    expected_hidden = [["0.149780716", "0.19956143"], ["0.24975114", "0.29950229"]]
    for found, expected in ((output, expected_output), (hidden, expected_hidden)):
        for index in np.ndindex(2, 2):
            assert printed(found[index], expected[index[0]][index[1]]), (index, found[index])
    np.testing.assert_array_equal(values[ref("hidden", "bias")], [0.35, 0.35])


def test_mazurs_loss_after_one_update_and_after_ten_thousand() -> None:
    executor = executor_of(mazur())
    executor.run_fast()
    # The article's own 0.291027924 comes from hidden deltas that use output weights already updated, against its text.
    assert printed(executor.run_fast(), "0.29102777369")
    for _ in range(9998):
        executor.run_fast()
    loss = executor.run_fast()
    output = executor.binding(1).buffers[ref("output", "h")][0]
    assert printed(output[0], "0.0159136204") and printed(output[1], "0.9840642735")
    assert loss == pytest.approx(3.51018778e-05, rel=5e-9)


def test_mazurs_loss_after_one_update_with_the_biases_updated_too() -> None:
    executor = executor_of(mazur(frozen_biases=False))
    executor.run_fast()
    assert printed(executor.run_fast(), "0.28047144679")


def test_mazurs_network_passes_its_gradient_check_frozen_biases_included() -> None:
    executor = executor_of(mazur())
    result = gradient_check(
        executor.plan, executor.parameter_views(), executor.inputs, executor.targets, IterationContext()
    )
    assert result.passed and result.checked == 12


def test_the_circuit_of_cs231n() -> None:
    x, y, z = (np.array([[value]]) for value in (-2.0, 5.0, -4.0))
    addition = evaluate(Add(), [x, y])
    product = evaluate(Multiply(), [addition.output, z])
    assert product.output.item() == -12.0
    one = np.ones((1, 1))
    upstream = product.vjp(0, one)
    assert product.vjp(1, one).item() == 3.0
    assert addition.vjp(0, upstream).item() == addition.vjp(1, upstream).item() == -4.0


def test_the_sigmoid_neuron_of_cs231n() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("before", "activation", {"function": "linear"}),
        ("neuron", "dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "half_squared_error", {}),
    )
    network = edits.set_parameter(network, "neuron", "weight", np.array([[2.0, -3.0]]))
    network = edits.set_parameter(network, "neuron", "bias", np.array([-3.0]))
    output = 1.0 / (1.0 + np.exp(-1.0))
    executor = Executor(compile_plan(network), Dataset(np.array([[-1.0, -2.0]]), np.array([[output - 1.0]])))
    while executor.last_step is None or executor.last_step.phase != Phase.UPDATE:
        executor.step()
    values = executor.values  # the target makes dL / d output 1
    assert printed(values[ref("neuron", "h")].item(), "0.73")
    assert printed(values[ref("neuron", "upstream")].item(), "1.00")
    assert [round(g, 2) for g in values[ref("neuron", "gradient/weight")][0]] == [-0.20, -0.39]
    assert printed(values[ref("neuron", "gradient/bias")].item(), "0.20")
    assert [round(g, 2) for g in values[ref("before", "upstream")][0]] == [0.39, -0.59]


def test_the_softmax_of_cs231n_and_the_loss_of_chance() -> None:
    rule = losses.get("softmax_cross_entropy")()
    evaluation = evaluate(rule, [np.log([[0.2, 0.3, 0.5]]), np.array([[0.0, 1.0, 0.0]])])
    np.testing.assert_allclose(evaluation.vjp(0, np.ones(())), [[0.2, -0.7, 0.5]], atol=1e-15)
    chance = evaluate(rule, [np.zeros((4, 10)), np.eye(10)[:4]])
    assert f"{float(chance.output):.4f}"[:5] == "2.302" and float(chance.output) == pytest.approx(
        np.log(10.0), rel=1e-15
    )
