"""What a prediction means: the class, its probability, whether it is right, in words. Pure functions of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.visible_text import visible
from visualbp.engine.plan import Plan
from visualbp.gui.painting import number_text

MOST_SHOWN, MOST_POSITIONS = 4, 24
"""Numbers of a vector, and positions of a sequence, that are written out."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Predictions and targets of some samples. `predicted` and `wanted` are words, `right` is None where being right
    has no meaning; `sure` is the probability of the predicted class, where there is one."""

    predicted: tuple[str, ...]
    wanted: tuple[str, ...]
    right: tuple[bool | None, ...]
    sure: tuple[float | None, ...]


def is_classifier(plan: Plan) -> bool:
    """Return whether the loss knows right and wrong answers."""
    return plan.loss_rule.target_kind in ("classes", "binary", "signs")


def class_of(plan: Plan, targets: Array) -> Array:
    """Return the class of each encoded target (N, *prediction shape): above or below the middle, or the largest."""
    rows = targets.reshape(len(targets), -1)
    if rows.shape[1] == 1:
        return (rows[:, 0] > (0.0 if plan.loss_rule.target_kind == "signs" else 0.5)).astype(np.int64)
    return rows.argmax(1)


def _probabilities(plan: Plan, rows: Array) -> Array:
    return plan.loss_rule.answer(rows)


def answers(plan: Plan, predictions: Array | None, targets: Array, class_names: tuple[str, ...] = ()) -> Answers:
    """Return what predictions (N, *shape; None: not computed yet) and encoded targets mean."""
    count = len(targets)
    kind = plan.loss_rule.target_kind
    wanted = targets.reshape(count, -1)
    if kind == "classes" and len(plan.shapes[plan.prediction]) > 1:
        return _sequence_answers(predictions, targets, class_names)
    if kind == "vector" or (kind == "binary" and wanted.shape[1] > 1) or len(plan.shapes[plan.prediction]) > 1:
        return _vector_answers(None if predictions is None else predictions.reshape(count, -1), wanted)
    classes = class_of(plan, targets)
    names = [_class_name(int(number), class_names) for number in classes]
    if predictions is None:
        return Answers(("",) * count, tuple(names), (None,) * count, (None,) * count)
    rows = predictions.reshape(count, -1)
    chances = _probabilities(plan, np.asarray(rows, float))
    if rows.shape[1] == 1:
        edge = 0.0 if kind == "signs" else 0.5
        found = (chances[:, 0] > edge).astype(np.int64)
        sure = np.where(found == 1, chances[:, 0], 1 - chances[:, 0]) if kind == "binary" else np.full(count, np.nan)
    else:
        found = chances.argmax(1)
        sure = chances.max(1)
    fine = [bool(np.isfinite(row).all()) for row in chances]
    return Answers(
        tuple(_class_name(int(n), class_names) if ok else "nan" for n, ok in zip(found, fine, strict=True)),
        tuple(names),
        tuple(bool(one == other and ok) for one, other, ok in zip(found, classes, fine, strict=True)),
        tuple(float(share) if np.isfinite(share) else None for share in sure),
    )


def _sequence_answers(predictions: Array | None, targets: Array, class_names: tuple[str, ...]) -> Answers:
    """Return the class at every position (N, ..., classes), in order; right is a sample whose positions all are."""
    count, classes = len(targets), targets.shape[-1]
    wanted = targets.reshape(count, -1, classes).argmax(-1)
    said = tuple(sequence_text([_class_name(number, class_names) for number in row]) for row in wanted.tolist())
    if predictions is None:
        return Answers(("",) * count, said, (None,) * count, (None,) * count)
    rows = predictions.reshape(count, -1, classes)
    found = np.where(np.isnan(rows), -np.inf, rows).argmax(-1)
    fine = [bool(np.isfinite(row).all()) for row in rows]
    right = tuple(ok and bool((one == other).all()) for ok, one, other in zip(fine, found, wanted, strict=True))
    texts = [sequence_text([_class_name(number, class_names) for number in row]) for row in found.tolist()]
    predicted = tuple(text if ok else "nan" for text, ok in zip(texts, fine, strict=True))
    return Answers(predicted, said, right, (None,) * count)


def _vector_answers(predictions: Array | None, targets: Array) -> Answers:
    count = len(targets)
    said = ("",) * count if predictions is None else tuple(vector_text(row) for row in predictions)
    return Answers(said, tuple(vector_text(row) for row in targets), (None,) * count, (None,) * count)


def _class_name(number: int, names: tuple[str, ...]) -> str:
    return visible(names[number]) if number < len(names) else str(number)


def sequence_text(words: Sequence[str]) -> str:
    """Return the words of a sequence in a line: as many as can be read at a glance."""
    return " ".join(words[:MOST_POSITIONS]) + (
        f" … {len(words) - MOST_POSITIONS} more" if words[MOST_POSITIONS:] else ""
    )


def vector_text(row: Array) -> str:
    """Return the first few numbers of a row."""
    text = "  ".join(number_text(float(number)) for number in row[:MOST_SHOWN])
    return text + (f"  … {len(row) - MOST_SHOWN} more" if len(row) > MOST_SHOWN else "")
