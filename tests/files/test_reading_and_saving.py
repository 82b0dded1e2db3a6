"""Paths that cannot be read or written, and saving that leaves a whole file whatever happens."""

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from visualbp.datasets.base import make_spec
from visualbp.files import FileError, load_network, moved, save_network, write_atomically
from visualbp.files.json_text import LARGEST_TEXT
from visualbp.network import Network
from visualbp.network.network import make_layer

NETWORK = Network(name="saved", layers=(make_layer("input", "input", {"shape": [2]}),))

posix_only = pytest.mark.skipif(os.name != "posix", reason="permissions, links and devices are Unix's")
not_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")


def read_message(path: Path) -> str:
    with pytest.raises(FileError) as caught:
        load_network(path)
    assert str(path) in caught.value.text and "\n" not in caught.value.text
    return caught.value.text


def write_message(path: Path | str, network: Network = NETWORK) -> str:
    with pytest.raises(FileError) as caught:
        save_network(network, path)
    assert "\n" not in caught.value.text
    return caught.value.text


def test_a_saved_network_is_loaded_again(tmp_path: Path) -> None:
    save_network(NETWORK, tmp_path / "a.vbp")
    assert load_network(tmp_path / "a.vbp") == NETWORK
    assert os.listdir(tmp_path) == ["a.vbp"]


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert "there is no such file" in read_message(tmp_path / "no.vbp")


def test_a_folder_is_no_model_and_cannot_be_saved_over(tmp_path: Path) -> None:
    assert "is a folder" in read_message(tmp_path)
    assert "is a folder" in write_message(tmp_path)


@posix_only
def test_a_pipe_and_a_device_are_refused_without_waiting_for_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.vbp")
    assert "is not a file" in read_message(tmp_path / "pipe.vbp")
    assert "is not a file" in write_message(tmp_path / "pipe.vbp")
    assert "is not a file" in read_message(Path("/dev/zero"))


@not_root
def test_an_unreadable_file_is_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "a.vbp"
    save_network(NETWORK, path)
    path.chmod(0)
    assert "cannot be read: permission denied" in read_message(path)


def test_a_missing_folder_is_named_when_saving(tmp_path: Path) -> None:
    text = write_message(tmp_path / "no" / "a.vbp")
    assert "a.vbp: cannot be written: there is no such folder" in text


@pytest.mark.parametrize("path", ["a\0b.vbp", "x" * 5000 + ".vbp"])
def test_an_impossible_path_is_refused(path: str, tmp_path: Path) -> None:
    write_message(f"{tmp_path}/{path}")
    with pytest.raises(FileError):
        load_network(f"{tmp_path}/{path}")


@not_root
def test_a_read_only_file_or_folder_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.vbp"
    path.write_text("old")
    path.chmod(0o444)
    assert "read-only" in write_message(path)
    path.chmod(0o644)
    tmp_path.chmod(0o555)
    try:
        assert "cannot be written" in write_message(path)
    finally:
        tmp_path.chmod(0o755)
    assert path.read_text() == "old"


class Failing:
    """Stands in for one function of `os`, as a full or broken disk would answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
        self.error = error
        monkeypatch.setattr(os, name, self)

    def __call__(self, *arguments: Any, **options: Any) -> None:
        raise self.error


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_the_old_file_is_whole_after_a_failure_and_nothing_is_left_beside_it(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.vbp"
    path.write_text("old")
    Failing(monkeypatch, function, OSError(28, "No space left on device"))
    assert "cannot be written: no space left on device" in write_message(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.vbp"]


def test_an_interruption_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.vbp"
    path.write_text("old")
    Failing(monkeypatch, "fsync", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        save_network(NETWORK, path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.vbp"]


def test_the_data_are_on_the_disk_before_they_take_the_old_files_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (calls.append("fsync"), fsync(descriptor))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b))[1])
    write_atomically(tmp_path / "a.bin", b"new")
    assert calls[:2] == ["fsync", "replace"]
    assert (tmp_path / "a.bin").read_bytes() == b"new"


@posix_only
def test_saving_keeps_permissions_and_writes_through_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "a.vbp", tmp_path / "link.vbp"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    save_network(NETWORK, link)
    assert link.is_symlink() and load_network(path) == NETWORK
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@posix_only
def test_a_new_file_has_the_permissions_that_the_system_gives(tmp_path: Path) -> None:
    save_network(NETWORK, tmp_path / "a.vbp")
    (tmp_path / "b.vbp").write_text("")
    assert (tmp_path / "a.vbp").stat().st_mode == (tmp_path / "b.vbp").stat().st_mode


def test_half_of_a_surrogate_pair_in_a_name_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    assert "surrogate" in write_message(tmp_path / "a.vbp", Network(name="\ud800"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (Network(name="x" * 201), "name: must be a text of at most 200"),
        (Network(description="x" * 20_001), "description: must be a text of at most 20000"),
        (replace(NETWORK, positions={"input": (1e9, 0.0)}), "layout.input: must be"),
        (replace(NETWORK, connections=(("input", "gone"),)), "no layer called 'gone'"),
    ],
)
def test_what_could_not_be_opened_again_is_refused_while_it_can_be_mended(
    network: Network, reason: str, tmp_path: Path
) -> None:
    assert reason in write_message(tmp_path / "a.vbp", network)
    assert os.listdir(tmp_path) == []


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visualbp.files.write.LARGEST_TEXT", 100)
    assert "MB is the most; save it without its weights" in write_message(tmp_path / "a.vbp")
    assert LARGEST_TEXT > 10 * 2**20


@pytest.mark.skipif(sys.platform == "win32", reason="the paths are Unix's")
def test_a_path_of_data_leads_to_the_same_file_from_another_folder(tmp_path: Path) -> None:
    network = Network(data=make_spec("csv", {"path": "data/table.csv"}))

    def path_of(network: Network) -> str:
        assert network.data is not None
        return str(network.data.options["path"])

    assert path_of(moved(network, tmp_path, tmp_path)) == "data/table.csv"
    assert path_of(moved(network, tmp_path / "models", tmp_path)) == "models/data/table.csv"
    assert path_of(moved(network, tmp_path, tmp_path / "models")) == "../data/table.csv"
    absolute = Network(data=make_spec("csv", {"path": "/data/table.csv"}))
    assert path_of(moved(absolute, tmp_path, tmp_path / "models")) == "/data/table.csv"
    assert moved(NETWORK, tmp_path, tmp_path / "models") is NETWORK
