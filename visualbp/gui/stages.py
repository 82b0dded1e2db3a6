"""Long work in stages of a few milliseconds, with the event loop's turn in between."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Stages(Generic[Result]):
    """A generator that yields where it may be left, and returns its result in the end."""

    def __init__(self, work: Generator[None, None, Result]) -> None:
        self._work = work
        self._result: list[Result] = []

    def go_on(self, seconds: float) -> bool:
        """Run the work for so long; return whether it is done."""
        end = time.perf_counter() + seconds
        while not self._result:
            try:
                next(self._work)
            except StopIteration as stop:
                self._result.append(stop.value)
            if time.perf_counter() >= end:
                break
        return bool(self._result)

    @property
    def result(self) -> Result:
        """What the work has returned; once it is done."""
        return self._result[0]
