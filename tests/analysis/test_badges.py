"""Badges against an oracle of their own: healthy networks have none, others the right one at the right layers."""

from __future__ import annotations

import pytest

from tests.badged_networks import HEALTHY, PLANTED, planted, truth_of
from tests.benchmarks.badges import badges_of, judge_healthy, judge_planted


@pytest.mark.parametrize("first", range(len(HEALTHY)))
def test_a_healthy_network_has_no_badge_fresh_or_trained(first: int) -> None:
    for seed in range(first, 4 * len(HEALTHY), len(HEALTHY)):
        case, verdict = judge_healthy(seed)
        assert verdict.compared and not verdict.wrong, (case.text, verdict.wrong)


@pytest.mark.parametrize("first", range(len(PLANTED)))
def test_what_is_wrong_is_told_at_its_layers_with_its_cause_and_nowhere_else(first: int) -> None:
    for seed in range(first, 6 * len(PLANTED), len(PLANTED)):
        case, verdict = judge_planted(seed)
        assert verdict.compared and not verdict.wrong, (case.text, verdict.wrong)


def test_every_kind_of_badge_is_planted_and_given() -> None:
    given = set()
    for seed in range(len(PLANTED)):
        given |= {badge.kind for badges in badges_of(planted(seed)).values() for badge in badges}
    assert given == {"vanishing", "exploding", "dead", "saturated", "not finite"}


def test_the_oracle_counts_none_of_its_layers_out() -> None:
    for seed in range(2 * len(PLANTED)):
        case = planted(seed)
        assert set(truth_of(case).due) == set(badges_of(case))
