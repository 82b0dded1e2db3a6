"""The embedding layer: a learnt row of numbers for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from visualbp.core.arrays import Shape, shape_text
from visualbp.core.options import Choice, EntryOption, IntOption
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.initializers import initializers
from visualbp.layers.base import LayerType, Options, ParameterSpec, ShapeError, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.embedding import Embedding


class EmbeddingLayer(LayerType):
    """h[t] = weight[x[t]]: class indices (T) to (T, units), as PyTorch's Embedding."""

    family = "affine"
    type_name, label, icon = "embedding", "Embedding", "layer_embedding"
    order = 50
    description = "Turns class indices, such as letters, into rows of numbers that are learnt."
    starting_options: ClassVar[Options] = {"vocabulary": 10, "units": 4}
    takes_samples = True
    axes: ClassVar = {"weight": ("class", "feature")}
    options = (
        IntOption("vocabulary", description="how many classes there are: the indices are 0 to one less"),
        IntOption("units", description="how many numbers a class has"),
        EntryOption(
            "weight_init",
            Choice("normal", {"mean": 0.0, "std": 1.0}),
            "what the rows are drawn from",
            "Weight initialiser",
            initializers,
        ),
    )

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) != 1:
            raise ShapeError(
                f"takes class indices (positions), gets {shape_text(inputs[0])}",
                "give the input layer a shape of one number, the length of a sequence",
            )
        return (*inputs[0], options["units"])

    def parameters(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        shape = (options["vocabulary"], options["units"])
        return (ParameterSpec("weight", shape, options["weight_init"], penalised=True),)

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        h = Ref(name, "h")
        return Lowering((Node(name, Embedding(), (inputs[0], Ref(name, "weight")), h),), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        make = f"nn.Embedding({context.options['vocabulary']}, {context.options['units']})"
        return LayerCode(f"self.{context.name}({context.inputs[0]}.long())", make)

    def summary(self, options: Options) -> str:
        return f"{self.label}  {options['vocabulary']} classes"


layer_types.register(EmbeddingLayer())
