"""An activation as a layer of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from visualbp.core.arrays import Shape
from visualbp.core.options import ChoiceOption, Option
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.core.registry import UnknownNameError
from visualbp.layers.base import LayerType, Options, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.activations import activations


class ActivationLayer(LayerType):
    """h = sigma(z), where z is the layer's input."""

    family = "function"
    type_name, label, icon = "activation", "Activation", "layer_activation"
    order = 20
    description = "An activation function by itself."
    starting_options: ClassVar[Options] = {"function": "relu"}
    options = (ChoiceOption("function", description="the function", choices=tuple(activations.names())),)

    def options_for(self, given: Options) -> tuple[Option, ...]:
        try:
            own = activations.get(given.get("function")).options
        except UnknownNameError:
            own = ()
        return (*self.options, *own)

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        own = {key: value for key, value in options.items() if key != "function"}
        operation = activations.get(options["function"])(**own)
        h = Ref(name, "h")
        return Lowering((Node(name, operation, (inputs[0],), h),), h, {Ref(name, "z"): inputs[0]})

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        own = {key: value for key, value in context.options.items() if key != "function"}
        operation = activations.get(context.options["function"])(**own)
        return LayerCode(operation.to_pytorch(context.inputs[0], context.functions))

    def summary(self, options: Options) -> str:
        return activations.get(options["function"]).label


layer_types.register(ActivationLayer())
