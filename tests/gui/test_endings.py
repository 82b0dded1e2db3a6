"""The ends that nobody is asked about, tried on real processes: the work is kept, the end is prompt, whatever runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.gui.bench import press_button
from tests.gui.conftest import OpenWindow
from tests.gui.window_process import SIGNALS, WindowProcess
from visualbp.files import find_model, load_network, save_network
from visualbp.files.autosaved import read_autosave
from visualbp.files.locks import is_held
from visualbp.gui.endings import Endings
from visualbp.network import edits

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its processes are sent no signals")

XOR = load_network(find_model("xor"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_network(replace(XOR, name="Mine"), tmp_path / "mine.vbp")
    return tmp_path / "mine.vbp"


@pytest.mark.parametrize(("number", "what"), list(zip(SIGNALS, ["train", "modal", "check"], strict=False)))
def test_a_signal_keeps_the_work_and_ends_the_program_whatever_it_does(number: int, what: str, path: Path) -> None:
    before = path.read_bytes()
    window = WindowProcess(path.parent, path, what)
    window.wait_until_ready()
    status, error = window.end(number)
    assert status == 128 + number and not error
    kept, *others = window.files()
    work = read_autosave(kept)
    assert not others and work.path == path and path.read_bytes() == before
    if what == "modal":
        assert work.network.layer("hidden").options["units"] == 9
    else:
        assert work.network.parameters["hidden"]["weight"].shape == (4, 2)


def test_a_second_signal_ends_a_window_at_once_that_hangs(path: Path) -> None:
    window = WindowProcess(path.parent, path, "stuck")
    window.wait_until_ready()
    window.process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        window.process.wait(timeout=1.0)
    assert window.end(signal.SIGINT) == (130, "")


def test_without_unsaved_work_nothing_is_left(path: Path) -> None:
    window = WindowProcess(path.parent, path)
    window.wait_until_ready()
    assert window.end(signal.SIGTERM) == (143, "") and window.files() == []


def test_a_killed_window_leaves_its_work_and_the_next_one_offers_it_and_clears_the_rest(
    path: Path, open_window: OpenWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = WindowProcess(path.parent, path, "autosave")
    window.wait_until_ready()
    window.kill()
    left = window.files()
    assert [file.suffix for file in left if file.parent.name == "open"] == [".lock"]
    assert not any(is_held(file) for file in left if file.suffix == ".lock")
    monkeypatch.setenv("XDG_DATA_HOME", str(path.parent / "data"))
    folder = next(file.parent for file in left if file.suffix == ".vbp")
    monkeypatch.setattr("visualbp.gui.autosave.autosave_folder", lambda: folder)
    monkeypatch.setattr("visualbp.gui.file_watch.open_files_folder", lambda: folder.with_name("open"))
    other = open_window(None)
    qtbot.waitUntil(lambda: "unsaved work in Mine (mine.vbp)" in other.message_bar.text)
    press_button(other.message_bar, "Recover it")
    assert other.document.path == path and other.document.is_modified
    own = [other.autosave.path, other.autosave._lock.path, other.file_changes.open_files._mark.path]  # type: ignore[union-attr]
    assert window.files() == sorted(own)
    assert other.files.save()
    other.close()
    assert window.files() == []


def test_the_end_of_the_desktop_session_keeps_the_work_and_asks_nothing(
    open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(box: object) -> None:
        raise AssertionError("nobody can answer now")

    monkeypatch.setattr("PySide6.QtWidgets.QMessageBox.exec", refuse)
    wakeup = signal.set_wakeup_fd(-1)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    window = open_window()
    window.document.edit(lambda network: edits.set_options(network, "hidden", {"units": 9}), "Change units")
    monkeypatch.setattr("threading.Thread.start", lambda thread: None)
    endings = Endings(window)
    monkeypatch.undo()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    signal.set_wakeup_fd(wakeup)
    monkeypatch.setattr("PySide6.QtWidgets.QMessageBox.exec", refuse)
    endings.session_ends.connect(window.recovery.keep_for_session_end)
    endings._on_commit(None)  # type: ignore[arg-type]
    kept = window.autosave.path
    assert read_autosave(kept).sample == "xor"
    window.close()
    assert kept.exists() and not window.isVisible()
