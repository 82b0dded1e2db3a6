"""Finding the operation that made the first value that is not finite, after iterations at full speed have passed it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import repeat, takewhile

from visualbp.debugger.history import History
from visualbp.debugger.until import FullSpeed, Move, NotFinite, Reason, Recorded, Stop, Until
from visualbp.engine import Executor

RECORDED_AT_MOST = 64
"""Over more iterations than this, checkpoints are made anew at full speed before any are recorded."""


def go_to_first_non_finite(
    executor: Executor,
    history: History,
    run: Callable[[Until, Iterable[Move]], Stop],
    interrupted: Callable[[], bool],
) -> None:
    """Go from where the executor stands back to the step that made the first value that is not finite.

    `run` is the loop of the executor. A value that came to nothing, such as an infinite z before a sigmoid, is found
    if every iteration since has had one.
    """
    end = Until(executor.iteration, len(executor.plan.steps), NotFinite.STOP)
    _go_before(executor, history, executor.iteration, run)
    if end.iteration - executor.iteration > RECORDED_AT_MOST:  # checkpoints were thinned: make new ones on the way
        run(end, (FullSpeed(lambda: not interrupted(), to_the_end=True),))
        _go_before(executor, history, executor.iteration, run)
    run(end, takewhile(lambda move: not interrupted(), repeat(Recorded(stops=interrupted))))


def _go_before(executor: Executor, history: History, last: int, run: Callable[[Until, Iterable[Move]], Stop]) -> None:
    """Go to the last checkpoint whose iteration is all finite; once one is not, those after it seldom are."""

    def has_trouble(iteration: int) -> bool:
        executor.restore(*history.nearest(iteration))
        whole = Until(executor.iteration, len(executor.plan.steps), NotFinite.STOP)
        return run(whole, (Recorded(),)).reason == Reason.NOT_FINITE

    kept = history.until(last)
    place = bisect_left(kept, True, key=has_trouble)
    executor.restore(*history.nearest(kept[max(place - 1, 0)]))
