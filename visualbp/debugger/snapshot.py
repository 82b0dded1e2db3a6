"""What the window sees: numbered, read-only pictures of the state. Nothing in a snapshot is ever written again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from functools import cached_property

from visualbp.analysis.gradient_flow import Badge
from visualbp.core.arrays import Array
from visualbp.core.ref import Ref, named
from visualbp.datasets import Dataset
from visualbp.engine.executor import NonFinite
from visualbp.engine.plan import Phase, Plan, Step
from visualbp.network import Network, Problem


class Mode(StrEnum):
    """What the worker is doing."""

    IDLE = "idle"
    CONTINUING = "continuing"
    TRAINING = "training"
    CHECKING = "checking"
    SEEKING = "seeking"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state between two steps.

    `cursor` steps of iteration `iteration` are done; `step` is the last of them. `values` holds what has been computed
    in this iteration, and the parameters: a value that is not there has not been computed yet. `stale` are values shown
    that an edit has outdated. `plan` is None for a network that cannot run; `problems` say why.
    """

    generation: int
    serial: int
    network: Network
    _: KW_ONLY
    plan: Plan | None = None
    dataset: Dataset | None = None
    problems: tuple[Problem, ...] = ()
    iteration: int = 0
    epoch: int = 0
    cursor: int = 0
    step: Step | None = None
    values: Mapping[Ref, Array] = field(default_factory=dict)
    norms: Mapping[Ref, float] = field(default_factory=dict)
    stale: frozenset[Ref] = frozenset()
    batch: Array | None = None
    """The places of the batch's samples in `dataset`."""
    mode: Mode = Mode.IDLE
    message: str = ""
    """Why it stopped, or where it stands, in words."""
    trouble: NonFinite | None = None
    """A non-finite value, found and named."""
    breakpoints: frozenset[tuple[Phase, str]] = frozenset()
    can_go_back: bool = False
    start: Mapping[Ref, Array] | None = None
    """While parameters are being updated: what they, and the optimiser's arrays, were at the start of the iteration.
    None at other times, when `values` holds them, and after running at full speed, which does not keep them."""
    first_iteration: int = 0
    """The iteration in which the optimiser's arrays were zero."""

    def get(self, layer: str, role: str) -> Array | None:
        """Return an array by the names that people use (`z`, `h`, `delta`, `upstream`, `weight`), or None if absent."""
        return self.find(named(layer, role))

    def find(self, value: Ref) -> Array | None:
        """Return the array of a value, by any of its names, or None if it is not computed yet."""
        return self.values.get(self.resolve(value))

    def norm(self, layer: str, role: str) -> float | None:
        """Return the norm of an array by the names that people use, or None if it is not computed yet."""
        return self.norms.get(self.resolve(named(layer, role)))

    def is_stale(self, value: Ref) -> bool:
        """Whether an edit has outdated a value that is still shown."""
        return self.resolve(value) in self.stale

    def resolve(self, value: Ref) -> Ref:
        """Return the name under which a value is kept; without a plan, the name as it is."""
        return value if self.plan is None else self.plan.resolve(value)

    @cached_property
    def rows(self) -> Array | None:
        """The row in the data of each sample of the batch: its name, which is the same in every batch."""
        return self.batch if self.batch is None or self.dataset is None else self.dataset.rows_of(self.batch)

    @property
    def loss(self) -> float | None:
        """The loss of the data in this iteration, once it is computed."""
        array = None if self.plan is None else self.values.get(self.plan.loss)
        return None if array is None else float(array)

    @property
    def phase(self) -> Phase | None:
        """The phase of the last step done; None at the start of an iteration."""
        return self.step.phase if self.step else None

    @property
    def next_step(self) -> Step | None:
        """The step that comes next in this iteration; None at its end."""
        if self.plan is None or self.cursor >= len(self.plan.steps):
            return None
        return self.plan.steps[self.cursor]

    @property
    def is_running(self) -> bool:
        """Whether the worker is at anything: continuing, training, checking or seeking."""
        return self.mode != Mode.IDLE


@dataclass(frozen=True, eq=False)
class Losses:
    """The losses of iterations `first`, `first` + 1, ...: points that may not be dropped."""

    first: int
    losses: Sequence[float] | Array


@dataclass(frozen=True)
class LayerNorms:
    """The norms of one layer at the end of an iteration; None where it has none."""

    delta: float | None
    weight_gradient: float | None
    bias_gradient: float | None
    update_ratio: float | None
    badges: tuple[Badge, ...] = ()
    """What is wrong with the flow through it, in words."""


@dataclass(frozen=True)
class Metrics:
    """What is measured now and then: at every iteration that is stepped, at each frame of training."""

    iteration: int
    accuracy: float | None
    held_out_accuracy: float | None
    layers: Mapping[str, LayerNorms]


@dataclass(frozen=True)
class Truncate:
    """Points from this iteration on belong to a past that an edit or a reset has replaced."""

    iteration: int


@dataclass(frozen=True)
class Failure:
    """Something could not be done; the worker goes on. `text` is for people.

    `traceback` is empty where a person can mend it (a network that cannot run, nothing to go back to). Otherwise it is
    a fault of the program, and belongs into the log.
    """

    text: str
    traceback: str = ""


@dataclass(frozen=True)
class Progress:
    """How far long work is, from 0 to 1."""

    work: Mode
    share: float


@dataclass(frozen=True, eq=False)
class CheckDone:
    """A gradient check has ended; `result` is an analysis.CheckResult, or None if it was cancelled."""

    generation: int
    iteration: int
    result: object | None
    seconds: float = 0.0


@dataclass(frozen=True)
class Synced:
    """All commands before this Sync have been carried out."""

    number: int


Event = Losses | Metrics | Truncate | Failure | Progress | CheckDone | Synced
