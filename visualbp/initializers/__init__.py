"""Where weights start from: one entry for each rule, drawn from a generator that the caller seeds."""

from visualbp.initializers.base import Initializer, initial_values, initializers

__all__ = ["Initializer", "initial_values", "initializers"]
