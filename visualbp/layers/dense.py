"""The dense layer: affine, then an activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from visualbp.core.arrays import Shape
from visualbp.core.options import BoolOption, EntryOption, IntOption
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.initializers import initializers
from visualbp.layers.base import LayerType, Options, ParameterSpec, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.layers.weights import WEIGHT_NORM, lower_weight, weight_parameters, weighted_code
from visualbp.operations.activations import activations
from visualbp.operations.affine import Affine


class Dense(LayerType):
    """h = sigma(x @ weight.T + bias) on the last axis, as PyTorch's Linear and then the activation."""

    family = "affine"
    type_name, label, icon = "dense", "Dense", "layer_dense"
    order = 10
    description = "Every unit is connected with every input: z = W h + b, then an activation."
    starting_options: ClassVar[Options] = {"units": 4, "activation": "tanh"}
    options = (
        IntOption("units", description="how many units"),
        EntryOption("activation", "linear", "the function after z = W h + b", registry=activations),
        BoolOption("bias", True, "whether there is a b"),
        EntryOption("weight_init", "glorot_uniform", "what W is drawn from", "Weight initialiser", initializers),
        EntryOption("bias_init", "zeros", "what b is drawn from", "Bias initialiser", initializers),
        WEIGHT_NORM,
    )

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        return (*inputs[0][:-1], options["units"])

    def parameters(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        units = options["units"]
        weight = weight_parameters((units, inputs[0][-1]), options["weight_init"], options["weight_norm"])
        bias = ParameterSpec("bias", (units,), options["bias_init"], penalised=False)
        return (*weight, bias) if options["bias"] else weight

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        z, h = Ref(name, "z"), Ref(name, "h")
        made, weight = lower_weight(name, options["weight_norm"])
        operands = (inputs[0], weight, Ref(name, "bias")) if options["bias"] else (inputs[0], weight)
        nodes = (*made, Node(name, Affine(), operands, z))
        choice = options["activation"]
        if choice.type == "linear":
            return Lowering(nodes, z, {h: z, h.gradient: z.gradient})
        activation = activations.get(choice.type)(**choice.options)
        return Lowering((*nodes, Node(name, activation, (z,), h)), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        bias = "" if context.options["bias"] else ", bias=False"
        return weighted_code(context, f"nn.Linear({context.shapes[0][-1]}, {context.options['units']}{bias})")

    def summary(self, options: Options) -> str:
        return f"{self.label}  {options['activation'].type}"


layer_types.register(Dense())
