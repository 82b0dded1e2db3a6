"""Embedding and recurrent layers against PyTorch: its modules, and every time step's values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the parity extra")

from tests.building import chain, inline, optimizer, with_training  # noqa: E402
from tests.parity.comparing import TOLERANCE, Tensors, assert_close, compare, compare_module  # noqa: E402
from tests.refs import ref  # noqa: E402
from visualbp.core.ref import Ref  # noqa: E402
from visualbp.network import Network  # noqa: E402

functional = torch.nn.functional
STEPS, VOCABULARY, UNITS, CLASSES = 7, 6, 5, 4


def recurrent(
    activation: str = "tanh", sequence: bool = False, precision: str = "float64", steps: int = STEPS
) -> Network:
    """Return embedding, two recurrent layers and a dense one on random strings."""
    generator = np.random.default_rng(2)
    letters = generator.integers(0, VOCABULARY, (6, steps))
    targets = generator.integers(0, CLASSES, (6, steps) if sequence else 6)
    network = chain(
        ("input", "input", {"shape": [steps]}),
        ("letters", "embedding", {"vocabulary": VOCABULARY, "units": 3}),
        ("lower", "rnn", {"units": UNITS, "activation": activation, "return_sequence": True}),
        ("upper", "rnn", {"units": UNITS, "activation": activation, "return_sequence": sequence}),
        ("output", "dense", {"units": CLASSES}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(letters, targets),
        seed=6,
        precision=precision,
    )
    return with_training(network, optimizer=optimizer("adam", learning_rate=0.01))


def forward_of(activation: str, sequence: bool) -> Any:
    function = {"tanh": torch.tanh, "relu": torch.relu, "linear": lambda z: z}[activation]

    def layer(p: Tensors, name: str, x: Any, named: dict[Ref, Any]) -> list[Any]:
        weights = [p[ref(name, role)] for role in ("weight_input", "weight_hidden", "bias")]
        h, states = torch.zeros(len(x), UNITS, dtype=x.dtype), []
        for t in range(x.shape[1]):
            z = x[:, t] @ weights[0].T + h @ weights[1].T + weights[2]
            h = function(z)
            named[ref(name, f"z[{t}]")], named[ref(name, f"h[{t}]")] = z, h
            states.append(h)
        return states

    def forward(p: Tensors, x: Any, y: Any) -> tuple[Any, dict[Ref, Any]]:
        named: dict[Ref, Any] = {}
        rows = functional.embedding(x.long(), p[ref("letters", "weight")])
        lower = torch.stack(layer(p, "lower", rows, named), 1)
        states = layer(p, "upper", lower, named)
        h = torch.stack(states, 1) if sequence else states[-1]
        named[ref("letters", "h")], named[ref("lower", "h")], named[ref("upper", "h")] = rows, lower, h
        z = functional.linear(h, p[ref("output", "weight")], p[ref("output", "bias")])
        named[ref("output", "z")] = z
        loss = functional.cross_entropy(z.reshape(-1, CLASSES), y.reshape(-1, CLASSES))
        return loss, named

    return forward


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_every_time_steps_values_and_gradients_are_pytorchs_over_three_steps_of_adam(
    activation: str, sequence: bool, precision: str
) -> None:
    network = recurrent(activation, sequence, precision)
    compare(network, forward_of(activation, sequence), lambda parameters: torch.optim.Adam(parameters, lr=0.01))


def test_a_sequence_of_a_single_step_is_pytorchs_too() -> None:
    network = recurrent(steps=1)
    compare(network, forward_of("tanh", False), lambda parameters: torch.optim.Adam(parameters, lr=0.01))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("steps", [1, 5, 50])
def test_the_recurrent_layer_is_pytorchs_module_with_one_bias(activation: str, steps: int) -> None:
    module = torch.nn.RNN(3, UNITS, nonlinearity=activation, batch_first=True, dtype=torch.float64)
    names = {"weight_input": "weight_ih_l0", "weight_hidden": "weight_hh_l0", "bias": "bias_ih_l0"}
    executor, last = compare_module("rnn", {"activation": activation}, module, names, steps)
    assert_close(executor.values[ref("memory", f"h[{steps - 1}]")], last[0], TOLERANCE["float64"], "the last state")


def test_an_embedding_is_pytorchs_where_classes_come_several_times() -> None:
    network = recurrent()
    executor = compare(network, forward_of("tanh", False), lambda parameters: torch.optim.Adam(parameters, lr=0.01), 1)
    letters = executor.inputs.astype(int)
    assert len(np.unique(letters)) < letters.size  # some come several times, or the test says nothing
