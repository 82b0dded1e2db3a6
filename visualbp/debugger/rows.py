"""Arrays of one size, kept by the hundred or by the thousand, in memory that grows to its most once and stays there.

Small ones are rows of blocks, so that each costs its numbers and no object; what is dropped leaves a row that the next
one takes. Given back to the allocator instead, memory would wander with every thinning.
"""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import Array

BLOCK = 2**16
"""Bytes of a block; an array that is larger has a block of its own."""
LARGE = 2**20
"""Bytes from which an array is kept as it came, without a copy, and given back when it is dropped."""


class Rows:
    """Flat arrays by the place that `put` gave them. All have the size and the kind of number of the first."""

    def __init__(self) -> None:
        self._blocks: list[Array] = []
        self._large: dict[int, Array] = {}
        self._free: list[int] = []
        self._in_block = 1
        self._nbytes: int | None = None

    @property
    def bytes(self) -> int:
        """What is held of memory, rows that wait to be taken included."""
        return sum(block.nbytes for block in self._blocks) + sum(array.nbytes for array in self._large.values())

    def put(self, array: Array) -> int:
        """Keep `array`, which is not written again, and return its place. Raises ValueError for another size."""
        if self._nbytes is None:
            self._nbytes = array.nbytes
            self._in_block = max(1, BLOCK // max(1, array.nbytes))
        elif array.nbytes != self._nbytes:
            raise ValueError(f"an array of {array.nbytes} bytes among arrays of {self._nbytes}")
        if array.nbytes >= LARGE:
            place = self._free.pop() if self._free else len(self._large)
            self._large[place] = array
            return place
        if not self._free:
            first = len(self._blocks) * self._in_block
            self._free.extend(range(first + self._in_block - 1, first - 1, -1))
            self._blocks.append(np.empty((self._in_block, *array.shape), array.dtype))
        place = self._free.pop()
        self._blocks[place // self._in_block][place % self._in_block] = array
        return place

    def __getitem__(self, place: int) -> Array:
        """Return the array at `place`; one that will not change when its row is taken anew."""
        if place in self._large:
            return self._large[place]
        row: Array = self._blocks[place // self._in_block][place % self._in_block]
        return row.copy()

    def drop(self, place: int) -> None:
        """Give the place free."""
        self._large.pop(place, None)
        self._free.append(place)
