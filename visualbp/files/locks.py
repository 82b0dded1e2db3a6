"""Locks on files that end with the process that holds them, however it ends: the system itself lets go of them.

So there are no stale ones: neither a process number that another process has now, nor another name of the machine, nor
a restart of it makes a dead holder look alive.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def lock_descriptor(descriptor: int) -> bool:
        """Take the lock of an open file, without waiting. Return whether that could be done."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def lock_descriptor(descriptor: int) -> bool:
        """Take the lock of an open file, without waiting. Return whether that could be done."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another has it, or this file system has no locks
            return False
        return True


TRIES = 100
"""How often a lock of one's own is tried: whoever clears up holds it for a moment."""


class HeldLock:
    """A lock file that this process made and holds until `release`, which removes it."""

    def __init__(self, path: Path) -> None:
        """Make the file and hold it. Raises OSError where that cannot be done."""
        self.path = path
        for _ in range(TRIES):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            if lock_descriptor(self._descriptor) and _is_at(path, self._descriptor):
                return
            os.close(self._descriptor)
        raise OSError(f"{path}: cannot be locked")

    def release(self) -> None:
        """Remove the file and let go of it; a second time does nothing."""
        if self._descriptor < 0:
            return
        if sys.platform == "win32":  # where an open file cannot be removed
            os.close(self._descriptor)
            with suppress(OSError):  # it may have been cleared up by now
                self.path.unlink()
        else:
            with suppress(OSError):
                self.path.unlink()
            os.close(self._descriptor)
        self._descriptor = -1


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file is still the one that has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock of this file. A file that is not there is held by nobody."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # it cannot be known, and what is held is left alone
    try:
        return not lock_descriptor(descriptor)
    finally:
        os.close(descriptor)


def remove_unless_held(path: Path) -> bool:
    """Remove a file whose holder is dead. Return whether it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        dead = lock_descriptor(descriptor) and _is_at(path, descriptor)
        if dead and sys.platform != "win32":
            path.unlink()  # while it is held: nobody can take it in between
    except OSError:
        dead = False
    finally:
        os.close(descriptor)
    if dead and sys.platform == "win32":  # where an open file cannot be removed
        with suppress(OSError):
            path.unlink()
    return dead and not path.exists()
