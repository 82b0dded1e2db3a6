"""The checks of tests/conftest.py, tried on small test files in a pytest of their own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent.parent / "conftest.py"

LEAKY_AND_TIDY_TESTS = """
from PySide6.QtCore import QThread, QTimer, QVariantAnimation
from PySide6.QtWidgets import QComboBox, QLabel

kept = []

def test_running_thread(qapp):
    kept.append(QThread())
    kept[-1].setObjectName("worker")
    kept[-1].start()

def test_active_timer(qapp):
    kept.append(QTimer())
    kept[-1].start(1000)

def test_running_animation(qapp):
    kept.append(QVariantAnimation(startValue=0.0, endValue=1.0, duration=60000))
    kept[-1].start()

def test_top_level_widget(qapp):
    kept.append(QLabel("forgotten"))
    kept[-1].setObjectName("orphan")
    kept[-1].setWindowTitle("A window")

def test_failing_anyway(qapp):
    kept.append(QLabel())
    assert not "the reason"

def test_tidy(qtbot):
    thread = QThread()
    thread.start()
    timer = QTimer()
    timer.start(1000)
    box = QComboBox()
    qtbot.addWidget(box)
    box.show()
    box.showPopup()
    timer.stop()
    thread.quit()
    assert thread.wait(2000)
"""

ISOLATION_TESTS = """
import os
from pathlib import Path
from PySide6.QtCore import QSettings, QStandardPaths

def settings():
    return QSettings("visualbp", "test of isolation")

def test_writes():
    assert settings().value("theme") is None
    written = settings()
    written.setValue("theme", "dark")
    written.sync()
    assert settings().value("theme") == "dark"
    assert written.fileName().startswith(os.environ["XDG_CONFIG_HOME"])

def test_does_not_see_what_another_test_wrote():
    assert settings().value("theme") is None
    places = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation)
    assert places.startswith(os.environ["XDG_DATA_HOME"]) and not Path(places).exists()

def test_needs_no_display():
    assert os.environ["QT_QPA_PLATFORM"] == "offscreen"
"""


def run_pytest_on(source: str, directory: Path) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, directory / "conftest.py")
    (directory / "test_sample.py").write_text(source, encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\nqt_api = pyside6\nmarkers = parity\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", str(directory)]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run_pytest_on(LEAKY_AND_TIDY_TESTS, tmp_path_factory.mktemp("leaky")).stdout


@pytest.mark.parametrize(
    ("test", "finding"),
    [
        ("test_running_thread", "running QThread 'worker', started at"),
        ("test_active_timer", "active QTimer '', started at"),
        ("test_running_animation", "unfinished QVariantAnimation '', started at"),
        ("test_top_level_widget", "top-level QLabel 'orphan', titled 'A window'"),
    ],
)
def test_a_test_that_leaves_something_behind_fails_and_names_it(report: str, test: str, finding: str) -> None:
    assert finding in report
    assert f"ERROR test_sample.py::{test}" in report


def test_what_was_started_is_named_with_its_line(report: str) -> None:
    line = 1 + LEAKY_AND_TIDY_TESTS.splitlines().index("    kept[-1].start(1000)")
    assert f"test_sample.py:{line}" in report


def test_a_failed_test_is_not_blamed_for_leaks_too(report: str) -> None:
    assert "FAILED test_sample.py::test_failing_anyway" in report
    assert "ERROR test_sample.py::test_failing_anyway" not in report


def test_a_tidy_test_passes(report: str) -> None:
    assert "test_sample.py::test_tidy" not in report
    assert "1 failed, 5 passed, 4 errors" in report


def test_each_test_has_settings_and_folders_of_its_own(tmp_path: Path) -> None:
    result = run_pytest_on(ISOLATION_TESTS, tmp_path)
    assert result.returncode == 0, result.stdout
