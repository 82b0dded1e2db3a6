"""Whether there is anything left to learn: targets that are met, and gradients that are exactly 0, with the reason.

A network that has learned has small gradients everywhere, and flat activations that are right to be flat: nothing is
wrong with it. Where all gradients are exactly 0 there is no ratio to judge by, and the place is named that stops them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.ref import Ref
from visualbp.engine.plan import Phase, Plan
from visualbp.operations.activations.kinds import Activation

MET = 0.1
"""An output of the network that is this close to its target is right; of numbers, relative to the targets' range."""


def has_learned(plan: Plan, values: Mapping[Ref, Array]) -> bool:
    """Return whether every prediction of the batch meets its target; not while one of both is not there."""
    prediction, target = (values.get(plan.resolve(value)) for value in (plan.prediction, plan.target))
    if prediction is None or target is None:
        return False
    rule = plan.loss_rule
    with np.errstate(all="ignore"):
        if rule.target_kind == "signs":
            return bool(np.all(prediction * target >= 1.0 - MET))
        reach = 1.0 if rule.target_kind != "vector" else float(np.ptp(target)) or float(np.abs(target).max())
        return bool(np.all(np.abs(rule.answer(prediction) - target) <= MET * reach))


def standstill(plan: Plan, values: Mapping[Ref, Array]) -> str:
    """Return why the gradients of all parameters are exactly 0, in a sentence; nothing where one is not, or not yet."""
    gradients = [values.get(plan.resolve(info.value.gradient)) for info in plan.trainable]
    loss = values.get(plan.loss)
    if loss is None or not gradients or any(array is None or array.any() for array in gradients):
        return ""
    words = "every gradient is exactly 0"
    if float(loss) == 0.0:
        return f"{words}: the loss is 0, and there is nothing left to learn from this batch"
    place = _where_it_stops(plan, values)
    return f"{words}, though the loss is {float(loss):.3g}: {place}"


def _where_it_stops(plan: Plan, values: Mapping[Ref, Array]) -> str:
    """Go through the backward pass to the first operation that gets something and gives nothing back."""
    for step in plan.steps:
        node = step.node
        if step.phase != Phase.BACKWARD or node is None:
            continue
        given = values.get(step.writes[0])
        if given is None or given.any():
            continue
        if node.output == plan.loss:
            return "the loss does not change with the predictions as they are, so there is no way down from here"
        upstream = values.get(plan.resolve(node.output.gradient))
        if upstream is None or not upstream.any():
            continue
        if isinstance(node.operation, Activation):
            label = node.operation.label
            return f"what comes back stops in {node.layer}, where the slope of {label} is exactly 0 for every sample"
        others = [value for place, value in enumerate(node.operands) if place != step.operand]
        zero = next((value for value in others if value in values and not values[value].any()), None)
        if zero is not None and node.operands[step.operand] in plan.batched:
            return f"what comes back stops in {node.layer}, where {zero.text} is all 0"
    return "what comes in and what comes back never meet: each product of the two is 0"
