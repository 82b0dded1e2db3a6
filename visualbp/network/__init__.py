"""The network as a person draws it: frozen, edited by pure functions, checked before it runs."""

from visualbp.network.network import Clip, Layer, Network, Training
from visualbp.network.structure import Problem, Structure, connection_problem, structure_of

__all__ = ["Clip", "Layer", "Network", "Problem", "Structure", "Training", "connection_problem", "structure_of"]
