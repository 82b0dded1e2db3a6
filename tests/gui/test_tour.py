"""A small part of tests/benchmarks/window_tour.py: one sample in a window of its own. No time is judged here."""

from __future__ import annotations

import pytest

from tests.benchmarks.window_rig import Gaps, measured_apart, spin
from tests.benchmarks.window_tour import HEAD, MODULE, beyond, row


@pytest.mark.parametrize(("sample", "verdict"), [("xor", "passed"), ("bug_hunt_1", "failed")])
def test_a_sample_runs_on_pauses_is_checked_and_closes(sample: str, verdict: str) -> None:
    found = measured_apart(MODULE, sample, "0.8")
    assert found["ran"] and found["grew"] and found["paused"]
    assert found["iterations"] > 0 and found["pictures"] > 0
    assert (found["verdict"], bool(found["bugs"])) == (verdict, verdict == "failed")
    assert len(row(sample, found)) == len(HEAD)
    words = [told for told in beyond("bug_hunt_1", found) if " ms (" not in told and " MB (" not in told]
    assert words == []


def test_what_is_beyond_the_limits_is_said() -> None:
    fine = dict.fromkeys(("p99", "worst", "check worst", "pause", "close", "still", "megabytes"), 1.0)
    fine |= {"iterations": 2000.0, "pictures": 20.0}
    found = {**fine, "ran": True, "grew": True, "paused": True, "verdict": "passed", "bugs": 0, "message": "here"}
    assert beyond("xor", found) == []
    assert beyond("xor", {**found, "worst": 251.0}) == ["worst 251 ms (limit 250)"]
    assert beyond("xor", {**found, "pictures": 19.0}) == ["19 pictures a second (to reach: 20)"]
    assert beyond("spirals", {**found, "pictures": 19.0, "iterations": 9.0}) == []
    assert beyond("xor", {**found, "ran": False, "grew": False}) == [
        "stopped by itself: here",
        "what is shown does not move on",
    ]
    assert beyond("xor", {**found, "verdict": "failed"}) == ["the check says: failed, with 0 planted bugs"]
    assert beyond("xor", {**found, "verdict": "failed", "bugs": 1}) == []
    assert beyond("xor", {**found, "bugs": 1}) == ["the check says: passed, with 1 planted bugs"]


def test_a_turn_of_the_event_loop_that_does_not_end_is_a_gap(qapp: object) -> None:
    import time

    from PySide6.QtCore import QTimer

    with Gaps() as gaps:
        QTimer.singleShot(30, lambda: time.sleep(0.2))
        spin(0.3)
    assert gaps.at(1) >= 190
    assert len(gaps.seconds) > 10
    with Gaps() as open_gap:
        time.sleep(0.1)
    assert open_gap.at(1) >= 90
