"""An explanation of an update accuses the optimiser where it is wrong, and never where it is right."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.judgements import accuses, judge_updates, moment_of
from tests.updated_networks import (
    MISTAKES,
    OPTIMIZERS,
    PLACES,
    Mistake,
    seeds_that_fit,
    update_steps,
    updating,
    wrong_updating,
)
from visualbp.analysis.explain import explain


@pytest.mark.parametrize("place", range(len(PLACES)), ids=lambda place: PLACES[place].name)
def test_no_right_optimiser_is_accused_at_any_place(place: int) -> None:
    shift = place % 3  # each place with a third of the optimisers, all of them over the places
    for number in range(shift, len(OPTIMIZERS), 3):
        case = updating(len(PLACES) * number + place)
        judged = judge_updates(case)
        assert judged.numbers and not judged.accused_falsely, (case.text, judged.accused_falsely[0].note)
        assert not judged.against_the_papers, (case.text, judged.against_the_papers[0])


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_wrong_optimiser_is_accused_in_each_number_in_which_it_shows_and_in_no_other(mistake: Mistake) -> None:
    seeds, wrong = seeds_that_fit(mistake), 0
    for seed in seeds if len(seeds) < 6 else seeds[::3]:
        with wrong_updating(seed, mistake) as case:
            judged = judge_updates(case)
        assert not judged.missed, (case.text, judged.missed[0].text)
        assert not judged.accused_falsely, (case.text, judged.accused_falsely[0].note)
        wrong += judged.wrong
    assert wrong


def test_momentum_with_the_wrong_sign_is_accused_at_the_velocity_in_words() -> None:
    (mistake,) = (each for each in MISTAKES if each.name == "momentum with the wrong sign")
    with wrong_updating(seeds_that_fit(mistake)[0], mistake) as case:
        moment = moment_of(case.executor)
        for step in update_steps(case):
            parameter, velocity = step.writes
            index = (0,) * np.ndim(moment.values[velocity])
            found = explain(moment, velocity, index)
            assert accuses(found) and "that rule is wrong" in found.note and found.numbers_latex.count(r"\neq") == 1
            assert not accuses(explain(moment, parameter, index))  # it follows from the velocity that is there
