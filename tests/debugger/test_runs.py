"""Flow control, for every command that runs on: what waits stays small, the worker waits, and a pause takes effect."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.building import xor
from tests.debugger.runner import Runner
from visualbp.debugger.commands import Command, Continue, Level, Pause, SetNetwork, StepForward, Train
from visualbp.debugger.mailbox import Mailbox
from visualbp.debugger.runs import EPOCH, RUNS, run_of
from visualbp.debugger.snapshot import Losses, Metrics, Mode, Progress, Snapshot, Truncate
from visualbp.files import load_network
from visualbp.files.samples import sample_paths
from visualbp.network import Network

EXAMPLES = {name: command for run in (*RUNS.values(), EPOCH) for name, command in run.examples.items()}
ENDLESS = [name for name in EXAMPLES if not name.startswith(("check", "epoch"))]
MOST_WAITING = 12
"""Events that may wait: a few kinds, not one for each iteration."""


def sample(name: str) -> Network:
    return load_network(next(path for path in sample_paths() if path.stem == name))


NETWORKS = ("xor", "spirals", "digits_convolution")


def place(runner: Runner) -> tuple[int, int]:
    executor = runner.worker.session.executor
    assert executor is not None
    return executor.iteration, executor.cursor


def test_every_command_that_runs_on_is_in_the_table() -> None:
    assert {type(command) for command in EXAMPLES.values()} >= set(RUNS)
    for command in EXAMPLES.values():
        assert run_of(command) is not None
    assert run_of(StepForward(Level.ITERATION)) is None


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_what_waits_stays_small_and_progress_is_shown(runner: Runner, name: str, network: str) -> None:
    runner.open(sample(network))
    runner.settle()
    runner.events.clear()
    runner.send(EXAMPLES[name])
    shown: set[object] = set()
    began = time.monotonic()
    enough = 3 if name.endswith(("continue", "train")) else 1
    while (spent := time.monotonic() - began) < 0.4 or (len(shown) < enough and spent < 20):
        events = runner.take()
        assert len(events) <= MOST_WAITING, events
        shown |= {event.share for event in events if isinstance(event, Progress)}
        assert runner.snapshot is not None
        shown.add((runner.snapshot.iteration, runner.snapshot.cursor))
        time.sleep(0.01)
    runner.send(Pause())
    assert runner.settle().mode == Mode.IDLE
    assert len(shown) >= enough


@pytest.mark.parametrize("name", ENDLESS)
def test_the_worker_rests_while_nobody_takes_what_there_is(runner: Runner, name: str) -> None:
    runner.open(xor())
    runner.settle()
    runner.send(EXAMPLES[name])
    before = None
    for _ in range(100):  # however slow the machine: at some time it stands still
        time.sleep(0.1)
        before, earlier = place(runner), before
        if before == earlier and runner.mailbox.is_late:
            break
    else:
        pytest.fail("the worker never rests")
    assert len(runner.take()) <= MOST_WAITING
    for _ in range(100):
        time.sleep(0.05)
        runner.take()
        if place(runner) != before:
            break
    else:
        pytest.fail("it does not go on when the window has taken what there was")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_pause_and_an_edit_are_heard_while_the_window_is_late(runner: Runner, name: str) -> None:
    runner.open(sample("spirals"))
    runner.settle()
    runner.send(EXAMPLES[name])
    time.sleep(0.25)  # by now it rests, or it is done
    runner.send(Pause())
    assert runner.settle().mode == Mode.IDLE
    runner.send(EXAMPLES[name])
    time.sleep(0.05)
    runner.send(SetNetwork(xor(), 2, fresh=True))
    snapshot = runner.settle()
    assert snapshot.generation == 2 and snapshot.mode == Mode.IDLE


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("taken", [True, False], ids=["taken", "late"])
def test_the_worker_ends_whatever_it_is_doing(name: str, taken: bool) -> None:
    runner = Runner()
    runner.open(xor())
    runner.send(EXAMPLES[name])
    time.sleep(0.03)
    if taken:
        runner.take()
    else:
        time.sleep(0.15)
    assert runner.close()


@pytest.mark.parametrize("command", [Continue(), Train()])
def test_every_loss_arrives_once_and_is_that_of_stepping(runner: Runner, command: Command) -> None:
    runner.open(xor())
    runner.send(command)
    for _ in range(20):
        time.sleep(0.01)
        runner.take()
    runner.send(Pause())
    stopped = runner.settle()
    losses: dict[int, float] = {}
    for event in runner.of(Losses):
        assert isinstance(event, Losses)
        for number, loss in enumerate(event.losses, event.first):
            assert number not in losses
            losses[number] = float(loss)
    assert sorted(losses) == list(range(len(losses))) and len(losses) >= stopped.iteration
    count = min(len(losses), 50)
    stepper = Runner()
    stepper.open(xor())
    stepper.send(*[StepForward(Level.ITERATION)] * count)
    stepper.settle()
    stepped = [float(loss) for event in stepper.of(Losses) for loss in event.losses]  # type: ignore[attr-defined]
    assert stepper.close()
    assert stepped == [losses[number] for number in range(count)]


def test_continue_shows_every_layer_of_an_iteration_in_turn(runner: Runner) -> None:
    runner.open(xor())
    first = runner.settle()
    assert first.plan is not None
    runner.send(Continue())
    cursors: set[int] = set()
    ends = {group.stop for group in first.plan.groups}
    for _ in range(3000):
        runner.take()
        assert runner.snapshot is not None
        cursors.add(runner.snapshot.cursor)
        if ends <= cursors:
            break
        time.sleep(0.005)
    assert ends <= cursors
    assert runner.snapshot is not None and runner.snapshot.iteration > len(ends)


def test_an_epoch_ends_where_the_data_are_through(runner: Runner) -> None:
    network = sample("spirals")
    runner.open(network)
    runner.send(StepForward(Level.LAYER), StepForward(Level.EPOCH))
    first = runner.settle()
    batches = -(-len(first.dataset) // network.training.batch_size)  # type: ignore[arg-type]
    assert first.iteration == batches - 1 and first.next_step is None
    runner.send(StepForward(Level.EPOCH))
    assert runner.settle().iteration == 2 * batches - 1


def test_losses_in_a_row_are_one_event_and_a_break_begins_another() -> None:
    mailbox = Mailbox()
    for number in range(1000):
        mailbox.post(None, Losses(number, (float(number),)))
    mailbox.post(None, Truncate(5))
    mailbox.post(None, Losses(5, (0.5,)), Losses(6, (0.25, 0.125)))
    mailbox.post(None, Losses(2, (7.0,)))
    _, events = mailbox.take()
    kinds = [type(event) for event in events]
    assert kinds == [Losses, Truncate, Losses, Losses]
    first, _, second, third = events
    assert isinstance(first, Losses) and isinstance(second, Losses) and isinstance(third, Losses)
    assert np.array_equal(first.losses, np.arange(1000.0))
    assert (second.first, list(second.losses)) == (5, [0.5, 0.25, 0.125])
    assert (third.first, list(third.losses)) == (2, [7.0])


def test_of_progress_the_newest_counts_and_the_mailbox_tells_when_it_is_late() -> None:
    mailbox = Mailbox()
    assert not mailbox.is_late
    for share in range(100):
        mailbox.post(Snapshot(1, share, Network()), Progress(Mode.CHECKING, share / 100))
    time.sleep(0.12)
    assert mailbox.is_late
    snapshot, events = mailbox.take()
    assert snapshot is not None and snapshot.serial == 99
    assert events == (Progress(Mode.CHECKING, 0.99),)
    assert not mailbox.is_late


def test_training_measures_how_well_it_goes(runner: Runner) -> None:
    runner.open(sample("spirals"))
    runner.send(Train())
    for _ in range(40):
        time.sleep(0.01)
        runner.take()
    runner.send(Pause())
    runner.settle()
    metrics = runner.of(Metrics)
    assert len(metrics) >= 2
    assert metrics[-1].iteration == runner.snapshot.iteration  # type: ignore[union-attr, attr-defined]
