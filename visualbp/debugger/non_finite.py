"""Finding the operation that made the first value that is not finite, after iterations at full speed have passed it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import numpy as np

from visualbp.debugger.history import History
from visualbp.engine import Executor

RECORDED_AT_MOST = 64
"""Over more iterations than this, checkpoints are made anew at full speed before any are recorded."""


def go_to_first_non_finite(
    executor: Executor,
    history: History,
    train_one: Callable[[], tuple[int, float]],
    cross: Callable[[Executor], None],
    interrupted: Callable[[], bool],
) -> None:
    """Go from where the executor stands back to the step that made the first value that is not finite.

    `train_one` runs an iteration at full speed, `cross` goes from the end of one to the start of the next. A value that
    came to nothing, such as an infinite z before a sigmoid, is found if every iteration since has had one.
    """
    last = executor.iteration
    _go_before(executor, history, last)
    if last - executor.iteration > RECORDED_AT_MOST:  # checkpoints have been thinned: make new ones on the way
        while executor.iteration < last and np.isfinite(train_one()[1]) and not interrupted():
            pass
        _go_before(executor, history, executor.iteration)
    while executor.iteration <= last and executor.non_finite is None and not interrupted():
        if executor.at_end:
            if executor.iteration == last:
                return
            cross(executor)
        executor.step()


def _go_before(executor: Executor, history: History, last: int) -> None:
    """Go to the last checkpoint whose iteration is all finite; once one is not, those after it seldom are."""
    kept = history.until(last)
    place = bisect_left(kept, True, key=lambda iteration: _has_trouble(executor, history, iteration))
    executor.restore(*history.nearest(kept[max(place - 1, 0)]))


def _has_trouble(executor: Executor, history: History, iteration: int) -> bool:
    executor.restore(*history.nearest(iteration))
    while executor.non_finite is None and not executor.at_end:
        executor.step()
    return executor.non_finite is not None
