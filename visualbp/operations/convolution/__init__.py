"""Convolution: its rules, its terms, and its words."""

from visualbp.operations.convolution.words import Convolution

__all__ = ["Convolution"]
