"""Probes: forward evaluations on arrays of their own, which never disturb the state being debugged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.plan import Plan
from visualbp.engine.store import stream_of
from visualbp.operations.base import Evaluation, IterationContext, evaluate


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """All values of one forward evaluation, and each node's evaluation by its output."""

    values: Mapping[Ref, Array]
    evaluations: Mapping[Ref, Evaluation]


def forward_pass(
    plan: Plan,
    parameters: Mapping[Ref, Array],
    inputs: Array,
    targets: Array | None = None,
    training: bool = False,
    context: IterationContext | None = None,
) -> ForwardPass:
    """Evaluate the plan's nodes in order on `inputs` (B, *shape); the loss too, if `targets` are given.

    `training` keeps dropout on, with the masks of `context` (seed and iteration), and lets batch norm use the batch's
    own statistics. Buffers such as running statistics are among the `parameters`; they are read outside training, and
    never written. Raises KeyError where one that is read is not given.
    """
    values: dict[Ref, Array] = {**parameters, plan.input: inputs}
    for info in plan.buffers:
        if info.value not in values:
            if not training:
                raise KeyError(f"an evaluation outside training needs {info.value.text}")
            values[info.value] = np.zeros(info.spec.shape, inputs.dtype)  # nothing reads it in training
    evaluations: dict[Ref, Evaluation] = {}
    if targets is not None:
        values[plan.target] = targets
    for node in plan.nodes:
        if node.output == plan.loss and targets is None:
            break
        stream = stream_of(f"{node.layer}/{node.operation.name}")
        done = evaluate(node.operation, [values[value] for value in node.operands], context, training, stream)
        values[node.output] = done.output
        evaluations[node.output] = done
    return ForwardPass(values, evaluations)


def predict(plan: Plan, parameters: Mapping[Ref, Array], inputs: Array) -> Array:
    """Return what the layer before the loss gives for `inputs`, without dropout."""
    return forward_pass(plan, parameters, inputs).values[plan.prediction]


def accuracy(plan: Plan, parameters: Mapping[Ref, Array], inputs: Array, targets: Array) -> float | None:
    """Return the share of right predictions, or None where the loss knows no right and wrong."""
    if not np.size(targets):
        return None
    return plan.loss_rule.accuracy(predict(plan, parameters, inputs), targets)
