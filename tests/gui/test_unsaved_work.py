"""What is on the disk and what is not: asked about when it would be lost, recovered as it was, removed by nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from tests.gui.desk import BUTTONS, Answers, Desk
from visualbp.datasets.base import make_spec
from visualbp.debugger.commands import Level, Reset, Seek, StepForward, Train
from visualbp.files import FileError, find_model, load_network, save_network
from visualbp.files.autosaved import read_autosave
from visualbp.gui import autosave, saved_state
from visualbp.network import Network, edits

XOR = load_network(find_model("xor"))
LAST_STEP = 16
"""A place in an iteration of XOR."""


def write(path: Path, network: Network = XOR) -> Path:
    path.parent.mkdir(exist_ok=True)
    save_network(network, path)
    return path


# -- trained, not saved ----------------------------------------------------------------------------------------------


def test_training_of_another_file_to_a_place_where_the_last_one_was_saved_is_asked_about(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(monkeypatch)
    desk.open_file(write(tmp_path / "one.vbp"))
    desk.train(2, LAST_STEP)
    place = desk.place
    assert place == (2, LAST_STEP) and desk.document.is_modified and desk.files.save() and not desk.document.is_modified
    desk.open_file(write(tmp_path / "two.vbp", replace(XOR, seed=XOR.seed + 1)))
    assert not desk.document.is_modified
    desk.train(2, LAST_STEP)
    assert desk.place == place
    desk.files.new()
    assert answers.asked == ["Save the trained weights of XOR?"] and desk.document.path == tmp_path / "two.vbp"


def test_the_saved_weights_are_known_again_wherever_they_stand(desk: Desk, tmp_path: Path) -> None:
    desk.open_file(write(tmp_path / "one.vbp"))
    desk.train(3)
    end = len(desk.snapshot.plan.steps)  # type: ignore[union-attr]
    assert desk.files.save() and not desk.document.is_modified
    desk.send(StepForward(Level.PASS))  # the forward pass changes no weight
    assert not desk.document.is_modified
    desk.send(Train(5))
    assert desk.document.is_modified
    desk.send(Seek(2, end))
    assert not desk.document.is_modified
    desk.send(Seek(1, end))
    assert desk.document.is_modified


def test_going_back_to_the_beginning_leaves_nothing_to_save(desk: Desk, tmp_path: Path) -> None:
    desk.open_file(write(tmp_path / "one.vbp"))
    desk.train(2)
    assert desk.document.is_modified
    desk.send(Reset())
    assert not desk.document.is_modified


def test_weights_that_a_save_has_replaced_in_the_file_are_work_again_after_a_reset(desk: Desk, tmp_path: Path) -> None:
    desk.open_file(write(tmp_path / "one.vbp"))
    desk.train(2)
    assert desk.files.save()
    desk.open_file(tmp_path / "one.vbp")
    desk.train(2)
    assert desk.files.save()
    desk.send(Reset())  # to weights that were in the file, and are in none now
    assert desk.document.is_modified


def test_a_sample_is_asked_about_after_a_minute_of_training(
    desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(saved_state.time, "monotonic", lambda: now[0])
    desk.open_file("xor")
    desk.debugger.send(Train())
    qtbot.waitUntil(lambda: desk.snapshot.iteration > 0)
    now[0] = 59.0
    seen = desk.snapshot.iteration
    qtbot.waitUntil(lambda: desk.snapshot.iteration > seen)
    assert not desk.document.is_modified
    now[0] = 61.0
    qtbot.waitUntil(lambda: desk.document.is_modified)
    answers = Answers(monkeypatch)
    desk.files.new()
    assert answers.asked == ["Save the trained weights of XOR?"]
    desk.send(Reset())
    assert not desk.document.is_modified
    desk.train(1)
    assert not desk.document.is_modified, "the minute begins again"


def test_a_weight_edited_a_moment_before_saving_is_in_the_file(desk: Desk, tmp_path: Path) -> None:
    desk.open_file(write(tmp_path / "one.vbp"))
    desk.train(2)
    mine = np.full(desk.weight().shape, 0.25)
    other = desk.weight("output").copy()
    desk.document.edit(
        lambda network: replace(network, parameters={**network.parameters, "hidden": {"weight": mine}}), "Edit a weight"
    )
    assert desk.snapshot.generation < desk.document.generation, "the session has not taken it over yet"
    assert desk.files.save()
    saved = load_network(tmp_path / "one.vbp").parameters
    assert (saved["hidden"]["weight"] == mine).all() and (saved["output"]["weight"] == other).all()


def test_a_file_saved_a_moment_after_opening_has_nothing_of_the_one_before(desk: Desk, tmp_path: Path) -> None:
    desk.open_file(write(tmp_path / "one.vbp"))
    desk.train(2)
    assert desk.files.save()
    write(tmp_path / "two.vbp", replace(XOR, name="two"))
    assert desk.files.open_path(tmp_path / "two.vbp")
    assert desk.files.save_to(tmp_path / "three.vbp")
    assert load_network(tmp_path / "three.vbp").parameters == {}


# -- recovery --------------------------------------------------------------------------------------------------------


def kept(desks: Callable[[], Desk], prepare: Callable[[Desk], None]) -> Desk:
    """Return a new desk after another one, with the work that `prepare` does, has died."""
    first = desks()
    prepare(first)
    assert first.document.is_modified and not first.autosave.save()
    data = first.autosave.path.read_bytes()
    left = first.autosave.path
    first.close(keep=True)
    assert left.read_bytes() == data
    second = desks()
    second.recovery.offer()
    return second


def test_work_on_a_file_with_a_table_beside_it_comes_back_as_it_was(
    desks: Callable[[], Desk], tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "points.csv").write_text("a,b,label\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    spec = make_spec("csv", {"path": "./points.csv", "inputs": ["a", "b"], "target": "label"})
    path = write(tmp_path / "mine.vbp", replace(XOR, name="Mine", data=spec))
    before: list[Network] = []

    def work(desk: Desk) -> None:
        desk.open_file(path)
        desk.edit(units=7)
        desk.train(3)
        before.append(saved_state.live_network(desk.document, desk.snapshot)())

    desk = kept(desks, work)
    assert "unsaved work in Mine (mine.vbp)" in desk.bar.text
    desk.press("Recover it")
    document = desk.document
    assert document.path == path and document.is_modified and document.network == before[0]
    assert desk.snapshot.dataset is not None and len(desk.snapshot.dataset) == 4
    assert list(desk.autosave.path.parent.glob("*.vbp")) == [desk.autosave.path]
    assert desk.files.save() and not document.is_modified
    data = load_network(path).data
    assert data is not None and data.options["path"] == "./points.csv", "to the letter"
    assert (load_network(path).parameters["hidden"]["weight"] == before[0].parameters["hidden"]["weight"]).all()


def test_work_on_a_sample_comes_back_as_work_on_a_sample(desks: Callable[[], Desk]) -> None:
    def work(desk: Desk) -> None:
        desk.open_file("xor")
        desk.edit()

    desk = kept(desks, work)
    desk.press("Recover it")
    assert desk.document.sample == "xor" and desk.document.path == find_model("xor") and desk.document.is_modified


def test_recovered_work_does_not_overwrite_what_was_saved_since_without_a_question(
    desks: Callable[[], Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "mine.vbp")

    def work(desk: Desk) -> None:
        desk.open_file(path)
        desk.edit()

    desk = kept(desks, work)
    desk.press("Recover it")
    write(path, replace(XOR, name="Newer"))
    answers = Answers(monkeypatch)
    assert not desk.files.save()
    assert answers.asked == ["mine.vbp was changed by another program. Overwrite it?"]
    assert load_network(path).name == "Newer"


def test_old_work_stays_until_the_new_is_written(desks: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    def work(desk: Desk) -> None:
        desk.open_file("xor")
        desk.edit()

    desk = kept(desks, work)
    left = [path for path in desk.autosave.path.parent.glob("*.vbp") if path != desk.autosave.path]

    def refuse(*arguments: object) -> None:
        raise FileError("autosave", "", "cannot be written: no space left on device")

    monkeypatch.setattr(autosave, "write_autosave", refuse)
    desk.press("Recover it")
    assert desk.document.is_modified and len(left) == 1 and left[0].exists()
    assert "no space left" in desk.bar.text
    monkeypatch.undo()


def leave(desk: Desk, name: str, data: bytes) -> Path:
    path = desk.autosave.path.with_name(name)
    path.write_bytes(data)
    return path


NEWER = json.dumps({"format": "visualbp", "version": 99}).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [(NEWER, "use a newer visualbp"), (b'{"format": "visualbp"', "line 1"), (b"\0\0\0\0", "expected a value")],
)
def test_work_that_cannot_be_read_is_kept_and_said_to_lie_where_it_does(
    data: bytes, reason: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(url)) or True)
    path = leave(desk, "1-left.vbp", data)
    desk.recovery.offer()
    assert reason in desk.bar.text and str(path) in desk.bar.text
    desk.press("Show its folder")
    assert Path(opened[0].toLocalFile()) == path.parent
    assert desk.words == ["Show its folder", "Delete it", "Not now"] and path.read_bytes() == data
    desk.press("Not now")
    assert path.read_bytes() == data and desk.bar.text == ""
    desk.recovery._later.clear()  # as at the next start
    desk.recovery.offer()
    desk.press("Delete it")
    assert not path.exists()


def test_work_is_offered_one_after_the_other_and_what_can_be_read_comes_first(desk: Desk) -> None:
    leave(desk, "1-left.vbp", NEWER)
    for number in (1, 2):
        save_network(replace(XOR, name=f"Work {number}"), desk.autosave.path.with_name(f"2-left{number}.vbp"))
    desk.recovery.offer()
    assert "Work 2" in desk.bar.text and "There are 2 more." in desk.bar.text
    desk.press("Not now")
    assert "Work 1" in desk.bar.text
    desk.press("Discard it")
    assert "newer visualbp" in desk.bar.text
    assert sorted(path.name for path in desk.autosave.path.parent.glob("?-left*")) == ["1-left.vbp", "2-left2.vbp"]


def test_work_is_offered_whatever_a_lock_file_says_of_a_machine(desk: Desk) -> None:
    path = write(desk.autosave.path.with_name("1-left.vbp"))
    path.with_name(path.name + ".lock").write_text("1\nvisualbp\nanother-host\nanother-machine\nanother-boot\n")
    desk.recovery.offer()
    assert "unsaved work" in desk.bar.text


def test_work_of_a_living_window_is_not_offered_and_its_lock_stays(desks: Callable[[], Desk]) -> None:
    first, second = desks(), desks()
    first.open_file("xor")
    first.edit()
    assert not first.autosave.save()
    second.recovery.offer()
    assert second.bar.text == "" and first.autosave._lock is not None and first.autosave._lock.path.exists()


def test_locks_and_parts_of_the_dead_are_cleared_away(desk: Desk) -> None:
    folder = desk.autosave.path.parent
    write(folder / "1-left.vbp")
    for name in ("1-left.vbp.lock", "2-gone.vbp.lock", "3-gone.vbp.lock", ".1-left.vbp.0123abcd.part"):
        (folder / name).write_text("")
    desk.recovery.offer()
    own = desk.autosave.path.name + ".lock"
    assert sorted(path.name for path in folder.iterdir()) == sorted(["1-left.vbp", "1-left.vbp.lock", own])
    desk.press("Discard it")
    assert [path.name for path in folder.iterdir()] == [own]


def test_saving_removes_the_autosave_at_once(desk: Desk, tmp_path: Path) -> None:
    desk.open_file(write(tmp_path / "mine.vbp"))
    desk.edit()
    assert not desk.autosave.save() and read_autosave(desk.autosave.path).path == tmp_path / "mine.vbp"
    assert desk.files.save()
    assert not desk.autosave.path.exists()


def test_the_autosave_is_written_beside_the_window_and_the_last_state_wins(desk: Desk, qtbot: QtBot) -> None:
    desk.open_file("xor")
    desk.edit(units=5)
    desk.autosave.save_beside()
    desk.edit(units=6)
    desk.autosave.save_beside()
    qtbot.waitUntil(lambda: desk.autosave._writer is None)
    assert read_autosave(desk.autosave.path).network.layer("hidden").options["units"] == 6


# -- names -----------------------------------------------------------------------------------------------------------


def test_a_file_that_the_dialog_has_not_asked_about_is_not_replaced_without_a_question(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "mine.vbp", replace(XOR, name="Mine"))
    desk.open_file("xor")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (str(tmp_path / "mine"), ""))
    answers = Answers(monkeypatch)
    assert not desk.files.save_as()
    assert answers.asked == ["mine.vbp is there already. Replace it?"] and load_network(path).name == "Mine"
    answers.button = BUTTONS.Save
    assert desk.files.save_as() and load_network(path).name == "XOR"


def test_a_picture_is_whole_or_not_written(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.picture.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (str(path), ""))
    desk.files.save_picture()
    assert path.read_bytes().startswith(b"\x89PNG") and list(tmp_path.iterdir()) == [path]
    old = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    desk.files.save_picture()
    assert "no space left" in desk.bar.text and path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


def test_a_network_edited_in_mid_training_and_undone_is_still_work(desk: Desk, tmp_path: Path) -> None:
    desk.open_file(write(tmp_path / "mine.vbp"))
    desk.train(2)
    desk.document.edit(lambda network: edits.rename_layer(network, "hidden", "middle"), "Rename")
    desk.document.undo_stack.undo()
    desk.settle()
    assert desk.document.is_modified
