"""What a run is told and what it answers, as data: where it is to end, the moves it is made of, and why it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from visualbp.engine.plan import Between, go_on

ALWAYS = float("inf")
"""An iteration that no run gets to."""


class Reason(StrEnum):
    """Why a run ended."""

    DONE = "done"
    BREAKPOINT = "breakpoint"
    NOT_FINITE = "not finite"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Stop:
    """The end of a run. `text` says it to a person; what there is to decide is decided by `reason`."""

    reason: Reason
    text: str = ""


class NotFinite(Enum):
    """What a run does about a value that is not finite."""

    PASS = auto()
    """Goes on: what is replayed has been seen, and what is only measured is looked at afterwards."""
    STOP = auto()
    """Ends where it came up."""
    FIND = auto()
    """Ends, having gone back to the first one where iterations at full speed may have passed it."""


@dataclass(frozen=True)
class Until:
    """Where a run ends at the latest: with `cursor` steps of `iteration` done; and what else ends it.

    A condition that is to end runs is one more field here, and one more Reason.
    """

    iteration: float = ALWAYS
    cursor: int = 0
    not_finite: NotFinite = NotFinite.FIND
    breakpoints: bool = False
    """Whether it ends before a group of steps that has a breakpoint, the one that it begins with left aside."""

    def is_reached(self, iteration: int, cursor: int) -> bool:
        """Whether a position is at the end of the run, or past it."""
        return (iteration, cursor) >= (self.iteration, self.cursor)


@dataclass(frozen=True)
class FullSpeed:
    """A move: whole iterations without a record, as long as `goes_on` says so; one that has begun is finished.

    The last iteration of a run is left to be recorded, unless the move is `to_the_end`. `ran` is told the number and
    the loss of each. `between` is called within a long one; raising StoppedError, it ends the move at that one's start.
    """

    goes_on: Callable[[], bool] = lambda: True
    ran: Callable[[int, float], None] = lambda iteration, loss: None
    to_the_end: bool = False
    between: Between = go_on


@dataclass(frozen=True)
class Recorded:
    """A move: steps of one iteration, each on record, until `cursor` of them are done, or all; or until `stops`.

    It always takes one, so that whoever is interrupted again and again gets on. With `looks_back` a value that is not
    finite may have come up before it, at full speed.
    """

    cursor: int | None = None
    stops: Callable[[], bool] = lambda: False
    looks_back: bool = False


Move = FullSpeed | Recorded
