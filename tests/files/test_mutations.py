"""Broken files, some hundreds where tests/benchmarks/mutations.py tries a hundred thousand: each runs, or is refused in
one clear sentence. Nothing is `unexpected`."""

from pathlib import Path

import pytest

from tests.mutations import ACCEPTED, LARGE, REFUSED, case_of, is_clear, outcome_of

CASES = 300
PARTS = 3


@pytest.mark.parametrize("part", range(PARTS))
def test_a_broken_file_runs_or_is_refused_in_one_clear_sentence(part: int, tmp_path: Path) -> None:
    kinds = set()
    for number in range(part, CASES, PARTS):
        case = case_of(7, number)
        outcome = outcome_of(case, tmp_path)
        kinds.add(outcome.kind)
        assert outcome.kind in (ACCEPTED, LARGE, REFUSED), (number, case.changes, outcome.said)
    assert {ACCEPTED, REFUSED} <= kinds  # the cases reach both ends


def test_a_case_is_the_same_every_time() -> None:
    assert [case_of(7, number) for number in (0, 5)] == [case_of(7, number) for number in (0, 5)]


@pytest.mark.parametrize(
    "sentence",
    [
        "m.vbp: name: must be a text, not array([1.])",
        "unexpected IndexError",
        "m.vbp: bad\nthing",
        "m.vbp: <class 'int'>",
    ],
)
def test_a_sentence_with_the_inside_of_the_program_is_not_clear(sentence: str) -> None:
    assert not is_clear(sentence, Path("m.vbp"))
