"""What changed between two networks: what a session must compile anew, and the words of an undo step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visualbp.network.network import Network


@dataclass(frozen=True)
class Difference:
    """The differences between two networks, by layer name."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    """Layers whose type, options or frozen parameters differ."""
    connections: bool
    training: bool
    data: bool
    seed: bool
    parameters: tuple[tuple[str, str], ...]
    """(layer, parameter) pairs that are given differently."""
    positions: bool
    bugs: bool

    @property
    def needs_new_plan(self) -> bool:
        """Whether anything but positions and given parameters differs."""
        layers = self.added or self.removed or self.changed or self.connections
        return bool(layers or self.training or self.data or self.seed or self.bugs)


def difference(old: Network, new: Network) -> Difference:
    """Return what differs from `old` to `new`."""
    before = {layer.name: layer for layer in old.layers}
    after = {layer.name: layer for layer in new.layers}
    return Difference(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(name for name, layer in after.items() if name in before and before[name] != layer),
        connections=old.connections != new.connections,
        training=old.training != new.training,
        data=old.data is not new.data and old.data != new.data,
        seed=(old.seed, old.precision) != (new.seed, new.precision),
        parameters=tuple(_changed_parameters(old, new)),
        positions=dict(old.positions) != dict(new.positions),
        bugs=old.bugs != new.bugs,
    )


def _changed_parameters(old: Network, new: Network) -> list[tuple[str, str]]:
    pairs = {(name, key) for network in (old, new) for name, arrays in network.parameters.items() for key in arrays}
    changed = []
    for name, key in sorted(pairs):
        one, other = old.parameters.get(name, {}).get(key), new.parameters.get(name, {}).get(key)
        if one is other:
            continue
        if one is None or other is None or not np.array_equal(one, other, equal_nan=True):
            changed.append((name, key))
    return changed


def renamed_layers(old: Network, new: Network) -> dict[str, str]:
    """Return old name: new name for layers that stand at the same place of the list, the same but for their name."""
    if len(old.layers) != len(new.layers):
        return {}
    before, after = set(old.names), set(new.names)
    return {
        one.name: other.name
        for one, other in zip(old.layers, new.layers, strict=True)
        if one.name not in after
        and other.name not in before
        and one.type == other.type
        and one.options == other.options
    }
