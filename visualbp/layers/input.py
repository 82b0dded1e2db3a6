"""The input layer: where the samples come in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from visualbp.core.arrays import Shape
from visualbp.core.options import ShapeOption
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.layers.base import LayerType, Options, layer_types
from visualbp.layers.lowering import Lowering


class Input(LayerType):
    """h = the batch, in the shape given for a sample. No inputs, and no operation: loading fills it."""

    family = "source"
    type_name, label, icon = "input", "Input", "layer_input"
    order = 0
    description = "Where the samples come in; its shape is that of one sample."
    starting_options: ClassVar[Options] = {"shape": (2,)}
    options = (ShapeOption("shape", description="the shape of one sample, such as 2, or 1, 8, 8"),)
    fewest_inputs = 0
    most_inputs = 0

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        shape: Shape = options["shape"]
        return shape

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        return Lowering((), Ref(name, "h"))

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        return LayerCode(context.name)


layer_types.register(Input())
