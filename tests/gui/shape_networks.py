"""Small networks, one for each shape that values can have: images, sequences, tokens, and what normalises them."""

from __future__ import annotations

import numpy as np

from tests.building import chain, inline
from visualbp.datasets.base import make_spec
from visualbp.network import Network


def images(filters: int = 6) -> Network:
    """Return a convolutional network on digits of 8 x 8: conv (B, filters, 8, 8), pool, norm, flat, output."""
    return chain(
        ("input", "input", {"shape": [1, 8, 8]}),
        ("conv", "conv2d", {"filters": filters, "padding": 1, "activation": "relu"}),
        ("pool", "max_pool2d", {}),
        ("norm", "batch_norm", {}),
        ("conv2", "conv2d", {"filters": 4, "activation": "tanh"}),
        ("flat", "flatten", {}),
        ("output", "dense", {"units": 10}),
        ("loss", "softmax_cross_entropy", {}),
        data=make_spec("digits", {"samples": 20, "image": True}),
        seed=3,
    )


def tokens(heads: int = 2, positions: int = 6) -> Network:
    """Return a network with causal attention on class indices: embed and attend (B, positions, 8)."""
    classes = np.random.default_rng(0).integers(0, 8, (5, positions))
    return chain(
        ("input", "input", {"shape": [positions]}),
        ("embed", "embedding", {"vocabulary": 8, "units": 8}),
        ("attend", "self_attention", {"heads": heads, "causal": True}),
        ("norm", "layer_norm", {}),
        ("output", "dense", {"units": 8}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(classes.astype(float), classes),
        seed=1,
    )


def sequences(return_sequence: bool = True, kind: str = "rnn") -> Network:
    """Return two recurrent layers of a kind on sequences of 7 time steps of 3 features: rnn has 5 units, last has 4."""
    inputs = np.random.default_rng(0).normal(size=(4, 7, 3))
    return chain(
        ("input", "input", {"shape": [7, 3]}),
        ("rnn", kind, {"units": 5, "return_sequence": return_sequence}),
        *([("last", kind, {"units": 4})] if return_sequence else []),
        ("output", "dense", {"units": 2}),
        ("loss", "mean_squared_error", {}),
        data=inline(inputs, inputs.sum(1)[:, :2]),
        seed=1,
    )


def typed(expression: str = "x * sigmoid(x)", derivative: str = "") -> Network:
    """Return a network with an activation that was typed."""
    return chain(
        ("input", "input", {"shape": [2]}),
        ("hidden", "dense", {"units": 4}),
        ("function", "activation", {"function": "custom", "expression": expression, "derivative": derivative}),
        ("norm", "batch_norm", {}),
        ("output", "dense", {"units": 1, "activation": "sigmoid", "weight_norm": True}),
        ("loss", "binary_cross_entropy", {}),
        data=inline([[0, 0], [0, 1], [1, 0], [1, 1]], [[0.0], [1.0], [1.0], [0.0]]),
    )


ALL = {"images": images, "tokens": tokens, "sequences": sequences, "typed": typed}
