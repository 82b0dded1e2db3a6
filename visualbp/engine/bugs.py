"""What planted bugs do to reverse-mode rules, and where each kind fits.

A bug is part of the calls that a step is bound to, so that stepping, training and replay have it alike; forward rules
are never touched, so that differences of the loss tell it. Kinds and places are described in `network/bugs.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from visualbp.core.arrays import Array, shape_text
from visualbp.engine.plan import Phase, Plan, Step
from visualbp.layers import Node
from visualbp.network import Problem
from visualbp.network.bugs import PlantedBug, bug_kinds
from visualbp.network.fixes import RemoveBug
from visualbp.operations.activations.elementwise import LeakyRelu, Linear, Relu
from visualbp.operations.activations.kinds import Activation, Elementwise
from visualbp.operations.activations.softmax import Softmax
from visualbp.operations.base import Emitter, as_rows
from visualbp.operations.combination import Multiply
from visualbp.operations.dropout import Dropout
from visualbp.operations.losses import Loss
from visualbp.operations.normalization import Normalization

SCALE = 1.001


@dataclass(frozen=True, eq=False)
class ReverseRule:
    """A reverse-mode rule on its arrays: what a bug is planted in.

    `result` is the gradient of operand `operand`, `batched` if it has a batch axis. `updated` emits, on copies, the
    optimiser's update of the parameter at a place among the inputs, and returns the copy that is updated.
    """

    node: Node
    operand: int
    emit: Emitter
    upstream: Array
    inputs: Sequence[Array]
    output: Array
    result: Array
    batched: bool
    updated: Callable[[Emitter, int], Array] | None = None

    def emit_right(self) -> None:
        """Emit the rule as it should be."""
        self.node.operation.vjp(self.emit, self.operand, self.upstream, self.inputs, self.output, self.result)

    def private_emitter(self) -> Emitter:
        """Return an emitter whose memory is its own: that of the node stays as the right rules leave it."""
        return Emitter(self.emit.context, self.emit.dtype, self.emit.training, copies=self.emit.copies)

    def take_over(self, private: Emitter) -> None:
        """Emit the calls that another emitter has collected, in their order."""
        for function, arguments in private.take_calls():
            self.emit(function, *arguments)


# -- where each kind fits: None, or why not ----------------------------------------------------------------------------


def _anywhere(plan: Plan, step: Step, node: Node) -> str | None:
    return None


def _has_local_derivative(plan: Plan, step: Step, node: Node) -> str | None:
    operation, value = node.operation, node.operands[step.operand]
    if isinstance(operation, Linear):
        return "its derivative is 1, and without it nothing changes"
    if not isinstance(operation, Activation | Dropout | Multiply | Normalization) or value not in plan.batched:
        return "the rule multiplies by no derivative that could be left out"
    return None


def _has_another_slope_at_h(plan: Plan, step: Step, node: Node) -> str | None:
    operation = node.operation
    if not isinstance(operation, Elementwise | Softmax):
        return "it is the rule of no activation"
    if isinstance(operation, Linear | Relu | LeakyRelu):
        return f"the derivative of {operation.label} is the same at h as at z"
    return None


def _is_mean(plan: Plan, step: Step, node: Node) -> str | None:
    if not isinstance(node.operation, Loss):
        return "only the loss is a mean over the batch"
    return "with batches of one sample, 1/N is 1" if plan.network.training.batch_size == 1 else None


def _is_square(plan: Plan, step: Step, node: Node) -> str | None:
    place = node.operation.weight_behind(step.operand)
    if place is None:
        return "the rule does not go back through a weight matrix"
    shape = plan.shapes[node.operands[place]]
    return None if shape[0] == shape[1] else f"the weight is {shape_text(shape)}, and its transpose does not fit"


def _is_updated_in_time(plan: Plan, step: Step, node: Node) -> str | None:
    place = node.operation.weight_behind(step.operand)
    if place is None:
        return "the rule does not go back through a weight matrix"
    weight = node.operands[place]
    if not any(info.value == weight for info in plan.parameters):
        return f"{weight.text} is computed from other parameters, and not updated itself"
    if not any(info.value == weight for info in plan.trainable):
        return f"{weight.text} is frozen, and not updated"
    makers = [s.index for s in plan.steps if s.phase == Phase.BACKWARD and weight.gradient in s.writes]
    return None if max(makers) < step.index else f"the gradient of {weight.text} is not complete before this step"


def _has_rows(plan: Plan, step: Step, node: Node) -> str | None:
    shape = plan.shapes[step.writes[0]]
    return None if shape and shape[0] > 1 else "the gradient has one row alone"


def _is_one_of_several(plan: Plan, step: Step, node: Node) -> str | None:
    return None if step.writes[0].sender else "the value goes no other way"


# -- what each kind does -----------------------------------------------------------------------------------------------


def _emit_opposite(rule: ReverseRule) -> None:
    rule.emit_right()
    rule.emit(np.negative, rule.result, rule.result)


def _emit_upstream(rule: ReverseRule) -> None:
    rule.emit(np.copyto, rule.result, rule.upstream)


def _emit_slope_at_h(rule: ReverseRule) -> None:
    operation, h, result = rule.node.operation, rule.output, rule.result
    if isinstance(operation, Elementwise):
        private = rule.private_emitter()
        at_h = private.memory("function at h", h.shape)
        operation.function(private, h, at_h)
        operation.derivative(private, h, at_h, result)
        rule.take_over(private)
    else:
        rule.emit(np.multiply, h, h, result)
        rule.emit(np.subtract, h, result, result)
    rule.emit(np.multiply, rule.upstream, result, result)


def _emit_times_samples(rule: ReverseRule) -> None:
    rule.emit_right()
    rule.emit(np.multiply, rule.result, rule.emit.constant(float(len(rule.result))), rule.result)


def _emit_through(rule: ReverseRule, matrix: Array) -> None:
    rule.emit(np.dot, as_rows(rule.upstream), matrix, as_rows(rule.result))


def _weight(rule: ReverseRule) -> int:
    place = rule.node.operation.weight_behind(rule.operand)
    if place is None:
        raise ValueError(f"{rule.node.operation.name} does not go back through a weight matrix")
    return place


def _emit_through_transposed(rule: ReverseRule) -> None:
    _emit_through(rule, rule.inputs[_weight(rule)].T)


def _emit_through_updated(rule: ReverseRule) -> None:
    if rule.updated is None:
        raise ValueError("there is no update to go back through")
    private = rule.private_emitter()
    updated = rule.updated(private, _weight(rule))
    rule.take_over(private)
    _emit_through(rule, updated)


def _emit_scaled(rule: ReverseRule) -> None:
    rule.emit_right()
    rule.emit(np.multiply, rule.result, rule.emit.constant(SCALE), rule.result)


def _emit_zeroed_row(rule: ReverseRule) -> None:
    rule.emit_right()
    last = rule.result[:, -1:] if rule.batched else rule.result[-1:]
    rule.emit(last.fill, 0.0)


def _emit_nothing(rule: ReverseRule) -> None:
    rule.emit_right()
    rule.emit(rule.result.fill, 0.0)


@dataclass(frozen=True)
class Mistake:
    """A kind of bug at work: where it does not fit, and what it emits in place of the right rule."""

    obstacle: Callable[[Plan, Step, Node], str | None]
    emit: Callable[[ReverseRule], None]


MISTAKES: Mapping[str, Mistake] = {
    "sign": Mistake(_anywhere, _emit_opposite),
    "missing_derivative": Mistake(_has_local_derivative, _emit_upstream),
    "wrong_derivative": Mistake(_has_another_slope_at_h, _emit_slope_at_h),
    "missing_mean": Mistake(_is_mean, _emit_times_samples),
    "transposed_weight": Mistake(_is_square, _emit_through_transposed),
    "sequential_update": Mistake(_is_updated_in_time, _emit_through_updated),
    "scaled": Mistake(_anywhere, _emit_scaled),
    "zeroed_row": Mistake(_has_rows, _emit_zeroed_row),
    "lost_path": Mistake(_is_one_of_several, _emit_nothing),
}
"""What each kind does, by its name in `bug_kinds`."""


# -- bugs in a plan ----------------------------------------------------------------------------------------------------


def bug_in(step: Step, kind: str) -> PlantedBug:
    """Return the bug of this kind that sits in the reverse-mode rule of `step`. Raises ValueError for other steps."""
    if step.node is None or step.phase != Phase.BACKWARD:
        raise ValueError(f'the step "{step.label}" has no reverse-mode rule to plant a bug in')
    return PlantedBug(kind, step.node.layer, step.node.output.timed_role, step.node.operand_label(step.operand))


def obstacle(plan: Plan, step: Step, kind: str) -> str | None:
    """Return why a bug of this kind cannot be planted in `step`, in words, or None if it can."""
    if step.node is None or step.phase != Phase.BACKWARD:
        return "only the reverse-mode rules of operations can have a bug"
    return MISTAKES[kind].obstacle(plan, step, step.node)


def possible_bugs(plan: Plan) -> tuple[PlantedBug, ...]:
    """Return every bug that can be planted, step by step in the plan's order."""
    return tuple(
        bug_in(step, kind) for step in _rules(plan) for kind in bug_kinds.names() if obstacle(plan, step, kind) is None
    )


def _rules(plan: Plan) -> list[Step]:
    return [step for step in plan.steps if step.phase == Phase.BACKWARD and step.node is not None]


def _at_places(plan: Plan) -> dict[tuple[str, str, str], Step]:
    return {bug_in(step, "").place: step for step in _rules(plan)}


def bugs_by_step(plan: Plan) -> dict[int, PlantedBug]:
    """Return the bugs of the plan's network by the index of the step that they sit in: those that fit."""
    if not plan.network.bugs:
        return {}
    places = _at_places(plan)
    found = [(places.get(bug.place), bug) for bug in plan.network.bugs]
    return {step.index: bug for step, bug in found if step and obstacle(plan, step, bug.kind) is None}


def bug_problems(plan: Plan) -> tuple[Problem, ...]:
    """Return a warning for each bug of the network that has no place in the plan, and so does nothing."""
    if not plan.network.bugs:
        return ()
    places, problems = _at_places(plan), []
    for bug in plan.network.bugs:
        step = places.get(bug.place)
        reason = obstacle(plan, step, bug.kind) if step else _why_nowhere(bug, places)
        if reason:
            message = f'the planted bug "{bug.text}" does nothing: {reason}'
            problems.append(Problem("warning", bug.layer, message, "remove it, or undo the change", fix=RemoveBug(bug)))
    return tuple(problems)


def _why_nowhere(bug: PlantedBug, places: Mapping[tuple[str, str, str], Step]) -> str:
    outputs = dict.fromkeys(output for layer, output, _ in places if layer == bug.layer)
    operands = [operand for layer, output, operand in places if (layer, output) == (bug.layer, bug.output)]
    if operands:
        return f"that rule goes back to {', '.join(operands)}, not to {bug.operand}"
    return f"the backward pass of {bug.layer} has rules for {', '.join(outputs) or 'nothing'}, not for {bug.output}"


def emit_buggy_rule(bug: PlantedBug, rule: ReverseRule) -> None:
    """Emit the reverse-mode rule with the bug in it."""
    MISTAKES[bug.kind].emit(rule)
