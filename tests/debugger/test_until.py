"""Why a run ends: each reason, from the loop itself, from the session, and through the worker."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from tests.building import chain, optimizer, with_training, xor
from tests.debugger.runner import Runner
from visualbp.datasets import Dataset
from visualbp.debugger.commands import Continue, Level, Seek, SetBreakpoints, StepForward, Train
from visualbp.debugger.course import Course
from visualbp.debugger.flow import Flow, StoppedError
from visualbp.debugger.mailbox import Mailbox
from visualbp.debugger.prepare import Carried, prepare
from visualbp.debugger.session import Session
from visualbp.debugger.until import FullSpeed, Move, NotFinite, Reason, Recorded, Stop, Until
from visualbp.engine import Executor, Phase, compile_plan
from visualbp.network import Network


def of(network: Network | None = None) -> Session:
    session = Session()
    session.set_network(network or xor(), 1, fresh=True)
    return session


def exploding() -> Course:
    """A weight that grows fivefold each iteration, until its square overflows."""
    network = chain(
        ("input", "input", {"shape": [1]}),
        ("output", "dense", {"units": 1, "bias": False, "weight_init": {"type": "constant", "value": 1.0}}),
        ("loss", "mean_squared_error", {}),
    )
    network = with_training(network, optimizer=optimizer("sgd", learning_rate=3.0))
    course = Course(executor=Executor(compile_plan(network), Dataset(np.ones((1, 1)), np.zeros((1, 1)))))
    executor = course.running_executor()
    course.history.add(0, executor.start)
    return course


def place(course: Course) -> tuple[int, int]:
    executor = course.running_executor()
    return executor.iteration, executor.cursor


def overflow() -> int:
    """The iteration at which stepping meets the first value that is not finite."""
    executor = exploding().running_executor()
    while executor.non_finite is None:
        executor.step()
    return executor.iteration


@pytest.mark.parametrize("iteration", [0, 1, 7])
@pytest.mark.parametrize("cursor", [0, 1, 5, 999])
def test_done_where_it_was_to_end_with_the_numbers_of_stepping(iteration: int, cursor: int) -> None:
    session, stepped = of(), of().running_executor()
    cursor = min(cursor, len(stepped.plan.steps))
    assert session.run(Until(iteration, cursor), (FullSpeed(), Recorded(cursor))) == Stop(Reason.DONE)
    assert place(session) == (iteration, cursor)
    for _ in range(iteration * len(stepped.plan.steps) + cursor):
        stepped.step()
    reached = session.running_executor()
    assert np.array_equal(reached.store.save(), stepped.store.save())
    assert not cursor or all(np.array_equal(reached.values[v], array) for v, array in stepped.values.items())


def test_where_it_is_already_there_no_move_is_made() -> None:
    session = of()
    session.forward(Level.LAYER)
    here = place(session)
    assert session.run(Until(*here), (FullSpeed(), Recorded())) == Stop(Reason.DONE)
    assert place(session) == here


def test_breakpoint_before_the_group_that_has_one_but_not_where_it_begins() -> None:
    session = of()
    session.breakpoints = frozenset({(Phase.BACKWARD, "hidden")})

    def steps() -> Iterator[Move]:
        while True:
            yield Recorded(session.running_executor().cursor % len(session.running_executor().plan.steps) + 1)

    for iteration in range(3):
        assert session.run(Until(breakpoints=True), steps()) == Stop(Reason.BREAKPOINT, "breakpoint: hidden, backward")
        assert session.next_step.layer == "hidden" and session.next_step.phase == Phase.BACKWARD
        assert session.running_executor().iteration == iteration
    assert session.run(Until(3, 1), steps()) == Stop(Reason.DONE)  # a run that does not ask goes past it


@pytest.mark.parametrize("not_finite", NotFinite)
def test_not_finite_is_passed_stopped_at_or_found(not_finite: NotFinite) -> None:
    course, first = exploding(), overflow()
    until = Until(first + 40, len(course.running_executor().plan.steps), not_finite)
    with np.errstate(all="ignore"):
        stop = course.run(until, (FullSpeed(to_the_end=True),))
    if not_finite == NotFinite.PASS:
        assert stop == Stop(Reason.DONE) and course.running_executor().iteration == first + 40
        return
    assert stop.reason == Reason.NOT_FINITE
    found = course.running_executor().non_finite
    if not_finite == NotFinite.FIND:
        assert found is not None and found.iteration == first and stop.text == found.text
    else:
        assert stop.text == f"the loss of iteration {course.running_executor().iteration} is not finite"


def test_a_recorded_value_that_is_not_finite_ends_the_run_at_its_step_and_going_on_is_possible() -> None:
    course, first = exploding(), overflow()
    with np.errstate(all="ignore"):
        course.run(Until(first, 0), (FullSpeed(), Recorded(0)))
        stop = course.run(Until(first, 999), (Recorded(),))
        found = course.running_executor().non_finite
        assert found is not None
        assert stop == Stop(Reason.NOT_FINITE, found.text) and place(course) == (first, found.step.index + 1)
        steps = len(course.running_executor().plan.steps)
        assert course.run(Until(first, steps), (Recorded(),)) == Stop(Reason.DONE)


def test_interrupted_where_the_moves_are_at_an_end_and_their_maker_is_told() -> None:
    session, told = of(), []

    def moves(count: int) -> Iterator[Move]:
        try:
            for _ in range(count):
                yield Recorded()
        finally:
            told.append(count)

    assert session.run(Until(9, 1), moves(3)) == Stop(Reason.INTERRUPTED)
    steps = len(session.running_executor().plan.steps)
    assert place(session) == (2, steps)
    assert session.run(Until(4, steps), moves(99)) == Stop(Reason.DONE)
    assert told == [3, 99]


def test_an_interrupted_step_still_gets_on_and_an_interrupted_replay_stands_where_it_came_to() -> None:
    session = of()
    session.interrupted = lambda: session.running_executor().iteration >= 5
    assert session.seek(3, 2) == Stop(Reason.DONE)
    assert session.seek(50, 2) == Stop(Reason.INTERRUPTED, "stopped")
    assert session.running_executor().iteration == 5 and session.running_executor().values
    before = place(session)
    assert session.forward(Level.ITERATION) == Stop(Reason.INTERRUPTED)
    assert place(session) == (before[0] + 1, 1)


def test_the_last_iteration_is_left_to_be_recorded_and_nothing_is_kept_without_a_history() -> None:
    course = Course(executor=of().running_executor(), keeps_history=False)
    steps = len(course.running_executor().plan.steps)
    assert course.run(Until(40, steps), (FullSpeed(),)) == Stop(Reason.INTERRUPTED)
    assert place(course) == (39, steps) and not course.running_executor().has_tape
    assert course.run(Until(40, steps), (FullSpeed(), Recorded())) == Stop(Reason.DONE)
    assert course.running_executor().has_tape and len(course.history) == 0


def test_the_worker_says_why_it_stopped_and_training_is_not_stopped_by_a_text() -> None:
    runner = Runner()
    runner.open(xor())
    runner.send(SetBreakpoints(frozenset({(Phase.FORWARD, "output")})), Continue())
    for _ in range(3000):  # without a question: its answer would be the newest message
        runner.take()
        if runner.snapshot is not None and runner.snapshot.message:
            break
        time.sleep(0.01)
    assert runner.snapshot is not None and runner.snapshot.message == "breakpoint: output, forward"
    runner.send(Train(5))
    stopped = runner.settle()
    assert (stopped.message, stopped.iteration) == ("", 4)
    runner.send(StepForward(Level.EPOCH), Seek(2, 3))
    assert runner.settle().message == "" and (runner.snapshot.iteration, runner.snapshot.cursor) == (2, 3)  # type: ignore[union-attr]
    runner.worker.session.message = "said by somebody before"
    assert runner.worker.session.run(Until(3, 1), (FullSpeed(), Recorded(1))).reason == Reason.DONE
    assert runner.close()


def test_the_words_of_a_trouble_leave_its_layer_out_and_a_layer_is_not_read_from_a_text() -> None:
    course = exploding()
    with np.errstate(all="ignore"):
        course.run(Until(), (FullSpeed(),))
    found = course.running_executor().non_finite
    assert found is not None and found.text == f"loss: {found.words}" and "loss: " not in found.words

    network = chain(
        ("seen", "input", {"shape": [3]}), ("loss", "dense", {"units": 1}), ("end", "mean_squared_error", {})
    )
    problems = prepare(network, Dataset(np.ones((2, 2)), np.ones((2, 1))), Carried(), None).problems
    assert [(problem.layer, problem.message, problem.mend) for problem in problems] == [
        ("seen", "takes samples of shape (3), the data have (2)", "set its shape to 2, or choose other data")
    ]


# -- a long iteration that is given up -------------------------------------------------------------------------------


def test_a_long_iteration_is_given_up_at_its_start_and_what_was_shown_is_outdated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("visualbp.engine.executor.CALLS_AT_ONCE", 4)
    session, undisturbed = of(), of()
    for each in (session, undisturbed):
        assert each.run(Until(3, 0), (FullSpeed(), Recorded())) == Stop(Reason.DONE)
        each.publish()
    shown = session.snapshot().values
    seen = 0

    def between() -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            raise StoppedError

    assert session.run(Until(), (FullSpeed(between=between),)) == Stop(Reason.INTERRUPTED)
    after = session.snapshot()
    assert (seen, after.iteration, after.cursor) == (3, 4, 0)
    assert after.values.keys() == shown.keys()
    assert after.stale == {value for value in shown if value not in session.running_executor().store.views}
    assert session.train_one() == undisturbed.train_one()
    assert session.snapshot().stale == frozenset()


def test_a_command_is_let_wait_so_long_and_no_longer() -> None:
    waits = False
    flow = Flow(Mailbox(), lambda: waits)
    look = flow.patience(0.02)
    look()
    time.sleep(0.03)
    waits = True
    look()  # only now it is seen to wait
    time.sleep(0.03)
    with pytest.raises(StoppedError):
        look()
