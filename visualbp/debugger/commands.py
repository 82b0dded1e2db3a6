"""What can be asked of the debugger: frozen objects, sent to the worker's queue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from visualbp.engine.plan import Phase
from visualbp.network import Network


class Level(StrEnum):
    """How far a step goes."""

    OPERATION = "operation"
    LAYER = "layer"
    PASS = "pass"
    ITERATION = "iteration"
    EPOCH = "epoch"


@dataclass(frozen=True)
class StepForward:
    """Go on by one operation, layer, pass, iteration or epoch."""

    level: Level


@dataclass(frozen=True)
class StepBack:
    """Go back by one operation, layer, pass, iteration or epoch."""

    level: Level


@dataclass(frozen=True)
class Continue:
    """Go on, operation by operation, until a breakpoint, a non-finite value, or a pause."""

    steps_per_second: float | None = None
    """None: as fast as it can be shown."""


@dataclass(frozen=True)
class Train:
    """Run iterations at full speed: this many, or until a pause."""

    iterations: int | None = None


@dataclass(frozen=True)
class Pause:
    """Stop continuing, training, checking or seeking."""


@dataclass(frozen=True)
class Reset:
    """Back to iteration 0, and to the parameters that the network starts from."""


@dataclass(frozen=True)
class Seek:
    """Go to a position: `cursor` steps of iteration `iteration` done. The cursor is cut to what there is."""

    iteration: int
    cursor: int


@dataclass(frozen=True, eq=False)
class SetNetwork:
    """The network has been edited, or another one opened (`fresh`). `folder` is where relative data paths start.

    `train` says that training goes on with it, without a stop that anybody could see; `reload`, that its data have to
    be read again.
    """

    network: Network
    generation: int
    folder: Path | None = None
    fresh: bool = False
    train: bool = False
    reload: bool = False


@dataclass(frozen=True)
class SetBreakpoints:
    """Replace all breakpoints by these: pairs of a phase and a layer."""

    breakpoints: frozenset[tuple[Phase, str]]


@dataclass(frozen=True)
class SetSpeed:
    """Change how fast a run goes on that has begun already; None is as fast as it can be shown."""

    steps_per_second: float | None


@dataclass(frozen=True)
class CheckGradients:
    """Compare every gradient of the batch at hand with finite differences."""

    epsilon: float = 1e-5
    tolerance: float = 1e-5
    method: str = "every"


@dataclass(frozen=True)
class Sync:
    """Answer with a Synced event when everything before this has been carried out."""

    number: int


@dataclass(frozen=True)
class Close:
    """End the worker, whatever it is doing."""


Command = (
    StepForward | StepBack | Continue | Train | Pause | Reset | Seek | SetNetwork | SetBreakpoints | SetSpeed
    | CheckGradients | Sync | Close
)  # fmt: skip

INTERRUPTS = (Pause, SetNetwork, Reset, Close)
"""Commands that end long work at once."""
