"""The decision boundary of a network with two inputs: what it says at every point of a grid.

The grid is evaluated on arrays of its own, without dropout; the state that is being debugged is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from visualbp.core.arrays import Array, shape_text, size_of
from visualbp.core.ref import Ref
from visualbp.engine.evaluate import predict
from visualbp.engine.plan import Plan
from visualbp.operations.activations.elementwise import Tanh

Range = tuple[float, float]

NUMBERS_AT_ONCE = 2_000_000
"""The grid is evaluated in parts whose values, of all layers together, are at most so many (16 MB)."""

FINEST = 1024
"""The most points along one side."""

FARTHEST = 1e100
"""Samples further away than this are left out of the picture: no axis reaches there."""

NOT_A_CLASS = -1
"""The class where the network gives a number that is not finite."""


@dataclass(frozen=True, eq=False)
class Boundary:
    """The answers on a grid. Row r, column c stands for the input (x[c], y[r]); y grows with r.

    `probabilities` (rows, columns, classes) are in [0, 1]; a single output is the probability of class 1 of two.
    `classes` (rows, columns) is the likeliest class, or NOT_A_CLASS; `confidence` is its probability, or NaN.
    """

    x: Array
    y: Array
    probabilities: Array
    classes: Array
    confidence: Array

    @property
    def score(self) -> Array:
        """The probability of class 1, for two classes: its contour at 1/2 is the boundary."""
        scores: Array = self.probabilities[..., 1]
        return scores


def has_boundary(plan: Plan) -> bool:
    """Return whether the network takes two numbers, and gives one or more for each sample."""
    return plan.shapes[plan.input] == (2,) and len(plan.shapes[plan.prediction]) == 1


def is_near(samples: Array) -> Array:
    """Return which of the samples (N, 2) are near enough to be drawn."""
    return np.asarray((np.abs(samples) <= FARTHEST).all(axis=1))


def region_of(inputs: Array, margin: float = 0.15) -> tuple[Range, Range]:
    """Return the ranges of x and y that hold all samples (N, 2) up to FARTHEST, with a margin around them."""
    ranges: list[Range] = []
    for axis in range(2):
        column = inputs[:, axis][np.abs(inputs[:, axis]) <= FARTHEST]
        low, high = (float(column.min()), float(column.max())) if len(column) else (-1.0, 1.0)
        extent = high - low
        pad = margin * extent if extent > 0 else max(1.0, abs(low))
        ranges.append((low - pad, high + pad))
    return ranges[0], ranges[1]


def boundary(
    plan: Plan, parameters: Mapping[Ref, Array], x_range: Range, y_range: Range, resolution: int = 96
) -> Boundary:
    """Return the answers of the network on a grid of resolution x resolution points.

    Raises ValueError for a network that has no boundary to draw, and for a resolution that is not from 2 to FINEST.
    """
    if not has_boundary(plan):
        takes, gives = shape_text(plan.shapes[plan.input]), shape_text(plan.shapes[plan.prediction])
        raise ValueError(
            f"a decision boundary needs 2 inputs and a row of outputs; this network has {takes} and {gives}"
        )
    if not 2 <= resolution <= FINEST:
        raise ValueError(f"the resolution must be from 2 to {FINEST}, not {resolution}")
    x, y = np.linspace(*x_range, resolution), np.linspace(*y_range, resolution)
    across, up = np.meshgrid(x, y)
    points = np.stack([across.reshape(-1), up.reshape(-1)], axis=1).astype(plan.network.precision)
    width = sum(size_of(plan.shapes[node.output]) for node in plan.nodes)
    count = max(1, NUMBERS_AT_ONCE // max(1, width))
    parts = [predict(plan, parameters, points[start : start + count]) for start in range(0, len(points), count)]
    outputs = np.concatenate(parts).astype(np.float64)
    probabilities = _probabilities(plan, outputs)
    finite = np.isfinite(outputs).all(-1)
    classes = np.where(finite, probabilities.argmax(-1), NOT_A_CLASS)
    confidence = np.where(finite, probabilities.max(-1), np.nan)
    grid = (resolution, resolution)
    return Boundary(x, y, probabilities.reshape(*grid, -1), classes.reshape(grid), confidence.reshape(grid))


def _probabilities(plan: Plan, outputs: Array) -> Array:
    """Return what the prediction (N, outputs) means: the probability of each class."""
    answers = plan.loss_rule.answer(outputs)
    probabilities = np.clip((answers + 1.0) / 2.0 if _is_signed(plan) else answers, 0.0, 1.0)
    return (
        np.concatenate([1.0 - probabilities, probabilities], axis=1) if probabilities.shape[1] == 1 else probabilities
    )


def _is_signed(plan: Plan) -> bool:
    """Return whether the two answers are -1 and 1, rather than 0 and 1."""
    last = next((node for node in plan.nodes if node.output == plan.prediction), None)
    return plan.loss_rule.target_kind == "signs" or (last is not None and isinstance(last.operation, Tanh))
