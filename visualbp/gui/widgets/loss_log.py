"""Every loss so far, ready to be drawn: the recent ones themselves, and all of them as the extremes of blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLOCK = 256
"""Iterations of one block."""
MOST_RAW = 1 << 21
"""Losses that are kept themselves; of older ones the extremes of each block remain."""


class LossLog:
    """Losses by iteration. Adding n losses costs O(n), drawing O(pixels), however many there are."""

    def __init__(self) -> None:
        self.end = 0
        """One more than the last iteration that has a loss."""
        self.first_wrong: int | None = None
        """The first iteration whose loss is not finite."""
        self._raw_first = 0
        self._raw = np.full(1024, np.nan)
        self._low, self._high = np.full(64, np.nan), np.full(64, np.nan)

    def __len__(self) -> int:
        return self.end

    def add(self, first: int, losses: Sequence[float]) -> None:
        """Take the losses of iterations `first`, `first` + 1, ... Those of iterations taken before are replaced."""
        values = np.asarray(losses, float)
        if not len(values):
            return
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            found = first + int(wrong[0])
            self.first_wrong = found if self.first_wrong is None else min(self.first_wrong, found)
        stop = first + len(values)
        self._make_room(stop)
        skipped = max(0, self._raw_first - first)
        if skipped >= len(values):
            return  # long ago: their blocks are known
        start = first + skipped - self._raw_first
        self._raw[start : stop - self._raw_first] = values[skipped:]
        self.end = max(self.end, stop)
        self._reduce(max(first, self._raw_first), stop)

    def _make_room(self, stop: int) -> None:
        needed = stop - self._raw_first
        if needed > MOST_RAW:
            dropped = (needed - MOST_RAW // 2) // BLOCK * BLOCK
            kept = self._raw[dropped:].copy()
            self._raw = np.full(MOST_RAW, np.nan)
            self._raw[: len(kept)] = kept[:MOST_RAW]
            self._raw_first += dropped
        elif needed > len(self._raw):
            grown = np.full(min(MOST_RAW, max(needed, 2 * len(self._raw))), np.nan)
            grown[: len(self._raw)] = self._raw
            self._raw = grown
        blocks = -(-stop // BLOCK)
        if blocks > len(self._low):
            for name in ("_low", "_high"):
                present = getattr(self, name)
                grown = np.full(max(blocks, 2 * len(present)), np.nan)
                grown[: len(present)] = present
                setattr(self, name, grown)

    def _reduce(self, first: int, stop: int) -> None:
        """Renew the extremes of the blocks that hold these iterations."""
        start = first // BLOCK * BLOCK
        last = min(self.end, -(-stop // BLOCK) * BLOCK)
        part = self._raw[start - self._raw_first : last - self._raw_first]
        if not len(part):
            return
        finite = np.where(np.isfinite(part), part, np.nan)
        places = np.arange(0, len(part), BLOCK)
        target = slice(start // BLOCK, start // BLOCK + len(places))
        self._low[target] = np.fmin.reduceat(finite, places)
        self._high[target] = np.fmax.reduceat(finite, places)

    def truncate(self, iteration: int) -> None:
        """Forget the losses from `iteration` on."""
        if iteration >= self.end:
            return
        self._raw[max(0, iteration - self._raw_first) :] = np.nan
        block = -(-iteration // BLOCK)
        self._low[block:], self._high[block:] = np.nan, np.nan
        self.end = max(0, iteration)
        if self.end > self._raw_first:
            self._reduce(self.end - 1, self.end)
        self._raw_first = min(self._raw_first, self.end // BLOCK * BLOCK)
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
        if first >= self._raw_first and stop - first <= 2 * BLOCK * columns:
            part = self._raw[first - self._raw_first : stop - self._raw_first]
            finite = np.where(np.isfinite(part), part, np.nan)
            if len(finite) <= 2 * columns:
                return np.arange(first, stop, dtype=float), finite
            starts = (np.arange(columns) * len(finite)) // columns
            return _line(first + starts, np.fmin.reduceat(finite, starts), np.fmax.reduceat(finite, starts))
        blocks = np.arange(first // BLOCK, -(-stop // BLOCK))
        lows, highs = self._low[blocks], self._high[blocks]
        if len(blocks) > columns:
            starts = (np.arange(columns) * len(blocks)) // columns
            blocks, lows, highs = blocks[starts], np.fmin.reduceat(lows, starts), np.fmax.reduceat(highs, starts)
        return _line(blocks * BLOCK, lows, highs)


def _line(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points = np.empty(2 * len(x))
    points[::2], points[1::2] = low, high
    return np.repeat(x.astype(float), 2), points
