"""The shapes of a step in plain text."""

from __future__ import annotations

from visualbp.core.arrays import shape_text, size_of
from visualbp.core.ref import Ref
from visualbp.engine.plan import GRADIENT_NORM, Phase, Plan, Step
from visualbp.layers import Node
from visualbp.operations.words import MOST_SHOWN, ShapeTexts


def shapes_of_step(plan: Plan, step: Step, batch_size: int) -> str:
    """Return the shapes of a step in plain text, such as `(2, 4)  =  (4, 2)^T (4, 4)`: rows are samples."""

    def shape(value: Ref) -> str:
        return shape_text(plan.whole_shape(value, batch_size))

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
    return f"{result}  {node_shapes(plan, step, step.node, batch_size)}"


def node_shapes(plan: Plan, step: Step, node: Node, batch_size: int) -> str:
    """Return what a node's operation says of the shapes of its step: the right-hand side."""
    operation, backward = node.operation, step.phase == Phase.BACKWARD
    operands = [shape_text(plan.whole_shape(value, batch_size)) for value in node.operands]
    upstream = "" if node.output == plan.loss else shape_text(plan.whole_shape(node.output.gradient, batch_size))
    axes = len(plan.shapes[node.operands[0]])
    texts = ShapeTexts(operands, upstream if backward else "", axes, step.operand)
    return operation.vjp_shapes_text(texts) if backward else operation.shapes_text(texts)
