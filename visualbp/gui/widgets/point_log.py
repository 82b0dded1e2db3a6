"""Points by iteration, in bounded memory: rows of numbers, in order, each iteration once."""

from __future__ import annotations

import numpy as np

MOST_POINTS = 8192
"""Beyond these every second point is dropped: a picture has fewer pixels than that."""
FEWEST_POINTS = 256
"""So many may be there, however wide their rows are."""
MOST_BYTES = 4 * 2**20
"""Bytes of rows, from which every second point is dropped as well: of a thousand layers a point takes 32 kB."""


class PointLog:
    """Rows of `width` numbers by iteration. Going back and on again replaces rows; nothing is kept twice."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.most = max(FEWEST_POINTS, min(MOST_POINTS, MOST_BYTES // (8 * max(1, width))))
        self._count = 0
        self._iterations = np.zeros(256, np.int64)
        self._rows = np.full((256, width), np.nan)

    def __len__(self) -> int:
        return self._count

    @property
    def iterations(self) -> np.ndarray:
        """The iterations that points are kept of."""
        return self._iterations[: self._count]

    @property
    def rows(self) -> np.ndarray:
        """Return the numbers, (points, width)."""
        return self._rows[: self._count]

    def add(self, iteration: int, row: np.ndarray | tuple[float, ...]) -> None:
        """Take a row, in its place."""
        place = int(np.searchsorted(self.iterations, iteration))
        if place == self._count or self._iterations[place] != iteration:
            place = self._open(place)
        self._iterations[place] = iteration
        self._rows[place] = row

    def _open(self, place: int) -> int:
        """Make room for a row at `place`, and return where that is now."""
        if self._count >= self.most:
            kept = (self._count + 1) // 2
            self._iterations[:kept] = self._iterations[: self._count : 2].copy()
            self._rows[:kept] = self._rows[: self._count : 2].copy()
            self._count, place = kept, (place + 1) // 2
        if self._count == len(self._iterations):
            self._iterations = np.concatenate([self._iterations, np.zeros_like(self._iterations)])
            self._rows = np.concatenate([self._rows, np.full_like(self._rows, np.nan)])
        for array in (self._iterations, self._rows):
            array[place + 1 : self._count + 1] = array[place : self._count].copy()
        self._count += 1
        return place

    def truncate(self, iteration: int) -> None:
        """Forget the rows from `iteration` on."""
        self._count = int(np.searchsorted(self.iterations, iteration))

    def latest(self, iteration: int) -> np.ndarray | None:
        """Return the row of `iteration`, or of the last one before it, or None."""
        place = int(np.searchsorted(self.iterations, iteration, side="right")) - 1
        return None if place < 0 else self._rows[place]
