"""Files that other programs and other windows have to do with: said at once, asked before anything is overwritten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.gui.desk import BUTTONS, Answers, Desk
from visualbp.datasets.base import make_spec
from visualbp.files import find_model, load_network, save_network
from visualbp.files.locks import HeldLock
from visualbp.gui.file_watch import SETTLE, open_files_folder

XOR = load_network(find_model("xor"))
OTHER = replace(XOR, name="Other")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_network(replace(XOR, name="Mine"), tmp_path / "mine.vbp")
    save_network(OTHER, tmp_path / "other.vbp")
    return tmp_path / "mine.vbp"


@pytest.fixture
def desk(desks: Callable[[], Desk], path: Path) -> Desk:
    made = desks()
    made.open_file(path)
    QTest.qWait(2 * SETTLE)
    assert made.bar.text == ""
    return made


def write_in_place(path: Path) -> None:
    shutil.copyfile(path.with_name("other.vbp"), path)


def write_by_rename(path: Path) -> None:
    shutil.copyfile(path.with_name("other.vbp"), path.with_name("new"))
    os.replace(path.with_name("new"), path)


def remove_and_write_later(path: Path) -> None:
    path.unlink()
    QTest.qWait(2 * SETTLE)
    write_in_place(path)


@pytest.mark.parametrize("change", [write_in_place, write_by_rename, remove_and_write_later])
def test_a_change_is_said_and_the_file_can_be_reloaded_time_and_again(
    change: Callable[[Path], None], desk: Desk, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    Answers(monkeypatch, BUTTONS.Discard)
    for _ in range(3):
        change(path)
        qtbot.waitUntil(lambda: "mine.vbp was changed by another program" in desk.bar.text)
        assert desk.document.network.name == "Mine"
        desk.press("Reload")
        assert desk.document.network.name == "Other" and not desk.document.is_modified and desk.bar.text == ""
        save_network(replace(XOR, name="Mine"), path)
        qtbot.waitUntil(lambda: "changed" in desk.bar.text)
        desk.press("Reload")
        assert desk.document.network.name == "Mine"


def test_keeping_what_is_here_makes_it_unsaved_work_that_saves_without_a_further_question(
    desk: Desk, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(monkeypatch)
    write_by_rename(path)
    qtbot.waitUntil(lambda: "changed" in desk.bar.text)
    desk.press("Keep mine")
    assert desk.document.is_modified and load_network(path).name == "Other"
    assert desk.files.save() and not answers.asked and load_network(path).name == "Mine"
    QTest.qWait(2 * SETTLE)
    assert desk.bar.text == ""


@pytest.mark.parametrize(
    ("button", "saved"), [(BUTTONS.Cancel, "Other"), (BUTTONS.Save, "Mine"), (BUTTONS.Open, "Other")]
)
def test_a_changed_file_is_not_overwritten_without_a_question(
    button: BUTTONS, saved: str, desk: Desk, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(monkeypatch, button)
    elsewhere: list[bool] = []
    monkeypatch.setattr(desk.files, "save_as", lambda: bool(elsewhere.append(True)))
    desk.edit()
    write_by_rename(path)
    desk.files.save()  # at once, before anything was said
    assert answers.asked == ["mine.vbp was changed by another program. Overwrite it?"]
    assert load_network(path).name == saved and elsewhere == [True] * (button == BUTTONS.Open)
    assert desk.document.is_modified == (saved != "Mine")


def test_reloading_over_changes_made_here_asks_first(
    desk: Desk, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(monkeypatch)
    desk.edit(units=7)
    write_by_rename(path)
    qtbot.waitUntil(lambda: "Reload loses what was changed here" in desk.bar.text)
    desk.press("Reload")
    assert answers.asked == ["Reload Mine, and lose the changes that were made here?"]
    assert desk.document.network.layer("hidden").options["units"] == 7
    assert "Reload" in desk.words, "it is still to be decided about"


@pytest.mark.parametrize("remove", [Path.unlink, lambda path: path.rename(path.with_name("elsewhere.vbp"))])
def test_a_file_that_is_gone_is_unsaved_work_and_can_be_saved_again(
    remove: Callable[[Path], object], desk: Desk, path: Path, qtbot: QtBot
) -> None:
    remove(path)
    qtbot.waitUntil(lambda: "mine.vbp was removed or renamed" in desk.bar.text)
    assert desk.document.is_modified
    desk.press("Save it again")
    assert load_network(path).name == "Mine" and not desk.document.is_modified
    QTest.qWait(2 * SETTLE)
    assert desk.bar.text == ""


def test_a_whole_folder_that_goes_is_noticed_by_saving(desk: Desk, path: Path) -> None:
    shutil.rmtree(path.parent)
    desk.edit()
    assert not desk.files.save()
    assert "there is no such folder" in desk.bar.text and desk.document.is_modified


def touch(path: Path) -> None:
    os.utime(path)


def write_the_same(path: Path) -> None:
    data = path.read_bytes()
    path.with_name("new").write_bytes(data)
    os.replace(path.with_name("new"), path)


@pytest.mark.parametrize("what", [touch, write_the_same, lambda path: path.with_name("neighbour").write_text("x")])
def test_nothing_is_said_where_nothing_has_changed(what: Callable[[Path], object], desk: Desk, path: Path) -> None:
    what(path)
    QTest.qWait(3 * SETTLE)
    assert desk.bar.text == "" and not desk.document.is_modified


def test_saving_here_is_no_change_by_another_program(desk: Desk, path: Path) -> None:
    for units in (5, 6):
        desk.edit(units)
        assert desk.files.save()
        QTest.qWait(2 * SETTLE)
        assert desk.bar.text == ""
    assert desk.files.save_to(path.with_name("third.vbp"))
    write_in_place(path)  # it is not this window's file any more
    QTest.qWait(2 * SETTLE)
    assert desk.bar.text == ""


def test_a_change_that_is_taken_back_is_asked_about_no_more(desk: Desk, path: Path, qtbot: QtBot) -> None:
    old = path.read_bytes()
    write_in_place(path)
    qtbot.waitUntil(lambda: "changed" in desk.bar.text)
    path.write_bytes(old)
    qtbot.waitUntil(lambda: desk.bar.text == "")


def test_a_question_waits_under_a_message_and_goes_with_its_document(desk: Desk, path: Path, qtbot: QtBot) -> None:
    write_in_place(path)
    qtbot.waitUntil(lambda: "changed" in desk.bar.text)
    desk.bar.show_message("something else", "error")
    desk.press("Close")
    assert "changed" in desk.bar.text
    desk.open_file("xor")
    assert desk.bar.text == ""


def test_a_table_that_changed_can_be_read_again(desks: Callable[[], Desk], tmp_path: Path, qtbot: QtBot) -> None:
    table = tmp_path / "points.csv"
    table.write_text("a,b,label\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    spec = make_spec("csv", {"path": "points.csv", "inputs": ["a", "b"], "target": "label"})
    save_network(replace(XOR, data=spec), tmp_path / "mine.vbp")
    desk = desks()
    desk.open_file(tmp_path / "mine.vbp")
    desk.train(3)
    weight, place = desk.weight().copy(), desk.place
    table.write_text("a,b,label\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n2,2,1\n")
    qtbot.waitUntil(lambda: "points.csv" in desk.bar.text)
    assert len(desk.snapshot.dataset) == 4  # type: ignore[arg-type]
    desk.press("Read it again")
    assert len(desk.snapshot.dataset) == 5  # type: ignore[arg-type]
    assert (desk.weight() == weight).all() and desk.place[0] >= place[0], "training goes on from where it was"


# -- two windows -----------------------------------------------------------------------------------------------------


def test_the_second_window_on_a_file_is_told_and_each_hears_of_the_others_saves(
    desks: Callable[[], Desk], desk: Desk, path: Path, qtbot: QtBot
) -> None:
    second = desks()
    second.open_file(path.parent / "." / path.name)
    assert "mine.vbp is open in another window of visualbp too" in second.bar.text and desk.bar.text == ""
    second.edit()
    assert second.files.save()
    qtbot.waitUntil(lambda: "changed" in desk.bar.text)


def test_a_window_that_has_gone_on_to_another_file_or_ended_is_not_counted(
    desks: Callable[[], Desk], desk: Desk, path: Path
) -> None:
    desk.open_file("xor")
    second = desks()
    second.open_file(path)
    assert second.bar.text == ""
    second.close()
    third = desks()
    third.open_file(path)
    assert third.bar.text == ""


def test_two_windows_on_a_sample_are_no_matter(desks: Callable[[], Desk]) -> None:
    first, second = desks(), desks()
    first.open_file("xor")
    second.open_file("xor")
    assert second.bar.text == ""


def test_marks_of_the_dead_are_cleared_and_those_of_the_living_stay(desk: Desk, path: Path) -> None:
    held = HeldLock(open_files_folder() / "0123-living.lock")
    (open_files_folder() / "0123-dead.lock").write_text("")
    desk.open_file(path.with_name("other.vbp"))
    left = {lock.name for lock in open_files_folder().iterdir()}
    assert "0123-living.lock" in left and "0123-dead.lock" not in left and len(left) == 2
    held.release()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_in_a_folder_that_cannot_be_written_to_is_counted_too(desks: Callable[[], Desk], path: Path) -> None:
    path.parent.chmod(0o555)
    try:
        first, second = desks(), desks()
        first.open_file(path)
        second.open_file(path)
        assert "open in another window" in second.bar.text
    finally:
        path.parent.chmod(0o755)
