"""The new file that is written beside the one whose place it will take, and what is left of it when its writer dies.

Where the system can do that (Linux, on most file systems) it has no name until it is whole: a process that is killed
while it writes leaves nothing, or at the very end a whole file that has not come to its place. Elsewhere it is called
`.NAME.XXXXXXXX.part` from the start. As long as its writer lives it is locked, so that nobody takes it for a leftover.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from contextlib import suppress
from pathlib import Path

from visualbp.files.locks import lock_descriptor
from visualbp.files.stamp import Stamp, stamp_of

LONGEST_NAME = 200
"""Bytes of a name that are repeated in that of its part: with what is added, a file system takes 255."""
PART = re.compile(r"[0-9a-f]{8}\.part")


def write_beside(target: Path, data: bytes, mode: int | None) -> Stamp:
    """Write `data` to a new file, bring it to the disk, and put it in the place of `target`. Raises OSError.

    `mode` are the permissions that it gets, or None for the system's own.
    """
    temporary = _part_name(target)
    named = False
    descriptor = _open_unnamed(target.parent)
    try:
        if descriptor is None:
            descriptor, named = _open_named(temporary), True
        _fill(descriptor, data, mode)
        if not named and not _give_name(descriptor, temporary):
            os.close(descriptor)
            descriptor, named = _open_named(temporary), True
            _fill(descriptor, data, mode)
        named = True
        stamp = stamp_of(os.fstat(descriptor), data)
        if sys.platform == "win32":  # where an open file cannot be moved
            os.close(descriptor)
            descriptor = None
        os.replace(temporary, target)
        named = False
        return stamp
    finally:
        if named:
            with suppress(OSError):  # nothing more can be done about it
                os.unlink(temporary)
        if descriptor is not None:
            os.close(descriptor)


def parts_beside(target: Path) -> list[Path]:
    """Return what lies beside `target` as the unfinished files of its writers, alive or dead, the newest first."""
    prefix = _prefix(target)
    found: list[tuple[int, Path]] = []
    try:
        with os.scandir(target.parent) as entries:
            for entry in entries:
                if entry.name.startswith(prefix) and PART.fullmatch(entry.name, len(prefix)):
                    with suppress(OSError):  # its writer has just put it in its place
                        found.append((entry.stat(follow_symlinks=False).st_mtime_ns, target.with_name(entry.name)))
    except OSError:  # a folder that cannot be listed can still be written to
        return []
    return [path for _, path in sorted(found, reverse=True)]


def target_of(part: Path) -> Path | None:
    """Return the file whose place `part` was to take; None for what is no such file."""
    match = re.fullmatch(r"\.(.+)\.[0-9a-f]{8}\.part", part.name, re.DOTALL)
    return part.with_name(match[1]) if match else None


def _prefix(target: Path) -> str:
    name = target.name
    encoded = os.fsencode(name)
    return f".{name}." if len(encoded) <= LONGEST_NAME else f".{hashlib.blake2b(encoded, digest_size=16).hexdigest()}."


def _part_name(target: Path) -> Path:
    return target.with_name(f"{_prefix(target)}{secrets.token_hex(4)}.part")


def _open_unnamed(folder: Path) -> int | None:
    """Open a new file in `folder` that has no name yet; None where there is no such thing."""
    if sys.platform != "linux" or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666)
    except OSError:  # some file systems do not know it; what else may be wrong is said of the named file
        return None


def _open_named(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)


def _fill(descriptor: int, data: bytes, mode: int | None) -> None:
    """Write everything, to the disk, under the writer's lock."""
    lock_descriptor(descriptor)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest[: 2**24]) :]
    if mode is not None and os.chmod in os.supports_fd:  # elsewhere there is read-only alone, and it is not that
        os.chmod(descriptor, mode)
    os.fsync(descriptor)


def _give_name(descriptor: int, path: Path) -> bool:
    """Give a file without a name its name; return whether that could be done."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError:  # a folder that may be written to, but not read
        return False
    try:  # without a folder of its own, Python would not follow the link to the open file
        os.link(f"/proc/self/fd/{descriptor}", path.name, dst_dir_fd=folder, follow_symlinks=True)
    except OSError:
        return False
    finally:
        os.close(folder)
    return True
