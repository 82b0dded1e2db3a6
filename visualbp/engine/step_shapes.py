"""The shapes of a step in plain text."""

from __future__ import annotations

from collections.abc import Callable

from visualbp.core.arrays import Shape, shape_text, size_of
from visualbp.core.ref import Ref
from visualbp.engine.plan import GRADIENT_NORM, Phase, Plan, Step
from visualbp.layers import Node
from visualbp.operations.attention import Mix, Scores
from visualbp.operations.base import Operation
from visualbp.operations.combination import Add, Multiply
from visualbp.operations.convolution import Convolution
from visualbp.operations.embedding import Embedding
from visualbp.operations.normalization import Normalization
from visualbp.operations.pooling import Pooling
from visualbp.operations.recurrence import RecurrentAffine
from visualbp.operations.weight_norm import WeightNorm
from visualbp.operations.words import MOST_SHOWN, ShapeTexts


def shapes_of_step(plan: Plan, step: Step, batch_size: int) -> str:
    """Return the shapes of a step in plain text, such as `(2, 4)  =  (4, 2)^T (4, 4)`: rows are samples."""

    def shape(value: Ref) -> str:
        return shape_text(_whole_shape(plan, value, batch_size))

    if step.operation == "load":
        return "  and  ".join(shape(value) for value in step.writes)
    if step.operation == "schedule":
        return shape(step.writes[0])
    if step.operation == "clip":
        gradients = [value for value in step.writes if value != GRADIENT_NORM]
        count = sum(size_of(plan.shapes[value]) for value in gradients)
        return f"{count:,} numbers in {len(gradients)} gradients"
    result = shape(step.writes[0])
    if step.operation in ("accumulate", "gather") and len(step.reads) > MOST_SHOWN:
        return f"{result}  from  {len(step.reads)} parts {shape(step.reads[0])}"
    if step.operation == "accumulate":
        return f"{result}  =  {' + '.join(shape(part) for part in step.reads)}"
    if step.operation == "update":
        return f"{result}  =  {result} - rate * {result}"
    if step.node is None:
        return f"{result}  from  {', '.join(shape(value) for value in step.reads)}"
    return f"{result}  {_node_shapes(plan, step, step.node, shape)}"


def _whole_shape(plan: Plan, value: Ref, batch_size: int) -> Shape:
    value = plan.resolve(value)
    own = plan.shapes[value]
    return (batch_size, *own) if value in plan.batched else own


def _node_shapes(plan: Plan, step: Step, node: Node, shape: Callable[[Ref], str]) -> str:
    operation, backward = node.operation, step.phase == Phase.BACKWARD
    operands = [shape(value) for value in node.operands]
    upstream = "" if node.output == plan.loss else shape(node.output.gradient)
    axes = len(plan.shapes[plan.resolve(node.operands[0])])
    texts = ShapeTexts(operands, upstream if backward else "", axes, step.operand)
    if backward and type(operation).vjp_shapes_text is not Operation.vjp_shapes_text:
        return operation.vjp_shapes_text(texts)
    if not backward and type(operation).shapes_text is not Operation.shapes_text:
        return operation.shapes_text(texts)
    match operation:
        case Multiply() if backward:
            others = [text for place, text in enumerate(operands) if place != step.operand]
            return "=  " + " * ".join([upstream, *others])
        case Multiply():
            return f"=  {' * '.join(operands)}"
        case Add() if not backward:
            return f"=  {' + '.join(operands)}"
    back_to = operation.operand_name(step.operand) if backward else ""
    if (text := _special_shapes(operation, back_to, operands, upstream)) is not None:
        return text
    if len(operands) > MOST_SHOWN and not backward:
        return f"from  {len(operands)} parts {operands[0]}"
    return f"from  {', '.join([upstream] if backward and upstream else operands)}"


def _special_shapes(operation: Operation, back_to: str, operands: list[str], upstream: str) -> str | None:
    """Return the right-hand side of what slides, looks up, normalises or recurs; `back_to` is the operand whose
    gradient it is, empty on the way forward. None for any other operation."""
    match operation:
        case Convolution():
            return _shapes_of_convolution(back_to, operands, upstream)
        case RecurrentAffine():
            return _shapes_of_time_step(back_to, operands, upstream)
        case Scores() | Mix():
            return _shapes_of_attention(operation, back_to, operands, upstream)
        case Pooling():
            return f"=  {upstream} back over the windows" if back_to else f"=  windows of {operands[0]}"
        case Embedding():
            return f"=  {upstream} added up by rows" if back_to else f"=  rows of {operands[1]} at {operands[0]}"
        case Normalization() if back_to in ("weight", "bias"):
            return f"=  sum of {upstream}" + (f" * {operands[0]}" if back_to == "weight" else "")
        case Normalization() if not back_to:
            return f"=  {operands[1]} * {operands[0]} + {operands[2]}"
        case WeightNorm() if not back_to:
            return f"=  {operands[1]} * {operands[0]}"
    return None


def _shapes_of_convolution(back_to: str, operands: list[str], upstream: str) -> str:
    x, weight, *bias = operands
    match back_to:
        case "":
            return f"=  {weight} over {x}" + (f" + {bias[0]}" if bias else "")
        case "weight":
            return f"=  {upstream} over {x}"
        case "bias":
            return f"=  sum of {upstream} over samples and places"
    return f"=  {upstream} back through {weight}"


def _shapes_of_time_step(back_to: str, operands: list[str], upstream: str) -> str:
    x, weight_input, weight_hidden, bias, *state = operands
    match back_to:
        case "":
            of_state = f" + {state[0]} {weight_hidden}^T" if state else ""
            return f"=  {x} {weight_input}^T{of_state} + {bias}"
        case "weight_input":
            return f"=  {upstream}^T {x}"
        case "weight_hidden":
            return f"=  {upstream}^T {state[0]}" if state else "=  0"
        case "bias":
            return f"=  sum of {upstream} over the samples"
        case "h":
            return f"=  {upstream} {weight_hidden}"
    return f"=  {upstream} {weight_input}"


def _shapes_of_attention(operation: Scores | Mix, back_to: str, operands: list[str], upstream: str) -> str:
    """Products for each sample and head."""
    first, second = operands
    match back_to:
        case "":
            return f"=  {first} {second}" + ("^T" if isinstance(operation, Scores) else "")
        case "query":
            return f"=  {upstream} {second}"
        case "key":
            return f"=  {upstream}^T {first}"
        case "attention":
            return f"=  {upstream} {second}^T"
    return f"=  {first}^T {upstream}"
