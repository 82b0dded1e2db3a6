"""The loss layers: one for each entry of the registry of losses."""

from __future__ import annotations

from collections.abc import Sequence

from visualbp.core.arrays import Shape
from visualbp.core.ref import Ref
from visualbp.layers.base import LayerType, Options, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.losses import Loss, losses


class LossLayer(LayerType):
    """The end of the graph: a loss of the prediction, its one input, and the data's target."""

    family = "loss"
    category, icon, is_loss, default_name = "Losses", "layer_loss", True, "loss"

    def __init__(self, loss: type[Loss]) -> None:
        self.loss = loss
        self.type_name = loss.type_name  # type: ignore[misc]
        self.label = loss.label  # type: ignore[misc]
        self.description = loss.description  # type: ignore[misc]
        self.options = loss.options  # type: ignore[misc]

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        return ()

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        loss = Ref(name, "loss")
        node = Node(name, self.loss(**options), (inputs[0], Ref(name, "target")), loss)
        return Lowering((node,), loss)


for _loss in losses:
    layer_types.register(LossLayer(_loss))
