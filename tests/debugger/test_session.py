"""A session steps, goes back to the bit, takes edits, and names what goes wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.building import Clip, chain, inline, optimizer, with_training, xor
from tests.debugger.runner import session_of
from tests.refs import ref
from visualbp.core.arrays import read_only
from visualbp.debugger.commands import Level
from visualbp.debugger.course import NotRunnableError
from visualbp.debugger.session import Session
from visualbp.engine import Phase
from visualbp.network import edits


def state_of(session: Session) -> dict[str, bytes]:
    """Return everything that can be seen, as bytes."""
    snapshot = session.snapshot()
    seen = {value.text: array.tobytes() for value, array in snapshot.values.items()}
    return {**seen, "position": bytes(f"{snapshot.iteration} {snapshot.cursor}", "ascii")}


HARD = with_training(
    xor(),
    optimizer=optimizer("adam", learning_rate=0.01),
    batch_size=3,
    shuffle=True,
    clip=Clip("norm", 0.1),
    l2=0.01,
    l1=0.001,
)


@pytest.mark.parametrize("level", [Level.OPERATION, Level.LAYER, Level.PASS, Level.ITERATION])
def test_going_back_and_forward_again_gives_the_same_bits(level: Level) -> None:
    session = session_of(HARD)
    trail = [state_of(session)]
    for _ in range(40):
        session.forward(level)
        trail.append(state_of(session))
    for expected in reversed(trail[1:-1]):
        session.back(level)
        assert state_of(session) == expected
    for expected in trail[2:]:
        session.forward(level)
        assert state_of(session) == expected


def test_levels_of_stepping_and_full_speed_leave_the_same_bits() -> None:
    def run(move: str) -> bytes:
        session = session_of(HARD)
        executor = session.executor
        assert executor is not None
        while executor.iteration < 24 or not executor.at_end:
            if move == "train":
                session.train_one()
            else:
                session.forward(Level(move))
        return executor.store.persistent.tobytes()

    assert len({run(move) for move in ("operation", "layer", "pass", "iteration", "train")}) == 1


def test_a_step_back_across_ten_thousand_iterations_is_exact() -> None:
    session = session_of(with_training(xor(), optimizer=optimizer("sgd", momentum=0.9), batch_size=1, shuffle=True))
    executor = session.executor
    assert executor is not None
    early = {}
    for _ in range(10_000):
        session.train_one()
        if executor.iteration in (3, 777):
            early[executor.iteration] = executor.store.persistent.tobytes()
    last = executor.store.persistent.tobytes()
    session.seek(777, len(executor.plan.steps))
    assert executor.store.persistent.tobytes() == early[777]
    session.seek(3, len(executor.plan.steps))
    assert executor.store.persistent.tobytes() == early[3]
    session.seek(9_999, len(executor.plan.steps))
    assert executor.store.persistent.tobytes() == last


def test_nothing_lies_before_the_beginning() -> None:
    session = session_of(xor())
    with pytest.raises(LookupError, match="beginning"):
        session.back(Level.OPERATION)
    session.forward(Level.OPERATION)
    session.back(Level.OPERATION)
    assert session.snapshot().cursor == 0
    assert not session.snapshot().can_go_back


def test_a_value_that_is_not_computed_is_absent() -> None:
    session = session_of(xor())
    assert session.snapshot().get("hidden", "z") is None
    session.forward(Level.LAYER)  # the batch
    session.forward(Level.LAYER)  # hidden
    snapshot = session.snapshot()
    assert snapshot.get("hidden", "h") is not None
    assert snapshot.get("output", "h") is None and snapshot.get("hidden", "delta") is None
    session.forward(Level.ITERATION)
    session.forward(Level.OPERATION)  # the next iteration has begun: all of the last is gone
    assert session.snapshot().get("hidden", "h") is None


def test_steps_of_a_layer_follow_the_document() -> None:
    session = session_of(xor())
    seen = []
    for _ in range(9):
        session.forward(Level.LAYER)
        step = session.snapshot().step
        assert step is not None
        seen.append((str(step.phase), step.layer))
    assert seen == [
        ("load", "input"), ("forward", "hidden"), ("forward", "output"), ("forward", "loss"),
        ("backward", "loss"), ("backward", "output"), ("backward", "hidden"),
        ("update", "hidden"), ("update", "output"),
    ]  # fmt: skip


def test_an_edited_weight_counts_from_the_next_forward_pass_and_what_it_outdates_is_marked() -> None:
    session = session_of(xor())
    session.forward(Level.PASS)
    session.forward(Level.OPERATION)  # mid-backward
    before = session.snapshot()
    weight = np.array(before.get("hidden", "weight"))
    weight[0, 0] = 5.0
    session.set_network(edits.set_parameter(session.network, "hidden", "weight", read_only(weight)), 2)
    edited = session.snapshot()
    assert edited.cursor == 0 and edited.iteration == before.iteration
    assert edited.get("hidden", "weight")[0, 0] == 5.0  # type: ignore[index]
    assert edited.is_stale(ref("hidden", "h")) and not edited.is_stale(ref("hidden", "weight"))
    assert np.array_equal(edited.get("hidden", "h"), before.get("hidden", "h"))  # type: ignore[arg-type]
    session.forward(Level.LAYER)
    session.forward(Level.LAYER)
    after = session.snapshot()
    assert not after.is_stale(ref("hidden", "h"))
    inputs = after.get("input", "h")
    assert inputs is not None
    assert np.allclose(after.get("hidden", "z"), inputs @ weight.T + after.get("hidden", "bias"))  # type: ignore[arg-type]


def test_an_edited_weight_is_part_of_the_replay_when_going_back_across_it() -> None:
    session = session_of(with_training(xor(), batch_size=2, shuffle=True))
    for _ in range(5):
        session.forward(Level.ITERATION)
    weight = np.full((4, 2), 0.25)
    session.set_network(edits.set_parameter(session.network, "hidden", "weight", read_only(weight)), 2)
    for _ in range(5):
        session.forward(Level.ITERATION)
    expected = state_of(session)
    session.seek(2, 3)
    assert session.snapshot().iteration == 2
    while session.snapshot().iteration < 9:
        session.forward(Level.ITERATION)
    assert state_of(session) == expected


def test_an_edit_of_an_option_keeps_the_weights_that_still_fit() -> None:
    session = session_of(xor())
    for _ in range(3):
        session.forward(Level.ITERATION)
    before = session.snapshot()
    session.set_network(edits.set_options(session.network, "output", {"units": 1, "activation": "tanh"}), 2)
    after = session.snapshot()
    assert after.iteration == 3
    assert np.array_equal(after.get("hidden", "weight"), before.get("hidden", "weight"))  # type: ignore[arg-type]
    session.set_network(edits.set_options(session.network, "hidden", {"units": 6}), 3)
    wider = session.snapshot()
    assert wider.get("hidden", "weight").shape == (6, 2)  # type: ignore[union-attr]
    assert np.array_equal(wider.get("output", "bias"), before.get("output", "bias"))  # type: ignore[arg-type]


def test_reset_gives_the_same_initial_weights() -> None:
    session = session_of(xor())
    start = state_of(session)
    for _ in range(3):
        session.forward(Level.ITERATION)
    session.reset()
    assert state_of(session) == start


def test_a_network_that_cannot_run_says_why_and_keeps_its_weights_for_later() -> None:
    session = session_of(xor())
    session.forward(Level.ITERATION)
    weight = session.snapshot().get("hidden", "weight")
    broken = edits.disconnect(session.network, [("hidden", "output")])
    session.set_network(broken, 2)
    assert session.snapshot().plan is None
    with pytest.raises(NotRunnableError, match="output: needs an input"):
        session.forward(Level.OPERATION)
    session.set_network(edits.connect(broken, "hidden", "output"), 3)
    assert np.array_equal(session.snapshot().get("hidden", "weight"), weight)  # type: ignore[arg-type]


def test_a_network_without_data_says_so() -> None:
    session = Session()
    session.set_network(replace(xor(), data=None), 1, fresh=True)
    assert any("no data" in problem.text for problem in session.snapshot().problems)


def test_a_non_finite_value_is_found_at_the_operation_that_made_it() -> None:
    network = with_training(xor(activation="linear"), optimizer=optimizer(learning_rate=1e6))
    network = edits.set_options(network, "output", {"activation": "linear"})
    network = replace(network, layers=(*network.layers[:-1], replace(network.layers[-1], type="mean_squared_error")))
    session = session_of(network)
    trouble = ""
    for _ in range(200):
        with np.errstate(all="ignore"):
            _, loss = session.train_one()
        if not np.isfinite(loss):
            session.find_non_finite()
            trouble = session.snapshot().trouble.text
            break
    executor = session.executor
    assert executor is not None and executor.non_finite is not None
    found = executor.non_finite
    assert trouble and found.step.layer in trouble and found.step.operation in trouble
    earlier = [
        array for value, array in executor.values.items() if value != found.value and value not in found.step.writes
    ]
    assert all(np.isfinite(array).all() for array in earlier), "something before it was not finite already"


def test_a_breakpoint_stands_before_the_first_operation_of_a_layer() -> None:
    session = session_of(xor())
    session.breakpoints = frozenset({(Phase.BACKWARD, "hidden")})
    steps = 0
    while not session.stops_before_next():
        session.step()
        steps += 1
        assert steps < 100
    following = session.snapshot().next_step
    assert following is not None and following.group == (Phase.BACKWARD, "hidden")


def test_targets_that_do_not_fit_are_a_problem_of_the_layer_before_the_loss() -> None:
    session = Session()
    session.set_network(edits.set_options(xor(), "output", {"units": 3}), 1, fresh=True)
    found = [problem for problem in session.snapshot().problems if problem.severity == "error"]
    assert [problem.layer for problem in found] == ["output"]
    assert found[0].text == "output: the targets have 1 value a sample, and output gives 3; give that layer 1 unit"


def test_a_layer_step_in_a_recurrent_layer_is_one_time_step_forward_and_back_through_time() -> None:
    network = chain(
        ("input", "input", {"shape": [3, 2]}),
        ("rnn", "rnn", {"units": 2}),
        ("loss", "mean_squared_error", {}),
        data=inline(np.arange(12.0).reshape(2, 3, 2) / 10, [[0.0, 1.0], [1.0, 0.0]]),
    )
    session = session_of(network)
    seen = []
    for _ in range(8):
        session.forward(Level.LAYER)
        step = session.snapshot().step
        assert step is not None
        seen.append((str(step.phase), step.layer, step.section))
    assert seen[1:8] == [
        ("forward", "rnn", "[0]"), ("forward", "rnn", "[1]"), ("forward", "rnn", "[2]"), ("forward", "loss", ""),
        ("backward", "loss", ""), ("backward", "rnn", "[2]"), ("backward", "rnn", "[1]"),
    ]  # fmt: skip


def test_data_of_another_shape_are_a_problem_of_the_input_layer_with_the_shape_that_would_mend_it() -> None:
    session = Session()
    session.set_network(edits.set_options(xor(), "input", {"shape": (3,)}), fresh=True)
    assert [problem.text for problem in session.problems] == [
        "input: takes samples of shape (3), the data have (2); set its shape to 2, or choose other data"
    ]
