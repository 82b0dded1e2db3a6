"""Random networks stand for all networks in many tests: what never occurs in them is tried by none of these."""

from __future__ import annotations

from tests.random_networks import random_network
from visualbp.layers import layer_types

SEEDS = 160


def test_layers_of_every_type_occur_in_random_networks() -> None:
    networks = [random_network(seed, with_dropout=bool(seed % 2)) for seed in range(SEEDS)]
    seen = {layer.type for network in networks for layer in network.layers}
    missing = sorted({kind.type_name for kind in layer_types} - seen)
    assert missing == [], f"tests/random_networks.py never draws {missing}: let it"
