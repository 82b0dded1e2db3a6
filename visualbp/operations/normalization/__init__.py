"""Normalisation over the batch or over a sample's units, each a whole room."""

from visualbp.operations.normalization.batch_norm import BatchNorm
from visualbp.operations.normalization.layer_norm import LayerNorm
from visualbp.operations.normalization.terms import Normalization

__all__ = ["BatchNorm", "LayerNorm", "Normalization"]
