"""The initialisers. Each draws an array of a given shape; `fan_in` and `fan_out` are counted as PyTorch counts them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualbp.core.arrays import Array, Shape, size_of
from visualbp.core.options import Choice, FloatOption, Option
from visualbp.core.registry import Registry

Draw = Callable[[np.random.Generator, Shape, Mapping[str, Any]], Array]


@dataclass(frozen=True)
class Initializer:
    """One rule: `draw(generator, shape, options)` returns a float64 array."""

    type_name: str
    label: str
    description: str
    draw: Draw
    options: tuple[Option, ...] = ()


def fans(shape: Shape) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight (n_out, n_in, ...): a filter's window counts for both."""
    if len(shape) < 2:
        length = shape[0] if shape else 1
        return length, length
    window = size_of(shape[2:])
    return shape[1] * window, shape[0] * window


def _uniform(bound: Callable[[int, int], float]) -> Draw:
    def draw(generator: np.random.Generator, shape: Shape, options: Mapping[str, Any]) -> Array:
        limit = bound(*fans(shape))
        return generator.uniform(-limit, limit, shape)

    return draw


def _normal(deviation: Callable[[int, int], float]) -> Draw:
    def draw(generator: np.random.Generator, shape: Shape, options: Mapping[str, Any]) -> Array:
        return generator.normal(0.0, deviation(*fans(shape)), shape)

    return draw


def _orthogonal(generator: np.random.Generator, shape: Shape, options: Mapping[str, Any]) -> Array:
    """Rows or columns orthonormal, times the gain (Saxe and others 2013): Q of a normal matrix, with R's signs."""
    rows, columns = (shape[0], size_of(shape[1:])) if len(shape) > 1 else (1, size_of(shape))
    normal = generator.normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    q = q * np.sign(np.diagonal(r))
    matrix: Array = (q if rows >= columns else q.T) * options["gain"]
    return matrix.reshape(shape)


initializers: Registry[Initializer] = Registry("initialiser")
for _entry in (
    Initializer("zeros", "Zeros", "Every value 0.", lambda g, shape, o: np.zeros(shape)),
    Initializer(
        "constant",
        "Constant",
        "Every value the same.",
        lambda g, shape, o: np.full(shape, o["value"]),
        (FloatOption("value", 0.0, "the value", minimum=-1e9, maximum=1e9),),
    ),
    Initializer(
        "uniform",
        "Uniform",
        "Evenly between two values.",
        lambda g, shape, o: g.uniform(min(o["low"], o["high"]), max(o["low"], o["high"]), shape),
        (
            FloatOption("low", -0.5, "the lowest value", minimum=-1e9, maximum=1e9),
            FloatOption("high", 0.5, "the highest value", minimum=-1e9, maximum=1e9),
        ),
    ),
    Initializer(
        "normal",
        "Normal",
        "Normal, with a mean and a standard deviation.",
        lambda g, shape, o: g.normal(o["mean"], o["std"], shape),
        (
            FloatOption("mean", 0.0, "the mean", minimum=-1e9, maximum=1e9),
            FloatOption("std", 0.01, "the standard deviation", minimum=0.0, maximum=1e9),
        ),
    ),
    Initializer(
        "glorot_uniform",
        "Glorot uniform",
        "Within sqrt(6 / (fan_in + fan_out)): keeps the variance through tanh and sigmoid layers.",
        _uniform(lambda fan_in, fan_out: math.sqrt(6.0 / (fan_in + fan_out))),
    ),
    Initializer(
        "glorot_normal",
        "Glorot normal",
        "Normal with variance 2 / (fan_in + fan_out).",
        _normal(lambda fan_in, fan_out: math.sqrt(2.0 / (fan_in + fan_out))),
    ),
    Initializer(
        "he_uniform",
        "He uniform",
        "Within sqrt(6 / fan_in): keeps the variance through ReLU layers.",
        _uniform(lambda fan_in, fan_out: math.sqrt(6.0 / fan_in)),
    ),
    Initializer(
        "he_normal",
        "He normal",
        "Normal with variance 2 / fan_in: keeps the variance through ReLU layers.",
        _normal(lambda fan_in, fan_out: math.sqrt(2.0 / fan_in)),
    ),
    Initializer(
        "lecun_normal",
        "LeCun normal",
        "Normal with variance 1 / fan_in: for SELU.",
        _normal(lambda fan_in, fan_out: math.sqrt(1.0 / fan_in)),
    ),
    Initializer(
        "orthogonal",
        "Orthogonal",
        "Orthonormal rows or columns times a gain: keeps norms exactly.",
        _orthogonal,
        (FloatOption("gain", 1.0, "the factor", minimum=-1e6, maximum=1e6),),
    ),
):
    initializers.register(_entry)


def initial_values(choice: Choice, shape: Shape, generator: np.random.Generator) -> Array:
    """Return a float64 array of `shape`, drawn by the chosen initialiser."""
    return initializers.get(choice.type).draw(generator, shape, choice.options)
