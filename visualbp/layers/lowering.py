"""What layers lower to: nodes, each one operation on values, and the names of the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from visualbp.operations.base import Operation


class Value(NamedTuple):
    """The name of one array of an iteration: whose it is, and what it is.

    Roles on the way forward: `z`, `h`, the loss's `loss`, `penalty` and `target`, a layer's own (such as `scores`), and
    parameters by their names (`weight`). On the way back: `delta` (dL/dz), `upstream` (dL/dh), `gradient/ROLE` for all
    others. Where a value is used by several layers, each sends back a part of its gradient; `part` names the sender.
    """

    layer: str
    role: str
    part: str = ""

    @property
    def gradient(self) -> Value:
        """The name of dL / d self."""
        return Value(self.layer, {"z": "delta", "h": "upstream"}.get(self.role, f"gradient/{self.role}"))

    @property
    def is_gradient(self) -> bool:
        return self.role in ("delta", "upstream") or self.role.startswith("gradient/")

    @property
    def text(self) -> str:
        """The name for people: `hidden.weight`, `hidden.upstream from output`."""
        return f"{self.layer}.{self.role}" + (f" from {self.part}" if self.part else "")


@dataclass(frozen=True)
class Node:
    """One operation applied to values. `operands` are values of this or earlier layers, parameters included.

    `updates` are the layer's buffers that a forward step of training writes too, by the operation's `update` rule.
    """

    layer: str
    operation: Operation
    operands: tuple[Value, ...]
    output: Value
    updates: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Lowering:
    """A layer as nodes in order, the value that it hands on, and names that mean a value which has a name already.

    A dense layer without an activation has h = z: `aliases` maps `h` to `z`, and its upstream is its delta.
    """

    nodes: tuple[Node, ...]
    output: Value
    aliases: Mapping[Value, Value] = field(default_factory=dict)
