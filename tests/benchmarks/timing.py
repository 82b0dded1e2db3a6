"""One thread, and medians of rounds in which all contenders take turns, so that they share the machine's moods."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def use_one_thread() -> None:
    """Keep the linear algebra to one thread. Counts only before NumPy is imported."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = "1"


def interleaved_medians(
    contenders: Mapping[str, Callable[[], object]], rounds: int = 25, round_seconds: float = 0.02
) -> dict[str, float]:
    """Return the median seconds of one call of each contender.

    In each round each contender is called in a row for about `round_seconds`, after one call that warms the caches.
    """
    repeats = {}
    for name, function in contenders.items():
        for _ in range(3):
            function()
        started = time.perf_counter()
        function()
        repeats[name] = max(1, round(round_seconds / max(time.perf_counter() - started, 1e-7)))
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, function in contenders.items():
            function()
            count = repeats[name]
            started = time.perf_counter()
            for _ in range(count):
                function()
            seconds[name].append((time.perf_counter() - started) / count)
    return {name: statistics.median(times) for name, times in seconds.items()}


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown, its columns aligned."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)])
