"""An autosave file: a model file with one more member at its beginning, which says whose unsaved work it is.

    {
      "autosave": {"version": 1, "path": "/home/ada/xor.vbp", "sample": null, "stamp": [...], "at": 1764167325.2},
      "format": "visualbp", ...

Paths of data in it are those of the original: they start at the original's folder, not here.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from visualbp.core.visible_text import shown
from visualbp.files.errors import FileError
from visualbp.files.parts import parts_beside, target_of
from visualbp.files.read import load_bytes, network_from_bytes
from visualbp.files.save import model_bytes, write_atomically
from visualbp.files.stamp import Stamp
from visualbp.network import Network

VERSION = 1
LAST_SECOND = 1e11
"""Seconds since 1970 that still have a date, with room for every time zone."""
LINE = re.compile(rb'\{\n  "autosave": (\{[^\n]*\}),\n')


@dataclass(frozen=True)
class Autosaved:
    """Unsaved work: a network, and the file or the sample that it was opened from."""

    network: Network
    path: Path | None = None
    sample: str | None = None
    stamp: Stamp | None = None
    """What the file at `path` was when it was last read or written by the window that the work is from."""
    at: float = 0.0
    """Seconds since 1970."""


def write_autosave(work: Autosaved, path: Path) -> None:
    """Write `work` to `path`, atomically. Raises FileError."""
    network = work.network
    if work.path is None:
        network = _with_whole_path(network)
    about = {
        "version": VERSION,
        "path": None if work.path is None else os.fspath(work.path.absolute()),
        "sample": work.sample,
        "stamp": None if work.stamp is None else astuple(work.stamp),
        "at": round(time.time(), 1),
    }
    data = model_bytes(network, path)
    write_atomically(path, b'{\n  "autosave": ' + json.dumps(about).encode() + b",\n" + data[1:].lstrip(b"\n"))


def _with_whole_path(network: Network) -> Network:
    """Return a network that belongs to no folder with a path of data that leads to the same file from anywhere."""
    path = network.data.options.get("path") if network.data is not None else None
    if network.data is None or not path or os.path.isabs(path):
        return network
    options = {**network.data.options, "path": os.path.abspath(path)}
    return replace(network, data=replace(network.data, options=options))


def read_autosave(path: Path) -> Autosaved:
    """Return the work in an autosave file. A model file without that member is one too. Raises FileError."""
    where = os.fspath(path)
    data = load_bytes(where)
    match = LINE.match(data)
    if match is None:
        return Autosaved(network_from_bytes(data, where), at=os.stat(path).st_mtime)
    try:
        about = json.loads(match[1])
    except (ValueError, RecursionError) as error:
        raise FileError(where, "autosave", f"is not JSON: {error}") from None
    network = network_from_bytes(b"{\n" + data[match.end() :], where)
    return _autosaved(about, network, where)


def _autosaved(about: Mapping[str, Any], network: Network, where: str) -> Autosaved:
    version = about.get("version")
    if not isinstance(version, int) or version < 1:
        raise FileError(where, "autosave.version", f"must be a whole number, not {shown(version)}")
    if version > VERSION:
        reason = f"is {version}, and this visualbp reads up to {VERSION}"
        raise FileError(where, "autosave.version", reason, "use a newer visualbp")
    path, sample, stamp, at = (about.get(key) for key in ("path", "sample", "stamp", "at"))
    return Autosaved(
        network,
        Path(path) if isinstance(path, str) and path and "\0" not in path else None,
        sample if isinstance(sample, str) else None,
        _stamp(stamp),
        float(at) if isinstance(at, int | float) and 0 <= at < LAST_SECOND else 0.0,
    )


def _stamp(found: object) -> Stamp | None:
    match found:
        case [int(inode), int(size), int(modified), str(digest)]:
            return Stamp(inode, size, modified, digest)
    return None


def finish_writing(path: Path) -> None:
    """Settle what a dead writer of the autosave file `path` has left beside it.

    The newest of it that is whole takes its place; the rest is removed once there is a whole one. What was never
    finished is kept, under the file's own name, where there is nothing else: whoever reads it will say so.
    """
    for part in reversed(parts_beside(path)):
        try:
            read_autosave(part)
            whole = True
        except FileError:
            whole = False
        if not path.exists() or (whole and modified_at(part) >= modified_at(path)):
            os.replace(part, path)
        else:
            part.unlink(missing_ok=True)


def modified_at(path: Path) -> int:
    """Return when a file was written last, in nanoseconds since 1970; 0 for one that is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def autosaves_in(folder: Path) -> set[Path]:
    """Return the autosave files of a folder, those that a writer died over among them."""
    parts = {target_of(part) for part in folder.glob(".*.vbp.*.part")}
    return {path for path in (*folder.glob("*.vbp"), *parts) if path is not None}
