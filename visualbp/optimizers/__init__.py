"""The optimisers: how a gradient becomes a change of a parameter. One file each, found by the registry."""

from visualbp.optimizers.base import Optimizer, optimizers

__all__ = ["Optimizer", "optimizers"]
