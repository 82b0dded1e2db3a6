"""What every test can rely on: no display, settings of its own, and no Qt object left running behind it."""

import gc
import os
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt

import pytest

PARITY = Path(__file__).parent / "parity"
CALL_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below tests/parity carries the marker `parity`."""
    for item in items:
        if item.path.is_relative_to(PARITY):
            item.add_marker(pytest.mark.parity)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and call.when != "teardown":
        item.stash[CALL_FAILED] = True
    return report


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Gives each test, and the processes it starts, empty settings and application folders of its own."""
    from PySide6.QtCore import QSettings

    with tempfile.TemporaryDirectory(prefix="visualbp-test-", ignore_cleanup_errors=True) as directory:
        for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
            monkeypatch.setenv(variable, os.path.join(directory, variable.lower()))
        for file_format in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
            # QSettings reads the variables once in a process.
            QSettings.setPath(file_format, QSettings.Scope.UserScope, os.environ["XDG_CONFIG_HOME"])
        yield


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test of the window that leaves threads, timers or animations running, or top-level widgets alive.

    A test that has failed already is left alone: its traceback keeps its objects alive.
    """
    if "qapp" not in request.fixturenames:
        yield
        return
    leftovers = Leftovers(monkeypatch)
    yield
    found = leftovers.find()
    if found and not request.node.stash.get(CALL_FAILED, False):
        descriptions = "\n  ".join(description for description, _ in found)
        for _, remove in found:
            remove()
        pytest.fail(f"left behind by this test:\n  {descriptions}", pytrace=False)


class Leftovers:
    """Notes what is started through Qt's classes, with the line that did it, and finds what has not ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from PySide6.QtCore import QAbstractAnimation, QThread, QTimer

        self.started: list[tuple[weakref.ref[Any], str]] = []
        for kind in (QThread, QTimer, QAbstractAnimation):
            monkeypatch.setattr(kind, "start", self._noting(kind.start))
        self.windows_before = {address for address, _ in _top_level_widgets()}
        self.threads_before = set(threading.enumerate())

    def _noting(self, start: Callable[..., Any]) -> Callable[..., Any]:
        def noting_start(started: Any, *arguments: Any, **named: Any) -> Any:
            caller = sys._getframe(1)
            self.started.append((weakref.ref(started), f"{caller.f_code.co_filename}:{caller.f_lineno}"))
            return start(started, *arguments, **named)

        return noting_start

    def find(self) -> list[tuple[str, Callable[[], object]]]:
        """What is left once everything due for deletion is deleted: a description, and how to be rid of it."""
        from PySide6.QtCore import QCoreApplication, QEvent

        found: list[tuple[str, Callable[[], object]]] = []
        for collect in (False, True):
            if collect:
                gc.collect()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
            found = [*self._running_objects(), *self._windows(), *self._threads()]
            if not found:
                break
        return found

    def _running_objects(self) -> Iterator[tuple[str, Callable[[], object]]]:
        from PySide6.QtCore import QAbstractAnimation, QThread, QTimer
        from shiboken6 import isValid

        seen = set()
        for reference, place in self.started:
            started = reference()
            if started is None or id(started) in seen or not isValid(started):
                continue
            seen.add(id(started))
            name = f"{type(started).__name__} {started.objectName()!r}, started at {place}"
            if isinstance(started, QThread) and started.isRunning():
                yield f"running {name}", partial(_end_thread, started)
            elif isinstance(started, QTimer) and started.isActive():
                yield f"active {name}", started.stop
            elif isinstance(started, QAbstractAnimation) and started.state() != QAbstractAnimation.State.Stopped:
                yield f"unfinished {name}", started.stop

    def _windows(self) -> Iterator[tuple[str, Callable[[], object]]]:
        for address, widget in _top_level_widgets():
            if address not in self.windows_before:
                title = f", titled {widget.windowTitle()!r}" if widget.windowTitle() else ""
                yield f"top-level {type(widget).__name__} {widget.objectName()!r}{title}", widget.deleteLater

    def _threads(self) -> Iterator[tuple[str, Callable[[], object]]]:
        for thread in threading.enumerate():
            # Python invents a _DummyThread for each thread of Qt's that it sees; those are looked at above.
            if thread not in self.threads_before and not isinstance(thread, threading._DummyThread):
                yield f"running Python thread {thread.name!r}", lambda: None


def _end_thread(thread: Any) -> None:
    thread.quit()
    thread.wait(2000)


def _top_level_widgets() -> list[tuple[int, Any]]:
    """The parentless widgets, each with its address in C++. (Popups that belong to a widget go with it.)"""
    from PySide6.QtWidgets import QApplication
    from shiboken6 import getCppPointer

    return [
        (getCppPointer(widget)[0], widget) for widget in QApplication.topLevelWidgets() if widget.parentWidget() is None
    ]
