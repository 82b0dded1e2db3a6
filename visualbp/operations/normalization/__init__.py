"""Normalisation over the batch, over a sample's units, or over groups of its channels."""

from visualbp.operations.normalization.batch_norm import BatchNorm
from visualbp.operations.normalization.group_norm import GroupNorm
from visualbp.operations.normalization.layer_norm import LayerNorm
from visualbp.operations.normalization.terms import Normalization

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "Normalization"]
