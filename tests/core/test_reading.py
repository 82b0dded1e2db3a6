"""Reading strangers' files: whatever lies at a path, an answer comes within bounds of size and time."""

import os
import sys
import threading
from pathlib import Path

import pytest

from visualbp.core import reading
from visualbp.core.reading import ReadingError, read_beginning, read_file, stopped_by

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and /dev")


def test_a_file_is_read_whole_up_to_the_bound(tmp_path: Path) -> None:
    data = bytes(range(256)) * 12_000  # more than is read at a time
    path = tmp_path / "file"
    path.write_bytes(data)
    assert read_file(path, len(data)) == data
    with pytest.raises(ReadingError, match="is the most"):
        read_file(path, len(data) - 1)
    assert read_beginning(path, 1000) == data[:1000]
    assert read_beginning(path, len(data) + 5) == data


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, reason in ((tmp_path, "is a folder"), (tmp_path / "pipe", "not a file"), ("/dev/zero", "not a file")):
        with pytest.raises(ReadingError, match=reason):
            read_file(path, 100)
    for path in (tmp_path / "none", tmp_path / ("x" * 5000), tmp_path / "loop"):
        with pytest.raises(OSError):
            read_file(path, 100)
    with pytest.raises(ValueError, match="null"):
        read_file("a\0b", 100)


@linux_only
@pytest.mark.parametrize("path", ["/proc/kmsg", "/proc/self/pagemap", "/proc/self/mem", "/proc/self/clear_refs"])
def test_a_file_of_the_system_never_hangs(path: str) -> None:
    if not os.path.exists(path):
        pytest.skip(f"there is no {path}")
    with pytest.raises((ReadingError, OSError)):
        read_file(path, 100, patience=1.0)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Reading gives nothing until this is set, as on a network drive that has gone."""
    event = threading.Event()
    read = os.read

    def waiting(descriptor: int, count: int) -> bytes:
        event.wait(30)
        return read(descriptor, count)

    monkeypatch.setattr(reading.os, "read", waiting)
    return event


def test_a_file_that_does_not_answer_is_given_up(silent: threading.Event, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with pytest.raises(ReadingError, match=r"given up after 0\.2 s"):
        read_file(path, 100, patience=0.2)
    silent.set()
    assert read_file(path, 100) == b"x"


def test_a_file_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    monkeypatch.setattr(reading.os, "read", lambda descriptor, count: (threading.Event().wait(0.01), b"x")[1])
    with pytest.raises(ReadingError, match=r"given up after 0\.3 s"):
        read_file(path, 10**9, patience=10.0, longest=0.3)


def test_a_slow_reading_can_be_stopped_and_a_quick_one_is_not(silent: threading.Event, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with stopped_by(lambda: True):
        with pytest.raises(ReadingError, match="reading it was stopped"):
            read_file(path, 100)
        silent.set()
        assert read_file(path, 100) == b"x"
