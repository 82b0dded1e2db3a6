"""What is measured at the end of an iteration: accuracy, and the norms and badges of each layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from visualbp.analysis.gradient_flow import layer_flows
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.debugger.flow import StoppedError
from visualbp.debugger.snapshot import LayerNorms, Metrics
from visualbp.engine import Executor
from visualbp.engine.evaluate import accuracy
from visualbp.engine.plan import Between

LARGEST_SCORED = 2000
"""Samples that an accuracy is measured on."""
SCORED_AT_ONCE = 125
"""Samples between two looks at whether to stop."""


def measure(executor: Executor, stops: Callable[[], bool] = lambda: False) -> Metrics:
    """Return what is measured at the end of the iteration at hand.

    `stops` is asked now and then whether to leave it: then this raises StoppedError.
    """
    plan, values = executor.plan, executor.values
    start = executor.store.views_of(executor.start) if executor.has_tape else None

    def stop_if_asked() -> None:
        if stops():
            raise StoppedError

    flows = layer_flows(plan, values, executor.norms, start, stop_if_asked)  # of a thousand a fifth of a second
    layers = {
        name: LayerNorms(
            flow.delta_norm, flow.weight_gradient_norm, flow.bias_gradient_norm, flow.update_ratio, flow.badges
        )
        for name, flow in flows.items()
    }
    parameters = {info.value: values[info.value] for info in plan.lasting}
    score = _score(executor, parameters, executor.inputs, executor.targets, stop_if_asked)
    held_out = None
    if executor.held_out is not None:
        held_out = _score(executor, parameters, *executor.held_out, stop_if_asked)
    return Metrics(executor.iteration, score, held_out, layers)


def _score(
    executor: Executor, parameters: Mapping[Ref, Array], inputs: Array, targets: Array, between: Between
) -> float | None:
    """Return the share of right answers among the first samples, or None where the loss knows no right and wrong.

    A sample's answer does not depend on the others (batch norm uses its running statistics here), so parts can be
    scored one by one.
    """
    right, count = 0.0, min(len(inputs), LARGEST_SCORED)
    for first in range(0, count, SCORED_AT_ONCE):
        between()
        part = slice(first, min(first + SCORED_AT_ONCE, count))
        with np.errstate(all="ignore"):
            share = accuracy(executor.plan, parameters, inputs[part], targets[part])
        if share is None:
            return None
        right += share * (part.stop - part.start)
    return right / count if count else None
