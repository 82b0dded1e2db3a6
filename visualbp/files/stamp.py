"""What a file was when it was last read or written here: enough to tell whether another program has changed it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from visualbp.files.read import load_bytes, network_from_bytes
from visualbp.network import Network

LARGEST_COMPARED = 32 * 2**20
"""Bytes of a file that is read again to see whether its words are the same: some 30 ms."""


class Disk(StrEnum):
    """How a file stands to a stamp."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True)
class Stamp:
    """The identity of a file's contents. `digest` is empty for a file that was too large to take one."""

    inode: int
    size: int
    modified: int
    """In nanoseconds."""
    digest: str

    def differs(self, other: Stamp) -> bool:
        """Whether the two have other contents. Without digests, another time is taken for other contents."""
        if self.digest and other.digest:
            return self.digest != other.digest
        return (self.size, self.modified) != (other.size, other.modified)


def digest_of(data: bytes) -> str:
    """Return a fingerprint of a file's contents; empty for a file that is too large to be compared by it."""
    return hashlib.blake2b(data, digest_size=16).hexdigest() if len(data) <= LARGEST_COMPARED else ""


def stamp_of(status: os.stat_result, data: bytes) -> Stamp:
    """Return the stamp of an open file that holds `data`."""
    return Stamp(status.st_ino, status.st_size, status.st_mtime_ns, digest_of(data))


def load_stamped(path: Path) -> tuple[Network, Stamp | None]:
    """Return the network in a file, and the stamp of the very bytes that it was read from. Raises FileError."""
    try:
        status = os.stat(path)
    except OSError:
        status = None  # reading it says why
    data = load_bytes(os.fspath(path))
    return network_from_bytes(data, os.fspath(path)), None if status is None else stamp_of(status, data)


def take_stamp(path: Path) -> Stamp | None:
    """Return the stamp of the regular file at `path`, or None where there is none that can be read."""
    try:
        status = os.stat(path)
        if not path.is_file():
            return None
        data = path.read_bytes() if status.st_size <= LARGEST_COMPARED else None
    except OSError:
        return None
    return Stamp(status.st_ino, status.st_size, status.st_mtime_ns, "" if data is None else digest_of(data))


def compare(path: Path, stamp: Stamp) -> tuple[Disk, Stamp]:
    """Return how the file at `path` stands to `stamp`, and its stamp now (the old one if it is gone).

    A file that was only touched is the same; so is one that cannot be looked at now, such as on a drive that sleeps.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Disk.GONE, stamp
    except OSError:
        return Disk.SAME, stamp
    if (status.st_ino, status.st_size, status.st_mtime_ns) == (stamp.inode, stamp.size, stamp.modified):
        return Disk.SAME, stamp
    now = take_stamp(path)
    if now is None:
        return Disk.CHANGED, replace(stamp, inode=status.st_ino, size=status.st_size, modified=status.st_mtime_ns)
    return (Disk.CHANGED if now.differs(stamp) else Disk.SAME), now
