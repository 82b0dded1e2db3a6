"""Flow control in the window: what runs on is seen to run, and F6, Escape and closing take effect at any time."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.benchmarks.window_rig import spin
from tests.debugger.test_runs import EXAMPLES
from tests.gui.bench import shut
from tests.gui.conftest import OpenWindow
from visualbp.debugger.commands import Continue, Seek
from visualbp.debugger.snapshot import Failure, Mode, Progress
from visualbp.gui.faults import Faults, fault_log_path
from visualbp.gui.main_window import MainWindow
from visualbp.gui.widgets.message_bar import MessageBar


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    return open_window(size=(1280, 720))


def test_f5_on_the_first_sample_runs_and_is_seen_to_run_until_it_is_paused(window: MainWindow, qtbot: QtBot) -> None:
    seen: set[tuple[int, int]] = set()
    window.debugger.snapshot_changed.connect(lambda snapshot: seen.add((snapshot.iteration, snapshot.cursor)))
    QTest.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: len(seen) > 10 and window.debugger.snapshot.iteration > 200, timeout=20_000)
    assert window.tool_bar.numbers.iteration != "0"
    QTest.keyClick(window, Qt.Key.Key_F6)
    qtbot.waitUntil(lambda: not window.debugger.snapshot.is_running, timeout=20_000)
    stands = window.debugger.snapshot.iteration
    assert spin(0.2, every=5) > 1
    assert window.debugger.snapshot.iteration == stands


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_window_lives_while_something_runs_and_escape_stops_it(window: MainWindow, qtbot: QtBot, name: str) -> None:
    window.debugger.send(EXAMPLES[name])
    qtbot.waitUntil(lambda: spin(0.05, every=5) > 3, timeout=20_000)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.debugger.snapshot.is_running, timeout=20_000)


@pytest.mark.parametrize("name", ["continue", "train", "check_gradients"])
def test_a_pause_counts_before_the_first_picture(window: MainWindow, name: str) -> None:
    actions = window.actions_by_name
    actions[name].trigger()
    assert actions["pause"].isVisible() and not actions["step_layer"].isEnabled()
    QTest.keyClick(window, Qt.Key.Key_F6)
    assert window.debugger.settle()
    assert not window.debugger.snapshot.is_running
    assert actions["continue"].isEnabled() and not actions["pause"].isEnabled()


@pytest.mark.parametrize("name", ["continue", "train", "go to 100,000,000"])
def test_closing_ends_what_runs(window: MainWindow, name: str) -> None:
    window.debugger.send(EXAMPLES[name])
    spin(0.2)
    shut(window)
    assert not window.isVisible()
    assert window.debugger._thread.isFinished()


def test_a_long_way_is_shown_with_how_far_it_is(window: MainWindow, qtbot: QtBot) -> None:
    shares: list[float] = []
    window.debugger.happened.connect(lambda event: shares.append(event.share) if isinstance(event, Progress) else None)
    window.debugger.send(Seek(100_000_000, 0))
    qtbot.waitUntil(lambda: len(shares) > 3 and window.debugger.snapshot.mode == Mode.SEEKING, timeout=20_000)
    assert shares == sorted(shares)
    assert window.tool_bar.pill.word == "GOING"
    assert window.debugger.snapshot.iteration == 0, "what was shown stays until the place is reached"


def test_no_event_arrives_for_each_iteration(window: MainWindow, qtbot: QtBot) -> None:
    events: list[object] = []
    window.debugger.happened.connect(events.append)
    window.debugger.send(Continue())
    qtbot.waitUntil(lambda: window.debugger.snapshot.iteration > 2000, timeout=30_000)
    assert len(events) < 1000


def test_a_fault_of_the_program_is_shown_as_one_and_logged_with_its_traceback(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = window.debugger._thread.worker.session
    monkeypatch.setattr(session, "forward", lambda level: {}["no such buffer"])
    QTest.keyClick(window, Qt.Key.Key_F10)
    window.debugger.settle()
    assert "fault inside visualbp" in window.message_bar.text and "KeyError" in window.message_bar.text
    log = fault_log_path().read_text(encoding="utf-8")
    assert "Traceback" in log and "no such buffer" in log and "visualbp" in log
    monkeypatch.undo()
    QTest.keyClick(window, Qt.Key.Key_F10)
    window.debugger.settle()
    assert window.debugger.snapshot.cursor > 0, "the window stays usable"


def test_what_a_person_can_mend_is_no_fault(window: MainWindow) -> None:
    events: list[object] = []
    window.debugger.happened.connect(events.append)
    QTest.keyClick(window, Qt.Key.Key_F10)
    window.debugger.settle()
    window.debugger.send(Seek(-5, 0))
    window.debugger.settle()
    failures = [event for event in events if isinstance(event, Failure)]
    assert failures and not failures[0].traceback
    assert not fault_log_path().exists()
    window.faults.open_log()
    assert "No fault" in window.message_bar.text


def test_exceptions_of_any_thread_reach_the_log(qtbot: QtBot) -> None:
    import threading

    bar = MessageBar()
    qtbot.addWidget(bar)
    faults, told = Faults(bar), []
    faults.reported.connect(told.append)
    faults.catch_all()
    try:
        thread = threading.Thread(target=lambda: [][3])
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: bool(told), timeout=30_000)
    finally:
        faults.release()
    assert "IndexError" in told[0] and "IndexError" in fault_log_path().read_text(encoding="utf-8")


def test_a_log_that_cannot_be_written_hides_no_fault(qtbot: QtBot, capsys: pytest.CaptureFixture[str]) -> None:
    fault_log_path().parent.parent.mkdir(parents=True, exist_ok=True)
    fault_log_path().parent.write_text("a file where the folder should be")
    bar = MessageBar()
    qtbot.addWidget(bar)
    faults, told = Faults(bar), []
    faults.reported.connect(told.append)
    faults.report("something", "its traceback")
    assert told == ["something"]
    assert "its traceback" in capsys.readouterr().err


def hold_f11(window: MainWindow, repeats: int) -> None:
    """Press F11 and hold it: each repetition comes as the system sends it, whether the window has drawn or not."""
    for place in range(repeats):
        key = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_F11, Qt.KeyboardModifier.NoModifier, "", place > 0)
        QApplication.sendEvent(window.canvas, key)
        window.actions_by_name["step_operation"].trigger()


def test_a_key_that_is_held_down_never_queues_up_steps(window: MainWindow, qtbot: QtBot) -> None:
    hold_f11(window, 30)
    window.debugger.settle()
    assert window.debugger.snapshot.cursor == 1, "repetitions that come before the picture of the first do not count"
    for _ in range(3):
        hold_f11(window, 1)
        window.debugger.settle()
    assert window.debugger.snapshot.cursor == 4


def test_presses_of_a_person_are_not_lost_and_each_gets_its_picture(window: MainWindow) -> None:
    shown: list[int] = []
    window.debugger.snapshot_changed.connect(lambda snapshot: shown.append(snapshot.cursor))
    for _ in range(5):
        QTest.keyClick(window, Qt.Key.Key_F11)
    window.debugger.settle()
    assert [cursor for place, cursor in enumerate(shown) if place == 0 or cursor != shown[place - 1]][-5:] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_a_reset_comes_after_the_steps_that_were_asked_for_before_it(window: MainWindow) -> None:
    for _ in range(4):
        QTest.keyClick(window, Qt.Key.Key_F11)
    window.debug.reset()
    window.debugger.settle()
    assert (window.debugger.snapshot.iteration, window.debugger.snapshot.cursor) == (0, 0)
