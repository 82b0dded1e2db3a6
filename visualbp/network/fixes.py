"""The single edits that rid a network of a problem, as data: a button shows their label, `fixing.fixed` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from visualbp.network.bugs import PlantedBug


@dataclass(frozen=True)
class SetOption:
    """Another value, canonical and hashable, for an option of a layer."""

    layer: str
    option: str
    value: Any

    @property
    def label(self) -> str:
        value = ", ".join(map(str, self.value)) if isinstance(self.value, tuple) else self.value
        return f"Set its {self.option} to {value}"


@dataclass(frozen=True)
class Connect:
    source: str
    target: str

    @property
    def label(self) -> str:
        return f"Connect {self.source} to {self.target}"


@dataclass(frozen=True)
class Disconnect:
    source: str
    target: str

    @property
    def label(self) -> str:
        return f"Remove the connection from {self.source} to {self.target}"


@dataclass(frozen=True)
class AddUp:
    """A new layer that adds up all inputs of a layer which takes one."""

    layer: str

    @property
    def label(self) -> str:
        return "Add up its inputs first"


@dataclass(frozen=True)
class AddInput:
    """A new input layer before this one."""

    target: str

    @property
    def label(self) -> str:
        return f"Add an input before {self.target}"


@dataclass(frozen=True)
class AddLoss:
    """A new loss of this type after a layer; `words` are its label."""

    source: str
    type_name: str
    words: str

    @property
    def label(self) -> str:
        return f"Add a loss after {self.source}: {self.words}"


@dataclass(frozen=True)
class DeleteLayer:
    name: str

    @property
    def label(self) -> str:
        return f"Delete {self.name}"


@dataclass(frozen=True)
class SetBatchSize:
    size: int

    @property
    def label(self) -> str:
        return f"Set the batch size to {self.size}"


@dataclass(frozen=True)
class RemoveBug:
    bug: PlantedBug

    @property
    def label(self) -> str:
        return "Remove this bug"


Fix = SetOption | Connect | Disconnect | AddUp | AddInput | AddLoss | DeleteLayer | SetBatchSize | RemoveBug
