"""Gated layers against PyTorch: its modules, and every gate, cell and state of every time step with its gradient."""

from __future__ import annotations

from collections.abc import Callable
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
UNITS, FEATURES, BATCH, CLASSES = 5, 3, 4, 3

Named = dict[Ref, Any]
Unrolled = Callable[[Tensors, str, Any, Named], list[Any]]
"""A layer by hand: from the parameters, its name and its input, the states of all steps; `named` takes its values."""


def by_hand_lstm(p: Tensors, name: str, x: Any, named: Named) -> list[Any]:
    """As the formulas of PyTorch's page on LSTM have it."""
    of_input, of_state, bias = (p[ref(name, role)] for role in ("weight_input", "weight_hidden", "bias"))
    h = c = torch.zeros(len(x), UNITS, dtype=x.dtype)
    states = []
    for t in range(x.shape[1]):
        z = x[:, t] @ of_input.T + h @ of_state.T + bias
        parts = z.chunk(4, 1)
        i, f, o = (torch.sigmoid(parts[place]) for place in (0, 1, 3))
        g = torch.tanh(parts[2])
        c = f * c + i * g
        s = torch.tanh(c)
        h = o * s
        made = {"z": z, **dict(zip(("z_i", "z_f", "z_g", "z_o"), parts, strict=True))}
        made |= {"i": i, "f": f, "g": g, "o": o, "c": c, "s": s, "h": h}
        named.update({ref(name, f"{role}[{t}]"): value for role, value in made.items()})
        states.append(h)
    return states


def by_hand_gru(p: Tensors, name: str, x: Any, named: Named) -> list[Any]:
    """As the formulas of PyTorch's page on GRU have it; its z is u here."""
    of_input, of_state = p[ref(name, "weight_input")], p[ref(name, "weight_hidden")]
    h = torch.zeros(len(x), UNITS, dtype=x.dtype)
    states = []
    for t in range(x.shape[1]):
        z = x[:, t] @ of_input.T + p[ref(name, "bias_input")]
        s = h @ of_state.T + p[ref(name, "bias_hidden")]
        (z_r, z_u, x_n), (s_r, s_u, s_n) = z.chunk(3, 1), s.chunk(3, 1)
        r, u = torch.sigmoid(z_r + s_r), torch.sigmoid(z_u + s_u)
        m = r * s_n
        n = torch.tanh(x_n + m)
        h = (1 - u) * n + u * h
        made = {"z": z, "s": s, "r": r, "u": u, "x_n": x_n, "s_n": s_n, "m": m, "n": n, "h": h}
        named.update({ref(name, f"{role}[{t}]"): value for role, value in made.items()})
        states.append(h)
    return states


BY_HAND: dict[str, Unrolled] = {"lstm": by_hand_lstm, "gru": by_hand_gru}


def gated(kind: str, sequence: bool, precision: str, steps: int = 4) -> Network:
    """Return two gated layers and a dense one on random sequences of classes, with biases that are not 0."""
    generator = np.random.default_rng(2)
    letters = generator.integers(0, 6, (BATCH, steps))
    options = {"units": UNITS, "bias_init": {"type": "normal", "std": 0.5}}
    network = chain(
        ("input", "input", {"shape": [steps]}),
        ("letters", "embedding", {"vocabulary": 6, "units": FEATURES}),
        ("lower", kind, {**options, "return_sequence": True}),
        ("upper", kind, {**options, "return_sequence": sequence}),
        ("output", "dense", {"units": CLASSES}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(letters, generator.integers(0, CLASSES, (BATCH, steps) if sequence else BATCH)),
        seed=6,
        precision=precision,
    )
    return with_training(network, optimizer=optimizer("adam", learning_rate=0.01))


def forward_of(kind: str, sequence: bool) -> Any:
    def forward(p: Tensors, x: Any, y: Any) -> tuple[Any, Named]:
        named: Named = {}
        rows = functional.embedding(x.long(), p[ref("letters", "weight")])
        lower = torch.stack(BY_HAND[kind](p, "lower", rows, named), 1)
        states = BY_HAND[kind](p, "upper", lower, named)
        h = torch.stack(states, 1) if sequence else states[-1]
        named[ref("letters", "h")], named[ref("lower", "h")], named[ref("upper", "h")] = rows, lower, h
        z = functional.linear(h, p[ref("output", "weight")], p[ref("output", "bias")])
        return functional.cross_entropy(z.reshape(-1, CLASSES), y.reshape(-1, CLASSES)), named

    return forward


@pytest.mark.parametrize("kind", BY_HAND)
@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_every_gates_values_and_gradients_are_pytorchs_over_three_steps_of_adam(
    kind: str, sequence: bool, precision: str
) -> None:
    network = gated(kind, sequence, precision)
    compare(network, forward_of(kind, sequence), lambda parameters: torch.optim.Adam(parameters, lr=0.01))


@pytest.mark.parametrize("kind", BY_HAND)
def test_a_sequence_of_a_single_step_is_pytorchs_too(kind: str) -> None:
    network = gated(kind, False, "float64", steps=1)
    compare(network, forward_of(kind, False), lambda parameters: torch.optim.Adam(parameters, lr=0.01))


@pytest.mark.parametrize("kind", BY_HAND)
@pytest.mark.parametrize("steps", [1, 5, 50])
def test_a_gated_layer_is_pytorchs_module(kind: str, steps: int) -> None:
    module = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](FEATURES, UNITS, batch_first=True, dtype=torch.float64)
    names = {"weight_input": "weight_ih_l0", "weight_hidden": "weight_hh_l0"}
    names |= {"bias": "bias_ih_l0"} if kind == "lstm" else {"bias_input": "bias_ih_l0", "bias_hidden": "bias_hh_l0"}
    executor, last = compare_module(kind, {"bias_init": {"type": "normal", "std": 0.5}}, module, names, steps)
    if kind == "lstm":
        cell = executor.values[ref("memory", f"c[{steps - 1}]")]
        assert_close(cell, last[1][0], TOLERANCE["float64"], "the last cell")
