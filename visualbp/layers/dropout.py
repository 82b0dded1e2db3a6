"""The dropout layer."""

from __future__ import annotations

from collections.abc import Sequence

from visualbp.core.arrays import Shape
from visualbp.core.options import FloatOption
from visualbp.core.ref import Ref
from visualbp.layers.base import LayerType, Options, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.dropout import Dropout


class DropoutLayer(LayerType):
    type_name, label, icon = "dropout", "Dropout", "layer_dropout"
    order = 30
    description = "Switches units off at random while training, so that none is relied on."
    options = (FloatOption("rate", 0.5, "the share that is switched off", minimum=0.0, maximum=1.0, open_maximum=True),)

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        h = Ref(name, "h")
        return Lowering((Node(name, Dropout(options["rate"]), (inputs[0],), h),), h)

    def summary(self, options: Options) -> str:
        return f"{self.label}  {options['rate']:g}"


layer_types.register(DropoutLayer())
