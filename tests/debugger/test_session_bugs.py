"""Bugs planted while a session runs: weights stay, going back is exact, and a bug without a place is named."""

from __future__ import annotations

import numpy as np

from tests.building import xor
from tests.debugger.runner import session_of
from tests.refs import ref
from visualbp.debugger.commands import Level
from visualbp.network import edits
from visualbp.network.bugs import PlantedBug

SIGN = PlantedBug("sign", "hidden", "h", "z")


def test_a_bug_planted_in_the_middle_of_a_run_keeps_weights_and_place() -> None:
    session = session_of(xor())
    for _ in range(5):
        session.train_one()
    before = session.parameters()
    session.set_network(edits.plant_bug(session.network, SIGN), 2)
    after = session.parameters()
    assert all(np.array_equal(before[layer][name], after[layer][name]) for layer in before for name in before[layer])
    session.forward(Level.ITERATION)
    snapshot = session.snapshot()
    assert snapshot.iteration == 5
    delta, upstream, h = (snapshot.get("hidden", role) for role in ("delta", "upstream", "h"))
    assert delta is not None and upstream is not None and h is not None
    np.testing.assert_allclose(delta, -upstream * (1.0 - h * h), rtol=1e-12)


def test_going_back_over_many_iterations_replays_the_bug_to_the_bit() -> None:
    session = session_of(edits.plant_bug(xor(), SIGN))
    session.forward(Level.ITERATION)
    first = {value: array.tobytes() for value, array in session.snapshot().values.items()}
    last = len(session.snapshot().plan.steps)  # type: ignore[union-attr]
    for _ in range(50):
        session.train_one()
    session.seek(0, last)
    assert {value: array.tobytes() for value, array in session.snapshot().values.items()} == first


def test_removing_the_bug_makes_the_next_gradient_right() -> None:
    session = session_of(edits.plant_bug(xor(), SIGN))
    session.set_network(edits.remove_bugs(session.network), 2)
    session.forward(Level.ITERATION)
    right = session_of(xor())
    right.forward(Level.ITERATION)
    value = ref("hidden", "gradient/weight")
    assert session.snapshot().values[value].tobytes() == right.snapshot().values[value].tobytes()


def test_a_bug_that_has_lost_its_place_is_a_warning_and_the_network_still_runs() -> None:
    session = session_of(edits.plant_bug(xor(), SIGN))
    assert session.problems == ()
    session.set_network(edits.set_options(session.network, "hidden", {"activation": "linear"}), 2)
    (problem,) = session.problems
    assert (problem.severity, problem.layer) == ("warning", "hidden")
    assert 'the planted bug "Wrong sign in hidden.h, on the way back to z" does nothing' in problem.text
    session.forward(Level.ITERATION)
    session.set_network(edits.set_options(session.network, "hidden", {"activation": "sigmoid"}), 3)
    assert session.problems == ()
