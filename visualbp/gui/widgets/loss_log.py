"""Every loss so far, ready to be drawn: the recent ones themselves, and all of them as the extremes of blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLOCK = 64
"""Iterations of one block, at first."""
MOST_BLOCKS = 1 << 15
"""Blocks; when there would be more, each takes in its neighbour."""
MOST_RAW = 1 << 17
"""Losses that are kept themselves; of older ones the extremes of each block remain."""


class LossLog:
    """Losses by iteration, in bounded memory. Adding n losses costs O(n), drawing O(pixels), however many there are."""

    def __init__(self) -> None:
        self.end = 0
        """One more than the last iteration that has a loss."""
        self.first_wrong: int | None = None
        """The first iteration whose loss is not finite."""
        self._block = BLOCK
        self._raw_first = 0
        """The iteration of the first loss that is kept itself: where a block begins."""
        self._raw = np.full(1024, np.nan)
        self._low, self._high = np.full(64, np.nan), np.full(64, np.nan)

    def __len__(self) -> int:
        return self.end

    def add(self, first: int, losses: Sequence[float] | np.ndarray) -> None:
        """Take the losses of iterations `first`, `first` + 1, ... Those of iterations taken before are replaced."""
        values = np.asarray(losses, float)
        for start in range(0, len(values), MOST_RAW // 4):  # each is reduced before it is forgotten
            self._add(first + start, values[start : start + MOST_RAW // 4])

    def _add(self, first: int, values: np.ndarray) -> None:
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            found = first + int(wrong[0])
            self.first_wrong = found if self.first_wrong is None else min(self.first_wrong, found)
        stop = first + len(values)
        self._make_room(stop)
        self.end = max(self.end, stop)
        skipped = max(0, self._raw_first - first)
        if skipped >= len(values):
            return  # long ago: their blocks are known
        start = first + skipped - self._raw_first
        self._raw[start : stop - self._raw_first] = values[skipped:]
        self._reduce(max(first, self._raw_first), stop)

    def _make_room(self, stop: int) -> None:
        blocks = -(-stop // self._block)
        while blocks > MOST_BLOCKS:
            self._join_blocks()
            blocks = -(-stop // self._block)
        if blocks > len(self._low):
            size = min(MOST_BLOCKS, max(blocks, 2 * len(self._low)))
            self._low, self._high = _grown(self._low, size), _grown(self._high, size)
        needed = stop - self._raw_first
        if needed > MOST_RAW:
            self._forget_raw(needed - MOST_RAW // 2)
            needed = stop - self._raw_first
        if needed > len(self._raw):
            self._raw = _grown(self._raw, min(MOST_RAW, max(needed, 2 * len(self._raw))))

    def _join_blocks(self) -> None:
        """Let each block take in its neighbour."""
        self._block *= 2
        self._low = np.fmin(self._low[::2], self._low[1::2])
        self._high = np.fmax(self._high[::2], self._high[1::2])
        self._forget_raw(-self._raw_first % self._block)

    def _forget_raw(self, count: int) -> None:
        """Keep only the blocks of the first `count` losses, and of those up to the end of a block."""
        dropped = -(-count // self._block) * self._block - self._raw_first % self._block
        if dropped > 0:
            kept = self._raw[dropped:].copy()
            self._raw = _grown(kept, max(1024, len(kept)))
            self._raw_first += dropped

    def _reduce(self, first: int, stop: int) -> None:
        """Renew the extremes of the blocks that hold these iterations."""
        start = first // self._block * self._block
        last = min(self.end, -(-stop // self._block) * self._block)
        part = self._raw[start - self._raw_first : last - self._raw_first]
        if not len(part):
            return
        finite = np.where(np.isfinite(part), part, np.nan)
        places = np.arange(0, len(part), self._block)
        target = slice(start // self._block, start // self._block + len(places))
        self._low[target] = np.fmin.reduceat(finite, places)
        self._high[target] = np.fmax.reduceat(finite, places)

    def truncate(self, iteration: int) -> None:
        """Forget the losses from `iteration` on."""
        if iteration >= self.end:
            return
        self._raw[max(0, iteration - self._raw_first) :] = np.nan
        block = -(-iteration // self._block)
        self._low[block:], self._high[block:] = np.nan, np.nan
        self.end = max(0, iteration)
        if self.end > self._raw_first:
            self._reduce(self.end - 1, self.end)
        self._raw_first = min(self._raw_first, self.end // self._block * self._block)
        if self.first_wrong is not None and self.first_wrong >= iteration:
            self.first_wrong = None

    def at(self, iteration: int) -> float | None:
        """Return the loss of an iteration, or None if there is none, or only its block is known."""
        if not self._raw_first <= iteration < self.end:
            return None
        loss = float(self._raw[iteration - self._raw_first])
        is_gap = np.isnan(loss) and (self.first_wrong is None or iteration < self.first_wrong)
        return None if is_gap else loss

    def envelope(self, low: float, high: float, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a line for the iterations from `low` to `high` in at most two points for each of `columns` pixels: the
        smallest and the largest loss of each. What is not finite is NaN, and breaks the line."""
        first, stop = max(0, int(np.floor(low))), min(self.end, int(np.ceil(high)) + 1)
        if stop <= first:
            return np.zeros(0), np.zeros(0)
        if first >= self._raw_first and stop - first <= 2 * self._block * columns:
            part = self._raw[first - self._raw_first : stop - self._raw_first]
            finite = np.where(np.isfinite(part), part, np.nan)
            if len(finite) <= 2 * columns:
                return np.arange(first, stop, dtype=float), finite
            starts = (np.arange(columns) * len(finite)) // columns
            return _line(first + starts, np.fmin.reduceat(finite, starts), np.fmax.reduceat(finite, starts))
        blocks = np.arange(first // self._block, -(-stop // self._block))
        lows, highs = self._low[blocks], self._high[blocks]
        if len(blocks) > columns:
            starts = (np.arange(columns) * len(blocks)) // columns
            blocks, lows, highs = blocks[starts], np.fmin.reduceat(lows, starts), np.fmax.reduceat(highs, starts)
        return _line(blocks * self._block, lows, highs)


def _grown(array: np.ndarray, size: int) -> np.ndarray:
    grown = np.full(size, np.nan)
    grown[: len(array)] = array
    return grown


def _line(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points = np.empty(2 * len(x))
    points[::2], points[1::2] = low, high
    return np.repeat(x.astype(float), 2), points
