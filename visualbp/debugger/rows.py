"""Arrays of one size, kept by the thousand: small ones as rows of blocks, so that each costs its numbers and no object.

What is dropped leaves a row that the next one takes, and blocks are never given back one by one: memory grows to its
most, once, and does not wander after that.
"""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import Array

BLOCK = 2**16
"""Bytes of a block. An array that is larger than half of one is kept as it came, without a copy."""


class Rows:
    """Flat arrays by the place that `put` gave them. All have the size and the kind of number of the first."""

    def __init__(self) -> None:
        self._blocks: list[Array | None] = []
        self._free: list[int] = []
        self._in_block = 1
        self._nbytes = 0

    @property
    def bytes(self) -> int:
        """What the blocks hold of memory, rows that wait to be taken included."""
        return sum(block.nbytes for block in self._blocks if block is not None)

    def put(self, array: Array) -> int:
        """Keep `array`, which is not written again, and return its place. Raises ValueError for another size."""
        if not self._blocks:
            self._nbytes = array.nbytes
            self._in_block = max(1, BLOCK // max(1, array.nbytes))
        elif array.nbytes != self._nbytes:
            raise ValueError(f"an array of {array.nbytes} bytes among arrays of {self._nbytes}")
        if not self._free:
            first = len(self._blocks) * self._in_block
            self._free.extend(range(first + self._in_block - 1, first - 1, -1))
            self._blocks.append(np.empty((self._in_block, *array.shape), array.dtype) if self._in_block > 1 else None)
        place = self._free.pop()
        block = self._blocks[place // self._in_block]
        if block is None:
            self._blocks[place] = array
        else:
            block[place % self._in_block] = array
        return place

    def __getitem__(self, place: int) -> Array:
        """Return the array at `place`; one that will not change when its row is taken anew."""
        block = self._blocks[place // self._in_block]
        assert block is not None
        return block if self._in_block == 1 else block[place % self._in_block].copy()

    def drop(self, place: int) -> None:
        """Give the place free."""
        if self._in_block == 1:
            self._blocks[place] = None
        self._free.append(place)
