"""Layers that join or lay out values: add, multiply, concatenate, flatten."""

from __future__ import annotations

from collections.abc import Sequence

from visualbp.core.arrays import Shape, shape_text
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.layers.base import LayerType, Options, ShapeError, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.base import Operation
from visualbp.operations.combination import Add, Concatenate, Flatten, Multiply


class _OneOperation(LayerType):
    """A layer that is one operation on its inputs."""

    family = "combine"
    operation: type[Operation]

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        h = Ref(name, "h")
        return Lowering((Node(name, self.operation(), tuple(inputs), h),), h)


class _SameShapes(_OneOperation):
    category = "Combine"
    fewest_inputs, most_inputs = 2, None

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        for shape in inputs[1:]:
            if shape != inputs[0]:
                raise ShapeError(
                    f"joins inputs of one shape, gets {shape_text(inputs[0])} and {shape_text(shape)}",
                    "give the layers before it the same number of units",
                )
        return inputs[0]


class AddLayer(_SameShapes):
    """h = the sum of two or more inputs of one shape."""

    type_name, label, icon, operation = "add", "Add (residual)", "layer_add", Add
    description = "The sum of its inputs. Around a layer it makes a residual connection."

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        return LayerCode(" + ".join(context.inputs))


class MultiplyLayer(_SameShapes):
    """h = the elementwise product of two or more inputs of one shape."""

    type_name, label, icon, operation = "multiply", "Multiply", "layer_multiply", Multiply
    description = "The elementwise product of its inputs: a gate."

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        return LayerCode(" * ".join(context.inputs))


class ConcatenateLayer(_OneOperation):
    """h = two or more inputs after one another on axis 0 of a sample; the other axes have to be the same."""

    type_name, label, icon, operation = "concatenate", "Concatenate", "layer_concatenate", Concatenate
    category = "Combine"
    description = "Its inputs side by side on the first axis of a sample."
    fewest_inputs, most_inputs = 2, None

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        for shape in inputs[1:]:
            if shape[1:] != inputs[0][1:] or len(shape) != len(inputs[0]):
                raise ShapeError(
                    f"joins inputs that differ on their first axis alone, gets {shape_text(inputs[0])}"
                    f" and {shape_text(shape)}",
                    "flatten its inputs first",
                )
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        return LayerCode(f"torch.cat([{', '.join(context.inputs)}], 1)")


class FlattenLayer(_OneOperation):
    """h = a sample of any shape as one row, in row-major order: (C, H, W) becomes (C H W)."""

    type_name, label, icon, operation = "flatten", "Flatten", "layer_flatten", Flatten
    description = "An image or a sequence as one long row."

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        count = 1
        for length in inputs[0]:
            count *= length
        return (count,)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        return LayerCode(f"{context.inputs[0]}.flatten(1)")


for _type in (AddLayer, MultiplyLayer, ConcatenateLayer, FlattenLayer):
    layer_types.register(_type())
