"""Checkpoints: what they hold of memory, and how far the nearest one lies from any iteration that is gone back to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from visualbp.debugger.history import AGES, BUDGET, FEWEST, MOST, SMALL, History, most_checkpoints
from visualbp.debugger.rows import BLOCK, LARGE, Rows


def state(iteration: int, size: int = 100) -> np.ndarray:
    return np.full(size, float(iteration))


def filled(count: int, every: int = 1, size: int = 100, most: int | None = None) -> History:
    history = History(most)
    for iteration in range(0, count * every, every):
        history.add(iteration, state(iteration, size))
    return history


@pytest.mark.parametrize("most", [4, 5, 16, 64])
def test_there_are_never_more_than_the_most_and_the_first_and_the_newest_stay(most: int) -> None:
    history = History(most)
    for iteration in range(500):
        history.add(iteration, state(iteration))
        assert len(history) <= most
        assert history.first == 0
        assert history.nearest(iteration)[0] == iteration


@pytest.mark.parametrize("size", [1, 100, 5_000, 20_000])
def test_whatever_is_found_is_what_was_kept_there(size: int) -> None:
    history = filled(700, every=16, size=size, most=40)
    for wanted in range(0, 700 * 16, 97):
        found, saved = history.nearest(wanted)
        assert found <= wanted
        np.testing.assert_array_equal(saved, state(found, size))
        assert not saved.flags.writeable


def test_a_replay_takes_a_small_part_of_the_way_back() -> None:
    """The bound that AGES is there for, held against every iteration of a long training."""
    every, count = 16, 5_000
    history = filled(count, every, most=AGES)
    newest = (count - 1) * every
    kept = history.until(newest)
    for before, after in itertools.pairwise(kept):
        distance = newest - before
        assert after - before <= max(2 * every, distance / 4)
    assert len([i for i in kept if newest - i <= 16 * every]) >= 8


def test_memory_is_bounded_and_does_not_wander_once_it_is_full() -> None:
    for size in (34, 500, 10_000, 200_000):
        history = History()
        most = most_checkpoints(state(0, size).nbytes)
        held = set()
        for iteration in range(most + 400):
            history.add(iteration, state(iteration, size))
            if iteration > most:
                held.add(history.bytes)
        assert max(held) <= max(BUDGET, SMALL) + 2 * BLOCK
        if size * 8 < LARGE:
            assert len(held) == 1, "rows that were dropped are taken anew"


def test_the_smaller_a_checkpoint_the_more_of_them() -> None:
    counts = [most_checkpoints(size) for size in (8, 200, 2_000, 20_000, 80_000, 2_000_000, 10**9)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (MOST, FEWEST)
    assert all(most_checkpoints(size) * size <= BUDGET for size in range(8, 16 * 2**20, 99_991))


def test_thinning_leaves_barriers_and_going_back_forgets_what_came_after() -> None:
    history = History(16)
    for iteration in range(300):
        history.add(iteration, state(iteration))
        if iteration == 50:
            history.add_barrier(51, state(-51))
    assert history.nearest(51)[0] == 51 and 51 in history.barriers
    history.forget_after(60)
    assert history.nearest(1_000)[0] <= 60
    history.forget_after(50)
    assert not history.barriers
    with pytest.raises(LookupError, match="begins at iteration 0"):
        history.nearest(-1)


def test_an_iteration_that_is_kept_again_is_the_last_one_given() -> None:
    history = filled(5)
    history.add(3, state(33))
    assert len(history) == 5 and history.nearest(3)[1][0] == 33


def test_what_was_read_from_a_row_stays_as_it_was_when_the_row_is_taken_anew() -> None:
    rows = Rows()
    first = rows.put(state(1))
    read = rows[first]
    rows.drop(first)
    assert rows.put(state(2)) == first
    assert read[0] == 1 and rows[first][0] == 2


def test_rows_are_of_one_size() -> None:
    rows = Rows()
    rows.put(state(1, 10))
    with pytest.raises(ValueError, match="88 bytes among arrays of 80"):
        rows.put(state(1, 11))
