"""The worker runs a session in a thread: commands in, snapshots and events out, nothing lost, and a clean end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.building import chain, inline, optimizer, with_training, xor
from tests.debugger.runner import Runner
from visualbp.core.arrays import read_only
from visualbp.debugger.commands import (
    CheckGradients,
    Continue,
    Level,
    Pause,
    Reset,
    Seek,
    SetBreakpoints,
    SetNetwork,
    StepBack,
    StepForward,
    Train,
)
from visualbp.debugger.mailbox import Mailbox
from visualbp.debugger.snapshot import (
    CheckDone,
    Failure,
    Losses,
    Metrics,
    Mode,
    Progress,
    Snapshot,
    Truncate,
)
from visualbp.engine import Phase
from visualbp.network import Network, edits


def opened(runner: Runner, network: Network) -> None:
    runner.send(SetNetwork(network, 1, fresh=True))


def test_commands_are_carried_out_in_order(runner: Runner) -> None:
    opened(runner, xor())
    runner.send(*[StepForward(Level.OPERATION)] * 7, StepBack(Level.OPERATION))
    assert runner.settle().cursor == 6


def test_training_logs_the_loss_of_every_iteration_once(runner: Runner) -> None:
    opened(runner, with_training(xor(), batch_size=2, shuffle=True))
    runner.send(Train(5_000))
    assert runner.settle().iteration == 4_999
    points = [event.first + place for event in runner.of(Losses) for place in range(len(event.losses))]  # type: ignore[attr-defined]
    assert points == list(range(5_000))
    assert runner.of(Metrics)


def test_training_and_stepping_log_the_same_losses(runner: Runner) -> None:
    opened(runner, xor())
    runner.send(Train(20))
    runner.settle()
    trained = [loss for event in runner.of(Losses) for loss in event.losses]  # type: ignore[attr-defined]
    runner.events.clear()
    runner.send(Reset(), *[StepForward(Level.ITERATION)] * 20)
    runner.settle()
    stepped = [loss for event in runner.of(Losses) for loss in event.losses]  # type: ignore[attr-defined]
    assert stepped == trained


def test_a_pause_stops_training_and_the_last_iteration_can_be_stepped_back(runner: Runner) -> None:
    opened(runner, xor())
    runner.send(Train())
    runner.wait_for_iteration(11)
    runner.send(Pause())
    stopped = runner.settle()
    assert stopped.mode == Mode.IDLE and stopped.iteration > 10 and stopped.plan is not None
    assert stopped.cursor == len(stopped.plan.steps)
    runner.send(StepBack(Level.OPERATION))
    back = runner.settle()
    assert (back.iteration, back.cursor) == (stopped.iteration, stopped.cursor - 1)
    assert back.trouble is None and not runner.of(Failure)


def test_an_edit_during_training_is_taken_over(runner: Runner) -> None:
    opened(runner, xor())
    runner.send(Train())
    runner.wait_for_iteration(1)
    network = edits.set_options(xor(), "hidden", {"units": 7})
    runner.send(SetNetwork(network, 2))
    snapshot = runner.settle()
    assert snapshot.generation == 2 and snapshot.iteration > 0
    assert snapshot.get("hidden", "weight").shape == (7, 2)  # type: ignore[union-attr]
    assert runner.of(Truncate)


def test_continue_stops_at_a_breakpoint_and_goes_on_from_it(runner: Runner) -> None:
    opened(runner, xor())
    runner.send(SetBreakpoints(frozenset({(Phase.BACKWARD, "hidden")})), Continue())
    first = runner.settle()
    assert first.next_step is not None and first.next_step.group == (Phase.BACKWARD, "hidden")
    assert "breakpoint" in first.message or first.mode == Mode.IDLE
    runner.send(Continue())
    second = runner.settle()
    assert (second.iteration, second.cursor) == (first.iteration + 1, first.cursor)


def test_a_check_reports_progress_and_a_result_and_leaves_the_state_alone(runner: Runner) -> None:
    opened(runner, xor())
    runner.send(Train(10), StepForward(Level.PASS))
    before = runner.settle()
    runner.send(CheckGradients())
    after = runner.settle()
    done = runner.of(CheckDone)
    assert len(done) == 1 and done[0].result.passed  # type: ignore[attr-defined]
    assert done[0].result.parameters == 17  # type: ignore[attr-defined]
    assert {event.work for event in runner.of(Progress)} <= {Mode.CHECKING}  # type: ignore[attr-defined]
    assert (after.iteration, after.cursor) == (before.iteration, before.cursor)
    for value, array in before.values.items():
        assert np.array_equal(array, after.values[value])


def test_a_check_where_the_loss_is_not_finite_is_refused_in_a_sentence_and_is_no_fault_of_the_program(
    runner: Runner,
) -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("output", "dense", {"units": 1}),
        ("loss", "half_squared_error", {}),
        data=inline([[0.0, 1.0]], [[1.0]]),
    )
    opened(runner, edits.set_parameter(network, "output", "bias", np.array([1e300])))
    runner.send(StepForward(Level.ITERATION), CheckGradients())
    runner.settle()
    (failure,) = runner.of(Failure)
    assert isinstance(failure, Failure) and failure.traceback == ""
    assert failure.text.startswith("the loss is inf")
    assert [event.result for event in runner.of(CheckDone)] == [None]  # type: ignore[attr-defined]


def test_a_failure_is_an_event_and_the_worker_goes_on(runner: Runner) -> None:
    opened(runner, edits.disconnect(xor(), [("hidden", "output")]))
    runner.send(StepForward(Level.LAYER), Train(3))
    runner.settle()
    failures = runner.of(Failure)
    assert failures and "output" in failures[0].text  # type: ignore[attr-defined]
    opened(runner, xor())
    runner.send(StepForward(Level.LAYER))
    assert runner.settle().cursor == 1


def test_training_that_goes_wrong_stops_at_the_operation_and_names_it(runner: Runner) -> None:
    network = with_training(xor(activation="linear"), optimizer=optimizer(learning_rate=1e6))
    network = edits.set_options(network, "output", {"activation": "linear"})
    network = replace(network, layers=(*network.layers[:-1], replace(network.layers[-1], type="mean_squared_error")))
    opened(runner, network)
    runner.send(Train())
    runner.wait_until(lambda: runner.snapshot is not None and runner.snapshot.trouble is not None)
    snapshot = runner.settle()
    assert snapshot.mode == Mode.IDLE
    assert snapshot.step is not None and snapshot.step.layer in snapshot.trouble.text


def test_seeking_far_forward_can_be_interrupted(runner: Runner) -> None:
    opened(runner, xor())
    runner.send(Seek(10_000_000, 3))
    runner.wait_until(lambda: bool(runner.of(Progress)))
    runner.send(Pause())
    snapshot = runner.settle()
    assert 0 < snapshot.iteration < 10_000_000


def test_an_edited_weight_in_training_takes_effect(runner: Runner) -> None:
    opened(runner, xor())
    runner.send(Train(5))
    runner.settle()
    weight = read_only(np.full((4, 2), 3.0))
    runner.send(SetNetwork(edits.set_parameter(xor(), "hidden", "weight", weight), 2))
    assert np.all(runner.settle().get("hidden", "weight") == 3.0)


def test_the_mailbox_keeps_the_newest_snapshot_and_every_event_and_rings_once() -> None:
    rings: list[int] = []
    mailbox = Mailbox(lambda: rings.append(1))
    for number in range(5):
        mailbox.post(Snapshot(1, number, Network()), Losses(number, (float(number),)))
    snapshot, events = mailbox.take()
    assert snapshot is not None and snapshot.serial == 4
    assert [loss for event in events if isinstance(event, Losses) for loss in event.losses] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert len(rings) == 1
    mailbox.post(None, Losses(9, (0.0,)))
    assert len(rings) == 2
