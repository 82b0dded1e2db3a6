"""Losses and GELU far out keep their digits, against exact values from the decimal module."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest

from visualbp.operations.activations import activations
from visualbp.operations.base import evaluate
from visualbp.operations.losses import losses

FAR = (-60.0, -40.0, -30.0, -20.0, -17.5, -5.0, -0.5, 0.0, 0.5, 5.0, 17.5, 20.0, 30.0, 40.0, 60.0)
PRECISIONS = ("float64", "float32")


def tail(z: float) -> tuple[float, float]:
    """Return log(1 + e^-z) and sigmoid(-z), exact to the last digit of float64."""
    with localcontext() as context:
        context.prec = 80
        power = (-Decimal(z)).exp()
        return float((1 + power).ln()), float(power / (1 + power))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("z", FAR)
def test_logits_keep_loss_and_gradient_on_the_right_side(z: float, precision: str) -> None:
    rule, tolerance = losses.get("binary_cross_entropy_with_logits")(), 64 * float(np.finfo(precision).eps)
    for target, sign in ((1.0, 1.0), (0.0, -1.0)):
        done = evaluate(rule, [np.array([z], precision), np.array([target], precision)])
        loss, wrong = tail(sign * z)
        assert float(done.output) == pytest.approx(loss, rel=tolerance, abs=0.0)
        assert float(done.vjp(0, np.ones((), precision))[0]) == pytest.approx(-sign * wrong, rel=tolerance, abs=0.0)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_probability_that_is_almost_1_keeps_its_loss(precision: str) -> None:
    p = np.nextafter(np.array([1.0], precision), np.array(0.0, precision))
    done = evaluate(losses.get("binary_cross_entropy")(), [p, np.ones(1, precision)])
    assert float(done.output) == pytest.approx(1.0 - float(p[0]), rel=1e-6, abs=0.0)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("z", [-7.0, -5.0, -3.0])
def test_the_tail_of_gelu_keeps_its_digits(z: float, precision: str) -> None:
    with localcontext() as context:
        context.prec = 80
        scale = (2 / Decimal("3.14159265358979323846264338327950288419716939937510582097494459")).sqrt()
        x = Decimal(z)
        exact = float(x / (1 + (-2 * scale * (x + Decimal("0.044715") * x**3)).exp()))
    h = evaluate(activations.get("gelu")(), [np.array([z], precision)]).output[0]
    assert float(h) == pytest.approx(exact, rel=300 * float(np.finfo(precision).eps), abs=0.0)
