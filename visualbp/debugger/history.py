"""Going back across iterations: checkpoints of what outlives an iteration, thinned to a budget; replay does the rest.

Every iteration is a function of its start and its number, so any state can be made again, to the bit, from a checkpoint
before it. Checkpoints are kept dense near the newest and sparse far back: going back one costs little, and going back
ten thousand costs a longer replay, once.
"""

from __future__ import annotations

from bisect import bisect_right, insort

from visualbp.core.arrays import Array

BUDGET = 64 * 2**20
"""Bytes of checkpoints."""
MOST = 8192
"""Checkpoints: of a small network, more would be a matter of objects rather than of numbers."""
OVERHEAD = 400
"""Bytes that a checkpoint costs beside its numbers."""


class History:
    """Checkpoints by the iteration at whose start they were taken. The first is never dropped: history ends there.

    A parameter edited by hand makes a *barrier*: whoever runs across its iteration takes the edited start, so that a
    replay across an edit gives what the person saw.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self._iterations: list[int] = []
        self._saved: dict[int, Array] = {}
        self._bytes = 0
        self.barriers: dict[int, Array] = {}

    @property
    def first(self) -> int:
        """The earliest iteration that can be gone back to."""
        return self._iterations[0] if self._iterations else 0

    @property
    def bytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._iterations)

    def clear(self) -> None:
        self._iterations.clear()
        self._saved.clear()
        self.barriers.clear()
        self._bytes = 0

    def add(self, iteration: int, saved: Array) -> None:
        """Keep `saved`, the state at the start of `iteration`."""
        if iteration not in self._saved:
            insort(self._iterations, iteration)
            self._bytes += saved.nbytes + OVERHEAD
        self._saved[iteration] = saved
        if self._bytes > self.budget or len(self) > MOST:
            self._thin(newest=iteration)

    def add_barrier(self, iteration: int, saved: Array) -> None:
        """From now on iteration `iteration` starts from `saved`; what came after it is forgotten."""
        self.forget_after(iteration - 1)
        self.barriers[iteration] = saved
        self.add(iteration, saved)

    def forget_after(self, iteration: int) -> None:
        """Drop all checkpoints and barriers of later iterations."""
        for later in [i for i in self._iterations if i > iteration]:
            self._drop(later)
        self.barriers = {i: saved for i, saved in self.barriers.items() if i <= iteration}

    def nearest(self, iteration: int) -> tuple[int, Array]:
        """Return the last checkpoint at or before `iteration`. Raises LookupError before the first."""
        place = bisect_right(self._iterations, iteration)
        if not place:
            raise LookupError(f"history begins at iteration {self.first}")
        found = self._iterations[place - 1]
        return found, self._saved[found]

    def until(self, iteration: int) -> list[int]:
        """Return the iterations of all checkpoints at or before `iteration`."""
        return self._iterations[: bisect_right(self._iterations, iteration)]

    def _drop(self, iteration: int) -> None:
        self._iterations.remove(iteration)
        self._bytes -= self._saved.pop(iteration).nbytes + OVERHEAD

    def _thin(self, newest: int) -> None:
        """Drop a third of the checkpoints: those whose going leaves the smallest gap for their distance from now."""
        candidates = []
        for before, here, after in zip(self._iterations, self._iterations[1:], self._iterations[2:], strict=False):
            if here not in self.barriers:
                candidates.append(((after - before) / (abs(newest - here) + 1), here))
        candidates.sort()
        kept_neighbours: set[int] = set()
        wanted = max(1, len(candidates) // 3)
        positions = {iteration: place for place, iteration in enumerate(self._iterations)}
        doomed = []
        for _, iteration in candidates:
            if iteration in kept_neighbours:
                continue
            place = positions[iteration]
            kept_neighbours |= {self._iterations[place - 1], self._iterations[place + 1]}
            doomed.append(iteration)
            if len(doomed) == wanted:
                break
        for iteration in doomed:
            self._bytes -= self._saved.pop(iteration).nbytes + OVERHEAD
        gone = set(doomed)
        self._iterations = [iteration for iteration in self._iterations if iteration not in gone]


def replay_stops(start: int, target: int) -> set[int]:
    """Return the iterations at which a replay from `start` to `target` leaves checkpoints: target-1, -2, -4, ..."""
    stops, distance = set(), 1
    while target - distance > start:
        stops.add(target - distance)
        distance *= 2
    return stops
