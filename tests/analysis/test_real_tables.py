"""Correct networks on unscaled tables pass: a small part of tests/benchmarks/tables.py."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from tests.benchmarks.verdicts import Counts, judge_right
from tests.real_tables import BODIES, CLASS_HEADS, NUMBER_HEADS, Table, cases, tables

CHOSEN = ("iris", "houses", "log of a server", "adult")


def chosen() -> list[Table]:
    return [table for table in tables() if table.name in CHOSEN]


@pytest.mark.parametrize("table", chosen(), ids=lambda table: table.name)
def test_no_correct_network_on_an_unscaled_table_fails(table: Table) -> None:
    counts = Counts()
    for name, case in islice(cases(iter([table])), 2 * 4):
        judge_right(case, name, counts)
    assert counts.false_failures == []
    assert counts.right == 8
    assert counts.measured > 0.5 * counts.numbers


def test_the_tables_are_unscaled_and_there_are_105_networks() -> None:
    found = list(tables())
    assert len(found) * len(BODIES) == 105
    assert len(BODIES) == len(CLASS_HEADS) == len(NUMBER_HEADS)
    scales = [np.abs(table.inputs).max(0) for table in found]
    assert sum(scale.max() > 1e3 for scale in scales) >= 9
    assert any(scale.max() > 1e9 for scale in scales)
    assert sum((table.inputs.std(0) == 0).any() for table in found) >= 4
    assert all(
        np.isfinite(table.inputs).all() and len(set(map(len, (table.inputs, table.targets)))) == 1 for table in found
    )
    assert {table.classes for table in found if table.classes} == {2, 3, 10}
