"""A layer's weight, plain or with weight normalisation: what dense and convolutional layers share."""

from __future__ import annotations

from collections.abc import Mapping

from visualbp.core.arrays import Array, Shape
from visualbp.core.options import BoolOption, Choice
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.layers.base import ParameterSpec, ShapeError
from visualbp.layers.lowering import Node
from visualbp.operations.activations import activations
from visualbp.operations.weight_norm import WeightNorm, gain_shape, lengths

WEIGHT_NORM = BoolOption("weight_norm", False, "whether W is a direction and a length for each unit, learnt apart")
ONE = Choice("constant", {"value": 1.0})


def _initial_gain(own: Mapping[str, Array]) -> Array:
    return lengths(own["weight_direction"])


def weight_parameters(shape: Shape, initializer: Choice, weight_norm: bool) -> tuple[ParameterSpec, ...]:
    """Return the parameters of a weight (n_out, ...): itself, or its direction and its gain.

    Both forms start from the same weight. Raises ShapeError for weights that start from 0 and so have no direction.
    """
    if not weight_norm:
        return (ParameterSpec("weight", shape, initializer, penalised=True),)
    if initializer.type == "zeros" or (initializer.type == "constant" and initializer.options["value"] == 0.0):
        raise ShapeError(
            "has weight norm, and its weights start from 0, which has no direction",
            "choose another initialiser for the weights",
        )
    return (
        ParameterSpec("weight_direction", shape, initializer, penalised=True, drawn_as="weight"),
        ParameterSpec("weight_gain", gain_shape(shape), ONE, penalised=True, initial=_initial_gain),
    )


def lower_weight(name: str, weight_norm: bool) -> tuple[tuple[Node, ...], Ref]:
    """Return the nodes that make the weight of the layer called `name`, and the weight."""
    weight = Ref(name, "weight")
    if not weight_norm:
        return (), weight
    parts = (Ref(name, "weight_direction"), Ref(name, "weight_gain"))
    return (Node(name, WeightNorm(), parts, weight),), weight


def weighted_code(context: LayerContext, module: str) -> LayerCode:
    """Return a layer of PyTorch's `module`, with its weight in the one or the other form, and then its activation."""
    choice = context.options["activation"]
    call = activations.get(choice.type)(**choice.options).to_pytorch(context.module_call, context.functions)
    if not context.options["weight_norm"]:
        return LayerCode(call, module)
    renamed = {
        "weight_direction": "parametrizations.weight.original1",
        "weight_gain": "parametrizations.weight.original0",
    }
    brings = "from torch.nn.utils.parametrizations import weight_norm"
    return LayerCode(call, f"weight_norm({module})", renamed, imports=(brings,))
