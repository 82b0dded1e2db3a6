"""The probable kind of mistake in a reverse-mode rule that was found to be wrong: what its numbers look like.

Names are those of `network/bugs.py`, where they are known there, and `scale` for a constant factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from visualbp.analysis.gradient_check_differences import Differences
from visualbp.analysis.gradient_check_judgement import Judgement
from visualbp.analysis.gradient_check_probe import Probe
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.plan import Plan, Step
from visualbp.layers import Node
from visualbp.operations.activations.kinds import Elementwise
from visualbp.operations.activations.softmax import Softmax
from visualbp.operations.base import evaluate

ALIKE = 1e-4
"""Up to such a relative difference numbers are taken for the same."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """A wrong rule: its probe, and the numbers `chosen` of each part, measured one by one."""

    plan: Plan
    step: Step
    node: Node
    probe: Probe
    chosen: Array
    judgement: Judgement
    found: Differences
    updated: Callable[[], Mapping[Ref, Array]]

    @property
    def computed(self) -> Array:
        """What the rule computed at the chosen places, part after part."""
        return self.probe.a[:, self.chosen].T.reshape(-1)


def kind_of(suspect: Suspect) -> tuple[str | None, float | None]:
    """Return the kind, and for a scale its factor; (None, None) where the numbers look like no known mistake."""
    a, n = suspect.computed, suspect.found.numeric
    largest = float(np.nanmax(np.abs(n), initial=0.0))
    with np.errstate(invalid="ignore"):
        known = np.isfinite(n) & np.isfinite(a)
        known &= (suspect.found.error <= ALIKE * np.abs(n)) & (np.abs(n) > 1e-9 * largest)
    if not known.any():
        return None, None
    a, n = a[known], n[known]
    if not a.any():
        return _kind_of_zeros(suspect), None
    ratio = a / n
    factor = float(np.median(ratio))
    if factor != 0.0 and (np.abs(ratio - factor) <= ALIKE * 3 * abs(factor)).all() and abs(factor - 1.0) > 1e-7:
        if abs(factor + 1.0) < ALIKE:
            return "sign", None
        batch = len(suspect.probe.computed) if suspect.probe.computed.ndim else 1
        if suspect.probe.is_loss and batch > 1 and abs(factor - batch) < ALIKE * batch:
            return "missing_mean", None
        if len(a) > 1 or not _resembles(suspect, known):
            return "scale", factor
    return _resembles(suspect, known) or (("scale", factor) if len(a) == 1 else (None, None))


def _kind_of_zeros(suspect: Suspect) -> str:
    if suspect.step.writes[0].sender:
        return "lost_path"
    shape = suspect.probe.computed.shape
    return "zeroed_row" if shape and shape[0] > 1 else "lost_path"


def _resembles(suspect: Suspect, known: Array) -> tuple[str, None] | None:
    """Return the kind whose numbers would be these."""
    a = suspect.computed[known]

    def same(other: Array | None) -> bool:
        if other is None or other.shape != suspect.probe.a.shape:
            return False
        b = other[:, suspect.chosen].T.reshape(-1)[known]
        return bool((np.abs(a - b) <= 10 * ALIKE * np.maximum(np.abs(a), np.abs(b))).all())

    probe = suspect.probe
    if _last_row_is_zero(suspect):
        return "zeroed_row", None
    if not probe.is_loss and probe.upstream.size == probe.a.size and same(probe.upstream.reshape(probe.a.shape)):
        return "missing_derivative", None
    if same(_slope_at_h(suspect)):
        return "wrong_derivative", None
    for kind, others in (("transposed_weight", _transposed(suspect)), ("sequential_update", _updated(suspect))):
        for inputs in others:
            other = replace(probe, inputs=inputs)
            if probe.by_element:
                continue
            numeric = other.entries(suspect.chosen, 1e-5)[1].numeric[known]
            if (np.abs(a - numeric) <= 10 * ALIKE * np.maximum(np.abs(a), np.abs(numeric))).all():
                return kind, None
    return None


def _last_row_is_zero(suspect: Suspect) -> bool:
    """Return whether what is wrong is in the last row (column, where there is a batch axis) alone, and 0 there."""
    probe = suspect.probe
    shape = probe.computed.shape
    if not shape:
        return False
    batched = probe.batched[suspect.step.operand] and not probe.node.operation.is_constant(suspect.step.operand)
    rows = np.zeros(shape, bool)
    rows[(slice(None), slice(-1, None)) if batched and len(shape) > 1 else slice(-1, None)] = True
    last = rows.reshape(-1, probe.numbers)[probe.looked_at][:, suspect.chosen].T.reshape(-1)
    failed = suspect.judgement.failed
    return bool(failed.any() and not (failed & ~last).any() and not suspect.computed[failed].any())


def _slope_at_h(suspect: Suspect) -> Array | None:
    """Return u f'(h) of an activation, by a difference of the forward rule; of a softmax u h (1 - h)."""
    probe, operation = suspect.probe, suspect.node.operation
    if isinstance(operation, Elementwise):
        h = evaluate(operation, [probe.x.reshape(-1)]).output
        step = 1e-5 * np.maximum(np.abs(h), 1.0)
        right, left = (evaluate(operation, [h + side * step]).output for side in (1.0, -1.0))
        return np.asarray((probe.upstream.reshape(-1) * (right - left) / (2.0 * step)).reshape(probe.a.shape))
    if isinstance(operation, Softmax):
        h = evaluate(operation, list(probe.inputs)).output
        return np.asarray((probe.upstream * h * (1.0 - h)).reshape(probe.a.shape))
    return None


def _transposed(suspect: Suspect) -> Sequence[list[Array]]:
    """Return the operands with one square matrix transposed, for each that there is."""
    inputs, found = list(suspect.probe.inputs), []
    for place, array in enumerate(inputs):
        is_matrix = array.ndim == 2 and array.shape[0] == array.shape[1] and not suspect.probe.batched[place]
        if is_matrix and place != suspect.step.operand:
            found.append([*inputs[:place], np.ascontiguousarray(array.T), *inputs[place + 1 :]])
    return found


def _updated(suspect: Suspect) -> Sequence[list[Array]]:
    """Return the operands with the parameters among them as the update of this iteration leaves them."""
    values = suspect.node.operands
    parameters = {info.value for info in suspect.plan.trainable}.intersection(values)
    if not parameters:
        return []
    after = suspect.updated()
    inputs = zip(values, suspect.probe.inputs, strict=True)
    return [[after[value] if value in parameters else array for value, array in inputs]]
