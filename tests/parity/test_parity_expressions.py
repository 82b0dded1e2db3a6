"""Typed functions and their derived derivatives against PyTorch's automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest

from visualbp.operations.activations import activations
from visualbp.operations.base import evaluate

torch = pytest.importorskip("torch", reason="needs the parity extra")

CASES = {
    "x*sigmoid(x)": lambda x: torch.nn.functional.silu(x),
    "where(x > 0, x, exp(x) - 1)": lambda x: torch.nn.functional.elu(x),
    "max(x, 0.1*x)": lambda x: torch.nn.functional.leaky_relu(x, 0.1),
    "min(max(x, -1), 1)": lambda x: torch.nn.functional.hardtanh(x),
    "x/(1 + abs(x))": lambda x: torch.nn.functional.softsign(x),
    "x*tanh(softplus(x))": lambda x: torch.nn.functional.mish(x),
    "abs(x)**1.5*sign(x)": lambda x: x.abs() ** 1.5 * x.sign(),
    "(x**2 + 1)**x": lambda x: (x**2 + 1) ** x,
    "2**x - x**-2": lambda x: 2.0**x - x**-2,
    "sin(x)*cos(2*x)/(2 + atan(x))": lambda x: x.sin() * (2 * x).cos() / (2 + x.atan()),
    "log(1 + x**2)*sqrt(3 + x)": lambda x: (1 + x**2).log() * (3 + x).sqrt(),
    "sinh(x)/cosh(x) + tan(x/4)": lambda x: x.sinh() / x.cosh() + (x / 4).tan(),
    "relu(x - 0.5)*(x <= 1.5)": lambda x: torch.relu(x - 0.5) * (x <= 1.5),
}


@pytest.mark.parametrize("text", CASES)
def test_values_and_gradients_are_pytorchs(text: str) -> None:
    generator = np.random.default_rng(0)
    z, upstream = generator.normal(0.0, 1.0, (6, 5)), generator.normal(size=(6, 5))
    done = evaluate(activations.get("custom")(expression=text, derivative=""), [z])
    x = torch.tensor(z, requires_grad=True)
    h = CASES[text](x)
    h.backward(torch.tensor(upstream))
    assert np.allclose(done.output, h.detach().numpy(), rtol=1e-12, atol=1e-14)
    gradient = done.vjp(0, upstream)
    assert np.linalg.norm(gradient - x.grad.numpy()) <= 1e-10 * np.linalg.norm(gradient)
