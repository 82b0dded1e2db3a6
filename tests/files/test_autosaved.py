"""Autosave files: all that was, comes back; and what a dead writer left beside one is settled without a loss."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from visualbp.datasets.base import make_spec
from visualbp.files import FileError, load_network, network_to_text, save_network
from visualbp.files.autosaved import Autosaved, autosaves_in, finish_writing, read_autosave, write_autosave
from visualbp.files.samples import sample_paths
from visualbp.files.stamp import Stamp
from visualbp.network import Network

XOR = load_network(next(path for path in sample_paths() if path.stem == "xor"))
TABLE = make_spec("csv", {"path": "../tables/./points.csv", "inputs": ["a"], "target": "b"})


@pytest.mark.parametrize("network", [XOR, Network(), replace(XOR, data=TABLE, name='q"\\\n,\u2028é')])
@pytest.mark.parametrize("sample", [None, "xor"])
def test_everything_comes_back_as_it_was(network: Network, sample: str | None, tmp_path: Path) -> None:
    path, stamp = tmp_path / "models" / "mine.vbp", Stamp(1, 2, 3, "abc")
    write_autosave(Autosaved(network, path, sample, stamp), tmp_path / "1.vbp")
    work = read_autosave(tmp_path / "1.vbp")
    assert (work.network, work.path, work.sample, work.stamp) == (network, path, sample, stamp)
    assert network_to_text(work.network) == network_to_text(network), "to the letter, its path of data among it"
    assert work.at > 0
    json.loads((tmp_path / "1.vbp").read_text(encoding="utf-8"))


def test_a_path_that_is_no_text_comes_back(tmp_path: Path) -> None:
    path = Path(os.fsdecode(b"/tmp/\xff.vbp"))
    write_autosave(Autosaved(XOR, path), tmp_path / "1.vbp")
    assert read_autosave(tmp_path / "1.vbp").path == path


def test_a_table_of_a_network_without_a_file_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_autosave(Autosaved(replace(XOR, data=TABLE)), tmp_path / "1.vbp")
    data = read_autosave(tmp_path / "1.vbp").network.data
    assert data is not None and data.options["path"] == str(tmp_path.parent / "tables" / "points.csv")


def test_a_plain_model_file_of_an_older_version_is_one_too(tmp_path: Path) -> None:
    save_network(XOR, tmp_path / "1.vbp")
    work = read_autosave(tmp_path / "1.vbp")
    assert work.network == XOR and work.path is None and work.at > 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"version": 1, "path"', b'"version": 2, "path"', "use a newer visualbp"),
        (b'"format": "visualbp",\n  "version": 1', b'"format": "visualbp",\n  "version": 2', "use a newer visualbp"),
        (b'"autosave": {"version": 1', b'"autosave": {"version": "x"', "autosave.version"),
        (b'"autosave": {"version"', b'"autosave": {version"', "is not JSON"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_sentence(old: bytes, new: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "1.vbp"
    write_autosave(Autosaved(XOR, tmp_path / "a.vbp"), path)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    with pytest.raises(FileError, match=reason):
        read_autosave(path)


def test_every_truncation_is_an_error_of_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "1.vbp"
    write_autosave(Autosaved(XOR, tmp_path / "a.vbp"), path)
    data = path.read_bytes()
    for length in range(0, len(data.rstrip()), 7):
        path.write_bytes(data[:length])
        with pytest.raises(FileError):
            read_autosave(path)


def named(network: Network, name: str, path: Path, seconds: int) -> None:
    write_autosave(Autosaved(replace(network, name=name)), path)
    os.utime(path, (seconds, seconds))


def test_a_newer_and_whole_part_takes_the_place_of_the_file(tmp_path: Path) -> None:
    path, part = tmp_path / "1.vbp", tmp_path / ".1.vbp.0123abcd.part"
    named(XOR, "older", path, 100)
    named(XOR, "newer", part, 200)
    finish_writing(path)
    assert read_autosave(path).network.name == "newer" and os.listdir(tmp_path) == ["1.vbp"]


@pytest.mark.parametrize("seconds", [50, 200])
def test_an_older_or_unfinished_part_goes_where_there_is_a_whole_file(seconds: int, tmp_path: Path) -> None:
    path, part = tmp_path / "1.vbp", tmp_path / ".1.vbp.0123abcd.part"
    named(XOR, "whole", path, 100)
    named(XOR, "part", part, seconds)
    if seconds > 100:
        part.write_bytes(part.read_bytes()[:-10])
    finish_writing(path)
    assert read_autosave(path).network.name == "whole" and os.listdir(tmp_path) == ["1.vbp"]


def test_the_only_trace_of_work_is_kept_though_it_was_never_finished(tmp_path: Path) -> None:
    path, part = tmp_path / "1.vbp", tmp_path / ".1.vbp.0123abcd.part"
    part.write_bytes(b'{\n  "autosave"')
    assert autosaves_in(tmp_path) == {path}
    finish_writing(path)
    assert path.read_bytes() == b'{\n  "autosave"' and not part.exists()
