"""Losses and GELU far out keep their digits, against exact values from the decimal module; divergence at its ends."""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import pairwise

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


# -- Kullback-Leibler divergence -------------------------------------------------------------------------------------


def divergence(p: object, y: object, precision: str = "float64") -> tuple[float, np.ndarray]:
    """Return the loss and its gradient."""
    done = evaluate(losses.get("kl_divergence")(), [np.array(p, precision), np.array(y, precision)])
    return float(done.output), done.vjp(0, np.ones((), precision))


def exact_divergence(p: list[float], y: list[float]) -> float:
    with localcontext() as context:
        context.prec = 80
        pairs = [(Decimal(a), Decimal(b)) for a, b in zip(p, y, strict=True) if b]
        return float(sum(b * (b.ln() - a.ln()) for a, b in pairs))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("p", [[0.5, 0.25, 0.25], [1.0 - 2.0**-20, 2.0**-21, 2.0**-21], [2.0**-100, 0.5, 0.5]])
def test_a_divergence_is_exact_also_where_the_prediction_is_saturated(p: list[float], precision: str) -> None:
    y = [0.125, 0.375, 0.5]
    loss, gradient = divergence([p], [y], precision)
    assert loss == pytest.approx(exact_divergence(p, y), rel=8 * float(np.finfo(precision).eps), abs=0.0)
    np.testing.assert_allclose(gradient[0], [-b / a for a, b in zip(p, y, strict=True)], rtol=1e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_divergence_is_exactly_0_where_both_agree_and_above_0_elsewhere(precision: str) -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(4), 8)
    rows[0] = [1.0, 0.0, 0.0, 0.0]
    rows[1] = [0.5, 0.5, 0.0, 0.0]
    assert divergence(rows, rows, precision)[0] == 0.0
    for row, other in pairwise(rows[2:]):
        assert divergence([row], [other], precision)[0] > 0.0


def test_a_target_of_0_adds_nothing_and_sends_nothing_back_and_a_probability_of_0_costs_without_end() -> None:
    loss, gradient = divergence([[0.25, 0.75, 0.0]], [[0.0, 1.0, 0.0]])
    assert loss == pytest.approx(-np.log(0.75), rel=1e-15)
    np.testing.assert_array_equal(gradient, [[0.0, -1.0 / 0.75, 0.0]])
    loss, gradient = divergence([[0.0, 1.0]], [[0.5, 0.5]])
    assert loss == np.inf and gradient[0, 0] == -np.inf and gradient[0, 1] == -0.5


def test_a_divergence_is_divided_by_the_samples_also_where_they_are_sequences() -> None:
    generator = np.random.default_rng(1)
    p, y = generator.dirichlet(np.ones(3), (2, 5)), generator.dirichlet(np.ones(3), (2, 5))
    whole = sum(exact_divergence(list(a), list(b)) for a, b in zip(p.reshape(-1, 3), y.reshape(-1, 3), strict=True))
    loss, gradient = divergence(p, y)
    assert loss == pytest.approx(whole / 2, rel=1e-13)
    np.testing.assert_allclose(gradient, -y / p / 2, rtol=1e-14)


def test_a_class_counts_as_the_distribution_that_is_sure_of_it_so_that_it_is_the_cross_entropy() -> None:
    p, y = np.random.default_rng(2).dirichlet(np.ones(3), 4), np.eye(3)[[0, 2, 1, 1]]
    loss, gradient = divergence(p, y)
    done = evaluate(losses.get("cross_entropy")(), [p, y])
    assert loss == pytest.approx(float(done.output), rel=1e-15)
    np.testing.assert_array_equal(gradient, done.vjp(0, np.ones(())))
