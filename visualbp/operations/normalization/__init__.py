"""Batch norm and layer norm: their rules, their terms, and their words."""

from visualbp.operations.normalization.words import BatchNorm, LayerNorm, Normalization

__all__ = ["BatchNorm", "LayerNorm", "Normalization"]
