"""Going back across iterations: checkpoints of what outlives an iteration, thinned with age; replay does the rest.

Every iteration is a function of its start and its number, so any state can be made again, to the bit, from a checkpoint
before it. Checkpoints are kept dense near the newest and sparse far back: going back one costs little, and going back
ten thousand costs a longer replay, once.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from visualbp.core.arrays import Array, read_only
from visualbp.debugger.rows import Rows

BUDGET = 64 * 2**20
"""Bytes of checkpoints, at most."""
SMALL, MIDDLE = 2**22, 2**23
"""Bytes that are never too many, and bytes that are enough."""
AGES = 128
"""Checkpoints that are enough. Thinned with their age, about ten stand in each doubling of the distance, so that a
replay takes a tenth of the way back; more of them would go on filling memory for minutes."""
FEW, FEWEST = 12, 4
"""Checkpoints of a large network, as far as the budget goes, and of the largest: first, newest, and two between."""
MOST = 8192
"""Checkpoints of the smallest network."""


def most_checkpoints(size: int) -> int:
    """Return how many checkpoints of `size` bytes are kept: the smaller one is, the more."""
    size = max(1, size)
    enough = max(SMALL, min(MIDDLE, AGES * size)) // size
    return max(FEWEST, min(MOST, max(enough, min(FEW, BUDGET // size))))


class History:
    """Checkpoints by the iteration at whose start they were taken. The first is never dropped: history ends there.

    A parameter edited by hand makes a *barrier*: whoever runs across its iteration takes the edited start, so that a
    replay across an edit gives what the person saw.
    """

    def __init__(self, most: int | None = None) -> None:
        self._asked = most
        self.clear()

    @property
    def first(self) -> int:
        """The earliest iteration that can be gone back to."""
        return self._iterations[0] if self._iterations else 0

    @property
    def bytes(self) -> int:
        """What the checkpoints hold of memory."""
        return self._rows.bytes

    def __len__(self) -> int:
        return len(self._iterations)

    def clear(self) -> None:
        """Forget all checkpoints, and all barriers."""
        self._iterations = array("q")
        self._places = array("q")
        """Of the checkpoint at the same index of `_iterations`, its place in `_rows`."""
        self._rows = Rows()
        self.barriers: dict[int, Array] = {}

    def add(self, iteration: int, saved: Array) -> None:
        """Keep `saved`, the state at the start of `iteration`."""
        index = bisect_left(self._iterations, iteration)
        if index < len(self) and self._iterations[index] == iteration:
            self._rows.drop(self._places[index])
            self._places[index] = self._rows.put(saved)
            return
        self._iterations.insert(index, iteration)
        self._places.insert(index, self._rows.put(saved))
        if len(self) > (self._asked or most_checkpoints(saved.nbytes)):
            self._thin(newest=iteration)

    def add_barrier(self, iteration: int, saved: Array) -> None:
        """From now on iteration `iteration` starts from `saved`; what came after it is forgotten."""
        self.forget_after(iteration - 1)
        self.barriers[iteration] = saved
        self.add(iteration, saved)

    def forget_after(self, iteration: int) -> None:
        """Drop all checkpoints and barriers of later iterations."""
        self._drop(range(bisect_right(self._iterations, iteration), len(self)))
        self.barriers = {i: saved for i, saved in self.barriers.items() if i <= iteration}

    def nearest(self, iteration: int) -> tuple[int, Array]:
        """Return the last checkpoint at or before `iteration`. Raises LookupError before the first."""
        index = bisect_right(self._iterations, iteration)
        if not index:
            raise LookupError(f"history begins at iteration {self.first}")
        return self._iterations[index - 1], read_only(self._rows[self._places[index - 1]])

    def until(self, iteration: int) -> list[int]:
        """Return the iterations of all checkpoints at or before `iteration`."""
        return list(self._iterations[: bisect_right(self._iterations, iteration)])

    def _drop(self, indices: range | set[int]) -> None:
        for index in indices:
            self._rows.drop(self._places[index])
        kept = [index for index in range(len(self)) if index not in indices]
        self._iterations = array("q", [self._iterations[index] for index in kept])
        self._places = array("q", [self._places[index] for index in kept])

    def _thin(self, newest: int) -> None:
        """Drop a third of the checkpoints: those whose going leaves the smallest gap for their distance from now."""
        at = self._iterations
        inner = [index for index in range(1, len(at) - 1) if at[index] not in self.barriers]
        inner.sort(key=lambda index: ((at[index + 1] - at[index - 1]) / (abs(newest - at[index]) + 1), at[index]))
        doomed: set[int] = set()
        for index in inner:  # no two neighbours go at once: the gap was reckoned with both of them there
            if not doomed & {index - 1, index + 1}:
                doomed.add(index)
            if len(doomed) >= len(inner) / 3:
                break
        self._drop(doomed)


def replay_stops(start: int, target: int) -> set[int]:
    """Return the iterations at which a replay from `start` to `target` leaves checkpoints: target-1, -2, -4, ..."""
    stops, distance = set(), 1
    while target - distance > start:
        stops.add(target - distance)
        distance *= 2
    return stops
