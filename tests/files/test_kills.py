"""A few of the kills of `tests/benchmarks/kills.py`, at moments that are always the same."""

import os

import pytest

from tests.benchmarks.kills import kill


@pytest.mark.skipif(os.name != "posix", reason="other systems have no SIGKILL")
def test_nothing_is_partial_and_nothing_piles_up_over_kills() -> None:
    counts = kill(4, seed=1, numbers=50_000)
    assert counts.kills.total() == 4
    assert (counts.partial, counts.unreadable, counts.left) == (0, 0, [])
