"""A file is written in a thread of its own: the window goes on, and what is asked for meanwhile comes out right."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from tests.gui.desk import BUTTONS, Answers, Desk
from visualbp.debugger.commands import Train
from visualbp.files import FileError, find_model, load_network, save_network
from visualbp.files.stamp import Stamp
from visualbp.gui import files_controller
from visualbp.network import Network

XOR = load_network(find_model("xor"))


class Slow:
    """Takes the place of `save_network`: it holds each file back until it is let go, or fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started, self.gate = threading.Event(), threading.Event()
        self.fails = False
        self.written: list[Network] = []
        monkeypatch.setattr(files_controller, "save_network", self)

    def __call__(self, network: Network, path: Path) -> Stamp:
        assert threading.current_thread() is not threading.main_thread()
        self.started.set()
        assert self.gate.wait(20)
        if self.fails:
            raise FileError(str(path), "", "cannot be written: no space left on device")
        self.written.append(network)
        return save_network(network, path)

    def meanwhile(self, *doings: Callable[[], Any]) -> None:
        """Once a file is being written, do these one after the other, each in a turn of the event loop, and let go."""
        rest = [*doings, self.gate.set]
        timer = QTimer()

        def turn() -> None:
            if self.started.is_set() and rest:
                (timer.stop() if len(rest) == 1 else None, rest.pop(0)())

        timer.timeout.connect(turn)
        timer.start(1)
        self._timer = timer


@pytest.fixture
def desk(desks: Callable[[], Desk], tmp_path: Path) -> Desk:
    made = desks()
    save_network(XOR, tmp_path / "mine.vbp")
    made.open_file(tmp_path / "mine.vbp")
    return made


def units(network: Network) -> object:
    return network.layer("hidden").options["units"]


def test_an_edit_while_the_file_is_written_is_not_in_it_and_is_not_saved(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    desk.edit(units=5)
    during: list[bool] = []
    slow.meanwhile(lambda: during.append(desk.document.is_modified), lambda: desk.edit(units=7))
    assert desk.files.save()
    assert during == [True], "what is on its way is not safe yet"
    assert units(load_network(tmp_path / "mine.vbp")) == 5 and units(desk.document.network) == 7
    assert desk.document.is_modified
    desk.document.undo_stack.undo()
    assert not desk.document.is_modified and units(desk.document.network) == 5
    desk.document.undo_stack.undo()
    assert desk.document.is_modified


def test_typing_on_into_a_field_while_the_file_is_written_is_an_edit_of_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def typed(name: str) -> None:
        document = desk.document
        document.apply(files_controller.replace(document.network, name=name), "Change the name", merge="name")

    slow = Slow(monkeypatch)
    typed("A")
    slow.meanwhile(lambda: typed("AB"))
    assert desk.files.save() and desk.document.is_modified
    desk.document.undo_stack.undo()
    assert desk.document.network.name == "A" and not desk.document.is_modified


def test_a_second_save_comes_after_the_first_and_has_what_is_newer(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    answers: list[bool] = []
    desk.edit(units=5)

    def again() -> None:
        desk.edit(units=7)
        QTimer.singleShot(0, slow.gate.set)
        answers.append(desk.files.save_to(tmp_path / "second.vbp"))

    slow.meanwhile(again)
    assert desk.files.save() and answers == [True]
    assert [units(network) for network in slow.written] == [5, 7]
    assert units(load_network(tmp_path / "mine.vbp")) == 5 and units(load_network(tmp_path / "second.vbp")) == 7
    assert desk.document.path == tmp_path / "second.vbp" and not desk.document.is_modified


def test_what_cannot_be_written_stays_unsaved(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch)
    slow.fails = True
    desk.edit(units=5)
    slow.meanwhile()
    assert not desk.files.save()
    assert "no space left" in desk.bar.text and desk.document.is_modified
    assert units(load_network(tmp_path / "mine.vbp")) == 4
    slow.fails = False
    assert desk.files.save() and not desk.document.is_modified


def test_what_was_saved_before_is_saved_still_when_another_place_refuses(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    slow.fails = True
    slow.meanwhile()
    assert not desk.files.save_to(tmp_path / "copy.vbp")
    assert not desk.document.is_modified and desk.document.path == tmp_path / "mine.vbp"


@pytest.mark.parametrize("edited", [False, True])
def test_whoever_wants_the_work_to_go_waits_for_the_file_and_asks_about_the_rest(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edited: bool
) -> None:
    slow, answers = Slow(monkeypatch), Answers(monkeypatch)
    may: list[bool] = []
    desk.edit(units=5)

    def leave() -> None:
        if edited:
            desk.edit(units=7)
        QTimer.singleShot(0, slow.gate.set)
        may.append(desk.files.may_discard())

    slow.meanwhile(leave)
    assert desk.files.save()
    assert may == [not edited] and len(answers.asked) == edited


def test_an_edit_made_while_the_work_is_saved_to_go_is_asked_about(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, answers = Slow(monkeypatch), Answers(monkeypatch)
    answers.button = BUTTONS.Save
    desk.edit(units=5)
    slow.meanwhile(lambda: desk.edit(units=7), lambda: setattr(answers, "button", BUTTONS.Cancel))
    assert not desk.files.may_discard() and len(answers.asked) == 2


def test_the_end_of_the_window_waits_for_the_file(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch)
    desk.edit(units=5)

    def end() -> None:
        threading.Timer(0.05, slow.gate.set).start()
        desk.files.end()
        assert units(load_network(tmp_path / "mine.vbp")) == 5 and not desk.document.is_modified

    slow.meanwhile(end)
    assert desk.files.save()


def test_training_that_goes_on_while_the_file_is_written_is_not_in_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    desk.train(3)
    then = desk.weight("hidden")
    slow.meanwhile(lambda: desk.train(2))
    assert desk.files.save()
    saved = load_network(tmp_path / "mine.vbp").parameters["hidden"]["weight"]
    assert saved.tobytes() == then.tobytes() != desk.weight("hidden").tobytes()
    assert desk.document.is_modified
    assert desk.files.save() and not desk.document.is_modified
    desk.send(Train(1))
    assert desk.document.is_modified


def test_a_file_that_this_window_writes_was_not_changed_by_another_program(
    desk: Desk, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    desk.edit(units=5)

    def written_but_not_settled() -> None:
        save_network(XOR, tmp_path / "mine.vbp")  # as the thread has it when the window's turn comes late
        desk.changes.watch.look()

    slow.meanwhile(written_but_not_settled)
    assert desk.files.save()
    desk.changes.watch.look()
    assert desk.bar.text == ""


def test_an_untitled_network_takes_the_name_of_its_file_also_when_it_is_edited_meanwhile(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "gates.vbp"), ""))
    slow = Slow(monkeypatch)
    desk.document.open(files_controller.replace(XOR, name=Network().name))
    slow.meanwhile(lambda: desk.edit(units=7))
    assert desk.files.save()
    assert load_network(tmp_path / "gates.vbp").name == desk.document.network.name == "gates"
    assert desk.document.is_modified and units(desk.document.network) == 7


def test_it_is_said_while_it_takes_long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch)
    said: list[str] = []
    desk.files.writing.slow.connect(said.append)
    desk.edit(units=5)
    slow.meanwhile(lambda: None)
    assert desk.files.save() and said == ["Saving mine.vbp …", ""]


def test_an_export_and_a_picture_are_written_while_the_window_goes_on(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def noting(name: str) -> None:
        real = getattr(files_controller, name)

        def write(*arguments: Any) -> None:
            threads.append(threading.current_thread())
            real(*arguments)

        monkeypatch.setattr(files_controller, name, write)

    noting("write_pytorch")
    noting("write_picture")
    assert desk.files.export_to(tmp_path / "xor.py") and (tmp_path / "xor.py").exists()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "xor.png"), ""))
    desk.files.save_picture()
    assert (tmp_path / "xor.png").read_bytes().startswith(b"\x89PNG")
    assert len(threads) == 2 and threading.main_thread() not in threads
