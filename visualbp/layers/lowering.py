"""What layers lower to: nodes, each one operation on values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from visualbp.core.ref import Ref
from visualbp.operations.base import Operation


@dataclass(frozen=True)
class Node:
    """One operation applied to values. `operands` are values of this or earlier layers, parameters included.

    `updates` are the layer's buffers that a forward step of training writes too, by the operation's `update` rule.
    """

    layer: str
    operation: Operation
    operands: tuple[Ref, ...]
    output: Ref
    updates: tuple[Ref, ...] = ()

    def operand_label(self, operand: int) -> str:
        """Return the operation's name for an operand, with its place where several have the same name."""
        names = [self.operation.operand_name(place) for place in range(len(self.operands))]
        name = names[operand]
        return name if names.count(name) == 1 else f"{name}[{operand}]"


@dataclass(frozen=True)
class Lowering:
    """A layer as nodes in order, its output, and names that mean a value which has a name already.

    A dense layer without an activation has h = z: `aliases` maps `h` to `z`, and its upstream is its delta.

    `pre_activations` are the values whose gradients are the layer's error signals, in order of time: for a layer that
    is silent about them its `z`, if it has one.
    """

    nodes: tuple[Node, ...]
    output: Ref
    aliases: Mapping[Ref, Ref] = field(default_factory=dict)
    pre_activations: tuple[Ref, ...] = ()
