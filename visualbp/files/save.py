"""Writing files so that there is always a whole one: the old, or the new."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from visualbp.files.errors import FileError
from visualbp.files.locks import remove_unless_held
from visualbp.files.parts import parts_beside, write_beside
from visualbp.files.read import load_bytes, network_from_bytes
from visualbp.files.stamp import Stamp
from visualbp.files.write import network_to_text
from visualbp.network import Network


def save_network(network: Network, path: str | os.PathLike[str]) -> Stamp:
    """Write the model file of `network` to `path`. Raises FileError, and leaves the old file as it was.

    The text is read before it is written: what could not be opened again is refused now, while it can be mended.
    """
    return write_atomically(path, model_bytes(network, path))


def model_bytes(network: Network, path: str | os.PathLike[str]) -> bytes:
    """Return the model file of `network`; `path` names it in messages. Raises FileError for what could not be read."""
    try:
        data = network_to_text(network).encode("utf-8")
        network_from_bytes(data, os.fspath(path))
    except UnicodeEncodeError:
        reason = "a name or the description holds half of a surrogate pair, which is no character"
        raise FileError(os.fspath(path), "", reason, "type it again") from None
    return data


def write_atomically(path: str | os.PathLike[str], data: bytes) -> Stamp:
    """Put `data` into the file at `path`, or leave what is there; return the stamp of the file. Raises FileError.

    The data go to a new file beside it, to the disk, and then into its place in one step; the old file's permissions
    stay, and a link stays a link. A power cut leaves one of the two, whole. What writers that were killed have left
    beside it is cleared away: this is newer.
    """
    where = os.fspath(path)
    try:
        if "\0" in where:
            raise FileError(where, "", "is not a path")
        target = Path(os.path.realpath(where))
        for left in parts_beside(target)[1:]:  # else they would pile up where writers are killed time and again
            remove_unless_held(left)
        stamp = write_beside(target, data, permissions_of(target, where))
        _sync_folder(target.parent)
        for left in parts_beside(target):
            remove_unless_held(left)
    except OSError as error:
        raise FileError(where, "", f"cannot be written: {_reason(error)}", "choose another place") from None
    return stamp


def clear_unfinished(path: Path) -> None:
    """Remove what killed writers of the model file at `path` have left beside it and nobody has a use for.

    That is what is not whole, or older than the file. What is whole and newer stays: it may be all that is left of a
    long run, and goes when the file is saved again.
    """
    path = Path(os.path.realpath(path))
    for left in parts_beside(path):
        try:
            useless = left.stat().st_mtime_ns <= path.stat().st_mtime_ns
        except OSError:
            continue
        try:
            if not useless:
                network_from_bytes(load_bytes(os.fspath(left)), "")
        except FileError:
            useless = True
        if useless:
            remove_unless_held(left)


def permissions_of(target: Path, where: str) -> int | None:
    """Return the permissions of a file that is there. Raises FileError for what is no file, or is not to be written."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # a name that is too long, or that no system takes
        reason = _reason(error) if isinstance(error, OSError) else str(error)
        raise FileError(where, "", f"cannot be written: {reason}", "choose another place") from None
    if not stat.S_ISREG(status.st_mode):
        raise FileError(
            where, "", "is a folder" if stat.S_ISDIR(status.st_mode) else "is not a file that can be written"
        )
    if not os.access(target, os.W_OK):
        raise FileError(where, "", "cannot be written: it is read-only", "choose another place")
    return stat.S_IMODE(status.st_mode)


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such folder"
    return (error.strerror or str(error)).lower()


def _sync_folder(folder: Path) -> None:
    """Bring the folder's entry to the disk, where the system can do that (Windows cannot)."""
    if os.name == "posix":
        with suppress(OSError):  # the file is whole and in its place; some file systems refuse this
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def moved(network: Network, old_folder: Path | None, new_folder: Path) -> Network:
    """Return the network as it has to be written to another folder: a path of data still leads to the same file."""
    path = network.data.options.get("path") if network.data is not None else None
    if network.data is None or not path or old_folder is None or os.path.isabs(path):
        return network
    old, new = os.path.realpath(old_folder), os.path.realpath(new_folder)
    if old == new:
        return network
    try:
        changed = Path(os.path.relpath(os.path.join(old, path), new)).as_posix()
    except ValueError:  # another drive
        changed = os.path.join(old, path)
    return replace(network, data=replace(network.data, options={**network.data.options, "path": changed}))
