"""What an entry of a registry is in a PyTorch program: the words in which layers, activations, losses, optimisers and
schedules say it, each in its own file (`to_pytorch`). `interchange/` puts the parts together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from visualbp.core.arrays import Shape


class ExportError(ValueError):
    """A network that another program cannot run as it is. The message names the layer and says why."""


@dataclass(frozen=True)
class ModuleClass:
    """A module that a program carries along, for a layer that PyTorch has in another form or not at all.

    `source` is the whole class. One that `draws` random numbers is told what comes next, before each batch, by its
    method `prepare(iteration, size, places)`: the samples at `places` of an iteration's batch of `size` samples.
    """

    name: str
    source: str
    draws: bool = False


@dataclass(frozen=True)
class LayerCode:
    """One layer as code. `call` computes its output; `make` is its module, if it has one; `parameters` maps the names
    of its parameters and buffers to those that the module gives them, where they differ.

    `carried` is the module's class, if it is not PyTorch's own, and `imports` are the lines that bring in what else it
    needs. `one_process_only` says why several processes, each with its share of a batch, would not compute what the
    layer computes; it is empty where they do.
    """

    call: str
    make: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    carried: ModuleClass | None = None
    imports: tuple[str, ...] = ()
    one_process_only: str = ""


class FunctionClasses:
    """The functions of one program that are classes of its own, called Custom, Custom2, ..."""

    NAMES = r"Custom\d*"
    """A regular expression: no layer may be called so in the program."""

    def __init__(self) -> None:
        self._made: dict[Hashable, tuple[str, str]] = {}

    def name_of(self, function: Hashable, source_of: Callable[[str], str]) -> str:
        """Return the name of the class for a function; `source_of` its name is its source, asked for once."""
        if function not in self._made:
            name = f"Custom{len(self._made) + 1 if self._made else ''}"
            self._made[function] = name, source_of(name)
        return self._made[function][0]

    @property
    def sources(self) -> list[str]:
        """The source of each class, in the order in which they were asked for."""
        return [source for _, source in self._made.values()]


@dataclass(frozen=True)
class LayerContext:
    """What a layer may know of its place in a program: its name there and in the model, the names of its inputs and
    the shapes of a sample of each. `stream_of` numbers the random stream of one of its operations, by its name."""

    layer: str
    name: str
    options: Mapping[str, Any]
    inputs: Sequence[str]
    shapes: Sequence[Shape]
    functions: FunctionClasses
    stream_of: Callable[[str], int]

    @property
    def module_call(self) -> str:
        """The layer's module, applied to its first input."""
        return f"self.{self.name}({self.inputs[0]})"
