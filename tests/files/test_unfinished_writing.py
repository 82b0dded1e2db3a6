"""Writers that are killed: nothing partial is seen, nothing useless is left, and the living are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from visualbp.files import parts, save_network, write_atomically
from visualbp.files.locks import HeldLock, is_held, remove_unless_held
from visualbp.files.save import clear_unfinished
from visualbp.files.stamp import Disk, compare, take_stamp
from visualbp.network import Network

WRITE_FOR_EVER = """
import sys
from visualbp.files import write_atomically
print("ready", flush=True)
for number in range(10**9):
    write_atomically(sys.argv[1], bytes([97 + number % 26]) * 3_000_000)
"""

WRITE_WITH_NAMES = "from visualbp.files import parts\nparts._open_unnamed = lambda folder: None\n" + WRITE_FOR_EVER

HOLD = """
import sys, time
from pathlib import Path
from visualbp.files.locks import HeldLock
held = HeldLock(Path(sys.argv[1]))
print("ready", flush=True)
time.sleep(600)
"""


def start(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.parametrize("code", [WRITE_FOR_EVER, WRITE_WITH_NAMES], ids=["unnamed", "named"])
def test_a_killed_writer_leaves_a_whole_file_and_the_next_one_clears_up(code: str, tmp_path: Path) -> None:
    path = tmp_path / "model.vbp"
    for pause in (0.0, 0.004, 0.011, 0.023):
        process = start(code, path)
        time.sleep(pause)
        kill(process)
        if path.exists():
            data = path.read_bytes()
            assert len(data) == 3_000_000 and data == data[:1] * len(data)
    write_atomically(path, b"last")
    assert os.listdir(tmp_path) == ["model.vbp"] and path.read_bytes() == b"last"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no files without a name")
def test_what_is_being_written_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (seen.append(os.listdir(tmp_path)), fsync(descriptor))[1])
    write_atomically(tmp_path / "a.bin", b"new")
    assert seen[0] == []


def test_a_file_system_without_unnamed_files_is_written_to_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    write_atomically(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new" and os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("name", ["x" * 250, "\N{GRINNING FACE}" * 60, "ä" * 125])
def test_the_longest_names_that_a_folder_takes_can_be_saved_to(name: str, tmp_path: Path) -> None:
    write_atomically(tmp_path / name, b"new")
    write_atomically(tmp_path / name, b"newer")
    assert (tmp_path / name).read_bytes() == b"newer" and os.listdir(tmp_path) == [name]


def test_what_a_living_writer_has_begun_is_left_alone(tmp_path: Path) -> None:
    part = tmp_path / ".model.vbp.0123abcd.part"
    process = start(HOLD, part)
    write_atomically(tmp_path / "model.vbp", b"mine")
    assert part.exists()
    kill(process)
    write_atomically(tmp_path / "model.vbp", b"mine")
    assert not part.exists()


def test_of_writers_that_were_killed_in_a_row_the_last_alone_has_left_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        (tmp_path / f".model.vbp.0000000{number}.part").write_text("never finished")
        os.utime(tmp_path / f".model.vbp.0000000{number}.part", (number, number))
    seen: list[list[str]] = []
    monkeypatch.setattr(
        "visualbp.files.save.write_beside", lambda *arguments: seen.append(sorted(os.listdir(tmp_path)))
    )
    write_atomically(tmp_path / "model.vbp", b"new")
    assert seen == [[".model.vbp.00000003.part"]] and os.listdir(tmp_path) == []


def test_opening_a_file_clears_what_is_of_no_use_beside_it_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.vbp"
    save_network(Network(name="old"), path)
    whole = path.read_bytes()
    left = {number: tmp_path / f".model.vbp.0000000{number}.part" for number in range(3)}
    left[0].write_bytes(whole[:-9])  # newer, and never finished
    left[1].write_bytes(whole)  # older
    os.utime(left[1], (1, 1))
    left[2].write_bytes(whole.replace(b"old", b"new"))
    clear_unfinished(path)
    assert sorted(os.listdir(tmp_path)) == [left[2].name, "model.vbp"] and path.read_bytes() == whole


def test_files_that_only_look_like_leftovers_are_left_alone(tmp_path: Path) -> None:
    others = [".model.vbp.part", ".model.vbp.0123abcd.part2", ".other.vbp.0123abcd.part", ".model.vbp.0123ABCD.part"]
    for name in others:
        (tmp_path / name).write_text("mine")
    write_atomically(tmp_path / "model.vbp", b"new")
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "model.vbp"])


def test_a_lock_ends_with_its_holder_however_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    assert not is_held(path)
    process = start(HOLD, path)
    assert is_held(path) and not remove_unless_held(path)
    kill(process)
    assert path.exists() and not is_held(path)
    assert remove_unless_held(path) and not path.exists()


def test_a_lock_is_held_against_its_own_process_too_and_removed_once(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    held = HeldLock(path)
    assert is_held(path)
    held.release()
    held.release()
    assert not path.exists()


def touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))


def rewrite(path: Path) -> None:
    path.write_bytes(b"other")
    touch(path)


def replace(path: Path) -> None:
    path.with_suffix(".new").write_bytes(b"other")
    os.replace(path.with_suffix(".new"), path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda path: None, Disk.SAME),
        (touch, Disk.SAME),
        (rewrite, Disk.CHANGED),
        (replace, Disk.CHANGED),
        (Path.unlink, Disk.GONE),
    ],
)
def test_a_stamp_tells_other_contents_from_another_time(
    change: Callable[[Path], object], expected: Disk, tmp_path: Path
) -> None:
    path = tmp_path / "model.vbp"
    written = write_atomically(path, b"words")
    assert take_stamp(path) == written
    change(path)
    assert compare(path, written)[0] == expected


def test_the_names_of_parts_lead_back_to_their_files(tmp_path: Path) -> None:
    target = tmp_path / "a b.vbp"
    assert parts.target_of(parts._part_name(target)) == target
    assert parts.target_of(tmp_path / "a.vbp") is None
