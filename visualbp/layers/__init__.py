"""What a person drops on the canvas. One file for each layer type, found by the registry."""

from visualbp.layers.base import LayerType, ParameterSpec, ShapeError, layer_types
from visualbp.layers.lowering import Lowering, Node

__all__ = ["LayerType", "Lowering", "Node", "ParameterSpec", "ShapeError", "layer_types"]
